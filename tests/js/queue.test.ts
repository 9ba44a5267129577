/** What waits in order, however much of it there is. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { WebSocket } from "websocket-component";

import { closed, deferred, inner, nextEvent, once, serve, within } from "./support.js";

interface Numbered {
  readonly number: number;
}
const { Queue } = await inner<{
  Queue: new () => { readonly length: number; readonly last?: Numbered; push(item: Numbered): void; shift(): Numbered };
}>("engine/queue.js");

test("a queue gives out what came first, whatever comes meanwhile, and is empty in the end", () => {
  for (const [pushed, taken] of [
    [1, 1],
    [3, 2],
    [5000, 4999],
    [20_000, 7],
  ] as const) {
    const queue = new Queue();
    let [next, expected] = [0, 0];
    for (let round = 0; round < 5; round++) {
      for (let count = 0; count < pushed; count++) queue.push({ number: next++ });
      assert.equal(queue.last?.number, next - 1);
      for (let count = 0; count < taken; count++) assert.equal(queue.shift().number, expected++);
      assert.equal(queue.length, next - expected);
    }
    while (queue.length > 0) assert.equal(queue.shift().number, expected++);
    assert.deepEqual([expected, queue.shift(), queue.last], [next, undefined, undefined]);
  }
});

test("messages that wait behind a stream, and promises of some, come in order and once", async (t) => {
  const { server, url } = await serve(t);
  const connection = once(server, "connection") as Promise<[WebSocket]>;
  const client = new WebSocket(url);
  const [[socket]] = await Promise.all([connection, nextEvent(client, "open")]);
  const received: unknown[] = [];
  socket.onmessage = ({ data }) => received.push(data);
  const { promise: opened, resolve: goOn } = deferred<void>();
  const streamed = client.sendStream(
    (async function* () {
      yield "first";
      await opened;
    })(),
  );
  const taken: number[] = [];
  const writes: Promise<unknown>[] = [streamed];
  const COUNT = 5000; // more than a queue leaves empty before it moves up
  for (let number = 0; number < COUNT; number++) {
    if (number % 10 === 0) writes.push(client.write(`${number}`).then(() => taken.push(number)));
    else client.send(`${number}`);
  }
  const end = closed(socket);
  client.close();
  goOn();
  await within("all to be taken", Promise.all(writes));
  await end;
  assert.deepEqual(received, ["first", ...Array.from({ length: COUNT }, (_, number) => `${number}`)]);
  assert.deepEqual(
    taken,
    Array.from({ length: COUNT / 10 }, (_, index) => 10 * index),
  );
});
