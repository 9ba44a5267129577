/** What a session makes of chunks, and of what is sent, without a connection around it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { constants, deflateRawSync } from "node:zlib";

import { frames } from "./ends.js";
import { garbageCollector, inner, masked, take, unmasked } from "./support.js";

interface Session {
  readonly counters: { framesReceived: number };
  readonly heldBytes: number;
  readonly work: number;
  readonly hasCompressed: boolean;
  receive(chunk: Uint8Array, received: unknown[]): number;
  send(data: string, compress: boolean): void;
  sendBinary(data: Uint8Array, isLast: boolean): void;
  releaseCompressor(): void;
  takeOutput(): Uint8Array[];
  free(): void;
}
interface EngineSession {
  enable_deflate(level: number, memoryLevel: number, windowBits: number): void;
}
const { scratch, wasm } = await inner<{
  scratch(): { input: Uint8Array };
  wasm: { Session: new (server: boolean, ...limits: number[]) => EngineSession };
}>("engine/engine.js");
const { FrameSession } = await inner<{ FrameSession: new (session: object, isServer: boolean) => Session }>(
  "session/session.js",
);

const finishFlush = constants.Z_SYNC_FLUSH;

function newSession(isServer: boolean, isCompressing = false): Session {
  const session = new wasm.Session(isServer, 2 ** 30, 2 ** 30, 2 ** 30);
  if (isCompressing) session.enable_deflate(6, 8, 15);
  return new FrameSession(session, isServer);
}

test("the cost of a receive, and what it counts, is of its own frames", () => {
  const session = newSession(true);
  take(session, Buffer.concat(Array<Buffer>(1000).fill(masked(0x81, "x"))));
  assert.equal(session.counters.framesReceived, 1000);
  take(session, masked(0x81, "y"));
  assert.deepEqual([session.counters.framesReceived, session.work], [1001, 1024]);
  session.free();
});

test("a receive takes 256 KiB at once, and of a longer chunk no more than a piece beyond", () => {
  const message = unmasked(0x82, Buffer.alloc(8 * 1024 - 4));
  for (const [count, least, most] of [
    [31, 31 * 8 * 1024, 31 * 8 * 1024],
    [128, 256 * 1024, 256 * 1024 + scratch().input.length],
  ] as const) {
    const session = newSession(false);
    const taken = session.receive(Buffer.concat(Array<Buffer>(count).fill(message)), []);
    assert.ok(taken >= least && taken <= most, `${taken} bytes of ${count} messages`);
    session.free();
  }
});

test("short binary messages of a chunk are copied once, together", () => {
  for (const [isServer, frame] of [
    [true, masked],
    [false, unmasked],
  ] as const) {
    const session = newSession(isServer);
    const payloads = ["one", "two", "the last"].map((text) => Buffer.from(text.repeat(2000))); // too long for the pool
    const received = take<Uint8Array>(session, Buffer.concat(payloads.map((payload) => frame(0x82, payload))));
    assert.deepEqual(received, payloads);
    assert.equal(new Set(received.map(({ buffer }) => buffer)).size, 1);
    session.free();
  }
});

test("a message whose length is announced has memory of just that length once a good part of it came", () => {
  const session = newSession(false);
  const size = 300_000;
  const stream = unmasked(0x82, Buffer.alloc(size));
  for (let at = 0; at < 20_000; ) at += session.receive(stream.subarray(at, 20_000), []);
  assert.equal(session.heldBytes, size);
  session.free();
});

test("a part of a message is the session's once it was sent, whatever its sender does to it", () => {
  for (const isServer of [true, false]) {
    const session = newSession(isServer);
    const bytes = Buffer.from("first part");
    session.sendBinary(bytes, false);
    bytes.fill(0);
    session.sendBinary(bytes, true);
    const sent = frames(Buffer.concat(session.takeOutput())).map(({ payload }) => String(payload));
    assert.deepEqual(sent, ["first part", "\0".repeat(bytes.length)]);
    session.free();
  }
});

test("texts that are decompressed to where others were are their own, not the one before", () => {
  const session = newSession(true, true);
  const compressed = (text: string) => masked(0xc1, deflateRawSync(text, { finishFlush }).subarray(0, -4));
  const chunk = Buffer.concat([
    compressed("first"),
    masked(0x89),
    compressed("other"),
    masked(0x89),
    compressed("last"),
  ]);
  const texts = take(session, chunk).filter((one) => typeof one === "string");
  assert.deepEqual(texts, ["first", "other", "last"]);
  session.free();
});

test("a compressor is kept from the first compressed message until it is released, and again from the next", () => {
  const session = newSession(true, true);
  const kept = [true, false].flatMap((compress) => {
    session.send("a message", compress);
    const { hasCompressed } = session;
    session.releaseCompressor();
    return [hasCompressed, session.hasCompressed];
  });
  assert.deepEqual(kept, [true, false, false, false]);
  session.free();
});

test("the memory of a long text in pieces is not kept for the next one", async () => {
  const collect = garbageCollector();
  const size = 16 << 20;
  const receive = () => {
    const session = newSession(false);
    const [text] = take<string>(session, unmasked(0x81, Buffer.alloc(size, "x")));
    assert.equal(text?.length, size);
    session.free();
  };
  collect();
  const most = process.memoryUsage().arrayBuffers + size / 2;
  receive();
  // what the collector has found is freed a little later
  for (let turns = 0; turns < 200 && process.memoryUsage().arrayBuffers > most; turns++) {
    collect();
    await turn();
  }
  assert.ok(process.memoryUsage().arrayBuffers <= most);
});
