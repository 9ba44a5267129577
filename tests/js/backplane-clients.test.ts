/** The backplanes of Redis and NATS over clients without an engine. */
import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";

import { type BackplaneEvent, Topics } from "websocket-component";
import { nats, redis } from "websocket-component/backplane";

import { socketWith } from "./bus.js";

/** A client of Redis without one: its calls do nothing. */
class Client extends EventEmitter {
  duplicated: Client | undefined;
  options: unknown;
  /** What a subscription meets. */
  refusal: Error | undefined;
  readonly subscribed: string[] = [];
  duplicate(options?: object): Client {
    this.duplicated = new (this.constructor as typeof Client)();
    this.duplicated.options = options;
    return this.duplicated;
  }
  async publish(): Promise<void> {}
  async subscribe(channel: string): Promise<void> {
    if (this.refusal !== undefined) throw this.refusal;
    this.subscribed.push(channel);
  }
  async unsubscribe(): Promise<void> {}
  disconnect(): void {}
  get count(): number {
    return this.eventNames().reduce((sum, name) => sum + this.listenerCount(name), 0);
  }
}

class NodeRedisClient extends Client {
  isOpen = true;
  async connect(): Promise<void> {}
  destroy(): void {
    throw new Error("gone");
  }
}

test("a client of Redis that the caller goes on with has no listener of a backplane that is closed", async () => {
  for (const Class of [Client, NodeRedisClient]) {
    const client = new Class();
    client.on("ready", () => {});
    for (let round = 0; round < 3; round++) {
      const states: string[] = [];
      const topics = new Topics({ backplane: redis(client) }, ({ state }) => states.push(state));
      client.emit("end");
      client.emit("ready");
      assert.deepEqual(states, ["down", "up"]);
      const end = topics.close();
      await (Class === NodeRedisClient ? assert.rejects(end, { code: "WS_ERR_BACKPLANE" }) : end);
      assert.equal(client.count, 1, Class.name);
    }
  }
});

test("a connection of NATS that the caller goes on with is not followed by a backplane that is closed", async () => {
  let wake = () => {};
  const followers = new Set<object>();
  const status = () => {
    let isStopped = false;
    const follower = {
      stop: () => {
        isStopped = true;
        followers.delete(follower);
        wake();
      },
      async *[Symbol.asyncIterator]() {
        while (!isStopped) await new Promise<void>((resolve) => (wake = resolve));
        ended = true;
        yield* [];
      },
    };
    followers.add(follower);
    return follower;
  };
  let ended = false;
  const connection = { publish: () => {}, subscribe: () => ({ unsubscribe: () => {} }), flush: async () => {}, status };
  const topics = new Topics({ backplane: nats(connection) });
  await turn();
  assert.equal(followers.size, 1);
  await topics.close();
  await turn();
  assert.deepEqual([followers.size, ended], [0, true]);
});

test("a client of ioredis renews its subscriptions itself, and tells which the engine refuses", async () => {
  const client = new Client();
  const events: BackplaneEvent[] = [];
  const topics = new Topics({ backplane: redis(client) }, (event) => events.push(event));
  const duplicate = client.duplicated as Client;
  assert.deepEqual(duplicate.options, { autoResubscribe: false });
  await topics.subscribe(socketWith([]), "a");
  duplicate.refusal = new Error("no");
  await assert.rejects(topics.subscribe(socketWith([]), "b"), { code: "WS_ERR_BACKPLANE" });
  events.length = 0;
  duplicate.refusal = undefined;
  duplicate.emit("close");
  duplicate.emit("ready");
  assert.deepEqual(duplicate.subscribed, ["ws:a", "ws:a"]);
  duplicate.refusal = new Error("no more");
  duplicate.emit("ready");
  await turn();
  assert.deepEqual(
    events.map(({ state }) => state),
    ["down", "up", "error"],
  );
  const { topic, error } = events[2] as BackplaneEvent & { state: "error" };
  assert.deepEqual([topic, error.cause], ["a", duplicate.refusal]);
  await topics.close();
});

/** A connection of NATS without one: what is subscribed to, and the statuses that it tells. */
class Connection {
  readonly callbacks = new Map<string, (error: Error | null, message: { data: Uint8Array }) => void>();
  readonly published: string[] = [];
  flushes: () => Promise<void> = async () => {};
  tell = (_status: object): void => {};
  subscribe(subject: string, { callback }: { callback: (error: Error | null, message: { data: Uint8Array }) => void }) {
    this.callbacks.set(subject, callback);
    return { unsubscribe: () => this.callbacks.delete(subject) };
  }
  publish(subject: string): void {
    this.published.push(subject);
  }
  flush(): Promise<void> {
    return this.flushes();
  }
  async *status() {
    for (;;) yield await new Promise<{ type: string }>((resolve) => (this.tell = resolve as (status: object) => void));
  }
}

function topicsOn(connection: Connection) {
  const events: (BackplaneEvent & { state: "error" })[] = [];
  const topics = new Topics({ backplane: nats(connection) }, (event) => events.push(event as (typeof events)[0]));
  return { topics, events };
}

test("a subscription that NATS refuses is rejected, and told if that happens later", async () => {
  const connection = new Connection();
  const { topics, events } = topicsOn(connection);
  const [error, later] = [new Error("Permissions Violation"), new Error("of another day")];
  connection.flushes = async () => connection.callbacks.get("ws.a")?.(error, { data: new Uint8Array(0) });
  await assert.rejects(topics.subscribe(socketWith([]), "a"), { code: "WS_ERR_BACKPLANE", cause: error });
  assert.equal(topics.subscribers("a"), 0);
  connection.flushes = async () => {};
  await topics.subscribe(socketWith([]), "b");
  connection.callbacks.get("ws.b")?.(later, { data: new Uint8Array(0) });
  assert.deepEqual(
    events.map(({ topic, error }) => [topic, error.cause]),
    [
      ["a", error],
      ["b", later],
    ],
  );
});

test("a subscription that the loss of NATS interrupts leaves none in the connection", async () => {
  const connection = new Connection();
  const { topics } = topicsOn(connection);
  connection.flushes = () => Promise.reject(new Error("connection disconnected"));
  await assert.rejects(topics.subscribe(socketWith([]), "a"), { code: "WS_ERR_BACKPLANE" });
  assert.equal(connection.callbacks.size, 0);
});

test("what NATS refuses to publish is told, with its topic", async () => {
  const connection = new Connection();
  const { events } = topicsOn(connection);
  const error = new Error("Permissions Violation");
  const statuses = [
    { type: "error", error: Object.assign(error, { operation: "publish", subject: "ws.a=20b" }) },
    { type: "error", data: "PERMISSIONS_VIOLATION", permissionContext: { operation: "publish", subject: "ws.=" } },
    { type: "error", error: { operation: "subscription", subject: "ws.a" } },
    { type: "error", error: { operation: "publish", subject: "of another program" } },
    { type: "error", error: { operation: "publish", subject: "ws.=zz" } },
    { type: "error", error: "another" },
    { type: "disconnect" },
  ];
  for (const status of statuses) {
    await turn();
    connection.tell(status);
  }
  await turn();
  assert.deepEqual(
    events.map(({ state, topic }) => [state, topic]),
    [
      ["error", "a b"],
      ["error", ""],
      ["down", undefined],
    ],
  );
  assert.equal(events[0]?.error.cause, error);
});

test("a message for NATS waits until the server has it, and all of a turn wait together", async () => {
  const connection = new Connection();
  const backplane = nats(connection);
  let flushes = 0;
  let flushed = () => {};
  connection.flushes = () => {
    flushes += 1;
    return new Promise((resolve) => {
      flushed = resolve;
    });
  };
  let waiting = 2;
  for (const topic of ["a", "b"]) void backplane.publish(topic, new Uint8Array(1)).then(() => (waiting -= 1));
  assert.deepEqual(connection.published, ["ws.a", "ws.b"]);
  await turn();
  await turn();
  assert.deepEqual([flushes, waiting], [1, 2]);
  flushed();
  await turn();
  assert.equal(waiting, 0);
  connection.flushes = () => Promise.reject(new Error("connection disconnected"));
  await backplane.publish("a", new Uint8Array(1)); // its status says that it is lost
});
