/** Looking at a connection: its counters, the diagnostics channels, and the tap on its bytes. */
import assert from "node:assert/strict";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { Agent } from "node:http";
import { type TestContext, test } from "node:test";
import { PreparedMessage, type Statistics, type Tap, type Traffic, WebSocket } from "websocket-component";

import {
  closed,
  masked,
  messages,
  nextEvent,
  once,
  RawPeer,
  REQUEST,
  rawClient,
  serve,
  serveEcho,
  unmasked,
} from "./support.js";

test("frames, messages and bytes are counted on both sides", async (t) => {
  const { server, url } = await serve(t, { perMessageDeflate: false });
  const connection = once(server, "connection");
  const client = new WebSocket(url, { perMessageDeflate: false });
  assert.equal(client.statistics === undefined, true);
  const [socket] = (await connection) as [WebSocket];
  const received = messages(socket, 3);
  await nextEvent(client, "open");
  client.send("é");
  client.send(new Uint8Array(200));
  client.send(new PreparedMessage("abc"));
  client.ping("p");
  await nextEvent(client, "pong");
  await received;
  const sent = {
    framesSent: 4,
    messagesSent: 3,
    messageBytesSent: 205,
    bytesSent: 6 + 2 + 6 + 2 + 200 + 6 + 3 + 6 + 1,
  };
  const got = { framesReceived: 1, messagesReceived: 0, messageBytesReceived: 0, bytesReceived: 3 };
  const { roundTripTime, ...counted } = client.statistics as Statistics;
  assert.deepEqual(counted, { ...sent, ...got });
  assert.ok((roundTripTime ?? -1) >= 0);
  assert.deepEqual(socket.statistics, {
    framesReceived: sent.framesSent,
    messagesReceived: sent.messagesSent,
    messageBytesReceived: sent.messageBytesSent,
    bytesReceived: sent.bytesSent,
    framesSent: got.framesReceived,
    messagesSent: 0,
    messageBytesSent: 0,
    bytesSent: got.bytesReceived,
    roundTripTime: undefined,
  });
});

test("each fragment is a frame, and a message that is compressed has fewer bytes on the wire", async (t) => {
  const { peer, socket, received } = await rawClient(t);
  peer.write(masked(0x01, "a"), masked(0x00, "b"), masked(0x89), masked(0x80, "c"));
  while (received.length === 0) await nextEvent(socket, "message");
  const { framesReceived, messagesReceived, messageBytesReceived } = socket.statistics ?? {};
  assert.deepEqual([framesReceived, messagesReceived, messageBytesReceived], [4, 1, 3]);

  const { url } = await serveEcho(t);
  const client = new WebSocket(url);
  await nextEvent(client, "open");
  client.send("x".repeat(5000));
  await nextEvent(client, "message");
  const { messageBytesReceived: long, bytesReceived: short } = client.statistics as Statistics;
  assert.equal(long, 5000);
  assert.ok(short < 100, `${short}`);
});

/** Listens to a channel until the test ends. */
function listen(t: TestContext, name: string, listener: (message: unknown) => void): void {
  subscribe(`websocket-component:${name}`, listener);
  t.after(() => unsubscribe(`websocket-component:${name}`, listener));
}

test("a diagnostics subscriber may listen to a server socket's messages, which still wait for others", async (t) => {
  const observed: unknown[] = [];
  const onOpen = (message: unknown) => {
    const { socket } = message as { socket: WebSocket };
    socket.addEventListener("message", ({ data }) => observed.push(data));
  };
  listen(t, "open", onOpen);
  const { server, port } = await serve(t);
  const connection = once(server, "connection");
  const peer = await RawPeer.connect(port);
  t.after(() => peer.socket.destroy());
  const [socket] = (await connection) as [WebSocket];
  await peer.head();
  peer.write(masked(0x81, "a"), masked(0x81, "b"), masked(0x89));
  await nextEvent(socket, "ping");
  assert.deepEqual(observed, []);
  assert.deepEqual(await messages(socket, 2), ["a", "b"]);
  assert.deepEqual(observed, ["a", "b"]);
});

test("the channels report connections that open and close, and pings and pongs", async (t) => {
  const told: [string, Record<string, unknown>][] = [];
  for (const name of ["open", "close", "ping", "pong"]) {
    const listener = (message: unknown) => told.push([name, message as Record<string, unknown>]);
    listen(t, name, listener);
  }
  const { server, url } = await serve(t);
  const connection = once(server, "connection");
  const client = new WebSocket(url);
  const [socket, request] = (await connection) as [WebSocket, unknown];
  await nextEvent(client, "open");
  client.ping("p");
  await nextEvent(client, "pong");
  client.close(3000, "bye");
  await Promise.all([closed(client), closed(socket)]);
  const of = (name: string, who: WebSocket) => told.filter(([kind, { socket: it }]) => kind === name && it === who);
  const about = { server, request, address: "127.0.0.1", side: "server" };
  for (const [who, reason, more] of [
    [client, "", { side: "client" }],
    [socket, "bye", about],
  ] as const) {
    assert.equal(of("open", who).length, 1);
    assert.deepEqual(of("close", who), [
      ["close", { ...more, socket: who, code: 3000, reason, wasClean: true, error: undefined }],
    ]);
  }
  assert.deepEqual(of("ping", socket)[0]?.[1].payload, new TextEncoder().encode("p"));
  assert.equal(typeof of("pong", client)[0]?.[1].roundTripTime, "number");
});

for (const name of ["open", "close"]) {
  test(`the channel ${name} alone reports the server, the request and the address, too`, async (t) => {
    const told: Record<string, unknown>[] = [];
    const listener = (message: unknown) => told.push(message as Record<string, unknown>);
    listen(t, name, listener);
    const { server, url } = await serve(t);
    const connection = once(server, "connection");
    const client = new WebSocket(url);
    const [socket, request] = (await connection) as [WebSocket, unknown];
    await nextEvent(client, "open");
    client.close();
    await Promise.all([closed(client), closed(socket)]);
    const ofServer = told.find((message) => message.socket === socket);
    assert.deepEqual([ofServer?.server, ofServer?.request, ofServer?.address], [server, request, "127.0.0.1"]);
  });
}

/** What a tap was told, by direction. */
function recorder(): { tap: Tap; sent: () => Buffer; received: () => Buffer } {
  const traffic: Traffic[] = [];
  const of = (direction: Traffic["direction"]) =>
    Buffer.concat(traffic.filter((one) => one.direction === direction).map(({ bytes }) => bytes));
  return { tap: (one) => traffic.push(one), sent: () => of("sent"), received: () => of("received") };
}

async function conversation(t: TestContext, options: object): Promise<[ReturnType<typeof recorder>, Buffer, Buffer]> {
  const [ours, theirs] = [recorder(), recorder()];
  const { url } = await serveEcho(t, { tap: () => theirs.tap });
  const client = new WebSocket(url, { ...options, tap: ours.tap });
  await nextEvent(client, "open");
  client.send("Hello");
  await nextEvent(client, "message");
  client.close();
  await closed(client);
  return [ours, theirs.sent(), theirs.received()];
}

test("a tap sees all bytes both ways, heads included, the same on both sides", async (t) => {
  const [ours, sent, received] = await conversation(t, {});
  assert.match(ours.sent().toString("latin1"), /^GET \/ HTTP\/1\.1\r\nHost: 127\.0\.0\.1/);
  const answer = ours.received().toString("latin1");
  assert.ok(answer.startsWith("HTTP/1.1 101 Switching Protocols\r\n"));
  const frames = Buffer.concat([unmasked(0x81, "Hello"), unmasked(0x88)]);
  assert.ok(answer.endsWith(`\r\n\r\n${frames.toString("latin1")}`));
  assert.deepEqual(ours.received(), sent);
  assert.deepEqual(ours.sent(), received);
});

test("a tap on a connection by an agent sees the heads too", async (t) => {
  const agent = new Agent();
  t.after(() => agent.destroy());
  const [ours, sent, received] = await conversation(t, { agent });
  assert.deepEqual(ours.received(), sent);
  assert.deepEqual(ours.sent().subarray(-18), received.subarray(-18));
});

test("a tap on a server sees frames in one packet with the request once", async (t) => {
  const { tap, received } = recorder();
  const { port } = await serve(t, { tap: () => tap }, (socket) => {
    socket.onmessage = () => socket.close();
  });
  const frame = masked(0x81, "behind");
  const peer = await RawPeer.connect(port, REQUEST, frame);
  await peer.head();
  await peer.bytes(2);
  assert.equal(received().toString("latin1"), REQUEST + frame.toString("latin1"));
  peer.socket.destroy();
});
