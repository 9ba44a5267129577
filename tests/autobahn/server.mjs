// The echo server that Autobahn's client tests: `node server.mjs PORT [--http2]`.
import { createServer } from "node:http2";
import { WebSocketServer } from "websocket-component";

const [port, http2] = process.argv.slice(2);
const host = "127.0.0.1";
const settings = { enableConnectProtocol: true };
const server = new WebSocketServer(
  http2 === undefined
    ? { port: Number(port), host }
    : { server: createServer({ settings }).listen(Number(port), host) },
);
server.on("connection", (socket) => {
  socket.onmessage = (event) => socket.send(event.data);
});
