/** The queue of Deno's and Bun's sockets, over a socket that takes nothing. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";

import { inner } from "./support.js";

interface SocketTransport {
  start(listener: object): void;
  resume(): void;
  write(parts: readonly Uint8Array[]): boolean;
  end(): void;
  hold(isHeld: boolean): void;
  send(bytes: Uint8Array): void;
  sent(count: number): void;
  sideClosed(): void;
  ended(): void;
  gone(error: Error | undefined): void;
}

const { SocketTransport } = await inner<{ SocketTransport: new () => SocketTransport }>("transport/queued.js");

/** A transport, and what it tells its listener and its socket. */
function stuck(): [transport: SocketTransport, told: string[]] {
  const told: string[] = [];
  class Stuck extends SocketTransport {
    startReading(): void {}
    stopReading(): void {}
    override send(): void {}
    closeSide(): void {
      this.sideClosed();
    }
    close(): void {}
    keep(isAlive: boolean): void {
      told.push(isAlive ? "keep" : "free");
    }
  }
  const transport = new Stuck();
  transport.start({
    onData: () => told.push("data"),
    onDrain: () => told.push("drain"),
    onEnd: () => told.push("end"),
    onClose: (error?: Error) => told.push(`close ${error?.message}`),
  });
  return [transport, told];
}

test("a socket that closes without an error is told at once if writes wait, paused or not", async () => {
  for (const isPaused of [true, false]) {
    const [transport, told] = stuck();
    if (!isPaused) transport.resume();
    await turn();
    transport.write([new Uint8Array(10)]);
    transport.gone(undefined);
    await turn();
    assert.deepEqual(told, ["close undefined"]);
  }
});

test("a socket that closes without an error while paused tells its end when it is resumed", async () => {
  const [transport, told] = stuck();
  transport.end();
  transport.gone(undefined);
  await turn();
  assert.deepEqual(told, []);
  transport.resume();
  await turn();
  assert.deepEqual(told, ["end", "close undefined"]);
});

test("a socket that need not keep the process alive does so while writes wait", () => {
  const [transport, told] = stuck();
  transport.hold(false);
  transport.write([new Uint8Array(10)]);
  transport.sent(4);
  assert.deepEqual(told, ["free", "keep"]);
  transport.sent(6);
  assert.deepEqual(told, ["free", "keep", "free"]);
  transport.write([new Uint8Array(10)]);
  transport.hold(true);
  transport.sent(10);
  transport.write([new Uint8Array(10)]);
  transport.hold(false);
  assert.deepEqual(told, ["free", "keep", "free", "keep", "keep", "keep"]);
});
