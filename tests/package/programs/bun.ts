// A program for Bun, whose types of streams differ from those of Node and the DOM; it is checked, not run.
import { type MessageStream, WebSocket, WebSocketServer } from "websocket-component";

const server = new WebSocketServer({ port: 0, streamMessages: true });
server.on("connection", async (socket: WebSocket) => {
  for await (const message of socket) {
    for await (const piece of message as MessageStream) console.log(piece satisfies string | Uint8Array);
  }
});
export const socket: WebSocket<"nodebuffer"> = new WebSocket("ws://localhost");
socket.onmessage = ({ data }) => data satisfies string | Buffer;
