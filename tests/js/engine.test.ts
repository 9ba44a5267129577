/**
 * What the engine does in one call, and what is left of its memory: what one peer costs is bounded, whatever it sends.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { constants, deflateRawSync } from "node:zlib";

import { inner, masked } from "./support.js";

interface EngineSession {
  enable_deflate(level: number, memoryLevel: number, windowBits: number): void;
  prepared_window(): number;
}
interface Session {
  receive(chunk: Uint8Array, received: unknown[], room?: number): number;
  readonly hasMore: boolean;
  readonly work: number;
  free(): void;
}
interface Engine {
  wasm: { Session: new (server: boolean, frame: number, message: number, fragments: number) => EngineSession };
}

const { wasm } = await inner<Engine>("engine/engine.js");
const { FrameSession } = await inner<{ FrameSession: new (session: object, isServer: boolean) => Session }>(
  "session/session.js",
);

/** A server's session over a connection that agreed on compression. */
function compressed(): Session {
  const session = new wasm.Session(true, 2 ** 30, 2 ** 30, 1000);
  session.enable_deflate(6, 8, 15);
  return new FrameSession(session, true);
}

/** The payload of a compressed message (RFC 7692 §7.2.1). */
function deflated(data: Uint8Array): Buffer {
  return deflateRawSync(data, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);
}

const WORK = 1024 * 1024;
/** What one call of the engine may add to that. */
const MORE = 2 * 512 * 1024 + 64 * 1024;

test("receive stops after a budget of work, and goes on without loss", (t) => {
  const session = compressed();
  t.after(() => session.free());
  const size = 16 * 1024 * 1024;
  const chunk = masked(0xc2, deflated(new Uint8Array(size)));
  assert.ok(chunk.length < 64 * 1024, "it is one chunk of the network");
  const received: unknown[] = [];
  let [taken, turns, work] = [0, 0, 0];
  do {
    taken += session.receive(chunk.subarray(taken), received);
    turns += 1;
    work += session.work;
    assert.ok(session.work <= WORK + MORE, `${session.work} in turn ${turns}`);
  } while (taken < chunk.length || session.hasMore);
  const [message] = received as [Uint8Array];
  assert.equal(received.length, 1);
  assert.ok(message.length === size && message.every((byte) => byte === 0));
  assert.ok(turns > 10, `${turns} turns`);
  assert.ok(work >= size);
});

test("compressed input counts as work, even if nothing comes of it", (t) => {
  const session = compressed();
  t.after(() => session.free());
  // empty stored blocks that are not final
  const blocks = Buffer.concat([...Array<Buffer>(50_000).fill(Buffer.from("000000ffff", "hex")), Buffer.of(0)]);
  const chunk = masked(0xc2, blocks);
  const received: unknown[] = [];
  const taken = session.receive(chunk, received);
  assert.deepEqual(received, []);
  assert.ok(taken >= 32 * 1024 && taken <= 64 * 1024, `${taken} bytes taken`);
  assert.ok(session.work >= WORK);
  for (let at = taken; at < chunk.length; ) at += session.receive(chunk.subarray(at), received);
  assert.deepEqual(
    received.map((message) => [...(message as Uint8Array)]),
    [[]],
  );
});

test("a prepared message has a compressed frame for each window that a client may ask for", async () => {
  const { PreparedMessage } = await import("websocket-component");
  const prepared = new PreparedMessage("a message for many ".repeat(100)) as unknown as {
    frame(window: number): Uint8Array;
  };
  const sizes = new Set<number>();
  for (const window of [0, 9, 15]) {
    const frame = prepared.frame(window);
    assert.equal(prepared.frame(window), frame, "it is made once");
    sizes.add(frame.length);
  }
  assert.ok(sizes.size >= 2);
  for (const [client, server] of [[8, 8] as const, [12, 12] as const, [15, 15] as const]) {
    const session = new wasm.Session(true, 2 ** 30, 2 ** 30, 1000);
    assert.equal(session.prepared_window(), 0, "without compression there is none");
    session.enable_deflate(6, 8, client);
    assert.equal(session.prepared_window(), server);
  }
});

test("strangers that take all of a small memory are refused, and others are not harmed", async () => {
  for (const [pages, strangers] of [
    [320, 450],
    [640, 900],
  ] as const) {
    const program = fileURLToPath(new URL("small-memory.js", import.meta.url));
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [program, `${pages}`, `${strangers}`]);
    assert.equal(stderr, "");
    const result = JSON.parse(stdout);
    const { refused, kept, echoes, declined, compressed, extensions, attacked, later } = result;
    assert.ok(refused + kept === strangers && refused > 0, stdout);
    assert.equal(echoes, 40, `clients before and after that send five plain bytes: ${stdout}`);
    assert.equal(declined, 20, `new handshakes decline compression: ${stdout}`);
    assert.deepEqual({ compressed, extensions }, { compressed: 20, extensions: 20 }, `later ones do not: ${stdout}`);
    assert.ok(attacked <= pages * 65536 && later === attacked, stdout);
  }
});

/** A runtime may collect all its garbage whenever the memory grows, so small steps cost more than all else. */
test("the engine's memory grows in few steps, however many unfinished messages need it", async () => {
  const { memorySize } = await inner<{ memorySize(): number }>("engine/engine.js");
  const begun = masked(0x41, Uint8Array.of(0xf2, 0x48, 0xcd)); // the beginning of a compressed "Hello"
  const sizes = new Set([memorySize()]);
  const sessions = Array.from({ length: 2000 }, () => {
    const session = compressed();
    session.receive(begun, []);
    sizes.add(memorySize());
    return session;
  });
  const [first, last] = [Math.min(...sizes), Math.max(...sizes)];
  assert.ok(last - first > 60 << 20, `${last - first} bytes`);
  // by a quarter, and by 4 MiB at least
  const most = Math.log(last / first) / Math.log(1.25) + Math.log2(last / first) + 4;
  assert.ok(sizes.size <= most, `${sizes.size} sizes, ${most} at most`);
  for (const session of sessions) session.free();
});
