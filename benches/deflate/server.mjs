// An echo server in a process of its own: `fork("server.mjs", [LIBRARY, OPTIONS])`. It tells its port, answers "cpu"
// and "memory" with what it has used, and ends with its parent's channel.
import { setTimeout as sleep } from "node:timers/promises";

const [, , library, options] = process.argv;

const listen = { ours: listenOurs, ws: listenWs };
const { port, wasmBytes } = await listen[library](JSON.parse(options));

process.on("message", async (question) => {
  process.send(question === "memory" ? await memory() : cpuMicroseconds());
});
// ended by itself, it writes the profile that --cpu-prof asks for
process.on("disconnect", () => process.exit());
process.send(port);

async function listenOurs(perMessageDeflate) {
  const { WebSocketServer } = await import("../../dist/entry/node.js");
  const { memorySize } = await import("../../dist/engine.js");
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1", perMessageDeflate });
  server.on("connection", (socket) => {
    socket.onmessage = (event) => socket.send(event.data);
  });
  return { port: await portOf(server), wasmBytes: memorySize };
}

async function listenWs(perMessageDeflate) {
  const { WebSocketServer } = await import("ws");
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1", perMessageDeflate });
  server.on("connection", (socket) => {
    socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
  });
  return { port: await portOf(server), wasmBytes: () => 0 };
}

function portOf(server) {
  return new Promise((resolve) => server.once("listening", () => resolve(server.address().port)));
}

/** Of all threads: zlib's work in `ws` is done by libuv's. */
function cpuMicroseconds() {
  const { user, system } = process.cpuUsage();
  return user + system;
}

async function memory() {
  for (let round = 0; round < 4; round++) {
    global.gc();
    await sleep(50); // finalizers, and what was freed on other threads
  }
  const { rss, heapUsed, external } = process.memoryUsage();
  // Node's `external` has array buffers and wasm memory in it: adding them would count them twice; what zlib
  // has of the C heap, `ws`'s contexts, is in RSS alone
  return { rss, held: heapUsed + external, wasm: wasmBytes() };
}
