/** The contract tests of the component API through the wasm boundary; the numbers are those of tests/action_loop.rs. */
import assert from "node:assert/strict";
import { test } from "node:test";

import {
  Action,
  ActionQueue,
  type ActionResult,
  BufferType,
  type CloseBuffer,
  CloseStatus,
  Handle,
  handleCount,
} from "websocket-component/component";

import { feed, HEADERS, openClient, openServer, read, utf8 } from "./handles.js";
import { hex, masked, unmasked } from "./support.js";

const { Send, Receive, All } = ActionQueue;

/** The next action, which must be of this kind. */
function expect(handle: Handle, action: Action, queue: ActionQueue = All): ActionResult {
  const result = handle.getAction(queue);
  assert.equal(result.action, action);
  return result;
}

/** Takes the next action, which must be of this kind, completes it as done, and returns its bytes. */
function perform(handle: Handle, action: Action, queue: ActionQueue = All): Buffer {
  const result = expect(handle, action, queue);
  const bytes = Buffer.concat(result.buffers);
  handle.completeAction(result.actionContext, bytes.length);
  return bytes;
}

/** All frames of one send, unmasked if `handle` is a client. */
function sent(handle: Handle, type: number, buffer?: Uint8Array | CloseBuffer): Buffer {
  handle.send(type, buffer);
  const frames: Buffer[] = [];
  for (;;) {
    const result = handle.getAction(Send);
    const bytes = Buffer.concat(result.buffers);
    handle.completeAction(result.actionContext, bytes.length);
    if (result.action === Action.IndicateSendComplete) return Buffer.concat(frames);
    frames.push(bytes);
  }
}

/** The application contexts of everything that is indicated until there is nothing more. */
function drain(handle: Handle, queue: ActionQueue = All): unknown[] {
  const contexts: unknown[] = [];
  for (;;) {
    const result = handle.getAction(queue);
    if (result.action === Action.NoAction) return contexts;
    assert.deepEqual(result.buffers, []);
    contexts.push(result.applicationContext);
    handle.completeAction(result.actionContext);
  }
}

const text = (characters: string): Buffer => Buffer.from(characters);

test("a server's frames are those of the specification, byte for byte", () => {
  const rows: [number, Uint8Array | CloseBuffer | undefined, string][] = [
    [BufferType.Utf8Message, text("Hello"), "8105 48656C6C6F"],
    [BufferType.Utf8Message, undefined, "8100"],
    [BufferType.BinaryMessage, new Uint8Array(0), "8200"],
    [BufferType.PingPong, undefined, "8900"],
    [BufferType.PingPong, text("a"), "8901 61"],
    [BufferType.UnsolicitedPong, undefined, "8A00"],
    [BufferType.Close, { status: CloseStatus.Success, reason: "bye" }, "8805 03E8 627965"],
    [BufferType.Close, { status: 3000 }, "8802 0BB8"],
    [BufferType.Close, { status: CloseStatus.Empty }, "8800"],
    [BufferType.Close, undefined, "8800"],
  ];
  for (const [type, buffer, bytes] of rows) assert.deepEqual(sent(openServer(), type, buffer), hex(bytes), bytes);
  const server = openServer();
  assert.deepEqual(sent(server, BufferType.Utf8Fragment, text("Hel")), hex("0103 48656C"));
  assert.deepEqual(sent(server, BufferType.PingPong), hex("8900"), "a control frame goes between");
  assert.deepEqual(sent(server, BufferType.Utf8Message, text("lo")), hex("8002 6C6F"));
  assert.deepEqual(sent(server, BufferType.BinaryMessage, new Uint8Array(126)).subarray(0, 4), hex("827E007E"));
  const long = sent(server, BufferType.BinaryMessage, new Uint8Array(65_536));
  assert.deepEqual([long.length, long.subarray(0, 10)], [65_546, hex("827F 0000000000010000")]);
});

test("a client's long message leaves as masked frames that fit its send buffer", () => {
  const message = text("0123456789abcdefghijKLM");
  const frames = sent(openClient({ sendBufferSize: 16 }), BufferType.Utf8Message, message);
  assert.deepEqual([frames[0], frames[16], frames[32]], [0x01, 0x00, 0x80]);
  assert.deepEqual([frames[1], frames[17], frames[33]], [0x8a, 0x8a, 0x83]);
  const all = feed(openServer(), frames);
  assert.equal(utf8(all.data.join("")), String(message));
  const whole = openClient({ disableMasking: true, sendBufferSize: 16 });
  whole.send(BufferType.BinaryMessage, message);
  const { buffers } = whole.getAction();
  assert.deepEqual(Buffer.from(buffers[0] as Uint8Array), hex("8297 00000000"));
  assert.equal(buffers[1], message, "a key of zeros changes nothing, so the caller's array leaves as it is");
});

test("a caller with one slot gets header and payload at once if they fit, else in turn", () => {
  const server = openServer();
  server.send(BufferType.Utf8Message, text("Hello"));
  const small = server.getAction(All, 1);
  assert.deepEqual(
    small.buffers.map((buffer) => Buffer.from(buffer)),
    [hex("8105 48656C6C6F")],
  );
  server.completeAction(small.actionContext, 7);
  perform(server, Action.IndicateSendComplete);
  const payload = Buffer.alloc(100, "x");
  server.send(BufferType.Utf8Message, payload);
  for (const piece of [hex("8164"), payload]) {
    const { buffers, actionContext } = server.getAction(All, 1);
    assert.deepEqual(
      buffers.map((buffer) => Buffer.from(buffer)),
      [piece],
    );
    server.completeAction(actionContext, piece.length);
  }
  perform(server, Action.IndicateSendComplete);
});

test("1, 2: a queue hands out one action at a time, the other goes on, and nothing comes of completing nothing", () => {
  const server = openServer();
  server.completeAction(expect(server, Action.NoAction).actionContext);
  server.send(BufferType.Utf8Message, text("a"), "s");
  server.receive(undefined, "r");
  const write = expect(server, Action.SendToNetwork);
  expect(server, Action.NoAction, Send);
  const reading = expect(server, Action.ReceiveFromNetwork);
  assert.deepEqual([write.applicationContext, reading.applicationContext], ["s", "r"]);
  expect(server, Action.NoAction);
  server.completeAction(0, 3);
  server.completeAction(0xffff_ffff, 3);
  expect(server, Action.NoAction);
  server.completeAction(write.actionContext, 3);
  perform(server, Action.IndicateSendComplete);
});

test("3: a receive indication may be completed with any count", () => {
  const server = openServer();
  read(server, masked(0x81, "ok"));
  server.completeAction(expect(server, Action.IndicateReceiveComplete).actionContext, 12_345);
  expect(server, Action.NoAction);
  server.receive();
  expect(server, Action.ReceiveFromNetwork);
});

test("4: a send completed with 0, or with more than there is, is cancelled, and the handle goes on", () => {
  for (const count of [0, 8]) {
    const server = openServer();
    server.send(BufferType.Utf8Message, text("Hello"), "A");
    server.completeAction(expect(server, Action.SendToNetwork).actionContext, count);
    const indication = expect(server, Action.IndicateSendComplete);
    assert.deepEqual([indication.cancelled, indication.applicationContext], [true, "A"]);
    server.completeAction(indication.actionContext);
    assert.deepEqual(sent(server, BufferType.Utf8Message, text("B")), hex("8101 42"));
  }
});

test("4: a send completed short is cancelled, and nothing follows half a frame", () => {
  const server = openServer();
  server.receive(undefined, "R");
  server.send(BufferType.Utf8Message, text("Hello"), "A");
  server.send(BufferType.Utf8Message, text("B"), "B");
  server.completeAction(expect(server, Action.SendToNetwork).actionContext, 6);
  for (const context of ["A", "B"]) {
    const indication = expect(server, Action.IndicateSendComplete);
    assert.deepEqual([indication.cancelled, indication.applicationContext], [true, context]);
    server.completeAction(indication.actionContext);
  }
  const received = expect(server, Action.IndicateReceiveComplete);
  assert.deepEqual([received.cancelled, received.applicationContext], [true, "R"]);
  server.completeAction(received.actionContext);
  assert.throws(() => server.send(BufferType.PingPong), { code: "E_INVALID_PROTOCOL_OPERATION" });
  expect(server, Action.NoAction);
});

test("a send of which all was written was not cancelled", () => {
  const server = openServer();
  server.send(BufferType.Utf8Message, text("Hello"));
  server.completeAction(expect(server, Action.SendToNetwork).actionContext, 7);
  assert.equal(expect(server, Action.IndicateSendComplete).cancelled, false);
});

test("5: a read of nothing cancels the receive, and the next goes on inside the frame", () => {
  const server = openServer();
  const frame = masked(0x81, "Hello");
  read(server, frame.subarray(0, 4), "A");
  server.completeReceive(expect(server, Action.ReceiveFromNetwork).actionContext, new Uint8Array(0));
  const cancelled = expect(server, Action.IndicateReceiveComplete);
  server.completeAction(cancelled.actionContext);
  assert.deepEqual([cancelled.bufferType, cancelled.buffers, cancelled.applicationContext], [0, [], "A"]);
  assert.equal(utf8(feed(server, frame.subarray(4)).data.join("")), "Hello");
});

test("6, 7: a message over the receive buffer comes as fragments and one message, however it is read", () => {
  const message = "ä€😀.".repeat(100);
  for (const size of [1, 7, 256]) {
    const { types, data } = feed(openServer({ receiveBufferSize: 256 }), masked(0x81, message), size);
    assert.equal(utf8(data.join("")), message);
    assert.equal(types.pop(), BufferType.Utf8Message);
    assert.deepEqual(new Set(types), new Set([BufferType.Utf8Fragment]));
  }
});

test("8, 9: a ping between the halves of a character is answered, a pong ends the receive", () => {
  const [first, second] = [hex("E282"), hex("AC")];
  const stream = Buffer.concat([masked(0x01, first), masked(0x89, "p"), masked(0x8a, "q"), masked(0x80, second)]);
  for (const size of [1, stream.length]) {
    const { types, data, sent: pongs } = feed(openServer(), stream, size);
    assert.equal(utf8(data.filter((_, index) => types[index] !== BufferType.PingPong).join("")), "€");
    assert.equal(types.filter((type) => type === BufferType.PingPong).length, 1);
    assert.deepEqual(pongs, unmasked(0x8a, "p"));
  }
});

test("10: a pong passes a send that is being written, and holds up the next", () => {
  const server = openServer();
  server.send(BufferType.Utf8Message, text("a"), "a");
  server.send(BufferType.Utf8Message, text("b"), "b");
  const write = expect(server, Action.SendToNetwork, Send);
  read(server, masked(0x89, "p"));
  const pong = expect(server, Action.SendToNetwork, Receive);
  assert.deepEqual([pong.bufferType, pong.applicationContext], [BufferType.PingPong, undefined]);
  server.completeAction(write.actionContext, 3);
  expect(server, Action.NoAction, Send);
  server.completeAction(pong.actionContext, 3);
  perform(server, Action.IndicateSendComplete, Send);
  assert.deepEqual(perform(server, Action.SendToNetwork, Send), hex("8101 62"));
});

test("11: the peer's close is reported and not answered, and ends receiving", () => {
  for (const [frame, status, reason] of [
    [masked(0x88), CloseStatus.Empty, ""],
    [masked(0x88, hex("03E8")), CloseStatus.Success, ""],
    [masked(0x88, hex("0FA0 C3A4")), 4000, "ä"],
  ] as const) {
    const server = openServer();
    read(server, frame);
    const closed = expect(server, Action.IndicateReceiveComplete);
    assert.deepEqual([closed.bufferType, closed.closeStatus], [BufferType.Close, status]);
    assert.equal(String(Buffer.concat(closed.buffers)), reason);
    server.completeAction(closed.actionContext);
    expect(server, Action.NoAction);
    assert.throws(() => server.receive(), { code: "E_INVALID_PROTOCOL_OPERATION" });
    assert.deepEqual(sent(server, BufferType.Close, { status: 1000 }), hex("8802 03E8"));
    assert.throws(() => server.send(BufferType.Close), { code: "E_INVALID_PROTOCOL_OPERATION" });
  }
});

test("12: after its own close only pings and pongs may be sent", () => {
  const server = openServer();
  sent(server, BufferType.Close, { status: 1000 });
  for (const type of [BufferType.Utf8Message, BufferType.BinaryFragment, BufferType.Close]) {
    assert.throws(() => server.send(type), { code: "E_INVALID_PROTOCOL_OPERATION" });
  }
  assert.deepEqual(sent(server, BufferType.PingPong), hex("8900"));
  assert.deepEqual(sent(server, BufferType.UnsolicitedPong), hex("8A00"));
  assert.deepEqual(feed(server, masked(0x81, "still read")).data, ["still read"]);
});

test("13: a violation makes no frame, repeats, and leaves the send side and the drain", () => {
  const server = openServer();
  const violation = { code: "E_INVALID_PROTOCOL_FORMAT", hresult: 0x83760002, closeStatus: 1002 };
  read(server, unmasked(0x81, "no mask"), "R");
  assert.throws(() => server.getAction(), violation);
  assert.throws(() => server.getAction(Receive), violation);
  expect(server, Action.NoAction, Send);
  assert.throws(() => server.receive(), { code: "E_INVALID_PROTOCOL_OPERATION" });
  assert.deepEqual(sent(server, BufferType.Close, { status: 1002 }), hex("8802 03EA"));
  server.abort();
  assert.deepEqual(drain(server), ["R"]);
});

test("14, 15: an abort before the handshake's end has no effect; a server's first send ends the handshake", () => {
  const server = Handle.createServer();
  server.abort();
  server.beginServerHandshake({ headers: HEADERS });
  server.abort();
  assert.deepEqual(sent(server, BufferType.Utf8Message, text("a")), hex("8101 61"));
  assert.throws(() => server.endServerHandshake(), { code: "E_INVALID_PROTOCOL_OPERATION" });
});

test("16: a handle may be deleted in every state, with operations and actions outstanding", () => {
  const before = handleCount();
  const states: ((handle: Handle) => void)[] = [
    () => {},
    (handle) => handle.receive(),
    (handle) => {
      handle.receive();
      handle.getAction();
    },
    (handle) => {
      handle.send(BufferType.Utf8Message, text("a"));
      handle.getAction();
    },
    (handle) => {
      handle.send(BufferType.Close);
      handle.send(BufferType.PingPong);
      handle.abort();
    },
    (handle) => read(handle, masked(0x88)),
    (handle) => assert.throws(() => feed(handle, hex("FF80"))),
  ];
  for (const state of states) {
    const handle = openServer();
    state(handle);
    handle.delete();
    for (const call of [
      () => handle.send(BufferType.PingPong),
      () => handle.receive(),
      () => handle.getAction(),
      () => handle.completeAction(1),
      () => handle.completeReceive(1, text("a")),
      () => handle.abort(),
      () => handle.beginClientHandshake(),
      () => handle.endServerHandshake(),
    ]) {
      assert.throws(call, { name: "WebSocketError", code: "WS_ERR_INVALID_STATE" });
    }
    handle.delete();
  }
  for (const fresh of [Handle.createClient(), Handle.createServer()]) fresh.delete();
  const begun = Handle.createClient();
  begun.beginClientHandshake();
  begun.delete();
  assert.equal(handleCount(), before);
});

test("17: the smallest sets of headers do, and a server fed with what a client returned", () => {
  const server = Handle.createServer();
  const request = [
    ["Connection", "keep-alive, UPGRADE"],
    ["upgrade", "WebSocket"],
    ["Host", ""],
    ["sec-websocket-version", "13"],
    ["SEC-WEBSOCKET-KEY", "AAAAAAAAAAAAAAAAAAAAAA=="],
  ] as const;
  const response = new Map(server.beginServerHandshake({ headers: request }));
  assert.equal(response.get("Sec-WebSocket-Accept"), "ICX+Yqv66kxgM0FcWaLWlFLwTAI=");
  const client = Handle.createClient();
  const added = client.beginClientHandshake();
  assert.deepEqual(new Map(added).get("Sec-WebSocket-Version"), "13");
  const answer = Handle.createServer().beginServerHandshake({ headers: [["Host", "localhost"], ...added] });
  assert.deepEqual(client.endClientHandshake(new Headers(answer as [string, string][])), {
    subprotocol: null,
    extensions: [],
  });
});

test("19: with masking disabled a server takes both, and with verification disabled anything", () => {
  const stream = Buffer.concat([masked(0x81, "masked"), unmasked(0x81, "plain")]);
  assert.deepEqual(feed(openServer({ disableMasking: true }), stream).data, ["masked", "plain"]);
  const { data } = feed(openServer({ disableUtf8Verification: true }), masked(0x81, hex("FF")));
  assert.deepEqual(data, ["\xff"]);
  assert.throws(() => feed(openClient({ disableMasking: true }), masked(0x81, "a")), { closeStatus: 1002 });
});

test("an abort waits for what is outstanding, which a late read does not disturb", () => {
  const server = openServer();
  server.receive(undefined, "A");
  const reading = expect(server, Action.ReceiveFromNetwork, Receive);
  server.send(BufferType.Utf8Message, text("b"), "B");
  server.abort();
  assert.deepEqual(drain(server, Send), ["B"]);
  expect(server, Action.NoAction, Receive);
  server.completeReceive(reading.actionContext, masked(0x81, "late"));
  assert.deepEqual(drain(server), ["A"]);
  for (const call of [() => server.send(BufferType.PingPong), () => server.receive()]) {
    assert.throws(call, { code: "E_INVALID_PROTOCOL_OPERATION" });
  }
});

test("custom frame headers go to the wire as given, and come back as they came, if an extension was agreed", () => {
  const server = Handle.createServer();
  const headers = [...HEADERS, ["Sec-WebSocket-Extensions", "x"]] as [string, string][];
  server.beginServerHandshake({ headers, extensions: ["x"] });
  const finRsv1Binary = 0b1_100_0010_0;
  assert.deepEqual(Buffer.from(sent(server, finRsv1Binary, text("a")).subarray(0, 2)), hex("C201"));
  read(server, masked(0xc2, "b"));
  assert.equal(expect(server, Action.IndicateReceiveComplete).bufferType, finRsv1Binary);
  assert.throws(() => openServer().send(finRsv1Binary), { code: "E_INVALIDARG" });
});
