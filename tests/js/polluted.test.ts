/** What others have put on `Object.prototype` is an option of no method, as it is of no constructor. */
import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { test } from "node:test";

import { Topics, WebSocket, WebSocketError, WebSocketServer, WebSocketStream } from "websocket-component";
import { nats, redis } from "websocket-component/backplane";
import { Handle } from "websocket-component/component";
import { Inspector } from "websocket-component/inspect";
import { inspectServer } from "websocket-component/inspect/server";
import { WebSocketServer as WsServer, WebSocket as WsSocket } from "websocket-component/ws";

import { HEADERS } from "./handles.js";
import { closed, messages, nextEvent, once, RawPeer, serve, serveEcho } from "./support.js";

/** What `act` gives while every object has these properties. */
function polluted<T>(properties: object, act: () => T): T {
  const names = Object.keys(properties);
  Object.assign(Object.prototype, properties);
  try {
    return act();
  } finally {
    for (const name of names) Reflect.deleteProperty(Object.prototype, name);
  }
}

const ABORTED = AbortSignal.abort(new Error("polluted"));
const LONG = "compressible ".repeat(100);

test("send, write and sendStream take no option of Object.prototype's", async (t) => {
  const { url, server } = await serve(t, { perMessageDeflate: { threshold: 100_000 } });
  const connection = once(server, "connection") as Promise<[WebSocket]>;
  const client = new WebSocket(url, { perMessageDeflate: { threshold: 100_000 } });
  const [[socket]] = await Promise.all([connection, nextEvent(client, "open")]);
  for (const [sender, receiver] of [
    [client, socket],
    [socket, client],
  ] as const) {
    const received = messages(receiver, 5);
    const before = sender.statistics?.bytesSent ?? 0;
    const properties = { compress: true, signal: ABORTED, isText: false, isLast: false };
    const sent = polluted(properties, () => {
      sender.send(LONG);
      sender.send(LONG, {});
      return [sender.write(LONG), sender.write(LONG, {}), sender.sendStream([LONG])];
    });
    await Promise.all(sent);
    assert.deepEqual(await received, new Array(5).fill(LONG));
    assert.ok((sender.statistics?.bytesSent ?? 0) - before > 5 * LONG.length, "none is compressed");
  }
});

test("the caller's own options are taken, from a class of the caller's too", async (t) => {
  const { url } = await serveEcho(t);
  const client = new WebSocket(url);
  await nextEvent(client, "open");
  class Uncompressed {
    get compress(): boolean {
      return false;
    }
  }
  const before = client.statistics?.bytesSent ?? 0;
  client.send(LONG, new Uncompressed());
  await polluted({ compress: true }, () => client.write(LONG, { compress: false }));
  assert.ok((client.statistics?.bytesSent ?? 0) - before > 2 * LONG.length);
  await assert.rejects(client.write("x", { signal: ABORTED }), { message: "polluted" });
});

test("publish, broadcast and messages take no option of Object.prototype's", async (t) => {
  const { url, server } = await serve(t, {}, (socket) => void socket.subscribe("a"));
  const client = new WebSocket(url);
  await nextEvent(client, "open");
  const [socket] = [...server.clients];
  const received = messages(client, 2);
  const loop = polluted({ except: socket, compress: false, signal: ABORTED }, () => {
    assert.equal(server.publish("a", "published"), 1);
    server.broadcast("broadcast");
    return socket?.messages();
  });
  assert.deepEqual(await received, ["published", "broadcast"]);
  const next = loop?.next();
  client.send("x");
  assert.deepEqual(await next, { done: false, value: "x" });
});

test("close of a stream, its errors and pieces, take no option of Object.prototype's", async (t) => {
  const { url, server } = await serve(t, { streamMessages: true });
  const connection = once(server, "connection") as Promise<[WebSocket]>;
  const stream = new WebSocketStream(url);
  const [[socket]] = await Promise.all([connection, stream.opened]);
  const end = closed(socket);
  const next = socket.messages().next();
  const { writable } = await stream.opened;
  await writable.getWriter().write("pieces");
  const { value: message } = await next;
  const pieces = polluted({ preventCancel: true }, () => message.values());
  await pieces.return();
  assert.equal(message.locked, false);
  await assert.rejects(async () => {
    for await (const _ of message) assert.fail("it was cancelled");
    throw new Error("it ends at once");
  }, /at once/);
  const error = polluted({ cause: 1, status: 500 }, () => new WebSocketError("WS_ERR_CONNECTION", "none"));
  assert.deepEqual(["cause" in error, error.status], [false, undefined]);
  polluted({ closeCode: 3333, reason: "polluted" }, () => stream.close());
  const { code, reason } = await end;
  assert.deepEqual([code, reason], [1005, ""]);
});

test("a refusal has no field and no body of Object.prototype's", async (t) => {
  const { port } = await serve(t, { verify: () => false });
  const properties = { headers: { "X-Polluted": "yes" }, body: "polluted" };
  Object.assign(Object.prototype, properties);
  try {
    const peer = await RawPeer.connect(port);
    const answer = String(await peer.rest());
    assert.match(answer, /^HTTP\/1\.1 403 Forbidden\r\n(?:.*\r\n)+\r\nForbidden$/);
    assert.doesNotMatch(answer, /polluted/i);
  } finally {
    for (const name of Object.keys(properties)) Reflect.deleteProperty(Object.prototype, name);
  }
});

test("backplanes, the inspector and the component take no option of Object.prototype's", async () => {
  const channels: string[] = [];
  const publish = async (channel: string) => void channels.push(channel);
  const client = Object.assign(new EventEmitter(), { publish, subscribe: publish, unsubscribe: publish });
  const backplane = polluted({ prefix: "polluted" }, () =>
    redis(Object.assign(client, { duplicate: () => Object.assign(new EventEmitter(), { disconnect() {} }) })),
  );
  const follower = { async *[Symbol.asyncIterator]() {} };
  const connection = { subscribe: () => ({ unsubscribe() {} }), flush: async () => {}, status: () => follower };
  const other = polluted({ prefix: "polluted" }, () =>
    nats({ publish: (to) => void channels.push(to), ...connection }),
  );
  for (const one of [backplane, other]) {
    const topics = new Topics({ backplane: one });
    topics.publish("a", "x");
    await topics.close();
  }
  assert.deepEqual(new Set(channels), new Set(["ws:a", "ws.a"]));

  const inspector = polluted({ midStream: true, http2: true, extensions: "polluted" }, () => new Inspector());
  inspector.push("toServer", Buffer.from("GET / HTTP/1.1\r\n\r\n"));
  inspector.finish();
  const [request] = inspector.records();
  assert.ok(request);
  polluted({ limit: 1, stage: "masked" }, () => {
    assert.equal(inspector.payload(request).length, 18);
    assert.deepEqual(inspector.parts(request), [{ bytes: inspector.payload(request) }]);
  });
  polluted({ receiveBufferSize: -1, sendBufferSize: -1, perMessageDeflate: 1 }, () => {
    Handle.createClient().delete();
    Handle.createServer().delete();
  });
  polluted({ extendedConnect: true, subprotocol: "polluted", extensions: ["polluted"] }, () => {
    assert.deepEqual(Handle.createServer().beginServerHandshake({ headers: HEADERS }), [
      ["Upgrade", "websocket"],
      ["Connection", "Upgrade"],
      ["Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="],
    ]);
  });
  const server = new WebSocketServer({ noServer: true });
  const page = await polluted({ memory: -1 }, () => inspectServer(server, { port: 0 }));
  await page.close();
});

test("/ws: neither sockets nor their methods take an option of Object.prototype's", async (t) => {
  const properties = {
    ...{ pingInterval: -1, pongTimeout: -1, messageTimeout: -1, maxBufferedBytes: -1, claimTimeout: -1 },
    ...{ level: 77, memLevel: 77, threshold: -1, protocols: ["polluted"], origin: "http://polluted" },
    finishRequest: () => {},
  };
  const server = polluted(properties, () => new WsServer({ port: 0, host: "127.0.0.1", perMessageDeflate: {} }));
  t.after(() => server.close());
  await once(server, "listening");
  const connection = once(server, "connection");
  const { port } = server.address() as { port: number };
  const client = polluted(properties, () => new WsSocket(`ws://127.0.0.1:${port}`));
  const [[socket, request]] = await Promise.all([connection, once(client, "open")]);
  assert.deepEqual([request.headers.origin, client.protocol], [undefined, ""]);
  let count = 0;
  polluted({ once: true, isAttribute: true }, () => client.addEventListener("message", () => (count += 1)));
  const received = new Promise<unknown[]>((resolve) => {
    const all: unknown[] = [];
    client.on("message", (data, isBinary) => all.push(`${data}`, isBinary) === 4 && resolve(all));
  });
  polluted({ binary: true, fin: false, compress: false }, () => {
    socket.send(LONG);
    socket.send(LONG, {});
  });
  assert.deepEqual(await received, [LONG, false, LONG, false]);
  assert.equal(count, 2);
  client.close();
  await once(client, "close");
});
