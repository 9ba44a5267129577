/**
 * What a connection writes whatever its peer sends, over a transport in memory: random streams, the same every time.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";

import { type Connection, type Driven, driven, FrameSession, type Frames, newSession, wasm } from "./driven.js";
import { frames } from "./ends.js";
import { generator, hex, inner, masked, take, unmasked } from "./support.js";

const { EngineTrap } = await inner<{ EngineTrap: new (cause: unknown) => Error }>("engine/engine.js");
const { Budget } = await inner<{
  Budget: new (most: number, options: { countsSent: boolean }) => { readonly held: number };
}>("connection/budget.js");

/** Our connection, which echoes. */
function echoing(isServer: boolean, session?: Frames): Driven {
  return driven(isServer, { ...(session && { session }), onMessage: (data, connection) => connection.send(data) });
}

const FIRST = [0x81, 0x82, 0x01, 0x02, 0x00, 0x80, 0x89, 0x8a];
const BAD = [0x83, 0xc1, 0x09, 0xb8, 0x8f];

/** Frames, most of them good, and at some place one that is not. */
function randomStream(frame: typeof masked, random: () => number): Buffer {
  const pick = <T>(from: T[]) => from[Math.floor(random() * from.length)] as T;
  const some = () => frame(pick(FIRST), Buffer.alloc(Math.floor(random() * 120), "a"));
  const before = Array.from({ length: Math.floor(random() * 8) }, some);
  const after = Array.from({ length: 5 }, some);
  const end = random() < 0.2 ? frame(0x88, hex("03E8")) : frame(pick(BAD), "bad");
  return Buffer.concat([...before, end, ...after]);
}

for (const isServer of [true, false]) {
  const role = isServer ? "server" : "client";
  const frame = isServer ? masked : unmasked;

  test(`after a violation or a close nothing but the close leaves a ${role}, however the stream is split`, () => {
    const random = generator(6455);
    for (let round = 0; round < 500; round++) {
      const stream = randomStream(frame, random);
      // what the engine says that the stream has: everything is answered but what it failed at
      const reader = newSession(isServer);
      const expected = take<unknown>(reader, stream);
      reader.free();
      const last = expected.pop() as { kind: string; status: number; error?: { closeStatus: number } };
      const kinds = expected.map((one) => (one as { kind?: string }).kind ?? "message");
      const answers = kinds.filter((kind) => kind !== "pong");
      const status = last.kind === "close" ? last.status : last.error?.closeStatus;

      const { connection, written, ends } = echoing(isServer);
      for (let start = 0; start < stream.length; ) {
        const size = random() < 0.3 ? 1 : 1 + Math.floor(random() * stream.length);
        connection.onData(stream.subarray(start, start + size));
        start += size;
      }
      const peer = newSession(!isServer);
      const received = take<unknown>(peer, Buffer.concat(written));
      peer.free();
      const close = received.pop() as { kind: string; status: number };
      assert.deepEqual([close.kind, close.status], ["close", status], `round ${round}`);
      assert.deepEqual(
        received.map((one) => (one as { kind?: string }).kind ?? "message"),
        answers.map((kind) => (kind === "ping" ? "pong" : kind)),
        `round ${round}`,
      );
      const length = written.reduce((sum, part) => sum + part.length, 0);
      connection.onData(stream);
      assert.equal(
        written.reduce((sum, part) => sum + part.length, 0),
        length,
        "and nothing follows",
      );
      connection.onClose(undefined);
      assert.equal(ends.length, 1);
    }
  });
}

test("a trap while something is sent ends the connection at once, and is the reason", () => {
  for (const isServer of [true, false]) {
    const session = newSession(isServer);
    const trap = new EngineTrap(new WebAssembly.RuntimeError("unreachable"));
    session.send = () => {
      throw trap;
    };
    const { connection, ends } = echoing(isServer, session);
    connection.send("lost");
    assert.deepEqual(ends, [[1006, "", false, trap]]);
  }
});

test("a violation is reported once, though decompressed bytes waited before it", async () => {
  const { deflateRawSync, constants } = await import("node:zlib");
  const bomb = deflateRawSync(Buffer.alloc(300_000), { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);
  const inner = new wasm.Session(true, 1e9, 100_000, 1e9) as { enable_deflate(...settings: number[]): void };
  inner.enable_deflate(6, 8, 15);
  const session = new FrameSession(inner, true);
  const received = take<{ kind: string }>(session, masked(0xc2, bomb));
  assert.deepEqual(
    received.map(({ kind }) => kind),
    ["failed"],
  );
  session.free();
});

test("a trap while something is received ends the connection at once, and is the reason", () => {
  for (const isServer of [true, false]) {
    const session = newSession(isServer);
    const error = new EngineTrap(new WebAssembly.RuntimeError("unreachable"));
    session.receive = (chunk, received) => {
      received.push({ kind: "trapped", error });
      return chunk.length;
    };
    const { connection, ends } = echoing(isServer, session);
    connection.onData(hex("8a00"));
    assert.deepEqual(ends, [[1006, "", false, error]]);
  }
});

test("a connection that is paused before anything came ends with its transport", () => {
  const { connection, ends } = driven(true);
  connection.pause();
  connection.onClose(undefined);
  assert.deepEqual(
    ends.map(([status]) => status),
    [1006],
  );
});

test("a connection that is closing is not paused: the peer's close has to be read", () => {
  const { connection, ends } = driven(true);
  connection.close(1000, "");
  connection.pause();
  assert.equal(connection.isPaused, false);
  connection.onData(masked(0x88, hex("03e8")));
  connection.onClose(undefined);
  assert.deepEqual(ends, [[1000, "", true, undefined]]);
});

test("no pong that is owed, of many pings that came together, follows the close of a violation", () => {
  const { connection, written } = driven(true);
  connection.onData(Buffer.concat([...Array<Buffer>(40).fill(masked(0x89, "?")), masked(0x83)]));
  connection.onDrain();
  connection.flush();
  const firsts = frames(Buffer.concat(written)).map(({ first }) => first);
  assert.deepEqual(firsts, [...Array<number>(16).fill(0x8a), 0x88]);
});

test("a message may take all of maxBufferedBytes with its longest header, and not a byte more", () => {
  const most = 10_000;
  for (const fits of ["x".repeat(most - 14), "ü".repeat(most / 2 - 7), Buffer.alloc(most - 14)]) {
    const isText = typeof fits === "string";
    for (const data of [fits, isText ? `${fits}x` : Buffer.alloc(most - 13)]) {
      const { connection, written } = driven(true, { settings: { maxBufferedBytes: most } });
      connection.send(data);
      connection.flush();
      const expected = data === fits ? [isText ? 0x81 : 0x82] : [0x88];
      assert.deepEqual(
        frames(Buffer.concat(written)).map(({ first }) => first),
        expected,
      );
    }
  }
});

test("what waited counts no longer when it was delivered, or was taken", async () => {
  const message = unmasked(0x82, Buffer.alloc(30_000));
  const ways: [string, (own: Connection) => void, (own: Connection) => void][] = [
    ["delivered", (own) => own.pause(), (own) => own.resume()],
    ["taken", (own) => own.demand("held"), (own) => [own.take(), own.take()]],
  ];
  for (const [name, hold, give] of ways) {
    const { connection, received, written } = driven(false, {
      session: newSession(false, 2 ** 30, 2 ** 30),
      settings: { maxBufferedBytes: 128 * 1024 },
      onMessage: (_, own) => received.length === 1 && hold(own),
    });
    await turn();
    connection.onData(Buffer.concat([message, message, message]));
    assert.equal(received.length, 1);
    give(connection);
    connection.send(Buffer.alloc(100_000));
    connection.flush();
    assert.deepEqual(
      frames(Buffer.concat(written)).map(({ first }) => first),
      [0x82],
      name,
    );
  }
});

test("messages of a chunk that is the connection's own are parts of it, also behind one that is not", () => {
  const { connection, received } = driven(false);
  const chunk = Uint8Array.from(Buffer.concat([unmasked(0x82, "one"), unmasked(0x82, "two")]));
  connection.onData(chunk, true);
  for (const message of received.splice(0)) assert.equal((message as Uint8Array).buffer, chunk.buffer);
  connection.onData(chunk);
  for (const message of received) assert.notEqual((message as Uint8Array).buffer, chunk.buffer);
});

test("what was sent and has not left counts in a budget, unless it counts what came alone", () => {
  const payload = Buffer.alloc(50_000);
  for (const countsSent of [true, false]) {
    const budget = new Budget(1e6, { countsSent });
    const { connection, taken } = driven(true, { isSlow: true, settings: { budget } });
    connection.send(payload);
    connection.flush();
    assert.equal(budget.held >= payload.length, countsSent);
    taken();
    assert.equal(budget.held, 0);
  }
});

test("chunks that come while nothing is delivered are kept in their order, and as they were", async () => {
  const { connection, received } = driven(false);
  await turn();
  connection.pause();
  const stream = Buffer.concat(["first", "second", "third"].map((text) => unmasked(0x81, text)));
  for (let at = 0; at < stream.length; at += 5) {
    const chunk = Buffer.from(stream.subarray(at, at + 5));
    connection.onData(chunk);
    chunk.fill(0); // the network uses its memory again
  }
  connection.resume();
  assert.deepEqual(received, ["first", "second", "third"]);
});

test("after a message, 4,096 pings beyond the 16 of each packet are taken, and not one more", () => {
  const { connection, written } = driven(true);
  const beyond = (count: number) => {
    connection.onData(Buffer.concat(Array<Buffer>(16 + count).fill(masked(0x89))));
    connection.flush();
    return frames(Buffer.concat(written)).some(({ first }) => first === 0x88);
  };
  beyond(50);
  connection.onData(masked(0x81, "a message"));
  for (let count = 0; count < 4000; count += 100) assert.equal(beyond(100), false);
  assert.equal(beyond(96), false);
  assert.equal(beyond(1), true);
});

test("what is sent while the network is given something is not taken with that", () => {
  const taken: string[] = [];
  const inMiddle = [
    () => {
      const { connection } = all;
      connection.send("second");
      assert.equal(connection.countBuffered(), 11);
      connection.whenTaken(() => taken.push("second"));
    },
  ];
  const all = driven(true, { isSlow: true, onWrite: () => inMiddle.pop()?.() });
  const { connection } = all;
  connection.send("first");
  connection.whenTaken(() => taken.push("first"));
  connection.flush();
  all.taken();
  assert.deepEqual(taken, ["first"]);
  assert.equal(connection.countBuffered(), 6);
  connection.flush();
  all.taken();
  assert.deepEqual(taken, ["first", "second"]);
  assert.equal(connection.countBuffered(), 0);
});
