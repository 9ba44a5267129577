/** What a loop sends to many connections in a turn: made once for most of them, and to each what was sent to it. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { type AddressInfo, Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";

import { PreparedMessage, type WebSocket, type WebSocketServerOptions } from "websocket-component";
import { WebSocketServer as LikeWs, type WebSocket as SocketLikeWs } from "websocket-component/ws";

import { frames, inflated, type Parsed } from "./ends.js";
import { masked, mustBeCollected, once, RawPeer, REQUEST, serve, unmasked } from "./support.js";

const MANY = 10;
/** Connections to which it is sent as it is. */
const ALONE = 3;
const OFFER = REQUEST.replace("Host:", "Sec-WebSocket-Extensions: permessage-deflate\r\nHost:");

/** Servers' sockets with their peers, in one order, and what each socket gave to the network. */
interface Crowd<S> {
  readonly sockets: S[];
  readonly peers: RawPeer[];
  readonly written: Uint8Array[][];
}

interface Emitter<S> {
  on(event: "connection", listener: (socket: S, request: IncomingMessage) => void): unknown;
}

async function crowd<S>(server: Emitter<S>, port: number, t: TestContext, request = REQUEST): Promise<Crowd<S>> {
  const all: Crowd<S> = { sockets: [], peers: [], written: [] };
  server.on("connection", (socket, { socket: tcp }) => {
    all.sockets.push(socket);
    all.written.push(spied(tcp));
  });
  while (all.peers.length < MANY) {
    const peer = await RawPeer.connect(port, request);
    all.peers.push(peer);
    t.after(() => peer.socket.destroy());
    await peer.head();
  }
  await turn();
  return all;
}

/** What is written to a socket from now on. */
function spied(socket: Socket): Uint8Array[] {
  const written: Uint8Array[] = [];
  const { _write: write } = Socket.prototype;
  socket._write = (chunk, ...rest) => {
    written.push(chunk);
    write.call(socket, chunk, ...rest);
  };
  return written;
}

async function ours(t: TestContext, options: WebSocketServerOptions = {}, request?: string): Promise<Crowd<WebSocket>> {
  const { server, port } = await serve(t, { closeTimeout: 1, ...options });
  return crowd<WebSocket>(server, port, t, request);
}

async function likeWs(t: TestContext): Promise<Crowd<SocketLikeWs>> {
  const server = new LikeWs({ port: 0, host: "127.0.0.1" });
  t.after(() => server.close());
  await once(server, "listening");
  return crowd<SocketLikeWs>(server, (server.address() as AddressInfo).port, t);
}

async function mustGet(peers: readonly RawPeer[], expected: (at: number) => Buffer): Promise<void> {
  for (const [at, peer] of peers.entries()) {
    const wanted = expected(at);
    assert.deepEqual(await peer.bytes(wanted.length), wanted, `peer ${at}`);
  }
}

/** One array, written to all but the first three. */
function mustBeOne(written: readonly Uint8Array[][]): void {
  const [first, ...others] = written.slice(ALONE);
  assert.equal(first?.length, 1);
  for (const one of others) {
    assert.equal(one.length, 1);
    assert.equal(one[0], first?.[0]);
  }
}

const LONG = "größe €".repeat(20_000);
const BYTES = Uint8Array.from({ length: 1000 }, (_, at) => at);
const FEW = BYTES.subarray(0, 65);
const messages: {
  readonly [what: string]: [data: () => string | ArrayBufferLike | Uint8Array<ArrayBuffer>, frame: Buffer];
} = {
  "a text": [() => "text", unmasked(0x81, "text")],
  "a text that is another string each time": [() => ["te", "xt"].join(""), unmasked(0x81, "text")],
  "an empty text": [() => "", unmasked(0x81)],
  "half a character": [() => "\ud800", unmasked(0x81, "\ufffd")],
  "a long text": [() => LONG, unmasked(0x81, LONG)],
  "65 bytes": [() => FEW, unmasked(0x82, FEW)],
  "an ArrayBuffer": [() => BYTES.buffer, unmasked(0x82, BYTES)],
  "a view of it": [() => new Uint8Array(BYTES.buffer, 100, 200), unmasked(0x82, BYTES.subarray(100, 300))],
};

for (const [what, [data, frame]] of Object.entries(messages)) {
  test(`${what}, sent to all by a loop, is framed once for most`, async (t) => {
    const { sockets, peers, written } = await ours(t, { perMessageDeflate: false });
    for (const socket of sockets) {
      socket.send(data());
      assert.equal(socket.bufferedAmount, frames(frame)[0]?.payload.length);
    }
    await mustGet(peers, () => frame);
    mustBeOne(written);
    await turn();
    for (const socket of sockets) {
      assert.equal(socket.bufferedAmount, 0);
      assert.equal(socket.statistics?.messagesSent, 1);
      assert.equal(socket.statistics?.messageBytesSent, frames(frame)[0]?.payload.length);
    }
  });
}

test("64 bytes, sent to all by a loop, are framed for each", async (t) => {
  const { sockets, peers, written } = await ours(t);
  const data = BYTES.subarray(0, 64);
  for (const socket of sockets) socket.send(data);
  await mustGet(peers, () => unmasked(0x82, data));
  assert.equal(new Set(written.flat()).size, MANY);
});

test("the socket whose message is sent on to all is one of them", async (t) => {
  const { sockets, peers, written } = await ours(t);
  for (const one of sockets) one.onmessage = ({ data }) => sockets.map((socket) => socket.send(data));
  peers[5]?.write(masked(0x81, "to all"));
  await mustGet(peers, () => unmasked(0x81, "to all"));
  mustBeOne(written.filter((_, at) => at !== 5));
});

test("of ws: text that is given as bytes, and bytes as text, by a loop", async (t) => {
  const { sockets, peers, written } = await likeWs(t);
  const text = Buffer.from("größe ".repeat(20));
  for (const socket of sockets) socket.send(text, { binary: false });
  await mustGet(peers, () => unmasked(0x81, text));
  mustBeOne(written);
  for (const socket of sockets) socket.send("text", { binary: true });
  await mustGet(peers, () => unmasked(0x82, "text"));
  for (const [at, socket] of sockets.entries()) socket.send(text, { binary: at % 2 === 0 });
  await mustGet(peers, (at) => unmasked(at % 2 === 0 ? 0x82 : 0x81, text));
});

test("of ws: the parts of a message that a loop sends to all", async (t) => {
  const { sockets, peers } = await likeWs(t);
  const part = "part ".repeat(20);
  for (const [fin, first] of [
    [false, 0x01],
    [false, 0x00],
    [true, 0x80],
    [true, 0x81],
  ] as const) {
    for (const socket of sockets) socket.send(part, { fin });
    await mustGet(peers, () => unmasked(first, part));
  }
});

test("bytes that change while a loop sends them reach each peer as they were", async (t) => {
  const { sockets, peers } = await ours(t);
  const scratch = new Uint8Array(100);
  const changes = [() => 7, (at: number) => at, (at: number) => Math.floor(at / 5), (at: number) => Number(at === 9)];
  for (const change of changes) {
    for (const [at, socket] of sockets.entries()) socket.send(scratch.fill(change(at)));
    await mustGet(peers, (at) => unmasked(0x82, new Uint8Array(100).fill(change(at))));
  }
  for (const socket of sockets) socket.send(scratch.fill(1));
  scratch.fill(2); // it was taken when it was sent
  await mustGet(peers, () => unmasked(0x82, new Uint8Array(100).fill(1)));
});

test("what a loop sends keeps its place among all that is sent", async (t) => {
  const { sockets, peers } = await ours(t);
  const prepared = new PreparedMessage("prepared");
  for (const socket of sockets) socket.send("first");
  for (const socket of sockets) {
    socket.send("second");
    socket.ping("!");
    socket.send(prepared);
  }
  for (const [at, socket] of sockets.entries()) socket.send(`${at}`);
  for (const socket of sockets) socket.send("first");
  const before = ["first", "second"].map((text) => unmasked(0x81, text));
  await mustGet(peers, (at) =>
    Buffer.concat([
      ...before,
      ...[unmasked(0x89, "!"), unmasked(0x81, "prepared"), unmasked(0x81, `${at}`), unmasked(0x81, "first")],
    ]),
  );
});

test("a text that is sent to each connection again and again stays what it is", async (t) => {
  const { sockets, peers } = await ours(t);
  for (let count = 0; count < 10; count++) for (const socket of sockets) socket.send("again");
  await mustGet(peers, () => Buffer.concat(Array(10).fill(unmasked(0x81, "again"))));
});

/** The next frame, of at most 64 KiB. */
async function nextFrame(peer: RawPeer): Promise<Parsed> {
  const [first = 0, short = 0] = await peer.bytes(2);
  const length = short < 126 ? short : (await peer.bytes(2)).readUInt16BE();
  return { first, key: Buffer.of(), payload: await peer.bytes(length) };
}

test("what a loop sends compressed is compressed by each connection's own options", async (t) => {
  const text = Buffer.from(randomBytes(3000)).toString("hex");
  const sizes = [];
  for (const level of [0, 1, 9]) {
    const { sockets, peers } = await ours(t, { perMessageDeflate: { level } }, OFFER);
    for (const socket of sockets) socket.send(text);
    const all = await Promise.all(peers.map(nextFrame));
    for (const { first, payload } of all) {
      assert.equal(first, 0xc1);
      assert.equal(inflated(payload), text);
      assert.equal(payload.length, all[0]?.payload.length);
    }
    sizes.push(all[0]?.payload.length ?? 0);
  }
  const [none = 0, fast = 0, best = 0] = sizes;
  assert.ok(none > text.length && fast < none && best < fast, `${sizes}`);
});

test("a text that a loop sends compressed to some, and to others not, reaches all", async (t) => {
  const text = "all work and no play makes Jack a dull boy ".repeat(100);
  const { sockets, peers } = await ours(t, {}, OFFER);
  for (const [at, socket] of sockets.entries()) socket.send(text, { compress: at % 2 === 0 });
  for (const [at, peer] of peers.entries()) {
    const { first, payload } = await nextFrame(peer);
    assert.equal(first, at % 2 === 0 ? 0xc1 : 0x81);
    assert.equal(at % 2 === 0 ? inflated(payload) : `${payload}`, text);
  }
});

test("with context takeover, each connection compresses by what it was sent before", async (t) => {
  const text = "all work and no play makes Jack a dull boy ".repeat(100);
  const options = { perMessageDeflate: { serverNoContextTakeover: false } };
  const { sockets, peers } = await ours(t, options, OFFER);
  for (const socket of sockets) socket.send(text);
  const alone = await Promise.all(peers.map(nextFrame));
  for (const { payload } of alone) assert.equal(inflated(payload), text);
  for (const socket of sockets) socket.send(text);
  for (const peer of peers) assert.ok((await nextFrame(peer)).payload.length < (alone[0]?.payload.length ?? 0));
});

for (const [what, request, options] of [
  ["plain", REQUEST, {}],
  ["compressed", OFFER, {}],
  ["compressed with takeover", OFFER, { perMessageDeflate: { serverNoContextTakeover: false } }],
] as const) {
  test(`what a loop has sent ${what} is kept no longer than its turn`, async (t) => {
    const { sockets } = await ours(t, options, request);
    const kept = (() => {
      const data = new Uint8Array(200_000).fill(1);
      for (const socket of sockets) socket.send(data);
      return new WeakRef(data.buffer);
    })();
    await mustBeCollected(kept);
  });
}

test("what a listener has answered is kept no longer", async (t) => {
  const { sockets, peers } = await ours(t);
  const [[socket], [peer]] = [sockets, peers];
  if (socket === undefined || peer === undefined) throw new Error("there are many");
  const answered = new Promise<WeakRef<ArrayBuffer>>((resolve) => {
    socket.binaryType = "arraybuffer";
    socket.onmessage = ({ data }) => {
      socket.send(data);
      resolve(new WeakRef(data));
    };
  });
  peer.write(masked(0x82, BYTES));
  assert.deepEqual(await peer.bytes(4 + BYTES.length), unmasked(0x82, BYTES));
  const kept = await answered;
  await mustBeCollected(kept);
});
