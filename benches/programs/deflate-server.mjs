// `deflate-server.mjs LIBRARY OPTIONS`: an echo server that compresses, on a port of its own, which it tells. Asked for
// "cpu" and "memory" it says what it has used.
import { cpuMicroseconds, memory, serveRequests } from "../lib/requests.mjs";

const [, , library, options] = process.argv;

const listen = { ours: listenOurs, ws: listenWs };
const { port, engineBytes } = await listen[library](JSON.parse(options));

await serveRequests(
  { port },
  {
    // of all threads: zlib's work in `ws` is done by libuv's
    cpu: cpuMicroseconds,
    // what zlib has of the C heap, `ws`'s contexts, is in RSS alone
    memory: async () => ({ ...(await memory()), engine: engineBytes() }),
  },
);

async function listenOurs(perMessageDeflate) {
  const { WebSocketServer } = await import("../../dist/entry/node.js");
  const { memorySize } = await import("../../dist/engine/engine.js");
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1", perMessageDeflate });
  server.on("connection", (socket) => {
    socket.onmessage = (event) => socket.send(event.data);
  });
  return { port: await portOf(server), engineBytes: memorySize };
}

async function listenWs(perMessageDeflate) {
  const { WebSocketServer } = await import("ws");
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1", perMessageDeflate });
  server.on("connection", (socket) => {
    socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
  });
  return { port: await portOf(server), engineBytes: () => 0 };
}

function portOf(server) {
  return new Promise((resolve) => server.once("listening", () => resolve(server.address().port)));
}
