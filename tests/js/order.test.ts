/** The order of what is sent, where Blobs and streams are among it. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { deferred, inner } from "./support.js";

interface SendOrder {
  readonly isBusy: boolean;
  take(run: () => void, drop?: (error: Error) => void): void;
  takeSlow(run: () => Promise<unknown>, drop?: (error: Error) => void): void;
  send<T>(delayed: { size: number; read: () => T | Promise<T>; send: (data: T) => void; drop?: () => void }): void;
}
const { SendOrder } = await inner<{
  SendOrder: new (holder: { hold(size: number): () => void }, onFailed: (error: Error) => void) => SendOrder;
}>("connection/order.js");

/** An order, what happened in order, and the bytes that are counted now. */
function ordered(): { order: SendOrder; log: string[]; held: { bytes: number } } {
  const log: string[] = [];
  const held = { bytes: 0 };
  const hold = (size: number) => {
    let own = size;
    held.bytes += own;
    return () => {
      held.bytes -= own;
      own = 0;
    };
  };
  return { order: new SendOrder({ hold }, ({ message }) => log.push(`failed: ${message}`)), log, held };
}

test("a step runs at once, unless a slow one is before it", async () => {
  const { order, log } = ordered();
  order.take(() => log.push("first"));
  assert.deepEqual([log, order.isBusy], [["first"], false]);
  const { promise: slow, resolve: finish } = deferred<void>();
  order.takeSlow(() => slow.then(() => log.push("slow")));
  order.take(() => log.push("behind"));
  assert.deepEqual([log, order.isBusy], [["first"], true]);
  finish();
  while (order.isBusy) await slow;
  assert.deepEqual(log, ["first", "slow", "behind"]);
});

test("data that is read is counted until it is sent, in its turn", async () => {
  const { order, log, held } = ordered();
  const send = (data: string) => log.push(`${data}, ${held.bytes} held`);
  order.send({ size: 4, read: async () => "read", send });
  order.send({ size: 6, read: () => "behind", send });
  assert.equal(held.bytes, 10);
  while (order.isBusy) await null;
  assert.deepEqual([log, held.bytes], [["read, 6 held", "behind, 0 held"], 0]);
});

test("a step that fails ends all: those behind it are dropped, and nothing takes its place", async () => {
  const { order, log } = ordered();
  const failed = Promise.reject(new Error("unreadable"));
  order.takeSlow(
    () => failed,
    ({ message }) => log.push(`dropped: ${message}`),
  );
  order.take(
    () => log.push("ran"),
    () => log.push("dropped behind it"),
  );
  while (order.isBusy) await null;
  assert.deepEqual(log, ["dropped: unreadable", "failed: unreadable", "dropped behind it"]);
});
