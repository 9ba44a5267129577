/**
 * What a connection writes whatever its peer sends, over a transport in memory: random streams, the same every time.
 */
import assert from "node:assert/strict";
import { test } from "node:test";

import { generator, hex, inner, masked, take, unmasked } from "./support.js";

/** The package's inner modules, as far as they are used here. */
interface Connection {
  start(): void;
  send(data: string | Uint8Array): void;
  onData(chunk: Uint8Array): void;
  onClose(error: Error | undefined): void;
}
interface Frames {
  receive(chunk: Uint8Array, received: unknown[]): number;
  send(data: unknown): void;
  free(): void;
}
const { EngineTrap, wasm } = await inner<{
  EngineTrap: new (cause: unknown) => Error;
  wasm: { Session: new (server: boolean, frame: number, message: number, fragments: number) => object };
}>("engine/engine.js");
const { FrameSession } = await inner<{ FrameSession: new (session: object, server: boolean) => Frames }>(
  "session/session.js",
);
const { Connection } = await inner<{
  Connection: new (session: Frames, transport: object, owner: object, settings: object) => Connection;
}>("connection/connection.js");

const newSession = (isServer: boolean) => new FrameSession(new wasm.Session(isServer, 300, 500, 10), isServer);

interface Echoing {
  readonly connection: Connection;
  readonly written: Uint8Array[];
  readonly ends: unknown[][];
}

/** Our connection, which echoes; all that it has written; and how it ended. */
function echoing(isServer: boolean, session: Frames = newSession(isServer)): Echoing {
  const written: Uint8Array[] = [];
  const ends: unknown[][] = [];
  const transport = {
    isFull: false,
    start: () => {},
    write: (parts: readonly Uint8Array[]) => {
      written.push(...parts);
      return true;
    },
    pause: () => {},
    resume: () => {},
    end: () => {},
    destroy: () => connection.onClose(undefined),
  };
  const owner = {
    onMessage: (data: string | Uint8Array) => {
      connection.send(data);
    },
    onPing: () => {},
    onPong: () => {},
    onDrain: () => {},
    onClosing: () => {},
    onClosed: (...end: unknown[]) => ends.push(end),
  };
  const settings = { closeTimeout: 30_000, messageTimeout: 300_000, maxBufferedBytes: 1 << 20 };
  const connection = new Connection(session, transport, owner, settings);
  connection.start();
  return { connection, written, ends };
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
