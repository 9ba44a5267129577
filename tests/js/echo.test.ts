/** Round trips with real peers: our client and server, `ws` both ways, and undici's WebSocket. */
import assert from "node:assert/strict";
import { createServer as createHttpsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";

import { WebSocket as UndiciWebSocket } from "undici";
import { WebSocket, WebSocketServer } from "websocket-component";
import WS, { WebSocketServer as WSServer } from "ws";

import { certificate, key } from "./certificate.js";
import { closed, inner, masked, messages, nextEvent, once, rawClient, serve, serveEcho, unmasked } from "./support.js";

const LENGTHS = [0, 1, 125, 126, 127, 65535, 65536, 131_072, 1_048_576];
const TEXTS = ["", "Hello", "größe", "€".repeat(42), "😀".repeat(10_000), "x".repeat(65_536), "a\u0000b"];
/** The standard keeps a byte order mark; undici 7 drops it. */
const BYTE_ORDER_MARK = "\uFEFFtext";

/** Fails in one line, as the texts are long. */
function assertTexts(received: unknown[], sent: string[]): void {
  for (const [index, text] of sent.entries()) assert.ok(received[index] === text, `text ${index}`);
}

function binary(length: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length }, (_, index) => (index * 31) & 0xff);
}

const clients: [
  string,
  (
    url: string,
  ) => EventTarget & { binaryType: string; send(data: unknown): void; close(code?: number, reason?: string): void },
][] = [
  ["our client", (url) => new WebSocket(url) as never],
  ["ws's client", (url) => new WS(url) as never],
  ["undici's client", (url) => new UndiciWebSocket(url) as never],
];

for (const [name, connect] of clients) {
  test(`${name} gets back from our server what it sends, in order, at every form of length`, async (t) => {
    const { url } = await serveEcho(t);
    const socket = connect(url);
    socket.binaryType = "arraybuffer";
    await nextEvent(socket, "open");
    const texts = name.startsWith("undici") ? TEXTS : [...TEXTS, BYTE_ORDER_MARK];
    const received = messages(socket, texts.length + LENGTHS.length);
    for (const text of texts) socket.send(text);
    for (const length of LENGTHS) socket.send(binary(length));
    const data = await received;
    assertTexts(data, texts);
    for (const [index, length] of LENGTHS.entries()) {
      const echoed = Buffer.from(data[texts.length + index] as ArrayBuffer);
      assert.ok(echoed.equals(binary(length)), `${length} bytes`);
    }
    socket.close(3001, "done");
    const event = await closed(socket);
    assert.equal(event.code, 3001);
    assert.equal(event.wasClean, true);
  });
}

test("our client gets back from ws's server what it sends, in order, at every form of length", async (t) => {
  const server = new WSServer({ port: 0, host: "127.0.0.1" });
  t.after(() => server.close());
  server.on("connection", (socket) => {
    socket.on("message", (data, isBinary) => socket.send(data as Buffer, { binary: isBinary }));
  });
  await once(server, "listening");
  const socket = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
  socket.binaryType = "arraybuffer";
  await nextEvent(socket, "open");
  const received = messages(socket, TEXTS.length + LENGTHS.length);
  for (const text of TEXTS) socket.send(text);
  for (const length of LENGTHS) socket.send(binary(length));
  const data = await received;
  assertTexts(data, TEXTS);
  for (const [index, length] of LENGTHS.entries()) {
    assert.ok(Buffer.from(data[TEXTS.length + index] as ArrayBuffer).equals(binary(length)), `${length} bytes`);
  }
  socket.close(1000, "done");
  const event = await closed(socket);
  assert.deepEqual([event.code, event.wasClean], [1000, true]);
});

test("fragments that ws sends come out as one message, with a ping between them answered", async (t) => {
  const { url, server } = await serveEcho(t);
  const connection = once(server, "connection");
  const socket = new WS(url);
  await once(socket, "open");
  const [served] = await connection;
  const pinged = nextEvent<Event & { data: Uint8Array }>(served as EventTarget, "ping");
  const pong = once(socket, "pong");
  const message = once(socket, "message");
  const euro = Buffer.from("€");
  socket.send(euro.subarray(0, 1), { fin: false, binary: false });
  socket.ping("between");
  socket.send(euro.subarray(1, 2), { fin: false });
  socket.send(euro.subarray(2), { fin: true });
  assert.equal(String((await message)[0]), "€");
  assert.equal(String((await pong)[0]), "between");
  assert.equal(Buffer.from((await pinged).data).toString(), "between");
  socket.close();
});

test("pings go both ways with their payload", async (t) => {
  const { url, server } = await serveEcho(t);
  const connection = once(server, "connection");
  const socket = new WebSocket(url);
  const [served] = (await connection) as [WebSocket];
  await nextEvent(socket, "open");
  const pong = nextEvent<Event & { data: Uint8Array }>(socket, "pong");
  const ping = nextEvent<Event & { data: Uint8Array }>(served, "ping");
  socket.ping("from the client");
  assert.equal(Buffer.from((await ping).data).toString(), "from the client");
  assert.equal(Buffer.from((await pong).data).toString(), "from the client");
  const back = nextEvent<Event & { data: Uint8Array }>(served, "pong");
  served.ping(new Uint8Array(125));
  assert.equal((await back).data.length, 125);
  assert.throws(() => socket.ping(new Uint8Array(126)), { code: "E_INVALIDARG" });
  socket.close();
  await closed(socket);
});

test("the server's selection of subprotocols reaches both sides", async (t) => {
  const { url } = await serveEcho(t, { chooseProtocol: (offered) => offered.find((name) => name === "v2.chat") });
  for (const connect of [
    () => new WebSocket(url, ["v1.chat", "v2.chat"]),
    () => new WS(url, ["v1.chat", "v2.chat"]) as unknown as WebSocket,
  ]) {
    const socket = connect();
    await nextEvent(socket, "open");
    assert.equal(socket.protocol, "v2.chat");
    socket.close();
    await closed(socket);
  }
});

test("wss works over the user's own https server", async (t) => {
  const https = createHttpsServer({ key, cert: certificate });
  const server = new WebSocketServer({ server: https, path: "/echo" });
  server.on("connection", (socket) => {
    socket.onmessage = (event) => socket.send(event.data);
  });
  https.listen(0, "127.0.0.1");
  await once(https, "listening");
  t.after(async () => {
    await server.close();
    https.close();
  });
  const { port } = https.address() as AddressInfo;
  const socket = new WebSocket(`wss://localhost:${port}/echo?a=b`, { tls: { ca: certificate, host: "127.0.0.1" } });
  const received = messages(socket, 1);
  const [secured] = await once(https, "secureConnection");
  assert.equal(secured.servername, "localhost", "Server Name Indication");
  await nextEvent(socket, "open");
  socket.send("secret");
  assert.deepEqual(await received, ["secret"]);
  socket.close();
  await closed(socket);
  const untrusting = new WebSocket(`wss://localhost:${port}/echo`);
  const error = await nextEvent<Event & { error: { code: string } }>(untrusting, "error");
  assert.equal(error.error.code, "WS_ERR_CONNECTION");
});

test("drain follows a bufferedAmount that was seen, though compressed data never filled the network", async (t) => {
  const { server, url } = await serve(t);
  const connection = once(server, "connection");
  const client = new WebSocket(url);
  const [socket] = (await connection) as [WebSocket];
  await nextEvent(client, "open");
  socket.send("x".repeat(2 << 20));
  assert.equal(socket.bufferedAmount, 2 << 20);
  await nextEvent(socket, "drain");
  assert.equal(socket.bufferedAmount, 0);
});

test("the command's server answers many long messages that compress well", async (t) => {
  const { echo } = await inner<{ echo: (socket: WebSocket) => void }>("command/echo.js");
  const { url } = await serve(t, {}, echo);
  const socket = new WebSocket(url);
  await nextEvent(socket, "open");
  const answers = messages(socket, 3);
  const text = "x".repeat(2 << 20);
  for (let count = 0; count < 3; count++) socket.send(text);
  assertTexts(await answers, [text, text, text]);
});

test("the command's server reads no more from a peer that does not read, and goes on when it does", async (t) => {
  const { echo } = await inner<{ echo: (socket: WebSocket) => void }>("command/echo.js");
  const { socket, peer } = await rawClient(t);
  socket.onmessage = null;
  echo(socket);
  const SIZE = 64 * 1024;
  const COUNT = 512;
  const message = Buffer.alloc(SIZE, "x");
  peer.socket.pause();
  for (let count = 0; count < COUNT; count++) peer.write(masked(0x82, message));
  let most = 0;
  for (let paused = 0; paused < 100; paused = socket.isPaused ? paused + 1 : 0) {
    most = Math.max(most, socket.bufferedAmount);
    await turn();
  }
  assert.ok(most <= (1 << 20) + SIZE, `${most} bytes wait`);
  peer.socket.resume();
  for (let count = 0; count < COUNT; count++) {
    assert.ok((await peer.bytes(10 + SIZE)).equals(unmasked(0x82, message)), `message ${count}`);
  }
});

test("the command's server lets a peer wait that sends empty messages alone", async (t) => {
  const { echo } = await inner<{ echo: (socket: WebSocket) => void }>("command/echo.js");
  const { socket, peer } = await rawClient(t);
  socket.onmessage = null;
  echo(socket);
  const pause = t.mock.method(socket, "pause");
  peer.write(Buffer.concat(Array.from({ length: 1 << 19 }, () => masked(0x82))));
  while (pause.mock.callCount() === 0) await turn();
  assert.equal(pause.mock.callCount(), 1);
});
