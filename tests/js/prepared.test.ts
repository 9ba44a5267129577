/**
 * Compression across connections: messages that are made once for many, and what is kept from one message to the next.
 */
import assert from "node:assert/strict";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";

import { PreparedMessage, type Statistics, WebSocket } from "websocket-component";
import { BufferType, Handle } from "websocket-component/component";
import { WebSocketServer as LikeWs, type WebSocket as SocketLikeWs } from "websocket-component/ws";
import { WebSocket as Ws } from "ws";
import { copiedBytes, pseudoRandom } from "./copies.js";
import { frames, inflated } from "./ends.js";
import {
  closed,
  mockTimers,
  mustBeCollected,
  nextEvent,
  once,
  RawPeer,
  REQUEST,
  serve,
  serveEcho,
  sessionCount,
} from "./support.js";

/** What only the connections call. */
interface Prepared {
  prepare(window: number): boolean;
  frame(window: number): Uint8Array;
}

const OFFER = REQUEST.replace("Host:", "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\nHost:");
const TEXT = "all work and no play makes Jack a dull boy ".repeat(100);

test("a prepared message reaches every kind of connection, and is compressed where that was agreed", async (t) => {
  const { server, url } = await serve(t);
  const clients = [
    new Ws(url, { perMessageDeflate: false }),
    new Ws(url),
    new Ws(url, { perMessageDeflate: { serverMaxWindowBits: 9 } }),
    new Ws(url, { perMessageDeflate: { threshold: 0 } }),
  ];
  const received = clients.map((client) => {
    const all: string[] = [];
    client.on("message", (data, isBinary) => all.push(`${isBinary} ${data}`));
    return all;
  });
  await Promise.all(clients.map((client) => once(client, "open")));
  for (const data of [TEXT, "short", Buffer.from(TEXT), "", "größe €".repeat(20_000)]) {
    const message = new PreparedMessage(data);
    assert.equal(message.size, Buffer.byteLength(data));
    for (const socket of server.clients) {
      socket.send("before");
      socket.send(message);
      socket.send(message, { compress: false });
      socket.send("after");
    }
  }
  const expected = [TEXT, "short", Buffer.from(TEXT), "", "größe €".repeat(20_000)].flatMap((data) => {
    const one = `${typeof data !== "string"} ${data}`;
    return ["false before", one, one, "false after"];
  });
  for (const all of received) {
    while (all.length < expected.length) await new Promise((turn) => setImmediate(turn));
    assert.deepEqual(all, expected);
  }
  for (const client of clients) client.terminate();
});

test("prepared messages keep their place among all that is sent, and count", async (t) => {
  const { server, url } = await serve(t);
  const connection = once(server, "connection");
  const client = new Ws(url);
  const received: string[] = [];
  client.on("message", (data: Buffer) => received.push(data.length < 100 ? `${data}` : "long"));
  client.on("ping", (data) => received.push(`ping ${data}`));
  await once(client, "open");
  const [socket] = (await connection) as [WebSocket];
  const [first, second] = [new PreparedMessage("first"), new PreparedMessage("second")];
  socket.send(first);
  assert.equal(socket.bufferedAmount, 5);
  socket.send(second);
  socket.send("text");
  await turn();
  assert.equal(socket.bufferedAmount, 0);
  socket.send(first);
  socket.ping("!");
  socket.send(Buffer.from("bytes"));
  socket.send("x".repeat(1_000_000)); // is compressed slice by slice
  socket.send(second);
  while (socket.bufferedAmount > 0) await turn();
  socket.send(first);
  const closing = once(client, "close");
  socket.close();
  await closing;
  assert.deepEqual(received, [
    ...["first", "second", "text"],
    ...["first", "ping !", "bytes", "long", "second", "first"],
  ]);
  const { framesSent, messagesSent, messageBytesSent } = socket.statistics as Statistics;
  assert.deepEqual([messagesSent, messageBytesSent], [8, 3 * 5 + 2 * 6 + 4 + 1_000_000 + 5]);
  assert.ok(framesSent >= 10, "a ping and a close too");
});

test("a prepared message that is small, or is not to be compressed, goes as it is", async (t) => {
  const { server, port } = await serve(t);
  const connection = once(server, "connection");
  const peer = await RawPeer.connect(port, OFFER);
  t.after(() => peer.socket.destroy());
  const [socket] = (await connection) as [WebSocket];
  await peer.head();
  for (const [data, options] of [
    ["short", {}],
    [TEXT, { compress: false }],
  ] as const) {
    socket.send(new PreparedMessage(data), options);
    const bytes = await peer.bytes((data.length < 126 ? 2 : 4) + data.length);
    assert.deepEqual(
      frames(bytes).map(({ first, payload }) => [first, String(payload)]),
      [[0x81, data]],
    );
  }
  socket.send(new PreparedMessage(TEXT));
  assert.equal((await peer.bytes(1))[0], 0xc1);
});

test("a prepared message is framed and compressed once, its data taken when it was made", async (t) => {
  const { server, port } = await serve(t);
  const peers = await Promise.all([RawPeer.connect(port, OFFER), RawPeer.connect(port, OFFER)]);
  for (const peer of peers) assert.match(await peer.head(), /permessage-deflate/);
  const bytes = Buffer.from(TEXT);
  const message = new PreparedMessage(bytes);
  bytes.fill(0);
  const before = sessionCount();
  for (const socket of server.clients) socket.send(message);
  assert.equal(sessionCount(), before, "what made it is freed");
  for (const peer of peers) {
    const [first, length] = await peer.bytes(2);
    assert.equal(first, 0xc2);
    assert.equal(inflated(await peer.bytes(length as number)), TEXT);
    peer.socket.destroy();
  }
});

test("what is neither text nor bytes is prepared, published and broadcast as its string; a Blob is refused", async (t) => {
  const { server, url } = await serve(t);
  const client = new Ws(url);
  const received: string[] = [];
  client.on("message", (data, isBinary) => received.push(`${isBinary} ${data}`));
  await once(client, "open");
  const [socket] = server.clients;
  await socket?.subscribe("a");
  for (const data of [12, null, { toString: () => "own" }, new Date(0).toJSON()] as unknown as string[]) {
    socket?.send(data);
    socket?.send(new PreparedMessage(data));
    server.publish("a", data);
    server.broadcast(data);
  }
  while (received.length < 16) await new Promise((turn) => setImmediate(turn));
  const expected = ["12", "null", "own", "1970-01-01T00:00:00.000Z"].flatMap((text) => Array(4).fill(`false ${text}`));
  assert.deepEqual(received, expected);
  const blob = new Blob(["read me"]) as unknown as string;
  for (const call of [() => new PreparedMessage(blob), () => server.publish("a", blob), () => server.broadcast(blob)]) {
    assert.throws(call, { name: "TypeError", message: /Blob/ });
  }
  client.terminate();
});

test("a long message that is prepared is copied a few times, however many parts its frame is made in", (t) => {
  const data = pseudoRandom(4 << 20); // which compresses to as much
  const message = new PreparedMessage(data) as unknown as Prepared;
  const copied = copiedBytes(t);
  while (!message.prepare(15));
  assert.ok(message.frame(15).length >= data.length);
  assert.ok(copied() < 5 * data.length, `${copied()} bytes for ${data.length}`);
});

test("a client sends a prepared message masked, each time with another key", async (t) => {
  const { url } = await serveEcho(t);
  const socket = new WebSocket(url);
  await nextEvent(socket, "open");
  const message = new PreparedMessage(TEXT);
  for (let count = 0; count < 3; count++) {
    const echoed = nextEvent<MessageEvent>(socket, "message");
    socket.send(message);
    assert.equal((await echoed).data, TEXT);
  }
  const end = closed(socket);
  socket.close();
  await end;
});

test("what is kept to compress by is freed after releaseAfter, and the next message stands for itself", async (t) => {
  mockTimers(t);
  const perMessageDeflate = { serverNoContextTakeover: false, threshold: 0, releaseAfter: 1000 };
  const { server, port } = await serve(t, { perMessageDeflate });
  const connection = once(server, "connection");
  const peer = await RawPeer.connect(port, OFFER);
  await peer.head();
  const [socket] = (await connection) as [WebSocket];
  const send = async (): Promise<Buffer> => {
    socket.send(TEXT);
    const [, length] = await peer.bytes(2);
    return peer.bytes(length as number);
  };
  const alone = await send();
  assert.equal(inflated(alone), TEXT);
  t.mock.timers.tick(999);
  const after = await send();
  assert.ok(after.length < alone.length, "it refers to the one before");
  t.mock.timers.tick(999);
  assert.ok((await send()).length < alone.length, "each message starts the time afresh");
  t.mock.timers.tick(1000);
  assert.deepEqual(await send(), alone);
  peer.socket.destroy();
});

test("component handles agree on compression beside the caller's own extensions", () => {
  const client = Handle.createClient({ perMessageDeflate: true });
  const server = Handle.createServer({ perMessageDeflate: { threshold: 10, serverNoContextTakeover: false } });
  const request = client.beginClientHandshake({ extensions: ["x-own"] });
  const headers = server.beginServerHandshake({ headers: [["Host", "a"], ...request] });
  const { extensions } = client.endClientHandshake(headers);
  assert.deepEqual(extensions, [1], "behind the caller's");
  const long = new TextEncoder().encode(TEXT);
  const wire: Uint8Array[] = [];
  server.send(BufferType.Utf8Message, long, "context");
  for (let action = server.getAction(1); action.action !== 0; action = server.getAction(1)) {
    wire.push(...action.buffers);
    server.completeAction(
      action.actionContext,
      action.buffers.reduce((sum, buffer) => sum + buffer.length, 0),
    );
  }
  const [frame] = frames(Buffer.concat(wire));
  assert.equal(frame?.first, 0xc1);
  client.receive();
  const read = client.getAction();
  client.completeReceive(read.actionContext, Buffer.concat(wire));
  let text = "";
  for (;;) {
    const { buffers, bufferType, actionContext, action } = client.getAction();
    if (action !== 4) break;
    text += Buffer.concat(buffers).toString();
    client.completeAction(actionContext);
    if (bufferType === BufferType.Utf8Message) break;
    client.receive();
  }
  assert.equal(text, TEXT);
  client.delete();
  server.delete();
});

test("a long message that was compressed is kept no longer than until it has left", async (t) => {
  const { server, port } = await serve(t);
  const connection = once(server, "connection");
  const peer = await RawPeer.connect(port, OFFER);
  t.after(() => peer.socket.destroy());
  await peer.head();
  const [socket] = (await connection) as [WebSocket];
  const kept = (() => {
    const message = new PreparedMessage(TEXT.repeat(100));
    socket.send(message);
    return new WeakRef(message);
  })();
  await new Promise((left) => socket.addEventListener("drain", left, { once: true }));
  await mustBeCollected(kept);
});

test("a Blob that was sent by a socket of ws is kept no longer than until it was read", async (t) => {
  const server = new LikeWs({ port: 0, host: "127.0.0.1" });
  t.after(() => server.close());
  const connection = once(server, "connection");
  await once(server, "listening");
  const peer = await RawPeer.connect((server.address() as AddressInfo).port, REQUEST);
  t.after(() => peer.socket.destroy());
  await peer.head();
  const [socket] = (await connection) as [SocketLikeWs];
  const kept = (() => {
    const blob = new Blob(["read me"]);
    socket.send(blob);
    return new WeakRef(blob);
  })();
  await peer.bytes(2 + "read me".length);
  await mustBeCollected(kept);
});
