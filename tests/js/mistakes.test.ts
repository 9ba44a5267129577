/** The mistakes that other implementations have made, in frames and messages: what both of our roles do instead. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { type ErrorEvent, WebSocket, WebSocketServer } from "websocket-component";

import {
  clog,
  connector,
  cuts,
  type Ends,
  FRAME,
  type Frame,
  ROLES,
  statusBytes,
  summary,
  trickle,
  wireSize,
} from "./ends.js";
import { closed, hex, masked, nextEvent, type RawPeer, serveEcho, unmasked } from "./support.js";

/** What every object has, by inheritance. */
const INHERITED = ["__proto__", "constructor", "toString", "hasOwnProperty", "valueOf"];

for (const role of ROLES) {
  const frame = FRAME[role];

  test(`the payload of a ping or a pong is bytes to our ${role}, whatever name they spell`, async (t) => {
    const { peer, socket } = await (await connector(t, role))();
    peer.write(...INHERITED.map((name) => frame(0x89, name)));
    for (const name of INHERITED) assert.deepEqual(summary(await nextFrame(peer)), [[0x8a, name]]);
    const pongs: string[] = [];
    socket.addEventListener("pong", ({ data }) => pongs.push(Buffer.from(data).toString()));
    for (const name of INHERITED) socket.ping(name);
    for (const name of INHERITED) assert.deepEqual(summary(await nextFrame(peer)), [[0x89, name]]);
    peer.write(...INHERITED.map((name) => frame(0x8a, name)), frame(0x88));
    await nextFrame(peer);
    peer.socket.end();
    await closed(socket);
    assert.deepEqual(pongs, INHERITED);
  });
}

/** The next frame of our end, of up to 125 bytes. */
async function nextFrame(peer: RawPeer): Promise<Buffer> {
  const start = await peer.bytes(2);
  const second = start.readUInt8(1);
  return Buffer.concat([start, await peer.bytes((second & 0x7f) + (second >> 7) * 4)]);
}

test("an option that is named __proto__ or constructor is unknown, and changes no other", () => {
  for (const name of ["__proto__", "constructor"]) {
    const options = JSON.parse(`{ "${name}": { "maxMessageSize": 1, "path": "/other", "headers": { "X": "y" } } }`);
    const refused = { code: "WS_ERR_INVALID_OPTION", message: new RegExp(name) };
    assert.throws(() => new WebSocketServer({ port: 0, ...options }), refused);
    assert.throws(() => new WebSocketServer(Object.assign(options, { port: 0 })), refused);
    assert.throws(() => new WebSocket("ws://127.0.0.1:1", options), refused);
  }
});

test("names of our own on Object.prototype change neither messages nor the close", async (t) => {
  const polluted = { kind: "close", payload: "p", status: 1002, reason: "r", error: "e", code: 1002, wasClean: false };
  const { url } = await serveEcho(t);
  const socket = new WebSocket(url);
  await nextEvent(socket, "open");
  const data: unknown[] = [];
  socket.onmessage = (event) => data.push(event.data);
  socket.addEventListener("pong", (event) => data.push(Buffer.from(event.data).toString()));
  socket.binaryType = "nodebuffer";
  Object.assign(Object.prototype, polluted);
  try {
    socket.ping("?");
    socket.send("text");
    socket.send(Buffer.from("bytes"));
    while (data.length < 3) await new Promise((turn) => setImmediate(turn));
    const end = closed(socket);
    socket.close(3000, "done");
    const { code, wasClean } = await end;
    assert.deepEqual([data, code, wasClean], [["?", "text", Buffer.from("bytes")], 3000, true]);
  } finally {
    for (const name of Object.keys(polluted)) Reflect.deleteProperty(Object.prototype, name);
  }
});

const violations: [string, (frame: Frame) => Buffer][] = [
  ...[3, 4, 5, 6, 7].map((opcode): [string, (frame: Frame) => Buffer] => [
    `the data opcode ${opcode}`,
    (frame) => frame(0x80 | opcode, "a"),
  ]),
  ...[11, 12, 13, 14, 15].map((opcode): [string, (frame: Frame) => Buffer] => [
    `the control opcode ${opcode}`,
    (frame) => frame(0x80 | opcode, "a"),
  ]),
  ["a reserved opcode inside a message", (frame) => Buffer.concat([frame(0x01, "a"), frame(0x03, "b")])],
  ["RSV2", (frame) => frame(0xa1, "a")],
  ["RSV3", (frame) => frame(0x91, "a")],
  ["RSV1 on a ping", (frame) => frame(0xc9)],
  ["RSV1 on a close", (frame) => frame(0xc8, statusBytes(1000))],
  ["RSV1 on a continuation", (frame) => Buffer.concat([frame(0x01, "a"), frame(0xc0, "b")])],
  [
    "a mask of zeros or none, the wrong way round",
    (frame) => (frame === masked ? hex("810161") : hex("81810000000061")),
  ],
  ["a ping whose mask is the wrong way round", (frame) => (frame === masked ? unmasked(0x89) : masked(0x89))],
  ["a fragmented pong", (frame) => frame(0x0a)],
  ["a fragmented close", (frame) => frame(0x08, statusBytes(1000))],
  ["a close over 125 bytes, before they come", (frame) => frame(0x88, Buffer.alloc(126)).subarray(0, 8)],
  ["a text inside a text", (frame) => Buffer.concat([frame(0x01, "a"), frame(0x81, "b")])],
  ["a binary inside a text", (frame) => Buffer.concat([frame(0x01, "a"), frame(0x02, "b")])],
  ["a continuation after a message's end", (frame) => frame(0x80, "b")],
  ["0 as 16 bits", (frame) => (frame === masked ? hex("82FE0000 00000000") : hex("827E0000"))],
  ["125 as 64 bits", (frame) => hex(`82${frame === masked ? "FF" : "7F"} 000000000000007D 00000000`)],
  ["a length of 2^63", (frame) => hex(`82${frame === masked ? "FF" : "7F"} 8000000000000000 00000000`)],
];

for (const [name, violation] of violations) {
  test(`${name} closes with 1002, however it is cut, after what came before`, async (t) => {
    for (const role of ROLES) {
      const connect = await connector(t, role);
      for (const chunks of cuts(Buffer.concat([FRAME[role](0x81, "good"), violation(FRAME[role])]))) {
        const ends = await connect();
        assert.deepEqual(await refusal(ends, chunks), { sent: [[0x88, "\x03\xea"]], closeStatus: 1002 });
        assert.deepEqual(ends.received, ["good"]);
      }
    }
  });
}

/** Writes what must not be; what our end sent until it gave up, and the close status of its error. */
async function refusal(
  { peer, socket }: Ends,
  chunks: readonly Buffer[],
): Promise<{ sent: [number, string][]; closeStatus: number }> {
  const error = nextEvent<ErrorEvent>(socket, "error");
  const end = closed(socket);
  await trickle(peer, chunks);
  const sent = summary(await peer.rest());
  peer.socket.end();
  const { closeStatus } = (await error).error as { closeStatus: number };
  const { code, wasClean } = await end;
  assert.deepEqual([code, wasClean], [1006, false]);
  return { sent, closeStatus };
}

test("a close status that must not be sent is refused with 1002, one that may is answered with itself", async (t) => {
  const refused = [0, 1, 999, 1004, 1006, 1015, 1016, 1100, 1999, 2000, 2999, 5000, 10_000, 65_535];
  const answered = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999];
  for (const role of ROLES) {
    const connect = await connector(t, role);
    for (const status of refused) {
      const { sent } = await refusal(await connect(), [FRAME[role](0x88, statusBytes(status))]);
      assert.deepEqual(sent, [[0x88, "\x03\xea"]], String(status));
    }
    for (const status of answered) {
      const { peer, socket } = await connect();
      const end = closed(socket);
      const reason = "é".repeat(61);
      peer.write(FRAME[role](0x88, Buffer.concat([statusBytes(status), Buffer.from(reason)])));
      assert.deepEqual(await nextFrame(peer).then(summary), [[0x88, statusBytes(status).toString("latin1")]]);
      peer.socket.end();
      const event = await end;
      assert.deepEqual([event.code, event.reason, event.wasClean], [status, reason, true]);
    }
  }
});

test("a close inside a message ends the connection in order, and the message is none", async (t) => {
  for (const role of ROLES) {
    const { peer, socket, received } = await (await connector(t, role))();
    const end = closed(socket);
    peer.write(FRAME[role](0x01, "half"), FRAME[role](0x88, statusBytes(1001)), FRAME[role](0x80, "whole"));
    assert.deepEqual(summary(await nextFrame(peer)), [[0x88, "\x03\xe9"]]);
    peer.socket.end();
    const { code, wasClean } = await end;
    assert.deepEqual([code, wasClean, received], [1001, true, []]);
  }
});

test("text that is not UTF-8 is refused with 1007 wherever its fragments and a ping cut it", async (t) => {
  const texts = [
    ["a continuation byte alone", "80"],
    ["two bytes for one", "C080"],
    ["three bytes for one", "E080AF"],
    ["four bytes for one", "F08080AF"],
    ["three bytes for two", "E09FBF"],
    ["four bytes for three", "F08FBFBF"],
    ["the first surrogate", "EDA080"],
    ["the last surrogate", "EDBFBF"],
    ["a pair of surrogates", "EDA0BDEDB880"],
    ["over U+10FFFF", "F4908080"],
    ["five bytes", "F888808080"],
    ["FF", "61FF"],
    ["an end after two bytes of three", "61E282"],
    ["an end after three bytes of four", "F09F98"],
    ["a letter instead of the third byte", "E28261"],
  ] as const;
  for (const role of ROLES) {
    const connect = await connector(t, role);
    for (const [name, digits] of texts) {
      const text = hex(digits);
      for (let cut = 0; cut <= text.length; cut++) {
        const ends = await connect();
        const [start, end] = [text.subarray(0, cut), text.subarray(cut)];
        const stream = Buffer.concat([FRAME[role](0x01, start), FRAME[role](0x89), FRAME[role](0x80, end)]);
        const { sent } = await refusal(ends, [stream]);
        assert.deepEqual(sent.at(-1), [0x88, "\x03\xef"], `${name}, cut at ${cut}`);
        assert.deepEqual(ends.received, []);
      }
    }
  }
});

test("text at the edges of UTF-8 is the same wherever its fragments and a ping cut it", async (t) => {
  const text = "\ufeffa\u007f\u0080\u07ff\u0800\ud7ff\ue000\uffff\u{10000}\u{10ffff}\u0000";
  const bytes = Buffer.from(text);
  for (const role of ROLES) {
    const frame = FRAME[role];
    const { peer, socket, received } = await (await connector(t, role))();
    const end = closed(socket);
    for (let cut = 0; cut <= bytes.length; cut++) {
      peer.write(frame(0x01, bytes.subarray(0, cut)), frame(0x89), frame(0x80, bytes.subarray(cut)));
    }
    peer.write(frame(0x88));
    peer.socket.end();
    await end;
    assert.deepEqual(received, Array(bytes.length + 1).fill(text));
  }
});

test("a flood of fragments, empty ones too, with pings between them is one message", async (t) => {
  for (const role of ROLES) {
    const frame = FRAME[role];
    const { peer, socket, received } = await (await connector(t, role))();
    const pings: string[] = [];
    socket.addEventListener("ping", ({ data }) => pings.push(Buffer.from(data).toString()));
    const end = closed(socket);
    const count = 4000;
    const stream = [frame(0x01, "")];
    for (let index = 0; index < count; index++) {
      stream.push(frame(0x00, "x"), frame(0x89, String(index)), frame(0x00));
    }
    peer.write(...stream, frame(0x80), frame(0x88));
    peer.socket.end();
    await end;
    assert.deepEqual(received, ["x".repeat(count)]);
    assert.deepEqual(
      pings,
      Array.from({ length: count }, (_, index) => String(index)),
    );
    const answers = summary(await peer.rest());
    assert.deepEqual(answers.pop(), [0x88, ""]);
    const pongs = answers.map(([first, payload]) => (first === 0x8a ? Number(payload) : Number.NaN));
    assert.ok(
      pongs.every((pong, index) => index === 0 || pong > (pongs[index - 1] as number)),
      "in their order",
    );
  }
});

test("a hundred pings of a peer that reads have a hundred pongs, in their order, among the messages", async (t) => {
  for (const role of ROLES) {
    const { peer, socket } = await (await connector(t, role))();
    socket.onmessage = (event) => socket.send(event.data);
    const stream: Buffer[] = [];
    const expected: [number, string][] = [];
    for (let length = 0; length < 100; length++) {
      const payload = String.fromCharCode(length).repeat(length + 26);
      stream.push(FRAME[role](0x89, payload), FRAME[role](0x82, payload));
      expected.push([0x8a, payload], [0x82, payload]);
    }
    peer.write(...stream);
    const sent = await peer.bytes(wireSize(role, ...expected.map(([, payload]) => payload.length)));
    assert.deepEqual(summary(sent), expected);
    socket.terminate();
  }
});

test("a close does not wait behind the pong that a peer which does not read is owed", async (t) => {
  for (const role of ROLES) {
    const ends = await (await connector(t, role, { closeTimeout: 30_000 }))();
    const { peer, socket } = ends;
    const blocks = await clog(ends);
    const ping = nextEvent(socket, "ping");
    peer.write(FRAME[role](0x89, "owed"));
    await ping;
    socket.close(3000, "now");
    peer.socket.resume();
    await peer.bytes(blocks * wireSize(role, 1 << 20));
    assert.deepEqual(summary(await nextFrame(peer)), [[0x88, "\x0b\xb8now"]]);
    socket.terminate();
  }
});

test("no pong is owed after the peer's close", async (t) => {
  for (const role of ROLES) {
    const ends = await (await connector(t, role, { closeTimeout: 30_000 }))();
    const { peer, socket } = ends;
    await clog(ends);
    const end = closed(socket);
    const ping = nextEvent(socket, "ping");
    peer.write(FRAME[role](0x89, "owed"), FRAME[role](0x88, statusBytes(1001)));
    await ping;
    assert.equal(socket.readyState, WebSocket.CLOSING);
    peer.socket.end();
    peer.socket.resume();
    const last = summary((await peer.rest()).subarray(-wireSize(role, 2)));
    assert.deepEqual(last, [[0x88, "\x03\xe9"]]);
    assert.deepEqual([(await end).code, (await end).wasClean], [1001, true]);
  }
});
