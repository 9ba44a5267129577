/**
 * Promises without a handler, sources of messages that are not sent, loops
 * beside a stranger's request, and connections that are over.
 */
import assert from "node:assert/strict";
import { EventEmitter, getEventListeners } from "node:events";
import { createServer } from "node:http";
import { Readable } from "node:stream";
import { type TestContext, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";

import { type ErrorEvent, WebSocket, WebSocketServer, WebSocketStream } from "websocket-component";
import { WebSocketServer as ServerOfWs } from "websocket-component/ws";

import { closed, deferred, inner, masked, nextEvent, once, RawPeer, REQUEST, serve, within } from "./support.js";

/** A client and its socket at the server. */
async function pair(t: TestContext): Promise<{ client: WebSocket; socket: WebSocket }> {
  const { server, url } = await serve(t);
  const connection = once(server, "connection") as Promise<[WebSocket]>;
  const client = new WebSocket(url);
  t.after(() => client.terminate());
  const [[socket]] = await Promise.all([connection, nextEvent(client, "open")]);
  return { client, socket };
}

/** What servers warn of in the process. */
function failures(t: TestContext): unknown[] {
  const all: unknown[] = [];
  const onWarning = ({ name, cause }: Error) => name === "WebSocketServerWarning" && all.push(cause);
  process.on("warning", onWarning);
  t.after(() => process.off("warning", onWarning));
  return all;
}

const requestTo = (path: string) => REQUEST.replace("GET / ", `GET ${path} `);

test("a signal that is none is refused by every method, and harms nothing later", async (t) => {
  const { client, socket } = await pair(t);
  for (const signal of [{}, 5, "stop", null, new EventEmitter()] as never[]) {
    const code = "WS_ERR_INVALID_OPTION";
    await assert.rejects(client.write("x", { signal }), { code });
    await assert.rejects(client.sendStream(["x"], { signal }), { code });
    assert.throws(() => client.messages({ signal }), { code });
  }
  const message = nextEvent<MessageEvent>(socket, "message");
  client.send("the first");
  assert.equal((await message).data, "the first");
  const end = closed(client);
  socket.terminate();
  await end;
});

/** A source that never has anything but `first`, and its end: the reason, if the source is told one. */
type Stalled = (first?: string) => { source: AsyncIterable<string>; told: Promise<unknown> };
const SOURCES: { readonly [name: string]: Stalled } = {
  "a ReadableStream": (first) => {
    let tell: (reason: unknown) => void = () => {};
    const told = new Promise<unknown>((resolve) => {
      tell = resolve;
    });
    const start = (controller: { enqueue(chunk: string): void }) => {
      if (first !== undefined) controller.enqueue(first);
    };
    return { source: new ReadableStream<string>({ start, cancel: tell }), told };
  },
  "a Readable": (first) => {
    const source = new Readable({ read() {}, objectMode: true });
    if (first !== undefined) source.push(first);
    return { source, told: new Promise((resolve) => source.on("error", resolve)) };
  },
};

for (const [name, stalled] of Object.entries(SOURCES)) {
  test(`${name} that waits for its turn is told at once that its peer has left`, async (t) => {
    const { client, socket } = await pair(t);
    const sources = [stalled("begun"), stalled(), stalled()];
    const sent = sources.map(({ source }) => client.sendStream(source));
    socket.terminate();
    for (const { told } of sources) {
      assert.equal(((await within("the source to be told", told)) as { code?: string }).code, "WS_ERR_NOT_SENT");
    }
    for (const promise of sent) await assert.rejects(promise, { code: "WS_ERR_NOT_SENT" });
  });

  test(`${name} that waits for its turn is told at once that its signal was aborted, and harms no other`, async (t) => {
    const { client, socket } = await pair(t);
    const message = nextEvent<MessageEvent>(socket, "message");
    const { promise: opened, resolve: goOn } = deferred<void>();
    const first = client.sendStream(
      (async function* () {
        yield "one ";
        await opened;
        yield "message";
      })(),
    );
    const stop = new AbortController();
    const { source, told } = stalled();
    const second = client.sendStream(source, { signal: stop.signal });
    const reason = new Error("enough");
    stop.abort(reason);
    assert.equal(await within("the source to be told", told), reason);
    await assert.rejects(second, reason);
    goOn();
    await first;
    assert.equal((await message).data, "one message");
    assert.equal(client.readyState, client.OPEN);
  });

  test(`${name} whose message cannot be sent at all is told so`, async (t) => {
    const { client } = await pair(t);
    const reason = new Error("before");
    const aborted = stalled();
    await assert.rejects(client.sendStream(aborted.source, { signal: AbortSignal.abort(reason) }), reason);
    assert.equal(await within("the source to be told", aborted.told), reason);
    const end = closed(client);
    client.close();
    await end;
    const late = stalled();
    await assert.rejects(client.sendStream(late.source), { code: "WS_ERR_NOT_SENT" });
    assert.equal(((await within("the source to be told", late.told)) as { code?: string }).code, "WS_ERR_NOT_SENT");
  });
}

test("an error listener that rejects is a warning, and is not called again for its own rejection", async (t) => {
  const failed = failures(t);
  const { server, port } = await serve(t, { verify: (request) => decodeURIComponent(request.url ?? "") === "/" });
  let calls = 0;
  server.on("error", async () => {
    calls += 1;
    if (calls < 100) throw new Error("the log is not there"); // a loop would not let the test end
  });
  for (const expected of [1, 2]) {
    const peer = await RawPeer.connect(port, requestTo("/%ff"));
    assert.match(await peer.head(), /^HTTP\/1.1 500 /);
    peer.socket.destroy();
    for (let count = 0; count < 10; count++) await turn();
    assert.equal(calls, expected);
  }
  assert.deepEqual(failed.map(String), ["Error: the log is not there"]);
});

test("a request that makes a hook fail does not end a loop over the server, but a port that is taken does", async (t) => {
  const failed = failures(t);
  const { server, port } = await serve(t, { verify: (request) => decodeURIComponent(request.url ?? "") === "/" });
  const loop = server[Symbol.asyncIterator]();
  for (const path of ["/%ff", "/"]) (await RawPeer.connect(port, requestTo(path))).socket.unref();
  const { value } = await within("the loop's next connection", loop.next());
  assert.equal(value?.[1].url, "/");
  assert.deepEqual(failed.map(String), ["URIError: URI malformed"]);
  const taken = new WebSocketServer({ port, host: "127.0.0.1" });
  await assert.rejects(within("the end of the loop", taken[Symbol.asyncIterator]().next()), { code: "EADDRINUSE" });
});

test("a loop over a server that has closed, or whose backplane could not, ends", async (t) => {
  const { server } = await serve(t);
  await server.close();
  assert.deepEqual(await within("the end", server[Symbol.asyncIterator]().next()), { done: true, value: undefined });
  const failing = new WebSocketServer({
    noServer: true,
    backplane: {
      subscribe: () => {},
      unsubscribe: () => {},
      publish: () => {},
      close: () => Promise.reject(new Error("gone")),
    } as never,
  });
  const before = failing[Symbol.asyncIterator]().next();
  await assert.rejects(failing.close(), { code: "WS_ERR_BACKPLANE", cause: new Error("gone") });
  for (const next of [before, failing[Symbol.asyncIterator]().next()]) {
    assert.deepEqual(await within("the end", next), { done: true, value: undefined });
  }
});

test("a stream that another connection's end aborts or cancels is closed, though 1006 may not be sent", async (t) => {
  const { url, server } = await serve(t, {}, (socket) => socket.resume());
  const broken = new WebSocketStream(url);
  await broken.opened;
  for (const socket of server.clients) socket.terminate();
  const cause: unknown = await broken.closed.catch((error) => error);
  for (const end of ["abort", "cancel"] as const) {
    const stream = new WebSocketStream(url);
    const { readable, writable } = await stream.opened;
    await (end === "abort" ? writable.abort(cause) : readable.cancel(cause));
    assert.deepEqual(await within("the close", stream.closed), { closeCode: 1005, reason: "" });
  }
});

test("a subscription that comes too late, or that the backplane refuses, does not end the process", async (t) => {
  const down = new Error("down");
  const backplane = { subscribe: () => Promise.reject(down), unsubscribe: () => {}, publish: () => {} } as never;
  const { server, url } = await serve(t, { backplane });
  const told = once(server, "backplane");
  const connection = once(server, "connection") as Promise<[WebSocket]>;
  const client = new WebSocket(url);
  const [socket] = await connection;
  void socket.subscribe("news");
  const [event] = await told;
  assert.equal(event.state, "error");
  assert.equal(event.topic, "news");
  assert.equal(event.error.cause, down);
  const end = closed(socket);
  client.terminate();
  await end;
  void socket.subscribe("news");
  void server.topics.subscribe(socket, "news");
  await turn();
  await assert.rejects(socket.subscribe("news"), { code: "WS_ERR_INVALID_STATE" });
});

test("a connection listener that subscribes too late has not failed", async (t) => {
  const failed = failures(t);
  const { server, port } = await serve(t);
  const subscribed = new Promise<unknown>((resolve) => {
    server.on("connection", async (socket) => {
      await closed(socket);
      const late = socket.subscribe("news");
      resolve(late.catch((error) => error));
      await late;
    });
  });
  const peer = await RawPeer.connect(port);
  await peer.head();
  peer.socket.resetAndDestroy();
  assert.equal(((await within("the rejection", subscribed)) as { code?: string }).code, "WS_ERR_INVALID_STATE");
  await turn();
  assert.deepEqual(failed, []);
});

test("a createConnection that makes no stream is a failed connection", async () => {
  for (const made of [new EventEmitter(), { on: () => {} }, {}, 5, null]) {
    for (const createConnection of [() => made, async () => made]) {
      const socket = new WebSocket("ws://localhost:8080", { createConnection: createConnection as never });
      const { error } = await nextEvent<ErrorEvent>(socket, "error");
      assert.match((error as Error).message, /createConnection must return a stream/);
    }
  }
});

test("/ws: hooks that fail, at once or later, are answered with 500, and are a warning", async (t) => {
  const failed = failures(t);
  const hooks: { readonly [message: string]: object } = {
    "of an async verifyClient": {
      async verifyClient(_info: unknown, _callback: unknown) {
        await turn();
        throw new Error("of an async verifyClient");
      },
    },
    "of shouldHandle": {},
  };
  for (const [message, options] of Object.entries(hooks)) {
    const server = new ServerOfWs({ port: 0, host: "127.0.0.1", ...options });
    if (message === "of shouldHandle") {
      server.shouldHandle = () => {
        throw new Error(message);
      };
    }
    await once(server, "listening");
    t.after(() => server.close());
    const peer = await RawPeer.connect((server.address() as { port: number }).port);
    assert.match(await peer.head(), /^HTTP\/1.1 500 /, message);
    await peer.rest();
    peer.socket.destroy();
  }
  assert.deepEqual(
    failed,
    Object.keys(hooks).map((message) => new Error(message)),
  );
});

test("/ws: a hook may throw anything, and only the first failure is a warning", async (t) => {
  const failed = failures(t);
  const verifyClient = () => {
    throw undefined;
  };
  const server = new ServerOfWs({ port: 0, host: "127.0.0.1", verifyClient });
  await once(server, "listening");
  t.after(() => server.close());
  for (let count = 0; count < 2; count++) {
    const peer = await RawPeer.connect((server.address() as { port: number }).port);
    assert.match(await peer.head(), /^HTTP\/1.1 500 /);
    peer.socket.destroy();
  }
  await turn();
  assert.deepEqual(failed, [undefined]);
});

test("/ws: a verifyClient that accepts by its promise, as in ws, may reject it", async (t) => {
  const failed = failures(t);
  const verifyClient = (() => Promise.reject(new Error("later"))) as never;
  const server = new ServerOfWs({ port: 0, host: "127.0.0.1", verifyClient });
  await once(server, "listening");
  t.after(() => server.close());
  const peer = await RawPeer.connect((server.address() as { port: number }).port);
  assert.match(await peer.head(), /^HTTP\/1.1 101 /);
  peer.socket.destroy();
  assert.deepEqual(failed, [new Error("later")]);
});

interface Counting {
  start(): void;
  send(data: string): void;
  onData(chunk: Uint8Array): void;
  onEnd(): void;
  onClose(error: Error | undefined): void;
}

test("a connection that is over holds nothing of the budget, whatever its transport still tells", async () => {
  const { wasm } = await inner<{ wasm: { Session: new (server: boolean, ...limits: number[]) => object } }>(
    "engine/engine.js",
  );
  const { FrameSession } = await inner<{ FrameSession: new (session: object, server: boolean) => object }>(
    "session/session.js",
  );
  const { Connection } = await inner<{
    Connection: new (session: object, transport: object, owner: object, settings: object) => Counting;
  }>("connection/connection.js");
  let held = 0;
  const budget = {
    update: (_: unknown, before: number, now: number) => {
      held += now - before;
    },
    forget: () => {},
  };
  const ignore = () => {};
  const transport = { start: ignore, write: () => false, pause: ignore, resume: ignore, end: ignore, destroy: ignore };
  const owner = { onMessage: () => connection.send("an answer"), onClosing: ignore, onLost: ignore, onClosed: ignore };
  const settings = { closeTimeout: 30_000, messageTimeout: 300_000, maxBufferedBytes: 1 << 20, budget };
  const session = new FrameSession(new wasm.Session(true, 300, 500, 10), true);
  const connection: Counting = new Connection(session, transport, owner, settings);
  connection.start();
  await turn();
  connection.onData(masked(0x81, "a question"));
  assert.ok(held > 0);
  connection.onClose(new Error("a write has failed"));
  connection.onEnd(); // Deno's read ends later
  assert.equal(held, 0);
});

for (const decides of ["at once", "later"]) {
  test(`a socket that is given to two servers, of which the first decides ${decides}, keeps the first, and that is reported`, async (t) => {
    const http = createServer();
    http.listen(0, "127.0.0.1");
    await once(http, "listening");
    t.after(() => http.close());
    const verify = decides === "later" ? async () => true : () => true;
    const [first, second] = [new WebSocketServer({ noServer: true, verify }), new WebSocketServer({ noServer: true })];
    const error = once(second, "error");
    http.on("upgrade", (request, socket, head) => {
      for (const server of [first, second]) {
        server.handleUpgrade(request, socket, head, (one) => {
          one.onmessage = ({ data }) => one.send(`${server === first ? "first" : "second"} has ${data}`);
        });
      }
    });
    const client = new WebSocket(`ws://127.0.0.1:${(http.address() as { port: number }).port}`);
    t.after(() => client.terminate());
    assert.equal((await error)[0].code, "WS_ERR_INVALID_OPTION");
    await nextEvent(client, "open");
    const answer = nextEvent<MessageEvent>(client, "message");
    client.send("it");
    assert.equal((await answer).data, "first has it");
    assert.deepEqual([first.clients.size, second.clients.size], [1, 0]);
  });
}

test("headers that throw while they are read leave no attempt behind", () => {
  const headers = {
    // biome-ignore lint/correctness/useYield: it fails before
    *[Symbol.iterator]() {
      throw new Error("of an iterator");
    },
  };
  const signal = new AbortController().signal;
  assert.throws(() => new WebSocket("ws://localhost:8080", { headers, signal }), { message: "of an iterator" });
  assert.equal(getEventListeners(signal, "abort").length, 0);
});
