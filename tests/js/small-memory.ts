/**
 * A program: a server over an engine whose memory has a small maximum, strangers that take all of it, and clients that
 * must not be harmed. Prints what became of each.
 */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { type AddressInfo, connect, type Socket } from "node:net";
import { fileURLToPath } from "node:url";

import type { WebSocket } from "websocket-component";

const PAGES = Number(process.argv[2]);
const ATTACKERS = Number(process.argv[3]);

const root = new URL("../", import.meta.resolve("websocket-component"));
const pkg = new URL("../../pkg/websocket_component_bg.wasm", import.meta.resolve("websocket-component"));
const { initialise, memorySize } = await import(new URL("engine/engine.js", root).href);
initialise(new WebAssembly.Module(withMaximum(readFileSync(fileURLToPath(pkg)), PAGES)));
const { WebSocketServer, WebSocket: Client } = await import("websocket-component");

const server = new WebSocketServer({ port: 0 });
server.on("connection", (socket) => {
  socket.addEventListener("message", ({ data }) => socket.send(data as string));
  socket.addEventListener("error", () => {});
});
await once(server, "listening");
const { port } = server.address() as AddressInfo;

const before = await Promise.all(Array.from({ length: 20 }, open));
const strangers = await Promise.all(Array.from({ length: ATTACKERS }, upgraded));
const statuses = await Promise.all(strangers.map(attack));
const after = await Promise.all(Array.from({ length: 20 }, open));
const echoes = await Promise.all([...before, ...after].map((client) => echo(client, "hello")));
const [attacked] = [memorySize()];

for (const stranger of strangers) stranger.destroy();
while (server.clients.size > before.length + after.length) await new Promise(setImmediate);
// another round of honest clients, which compress
const long = "a long message ".repeat(1000);
const honest = await Promise.all(Array.from({ length: 20 }, open));
const compressed = await Promise.all(honest.map((client) => echo(client, long)));

console.log(
  JSON.stringify({
    refused: statuses.filter((status) => status === 1013).length,
    kept: statuses.filter((status) => status === 0).length,
    echoes: echoes.filter((text) => text === "hello").length,
    compressed: compressed.filter((text) => text === long).length,
    declined: after.filter(({ extensions }) => extensions === "").length,
    extensions: honest.map(({ extensions }) => extensions).filter((extensions) => extensions !== "").length,
    attacked,
    later: memorySize(),
  }),
);
process.exit();

async function open(): Promise<WebSocket> {
  const client = new Client(`ws://127.0.0.1:${port}`);
  await new Promise((resolve, reject) => {
    client.addEventListener("open", resolve);
    client.addEventListener("error", reject);
  });
  return client;
}

/** The echo, or why there is none. */
function echo(client: WebSocket, text: string): Promise<string> {
  return new Promise((resolve) => {
    client.addEventListener("message", ({ data }) => resolve(data as string), { once: true });
    client.addEventListener("close", ({ code, reason }) => resolve(`closed: ${code} ${reason}`), { once: true });
    client.send(text);
  });
}

/** A connection that has agreed on compression, and takes nothing yet. */
async function upgraded(): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {});
  socket.write(
    "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n" +
      "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n",
  );
  const [head] = (await once(socket, "data")) as [Buffer];
  if (!head.includes("permessage-deflate")) throw new Error(`${head}`);
  return socket;
}

/** Begins a compressed message and never ends it: the status that it is closed with, or 0 if it is not. */
function attack(socket: Socket): Promise<number> {
  const message = Buffer.from([0x41, 0x83, 0, 0, 0, 0, 0xf2, 0x48, 0xcd]);
  const ping = Buffer.from([0x89, 0x80, 0, 0, 0, 0]);
  socket.write(Buffer.concat([message, ping]));
  return new Promise((resolve) => {
    socket.once("data", (frame: Buffer) => resolve(frame[0] === 0x8a ? 0 : frame.readUInt16BE(2)));
    socket.once("close", () => resolve(-1));
  });
}

/** The module, whose memory may have at most `pages` pages. */
function withMaximum(module: Buffer, pages: number): Uint8Array<ArrayBuffer> {
  let at = 8;
  for (;;) {
    const start = at;
    const id = module[at++];
    const [size, body] = unsigned(module, at);
    if (id === 5) {
      // one memory: flags, and its first size
      const [least] = unsigned(module, body + 2);
      const limits = Buffer.from([1, 1, ...leb(least), ...leb(pages)]);
      const section = Buffer.concat([Buffer.from([5, limits.length]), limits]);
      return new Uint8Array(Buffer.concat([module.subarray(0, start), section, module.subarray(body + size)]));
    }
    at = body + size;
  }
}

function unsigned(bytes: Buffer, at: number): [value: number, end: number] {
  let [value, shift] = [0, 0];
  for (let end = at; ; shift += 7) {
    const byte = bytes[end++] as number;
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80) return [value, end];
  }
}

function leb(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...leb(value >> 7)];
}
