/** The inspector in JavaScript: its records of real peers' bytes, as they come and afterwards. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { type Traffic, WebSocket } from "websocket-component";
import {
  CaptureWriter,
  directionOf,
  explain,
  type FrameRecord,
  Inspector,
  type InspectRecord,
  inspectConnection,
  readCapture,
} from "websocket-component/inspect";
import { WebSocketServer as PeerServer } from "ws";

import { closed, hex, masked, messages, nextEvent, once, serve, unmasked } from "./support.js";

function frames(inspector: Inspector): FrameRecord[] {
  return [...inspector.records()].filter((record) => record.type === "frame");
}

function inspected(bytes: Uint8Array, extensions = ""): Inspector {
  const inspector = new Inspector({ extensions });
  inspector.push("toServer", bytes, 5);
  inspector.finish();
  return inspector;
}

test("a tap's traffic is reported frame by frame as it comes, and later bytes update earlier records", async (t) => {
  const { url } = await serve(t, { perMessageDeflate: true }, (socket) => {
    socket.onmessage = (event) => socket.send(event.data);
  });
  const inspector = new Inspector();
  const told: InspectRecord[] = [];
  const client = new WebSocket(url, {
    tap: ({ direction, bytes, time }: Traffic) => {
      inspector.push(directionOf("client", direction), bytes, time);
      told.push(...inspector.records(told.length));
    },
  });
  await nextEvent(client, "open");
  client.ping("p");
  await nextEvent(client, "pong");
  const long = "x".repeat(5000);
  const received = messages(client, 1);
  client.send(long);
  await received;
  client.close(3000, "bye");
  await closed(client);
  const kinds = told.map((record) => (record.type === "frame" ? record.opcodeName : record.type));
  assert.deepEqual(kinds, ["request", "response", "ping", "pong", "text", "text", "close", "close"]);
  const [, , ping, pong, , , close, answer] = [...inspector.records()] as FrameRecord[];
  assert.deepEqual([ping?.partner, pong?.partner, close?.partner, answer?.partner], [3, 2, 7, 6]);
  assert.deepEqual([close?.closeStatus, (told[6] as FrameRecord).direction], [3000, "toServer"]);
  for (const message of inspector.messages()) {
    assert.deepEqual([message.compressed, message.length, message.state], [true, 5000, "whole"]);
    assert.equal(Buffer.from(inspector.payload(message)).toString(), long);
    assert.equal(inspector.payload(message, { limit: 10 }).length, 10);
    assert.equal(inspector.payload(message, { stage: "wire" }).length, message.wireLength);
  }
  assert.ok(
    [...inspector.checks("toServer"), ...inspector.checks("toClient")].every(({ error }) => error === undefined),
  );
  assert.equal(inspector.extensions.deflate?.serverNoContextTakeover, true);
  assert.equal(inspector.faultCount, 0);
});

test("what another peer compresses with takeover is read from a capture of our own", async (t) => {
  const server = new PeerServer({
    port: 0,
    perMessageDeflate: { serverNoContextTakeover: false, clientNoContextTakeover: false, threshold: 0 },
  });
  t.after(() => server.close());
  server.on("connection", (socket) =>
    socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary })),
  );
  await once(server, "listening");
  const lines: string[] = [];
  const writer = new CaptureWriter("client", (line) => lines.push(line));
  const takeover = { serverNoContextTakeover: false, clientNoContextTakeover: false, threshold: 0 };
  const address = server.address() as { port: number };
  const client = new WebSocket(`ws://127.0.0.1:${address.port}`, { tap: writer.tap(), perMessageDeflate: takeover });
  await nextEvent(client, "open");
  const sent = Array.from({ length: 20 }, (_, index) => `the same words ${index}`);
  const received = messages(client, sent.length);
  for (const text of sent) client.send(text);
  assert.deepEqual(await received, sent);
  client.close();
  await closed(client);
  const capture = readCapture(Buffer.from(lines.join("")));
  assert.deepEqual([capture.format, capture.connections.length], ["recorded", 1]);
  const inspector = inspectConnection(capture.connections[0] as (typeof capture.connections)[0]);
  for (const direction of ["toServer", "toClient"]) {
    const texts = [...inspector.messages()].filter((message) => message.direction === direction);
    // the last first: each refers to those before it
    const read = texts.reverse().map((message) => Buffer.from(inspector.payload(message)).toString());
    assert.deepEqual(read.reverse(), sent);
  }
});

test("the records of a direction cover its bytes, whatever they are", () => {
  const bytes = Buffer.concat([masked(0x81, "a"), unmasked(0xf3, "b"), masked(0x88, hex("03e8")), Buffer.from("rest")]);
  const inspector = inspected(bytes);
  const parts = [...inspector.records()].map(({ direction, start, end }) => inspector.bytes(direction, start, end));
  assert.deepEqual(Buffer.concat(parts), bytes);
  assert.equal(inspector.length("toServer"), bytes.length);
});

test("violations have their section and the status that the engine closes with", () => {
  const inspector = inspected(Buffer.concat([unmasked(0x81, "a"), masked(0x81, hex("ff")), masked(0x0b)]));
  const faults = [...inspector.faults()].map(({ record, name, section, closeStatus }) => [
    record,
    name,
    section,
    closeStatus,
  ]);
  assert.deepEqual(faults, [
    [0, "MaskMissing", "RFC 6455 §5.1", 1002],
    [1, "TextNotUtf8", "RFC 6455 §8.1", 1007],
    [2, "OpcodeReserved", "RFC 6455 §5.2", 1002],
  ]);
  assert.deepEqual(
    frames(inspector).map(({ violation, unreliable }) => [violation, unreliable]),
    [
      [true, false],
      [true, true],
      [true, true],
    ],
  );
});

test("a header is explained field by field, without a gap", () => {
  for (const [bytes, names] of [
    [masked(0x81, "Hello"), ["Masking-key"]],
    [unmasked(0xc2, Buffer.alloc(300)), ["Extended payload length"]],
    [masked(0x82, Buffer.alloc(70_000)), ["Extended payload length", "Masking-key"]],
  ] as const) {
    const [frame] = frames(inspected(bytes));
    assert.ok(frame);
    const fields = explain(frame, bytes.subarray(0, frame.headerSize));
    let end = 0;
    for (const field of fields) {
      assert.equal(field.start, end);
      end = field.end;
    }
    assert.equal(end, frame.headerSize * 8);
    assert.deepEqual(
      fields.slice(7).map(({ name }) => name),
      names,
    );
    const length = fields.find(({ name }) => name === "Extended payload length");
    assert.equal(length?.value ?? fields[6]?.value, frame.length);
  }
});

test("a hundred thousand frames are read in batches, and any of them by its index", () => {
  const frame = masked(0x82, "some");
  const inspector = inspected(Buffer.alloc(frame.length * 100_000, frame));
  assert.equal(inspector.recordCount, 100_000);
  let index = 0;
  for (const record of inspector.records()) assert.equal(record.index, index++);
  assert.equal(inspector.record(99_999)?.start, 99_999 * frame.length);
  assert.equal(inspector.record(100_000), undefined);
  assert.equal(inspector.message(50_000)?.first, 50_000);
  inspector.free();
});
