// One round trip with each of three clients against the server that a user starts: `npm run smoke`.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

import { prepare } from "./prepare.mjs";

prepare();
const { WebSocket } = await import("../dist/entry/node.js");
const { WebSocket: UndiciWebSocket } = await import("undici");
const { WebSocket: WS } = await import("ws");

const TIMEOUT = 20_000;
const bin = fileURLToPath(new URL("../dist/bin.js", import.meta.url));
const server = spawn(process.execPath, [bin, "serve", "--echo", "--port", "0"], {
  stdio: ["ignore", "pipe", "inherit"],
});
const timer = setTimeout(() => fail(new Error(`not done within ${TIMEOUT} ms`)), TIMEOUT);

try {
  const url = /ws:\S+/.exec(String((await once(server.stdout, "data"))[0]))[0];
  console.log(`started: ${url}`);
  await roundTrip("our client", new WebSocket(url));
  await roundTrip("the client of ws", new WS(url));
  if (globalThis.WebSocket) await roundTrip("the client of this Node", new globalThis.WebSocket(url));
  else await roundTrip("the client of undici", new UndiciWebSocket(url));
  server.kill("SIGTERM");
  const [code] = await once(server, "exit");
  if (code !== 0) throw new Error(`the server ended with ${code}`);
  console.log("stopped: the server ended with 0");
  clearTimeout(timer);
} catch (error) {
  fail(error);
}

async function roundTrip(name, socket) {
  socket.binaryType = "arraybuffer";
  await event(socket, "open");
  for (const message of ["Hello, größe 😀", "x".repeat(100_000)]) {
    const answer = event(socket, "message");
    socket.send(message);
    if ((await answer).data !== message) throw new Error(`${name}: the text came back changed`);
  }
  const bytes = Uint8Array.from({ length: 70_000 }, (_, index) => index);
  const answer = event(socket, "message");
  socket.send(bytes);
  if (!Buffer.from((await answer).data).equals(Buffer.from(bytes))) throw new Error(`${name}: the bytes changed`);
  socket.close(1000, "done");
  const { code, wasClean } = await event(socket, "close");
  if (code !== 1000 || !wasClean) throw new Error(`${name}: closed with ${code}, clean: ${wasClean}`);
  console.log(`${name}: text, 100 kB of text, 70 kB of bytes, closed with 1000`);
}

function event(socket, type) {
  return new Promise((resolve, reject) => {
    socket.addEventListener(type, resolve, { once: true });
    if (type !== "close") socket.addEventListener("error", (error) => reject(error.error ?? error), { once: true });
  });
}

function fail(error) {
  console.error(`smoke: ${error.message ?? error}`);
  server.kill("SIGKILL");
  process.exit(1);
}
