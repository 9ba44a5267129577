/** What is lost of TCP, HTTP and HTTP/2 around WebSocket: the rest is found, and nothing is made up. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { type Capture, type Connection, inspectConnection, readCapture } from "websocket-component/inspect";

import { copiedBytes } from "./copies.js";
import { frame as h2, literals, PREFACE } from "./http2-frames.js";
import { ipPacket, pcap, segmentsOf, type TestSegment, type Turn } from "./packets.js";
import { masked, REQUEST, RESPONSE, unmasked } from "./support.js";

const GET = "GET /a HTTP/1.1\r\nHost: example.com\r\n\r\n";
const OK = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabcde";

const TALK: readonly Turn[] = [
  [true, masked(0x81, "one question")],
  [false, unmasked(0x81, "one answer")],
  [true, masked(0x81, "and thanks")],
];
const KEPT: readonly Turn[] = [[true, GET], [false, OK], [true, REQUEST], [false, RESPONSE], ...TALK];

function captureOf(segments: readonly TestSegment[]): Capture {
  return readCapture(
    pcap(
      segments.map((segment) => ipPacket(segment)),
      101,
    ),
  );
}

/** What is seen of each connection: heads, texts, and how much is missing where. */
function seen({ connections }: Capture): string[][] {
  return connections.map((connection) => seenOf(connection));
}

function seenOf(connection: Connection): string[] {
  const inspector = inspectConnection(connection);
  assert.equal(inspector.faultCount, 0, JSON.stringify([...inspector.faults()]));
  return [...inspector.records()].map((record) => {
    const text = record.type === "frame" ? new TextDecoder().decode(inspector.payload(record)) : record.type;
    return record.missing > 0 ? `${record.type}, ${record.missing} missing` : text;
  });
}

const SPOKEN = ["one question", "one answer", "and thanks"];
const WHOLE = ["request", "response", ...SPOKEN];

test("one lost segment among the requests before an upgrade does not hide the connection", () => {
  const all = segmentsOf(KEPT);
  const without = (turn: number) => seen(captureOf(all.filter((_, index) => index !== turn + 2)));
  assert.deepEqual(seen(captureOf(all)), [WHOLE]);
  assert.deepEqual(without(0), [WHOLE]); // the first request
  assert.deepEqual(without(1), [WHOLE]); // its answer: 101 is not the answer to it
  assert.deepEqual(without(2), [["response", `bytes, ${REQUEST.length} missing`, ...SPOKEN]]);
  assert.deepEqual(without(3), [
    ["request", "one question", `bytes, ${RESPONSE.length} missing`, "one answer", "and thanks"],
  ]);
});

test("a capture of one direction is read behind other requests, with its beginning and without", () => {
  const all = segmentsOf(KEPT);
  for (const segments of [all, all.slice(2)]) {
    const ofClient = captureOf(segments.filter(({ toServer }) => toServer));
    assert.deepEqual(seen(ofClient), [["request", "one question", "and thanks"]]);
    const ofServer = captureOf(segments.filter(({ toServer }) => !toServer));
    assert.deepEqual(seen(ofServer), [["response", "one answer"]]);
  }
});

test("a capture that begins within an answer's body finds the upgrade behind it", () => {
  const rest: Turn = [false, "the rest of a body\r\n\r\nand no head"];
  const segments = segmentsOf([rest, [true, REQUEST], [false, RESPONSE], ...TALK]).slice(2);
  assert.deepEqual(seen(captureOf(segments)), [WHOLE]);
});

test("empty lines before a request are not a part of it", () => {
  const turns: Turn[] = [[true, `\r\n${GET}`], [false, OK], [true, `\r\n${REQUEST}`], [false, RESPONSE], ...TALK];
  assert.deepEqual(seen(captureOf(segmentsOf(turns))), [WHOLE]);
});

test("what keeps a connection alive makes no gap where a capture begins", () => {
  const all = segmentsOf(KEPT);
  const first = (toServer: boolean) => all.slice(6).find((segment) => segment.toServer === toServer) as TestSegment;
  const probes = [true, false].map((toServer) => ({ toServer, sequence: first(toServer).sequence - 1 }));
  const { connections } = captureOf([...probes, ...all.slice(6)]);
  assert.deepEqual(
    connections.map((connection) => seenOf(connection)),
    [SPOKEN],
  );
});

test("a port that is used again is another connection, also where its SYN was lost", () => {
  const all = segmentsOf(KEPT);
  const again = segmentsOf(KEPT, [777_777, 999_999]);
  assert.deepEqual(seen(captureOf([...all, ...again.slice(1)])), [WHOLE, WHOLE]);
  const last = all.at(-1) as TestSegment;
  const reset = { toServer: true, sequence: last.sequence + (last.payload?.length ?? 0), flags: 0x04 };
  assert.deepEqual(seen(captureOf([...all, reset, ...again.slice(2)])), [WHOLE, WHOLE]);
});

test("a capture whose every packet is cut is read in a time that grows with its length only", () => {
  const count = 60_000;
  const frame = unmasked(0x82, Buffer.alloc(100));
  const packets = segmentsOf([
    [true, REQUEST],
    [false, RESPONSE],
    ...Array.from({ length: count }, (): Turn => [false, frame]),
  ]).map((segment, index) => ipPacket(segment).subarray(0, index < 4 ? undefined : 60));
  const [connection] = readCapture(pcap(packets, 101)).connections;
  const inspector = inspectConnection(connection as Connection);
  assert.equal(inspector.recordCount, count + 2);
});

const CONNECT = literals([
  [":method", "CONNECT"],
  [":protocol", "websocket"],
  [":scheme", "http"],
  [":path", "/chat"],
  [":authority", "example.com"],
  ["sec-websocket-version", "13"],
]);

/** A conversation in stream 3. */
function overHttp2(...more: Turn[]): Turn[] {
  return [
    [true, Buffer.concat([PREFACE, h2(4, 0, 0)])],
    [false, h2(4, 0, 0)],
    [true, h2(1, 4, 3, CONNECT)],
    [false, h2(1, 4, 3, literals([[":status", "200"]]))],
    ...TALK.map(([toServer, frame]): Turn => [toServer, h2(0, 0, 3, frame)]),
    ...more,
  ];
}

test("HTTP/2 is read without TLS, by its preface or behind an upgrade to it", () => {
  assert.deepEqual(seen(captureOf(segmentsOf(overHttp2()))), [WHOLE]);
  const asked = `${GET.slice(0, -2)}Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n`;
  const granted = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n";
  assert.deepEqual(seen(captureOf(segmentsOf([[true, asked], [false, granted], ...overHttp2()]))), [WHOLE]);
});

test("fields of HTTP/2 that come in thousands of frames are copied a few times, and not with each", (t) => {
  const copied = copiedBytes(t);
  const more = Buffer.concat(Array.from({ length: 1000 }, () => literals([["x-filler", "a".repeat(100)]])));
  const block = Buffer.concat([CONNECT, more]);
  const count = Math.ceil(block.length / 16);
  const parts = Array.from({ length: count }, (_, at) => {
    const payload = block.subarray(at * 16, at * 16 + 16);
    return at === 0 ? h2(1, 0, 3, payload) : h2(9, at === count - 1 ? 4 : 0, 3, payload);
  });
  const [preface, settings, , ...rest] = overHttp2() as [Turn, Turn, Turn, ...Turn[]];
  const turns = Array.from(
    { length: count / 40 + 1 },
    (_, at): Turn => [true, Buffer.concat(parts.slice(at * 40, at * 40 + 40))],
  );
  const capture = captureOf(segmentsOf([preface, settings, ...turns, ...rest]));
  assert.deepEqual(seen(capture), [WHOLE]);
  assert.ok(copied() < 100 * block.length, `${copied()} bytes for ${block.length}`);
});

test("what comes out of order in HTTP/2 is in the order of its bytes", () => {
  const all = segmentsOf(overHttp2([true, h2(0, 0, 3, masked(0x81, "more"))]));
  const [last, before] = [all.at(-1), all.at(-2)] as [TestSegment, TestSegment];
  assert.deepEqual(seen(captureOf([...all.slice(0, -2), last, before])), [[...WHOLE, "more"]]);
});

test("what is missing within a frame of HTTP/2 is shown, and what follows it is read", () => {
  const data = h2(0, 0, 3, unmasked(0x82, Buffer.alloc(3000, 7)));
  const parts = [0, 1000, 2000].map((at): Turn => [false, data.subarray(at, at === 2000 ? undefined : at + 1000)]);
  const all = segmentsOf(overHttp2(...parts, [false, h2(0, 0, 3, unmasked(0x81, "after it"))]));
  const lost = all.findIndex(({ payload }) => payload !== undefined && data.subarray(1000, 2000).equals(payload));
  assert.deepEqual(seen(captureOf(all.filter((_, index) => index !== lost))), [
    [...WHOLE, "frame, 1000 missing", "after it"],
  ]);
});

test("where frames of HTTP/2 are lost, it is said from where on nothing is read", () => {
  const all = segmentsOf(overHttp2([false, h2(0, 0, 3, unmasked(0x81, "after it"))]));
  const capture = captureOf(all.filter((_, index) => index !== 7));
  assert.deepEqual(seen(capture), [["request", "response", "one question", "and thanks"]]);
  const notes = capture.connections[0]?.notes?.map(({ text }) => text).join();
  assert.match(notes ?? "", /The server's bytes have a gap in the frames of HTTP\/2: what follows cannot be read/);
});
