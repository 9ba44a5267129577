/**
 * What is sent comes out equal: at the sizes where the drivers change their ways, in every kind, among other sockets.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createServer } from "node:http";
import { type AddressInfo, Socket } from "node:net";
import { Duplex } from "node:stream";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { TLSSocket } from "node:tls";
import { promisify } from "node:util";
import { runInNewContext } from "node:vm";

import { WebSocket, WebSocketServer } from "websocket-component";
import { WebSocket as Ws, WebSocketServer as WsServer } from "ws";

import { closed, inner, masked, messages, nextEvent, once, RawPeer, serve, serveEcho, unmasked } from "./support.js";

async function connect(url: string): Promise<WebSocket> {
  const socket = new WebSocket(url);
  socket.binaryType = "nodebuffer";
  await nextEvent(socket, "open");
  return socket;
}

/** Bytes that show when pieces are swapped, lost or doubled. */
function pattern(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at < length; at++) bytes[at] = (at * 7 + (at >> 8) + (at >> 16)) & 0xff;
  return bytes;
}

test("a byte order mark stays in the text, and half a surrogate pair becomes U+FFFD", async (t) => {
  const { url } = await serveEcho(t);
  const socket = await connect(url);
  const texts: [string, string][] = [
    ["\ufeff", "\ufeff"],
    ["\ufeffmark", "\ufeffmark"],
    [`\ufeff${"é".repeat(70_000)}`, `\ufeff${"é".repeat(70_000)}`],
    ["a\ud800b", "a\ufffdb"],
    ["\udc00", "\ufffd"],
    ["é\ud800".repeat(20_000), "é\ufffd".repeat(20_000)],
    ["\u0000", "\u0000"],
  ];
  const received = messages(socket, texts.length);
  for (const [sent] of texts) socket.send(sent);
  assert.deepEqual(
    await received,
    texts.map(([, expected]) => expected),
  );
  socket.close();
});

test("text whose UTF-8 has another length form than its UTF-16 gets the right header", async (t) => {
  const sizes = [30, 41, 42, 62, 63, 64, 125, 126, 16_383, 16_384, 21_845, 21_846, 32_767, 32_768, 43_690, 100_000];
  const texts = ["é", "€", "\u{1f600}"].flatMap((letter) => sizes.map((size) => letter.repeat(size)));
  for (const perMessageDeflate of [true, false]) {
    const { url } = await serveEcho(t, { perMessageDeflate });
    const socket = await connect(url);
    const received = messages(socket, texts.length);
    for (const text of texts) socket.send(text);
    assert.deepEqual(await received, texts);
    socket.close();
  }
});

test("binary of every size at which a buffer ends comes back equal, though its sender overwrites it", async (t) => {
  const { url } = await serveEcho(t);
  const socket = await connect(url);
  const borders = [125, 32_768, 65_535, 131_072, 131_072 + 64].flatMap((size) => [size - 14, size, size + 1]);
  const all = [...borders, 1_000_003, 5_000_011].map(pattern);
  const received = messages(socket, all.length * 2);
  for (const bytes of all) {
    const reused = Uint8Array.from(bytes);
    socket.send("between");
    socket.send(reused);
    reused.fill(0);
  }
  const back = await received;
  for (const [index, bytes] of all.entries()) {
    assert.equal(back[2 * index], "between");
    assert.ok(bytes.equals(back[2 * index + 1] as Buffer), `${bytes.length} bytes`);
  }
  socket.close();
});

test("every kind of buffer is sent as the bytes that it shows", async (t) => {
  const { url } = await serveEcho(t);
  const socket = await connect(url);
  const shared = new SharedArrayBuffer(40_000);
  new Uint8Array(shared).fill(7);
  const received = messages(socket, 5);
  socket.send(shared);
  new Uint8Array(shared).fill(8);
  socket.send(new Uint8Array(shared, 5, 3));
  socket.send(new DataView(new ArrayBuffer(8), 2, 4));
  socket.send(new Uint16Array([0x0101, 0x0202]));
  socket.send(new ArrayBuffer(0));
  const expected = [Buffer.alloc(40_000, 7), Buffer.alloc(3, 8), Buffer.alloc(4), Buffer.from([1, 1, 2, 2])];
  assert.deepEqual(await received, [...expected, Buffer.alloc(0)]);
  socket.close();
});

test("what only calls itself a buffer is sent as its string, and a buffer of another realm as its bytes", async (t) => {
  const { url } = await serveEcho(t);
  const socket = await connect(url);
  const received = messages(socket, 2);
  const pretender = { [Symbol.toStringTag]: "ArrayBuffer", byteLength: 3, toString: () => "a string" };
  socket.send(pretender as unknown as string);
  socket.send(runInNewContext("Uint8Array.of(1, 2, 3).buffer") as ArrayBuffer);
  assert.deepEqual(await received, ["a string", Buffer.from([1, 2, 3])]);
  socket.close();
});

test("sockets that send in the same turn share memory and mix nothing", async (t) => {
  const { url } = await serveEcho(t);
  const sockets = await Promise.all(Array.from({ length: 6 }, () => connect(url)));
  const rounds = 60;
  const received = sockets.map((socket) => messages(socket, rounds * 3));
  const sent = (index: number, round: number) => [
    `${index}:${round}`,
    Buffer.alloc((round * 2997) % 70_000, index),
    "é".repeat((round * 331) % 15_000),
  ];
  for (let round = 0; round < rounds; round++) {
    for (const [index, socket] of sockets.entries()) for (const data of sent(index, round)) socket.send(data);
  }
  for (const [index, all] of received.entries()) {
    const expected = Array.from({ length: rounds }, (_, round) => sent(index, round)).flat();
    assert.deepEqual(await all, expected);
  }
  for (const socket of sockets) socket.close();
});

test("a hundred thousand fragments of one byte are one message", async (t) => {
  const { url } = await serveEcho(t);
  const ws = new Ws(url);
  await once(ws, "open");
  for (let count = 0; count < 100_000; count++) ws.send("x", { fin: false });
  ws.send("", { fin: true });
  const [data] = (await once(ws, "message")) as [Buffer];
  assert.ok(data.equals(Buffer.alloc(100_000, "x")));
  ws.close();
});

test("what a slow peer does not read waits in bufferedAmount, and arrives whole when it reads", async (t) => {
  const server = new WsServer({ port: 0, host: "127.0.0.1" });
  t.after(() => server.close());
  await once(server, "listening");
  const connection = once(server, "connection");
  const socket = await connect(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const [peer] = (await connection) as [Ws];
  peer.pause();
  const block = pattern(1 << 20);
  for (let count = 0; count < 32; count++) socket.send(block);
  await new Promise((turn) => setImmediate(turn));
  assert.ok(socket.bufferedAmount >= 16 << 20, `${socket.bufferedAmount} bytes wait`);
  const drained = nextEvent(socket, "drain");
  peer.resume();
  for (let count = 0; count < 32; count++) {
    const [data] = (await once(peer, "message")) as [Buffer];
    assert.ok(block.equals(data), `message ${count}`);
  }
  await drained;
  assert.equal(socket.bufferedAmount, 0);
  const end = closed(socket);
  socket.close();
  await end;
});

test("short messages that came in one chunk stay as they were when others come", async (t) => {
  const server = new WsServer({ port: 0 });
  t.after(() => server.close());
  await once(server, "listening");
  const payloads = Array.from({ length: 700 }, (_, at) => pattern(at).subarray(at % 3));
  server.on("connection", (peer, request) => {
    const isText = request.url === "/text";
    request.socket.cork();
    for (const payload of payloads) peer.send(isText ? payload.toString("hex") : payload);
    request.socket.uncork();
  });
  const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
  for (const binaryType of ["nodebuffer", "arraybuffer"] as const) {
    const socket = new WebSocket(url);
    socket.binaryType = binaryType;
    const received = (await messages(socket, payloads.length)) as (Buffer | ArrayBuffer)[];
    assert.ok(received.every((data) => Buffer.isBuffer(data) === (binaryType === "nodebuffer")));
    assert.deepEqual(
      received.map((data) => Buffer.from(data as ArrayBuffer)),
      payloads,
    );
    socket.close();
  }
  const socket = new WebSocket(`${url}/text`);
  assert.deepEqual(
    await messages(socket, payloads.length),
    payloads.map((payload) => payload.toString("hex")),
  );
  socket.close();
});

test("a long message comes out equal wherever its first piece ends, and takes memory by what has come", async () => {
  const { wasm } = await inner<{ wasm: { Session: new (server: boolean, ...limits: number[]) => object } }>(
    "engine/engine.js",
  );
  const { FrameSession } = await inner<{
    FrameSession: new (
      session: object,
      server: boolean,
    ) => { readonly heldBytes: number; receive(chunk: Uint8Array, received: unknown[]): number; free(): void };
  }>("session/session.js");
  const payload = pattern(300_000);
  const stream = unmasked(0x82, payload);
  for (const first of [11, 1000, 20_000, 65_536, 299_999]) {
    const session = new FrameSession(new wasm.Session(false, 2 ** 30, 2 ** 30, 10), false);
    const received: unknown[] = [];
    for (let at = 0; at < first; ) at += session.receive(stream.subarray(at, first), received);
    assert.ok(session.heldBytes <= 32 * first, `${session.heldBytes} bytes held of ${first}`);
    for (let at = first; at < stream.length; ) at += session.receive(stream.subarray(at), received);
    assert.deepEqual(received, [payload]);
    session.free();
  }
});

test("foreign buffers are not written to: a request's head, and chunks of a stream that is not a socket", async (t) => {
  const http = createServer().listen(0, "127.0.0.1");
  await once(http, "listening");
  t.after(() => http.close());
  const server = new WebSocketServer({ noServer: true });
  const stream = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
  t.after(() => stream.destroy());
  const bytes = ["head", "chunk"].map((payload) => masked(0x82, payload));
  const [head, chunk] = bytes.map((one) => Buffer.from(one)) as [Buffer, Buffer];
  const received = new Promise<unknown[]>((done) => {
    http.on("upgrade", (request) => server.handleUpgrade(request, stream, head, (socket) => done(messages(socket, 2))));
  });
  const peer = await RawPeer.connect((http.address() as AddressInfo).port);
  t.after(() => peer.socket.destroy());
  while (stream.listenerCount("data") === 0) await turn();
  stream.push(chunk);
  assert.deepEqual((await received).map(String), ["head", "chunk"]);
  assert.deepEqual([head, chunk], bytes);
});

test("what was sent when a connection is given up stays in bufferedAmount, text as binary", async (t) => {
  const { url } = await serve(t, {}, (socket) => socket.pause());
  const full = Buffer.alloc(16 << 20);
  for (const data of ["Hé", Buffer.from("Hé")]) {
    const socket = await connect(url);
    socket.send(full);
    socket.send(data);
    socket.terminate();
    assert.equal(socket.bufferedAmount, full.length + 3);
    await closed(socket);
    assert.equal(socket.bufferedAmount, full.length + 3);
  }
});

/** In a program whose globals have no `Buffer`. */
const withoutBuffer = `
  import assert from "node:assert/strict";
  globalThis.CloseEvent; // that of Node 24 is made when it is first asked for, with a Buffer
  delete globalThis.Buffer;
  await import(ENTRY);
  const { wasm } = await import(ENGINE);
  const { FrameSession } = await import(SESSION);
  const session = new FrameSession(new wasm.Session(true, 1e9, 1e9, 1e9), true);
  const texts = ["first", "second", "third"];
  const key = [0xe2, 0x82, 0xc3, 0xa9]; // what follows such a byte belongs to it in UTF-8
  const maskedText = (text) => Array.from(text, (c, at) => c.charCodeAt(0) ^ key[at % 4]);
  const frame = (text) => [0x81, 0x80 | text.length, ...key, ...maskedText(text)];
  const received = [];
  session.receive(Uint8Array.from(texts.flatMap(frame)), received);
  assert.deepEqual(received, texts);
  session.sendText("é");
  assert.deepEqual(session.takeOutput(), [Uint8Array.of(0x81, 2, 0xc3, 0xa9)]);
`;

test("text is the same where there is no global Buffer", async () => {
  const places = { ENTRY: "entry/node.js", ENGINE: "engine/engine.js", SESSION: "session/session.js" };
  let program = withoutBuffer;
  for (const [name, file] of Object.entries(places)) {
    program = program.replace(name, JSON.stringify(new URL(`../dist/${file}`, import.meta.url)));
  }
  await promisify(execFile)(process.execPath, ["--input-type=module", "--eval", program]);
});

test("only a socket of the runtime is given memory that is used again, by TLS later, and no write of the application's", async () => {
  const { NodeTransport } = await inner<{
    NodeTransport: new (socket: Duplex) => { readonly takesAtOnce: boolean; readonly givesBack: boolean };
  }>("transport/node.js");
  const replaced = new Socket();
  replaced.write = () => true;
  const stream = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
  const sockets = [new Socket(), new TLSSocket(new Socket()), replaced, stream];
  const transports = sockets.map((socket) => new NodeTransport(socket));
  assert.deepEqual(
    transports.map(({ takesAtOnce, givesBack }) => [takesAtOnce, givesBack]),
    [
      [true, true],
      [false, true],
      [false, false],
      [false, false],
    ],
  );
  const { write } = Socket.prototype;
  Socket.prototype.write = () => true;
  const givesBack = transports[0]?.givesBack; // no assertion yet: its failure would be written by such a socket
  Socket.prototype.write = write;
  assert.equal(givesBack, false, "an instrumentation replaces that of all sockets");
  for (const socket of sockets) socket.destroy();
});

test("a server's frames that are made without the engine have its headers, and are refused where it refuses them", async () => {
  type EngineSession = { header(type: number, start: number, length: number): number };
  const { wasm, scratch } = await inner<{
    wasm: { Session: new (...limits: (number | boolean)[]) => EngineSession };
    scratch(): { output: Uint8Array };
  }>("engine/engine.js");
  const { FrameSession } = await inner<{
    FrameSession: new (
      session: object,
      isServer: boolean,
    ) => {
      send(data: string | Uint8Array): void;
      close(status: number, reason: string): void;
      takeOutput(): Uint8Array[];
    };
  }>("session/session.js");
  const limits = [2 ** 30, 2 ** 30, 10];
  const engine = new wasm.Session(true, ...limits);
  const session = new FrameSession(new wasm.Session(true, ...limits), true);
  for (const size of [0, 1, 125, 126, 127, 43_690, 65_535, 65_536, 131_072]) {
    for (const [type, data] of [[0, "a".repeat(size)] as const, [2, new Uint8Array(size)] as const]) {
      const header = Buffer.from(scratch().output.subarray(0, engine.header(type, 0, size)));
      session.send(data);
      const frame = Buffer.concat(session.takeOutput());
      assert.deepEqual(frame, Buffer.concat([header, Buffer.from(data)]));
    }
  }
  session.close(1000, "");
  session.takeOutput();
  for (const data of ["a", "a".repeat(1000), new Uint8Array(1)]) {
    assert.throws(() => {
      session.send(data);
      session.takeOutput();
    }, /WebSocketProtocolError/);
  }
});

test("to transfer a message takes nothing from those that came with it, or are still to be read", async (t) => {
  const { url } = await serveEcho(t);
  const socket = await connect(url);
  const payloads = Array.from({ length: 2000 }, (_, at) => pattern(100 + (at % 7)));
  const received = messages(socket, payloads.length);
  socket.addEventListener("message", ({ data }) => {
    try {
      structuredClone(data, { transfer: [(data as Buffer).buffer] });
    } catch (error) {
      assert.equal((error as Error).name, "DataCloneError");
    }
  });
  for (const payload of payloads) socket.send(payload);
  assert.deepEqual(await received, payloads);
  socket.terminate();
});
