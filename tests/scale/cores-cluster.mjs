// Two workers of node:cluster. Prints, as JSON, how many connections each took on the port that they share, and what
// comes of a second worker that wants the port for itself.
import cluster from "node:cluster";
import { once } from "node:events";

import { WebSocket, WebSocketServer } from "websocket-component";

if (cluster.isPrimary) await main();
else serve();

function serve() {
  const [port, exclusive] = [Number(process.env.PORT), process.env.EXCLUSIVE === "1"];
  const server = new WebSocketServer({ port, host: "127.0.0.1", listen: { exclusive } });
  server.on("connection", (socket) => socket.send(process.env.NAME));
  server.on("error", ({ code }) => process.send(code));
  server.on("listening", () => process.send(server.address().port));
}

async function start(NAME, PORT, EXCLUSIVE) {
  const worker = cluster.fork({ NAME, PORT, EXCLUSIVE });
  const [answer] = await once(worker, "message");
  return { worker, answer };
}

async function main() {
  const first = await start("first", 0, 0);
  const port = first.answer;
  const second = await start("second", 0, 0); // for workers, the same free port
  const counts = { first: 0, second: 0 };
  for (let index = 0; index < 20; index++) {
    const socket = new WebSocket(`ws://127.0.0.1:${port}`);
    const [{ data }] = await once(socket, "message");
    counts[data] += 1;
    socket.terminate();
  }
  const alone = await start("alone", 0, 1);
  const late = await start("late", alone.answer, 1);
  console.log(JSON.stringify({ ...counts, shared: second.answer === port, late: late.answer }));
  process.exit();
}
