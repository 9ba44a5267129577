// Two threads listen on one port by `reusePort`, and have topics by broadcastChannel. Prints, as JSON, how many
// connections each thread took, and how many of all got what one of them published.
import { once } from "node:events";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";

import { WebSocket, WebSocketServer } from "websocket-component";
import { broadcastChannel } from "websocket-component/backplane";

if (isMainThread) await main();
else serve();

function serve() {
  const { port, name } = workerData;
  const listen = { reusePort: true };
  const server = new WebSocketServer({ port, host: "127.0.0.1", listen, backplane: broadcastChannel() });
  server.on("connection", async (socket) => {
    await socket.subscribe("all");
    socket.send(name);
  });
  server.on("listening", () => parentPort.postMessage(server.address().port));
  parentPort.on("message", (text) => server.publish("all", text));
}

async function main() {
  const first = new Worker(new URL(import.meta.url), { workerData: { port: 0, name: "first" } });
  const [port] = await once(first, "message");
  const second = new Worker(new URL(import.meta.url), { workerData: { port, name: "second" } });
  await once(second, "message");
  const counts = { first: 0, second: 0 };
  const sockets = [];
  while (sockets.length < 200 && (sockets.length < 20 || counts.first === 0 || counts.second === 0)) {
    const socket = new WebSocket(`ws://127.0.0.1:${port}`);
    const [{ data }] = await once(socket, "message");
    counts[data] += 1;
    sockets.push(socket);
  }
  const answers = sockets.map((socket) => once(socket, "message"));
  first.postMessage("to all threads");
  const texts = await Promise.all(answers);
  const reached = texts.filter(([{ data }]) => data === "to all threads").length;
  console.log(JSON.stringify({ ...counts, reached }));
  process.exit();
}
