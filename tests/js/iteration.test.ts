/** Loops over messages that are left, torn down or aborted, and sources that are told when their peer has gone. */
import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { Readable, Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";

import { type MessageStream, WebSocket, WebSocketServer } from "websocket-component";

import { closed, deferred, masked, nextEvent, once, rawClient, serve } from "./support.js";

async function pair(t: Parameters<typeof serve>[0], options = {}) {
  const { server, url } = await serve(t, options);
  const connection = once(server, "connection");
  const client = new WebSocket(url);
  t.after(() => client.terminate());
  const [socket] = (await connection) as [WebSocket];
  await nextEvent(client, "open");
  return { client, socket };
}

for (const side of ["client", "socket"] as const) {
  const other = side === "client" ? "socket" : "client";

  test(`a loop of the ${side} that is left does not starve a listener that was there before`, async (t) => {
    const ends = await pair(t);
    const seen: unknown[] = [];
    ends[side].onmessage = ({ data }) => seen.push(data);
    for (const text of ["one", "ready", "three", "four"]) ends[other].send(text);
    for await (const data of ends[side]) if (data === "ready") break;
    const end = closed(ends[side]);
    ends[other].close();
    await end;
    assert.deepEqual(seen, ["one", "ready", "three", "four"]);
  });

  test(`return ends a pending next of the ${side}, and the next message goes to the next caller`, async (t) => {
    const ends = await pair(t);
    const iterator = ends[side][Symbol.asyncIterator]();
    const waiting = iterator.next();
    assert.deepEqual(await iterator.return?.(), { done: true, value: undefined });
    assert.deepEqual(await waiting, { done: true, value: undefined });
    ends[other].send("later");
    assert.equal((await nextEvent<MessageEvent>(ends[side], "message")).data, "later");
  });

  test(`a Readable of the ${side} that is destroyed closes`, async (t) => {
    const ends = await pair(t);
    const readable = Readable.from(ends[side]);
    readable.on("error", () => {});
    readable.resume();
    await new Promise((resolve) => setImmediate(resolve));
    readable.destroy();
    await once(readable, "close");
  });

  test(`a signal ends a loop over the ${side} that waits, with its reason`, async (t) => {
    const ends = await pair(t);
    const stop = new AbortController();
    const iterator = ends[side].messages({ signal: stop.signal });
    const waiting = iterator.next();
    stop.abort(new Error("enough"));
    await assert.rejects(waiting, { message: "enough" });
    assert.equal((await iterator.next()).done, true);
  });
}

test("a pipeline that is aborted while its source waits settles, and takes no message with it", async (t) => {
  const { client, socket } = await pair(t);
  for (const source of [
    (signal: AbortSignal) => client.messages({ signal }),
    () => Readable.from(client),
    (signal: AbortSignal) => Readable.from(client.messages({ signal })),
  ]) {
    const stop = new AbortController();
    const sink = new Writable({ objectMode: true, write: (_chunk, _encoding, done) => done() });
    const piped = pipeline(source(stop.signal), sink, { signal: stop.signal });
    await turn();
    stop.abort();
    await assert.rejects(piped, { name: "AbortError" });
    socket.send("later");
    assert.equal((await nextEvent<MessageEvent>(client, "message")).data, "later");
  }
});

test("a signal that is aborted while the loop's body works ends the loop with its reason", async (t) => {
  const { client, socket } = await pair(t);
  const stop = new AbortController();
  const heard: unknown[] = [];
  const loop = async () => {
    for await (const data of client.messages({ signal: stop.signal })) {
      heard.push(data);
      stop.abort(new Error("enough"));
    }
  };
  socket.send("first");
  await assert.rejects(loop(), { message: "enough" });
  assert.deepEqual(heard, ["first"]);
  await assert.rejects(client.messages({ signal: stop.signal }).next(), { message: "enough" });
});

/** The stream of a message whose first piece came, and no other. */
async function begun(t: Parameters<typeof serve>[0]) {
  const { client, socket } = await pair(t, { streamMessages: true });
  const message = nextEvent<MessageEvent>(socket, "message");
  const { promise: opened, resolve: goOn } = deferred<void>();
  const sent = client.sendStream(
    (async function* () {
      yield "first";
      await opened;
      yield "second";
    })(),
  );
  const stream = (await message).data as MessageStream;
  return { client, socket, stream, goOn, sent };
}

test("return ends a next that waits for a message's next piece, and the rest of the message is dropped", async (t) => {
  const { client, socket, stream, goOn, sent } = await begun(t);
  const pieces = stream[Symbol.asyncIterator]();
  assert.deepEqual(await pieces.next(), { done: false, value: "first" });
  const waiting = pieces.next();
  assert.deepEqual(await pieces.return(), { done: true, value: undefined });
  assert.deepEqual(await waiting, { done: true, value: undefined });
  assert.equal(stream.locked, false);
  const next = nextEvent<MessageEvent>(socket, "message");
  goOn();
  await sent;
  client.send("the next message");
  assert.deepEqual(await (await next).data.values().next(), { done: false, value: "the next message" });
});

test("a message's iterator with preventCancel leaves the rest to the next reader", async (t) => {
  const { stream, goOn, sent } = await begun(t);
  const pieces = stream.values({ preventCancel: true });
  assert.equal((await pieces.next()).value, "first");
  const waiting = pieces.next();
  await pieces.return();
  assert.equal((await waiting).done, true);
  goOn();
  await sent;
  const rest: string[] = [];
  for await (const piece of stream) rest.push(String(piece));
  assert.deepEqual(rest, ["second"]);
});

test("a loop over a message that will not end throws the typed error", async (t) => {
  const { client, stream } = await begun(t);
  await assert.rejects(
    async () => {
      for await (const piece of stream) if (piece === "first") client.terminate();
    },
    { code: "WS_ERR_CONNECTION_LOST" },
  );
});

test("the server's iteration keeps what comes meanwhile, and ends with the server", async (t) => {
  const { server, url } = await serve(t);
  const connections = server[Symbol.asyncIterator]();
  const clients = [new WebSocket(url), new WebSocket(url)];
  await Promise.all(clients.map((client) => nextEvent(client, "open")));
  for (let count = 0; count < clients.length; count++) {
    const { value } = await connections.next();
    assert.ok(value?.[0] instanceof WebSocket);
    assert.equal(value?.[1].url, "/");
  }
  const waiting = connections.next();
  await server.close();
  assert.equal((await waiting).done, true);
});

test("return ends the server's next that waits, and takes its listeners off", async (t) => {
  const { server, url } = await serve(t);
  const names = ["connection", "error", "close"] as const;
  const before = names.map((name) => server.listenerCount(name));
  const connections = server[Symbol.asyncIterator]();
  const waiting = connections.next();
  assert.deepEqual(await connections.return?.(), { done: true, value: undefined });
  assert.deepEqual(await waiting, { done: true, value: undefined });
  assert.deepEqual(
    names.map((name) => server.listenerCount(name)),
    before,
  );
  const connection = once(server, "connection");
  const client = new WebSocket(url);
  t.after(() => client.terminate());
  assert.ok((await connection)[0] instanceof WebSocket);
});

test("a server that cannot listen throws into its loops, also into one whose body worked, and tells a listener", async (t) => {
  const { port } = await serve(t);
  const server = new WebSocketServer({ port, host: "127.0.0.1" });
  const told = once(server, "error");
  const waits = server[Symbol.asyncIterator]().next();
  const works = server[Symbol.asyncIterator]();
  await assert.rejects(waits, { code: "EADDRINUSE" });
  await assert.rejects(works.next(), { code: "EADDRINUSE" });
  assert.equal((await works.next()).done, true);
  assert.equal((await told)[0].code, "EADDRINUSE");
});

test("an aborted signal rejects write and sendStream before they begin, and nothing is sent", async (t) => {
  const { client, socket } = await pair(t);
  const message = nextEvent<MessageEvent>(socket, "message");
  const signal = AbortSignal.abort(new Error("enough"));
  await assert.rejects(client.write("no", { signal }), { message: "enough" });
  await assert.rejects(client.sendStream(["no"], { signal }), { message: "enough" });
  await client.write("yes");
  assert.equal((await message).data, "yes");
});

for (const begins of [false, true]) {
  const outcome = begins ? "in the middle of a message fails the connection" : "before the first chunk leaves it out";
  test(`a signal that is aborted ${outcome}, and the source is told`, async (t) => {
    const { client, socket } = await pair(t, { streamMessages: true });
    const stop = new AbortController();
    let told: unknown;
    const source = new ReadableStream<string>({
      start: (to) => (begins ? to.enqueue("first") : undefined),
      cancel: (reason) => {
        told = reason;
      },
    });
    const message = nextEvent<MessageEvent>(socket, "message");
    const end = closed(socket);
    const sent = client.sendStream(source as never, { signal: stop.signal });
    const pieces = begins ? (await message).data.values() : undefined;
    await pieces?.next();
    await turn();
    const reason = new Error("enough");
    stop.abort(reason);
    await assert.rejects(sent, reason);
    assert.equal(told, reason);
    if (begins) {
      await assert.rejects(pieces.next(), { code: "WS_ERR_CONNECTION_LOST" });
      assert.equal((await end).code, 1011);
      return;
    }
    await client.write("next");
    assert.equal((await (await message).data.values().next()).value, "next");
  });
}

test("all that wait for a signal share one listener, which is gone when nothing waits any more", async (t) => {
  const { url } = await serve(t, {}, (socket) => socket.pause());
  const stop = new AbortController();
  const { signal } = stop;
  const count = () => getEventListeners(signal, "abort").length;
  const sockets = Array.from({ length: 12 }, () => new WebSocket(url, { signal }));
  assert.equal(count(), 1); // of the handshakes
  await Promise.all(sockets.map((socket) => nextEvent(socket, "open")));
  assert.equal(count(), 0);
  const large = new Uint8Array(8 << 20);
  const waiting = sockets.flatMap((socket) => [
    socket.write(large, { signal }),
    socket.messages({ signal }).next(),
    socket.sendStream([large], { signal }),
  ]);
  assert.equal(count(), 1);
  stop.abort(new Error("enough"));
  const ends = await Promise.allSettled(waiting);
  assert.ok(ends.every((end) => end.status === "rejected" && end.reason === signal.reason));
  assert.equal(count(), 0);
  for (const socket of sockets) socket.terminate();
});

test("a signal ends a write that waits for room", async (t) => {
  const { client, socket } = await pair(t);
  socket.pause();
  const stop = new AbortController();
  const writes = Array.from({ length: 12 }, () => client.write(new Uint8Array(1 << 20), { signal: stop.signal }));
  stop.abort(new Error("enough"));
  await assert.rejects(writes.at(-1) as Promise<void>, { message: "enough" });
  await Promise.allSettled(writes);
  assert.equal(client.readyState, client.OPEN);
});

test("calls of next are answered in their order, and the end ends all", async (t) => {
  const { client, socket } = await pair(t);
  const iterator = client[Symbol.asyncIterator]();
  const all = [iterator.next(), iterator.next(), iterator.next(), iterator.next()];
  socket.send("a");
  socket.send("b");
  socket.close();
  assert.deepEqual(
    (await Promise.all(all)).map(({ value }) => value),
    ["a", "b", undefined, undefined],
  );
});

test("a source learns at once that the peer has gone, while it makes its next chunk", async (t) => {
  const forever = () => new Promise<never>(() => {});
  const sources = {
    ReadableStream: (told: () => void) => {
      let count = 0;
      return new ReadableStream({ pull: (to) => (count++ === 0 ? to.enqueue("first") : forever()), cancel: told });
    },
    Readable: (told: () => void) => {
      const readable = new Readable({ read() {}, objectMode: true });
      readable.push("first");
      return readable.on("close", told).on("error", () => {});
    },
    iterator: (told: () => void) => {
      let count = 0;
      const next = () => (count++ === 0 ? Promise.resolve({ done: false, value: "first" }) : forever());
      const end = async () => {
        told();
        return { done: true, value: undefined };
      };
      return { [Symbol.asyncIterator]: () => ({ next, return: end }) } as AsyncIterable<string>;
    },
  };
  for (const [name, make] of Object.entries(sources)) {
    const { client, socket } = await pair(t, { streamMessages: true });
    const message = nextEvent(socket, "message");
    let told: () => void = () => {};
    const isTold = new Promise<void>((resolve) => (told = resolve));
    const sent = client.sendStream(make(told) as AsyncIterable<string>);
    await message;
    socket.terminate();
    await isTold;
    await assert.rejects(sent, { code: "WS_ERR_NOT_SENT" }, name);
  }
});

test("a source is taken no further when its connection's transport is closed, though a message still waits", async (t) => {
  const { peer, socket } = await rawClient(t);
  socket.onmessage = () => socket.pause();
  peer.write(masked(0x81, "delivered"), masked(0x81, "held"));
  while (!socket.isPaused) await turn();
  peer.socket.resetAndDestroy();
  while (socket.bufferedAmount < 1000) {
    socket.send("into the void"); // by which the server learns of the reset
    await turn();
  }
  let taken = 0;
  const chunks = async function* () {
    for (; taken < 100; taken++) yield "chunk";
  };
  const sent = socket.sendStream(chunks());
  for (let turns = 0; turns < 200; turns++) await turn();
  assert.ok(taken < 3, `${taken} chunks`);
  socket.terminate();
  await assert.rejects(sent, { code: "WS_ERR_NOT_SENT" });
});

test("ready fails with the error of the opening", async (t) => {
  const { url } = await serve(t, { verify: () => ({ status: 403 }) });
  const socket = new WebSocket(url);
  await assert.rejects(socket.ready, { code: "WS_ERR_UNEXPECTED_RESPONSE", status: 403 });
  await assert.rejects(socket.ready, { code: "WS_ERR_UNEXPECTED_RESPONSE" });
});

test("await using closes the connection and waits for its end", async (t) => {
  const { client, socket } = await pair(t);
  const end = closed(socket);
  await client[Symbol.asyncDispose]();
  assert.equal(client.readyState, client.CLOSED);
  assert.equal((await end).wasClean, true);
  await client[Symbol.asyncDispose]();
});

test("listeners are called by the runtime where addEventListener was patched, as they were wrapped", async (t) => {
  const native = EventTarget.prototype.addEventListener;
  const { client, socket } = await pair(t);
  const seen: string[] = [];
  EventTarget.prototype.addEventListener = function (type, listener, options) {
    const wrapped = (event: Event) => {
      if (type === "message") seen.push("wrapped");
      (listener as (event: Event) => void)(event);
    };
    native.call(this, type, wrapped, options);
  };
  socket.addEventListener("message", ({ data }) => void seen.push(data as string));
  EventTarget.prototype.addEventListener = native;
  const message = nextEvent(socket, "message");
  client.send("hello");
  await message;
  assert.deepEqual(seen, ["wrapped", "hello"]);
});

test("an iterator that is disposed of ends its loop, and leaves what comes to the next one", async (t) => {
  const { client, socket } = await pair(t);
  const iterator = client[Symbol.asyncIterator]() as unknown as AsyncIterator<unknown> & AsyncDisposable;
  const pending = iterator.next();
  await iterator[Symbol.asyncDispose]();
  assert.deepEqual(await pending, { value: undefined, done: true });
  assert.deepEqual(await iterator.next(), { value: undefined, done: true });
  socket.send("next");
  for await (const data of client) {
    assert.equal(data, "next");
    break;
  }
});
