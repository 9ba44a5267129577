/** One direction of a proxied connection: what is decompressed, kept and passed on, and when. */
import assert from "node:assert/strict";
import { syncBuiltinESMExports } from "node:module";
import { type TestContext, test } from "node:test";
import zlib from "node:zlib";

import { unmasked as frame, garbageCollector, inner, mustBeCollected } from "./support.js";

interface Held {
  readonly number: number;
  readonly payload: Uint8Array;
}
interface Lane {
  receive(chunk: Uint8Array): void;
  hold(isOn: boolean): void;
  held(): readonly Held[];
  drop(number: number): boolean;
  release(number: number, how: { payload?: Uint8Array }): boolean;
  inject(first: number, payload: Uint8Array): void;
  whenEmpty(then: () => void): void;
  stop(): void;
}
const { Lane } = await inner<{
  Lane: new (owner: object, settings: { direction: string; isCompressed: boolean; hasTakeover: boolean }) => Lane;
}>("proxy/lane.js");

interface Fixture {
  readonly lane: Lane;
  readonly written: () => Buffer;
  readonly did: string[];
  isPaused: boolean;
  onPaused: () => void;
}

function fixture(t: TestContext, settings: { isCompressed?: boolean; hasTakeover?: boolean } = {}): Fixture {
  const parts: Uint8Array[] = [];
  const did: string[] = [];
  const owner = {
    write: (all: Uint8Array[]) => parts.push(...all),
    isFull: () => false,
    pauseSender: (isPaused: boolean) => {
      made.isPaused = isPaused;
      made.onPaused();
    },
    hasRules: () => false,
    actionsFor: () => [],
    intervened: (action: string, about: string) => did.push(`${action}: ${about}`),
    heldChanged: () => {},
    close: (status: number) => did.push(`closed with ${status}`),
  };
  const lane = new Lane(owner, { direction: "toClient", isCompressed: false, hasTakeover: false, ...settings });
  t.after(() => lane.stop());
  const made: Fixture = { lane, written: () => Buffer.concat(parts), did, isPaused: false, onPaused: () => {} };
  return made;
}

/** Counts the calls of node:zlib that decompress. */
function inflations(t: TestContext): { sync: () => number; background: () => number } {
  const sync = t.mock.method(zlib, "inflateRawSync");
  const background = t.mock.method(zlib, "createInflateRaw");
  syncBuiltinESMExports();
  t.after(() => {
    t.mock.restoreAll();
    syncBuiltinESMExports();
  });
  return { sync: () => sync.mock.callCount(), background: () => background.mock.callCount() };
}

/** Compressed messages, each of which may refer to those before it. */
function sender(): (text: Uint8Array) => Promise<Buffer> {
  const deflate = zlib.createDeflateRaw();
  const out: Buffer[] = [];
  deflate.on("data", (data) => out.push(data));
  return (payload) =>
    new Promise((resolve) => {
      deflate.write(payload);
      deflate.flush(zlib.constants.Z_SYNC_FLUSH, () => resolve(Buffer.concat(out.splice(0)).subarray(0, -4)));
    });
}

const COMPRESSED = 0xc2;

test("without context takeover, a message that nothing looks at is not decompressed", async (t) => {
  const count = inflations(t);
  const { lane, written } = fixture(t, { isCompressed: true });
  const message = frame(COMPRESSED, await sender()(Buffer.alloc(4 << 20)));
  for (let sent = 0; sent < 100; sent++) lane.receive(message);
  assert.equal(written().length, 100 * message.length);
  assert.deepEqual([count.sync(), count.background()], [0, 0]);
});

test("with it, messages are followed in the background, the sender waits for that, and a held one is read", async (t) => {
  const count = inflations(t);
  const made = fixture(t, { isCompressed: true, hasTakeover: true });
  const next = sender();
  const sent: Buffer[] = [];
  for (let count = 0; count < 32; count++) {
    const noise = Buffer.from(crypto.getRandomValues(new Uint8Array(60_000)));
    sent.push(frame(COMPRESSED, await next(noise)));
  }
  const caughtUp = new Promise<void>((resolve) => {
    made.onPaused = () => made.isPaused || resolve();
  });
  for (const message of sent) made.lane.receive(message);
  assert.ok(made.isPaused);
  assert.equal(count.sync(), 0);
  await caughtUp;
  assert.equal(count.sync(), 0);
  assert.deepEqual(made.written(), Buffer.concat(sent));
  made.lane.hold(true);
  made.lane.receive(frame(COMPRESSED, await next(Buffer.from("as before"))));
  assert.equal(Buffer.from(made.lane.held()[0]?.payload ?? []).toString(), "as before");
});

test("a few messages that were passed on are read when one that refers to them is held", async (t) => {
  const { lane } = fixture(t, { isCompressed: true, hasTakeover: true });
  const next = sender();
  for (const text of ["a first message", "a second message"]) lane.receive(frame(0xc1, await next(Buffer.from(text))));
  lane.hold(true);
  lane.receive(frame(0xc1, await next(Buffer.from("a second message, a first message"))));
  assert.equal(Buffer.from(lane.held()[0]?.payload ?? []).toString(), "a second message, a first message");
});

test("RFC 7692 §7.2.3.5: a message that is rewritten is whole, with a final block in its middle too", (t) => {
  const { lane, written } = fixture(t, { isCompressed: true, hasTakeover: true });
  lane.hold(true);
  const parts = [zlib.deflateRawSync("Hello, "), zlib.deflateRawSync("world"), Buffer.of(0)];
  lane.receive(frame(0xc1, zlib.deflateRawSync("first", { finishFlush: 2 }).subarray(0, -4)));
  lane.receive(frame(0xc1, Buffer.concat(parts)));
  lane.release(1, { payload: Buffer.from("edited") });
  lane.hold(false);
  assert.deepEqual(written(), Buffer.concat([frame(0x81, "edited"), frame(0x81, "Hello, world")]));
});

test("a held message of very many empty fragments goes on before its end", (t) => {
  const { lane, written } = fixture(t);
  lane.hold(true);
  lane.receive(frame(0x01, "a"));
  const fragments = Buffer.concat(Array.from({ length: 20_000 }, () => frame(0x00)));
  for (let count = 0; count < 10; count++) lane.receive(fragments);
  assert.equal(written().length, 3 + 10 * fragments.length);
});

test("held messages without a payload make their sender wait as well", (t) => {
  const made = fixture(t);
  made.lane.hold(true);
  const messages = Buffer.concat(Array.from({ length: 1000 }, () => frame(0x81)));
  let sent = 0;
  for (; !made.isPaused && sent < 100_000; sent += 1000) made.lane.receive(messages);
  assert.ok(sent < 20_000, `${sent} are held`);
});

test("a short message that waits does not keep a long one that came with it and was dropped", async (t) => {
  const collect = garbageCollector();
  const { lane, written } = fixture(t);
  const arrives = () => {
    const chunk = Buffer.concat([frame(0x82, new Uint8Array(60_000)), frame(0x81, "short")]);
    lane.receive(chunk);
    return new WeakRef(chunk.buffer);
  };
  lane.hold(true);
  const memory = arrives();
  assert.ok(lane.drop(1));
  collect();
  await mustBeCollected(memory);
  lane.hold(false);
  assert.deepEqual(written(), frame(0x81, "short"));
});

test("what was injected behind a message that the sender never ends does not keep the end back", (t) => {
  const { lane, written, did } = fixture(t);
  lane.receive(frame(0x01, "a"));
  lane.inject(0x81, Buffer.from("mine"));
  let hasEnded = false;
  lane.whenEmpty(() => {
    hasEnded = true;
  });
  assert.ok(hasEnded);
  assert.deepEqual(written(), frame(0x01, "a"));
  assert.match(did.join(), /dropped: text of 4 bytes/);
});

test("a message that is too large to be held waits behind a held one, with its sender", (t) => {
  const made = fixture(t);
  const { lane, written } = made;
  lane.hold(true);
  const [held, large] = [frame(0x81, "held"), frame(0x82, Buffer.alloc(17 << 20))];
  lane.receive(Buffer.concat([held, large.subarray(0, 1000)]));
  assert.equal(written().length, 0);
  assert.ok(made.isPaused);
  lane.release(1, {});
  assert.deepEqual(written(), Buffer.concat([held, large.subarray(0, 1000)]));
  assert.ok(!made.isPaused);
  lane.inject(0x89, Buffer.alloc(0)); // not into the frame
  lane.receive(large.subarray(1000));
  assert.deepEqual(written(), Buffer.concat([held, large, frame(0x89)]));
});
