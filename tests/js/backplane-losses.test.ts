/** Losses between processes: each is reported, by the next message or by the position of a process. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";

import type { Backplane, BackplaneEvent, BackplaneState } from "websocket-component";

import { Bus, processOn, publishEach, socketWith, stopClock, until } from "./bus.js";

/** Two processes, of which the second subscribes to `a`; its engine's state is its own. */
async function pair(over: Partial<Backplane> = {}) {
  const bus = new Bus();
  let become = (_state: BackplaneState): void => {};
  const here = processOn(bus, over);
  const there = processOn(bus, {
    onState: (listener) => {
      become = listener;
    },
  });
  await there.topics.subscribe(there.socket, "a");
  return { bus, here, there, become: (state: BackplaneState) => become(state) };
}

/** Lets topics fall silent, whose positions are lost too. */
async function silence(bus: Bus, move: (time: number) => void, topics = 1): Promise<void> {
  let count = 0;
  bus.loses = () => {
    count += 1;
    return true;
  };
  move(1000);
  await until(() => count === topics);
  move(10_000);
  await until(() => count === 2 * topics);
  bus.loses = () => false;
}

test("a process that was away asks what it has missed, also of topics that are silent since", async (t) => {
  const move = stopClock(t);
  t.mock.method(Math, "random", () => 0);
  const { bus, here, there, become } = await pair();
  await publishEach(here.topics, "a", "1");
  become("down");
  bus.loses = () => true;
  await publishEach(here.topics, "a", "2", "3");
  await silence(bus, move);
  become("up");
  await until(() => there.missed() > 0);
  await publishEach(here.topics, "a", "4");
  assert.deepEqual([there.received, there.missed()], [["1", "4"], 2]);
});

test("a topic that was silent for less than ten minutes counts on", async (t) => {
  const move = stopClock(t);
  const { bus, here, there } = await pair();
  await publishEach(here.topics, "a", "1");
  bus.loses = () => true;
  await publishEach(here.topics, "a", "2", "3");
  await silence(bus, move);
  move(580_000);
  await publishEach(here.topics, "a", "4");
  assert.deepEqual([there.received, there.missed()], [["1", "4"], 2]);
});

test("a topic that was silent for more than ten minutes counts anew, and loses nothing", async (t) => {
  const move = stopClock(t);
  const { bus, here, there } = await pair();
  await publishEach(here.topics, "a", "1", "2");
  await silence(bus, move);
  move(600_001);
  await publishEach(here.topics, "a", "3", "4");
  assert.deepEqual([there.received, there.missed()], [["1", "2", "3", "4"], 0]);
});

test("a process that was away alone for twenty minutes and more says nothing of what came before as a loss", async (t) => {
  const move = stopClock(t);
  let become = (_state: BackplaneState): void => {};
  const { bus, here, there } = await pair({
    onState: (listener) => {
      become = listener;
    },
  });
  move(1);
  await publishEach(here.topics, "a", "1", "2");
  become("down");
  bus.loses = () => true;
  move(1_200_001);
  bus.loses = () => false;
  become("up");
  await publishEach(here.topics, "a", "3");
  assert.deepEqual([there.received, there.missed()], [["1", "2", "3"], 0]);
});

test("of more than 10,000 silent topics, those that are silent longest count anew, and no number comes twice", async (t) => {
  const move = stopClock(t);
  const { bus, here, there } = await pair();
  await publishEach(here.topics, "a", "1", "2", "3");
  await silence(bus, move);
  for (const [from, to] of [
    [0, 40_000],
    [40_000, 65_535],
  ] as const) {
    for (let index = from; index < to; index++) here.topics.publish(`room ${index}`, "x");
    await turn();
    await turn();
    await silence(bus, move, to - from);
  }
  await publishEach(here.topics, "a", "4", "5");
  assert.deepEqual([there.received, there.missed()], [["1", "2", "3", "4", "5"], 0]);
});

test("a question is answered for 1,000 topics at a time", async (t) => {
  t.mock.method(Math, "random", () => 0);
  stopClock(t);
  const { bus, here, become } = await pair();
  for (let index = 0; index < 1500; index++) here.topics.publish(`room ${index}`, "x");
  await turn();
  await turn();
  let count = 0;
  bus.loses = () => {
    count += 1;
    return false;
  };
  become("down");
  become("up");
  await until(() => count > 0);
  assert.equal(count, 1000);
  await until(() => count > 1000);
  assert.equal(count, 1500);
});

test("messages that were lost before the first that came are reported while a topic is busy", async (t) => {
  const move = stopClock(t);
  const { bus, here, there } = await pair();
  bus.loses = () => true;
  move(1); // the numbering is younger than the subscription
  await publishEach(here.topics, "a", "1", "2");
  bus.loses = () => false;
  for (const end = Date.now() + 3000; there.missed() === 0 && Date.now() < end; move(50)) {
    await publishEach(here.topics, "a", "on");
  }
  assert.deepEqual(
    there.events.filter(({ state }) => state === "gap"),
    [{ state: "gap", topic: "a", missed: 2 }],
  );
});

test("a process that cannot be asked says so, and tries again when the engine is back", async () => {
  const cause = new Error("no");
  let refusals = 0;
  const bus = new Bus();
  const here = processOn(bus, {
    subscribe: async () => {
      refusals += 1;
      throw cause;
    },
  });
  await publishEach(here.topics, "a", "1", "2");
  const [{ topic, error }] = here.events as [BackplaneEvent & { state: "error" }];
  assert.deepEqual([topic, error.cause, refusals, here.events.length], ["", cause, 1, 1]);
  bus.become("down");
  bus.become("up");
  assert.equal(refusals, 2);
});

test("about 64 MiB wait for an engine that stalls: the rest is told once here, and missed there", async (t) => {
  stopClock(t);
  let waiting: (() => void)[] = [];
  let isStalled = true;
  const { bus, here, there } = await pair({
    publish: async (topic, bytes) => {
      if (isStalled) await new Promise<void>((resolve) => waiting.push(resolve));
      bus.send(topic, bytes);
    },
  });
  const message = "x".repeat(1024 * 1024);
  for (let index = 0; index < 70; index++) await publishEach(here.topics, "a", message);
  const taken = waiting.length;
  assert.ok(taken >= 63 && taken <= 66, `${taken}`); // what is left of earlier turns counts
  const [{ state, error }] = here.events as [BackplaneEvent & { state: "error" }];
  assert.deepEqual([state, here.events.length], ["error", 1]);
  assert.match(`${error.cause}`, /RangeError: 67108864 bytes wait/);
  isStalled = false;
  for (const resolve of waiting) resolve();
  waiting = [];
  await publishEach(here.topics, "a", "after");
  assert.deepEqual([there.received.length, there.received.at(-1), there.missed()], [taken + 1, "after", 70 - taken]);
  isStalled = true;
  for (let index = 0; index < 70; index++) await publishEach(here.topics, "a", message);
  assert.equal(here.events.length, 2, "another stall is told again");
});

test("each call that waits counts, however short its message", async (t) => {
  stopClock(t);
  let calls = 0;
  const { here } = await pair({
    publish: () => {
      calls += 1;
      return new Promise(() => {});
    },
  });
  for (let index = 0; index < 70_000; index++) {
    here.topics.publish(`${index}`, "");
    if (index % 100 === 0) await turn();
  }
  await turn();
  await turn();
  assert.ok(calls > 60_000 && calls < 66_000, `${calls}`);
});

test("an engine that takes what it is given gets all of a turn, however much that is", async (t) => {
  stopClock(t);
  const { bus, here, there } = await pair({
    publish: async (topic, bytes) => {
      await turn();
      bus.send(topic, bytes);
    },
  });
  const message = "x".repeat(1024 * 1024);
  for (let index = 0; index < 70; index++) here.topics.publish("a", message);
  for (let index = 0; index < 4; index++) await turn();
  assert.deepEqual([there.received.length, here.events, there.missed()], [70, [], 0]);
});

test("a subscription that waits for the engine ends with its socket, and with its topics", async () => {
  const invalid = { code: "WS_ERR_INVALID_STATE" };
  const { topics, socket } = processOn(new Bus(), { subscribe: () => new Promise(() => {}) });
  const other = socketWith([]);
  const ended = assert.rejects(topics.subscribe(socket, "a"), invalid);
  socket.end();
  await ended;
  assert.equal(topics.subscribers("a"), 0);
  const closed = assert.rejects(topics.subscribe(other, "a"), invalid);
  await topics.close();
  await closed;
  await assert.rejects(topics.subscribe(other, "a"), invalid);
});

test("a socket that is forgotten while it waits for the engine can subscribe anew, and keeps that", async () => {
  const waiting: (() => void)[] = [];
  const { topics } = processOn(new Bus(), {
    subscribe: () => new Promise((resolve) => waiting.push(resolve)),
  });
  let listeners = 0;
  const socket = {
    ...socketWith([]),
    addEventListener: () => {
      listeners += 1;
    },
  };
  const forgotten = topics.subscribe(socket, "a");
  topics.forget(socket);
  const subscribed = topics.subscribe(socket, "a");
  await assert.rejects(forgotten, { code: "WS_ERR_INVALID_STATE" });
  for (const resolve of waiting) resolve();
  await subscribed;
  assert.deepEqual([topics.subscribers("a"), [...topics.topicsOf(socket)], listeners], [1, ["a"], 1]);
});

test("a call that fails when the topics are closed is not told any more", async () => {
  let fail = (_error: Error): void => {};
  const { topics, socket, events } = processOn(new Bus(), {
    subscribe: () => new Promise((_resolve, reject) => (fail = reject)),
  });
  const subscribed = topics.subscribe(socket, "a").catch(() => {});
  await topics.close();
  fail(new Error("late"));
  await subscribed;
  await turn();
  assert.deepEqual(events, []);
});
