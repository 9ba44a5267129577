// One server of a rolling deploy: `deploy-server.mjs PORT SPREAD` acknowledges every message, and drains at SIGTERM.
import process from "node:process";

import { WebSocketServer } from "websocket-component";

const [port, spread] = process.argv.slice(2).map(Number);
const server = new WebSocketServer({ port, host: "127.0.0.1" });
server.on("connection", (socket) => {
  socket.onmessage = ({ data }) => socket.send(data);
});
server.on("listening", () => console.log("listening"));
process.once("SIGTERM", async () => {
  console.log(JSON.stringify(await server.close({ code: 1012, reason: "a new version", spread, timeout: 10_000 })));
  process.exit();
});
