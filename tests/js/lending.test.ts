/** Memory that the network is lent and gives back, and chunks that are freed when they were read. */
import assert from "node:assert/strict";
import { Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";

import type { HandshakeRequest, WebSocket } from "websocket-component";

import { type Driven, driven, FrameSession, newSession, wasm } from "./driven.js";
import { masked, messages, once, RawPeer, rawClient, serve, unmasked } from "./support.js";

const SLOW = { isSlow: true, network: { givesBack: true } };
const QUICK = { network: { takesAtOnce: true, givesBack: true } };
/** As many as a network is lent memory for that it does not give back at once. */
const SIZE = 40_000;

/** A server's session without limits. */
const unlimited = () => newSession(true, 2 ** 30, 2 ** 30);

/** Sends a message of one byte, repeated; gives the part that it was written in. */
function sendTo({ connection, parts }: Driven, byte: number, size = SIZE): Uint8Array {
  connection.send(Buffer.alloc(size, byte));
  connection.flush();
  return parts.at(-1) as Uint8Array;
}

const frameOf = (byte: number) => unmasked(0x82, Buffer.alloc(SIZE, byte));

for (const isServer of [true, false]) {
  test(`the memory of a ${isServer ? "server" : "client"}'s write is used again once it was taken, and not before`, () => {
    const slow = driven(isServer, { session: newSession(isServer, 2 ** 30, 2 ** 30), ...SLOW });
    const other = driven(isServer, { session: newSession(isServer, 2 ** 30, 2 ** 30), ...SLOW });
    const [first, second] = [sendTo(slow, 1), sendTo(other, 2)];
    assert.notEqual(second.buffer, first.buffer);
    assert.deepEqual([first, second].map(Buffer.from), [slow.written[0], other.written[0]]);
    slow.taken();
    assert.equal(sendTo(other, 3).buffer, first.buffer);
    assert.deepEqual(Buffer.from(second), other.written[0]);
  });
}

test("what is taken at once is made in the same memory again, and what is not in another", () => {
  const quick = driven(true, { session: unlimited(), ...QUICK });
  const slow = driven(true, { session: unlimited(), isSlow: true, ...QUICK });
  const first = sendTo(quick, 1, 1000);
  assert.equal(sendTo(quick, 2, 1000).buffer, first.buffer);
  const kept = sendTo(slow, 3);
  assert.notEqual(sendTo(quick, 4).buffer, kept.buffer);
  assert.deepEqual(Buffer.from(kept), frameOf(3));
});

test("memory that a lost connection has is never used again", () => {
  const lost = driven(true, { session: unlimited(), ...SLOW });
  const kept = [sendTo(lost, 1), sendTo(lost, 2)];
  lost.connection.onClose(new Error("reset"));
  const others = Array.from({ length: 20 }, () => driven(true, { session: unlimited(), ...SLOW }));
  for (const other of others) assert.ok(kept.every(({ buffer }) => sendTo(other, 3).buffer !== buffer));
  assert.deepEqual(kept.map(Buffer.from), [frameOf(1), frameOf(2)]);
});

test("what others send within a write is in other memory", () => {
  for (const network of [SLOW, QUICK]) {
    const other = driven(true, { session: unlimited(), ...network });
    const first = driven(true, { session: unlimited(), ...network, onWrite: () => sendTo(other, 2) });
    const kept = sendTo(first, 1);
    assert.deepEqual([kept, other.parts[0] as Uint8Array].map(Buffer.from), [frameOf(1), frameOf(2)]);
  }
});

test("a network that gives memory back later keeps little for what is short, and one that does not keeps its own", () => {
  for (const [network, size] of [
    [{ givesBack: true }, 1000],
    [{}, SIZE],
  ] as const) {
    const slow = driven(true, { session: unlimited(), isSlow: true, network });
    const parts = [sendTo(slow, 1, size), sendTo(slow, 2, size)];
    for (const { buffer } of parts) assert.ok(buffer.byteLength < 132 * 1024, `${buffer.byteLength} bytes for ${size}`);
    assert.deepEqual(parts.map(Buffer.from), slow.written);
  }
});

/** Gives Node 20 what newer versions have. */
function withTransfer(t: TestContext): void {
  if ("transfer" in ArrayBuffer.prototype) return;
  const transfer = function (this: ArrayBuffer): ArrayBuffer {
    return structuredClone(this, { transfer: [this] });
  };
  Object.defineProperty(ArrayBuffer.prototype, "transfer", { value: transfer, configurable: true });
  t.after(() => delete (ArrayBuffer.prototype as { transfer?: unknown }).transfer);
}

/** What a chunk gives, and whether its memory is freed. */
function read(frames: Buffer, { isServer = true, isOwned = true } = {}): [received: unknown[], isFreed: boolean] {
  const session = new FrameSession(new wasm.Session(isServer, 2 ** 30, 2 ** 30, 10), isServer);
  const chunk = Uint8Array.from(frames);
  const received: unknown[] = [];
  assert.equal(session.receive(chunk, received, undefined, isOwned), frames.length);
  return [received, chunk.length === 0];
}

test("the memory of a chunk is freed when it was read, unless something is a part of it, or it is another's", (t) => {
  withTransfer(t);
  const text = "a".repeat(10_000);
  const bytes = Buffer.from(text);
  const begun = Buffer.concat([masked(0x82, bytes), masked(0x82, bytes).subarray(0, 9000)]);
  assert.deepEqual(read(masked(0x81, text)), [[text], true]);
  assert.deepEqual(read(masked(0x81, text), { isOwned: false }), [[text], false]);
  assert.deepEqual(read(unmasked(0x81, text), { isServer: false }), [[text], true]);
  assert.deepEqual(read(masked(0x82, bytes)), [[bytes], false]);
  assert.deepEqual(read(unmasked(0x82, bytes), { isServer: false }), [[bytes], false]);
  assert.deepEqual(read(begun), [[bytes], false]);
  assert.deepEqual(read(masked(0x82, bytes).subarray(0, 10_005)), [[], false]); // it will be put together in it
  assert.deepEqual(read(masked(0x02, Buffer.alloc(100_000)).subarray(0, 9000)), [[], true]);
});

test("a message whose chunks are freed comes out whole", async (t) => {
  withTransfer(t);
  const { peer, socket } = await rawClient(t);
  const payloads = [1, 2, 3].map((byte) => Buffer.alloc(300_000, byte));
  const received = messages(socket, payloads.length);
  for (const payload of payloads) peer.socket.write(masked(0x82, payload));
  const back = (await received) as ArrayBuffer[];
  assert.deepEqual(
    back.map((data) => Buffer.from(data)),
    payloads,
  );
});

/** The ways in which others see the chunks of a socket. */
const SEEN_BY: Record<string, (tcp: Socket, see: (chunk: Buffer) => void) => void> = {
  "another listener": (tcp, see) => void tcp.on("data", see),
  "a replaced emit": (tcp, see) => {
    const { emit } = tcp;
    tcp.emit = function (this: Socket, ...args: unknown[]) {
      if (args[0] === "data") see(args[1] as Buffer);
      return Reflect.apply(emit, this, args);
    };
  },
  "a replaced push": (tcp, see) => {
    const { push } = tcp;
    tcp.push = function (this: Socket, chunk: Buffer) {
      see(chunk);
      return push.call(this, chunk);
    };
  },
};

for (const [who, watch] of Object.entries(SEEN_BY)) {
  test(`what ${who} of the socket was given stays as it was`, async (t) => {
    withTransfer(t);
    const { server, port } = await serve(t);
    const connection = once(server, "connection");
    const peer = await RawPeer.connect(port);
    t.after(() => peer.socket.destroy());
    const [socket, request] = (await connection) as [WebSocket, HandshakeRequest];
    const chunks: Buffer[] = [];
    watch(request.socket as Socket, (chunk) => chunks.push(chunk));
    const frames = [masked(0x81, "a".repeat(10_000)), masked(0x82, Buffer.alloc(10_000, 7))];
    for (const frame of frames) {
      const received = messages(socket, 1);
      peer.socket.write(frame);
      await received;
      await turn();
    }
    assert.deepEqual(Buffer.concat(chunks), Buffer.concat(frames));
  });
}

test("a write that was put in the place of all sockets' may keep what it is given", async (t) => {
  const { peer, socket } = await rawClient(t);
  const { write } = Socket.prototype;
  const slow = function (this: Socket, ...args: Parameters<typeof write>) {
    if (this.remotePort !== peer.socket.localPort) return write.apply(this, args);
    setTimeout(() => write.apply(this, args), 20);
    return true;
  };
  t.mock.method(Socket.prototype, "write", slow);
  const texts = ["a", "b", "c"].map((one) => one.repeat(1000));
  for (const text of texts) {
    socket.send(text);
    await turn();
  }
  const expected = Buffer.concat(texts.map((text) => unmasked(0x81, text)));
  assert.deepEqual(await peer.bytes(expected.length), expected);
});

for (const name of ["write", "_write", "_writev"] as const) {
  test(`what a ${name} in the place of a socket's own has kept stays as it was`, async (t) => {
    const { server, port } = await serve(t);
    const connection = once(server, "connection");
    const peer = await RawPeer.connect(port);
    t.after(() => peer.socket.destroy());
    const [socket, request] = (await connection) as [WebSocket, HandshakeRequest];
    const kept: { readonly chunk: Buffer; readonly copy: Buffer }[] = [];
    const { [name]: own } = request.socket as unknown as Record<string, (...args: unknown[]) => unknown>;
    const keep = function (this: Socket, ...args: unknown[]) {
      const chunks: Buffer[] = Array.isArray(args[0]) ? args[0].map(({ chunk }) => chunk) : [args[0]];
      kept.push(...chunks.map((chunk) => ({ chunk, copy: Buffer.from(chunk) })));
      return own?.apply(this, args);
    };
    Object.assign(request.socket, { [name]: keep });
    for (const byte of [1, 2, 3]) {
      socket.send(`text ${byte}`);
      await turn();
      socket.send(Buffer.alloc(200_000, byte)); // a part of its own
      await socket.write(`behind ${byte}`);
    }
    assert.ok(kept.length >= 3);
    for (const { chunk, copy } of kept) assert.ok(copy.equals(chunk), String(copy.subarray(0, 10)));
  });
}
