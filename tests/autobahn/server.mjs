// The echo server that Autobahn's client tests: `node server.mjs PORT`.
import { WebSocketServer } from "websocket-component";

const server = new WebSocketServer({ port: Number(process.argv[2]), host: "127.0.0.1" });
server.on("connection", (socket) => {
  socket.onmessage = (event) => socket.send(event.data);
});
