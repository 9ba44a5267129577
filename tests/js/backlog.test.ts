/** Long messages of a connection, and who works beside them. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { inner, uncaughtErrors, within } from "./support.js";

interface Step {
  readonly isLong: boolean;
  readonly held: number;
  left: number;
  readonly waiters: (() => void)[];
  run(): boolean;
}
const { Backlog } = await inner<{
  Backlog: new (onWorked: () => void) => { readonly isEmpty: boolean; push(step: Step): void };
}>("connection/backlog.js");
const { later } = await inner<{ later(goOn: () => void): void }>("connection/work.js");

/** A long message of as many slices. */
function long(slices: number, onSlice: () => void): Step {
  let done = 0;
  const run = () => {
    onSlice();
    done += 1;
    return done === slices;
  };
  return { isLong: true, held: 0, left: 0, waiters: [], run };
}

/** The next turn of others who have to wait. */
const turnOfOthers = () => new Promise<void>((resolve) => later(resolve));

test("however many long messages a connection has sent, others have their turn after a few slices", async () => {
  let slices = 0;
  const backlog = new Backlog(() => {});
  for (let count = 0; count < 20; count++) backlog.push(long(1, () => slices++));
  backlog.push(long(400, () => slices++));
  const between: number[] = [];
  while (!backlog.isEmpty) {
    const before = slices;
    await turnOfOthers();
    between.push(slices - before);
  }
  assert.equal(slices, 420);
  assert.ok(Math.max(...between) <= 8, `slices between two turns: ${between.join(" ")}`);
});

/** What takes no time, of as many bytes. */
function short(left: number, onRun: () => void): Step {
  const run = () => {
    onRun();
    return true;
  };
  return { isLong: false, held: 0, left, waiters: [], run };
}

for (const [size, most] of [
  [0, 4096],
  [32 * 1024, 16],
] as const) {
  test(`however many messages of ${size} bytes wait behind a long one, others have their turn after ${most}`, async () => {
    const backlog = new Backlog(() => {});
    backlog.push(long(1, () => {}));
    let done = 0;
    for (let count = 0; count < 20_000; count++) backlog.push(short(size, () => done++));
    const between: number[] = [];
    while (!backlog.isEmpty) {
      const before = done;
      await turnOfOthers();
      between.push(done - before);
    }
    assert.equal(done, 20_000);
    assert.ok(Math.max(...between) <= most, `between two turns: ${Math.max(...between)}`);
  });
}

test("a connection whose work throws keeps no other from its own", async (t) => {
  const thrown = new Error("of the first connection");
  const errors = uncaughtErrors(t);
  let slices = 0;
  const bad = new Backlog(() => {
    throw thrown;
  });
  const good = new Backlog(() => {});
  bad.push(long(1, () => {}));
  good.push(long(3, () => slices++));
  while (!good.isEmpty) await turnOfOthers();
  assert.deepEqual([slices, errors], [3, [thrown]]);
});

test("a connection that throws when its turn comes keeps no other from its turn", async (t) => {
  const errors = uncaughtErrors(t);
  const thrown = new Error("of the first connection");
  later(() => {
    throw thrown;
  });
  await within("the turn of the second connection", turnOfOthers());
  assert.deepEqual(errors, [thrown]);
});
