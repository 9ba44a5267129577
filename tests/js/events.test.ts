/** Which events a client's socket has, in which order and state (https://websockets.spec.whatwg.org/). */
import assert from "node:assert/strict";
import { createServer } from "node:net";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";

import { type CloseEvent, type ErrorEvent, WebSocket } from "websocket-component";

import { connector, statusBytes, switching } from "./ends.js";
import {
  closed,
  inner,
  messages,
  nextEvent,
  once,
  type RawPeer,
  rawServer,
  serve,
  serveRaw,
  unmasked,
} from "./support.js";

/** All events until the close, with the ready state in each. */
async function observed(socket: WebSocket): Promise<string[]> {
  const events: string[] = [];
  for (const type of ["open", "message", "error"] as const) {
    socket.addEventListener(type, () => events.push(`${type} ${socket.readyState}`));
  }
  const { code, reason, wasClean } = await closed(socket);
  return [...events, `close ${socket.readyState} ${code} "${reason}" ${wasClean ? "clean" : "unclean"}`];
}

const FAILED = ["error 3", 'close 3 1006 "" unclean'];

const ENDS: readonly [what: string, act: (peer: RawPeer) => void, expected: readonly string[]][] = [
  [
    "a close with a status and a reason",
    (peer) => peer.socket.end(unmasked(0x88, Buffer.concat([statusBytes(4000), Buffer.from("grüße")]))),
    ['close 3 4000 "grüße" clean'],
  ],
  ["a close without a status", (peer) => peer.socket.end(unmasked(0x88)), ['close 3 1005 "" clean']],
  [
    "a message, a close, and a message too late",
    (peer) => {
      peer.write(unmasked(0x81, "one"), unmasked(0x88, statusBytes(1000)), unmasked(0x81, "late"));
      peer.socket.end();
    },
    ["message 1", 'close 3 1000 "" clean'],
  ],
  ["the end of the stream, and no close", (peer) => peer.socket.end(), ['close 3 1006 "" unclean']],
  ["a reset", (peer) => peer.socket.resetAndDestroy(), FAILED],
  ["a reserved opcode", (peer) => peer.write(unmasked(0x83, "LOL")), FAILED],
  ["text that is not UTF-8", (peer) => peer.write(unmasked(0x81, Buffer.of(0xff))), FAILED],
  ["a close status that may not be sent", (peer) => peer.write(unmasked(0x88, statusBytes(1006))), FAILED],
];

for (const [what, act, expected] of ENDS) {
  test(`an open connection ends by ${what}`, async (t) => {
    const { peer, socket } = await rawServer(t);
    const events = observed(socket);
    act(peer);
    peer.socket.once("end", () => peer.socket.end());
    assert.deepEqual(await events, expected);
  });
}

const REFUSALS: readonly [what: string, protocols: string[], answer: (request: string) => string | Buffer][] = [
  ["another status", [], () => "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"],
  ["a redirect", [], () => "HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n"],
  ["what is not HTTP", [], () => "FOO BAR BAZ\r\n\r\n"],
  ["the end of the stream", [], () => ""],
  ["none of the subprotocols that were offered", ["chat"], (request) => switching(request)],
  ["an empty subprotocol", ["chat"], (request) => switching(request, "Sec-WebSocket-Protocol: ")],
  ["a subprotocol that was not offered", ["chat"], (request) => switching(request, "Sec-WebSocket-Protocol: Chat")],
  ["a subprotocol where none was offered", [], (request) => switching(request, "Sec-WebSocket-Protocol: chat")],
  [
    "a subprotocol twice",
    ["a", "b"],
    (request) => switching(request, "Sec-WebSocket-Protocol: a", "Sec-WebSocket-Protocol: b"),
  ],
  ["an extension that was not offered", [], (request) => switching(request, "Sec-WebSocket-Extensions: x-unknown")],
  ["an accept that is not its key's", [], (request) => switching(request.replace(/Key: ../, "Key: xx"))],
];

for (const [what, protocols, answer] of REFUSALS) {
  test(`a server that answers with ${what} fails the connection: an error that says nothing, and 1006`, async (t) => {
    const url = await serveRaw(t, async (peer) => peer.socket.end(answer(await peer.head())));
    assert.deepEqual(await observed(new WebSocket(url, protocols)), FAILED);
  });
}

test("a port that refuses, a name that does not resolve, and TLS that fails end like a refusal", async (t) => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  await new Promise((done) => server.close(done));
  const plain = new URL(await serveRaw(t, (peer) => peer.socket.end("no TLS")));
  for (const url of [`ws://127.0.0.1:${port}`, "ws://name.invalid", `wss://127.0.0.1:${plain.port}`]) {
    assert.deepEqual(await observed(new WebSocket(url)), FAILED, url);
  }
});

/** https://fetch.spec.whatwg.org/#bad-port, of 2025 */
const BAD_PORTS = `
  0 1 7 9 11 13 15 17 19 20 21 22 23 25 37 42 43 53 69 77 79 87 95 101 102 103 104 109 110 111 113 115 117 119 123 135
  137 139 143 161 179 389 427 465 512 513 514 515 526 530 531 532 540 548 554 556 563 587 601 636 989 990 993 995 1719
  1720 1723 2049 3659 4045 4190 5060 5061 6000 6566 6665 6666 6667 6668 6669 6679 6697 10080`;

test("a port that Fetch blocks fails the connection before it is begun", async () => {
  for (const port of [0, 1, 25, 6000, 6667, 10080]) {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/`);
    assert.equal(socket.readyState, WebSocket.CONNECTING);
    const error = nextEvent<ErrorEvent>(socket, "error");
    assert.deepEqual(await observed(socket), FAILED, String(port));
    assert.match((await error).message, /blocked/);
  }
});

test("the ports that are blocked are those of Fetch, and none beside them", async () => {
  const { hasBadPort } = await inner<{ hasBadPort(url: URL): boolean }>("client/opening.js");
  const ports = Array.from({ length: 65_536 }, (_, port) => port);
  assert.deepEqual(
    ports.filter((port) => hasBadPort(new URL(`ws://localhost:${port}`))),
    BAD_PORTS.match(/\d+/g)?.map(Number),
  );
  assert.equal(hasBadPort(new URL("ws://localhost")), false);
});

test("close while connecting fails the connection, in a task of its own", async (t) => {
  const socket = new WebSocket(await serveRaw(t, () => {}));
  const order: string[] = [];
  socket.close(3000, "unused");
  assert.equal(socket.readyState, WebSocket.CLOSING);
  socket.close();
  const note = (event: Event): unknown => order.push(`${event.type} ${socket.readyState}`);
  socket.onerror = note;
  socket.onclose = note;
  for (let microtask = 0; microtask < 100; microtask++) await null;
  assert.deepEqual(order, [], "a listener added later in the same task misses nothing");
  const { code, reason, wasClean } = await closed(socket);
  assert.deepEqual([code, reason, wasClean], [1006, "", false]);
  assert.deepEqual(order, ["error 3", "close 3"]);
  await turn();
  assert.deepEqual(order, ["error 3", "close 3"], "once");
});

test("close in a close event does nothing", async (t) => {
  const socket = new WebSocket(await serveRaw(t, () => {}));
  let closes = 0;
  socket.onclose = () => {
    closes++;
    socket.close();
    assert.equal(socket.readyState, WebSocket.CLOSED);
  };
  socket.close();
  await closed(socket);
  await turn();
  assert.equal(closes, 1);
});

test("a close that the peer does not answer with one of its own is unclean", async (t) => {
  const { peer, socket } = await rawServer(t);
  const events = observed(socket);
  socket.close(4000, "bye");
  await peer.bytes(2 + 4 + 2 + 3);
  peer.socket.end();
  assert.deepEqual(await events, ['close 3 1006 "" unclean']);
});

test("the close event reports the peer's status, not our own", async (t) => {
  const { peer, socket } = await rawServer(t);
  const events = observed(socket);
  socket.close(4000, "bye");
  peer.socket.end(unmasked(0x88, statusBytes(4001)));
  assert.deepEqual(await events, ['close 3 4001 "" clean']);
});

test("a reason's lone surrogates are U+FFFD, and count as such", async (t) => {
  const { url } = await serve(t);
  const socket = new WebSocket(url);
  await nextEvent(socket, "open");
  assert.throws(() => socket.close(1000, "\uD800".repeat(42)), { name: "SyntaxError" });
  socket.close(1000, "\uD800".repeat(41));
  const { code } = await closed(socket);
  assert.equal(code, 1000);
});

test("a message event has the URL's origin, and the rest as it is by default", async (t) => {
  const connect = await connector(t, "client");
  const { peer, socket } = await connect();
  const message = nextEvent<MessageEvent>(socket, "message");
  peer.write(unmasked(0x81, "text"));
  const event = await message;
  assert.equal(event.origin, new URL(socket.url).origin);
  assert.deepEqual([event.data, event.lastEventId, event.source, event.ports.length], ["text", "", null, 0]);
  assert.deepEqual([event.bubbles, event.cancelable, event.composed], [false, false, false]);
});

test("bufferedAmount does not fall before the task is over, nor when the connection is lost", async (t) => {
  const { peer, socket } = await rawServer(t);
  socket.send("four");
  for (let microtask = 0; microtask < 100; microtask++) await null;
  assert.equal(socket.bufferedAmount, 4);
  await peer.bytes(2 + 4 + 4);
  await turn();
  assert.equal(socket.bufferedAmount, 0);
  peer.socket.pause();
  const block = Buffer.alloc(1 << 20);
  while (socket.bufferedAmount < 16 << 20) {
    socket.send(block);
    await turn();
  }
  const end = closed(socket);
  peer.socket.resetAndDestroy();
  const { code }: CloseEvent = await end;
  assert.equal(code, 1006);
  const unsent = socket.bufferedAmount;
  assert.ok(unsent > 0 && unsent % block.length === 0, `${unsent} bytes were never sent`);
  socket.send("ä");
  assert.equal(socket.bufferedAmount, unsent + 2);
});

test("data that is not a string, buffer or Blob is sent as a string", async (t) => {
  const { url } = await serve(t, {}, (socket) => {
    socket.onmessage = (event) => socket.send(event.data);
  });
  const socket = new WebSocket(url);
  await nextEvent(socket, "open");
  const given: unknown[] = [undefined, null, 1, {}, [], socket, new Error("why"), { toString: () => "\uDC00" }];
  const received = messages(socket, given.length);
  for (const value of given) socket.send(value as string);
  const sent = given.map((value) => String(value).toWellFormed());
  assert.deepEqual(await received, sent);
  assert.throws(() => socket.send(Symbol("s") as unknown as string), TypeError);
  socket.close();
});
