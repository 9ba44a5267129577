/** Topics between processes, over an engine in memory that loses what the test wants lost. */
import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { Worker } from "node:worker_threads";

import {
  type Backplane,
  type BackplaneEvent,
  Topics,
  WebSocket,
  WebSocketServer,
  type WebSocketServerOptions,
} from "websocket-component";
import { broadcastChannel } from "websocket-component/backplane";

import { Bus, processOn, publishEach, socketWith } from "./bus.js";
import { messages, nextEvent, once, serve, uncaughtErrors, within } from "./support.js";

test("what one process publishes comes to the subscribers of all, once and as it was", async () => {
  const bus = new Bus();
  const [here, there, other] = [processOn(bus), processOn(bus), processOn(bus)];
  await here.topics.subscribe(here.socket, "news");
  await there.topics.subscribe(there.socket, "news");
  await other.topics.subscribe(other.socket, "sport");
  assert.equal(here.topics.publish("news", "Grüße \u{1f600} \ufeff"), 1);
  assert.equal(here.topics.publish("news", Uint8Array.of(0, 255)), 1);
  assert.equal(here.topics.publish("news", ""), 1);
  await turn();
  await turn();
  const expected = ["Grüße \u{1f600} \ufeff", Uint8Array.of(0, 255), ""];
  assert.deepEqual(here.received, expected);
  assert.deepEqual(
    there.received.map((data) => (typeof data === "string" ? data : new Uint8Array(data as Uint8Array))),
    expected,
  );
  assert.deepEqual(other.received, []);
  assert.deepEqual([...here.events, ...there.events], []);
});

test("a process needs no subscriber to publish", async () => {
  const bus = new Bus();
  const [here, there] = [processOn(bus), processOn(bus)];
  await there.topics.subscribe(there.socket, "a");
  assert.equal(here.topics.publish("a", "x"), 0);
  await turn();
  await turn();
  assert.deepEqual(there.received, ["x"]);
});

test("bytes that the caller writes to after publish travel as they were", async () => {
  const bus = new Bus();
  const [here, there] = [processOn(bus), processOn(bus)];
  await there.topics.subscribe(there.socket, "a");
  const bytes = Uint8Array.of(1);
  here.topics.publish("a", bytes);
  bytes[0] = 2;
  await turn();
  await turn();
  assert.deepEqual(new Uint8Array(there.received[0] as Uint8Array), Uint8Array.of(1));
});

test("messages of one turn travel together, up to 64 KiB", async () => {
  const bus = new Bus();
  let calls = 0;
  const here = processOn(bus, {
    publish: async (topic, bytes) => {
      calls += 1;
      assert.ok(bytes.length <= 65_536);
      bus.send(topic, bytes);
    },
  });
  const there = processOn(bus);
  await there.topics.subscribe(there.socket, "a");
  for (let index = 0; index < 100; index++) here.topics.publish("a", `${index}`);
  for (let index = 0; index < 5; index++) here.topics.publish("a", `${index}`.padEnd(20_000));
  await turn();
  await turn();
  assert.equal(there.received.length, 105);
  assert.equal(calls, 2);
});

test("lost messages are reported, with their number, before the next that comes", async () => {
  const bus = new Bus();
  const [here, there] = [processOn(bus), processOn(bus)];
  await there.topics.subscribe(there.socket, "a");
  bus.loses = (count) => count === 2 || count === 3;
  await publishEach(here.topics, "a", "1", "2", "3", "4");
  assert.deepEqual(there.received, ["1", "4"]);
  assert.deepEqual(there.events, [{ state: "gap", topic: "a", missed: 2 }]);
  assert.equal(there.missed(), 2);
});

test("a message that comes twice is delivered once", async () => {
  const bus = new Bus();
  const [here, there] = [processOn(bus), processOn(bus)];
  await there.topics.subscribe(there.socket, "a");
  bus.copies = 2;
  here.topics.publish("a", "1");
  here.topics.publish("a", "2");
  await publishEach(here.topics, "a", "3");
  assert.deepEqual(there.received, ["1", "2", "3"]);
  assert.equal(there.missed(), 0);
});

test("each process and topic has its own numbers", async () => {
  const bus = new Bus();
  const [one, two, there] = [processOn(bus), processOn(bus), processOn(bus)];
  for (const topic of ["a", "b"]) await there.topics.subscribe(there.socket, topic);
  await publishEach(one.topics, "a", "1", "2");
  await publishEach(two.topics, "a", "3");
  await publishEach(one.topics, "b", "4");
  await publishEach(two.topics, "a", "5");
  assert.deepEqual(there.received, ["1", "2", "3", "4", "5"]);
  assert.equal(there.missed(), 0);
});

test("a loss that no other message follows is reported too", async () => {
  const bus = new Bus();
  const [here, there] = [processOn(bus), processOn(bus)];
  await there.topics.subscribe(there.socket, "a");
  bus.loses = (count) => count === 2;
  await publishEach(here.topics, "a", "1", "2");
  while (there.missed() === 0) await turn();
  assert.deepEqual(there.events, [{ state: "gap", topic: "a", missed: 1 }]);
});

test("a topic whose first messages are lost is accounted for when the engine is back", async () => {
  const bus = new Bus();
  const [here, there] = [processOn(bus), processOn(bus)];
  await there.topics.subscribe(there.socket, "a");
  bus.become("down");
  bus.loses = () => true;
  await publishEach(here.topics, "a", "1", "2");
  bus.loses = () => false;
  await publishEach(here.topics, "a", "3");
  assert.deepEqual([there.received, there.missed()], [["3"], 0], "whether they should have come is not known yet");
  bus.become("up");
  assert.equal(there.missed(), 2);
  assert.deepEqual(
    there.events.filter(({ state }) => state === "gap"),
    [{ state: "gap", topic: "a", missed: 2 }],
  );
});

test("what was published before a subscription is not missed", async () => {
  const bus = new Bus();
  const [here, there] = [processOn(bus), processOn(bus)];
  await publishEach(here.topics, "a", "1", "2", "3");
  await there.topics.subscribe(there.socket, "a");
  bus.become("down");
  bus.become("up");
  await publishEach(here.topics, "a", "4");
  assert.deepEqual([there.received, there.missed()], [["4"], 0]);
});

test("a process that closes says how much it sent", async () => {
  const bus = new Bus();
  const [here, there] = [processOn(bus), processOn(bus)];
  await there.topics.subscribe(there.socket, "a");
  bus.loses = (count) => count === 1;
  here.topics.publish("a", "lost");
  await here.topics.close();
  assert.equal(there.missed(), 1);
  assert.equal(bus.calls.at(-1), "close");
  assert.equal(here.topics.publish("a", "after the end"), 0);
});

test("a process can close while its engine is away, and frees the backplane", async () => {
  const bus = new Bus();
  const never = () => new Promise<void>(() => {});
  const { topics, socket } = processOn(bus, { publish: never, unsubscribe: never });
  await topics.subscribe(socket, "a");
  topics.publish("a", "x");
  await topics.close();
  assert.equal(bus.calls.at(-1), "close");
});

test("a process can close though its backplane never does, or fails to: it is told so, and its connections are closed", async () => {
  const cause = new Error("gone");
  const closes: [NonNullable<Backplane["close"]>, RegExp][] = [
    [() => new Promise(() => {}), /within 2000 ms/],
    [() => Promise.reject(cause), /could not be closed/],
    [
      () => {
        throw cause;
      },
      /could not be closed/,
    ],
  ];
  for (const [close, message] of closes) {
    const server = new WebSocketServer({ port: 0, host: "127.0.0.1", backplane: new Bus().backplane({ close }) });
    await once(server, "listening");
    const client = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
    await nextEvent(client, "open");
    const ends = Promise.all([once(server, "close"), nextEvent(client, "close")]);
    const told = { name: "WebSocketError", code: "WS_ERR_BACKPLANE", message };
    await assert.rejects(server.close(), told);
    await ends;
    await assert.rejects(server.close(), told); // another call returns the same
    await assert.rejects(new Topics({ backplane: new Bus().backplane({ close }) }).close(), told);
  }
});

test("a listener that throws at what the backplane goes through is uncaught, and its process closes all the same", async (t) => {
  const uncaught = uncaughtErrors(t);
  const error = new Error("of a listener");
  const bus = new Bus();
  const backplane = bus.backplane({ publish: () => Promise.reject(new Error("gone")) });
  const topics = new Topics({ backplane }, () => {
    throw error;
  });
  topics.publish("a", "x");
  await topics.close();
  await turn();
  assert.equal(bus.calls.at(-1), "close");
  assert.deepEqual(new Set(uncaught), new Set([error]));
});

test("a server that cannot be made frees the backplane that it was given", async () => {
  const http = createServer();
  new WebSocketServer({ server: http });
  const faults: [WebSocketServerOptions, RegExp][] = [
    [{ port: 0, host: "127.0.0.1", tls: { cert: "none", key: "none" } }, /PEM/],
    [{ server: http }, /has a WebSocketServer without a path already/],
  ];
  for (const [options, message] of faults) {
    const isFreed = new Promise<void>((resolve) => {
      const backplane = new Bus().backplane({ close: async () => resolve() });
      assert.throws(() => new WebSocketServer({ ...options, backplane }), message);
    });
    await within("the backplane's close", isFreed);
  }
});

test("a topic is one subscription of the engine, while it has subscribers", async () => {
  const bus = new Bus();
  const { topics, socket } = processOn(bus);
  const second = socketWith([]);
  await Promise.all([topics.subscribe(socket, "a"), topics.subscribe(second, "a"), topics.subscribe(socket, "a")]);
  assert.deepEqual(bus.calls, ["subscribe a"]);
  topics.unsubscribe(socket, "a");
  second.end();
  await turn();
  assert.deepEqual(bus.calls, ["subscribe a", "unsubscribe a"]);
});

test("subscriptions that come and go are settled in their order, and the last word counts", async () => {
  const bus = new Bus();
  const here = processOn(bus);
  const there = processOn(bus);
  const first = there.topics.subscribe(there.socket, "a");
  there.topics.unsubscribe(there.socket, "a");
  await there.topics.subscribe(there.socket, "a");
  await first;
  there.topics.unsubscribe(there.socket, "a");
  await there.topics.subscribe(there.socket, "a");
  await publishEach(here.topics, "a", "x");
  assert.deepEqual(there.received, ["x"]);
  assert.deepEqual(bus.calls, ["subscribe a", "unsubscribe a", "subscribe a"]);
});

test("a subscription that the engine refuses is rejected, and the socket not subscribed", async () => {
  const bus = new Bus();
  const cause = new Error("no more channels");
  const { topics, socket } = processOn(bus, { subscribe: () => Promise.reject(cause) });
  await assert.rejects(topics.subscribe(socket, "a"), { code: "WS_ERR_BACKPLANE", cause });
  assert.equal(topics.subscribers("a"), 0);
  assert.equal(topics.topicsOf(socket).size, 0);
});

test("a message that the engine refuses, or is too large for, is told here and missed there", async () => {
  const bus = new Bus();
  const cause = new Error("no");
  const limited = processOn(bus, { maxSize: 100 });
  const failing = processOn(bus, {
    publish: () => {
      throw cause;
    },
  });
  const there = processOn(bus);
  await there.topics.subscribe(there.socket, "a");
  await publishEach(limited.topics, "a", "1", "x".repeat(75), "2", "y".repeat(74));
  assert.deepEqual(there.received, ["1", "2", "y".repeat(74)]);
  assert.equal(there.missed(), 1);
  const [event] = limited.events as [BackplaneEvent & { state: "error" }];
  assert.deepEqual([event.state, event.topic], ["error", "a"]);
  assert.equal((event.error as { code?: string }).code, "WS_ERR_BACKPLANE");
  await publishEach(failing.topics, "a", "1");
  assert.equal((failing.events[0] as { error: Error }).error.cause, cause);
});

const MALFORMED: [what: string, bytes: unknown][] = [
  ["nothing", new Uint8Array(0)],
  ["a text", Buffer.from("hello, I am another program")],
  ["a header without its end", new Uint8Array(20).fill(1)],
  [
    "a message that is longer than what came",
    Buffer.concat([new Uint8Array(21).fill(1), Buffer.of(1, 0, 0, 0, 2, 65)]),
  ],
  ["a message without its length", Buffer.concat([new Uint8Array(21).fill(1), Buffer.of(1, 0)])],
  ["a position without its age", new Uint8Array(26).fill(2)],
  ["a question with more than its header", new Uint8Array(22).fill(3)],
  ...[
    "a string of another program",
    7,
    null,
    undefined,
    {},
    new ArrayBuffer(40),
    new Uint16Array(30),
    new DataView(new ArrayBuffer(40)),
  ].map((value) => [`${Object.prototype.toString.call(value)} in place of bytes`, value] as [string, unknown]),
];

for (const [what, bytes] of MALFORMED) {
  test(`${what} on a topic's channel is told, and does no harm`, async () => {
    const bus = new Bus();
    const [here, there] = [processOn(bus), processOn(bus)];
    await there.topics.subscribe(there.socket, "a");
    bus.send("a", bytes as Uint8Array);
    await publishEach(here.topics, "a", "x");
    assert.deepEqual(there.received, ["x"]);
    assert.deepEqual(
      there.events.map(({ state }) => state),
      ["error"],
    );
  });
}

test("a backplane is one, and belongs to one server", async (t) => {
  const invalid = { code: "WS_ERR_INVALID_OPTION" };
  for (const backplane of [{}, null, "redis", { subscribe() {}, publish() {} }] as unknown as Backplane[]) {
    assert.throws(() => new WebSocketServer({ noServer: true, backplane }), invalid);
  }
  const backplane = new Bus().backplane();
  const server = new WebSocketServer({ noServer: true, backplane });
  t.after(() => server.close());
  assert.throws(() => new Topics({ backplane }), invalid);
});

test("sockets of two servers meet, and the server's event says what the backplane goes through", async (t) => {
  const bus = new Bus();
  const [one, two] = [await serve(t, { backplane: bus.backplane() }), await serve(t, { backplane: bus.backplane() })];
  const connection = once(two.server, "connection") as Promise<[WebSocket]>;
  const client = new WebSocket(two.url);
  const [socket] = await connection;
  await socket.subscribe("a");
  const down = once(one.server, "backplane");
  bus.become("down");
  assert.deepEqual(await down, [{ state: "down" }]);
  bus.become("up");
  if (client.readyState !== WebSocket.OPEN) await nextEvent(client, "open");
  const answer = messages(client, 2);
  const text = "compressed for the client ".repeat(100);
  one.server.publish("a", text);
  one.server.publish("a", text, { compress: false });
  assert.deepEqual(await answer, [text, text]);
  const { bytesReceived = 0 } = client.statistics ?? {};
  assert.ok(bytesReceived > text.length && bytesReceived < text.length * 1.2);
  await two.server.close();
  assert.equal(bus.calls.at(-1), "close");
});

test("threads meet by broadcastChannel", async (t) => {
  const { topics, socket, received } = (() => {
    const received: unknown[] = [];
    return { topics: new Topics({ backplane: broadcastChannel() }), received, socket: socketWith(received) };
  })();
  t.after(() => topics.close());
  await topics.subscribe(socket, "a");
  const program = `
    import { Topics } from "websocket-component";
    import { broadcastChannel, nats, redis } from "websocket-component/backplane";
    import { parentPort } from "node:worker_threads";

    const topics = new Topics({ backplane: broadcastChannel() });
    parentPort.on("message", () => {}); // or the thread would end
    const socket = { readyState: 1, OPEN: 1, bufferedAmount: 0, close() {}, addEventListener() {} };
    socket.send = ({ data }) => {
      parentPort.postMessage(data);
      topics.publish("a", "from the thread");
      topics.publish("no channel is open", new Uint8Array(3));
      topics.close().then(() => parentPort.close());
    };
    await topics.subscribe(socket, "b");
    parentPort.postMessage("subscribed");
  `;
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(resolved(program))}`));
  assert.deepEqual(await once(worker, "message"), ["subscribed"]);
  const answer = once(worker, "message");
  const exit = once(worker, "exit"); // it may come with the answer
  topics.publish("b", "from the main thread");
  assert.deepEqual(await answer, ["from the main thread"]);
  await exit;
  while (received.length === 0) await turn();
  assert.deepEqual(received, ["from the thread"]);
});

/** A data URL has no package beside it. */
function resolved(program: string): string {
  return program.replaceAll(/"(websocket-component[\w/-]*)"/g, (_all, name) => `"${import.meta.resolve(name)}"`);
}

test("channels of different names do not meet, though a colon is in one", async (t) => {
  const all = ["x", "x:y", "x%3Ay"].map((name) => {
    const received: unknown[] = [];
    const topics = new Topics({ backplane: broadcastChannel(name) });
    t.after(() => topics.close());
    return { topics, received, socket: socketWith(received) };
  });
  const [one, two, three] = all as [(typeof all)[0], (typeof all)[0], (typeof all)[0]];
  const names = ["y:z", "z", "z"];
  for (const [index, { topics, socket }] of all.entries()) await topics.subscribe(socket, names[index] as string);
  const hears = new Topics({ backplane: broadcastChannel("x:y") });
  t.after(() => hears.close());
  const received: unknown[] = [];
  await hears.subscribe(socketWith(received), "z");
  one.topics.publish("y:z", "1");
  three.topics.publish("z", "3");
  two.topics.publish("z", "2");
  while (received.length === 0) await turn();
  assert.deepEqual([one.received, two.received, three.received, received], [["1"], ["2"], ["3"], ["2"]]);
});
