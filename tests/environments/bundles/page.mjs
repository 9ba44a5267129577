// for a page, in which the API of `ws` is a stub that throws when called, by each of its names
import { Handle } from "websocket-component/inline";
import Inline from "websocket-component/inline/ws";
import { WebSocketServer } from "websocket-component/ws";
import WebSocket from "ws";

for (const stub of [WebSocket, WebSocketServer, Inline]) {
  let isThrown = false;
  try {
    new stub("ws://localhost");
  } catch ({ message }) {
    isThrown = message.includes("does not work in pages");
  }
  if (!isThrown) throw new Error("not a stub");
}
Handle.createClient();
console.log("OK");
