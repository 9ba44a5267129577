/** Topics: who gets what is published, how often it is framed, and what becomes of the slow. */
import assert from "node:assert/strict";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";

import {
  PreparedMessage,
  type TopicOptions,
  Topics,
  WebSocket,
  WebSocketServer,
  type WebSocketServerOptions,
} from "websocket-component";
import { WebSocketServer as WsServer, WebSocket as WsSocket } from "websocket-component/ws";

import {
  closed,
  garbageCollector,
  masked,
  messages,
  nextEvent,
  once,
  RawPeer,
  serve,
  uncaughtErrors,
} from "./support.js";

type Served = Awaited<ReturnType<typeof serve>>;
type Ends = { client: WebSocket; socket: WebSocket; received: unknown[] };

/** A client, its socket at the server, and all messages that the client gets. */
async function join({ server, url }: Served, ...topics: string[]): Promise<Ends> {
  const connection = once(server, "connection") as Promise<[WebSocket]>;
  const client = new WebSocket(url);
  client.binaryType = "arraybuffer";
  const received: unknown[] = [];
  client.onmessage = ({ data }) => received.push(data);
  const [[socket]] = await Promise.all([connection, nextEvent(client, "open")]);
  for (const topic of topics) await socket.subscribe(topic);
  return { client, socket, received };
}

/** Waits until all clients have what was sent to them before. */
async function settled(...all: Ends[]): Promise<void> {
  await Promise.all(
    all.map(({ socket }) => {
      const pong = nextEvent(socket, "pong");
      socket.ping();
      return pong;
    }),
  );
}

test("a message goes to the subscribers of its topic, and to no other socket", async (t) => {
  const served = await serve(t);
  const news = await join(served, "news");
  const both = await join(served, "news", "sport");
  const none = await join(served);
  const { server } = served;
  assert.equal(server.publish("news", "one"), 2);
  assert.equal(server.publish("sport", Uint8Array.of(1, 2)), 1);
  assert.equal(server.publish("weather", "lost"), 0);
  assert.equal(server.publish("news", new PreparedMessage("two"), { except: both.socket }), 1);
  await settled(news, both, none);
  assert.deepEqual(news.received, ["one", "two"]);
  assert.deepEqual(both.received, ["one", Uint8Array.of(1, 2).buffer]);
  assert.deepEqual(none.received, []);
});

/** Replaces a socket's `send`, as programs that know `ws` do. */
function replaceSend(socket: WebSocket, act: () => void): void {
  const { send } = socket;
  socket.send = (...given) => {
    act();
    send.apply(socket, given);
  };
}

test("a message goes once to each who subscribes when it is published, though a replaced send changes who does", async (t) => {
  const served = await serve(t);
  const { server } = served;
  const [first, second, left, late] = [
    await join(served, "a"),
    await join(served, "a"),
    await join(served, "a"),
    await join(served),
  ];
  replaceSend(first.socket, () => {
    for (const { socket } of [first, second]) {
      socket.unsubscribe("a");
      void socket.subscribe("a");
    }
    left.socket.unsubscribe("a");
    void late.socket.subscribe("a");
  });
  assert.equal(server.publish("a", "x"), 3);
  await settled(first, second, left, late);
  assert.deepEqual(
    [first, second, left, late].map(({ received }) => received),
    [["x"], ["x"], ["x"], []],
  );
  assert.equal(server.subscribers("a"), 3);
});

test("a broadcast goes once to each who is there, though a replaced send puts a socket in again", async (t) => {
  const served = await serve(t);
  const { server } = served;
  const [one, other] = [await join(served), await join(served)];
  replaceSend(one.socket, () => {
    server.clients.delete(one.socket);
    server.clients.add(one.socket);
  });
  server.broadcast("x");
  await settled(one, other);
  assert.deepEqual([one.received, other.received], [["x"], ["x"]]);
});

test("a message goes to the others, though a replaced send throws, whose error is uncaught", async (t) => {
  const served = await serve(t);
  const { server } = served;
  const [one, other] = [await join(served, "a"), await join(served, "a")];
  const uncaught = uncaughtErrors(t);
  const error = new Error("of a replaced send");
  replaceSend(one.socket, () => {
    throw error;
  });
  assert.equal(server.publish("a", "x"), 1);
  server.broadcast("y");
  await settled(one, other);
  assert.deepEqual([one.received, other.received], [[], ["x", "y"]]);
  assert.deepEqual(uncaught, [error, error]);
});

test("a message goes to the others, though a slow subscriber's close was replaced by one that throws", async (t) => {
  const uncaught = uncaughtErrors(t);
  const error = new Error("of a replaced close");
  const close = () => {
    throw error;
  };
  const [slow, quick] = [Number.MAX_SAFE_INTEGER, 0].map((bufferedAmount) => {
    const received: unknown[] = [];
    const send = ({ data }: PreparedMessage) => received.push(data);
    return { readyState: 1, OPEN: 1, bufferedAmount, send, close, addEventListener() {}, received };
  });
  assert.ok(slow !== undefined && quick !== undefined);
  const topics = new Topics();
  for (const socket of [slow, quick]) await topics.subscribe(socket, "a");
  assert.equal(topics.publish("a", "x"), 1);
  assert.deepEqual([slow.received, quick.received], [[], ["x"]]);
  await turn();
  assert.deepEqual(uncaught, [error]);
});

test("a socket knows its topics, and a topic counts its subscribers", async (t) => {
  const served = await serve(t);
  const { server } = served;
  const { socket } = await join(served, "a", "b");
  await socket.subscribe("a");
  assert.deepEqual([...socket.topics], ["a", "b"]);
  assert.deepEqual([server.subscribers("a"), server.subscribers("c")], [1, 0]);
  socket.unsubscribe("a");
  socket.unsubscribe("never subscribed");
  assert.deepEqual([...socket.topics], ["b"]);
  assert.equal(server.publish("a", "for none"), 0);
  assert.deepEqual(server.statistics.topics, { topics: 1, subscriptions: 1, skipped: 0, closed: 0, missed: 0 });
});

test("messages of a topic come in the order of the calls, among those to the socket alone", async (t) => {
  const served = await serve(t);
  const ends = await join(served, "a");
  for (let index = 0; index < 100; index++) {
    if (index % 3 === 0) ends.socket.send(`${index}`);
    else served.server.publish("a", `${index}`);
  }
  await settled(ends);
  assert.deepEqual(
    ends.received,
    Array.from({ length: 100 }, (_, index) => `${index}`),
  );
});

test("sockets that close leave their topics, and take nothing with them", async (t) => {
  const served = await serve(t);
  const { server } = served;
  const [polite, lost, stays] = [await join(served, "a"), await join(served, "a", "b"), await join(served, "a")];
  const ends = [closed(polite.socket), closed(lost.socket)];
  polite.client.close();
  lost.client.terminate();
  await Promise.all(ends);
  assert.deepEqual(server.statistics.topics, { topics: 1, subscriptions: 1, skipped: 0, closed: 0, missed: 0 });
  assert.equal(server.publish("a", "x"), 1);
  assert.deepEqual([...lost.socket.topics], []);
  stays.client.close();
  await closed(stays.socket);
  assert.equal(server.statistics.topics.topics, 0);
});

test("a socket leaves its topics though a listener ends its close event, and has them in that listener", async (t) => {
  const served = await serve(t);
  const { server } = served;
  const connection = once(server, "connection") as Promise<[WebSocket]>;
  const client = new WebSocket(served.url);
  const [socket] = await connection;
  const seen: string[] = [];
  const ended = new Promise<void>((resolve) => {
    socket.addEventListener("close", (event) => {
      event.stopImmediatePropagation();
      seen.push(...socket.topics);
      resolve();
    });
  });
  await socket.subscribe("a");
  if (client.readyState !== WebSocket.OPEN) await nextEvent(client, "open");
  client.close();
  await ended;
  await turn();
  assert.deepEqual([seen, server.subscribers("a"), server.statistics.topics.subscriptions], [["a"], 0, 0]);
});

test("forget ends all subscriptions of a socket", async (t) => {
  const { server, socket } = await (async () => {
    const served = await serve(t);
    return { ...served, ...(await join(served, "a", "b")) };
  })();
  server.topics.forget(socket);
  server.topics.forget(socket);
  assert.deepEqual([[...socket.topics], server.subscribers("a"), server.subscribers("b")], [[], 0, 0]);
  await socket.subscribe("a");
  assert.equal(server.publish("a", "x"), 1);
});

test("a socket that is closing gets nothing more, and cannot subscribe", async (t) => {
  const served = await serve(t);
  const { socket } = await join(served, "a");
  socket.close();
  assert.equal(served.server.publish("a", "x"), 0);
  await assert.rejects(socket.subscribe("b"), { code: "WS_ERR_INVALID_STATE" });
});

test("a client's socket cannot subscribe", async (t) => {
  const { client } = await join(await serve(t));
  await assert.rejects(client.subscribe("a"), { code: "WS_ERR_INVALID_STATE" });
  client.unsubscribe("a");
  assert.equal(client.topics.size, 0);
});

test("a topic is a well-formed string of 1 to 256 bytes of UTF-8", async (t) => {
  const served = await serve(t);
  const { socket } = await join(served);
  for (const topic of ["", "x".repeat(257), "é".repeat(129), "\ud800", 7, null, undefined, ["a"]]) {
    const given = topic as string;
    await assert.rejects(socket.subscribe(given), { code: "WS_ERR_INVALID_OPTION" });
    assert.throws(() => served.server.publish(given, "x"), { code: "WS_ERR_INVALID_OPTION" });
  }
  for (const topic of ["x".repeat(256), "é".repeat(128), " ", "a.b:*>", "__proto__", "\0"]) {
    await socket.subscribe(topic);
    assert.equal(served.server.publish(topic, "x"), 1);
  }
});

test("a message is compressed once for all that agreed on it, and not for the others", async (t) => {
  const served = await serve(t);
  const text = "a line of text ".repeat(1000);
  const ends = [await join(served, "a"), await join(served, "a"), await join(served, "a")];
  const plain = new WebSocket(served.url, { perMessageDeflate: false });
  const [socket] = (await once(served.server, "connection")) as [WebSocket];
  await socket.subscribe("a");
  const answer = messages(plain, 1);
  assert.equal(served.server.publish("a", text), 4);
  await settled(...ends);
  assert.deepEqual(await answer, [text]);
  for (const { received, client } of ends) {
    assert.deepEqual(received, [text]);
    assert.ok((client.statistics?.bytesReceived ?? 0) < text.length / 10);
  }
  assert.ok((plain.statistics?.bytesReceived ?? 0) > text.length);
  served.server.publish("a", text, { compress: false });
  await settled(...ends);
  for (const { client } of ends) assert.ok((client.statistics?.bytesReceived ?? 0) > text.length);
});

/** A subscriber that reads nothing, and one that reads. */
async function oneThatStalls(
  t: Parameters<typeof serve>[0],
  options: WebSocketServerOptions,
): Promise<{ server: WebSocketServer; stalled: WebSocket; peer: RawPeer; reader: Ends }> {
  const served = await serve(t, { closeTimeout: 60_000, ...options, perMessageDeflate: false });
  const connection = once(served.server, "connection") as Promise<[WebSocket]>;
  const peer = await RawPeer.connect(served.port);
  const [stalled] = await connection;
  await peer.head();
  peer.socket.pause();
  await stalled.subscribe("a");
  return { server: served.server, stalled, peer, reader: await join(served, "a") };
}

/** Publishes until the stalled one has more waiting than it may. */
async function publishUntilSlow(server: WebSocketServer, stalled: WebSocket, reader: Ends): Promise<number> {
  const chunk = new Uint8Array(256 * 1024);
  for (let count = 1; ; count++) {
    const sentTo = server.publish("a", chunk);
    await settled(reader);
    if (sentTo === 1 || stalled.readyState !== stalled.OPEN) return count;
  }
}

test("a subscriber that is too slow is closed with 1013 and counted, and the others get everything", async (t) => {
  const { server, stalled, peer, reader } = await oneThatStalls(t, { maxTopicBacklog: 512 * 1024 });
  const count = await publishUntilSlow(server, stalled, reader);
  assert.equal(reader.received.length, count);
  assert.equal(server.statistics.topics.closed, 1);
  assert.equal(stalled.readyState, stalled.CLOSING);
  assert.ok(stalled.bufferedAmount < 2 * 1024 * 1024);
  peer.socket.resume();
  peer.write(masked(0x88, Buffer.from([0x03, 0xf5])));
  const rest = Buffer.from(await peer.rest());
  assert.deepEqual(rest.subarray(rest.lastIndexOf(Buffer.from([0x88]))).subarray(2, 4), Buffer.from([0x03, 0xf5]));
  peer.socket.destroy();
});

test("with skip, a slow subscriber misses messages, which are counted, and goes on when it has caught up", async (t) => {
  const options = { slowSubscriber: "skip", maxTopicBacklog: 512 * 1024 } as const;
  const { server, stalled, peer, reader } = await oneThatStalls(t, options);
  await publishUntilSlow(server, stalled, reader);
  assert.equal(server.topics.skippedFor(stalled), 1);
  assert.equal(server.publish("a", "the reader alone"), 1);
  assert.equal(server.statistics.topics.skipped, 2);
  assert.equal(stalled.readyState, stalled.OPEN);
  const drained = nextEvent(stalled, "drain");
  peer.socket.resume();
  await drained;
  while (stalled.bufferedAmount > 0) await nextEvent(stalled, "drain");
  await turn();
  assert.equal(server.publish("a", "both"), 2);
  peer.socket.destroy();
});

test("what is published within one turn makes no subscriber slow", async (t) => {
  const served = await serve(t, { maxTopicBacklog: 1, perMessageDeflate: false });
  const ends = await join(served, "a");
  for (let index = 0; index < 50; index++) assert.equal(served.server.publish("a", new Uint8Array(10_000)), 1);
  await settled(ends);
  assert.equal(ends.received.length, 50);
});

test("a message that waits for many subscribers is in memory once", async (t) => {
  const { server, port } = await serve(t, { perMessageDeflate: false });
  const [count, size, times] = [20, 1024 * 1024, 8];
  const peers: RawPeer[] = [];
  const stalled: WebSocket[] = [];
  for (let index = 0; index < count; index++) {
    const connection = once(server, "connection") as Promise<[WebSocket]>;
    const peer = await RawPeer.connect(port);
    peers.push(peer);
    const [socket] = await connection;
    stalled.push(socket);
    await peer.head();
    peer.socket.pause();
    await socket.subscribe("a");
  }
  const collect = garbageCollector();
  collect();
  const before = process.memoryUsage().arrayBuffers;
  for (let sent = 0; sent < times; sent++) assert.equal(server.publish("a", new Uint8Array(size)), count);
  let held = Number.POSITIVE_INFINITY;
  // the arrays of the publisher; V8 frees their memory in another thread
  for (let round = 0; round < 10 && held >= 4 * times * size; round++) {
    collect();
    await turn();
    held = process.memoryUsage().arrayBuffers - before;
  }
  const waiting = stalled.reduce((sum, { bufferedAmount }) => sum + bufferedAmount, 0);
  assert.ok(waiting > (count * times * size) / 2, `${waiting} bytes wait`);
  assert.ok(held < 4 * times * size, `${held} bytes are held`);
  for (const peer of peers) peer.socket.destroy();
});

test("a subscriber that closes in the middle of a publish does no harm", async (t) => {
  const served = await serve(t);
  const all = [await join(served, "a"), await join(served, "a"), await join(served, "a")];
  const [first, second, third] = all as [Ends, Ends, Ends];
  const { send } = first.socket;
  first.socket.send = (...args) => {
    second.socket.terminate();
    second.socket.unsubscribe("a");
    send.apply(first.socket, args);
  };
  served.server.publish("a", "x");
  await settled(first, third);
  assert.deepEqual([first.received, third.received], [["x"], ["x"]]);
});

test("sockets of websocket-component/ws have topics by a Topics of their own", async (t) => {
  const server = new WsServer({ port: 0, host: "127.0.0.1", perMessageDeflate: true });
  await once(server, "listening");
  t.after(() => server.close());
  const topics = new Topics();
  const subscribed = new Promise<void>((resolve) => {
    server.on("connection", async (socket) => {
      socket.on("message", (data) => topics.publish("room", `${data}`, { except: socket }));
      await topics.subscribe(socket, "room");
      if (topics.subscribers("room") === 2) resolve();
    });
  });
  const { port } = server.address() as AddressInfo;
  const [one, other] = [new WsSocket(`ws://127.0.0.1:${port}`), new WsSocket(`ws://127.0.0.1:${port}`)];
  await subscribed;
  const text = "hello ".repeat(1000);
  const message = once(other, "message");
  if (one.readyState !== one.OPEN) await once(one, "open");
  one.send(text);
  const [data, isBinary] = (await message) as [Buffer, boolean];
  assert.deepEqual([data.toString(), isBinary], [text, false]);
  const bytes = once(one, "message");
  assert.equal(topics.publish("room", Uint8Array.of(7)), 2);
  assert.deepEqual(await bytes, [Buffer.of(7), true]);
  one.terminate();
  other.close();
  await once(other, "close");
  for (const socket of server.clients) await once(socket, "close");
  assert.deepEqual(topics.statistics, { topics: 0, subscriptions: 0, skipped: 0, closed: 0, missed: 0 });
});

const INVALID: [options: unknown, message: RegExp][] = [
  [{ slowSubscriber: "drop" }, /slowSubscriber must be "close" or "skip"/],
  [{ maxTopicBacklog: 0 }, /maxTopicBacklog must be a number above 0/],
];

test("options that are not valid are refused, by a server and by Topics", () => {
  for (const [options, message] of INVALID) {
    const expected = { code: "WS_ERR_INVALID_OPTION", message };
    assert.throws(() => new Topics(options as TopicOptions), expected);
    assert.throws(() => new WebSocketServer({ noServer: true, ...(options as TopicOptions) }), expected);
  }
  assert.throws(() => new Topics({ backlog: 1 } as TopicOptions), { message: /There is no option backlog/ });
});
