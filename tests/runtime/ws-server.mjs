// The server of `ws`: prints its port.
import { WebSocketServer } from "ws";

import { farEnd } from "../interop/peer.mjs";

const server = new WebSocketServer({ port: 0, host: "127.0.0.1", perMessageDeflate: { threshold: 0 } });
server.on("connection", (ws) => {
  const take = farEnd((data) => ws.send(data));
  ws.on("message", (data, isBinary) => take(isBinary ? data : data.toString()));
});
server.on("listening", () => console.log(server.address().port));
