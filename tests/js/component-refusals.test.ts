/** What the component refuses: a peer's violations, close statuses, and its caller's mistakes. */
import assert from "node:assert/strict";
import { test } from "node:test";

import {
  Action,
  ActionQueue,
  BufferType,
  Handle,
  type Properties,
  WebSocketProtocolError,
  writeRequest,
  writeResponse,
} from "websocket-component/component";

import { feed, openClient, openServer, read } from "./handles.js";
import { hex, masked, unmasked } from "./support.js";

test("every violation has its code and its close status, whole and byte by byte", () => {
  const format = "E_INVALID_PROTOCOL_FORMAT";
  const operation = "E_INVALID_PROTOCOL_OPERATION";
  const rows: [string, Buffer, string, number][] = [
    ...[3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map((opcode): [string, Buffer, string, number] => [
      `opcode ${opcode}`,
      masked(0x80 | opcode),
      format,
      1002,
    ]),
    ["RSV1", masked(0xc1), format, 1002],
    ["RSV2", masked(0xa1), format, 1002],
    ["RSV3", masked(0x91), format, 1002],
    ["ping without FIN", masked(0x09), format, 1002],
    ["ping of 126 bytes", masked(0x89, Buffer.alloc(126)), format, 1002],
    ["125 as 16 bits", hex("82FE 007D"), format, 1002],
    ["65535 as 64 bits", hex("82FF 000000000000FFFF"), format, 1002],
    ["top bit of 64", hex("82FF 8000000000000000"), format, 1002],
    ["no mask", unmasked(0x81, "a"), format, 1002],
    ["overlong UTF-8", masked(0x81, hex("C0AF")), format, 1007],
    ["surrogate", masked(0x81, hex("EDA080")), format, 1007],
    ["over U+10FFFF", masked(0x81, hex("F4908080")), format, 1007],
    ["end inside a character", masked(0x81, hex("E282")), format, 1007],
    ["close of one byte", masked(0x88, "a"), format, 1002],
    ["close with 1005", masked(0x88, hex("03ED")), format, 1002],
    ["reason not UTF-8", masked(0x88, hex("03E8FF")), format, 1007],
    ["continuation of nothing", masked(0x80, "a"), operation, 1002],
    ["message in a message", Buffer.concat([masked(0x01, "a"), masked(0x81, "b")]), operation, 1002],
  ];
  for (const [name, stream, code, closeStatus] of rows) {
    for (const size of [1, stream.length]) {
      assert.throws(() => feed(openServer(), stream, size), { code, closeStatus }, name);
    }
  }
  for (const size of [1, 7]) {
    assert.throws(() => feed(openClient(), masked(0x81, "a"), size), { code: format, closeStatus: 1002 });
  }
});

test("a string of a handshake with U+0000 is refused, and makes no two strings", () => {
  const request = Handle.createClient().beginClientHandshake({ subprotocols: ["a", "b"] });
  const fields = [["Host", "localhost"], ...request] as [string, string][];
  const begin = (more: [string, string][], chosen: { subprotocol?: string; extensions?: string[] } = {}) =>
    Handle.createServer().beginServerHandshake({ headers: [...fields, ...more], ...chosen });
  const response = begin([], { subprotocol: "a" });
  const malformed = { code: "E_INVALID_PROTOCOL_FORMAT" };
  const evil: [string, string][] = [
    ["X", "a\0"],
    ["X", "\0"],
    ["X", "a\0Y\0b"],
    ["X\0a", "b"],
    ["X\0a\0Y", "b"],
    ["\0", ""],
  ];
  for (const field of evil) {
    assert.throws(() => begin([field]), malformed);
    const client = Handle.createClient();
    client.beginClientHandshake({ subprotocols: ["a", "b"] });
    assert.throws(() => client.endClientHandshake([...response, field]), malformed);
    const invalid = { code: "E_INVALIDARG" };
    assert.throws(() => Handle.createClient().beginClientHandshake({ headers: [field] }), invalid);
  }
  for (const name of ["a\0b", "\0", "a\0"]) {
    assert.throws(() => begin([], { subprotocol: name }), { code: "E_SUBPROTOCOL_NOT_SUPPORTED" });
    assert.throws(() => begin([], { extensions: [name] }), { code: "E_PROTOCOL_EXTENSIONS_NOT_SUPPORTED" });
    for (const list of [[name], ["a", name]]) {
      assert.throws(() => Handle.createClient().beginClientHandshake({ subprotocols: list }), { code: "E_INVALIDARG" });
      assert.throws(() => Handle.createClient().beginClientHandshake({ extensions: list }), { code: "E_INVALIDARG" });
    }
  }
});

test("every close status is sent, and those at the edges received, as the registry has them", () => {
  const onWire = (status: number) =>
    (status >= 1000 && status <= 1003) || (status >= 1007 && status <= 1014) || (status >= 3000 && status <= 4999);
  let server = openServer();
  for (let status = 0; status <= 65_535; status++) {
    if (onWire(status) || status === 1005) {
      server.send(BufferType.Close, { status });
      server.delete();
      server = openServer();
    } else {
      assert.throws(() => server.send(BufferType.Close, { status }), { code: "E_INVALIDARG" }, String(status));
    }
  }
  assert.throws(() => server.send(BufferType.Close, { status: 1005, reason: "a" }), { code: "E_INVALIDARG" });
  assert.throws(() => server.send(BufferType.Close, { status: 1000, reason: "ä".repeat(62) }), {
    code: "E_INVALIDARG",
  });
  server.send(BufferType.Close, { status: 1000, reason: `${"ä".repeat(61)}.` });
  const edges = [0, 999, 1016, 1100, 2999, 3000, 3999, 4000, 4999, 5000, 65_535];
  for (const status of [...Array.from({ length: 16 }, (_, index) => 1000 + index), ...edges]) {
    const frame = masked(0x88, Uint8Array.of(status >> 8, status & 255));
    if (onWire(status)) assert.deepEqual(feedClose(frame), [BufferType.Close, status]);
    else assert.throws(() => feedClose(frame), { code: "E_INVALID_PROTOCOL_FORMAT", closeStatus: 1002 }, `${status}`);
  }
});

function feedClose(frame: Uint8Array): unknown[] {
  const server = openServer();
  read(server, frame);
  const { bufferType, closeStatus } = server.getAction();
  return [bufferType, closeStatus];
}

test("arguments out of their range are refused", () => {
  const properties: Properties[] = [{ receiveBufferSize: 255 }, { sendBufferSize: 15 }, { receiveBufferSize: 0 }];
  for (const wrong of properties) {
    assert.throws(() => Handle.createClient(wrong), { code: "E_INVALIDARG", hresult: 0x80070057 });
    assert.throws(() => Handle.createServer(wrong), { code: "E_INVALIDARG" });
  }
  const server = openServer();
  for (const queue of [0, 4, -1]) assert.throws(() => server.getAction(queue as ActionQueue), { code: "E_INVALIDARG" });
  assert.throws(() => server.getAction(ActionQueue.All, 0), { code: "E_INVALIDARG" });
  for (const type of [0, 0x80000007, 0x200, 1, Number.NaN])
    assert.throws(() => server.send(type), { code: "E_INVALIDARG" });
  assert.throws(() => server.send(BufferType.PingPong, new Uint8Array(126)), { code: "E_INVALIDARG" });
  assert.throws(() => server.send(BufferType.Close, Buffer.from("a")), { code: "E_INVALIDARG" });
  for (const status of [66_536, 1000.5, -1, Number.NaN]) {
    assert.throws(() => server.send(BufferType.Close, { status }), { code: "E_INVALIDARG" }, String(status));
  }
  assert.throws(() => server.send(BufferType.Utf8Message, { status: 1000 }), TypeError);
  for (const wrong of ["text", new ArrayBuffer(1), new Uint16Array(1), null, { reason: "bye" }]) {
    for (const type of [BufferType.Utf8Message, BufferType.Close]) {
      assert.throws(() => server.send(type, wrong as never), TypeError, String(wrong));
    }
  }
  server.send(BufferType.Utf8Fragment, Buffer.from("a"));
  assert.throws(() => server.send(BufferType.BinaryMessage), { code: "E_INVALID_PROTOCOL_OPERATION" });
  for (const call of [() => server.beginClientHandshake(), () => server.endClientHandshake([])]) {
    assert.throws(call, { name: "WebSocketProtocolError" });
  }
});

test("a number that 32 bits cannot hold is out of range, and not taken for the number that they would have", () => {
  for (const size of [2 ** 32 + 4096, 4096 - 2 ** 32, 2 ** 53, Number.POSITIVE_INFINITY, Number.NaN]) {
    for (const properties of [{ receiveBufferSize: size }, { sendBufferSize: size }]) {
      assert.throws(() => Handle.createServer(properties), { code: "E_INVALIDARG" }, JSON.stringify(properties));
    }
  }
  const server = openServer();
  server.send(BufferType.Utf8Message, Buffer.from("Hello"));
  server.completeAction(server.getAction(ActionQueue.Send).actionContext, 2 ** 32 + 7);
  const sent = server.getAction(ActionQueue.Send);
  assert.equal(sent.cancelled, true);
  server.completeAction(sent.actionContext + 2 ** 32);
  assert.deepEqual(server.getAction(ActionQueue.Send, Number.POSITIVE_INFINITY).action, Action.NoAction);
  server.completeAction(sent.actionContext);
  server.receive();
  const { actionContext } = server.getAction(ActionQueue.Receive);
  server.completeReceive(actionContext + 2 ** 32, masked(0x81, "Hello"));
  server.completeReceive(actionContext, masked(0x82, "Hello"));
  assert.equal(server.getAction(ActionQueue.Receive).bufferType, BufferType.BinaryMessage);
  const beyond = (ActionQueue.Send + 2 ** 32) as ActionQueue;
  assert.throws(() => server.getAction(beyond), { code: "E_INVALIDARG" });
  for (const status of [2 ** 16 + 200, 200 - 2 ** 16, 200.5, Number.NaN]) {
    assert.throws(() => writeResponse(status, "OK", []), { code: "E_INVALIDARG" }, String(status));
  }
});

test("a handle is not made by its constructor, whose collection would end the process", () => {
  assert.throws(() => Reflect.construct(Handle, []), TypeError);
  assert.throws(() => Reflect.construct(Handle, [{}, true]), TypeError);
});

test("a target and a reason are taken as strings, and do not harm the engine", () => {
  for (const value of [5, true, {}, [" "]]) {
    assert.throws(() => writeRequest(value as string, []), WebSocketProtocolError);
    assert.equal(`${Buffer.from(writeResponse(200, value as string, []))}`, `HTTP/1.1 200 ${value}\r\n\r\n`);
  }
});
