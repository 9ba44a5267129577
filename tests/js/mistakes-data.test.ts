/** The mistakes that other implementations have made with memory: whose bytes leave, whose are given out, how many. */
import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";

import {
  type CloseEvent,
  type ErrorEvent,
  PreparedMessage,
  type SocketOptions,
  WebSocket,
  WebSocketServer,
} from "websocket-component";
import { WebSocketServer as LikeWs, type WebSocket as SocketLikeWs } from "websocket-component/ws";

import {
  connector,
  FRAME,
  type Frame,
  frames,
  ROLES,
  type Role,
  summary,
  switching,
  trickle,
  wireSize,
} from "./ends.js";
import { closed, hex, masked, messages, nextEvent, once, RawPeer, serve, serveEcho, serveRaw } from "./support.js";

/** Modules of the package that it does not export. */
async function inner<T>(name: string): Promise<T> {
  return import(new URL(`../${name}`, import.meta.resolve("websocket-component")).href);
}
interface Engine {
  scratch(): { bytes: Uint8Array };
  wasm: { Session: new (server: boolean, frame: number, message: number) => { free(): void } };
}

/** Bytes of which each differs from its neighbours, and from those of the next length. */
function pattern(length: number): Buffer {
  return Buffer.from(Array.from({ length }, (_, index) => (index * 37 + length) & 255));
}

test("payloads of 0 to 67 bytes are unmasked right wherever a chunk ends", async (t) => {
  const { peer, received, socket } = await (await connector(t, "server"))();
  const expected: Buffer[] = [];
  const end = closed(socket);
  for (let length = 0; length < 68; length++) {
    const frame = masked(0x82, pattern(length));
    for (let cut = 1; cut < frame.length; cut++) {
      await trickle(peer, [frame.subarray(0, cut), frame.subarray(cut)]);
      expected.push(pattern(length));
    }
  }
  peer.write(...expected.map((payload) => masked(0x82, payload)), masked(0x88));
  peer.socket.end();
  await end;
  assert.deepEqual(received, [...expected, ...expected]);
});

test("ten thousand frames of our client, of every kind, have keys of their own, at random and not zero", async (t) => {
  const { peer, socket } = await (await connector(t, "client"))();
  const count = 10_000;
  const lengths: number[] = [];
  for (let index = 0; index < count; index += 4) {
    const long = index % 1000 === 0 ? 40_000 : 300;
    socket.send("a");
    socket.send(Buffer.of(1));
    socket.ping("b");
    socket.send(Buffer.alloc(long));
    lengths.push(1, 1, 1, long);
  }
  const keys = frames(await peer.bytes(wireSize("client", ...lengths))).map(({ key }) => key.readUInt32BE());
  assert.equal(keys.length, count);
  assert.ok(!keys.includes(0));
  // chance makes a pair in one of a hundred runs, and eleven in none
  assert.ok(new Set(keys).size > count - 11, "the keys differ");
  for (let bit = 0; bit < 32; bit++) {
    const ones = keys.filter((key) => (key >>> bit) & 1).length;
    assert.ok(Math.abs(ones - count / 2) < count / 20, `bit ${bit} is 1 in ${ones} of ${count}`);
  }
  socket.terminate();
});

/** What callers of JavaScript give instead of a string, and the string that it is. */
const others: [string, unknown, string][] = [
  ["a Uint8Array", Uint8Array.of(1, 2, 3), "1,2,3"],
  ["a Float64Array", new Float64Array(40), "0,".repeat(39).concat("0")],
  ["a BigInt64Array", BigInt64Array.of(-1n), "-1"],
  ["a DataView", new DataView(new ArrayBuffer(100)), "[object DataView]"],
  ["an ArrayBuffer", new ArrayBuffer(100), "[object ArrayBuffer]"],
  ["a number", 100, "100"],
  ["a number with a fraction", 1.5, "1.5"],
  ["null", null, "null"],
  ["an object with a length", { length: 100 }, "[object Object]"],
  ["an object that says what it is", { toString: () => "é" }, "é"],
  ["an array", [1, [2, 3]], "1,2,3"],
];

test("a close reason that is not a string is converted to one, and never sent as memory", async (t) => {
  for (const role of ROLES) {
    const connect = await connector(t, role);
    for (const [name, reason, text] of others) {
      const { peer, socket } = await connect();
      socket.close(3000, reason as string);
      const [sent] = frames(await peer.bytes(wireSize(role, 2 + Buffer.byteLength(text))));
      assert.deepEqual(sent?.payload, Buffer.concat([hex("0BB8"), Buffer.from(text)]), name);
      socket.terminate();
    }
    const { socket } = await connect();
    assert.throws(() => socket.close(3000, new Uint8Array(100) as unknown as string), { name: "SyntaxError" });
    socket.terminate();
  }
});

test("a ping, a pong and a message of what is neither string nor buffer are its string, and never memory", async (t) => {
  const notBuffers = others.filter(([, value]) => !(ArrayBuffer.isView(value) || value instanceof ArrayBuffer));
  for (const role of ROLES) {
    const { peer, socket } = await (await connector(t, role))();
    for (const [name, value, text] of notBuffers) {
      const bytes = Buffer.from(text).toString("latin1");
      socket.ping(value as string);
      socket.pong(value as string);
      socket.send(value as string);
      const sent = await peer.bytes(wireSize(role, bytes.length, bytes.length, bytes.length));
      assert.deepEqual(
        summary(sent),
        [0x89, 0x8a, 0x81].map((first) => [first, bytes]),
        name,
      );
    }
    socket.terminate();
  }
});

test("what is given out is not the engine's memory, and stays what it was when the engine's memory grows", async (t) => {
  const { scratch, wasm } = await inner<Engine>("engine/engine.js");
  const payload = pattern(100);
  const long = pattern(70_000);
  for (const role of ROLES) {
    const frame = FRAME[role];
    const { peer, socket } = await (await connector(t, role))();
    const given: Uint8Array[] = [];
    const engine = scratch().bytes.buffer;
    socket.onmessage = ({ data }) => given.push(data instanceof ArrayBuffer ? new Uint8Array(data) : data);
    for (const type of ["ping", "pong"] as const) socket.addEventListener(type, ({ data }) => given.push(data));
    const end = closed(socket);
    for (const type of ["nodebuffer", "arraybuffer"] as const) {
      socket.binaryType = type;
      peer.write(frame(0x82, payload), frame(0x02, payload.subarray(0, 9)), frame(0x80, payload.subarray(9)));
      peer.write(frame(0x82, long), frame(0x89, payload));
      await nextEvent(socket, "ping");
    }
    peer.write(frame(0x8a, payload), frame(0x88));
    peer.socket.end();
    await end;
    for (const bytes of given) {
      assert.notEqual(bytes.buffer, engine);
      // a Buffer may share its memory with others of its batch, as those of Node and of ws do
      if (!Buffer.isBuffer(bytes)) assert.deepEqual([bytes.byteOffset, bytes.buffer.byteLength], [0, bytes.length]);
    }
    const sessions = [];
    while (scratch().bytes.buffer === engine) sessions.push(new wasm.Session(true, 1e9, 1e9));
    assert.equal(engine.byteLength, 0, "the old memory is gone");
    const expected = [payload, payload, long, payload];
    assert.deepEqual(
      given.map((bytes) => Buffer.from(bytes)),
      [...expected, ...expected, payload],
    );
    for (const session of sessions) session.free();
  }
});

/** Three bytes that are said to be others, by an array, a view or a buffer. */
const liars: [string, () => ArrayBufferView | ArrayBuffer][] = [
  ...["length", "byteLength", "byteOffset", "buffer"].flatMap((name): [string, () => ArrayBufferView][] => {
    const value = name === "buffer" ? Buffer.alloc(2000, "x").buffer : 1500;
    const lie = <T extends object>(one: T) => Object.defineProperty(one, name, { value });
    return [
      [`a Uint8Array with another ${name}`, () => lie(Uint8Array.of(1, 2, 3))],
      [`a Buffer with another ${name}`, () => lie(Buffer.of(1, 2, 3))],
      [`an Int8Array with another ${name}`, () => lie(Int8Array.of(1, 2, 3))],
      [`a DataView with another ${name}`, () => lie(new DataView(Uint8Array.of(1, 2, 3).buffer))],
    ];
  }),
  ["a Uint8Array of no length", () => Object.defineProperty(Uint8Array.of(1, 2, 3), "length", { value: 0 })],
  ["a DataView of no length", () => noLength(new DataView(Uint8Array.of(1, 2, 3).buffer))],
  ["an ArrayBuffer of no length", () => noLength(Uint8Array.of(1, 2, 3).buffer)],
  ["one of a class with another length", () => new Longer([1, 2, 3])],
];

function noLength<T extends object>(one: T): T {
  return Object.defineProperty(one, "byteLength", { value: 0 });
}

class Longer extends Uint8Array {
  override get length(): number {
    return 1500;
  }
  override get byteLength(): number {
    return 1500;
  }
}

test("bytes are sent as many as there are, whatever someone says of their length, place and memory", async (t) => {
  for (const role of ROLES) {
    const { peer, socket } = await (await connector(t, role))();
    for (const [name, make] of liars) {
      socket.send(make());
      await socket.write(make());
      socket.send(new PreparedMessage(make()));
      socket.ping(make());
      socket.pong(make());
      await socket.sendStream([make()]);
      const sent = summary(await peer.bytes(wireSize(role, 3, 3, 3, 3, 3, 3, 0)));
      const expected = [0x82, 0x82, 0x82, 0x89, 0x8a, 0x02].map((first) => [first, "\x01\x02\x03"]);
      assert.deepEqual(sent, [...expected, [0x80, ""]], name);
    }
    socket.terminate();
  }
});

test("long bytes with another length, or other memory, are sent as they are, compressed too", async (t) => {
  const { server, url } = await serve(t, { perMessageDeflate: { threshold: 0 } });
  for (const compress of [true, false]) {
    const connection = once(server, "connection") as Promise<[WebSocket]>;
    const client = new WebSocket(url);
    client.binaryType = "nodebuffer";
    const [[socket]] = await Promise.all([connection, nextEvent(client, "open")]);
    for (const size of [300, 40_000, 200_000]) {
      for (const [name, value] of [["length", size + 1000] as const, ["buffer", new ArrayBuffer(2 * size)] as const]) {
        const received = messages(client, 5);
        const bytes = Object.defineProperty(Buffer.from(pattern(size)), name, { value });
        for (let count = 0; count < 5; count++) socket.send(bytes, { compress });
        for (const data of await received) assert.ok(pattern(size).equals(data as Buffer), `${name} ${size}`);
      }
    }
    client.terminate();
  }
});

test("a socket of ws sends as many bytes as there are, whatever someone says of their length", async (t) => {
  const server = new LikeWs({ port: 0, host: "127.0.0.1" });
  t.after(() => server.close());
  await once(server, "listening");
  const connection = once(server, "connection") as Promise<[SocketLikeWs]>;
  const peer = await RawPeer.connect((server.address() as AddressInfo).port);
  t.after(() => peer.socket.destroy());
  await peer.head();
  const [socket] = await connection;
  for (const [name, make] of liars) {
    socket.send(make());
    socket.ping(make());
    socket.pong(make());
    const sent = summary(await peer.bytes(wireSize("server", 3, 3, 3)));
    assert.deepEqual(
      sent,
      [0x82, 0x89, 0x8a].map((first) => [first, "\x01\x02\x03"]),
      name,
    );
  }
  socket.close(3000, Object.defineProperty(Buffer.from("abc"), "length", { value: 100 }));
  assert.deepEqual(summary(await peer.bytes(7)), [[0x88, "\x0b\xb8abc"]]);
  socket.terminate();
});

/** Buffers of ES2024, whose types are not in the library that this is compiled with. */
interface Changing {
  resize(size: number): void;
  grow(size: number): void;
}

function changing(kind: typeof ArrayBuffer | typeof SharedArrayBuffer, size: number): ArrayBuffer & Changing {
  const Kind = kind as unknown as new (size: number, options: object) => ArrayBuffer & Changing;
  return new Kind(size, { maxByteLength: size * 2 });
}

const changes: [typeof ArrayBuffer | typeof SharedArrayBuffer, (buffer: ArrayBuffer & Changing) => void][] = [
  [ArrayBuffer, (buffer) => new Uint8Array(buffer).fill(2)],
  [ArrayBuffer, (buffer) => structuredClone(buffer, { transfer: [buffer] })],
  [ArrayBuffer, (buffer) => buffer.resize(0)],
  [ArrayBuffer, (buffer) => buffer.resize(buffer.byteLength * 2)],
  [SharedArrayBuffer, (buffer) => new Uint8Array(buffer).fill(2)],
  [SharedArrayBuffer, (buffer) => buffer.grow(buffer.byteLength * 2)],
];

test("a message is what its buffer showed when it was sent, though the buffer shrinks, grows or goes away", async (t) => {
  for (const role of ROLES) {
    const { peer, socket } = await (await connector(t, role))();
    for (const size of [100, 40_000, 200_000]) {
      for (const before of ["", "a Blob that they wait for"]) {
        const expected: [number, string][] = changes.map(() => [0x82, "\u0001".repeat(size)]);
        if (before !== "") {
          socket.send(new Blob([before]));
          expected.unshift([0x82, before]);
        }
        for (const [kind, change] of changes) {
          const buffer = changing(kind, size);
          socket.send(new Uint8Array(buffer).fill(1));
          change(buffer);
        }
        const sent = await peer.bytes(wireSize(role, ...expected.map(([, payload]) => payload.length)));
        assert.deepEqual(summary(sent), expected);
      }
    }
    socket.terminate();
  }
});

test("a view is sent as long as it is when it is sent", async (t) => {
  const { url } = await serveEcho(t);
  const socket = new WebSocket(url);
  await nextEvent(socket, "open");
  socket.binaryType = "nodebuffer";
  const [shrunk, grown] = [changing(ArrayBuffer, 8), changing(SharedArrayBuffer, 8)];
  const views = [new Uint8Array(shrunk, 4), new Uint8Array(grown, 4)];
  shrunk.resize(6);
  grown.grow(16);
  const received = messages(socket, 2);
  for (const view of views) socket.send(view.fill(7));
  assert.deepEqual(await received, [Buffer.alloc(2, 7), Buffer.alloc(12, 7)]);
  socket.close();
});

test("Blobs, what is sent between them, and the close behind them leave in the order of the calls", async (t) => {
  for (const role of ROLES) {
    const { peer, socket } = await (await connector(t, role))();
    const sizes = [1 << 20, 0, 70_000, 1];
    for (const size of sizes) {
      socket.send(new Blob([Buffer.alloc(size, "b")]));
      socket.send(`text behind ${size}`);
      socket.send(Buffer.from(`bytes behind ${size}`));
    }
    socket.close(3000, "last");
    const expected = sizes.flatMap((size): [number, string][] => [
      [0x82, "b".repeat(size)],
      [0x81, `text behind ${size}`],
      [0x82, `bytes behind ${size}`],
    ]);
    const closing: [number, string] = [0x88, "\x0b\xb8last"];
    const all = [...expected, closing];
    const sent = await peer.bytes(wireSize(role, ...all.map(([, payload]) => payload.length)));
    assert.deepEqual(summary(sent), all);
    socket.terminate();
  }
});

/** Every way to give limits. */
const entries: [string, Role, (t: TestContext, limits: SocketOptions) => Promise<[WebSocket, RawPeer]>][] = [
  ["a server with a port", "server", async (t, limits) => peerOf(t, await serve(t, limits))],
  [
    "a server that was given",
    "server",
    (t, limits) => peerOfHttp(t, (http) => new WebSocketServer({ ...limits, server: http })),
  ],
  ["handleUpgrade", "server", (t, limits) => peerOfHttp(t, (http) => byHand(http, limits))],
  ["a client's second argument", "client", (t, limits) => serverOf(t, (url) => new WebSocket(url, limits))],
  ["a client's third argument", "client", (t, limits) => serverOf(t, (url) => new WebSocket(url, "chat", limits))],
];

async function peerOf(
  t: TestContext,
  { server, port }: { server: WebSocketServer; port: number },
): Promise<[WebSocket, RawPeer]> {
  const connection = once(server, "connection");
  const peer = await RawPeer.connect(port);
  t.after(() => peer.socket.destroy());
  await peer.head();
  return [((await connection) as [WebSocket])[0], peer];
}

async function peerOfHttp(t: TestContext, serveOn: (http: Server) => WebSocketServer): Promise<[WebSocket, RawPeer]> {
  const http = createServer().listen(0, "127.0.0.1");
  await once(http, "listening");
  const server = serveOn(http);
  t.after(async () => {
    await server.close();
    http.close();
  });
  return peerOf(t, { server, port: (http.address() as AddressInfo).port });
}

function byHand(http: Server, limits: SocketOptions): WebSocketServer {
  const server = new WebSocketServer({ ...limits, noServer: true });
  http.on("upgrade", (request, socket, head) => server.handleUpgrade(request, socket, head));
  return server;
}

async function serverOf(t: TestContext, connect: (url: string) => WebSocket): Promise<[WebSocket, RawPeer]> {
  let resolve: (peer: RawPeer) => void;
  const connected = new Promise<RawPeer>((done) => {
    resolve = done;
  });
  const socket = connect(await serveRaw(t, (peer) => resolve(peer)));
  const peer = await connected;
  const request = await peer.head();
  const selected = request.includes("chat") ? ["Sec-WebSocket-Protocol: chat"] : [];
  peer.write(switching(request, ...selected));
  await nextEvent(socket, "open");
  return [socket, peer];
}

/** What is as large as it may be, and what is not, for limits of ten bytes. */
const sizes: [string, SocketOptions, (frame: Frame) => Buffer[], (frame: Frame) => Buffer][] = [
  ["a frame", { maxFrameSize: 10 }, (frame) => [frame(0x81, "0123456789")], (frame) => frame(0x81, "0123456789a")],
  [
    "a frame of a message",
    { maxFrameSize: 10 },
    (frame) => [frame(0x01, "0123456789"), frame(0x80, "0123456789")],
    (frame) => Buffer.concat([frame(0x01, "a"), frame(0x80, "0123456789a")]),
  ],
  ["a message", { maxMessageSize: 10 }, (frame) => [frame(0x81, "0123456789")], (frame) => frame(0x81, "0123456789a")],
  [
    "all frames of a message together",
    { maxMessageSize: 10 },
    (frame) => [frame(0x01, "01234"), frame(0x89, "not counted"), frame(0x80, "56789")],
    (frame) => Buffer.concat([frame(0x01, "01234"), frame(0x00, "56789"), frame(0x80, "a")]),
  ],
  ["a text in bytes", { maxMessageSize: 10 }, (frame) => [frame(0x81, "ééééé")], (frame) => frame(0x81, "éééééa")],
  ...["00000000FFFFFFFF", "0000000100000000", "0020000000000000", "0020000000000001", "7FFFFFFFFFFFFFFF"].map(
    (length): [string, SocketOptions, (frame: Frame) => Buffer[], (frame: Frame) => Buffer] => [
      `an announcement of ${length}`,
      {},
      (frame) => [frame(0x81, "good")],
      (frame) => hex(`82${frame === masked ? "FF" : "7F"}${length}00000000`),
    ],
  ),
];

for (const [entry, role, open] of entries) {
  test(`${entry} takes limits that what is as large passes, and what is larger does not, with 1009`, async (t) => {
    for (const [name, limits, good, bad] of sizes) {
      const [socket, peer] = await open(t, { closeTimeout: 500, ...limits });
      const received: unknown[] = [];
      socket.onmessage = (event) => received.push(event.data);
      const [error, end] = [nextEvent<ErrorEvent>(socket, "error"), closed(socket)];
      peer.write(...good(FRAME[role]), bad(FRAME[role]));
      assert.deepEqual(summary(await peer.rest()).at(-1), [0x88, "\x03\xf1"], name);
      peer.socket.end();
      assert.equal(((await error).error as { closeStatus: number }).closeStatus, 1009);
      const { code }: CloseEvent = await end;
      assert.deepEqual([received.length, code], [1, 1006]);
    }
  });
}
