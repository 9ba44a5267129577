/** The component API in JavaScript: names and numbers of websocket.h, and the action loop through the wasm boundary. */
import assert from "node:assert/strict";
import { test } from "node:test";

import {
  Action,
  ActionQueue,
  BufferType,
  CloseStatus,
  getGlobalProperty,
  Handle,
  type HeaderFields,
  handleCount,
  MAX_CLOSE_REASON_LENGTH,
  offeredSubprotocols,
  PropertyType,
  parseRequest,
  parseResponse,
  writeRequest,
  writeResponse,
} from "websocket-component/component";

import { feed, HEADERS, openClient, openServer, utf8 } from "./handles.js";
import { garbageCollector, hex, masked, REQUEST, unmasked } from "./support.js";

test("names have the numbers of websocket.h", () => {
  assert.deepEqual(Object.values(Action), [0, 1, 2, 3, 4]);
  assert.deepEqual(ActionQueue, { Send: 1, Receive: 2, All: 3 });
  assert.deepEqual(
    Object.values(BufferType),
    [0, 1, 2, 3, 4, 5, 6].map((number) => 0x80000000 + number),
  );
  assert.deepEqual(Object.values(PropertyType), [0, 1, 2, 3, 4, 5, 6]);
  assert.equal(MAX_CLOSE_REASON_LENGTH, 123);
  assert.deepEqual(
    Object.values(CloseStatus),
    [1000, 1001, 1002, 1003, 1005, 1006, 1007, 1008, 1009, 1010, 1011, 1015],
  );
  for (const constants of [Action, ActionQueue, BufferType, CloseStatus, PropertyType])
    assert.ok(Object.isFrozen(constants));
  assert.equal(getGlobalProperty(PropertyType.KeepaliveInterval), 30_000);
  assert.deepEqual(getGlobalProperty(PropertyType.SupportedVersions), [13]);
  for (const type of [0, 1, 4, 99, -1]) assert.throws(() => getGlobalProperty(type as never), { code: "E_INVALIDARG" });
});

test("the handshake takes headers in every shape that runtimes have", () => {
  const shapes: HeaderFields[] = [
    HEADERS,
    HEADERS.map(([name, value]) => ({ name, value })),
    HEADERS.flat(),
    new Headers(HEADERS),
    new Map(HEADERS),
    Object.fromEntries(HEADERS),
  ];
  for (const headers of shapes) {
    const server = Handle.createServer();
    const response = server.beginServerHandshake({ headers });
    assert.deepEqual(response, [
      ["Upgrade", "websocket"],
      ["Connection", "Upgrade"],
      ["Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="],
    ]);
    server.delete();
  }
});

test("both sides agree on a subprotocol and on extensions, as indices into what was offered", () => {
  const [client, server] = [Handle.createClient(), Handle.createServer()];
  const request = client.beginClientHandshake({
    subprotocols: ["a", "b"],
    extensions: ["x; p=1", "y"],
    headers: [["Host", ""]],
  });
  assert.deepEqual(offeredSubprotocols(request), ["a", "b"]);
  const response = server.beginServerHandshake({ subprotocol: "b", extensions: ["y"], headers: request });
  assert.deepEqual(client.endClientHandshake(response), { subprotocol: 1, extensions: [1] });
  const strict = Handle.createClient();
  const plain = Handle.createServer().beginServerHandshake({
    headers: strict.beginClientHandshake({ subprotocols: ["a"] }),
  });
  assert.throws(() => strict.endClientHandshake(plain), { code: "E_SUBPROTOCOL_NOT_SUPPORTED" });
  assert.deepEqual(strict.endClientHandshake(plain, { allowNoSubprotocol: true }), {
    subprotocol: null,
    extensions: [],
  });
});

test("errors carry code, unsigned HRESULT, section and close status", () => {
  const server = Handle.createServer();
  const other = HEADERS.map(([name, value]): [string, string] => [name, value === "13" ? "8" : value]);
  assert.throws(() => server.beginServerHandshake({ headers: other }), {
    name: "WebSocketProtocolError",
    code: "E_PROTOCOL_VERSION_NOT_SUPPORTED",
    hresult: 0x83760005,
    closeStatus: undefined,
    section: "RFC 6455 §4.4",
  });
  assert.throws(() => server.send(BufferType.PingPong), { code: "E_INVALID_PROTOCOL_OPERATION", hresult: 0x83760001 });
  assert.throws(() => Handle.createClient({ receiveBufferSize: 255 }), { code: "E_INVALIDARG", hresult: 0x80070057 });
  const open = openServer();
  assert.throws(() => feed(open, masked(0x81, hex("FF"))), { code: "E_INVALID_PROTOCOL_FORMAT", closeStatus: 1007 });
  assert.throws(() => open.getAction(ActionQueue.Receive), { closeStatus: 1007 }, "again");
  assert.throws(() => open.send(0x80000007), { code: "E_INVALIDARG" });
});

test("a server's send gives out a header and the caller's own array, and the context with both indications", () => {
  const server = openServer();
  const payload = Buffer.from("Hello");
  const context = { any: "value" };
  server.send(BufferType.Utf8Message, payload, context);
  const write = server.getAction();
  assert.deepEqual([write.action, write.bufferType], [Action.SendToNetwork, BufferType.Utf8Message]);
  assert.deepEqual(Buffer.from(write.buffers[0] as Uint8Array), hex("8105"));
  assert.equal(write.buffers[1], payload);
  assert.equal(write.applicationContext, context);
  assert.equal(server.getAction().action, Action.NoAction, "one at a time");
  server.completeAction(write.actionContext, 7);
  const done = server.getAction();
  assert.deepEqual([done.action, done.buffers.length], [Action.IndicateSendComplete, 0]);
  assert.equal(done.applicationContext, context);
  server.completeAction(done.actionContext);
  assert.deepEqual([server.getAction().action, server.getAction().actionContext], [Action.NoAction, 0]);
  server.completeAction(0);
  server.completeAction(done.actionContext, 99);
});

test("a client's send is masked with a fresh key and does not touch the caller's array", () => {
  const client = openClient();
  const payload = Buffer.from("Hello");
  const keys = new Set<string>();
  for (let round = 0; round < 20; round++) {
    client.send(BufferType.Utf8Message, payload);
    const { buffers, actionContext } = client.getAction(ActionQueue.Send);
    const frame = Buffer.concat(buffers);
    assert.deepEqual([frame.length, frame[0], frame[1]], [11, 0x81, 0x85]);
    const unmask = frame.subarray(6).map((byte, index) => byte ^ (frame[2 + (index % 4)] as number));
    assert.equal(Buffer.from(unmask).toString(), "Hello");
    keys.add(frame.subarray(2, 6).toString("hex"));
    client.completeAction(actionContext, 11);
    client.completeAction(client.getAction(ActionQueue.Send).actionContext);
  }
  assert.ok(keys.size > 18);
  assert.equal(payload.toString(), "Hello");
  const zero = openClient({ disableMasking: true });
  zero.send(BufferType.Utf8Message, payload);
  const { buffers } = zero.getAction();
  assert.deepEqual(Buffer.concat(buffers), hex("8185 00000000 48656C6C6F"));
});

test("a ping is answered, a pong and a message are indicated, whole and byte by byte", () => {
  const stream = Buffer.concat([
    masked(0x89, "a"),
    masked(0x8a),
    masked(0x81, "ok"),
    masked(0x01, "gr"),
    masked(0x80, "ün"),
  ]);
  const whole = feed(openServer(), stream);
  assert.deepEqual(whole.sent, unmasked(0x8a, "a"));
  assert.deepEqual(
    whole.types.map((type) => type - 0x80000000),
    [5, 0, 1, 0],
  );
  assert.equal(utf8(whole.data.join()), ",ok,gr,ün");
  const bytes = feed(openServer(), stream, 1);
  assert.deepEqual(bytes.sent, whole.sent);
  assert.equal(utf8(bytes.data.join("")), "okgrün");
});

test("a receive with the caller's buffer fills it and gives it out", () => {
  const server = openServer();
  const own = new Uint8Array(4);
  server.receive(own, "mine");
  const read = server.getAction(ActionQueue.Receive);
  assert.ok(read.capacity >= 11);
  server.completeReceive(read.actionContext, masked(0x82, "abcde"));
  const done = server.getAction(ActionQueue.Receive);
  assert.deepEqual([done.bufferType, done.applicationContext], [BufferType.BinaryFragment, "mine"]);
  assert.equal(done.buffers[0]?.buffer, own.buffer);
  assert.equal(Buffer.from(own).toString(), "abcd");
  assert.throws(() => server.receive(new Uint8Array(0)), RangeError);
  server.completeAction(done.actionContext);
  server.receive();
  const rest = server.getAction(ActionQueue.Receive);
  assert.deepEqual([rest.bufferType, Buffer.concat(rest.buffers).toString()], [BufferType.BinaryMessage, "e"]);
});

test("a read may be completed long after it was asked for, with as much as there is room for", () => {
  const server = openServer({ receiveBufferSize: 256 });
  server.receive();
  const read = server.getAction(ActionQueue.Receive);
  assert.equal(read.capacity, 256);
  // many others in between, so that the engine's memory moves on
  const others = Array.from({ length: 200 }, () => openServer({ receiveBufferSize: 65_536 }));
  assert.throws(() => server.completeReceive(read.actionContext, new Uint8Array(257)), RangeError);
  server.completeReceive(read.actionContext, masked(0x81, "late"));
  server.completeReceive(read.actionContext, masked(0x81, "again"));
  assert.equal(Buffer.concat(server.getAction().buffers).toString(), "late");
  for (const other of others) other.delete();
});

test("a buffer of another kind than the type asks for is refused, and nothing is sent", () => {
  const server = openServer();
  for (const [type, buffer] of [
    [BufferType.Utf8Message, "Hello"],
    [BufferType.Utf8Message, { status: 1000 }],
    [BufferType.Close, "bye"],
    [BufferType.Close, {}],
  ] as const) {
    assert.throws(() => server.send(type, buffer as Uint8Array), TypeError);
  }
  for (const status of [66_536, -1, 1000.5, Number.NaN]) {
    assert.throws(() => server.send(BufferType.Close, { status }), { code: "E_INVALIDARG" });
  }
  assert.equal(server.getAction().action, Action.NoAction);
});

test("a close is indicated with status and reason, and answered by the caller", () => {
  const server = openServer();
  server.receive();
  server.completeReceive(
    server.getAction().actionContext,
    masked(0x88, Buffer.concat([hex("0BB9"), Buffer.from("bye")])),
  );
  const closed = server.getAction();
  assert.deepEqual([closed.bufferType, closed.closeStatus], [BufferType.Close, 3001]);
  assert.equal(Buffer.concat(closed.buffers).toString(), "bye");
  server.completeAction(closed.actionContext);
  assert.equal(server.getAction().action, Action.NoAction);
  server.send(BufferType.Close, { status: 3001, reason: "too" });
  assert.deepEqual(
    Buffer.concat(server.getAction().buffers),
    unmasked(0x88, Buffer.concat([hex("0BB9"), Buffer.from("too")])),
  );
  assert.throws(() => server.send(BufferType.Utf8Message), { code: "E_INVALID_PROTOCOL_OPERATION" });
  assert.throws(() => server.receive(), { code: "E_INVALID_PROTOCOL_OPERATION" });
});

test("an abort drains every operation with its context", () => {
  const server = openServer();
  server.receive(undefined, "r");
  const read = server.getAction(ActionQueue.Receive);
  server.send(BufferType.Utf8Message, Buffer.from("b"), "b");
  server.send(BufferType.Utf8Message, Buffer.from("c"), "c");
  server.abort();
  const contexts: unknown[] = [];
  const drain = () => {
    for (let action = server.getAction(); action.action !== Action.NoAction; action = server.getAction()) {
      contexts.push(action.applicationContext);
      server.completeAction(action.actionContext);
    }
  };
  drain();
  server.completeAction(read.actionContext, 0);
  drain();
  assert.deepEqual(contexts, ["b", "c", "r"]);
});

/** Collects garbage, and lets what waits for that run. */
function collector(): () => Promise<void> {
  const collect = garbageCollector();
  return async () => {
    await new Promise((next) => setTimeout(next, 5));
    collect();
  };
}

test("a deleted handle says so, and its memory is free; a forgotten one is collected", async () => {
  const before = handleCount();
  const server = openServer();
  assert.equal(handleCount(), before + 1);
  server[Symbol.dispose]();
  server.delete();
  assert.equal(handleCount(), before);
  assert.throws(() => server.getAction(), { code: "WS_ERR_INVALID_STATE" });
  const collect = collector();
  for (let index = 0; index < 10; index++) openServer();
  for (let turn = 0; turn < 50 && handleCount() > before; turn++) await collect();
  assert.ok(handleCount() <= before, "handles of this test and of those before it");
});

test("a deleted handle's memory is used again", () => {
  for (let round = 0; round < 5000; round++) {
    // five thousand of these together would not fit into the memory of a wasm module
    const handle = openServer({ receiveBufferSize: 2 ** 20 });
    handle.receive();
    assert.equal(handle.getAction().capacity, 2 ** 20);
    handle.delete();
  }
});

test("a context and a payload are held until the indication is completed, and no longer", async () => {
  const server = openServer();
  const collect = collector();
  const held = ((): WeakRef<object>[] => {
    const [context, payload] = [{ any: "value" }, Buffer.alloc(100)];
    server.send(BufferType.Utf8Message, payload, context);
    return [new WeakRef(context), new WeakRef(payload)];
  })();
  await collect();
  assert.ok(held.every((reference) => reference.deref() !== undefined));
  server.completeAction(server.getAction().actionContext, 104);
  const indication = server.getAction().actionContext;
  await collect();
  assert.ok(held.every((reference) => reference.deref() !== undefined));
  server.completeAction(indication);
  for (let turn = 0; turn < 20 && held.some((reference) => reference.deref() !== undefined); turn++) await collect();
  assert.ok(held.every((reference) => reference.deref() === undefined));
  server.delete();
});

test("HTTP heads are read with what follows them left over, and written without a way to smuggle", () => {
  const request = parseRequest(Buffer.from(`${REQUEST}rest`));
  assert.deepEqual([request?.method, request?.target, request?.length], ["GET", "/", REQUEST.length]);
  assert.deepEqual(request?.headers[0], ["Host", "localhost"]);
  for (let cut = 0; cut < REQUEST.length; cut++)
    assert.equal(parseRequest(Buffer.from(REQUEST.slice(0, cut))), undefined);
  for (const malformed of [
    "GET / HTTP/1.1\nHost: a\r\n\r\n",
    "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
    "GET / HTTP/1.1\r\n folded\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET / HTTP/1.0\r\nHost: a\r\n\r\n",
    "GET / HTTP/1.1\r\nA: b\r\n\r\n",
  ]) {
    assert.throws(() => parseRequest(Buffer.from(malformed)), { code: "E_INVALID_PROTOCOL_FORMAT" }, malformed);
  }
  const response = parseResponse(writeResponse(101, "Switching Protocols", { Upgrade: "websocket", Via: ["a", "b"] }));
  assert.deepEqual([response?.status, response?.reason], [101, "Switching Protocols"]);
  assert.deepEqual(response?.headers, [
    ["Upgrade", "websocket"],
    ["Via", "a"],
    ["Via", "b"],
  ]);
  assert.equal(Buffer.from(writeRequest("/a?b", [["Host", "h"]])).toString(), "GET /a?b HTTP/1.1\r\nHost: h\r\n\r\n");
  for (const target of ["", "/a b", "/a\r\nX: y", "/ä"])
    assert.throws(() => writeRequest(target, []), { code: "E_INVALIDARG" });
  for (const field of [
    ["a b", "c"],
    ["", "c"],
    ["a", "b\r\nc: d"],
    ["a", "\u0000"],
    ["a", "€"],
  ] as const) {
    assert.throws(() => writeRequest("/", [field]), { code: "E_INVALIDARG" });
    assert.throws(() => writeResponse(101, "OK", [field]), { code: "E_INVALIDARG" });
  }
});
test("what the peer sends cannot make getAction throw: a reason or a pong longer than the caller's buffer has its own", () => {
  for (const [frame, type, payload] of [
    [masked(0x88, Buffer.from("\x03\xe8a long reason", "latin1")), BufferType.Close, "a long reason"],
    [masked(0x8a, "a long pong"), BufferType.PingPong, "a long pong"],
  ] as const) {
    const server = openServer();
    const own = new Uint8Array(2);
    server.receive(own, "mine");
    const read = server.getAction(ActionQueue.Receive);
    server.completeReceive(read.actionContext, frame);
    const done = server.getAction(ActionQueue.Receive);
    assert.deepEqual([done.action, done.bufferType], [Action.IndicateReceiveComplete, type]);
    assert.equal(Buffer.concat(done.buffers).toString(), payload);
    server.completeAction(done.actionContext);
    assert.equal(server.getAction(ActionQueue.Receive).action, Action.NoAction);
  }
});

test("a receive buffer that was detached since loses no data", () => {
  const server = openServer();
  const own = new Uint8Array(16);
  server.receive(own);
  const read = server.getAction(ActionQueue.Receive);
  structuredClone(own.buffer, { transfer: [own.buffer] });
  server.completeReceive(read.actionContext, masked(0x82, "abc"));
  assert.equal(Buffer.concat(server.getAction(ActionQueue.Receive).buffers).toString(), "abc");
});

test("a payload whose array was detached before it left leaves as it was", () => {
  const server = openServer();
  const payload = new Uint8Array(Buffer.from("payload"));
  server.send(BufferType.BinaryMessage, payload);
  structuredClone(payload.buffer, { transfer: [payload.buffer] });
  const { buffers } = server.getAction(ActionQueue.Send);
  assert.equal(Buffer.concat(buffers).toString("latin1"), "\x82\x07payload");
});

test("arguments that are not byte arrays are TypeErrors, before anything happens", () => {
  const server = openServer();
  for (const wrong of ["abc", new ArrayBuffer(4), new Uint16Array(4), 4, null]) {
    assert.throws(() => server.receive(wrong as never), TypeError);
    assert.throws(() => server.completeReceive(1, wrong as never), TypeError);
  }
  assert.equal(server.getAction().action, Action.NoAction);
});

test("an array that tells another length than it has is taken for what it is", () => {
  const longer = (bytes: string, length = 300) =>
    Object.defineProperty(Buffer.from(bytes, "latin1"), "length", { value: length });
  const server = openServer();
  server.send(BufferType.BinaryMessage, longer("abc"));
  const { buffers, actionContext } = server.getAction(ActionQueue.Send);
  assert.equal(Buffer.concat(buffers.map((one) => Uint8Array.from(one))).toString("latin1"), "\x82\x03abc");
  server.completeAction(actionContext, 5);
  server.completeAction(server.getAction(ActionQueue.Send).actionContext);
  server.receive(longer("    "));
  const read = server.getAction(ActionQueue.Receive);
  server.completeReceive(read.actionContext, longer(masked(0x82, "123456").toString("latin1"), 3));
  const { buffers: received } = server.getAction(ActionQueue.Receive);
  assert.equal(Buffer.concat(received).toString("latin1"), "1234");
  server.send(BufferType.Close, { status: 3000, reason: longer("bye", 100) });
  assert.equal(Buffer.concat(server.getAction(ActionQueue.Send).buffers).toString("latin1"), "\x88\x05\x0b\xb8bye");
  assert.throws(() => server.send(BufferType.Close, { status: 3000, reason: 5 as never }), TypeError);
});
