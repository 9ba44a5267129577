/** Long messages that are compressed slice by slice: their frames, what is sent behind them, and who need not wait. */
import assert from "node:assert/strict";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { inflateRawSync } from "node:zlib";

import { PreparedMessage, type SocketOptions, WebSocket } from "websocket-component";
import * as ours from "websocket-component/ws";
import { WebSocket as Ws } from "ws";

import { FRAME, frames, type Parsed, ROLES, type Role, statusBytes, switching } from "./ends.js";
import {
  closed,
  generator,
  messages,
  nextEvent,
  once,
  RawPeer,
  REQUEST,
  serve,
  serveRaw,
  sessionCount,
} from "./support.js";

const DEFLATE = "Sec-WebSocket-Extensions: permessage-deflate";
const NO_TAKEOVER = `${DEFLATE}; server_no_context_takeover; client_no_context_takeover`;
const MIB = 1 << 20;

const [CONTINUATION, TEXT, CLOSE, PING, PONG] = [0x00, 0x01, 0x08, 0x09, 0x0a];

/** Lines that are alike, with noise, of characters of one to four bytes and of halves of such. */
function lines(units: number): string {
  const next = generator(23);
  let all = "";
  while (all.length < units) all += `{"at":"${next().toString(36)}","é€":"\u{1f600}${"\ud83d".repeat(next() * 5)}x"}\n`;
  return all;
}

/** Bytes of which compressing makes no fewer. */
function noise(size: number): Buffer {
  const next = generator(17);
  return Buffer.from(Array.from({ length: size }, () => next() * 256));
}

interface Pair {
  readonly socket: WebSocket;
  readonly peer: RawPeer;
}

/** Our end of a connection with compression, and its peer, which speaks bytes. */
async function pair(t: TestContext, role: Role, options: SocketOptions = {}, terms = NO_TAKEOVER): Promise<Pair> {
  if (role === "client") {
    const peers: RawPeer[] = [];
    const url = await serveRaw(t, (one) => peers.push(one));
    const socket = new WebSocket(url, { closeTimeout: 500, ...options });
    while (peers.length === 0) await turn();
    const [peer] = peers as [RawPeer];
    peer.write(switching(await peer.head(), terms));
    await nextEvent(socket, "open");
    return { socket, peer };
  }
  const { server, port } = await serve(t, { perMessageDeflate: true, ...options });
  const connection = once(server, "connection") as Promise<[WebSocket]>;
  const peer = await RawPeer.connect(port, REQUEST.replace("Host:", `${terms}\r\nHost:`));
  t.after(() => peer.socket.destroy());
  const [socket] = await connection;
  await peer.head();
  return { socket, peer };
}

/** The next frame. */
async function frame(peer: RawPeer): Promise<Parsed> {
  const start = await peer.bytes(2);
  const [size, mask] = [start.readUInt8(1) & 0x7f, start.readUInt8(1) >> 7];
  const header = await peer.bytes((size === 126 ? 2 : size === 127 ? 8 : 0) + mask * 4);
  const length = size === 126 ? header.readUInt16BE(0) : size === 127 ? Number(header.readBigUInt64BE(0)) : size;
  return frames(Buffer.concat([start, header, await peer.bytes(length)]))[0] as Parsed;
}

/** All frames up to the first of this opcode. */
async function framesTo(peer: RawPeer, opcode: number): Promise<Parsed[]> {
  const all: Parsed[] = [];
  do all.push(await frame(peer));
  while (((all.at(-1) as Parsed).first & 15) !== opcode);
  return all;
}

const opcodeOf = ({ first }: Parsed) => first & 15;
const isControl = (one: Parsed) => opcodeOf(one) >= CLOSE;

/** The messages of which these are the frames: compressed ones decompressed, for themselves. */
function messagesOf(all: readonly Parsed[]): Buffer[] {
  const found: Buffer[] = [];
  let parts: Parsed[] = [];
  for (const one of all.filter((each) => !isControl(each))) {
    assert.equal(opcodeOf(one) === CONTINUATION, parts.length > 0);
    assert.equal((one.first & 0x40) !== 0 && parts.length > 0, false, "RSV1 is of the first frame alone");
    parts.push(one);
    if ((one.first & 0x80) === 0) continue;
    const payload = Buffer.concat(parts.map((part) => part.payload));
    const isCompressed = ((parts[0] as Parsed).first & 0x40) !== 0;
    found.push(
      isCompressed ? inflateRawSync(Buffer.concat([payload, Buffer.of(0, 0, 255, 255)]), { finishFlush: 2 }) : payload,
    );
    parts = [];
  }
  return found;
}

for (const role of ROLES) {
  const sent = FRAME[role];

  test(`a long message of a ${role} comes in fragments, and everything sent behind it comes behind it`, async (t) => {
    const { socket, peer } = await pair(t, role);
    const bytes = noise(300_000);
    const [copy, long] = [Buffer.from(bytes), lines(MIB)];
    const taken: string[] = [];
    socket.send(long);
    socket.send("behind");
    void socket.write(bytes).then(() => taken.push("bytes"));
    bytes.fill(0);
    socket.send(long, { compress: false });
    socket.ping("ping");
    const last = socket.write("last");
    socket.close(4000);
    const expected = [long, "behind", copy, long, "last"].map((data) => Buffer.from(data));
    assert.equal(
      socket.bufferedAmount,
      expected.reduce((sum, { length }) => sum + length, 0),
    );
    const all = await framesTo(peer, CLOSE);
    assert.ok(messagesOf(all).every((message, at) => message.equals(expected[at] as Buffer)));
    assert.deepEqual(all.slice(-3).map(opcodeOf), [PING, TEXT, CLOSE]);
    assert.ok(all.filter(({ first }) => first === CONTINUATION).length > 16, "slices of 64 KiB");
    assert.ok(!all.some(({ first, payload }) => (first & 0x80) === 0 && payload.length === 0), "none is empty");
    await last;
    assert.deepEqual([taken, socket.bufferedAmount], [["bytes"], 0]);
  });

  test(`a ${role} answers pings within a long message, and the close of its peer behind it`, async (t) => {
    const { socket, peer } = await pair(t, role);
    const long = lines(2 * MIB);
    socket.send(long);
    socket.send("behind");
    peer.write(sent(0x89, "within"), sent(0x88, statusBytes(1000)));
    await once(socket, "ping");
    socket.send("too late");
    const all = await framesTo(peer, CLOSE);
    assert.deepEqual(messagesOf(all).map(String), [Buffer.from(long).toString(), "behind"]);
    const pong = all.findIndex((one) => opcodeOf(one) === PONG);
    assert.ok(pong >= 0 && all[pong + 1]?.first === CONTINUATION, "another slice is behind it");
    peer.socket.end();
    const end = await closed(socket);
    assert.deepEqual([end.code, end.wasClean], [1000, true]);
  });

  test(`a ${role} that is terminated within a long message says so to those who wait, and leaves nothing behind`, async (t) => {
    const before = sessionCount();
    const { socket, peer } = await pair(t, role);
    const waiting = [socket.write(lines(MIB)), socket.write("behind")];
    await frame(peer);
    socket.terminate();
    for (const one of waiting) await assert.rejects(one, { code: "WS_ERR_NOT_SENT" });
    assert.ok(socket.bufferedAmount > 0, "what was not sent stays counted");
    const other = await pair(t, role);
    assert.ok(sessionCount() <= before + 1);
    other.socket.send(lines(MIB));
    other.socket.close();
    assert.deepEqual(messagesOf(await framesTo(other.peer, CLOSE)).map(String), [Buffer.from(lines(MIB)).toString()]);
  });

  test(`a ${role} with takeover goes on with its window behind a long message, and frees it only between two`, async (t) => {
    const { server, url } = await serve(t, {
      perMessageDeflate: { serverNoContextTakeover: false, clientNoContextTakeover: false, releaseAfter: 1 },
    });
    const connection = once(server, "connection") as Promise<[WebSocket]>;
    const client = new WebSocket(url, { perMessageDeflate: { releaseAfter: 1 } });
    t.after(() => client.terminate());
    const [accepted] = await connection;
    await nextEvent(client, "open");
    assert.doesNotMatch(client.extensions, /takeover/);
    const [socket, other] = role === "server" ? [accepted, client] : [client, accepted];
    const all = messages(other, 5);
    const sentAll = [lines(3000), lines(MIB), lines(3000), lines(MIB), "end"];
    for (const data of sentAll) socket.send(data);
    assert.deepEqual(
      await all,
      sentAll.map((data) => Buffer.from(data).toString()),
    );
  });

  test(`what does not fit into maxBufferedBytes of a ${role} is compressed at once, and not lost`, async (t) => {
    const long = "x".repeat(MIB);
    const { socket, peer } = await pair(t, role, { maxBufferedBytes: 2.5 * MIB });
    for (let count = 0; count < 5; count++) socket.send(long);
    socket.close();
    const all = messagesOf(await framesTo(peer, CLOSE));
    assert.ok(all.length === 5 && all.every((message) => message.length === MIB));
  });

  test(`ready of a ${role} waits for a long message that is being compressed`, async (t) => {
    const { socket, peer } = await pair(t, role);
    socket.send(lines(MIB));
    await socket.ready;
    assert.equal(socket.bufferedAmount, 0);
    socket.close();
    assert.equal(messagesOf(await framesTo(peer, CLOSE)).length, 1);
  });
}

test("a long message that is sent within another one is compressed slice by slice too", async (t) => {
  const { socket, peer } = await pair(t, "server");
  socket.send(lines(MIB));
  const first = await frame(peer);
  assert.equal(first.first & 0x80, 0, "the message goes on");
  socket.send(noise(MIB));
  socket.close();
  const all = [first, ...(await framesTo(peer, CLOSE))];
  assert.deepEqual(messagesOf(all).map(String), [Buffer.from(lines(MIB)).toString(), String(noise(MIB))]);
  const second = all.filter((one) => !isControl(one)).slice(1 + all.findIndex((one) => (one.first & 0x80) !== 0));
  assert.ok(second.length > 8, `${second.length} frames`);
});

/** A client of `ws`, and its socket of `websocket-component/ws`, which compresses. */
async function endsOfWs(t: TestContext): Promise<{ client: Ws; socket: ours.WebSocket }> {
  const server = new ours.WebSocketServer({ port: 0, host: "127.0.0.1", perMessageDeflate: true });
  t.after(() => server.close());
  await once(server, "listening");
  const connection = once(server, "connection") as Promise<[ours.WebSocket]>;
  const client = new Ws(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
  t.after(() => client.terminate());
  const [socket] = await connection;
  await once(client, "open");
  return { client, socket };
}

test("the last part of a message is not compressed, though a long message before it is", async (t) => {
  const { client, socket } = await endsOfWs(t);
  const received: string[] = [];
  client.on("message", (data) => received.push(`${data}`)).on("error", ({ message }) => received.push(message));
  const long = Buffer.from(lines(MIB)).toString();
  socket.send(long);
  socket.send("part", { fin: false });
  socket.send(long);
  while (received.length < 2) await turn();
  assert.deepEqual(received, [long, `part${long}`]);
});

test("others have their messages answered between the slices of a long one", async (t) => {
  const { server, url } = await serve(t, { perMessageDeflate: true });
  const [one, other] = [new Ws(url), new Ws(url)];
  await Promise.all([once(one, "open"), once(other, "open")]);
  const [first, second] = [...server.clients] as [WebSocket, WebSocket];
  second.onmessage = ({ data }) => second.send(data);
  let isWhole = false;
  one.on("message", () => {
    isWhole = true;
  });
  first.send(lines(8 * MIB));
  let answers = 0;
  while (!isWhole) {
    other.send("ping");
    await once(other, "message");
    answers += 1;
  }
  assert.ok(answers > 8, `${answers} answers`);
});

test("long messages of many connections are compressed one after the other, by one compressor", async (t) => {
  const { server, url } = await serve(t, { perMessageDeflate: true });
  const clients = Array.from({ length: 20 }, () => new Ws(url));
  await Promise.all(clients.map((client) => once(client, "open")));
  const long = lines(MIB / 2);
  const order: number[] = [];
  const whole = clients.map((client) => once(client, "message"));
  for (const [at, socket] of [...server.clients].entries()) void socket.write(long).then(() => order.push(at));
  for (const [data] of await Promise.all(whole)) assert.equal(String(data), Buffer.from(long).toString());
  while (order.length < clients.length) await turn();
  assert.deepEqual(order, [...clients.keys()]);
});

test("a long message that is prepared is compressed once, slice by slice, and its frames reach all", async (t) => {
  const { server, port } = await serve(t, { perMessageDeflate: true });
  const before = sessionCount();
  const request = REQUEST.replace("Host:", `${DEFLATE}\r\nHost:`);
  const peers = await Promise.all(Array.from({ length: 3 }, () => RawPeer.connect(port, request)));
  for (const peer of peers) await peer.head();
  const long = lines(MIB);
  const message = new PreparedMessage(long);
  for (const socket of server.clients) {
    socket.send(message);
    assert.equal(socket.bufferedAmount, message.size);
    socket.close();
  }
  const [first, ...others] = await Promise.all(peers.map((peer) => framesTo(peer, CLOSE)));
  assert.deepEqual(messagesOf(first as Parsed[]).map(String), [Buffer.from(long).toString()]);
  for (const other of others) assert.deepEqual(other, first);
  for (const peer of peers) peer.socket.destroy();
  while (server.clients.size > 0) await turn();
  assert.equal(sessionCount(), before);
});

test("as ws, websocket-component/ws calls back in order around a long message, and with errors behind an end", async (t) => {
  const { client, socket } = await endsOfWs(t);
  const [received, called]: string[][] = [[], []];
  client.on("message", (data, isBinary) => received?.push(`${isBinary} ${(data as Buffer).length}`));
  client.on("ping", (data) => received?.push(`ping ${data}`));
  const call = (what: string) => (error?: Error | null) => called?.push(`${what} ${error?.message ?? "taken"}`);
  socket.send(Buffer.from(lines(MIB)), { binary: false }, call("long"));
  socket.send("behind", call("behind"));
  socket.ping("p", undefined, call("ping"));
  socket.send(noise(300_000), { fin: false }, call("part"));
  socket.send("", call("whole"));
  while (called?.length !== 5) await turn();
  assert.deepEqual(called, ["long taken", "behind taken", "ping taken", "part taken", "whole taken"]);
  while (received?.length !== 4) await turn();
  assert.deepEqual(received, [`false ${Buffer.byteLength(lines(MIB))}`, "false 6", "ping p", "true 300000"]);
  socket.send(lines(MIB), call("lost"));
  socket.send("lost too", call("lost too"));
  socket.terminate();
  await once(socket, "close");
  assert.deepEqual(
    called?.slice(5).map((line) => / taken$/.test(line)),
    [false, false],
  );
});
