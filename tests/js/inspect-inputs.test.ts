/** Every kind of capture is read to the same bytes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync } from "node:zlib";

import {
  CaptureError,
  type Connection,
  type Format,
  inspectConnection,
  readCapture,
} from "websocket-component/inspect";

import { ACK, FIN, ipPacket, LINKS, pcap, pcapng, SYN, segmentsOf, type TestSegment } from "./packets.js";
import { generator, hex, masked, REQUEST, RESPONSE, unmasked } from "./support.js";

const HELLO = hex("818537fa213d7f9f4d5158");
const TEXT = new TextEncoder();

function only(bytes: Uint8Array | string, format?: Format): Connection {
  const capture = readCapture(typeof bytes === "string" ? TEXT.encode(bytes) : bytes);
  if (format !== undefined) assert.equal(capture.format, format);
  assert.equal(capture.connections.length, 1);
  return capture.connections[0] as Connection;
}

function bytesOf({ pieces }: Connection, direction: string): Buffer {
  return Buffer.concat(pieces.filter((piece) => piece.direction === direction).map(({ bytes }) => bytes));
}

test("hex in every common shape, and Base64, give the same bytes", () => {
  const shapes: [string, Format][] = [
    ["818537fa213d7f9f4d5158", "hex"],
    ["81 85 37 FA\n21 3d 7f 9f 4d 51 58\n", "hex"],
    ["0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58", "hex"],
    ["\\x81\\x85\\x37\\xfa\\x21\\x3d\\x7f\\x9f\\x4d\\x51\\x58", "hex"],
    ["00000000: 8185 37fa 213d 7f9f 4d51 58              ..7.!=..MQX\n", "dump"],
    ["00000000  81 85 37 fa 21 3d 7f 9f  4d 51 58              |..7.!=..MQX|\n0000000b\n", "dump"],
    ["0000000 8581 fa37 3d21 9f7f 514d 0058\n000000b\n", "dump"],
    ["0000   81 85 37 fa 21 3d 7f 9f 4d 51 58   ..7.!=..MQX\n", "dump"],
    ["0000000 81 85 37 fa 21 3d 7f 9f\n0000010 4d 51 58\n0000013\n", "dump"],
    ["gYU3+iE9f59NUVg=", "base64"],
    ["gYU3-iE9\nf59NUVg\n", "base64"],
  ];
  for (const [text, format] of shapes) {
    const connection = only(text, format);
    const bytes = bytesOf(connection, "toServer");
    // plain hexdump fills its last word
    assert.deepEqual(bytes.subarray(0, 11), HELLO, text);
    assert.ok(bytes.length <= 12, text);
  }
});

test("text of many MiB is read, in one line too", () => {
  const megabyte = 1024 * 1024;
  const shapes: [string, Format, number][] = [
    ["8180".repeat(4 * megabyte), "hex", 8 * megabyte],
    ["81 80\n".repeat(megabyte), "hex", 2 * megabyte],
    [`00000000: ${"8180".repeat(megabyte)}`, "dump", 2 * megabyte],
    [`00000000: ${"8180 ".repeat(megabyte)}`, "dump", 2 * megabyte],
    ["gQCBAIEA".repeat(megabyte), "base64", 6 * megabyte],
  ];
  for (const [text, format, length] of shapes) {
    const pieces = only(text, format).pieces;
    assert.equal(
      pieces.reduce((sum, { bytes }) => sum + bytes.length, 0),
      length,
      text.slice(0, 20),
    );
  }
  const keys = `CLIENT_RANDOM ${"0".repeat(64)} ${"0".repeat(16 * megabyte)}`;
  assert.throws(() => readCapture(TEXT.encode(keys)), CaptureError);
});

test("what Wireshark shows of a stream has both directions", () => {
  const text =
    "00000000  81 85 37 fa 21 3d 7f 9f  4d 51 58     ..7.!=.. MQX\n    00000000  81 05 48 65 6c 6c 6f                    ..Hello\n";
  const connection = only(text, "dump");
  assert.deepEqual(bytesOf(connection, "toServer"), HELLO);
  assert.deepEqual(bytesOf(connection, "toClient"), unmasked(0x81, "Hello"));
});

test("raw bytes belong to the side that can have sent them, or to the one that is named", () => {
  for (const [bytes, direction] of [
    [HELLO, "toServer"],
    [unmasked(0x81, "Hello"), "toClient"],
    [TEXT.encode(REQUEST), "toServer"],
    [TEXT.encode(RESPONSE), "toClient"],
  ] as const) {
    assert.deepEqual(bytesOf(only(bytes), direction), Buffer.from(bytes));
  }
  const { connections } = readCapture(HELLO, { direction: "toClient", format: "raw" });
  assert.equal(connections[0]?.pieces[0]?.direction, "toClient");
});

/** A conversation of 12 segments; the server's numbers wrap. */
function conversation(): TestSegment[] {
  const [client, server] = [1000, 0xfffffff0];
  const request = Buffer.from(REQUEST);
  const response = Buffer.from(RESPONSE);
  const answer = unmasked(0x81, "Hello");
  return [
    { toServer: true, sequence: client, flags: SYN },
    { toServer: false, sequence: server, flags: SYN | ACK },
    { toServer: true, sequence: client + 1, payload: request.subarray(0, 30) },
    { toServer: true, sequence: client + 31, payload: request.subarray(30) },
    { toServer: false, sequence: server + 1, payload: response },
    { toServer: true, sequence: client + 1 + request.length, payload: HELLO },
    { toServer: false, sequence: server + 1 + response.length, payload: answer.subarray(0, 3) },
    { toServer: false, sequence: server + 4 + response.length, payload: answer.subarray(3) },
    { toServer: true, sequence: client + 1 + request.length + HELLO.length, flags: FIN | ACK },
  ];
}

function assertConversation(connection: Connection, what: string): void {
  assert.equal(bytesOf(connection, "toServer").toString("latin1"), REQUEST + HELLO.toString("latin1"), what);
  assert.equal(
    bytesOf(connection, "toClient").toString("latin1"),
    RESPONSE + unmasked(0x81, "Hello").toString("latin1"),
    what,
  );
  const inspector = inspectConnection(connection);
  assert.deepEqual([inspector.faultCount, inspector.messageCount], [0, 2], what);
  inspector.free();
}

test("pcap and pcapng of every link type, IP version, byte order and resolution", () => {
  for (const [name, [linkType, header]] of Object.entries(LINKS)) {
    for (const version of [4, 6]) {
      const packets = conversation().map((segment) => Buffer.concat([header(version), ipPacket(segment, version)]));
      const files: [Format, Buffer][] = [
        ["pcap", pcap(packets, linkType)],
        ["pcap", pcap(packets, linkType, { little: false })],
        ["pcap", pcap(packets, linkType, { nano: true })],
        ["pcap", pcap(packets, linkType, { extra: 4 })],
        ["pcap", pcap(packets, linkType, { extra: 8 })],
        ["pcapng", pcapng(packets, linkType)],
        ["pcapng", pcapng(packets, linkType, { little: false })],
      ];
      for (const [format, file] of files) {
        const connection = only(file, format);
        assertConversation(connection, `${name}, IPv${version}, ${format}`);
        const [client, server] =
          version === 4 ? ["10.0.0.1:50000", "10.0.0.2:80"] : ["[fd00::1]:50000", "[fd00::2]:80"];
        assert.deepEqual([connection.client, connection.server], [client, server]);
        assert.equal(connection.pieces[0]?.time, 1_700_000_000_002);
        // a file that is cut anywhere has what is whole in it
        assert.ok(readCapture(file.subarray(0, file.length - 20)).connections.length === 1);
      }
    }
  }
});

function pcapOf(segments: TestSegment[]): Buffer {
  return pcap(
    segments.map((segment) => ipPacket(segment)),
    101,
  );
}

test("segments out of order, repeated and overlapping give each byte once", () => {
  const all = conversation();
  const [syn, synAck, first, second, ...rest] = all as [
    TestSegment,
    TestSegment,
    TestSegment,
    TestSegment,
    ...TestSegment[],
  ];
  const overlap = { ...first, payload: Buffer.from(REQUEST).subarray(0, 60) };
  const wrong = { ...first, payload: Buffer.alloc(30, "?") };
  for (const segments of [
    [syn, synAck, second, first, ...rest],
    [syn, synAck, first, first, second, second, ...rest],
    [syn, synAck, overlap, second, ...rest],
    [syn, synAck, first, wrong, second, ...rest],
    [syn, synAck, ...rest.toReversed(), second, first],
    // a keep-alive: a byte before the next one
    [syn, synAck, first, second, { ...second, sequence: second.sequence - 1, payload: Buffer.from("x") }, ...rest],
  ]) {
    assertConversation(only(pcapOf(segments)), segments.map(({ sequence }) => sequence).join(" "));
  }
});

test("a missing segment is reported, and so are the frames around it", () => {
  const start = 5000;
  const before = masked(0x82, "whole");
  const long = masked(0x82, Buffer.alloc(1000));
  const after = masked(0x81, "after");
  const all = Buffer.concat([before, long, after]);
  const piece = (from: number, to: number) => ({
    toServer: true,
    sequence: start + from,
    payload: all.subarray(from, to),
  });
  const connection = only(pcapOf([piece(0, 100), piece(500, all.length)]));
  assert.deepEqual(
    connection.pieces.map(({ missing }) => missing),
    [0, 400],
  );
  const inspector = inspectConnection(connection);
  assert.deepEqual(
    [...inspector.messages()].map(({ state, length }) => [state, length]),
    [
      ["whole", 5],
      ["unreadable", 1000],
      ["whole", 5],
    ],
  );
});

test("connections are told apart, others than WebSocket are counted, and a port that is used again is a new one", () => {
  const http = [
    { toServer: true, sequence: 1, payload: Buffer.from("GET / HTTP/1.1\r\nHost: a\r\n\r\n") },
    { toServer: false, sequence: 1, payload: Buffer.from("HTTP/1.1 200 OK\r\n\r\n") },
  ];
  const shifted = conversation().map((segment) => ({ ...segment, sequence: segment.sequence + 77_777 }));
  const { connections, skipped } = readCapture(pcapOf([...http, ...conversation(), ...shifted]));
  assert.deepEqual([connections.length, skipped], [2, 1]);
  for (const connection of connections) assertConversation(connection, connection.client);
});

test("a capture that begins in the midst of a connection is read by its frames", () => {
  const segments = conversation().slice(5, 8);
  const connection = only(pcapOf(segments));
  assert.equal(connection.client, "10.0.0.1:50000");
  assert.deepEqual(bytesOf(connection, "toServer"), HELLO);
});

test("other protocols are not called WebSocket, whether their beginning was captured or not", () => {
  const sized = (size: 2 | 4, ...bytes: number[]) => {
    const length = Buffer.alloc(size);
    length.writeUIntBE(bytes.length, 0, size);
    return Buffer.concat([length, Buffer.from(bytes)]);
  };
  const next = generator(22);
  const noise = (length: number) => Buffer.from(Array.from({ length }, () => Math.floor(next() * 256)));
  const protocols: [string, (readonly [boolean, Buffer])[]][] = [
    [
      "Kafka",
      Array.from({ length: 10 }, (_, at) => [at % 2 === 0, sized(4, 0, 18, 0, 0, 0, 0, 0, at, 0, 1, 97)] as const),
    ],
    [
      "SMB",
      Array.from({ length: 10 }, (_, at) => [at % 2 === 0, sized(4, 0xfe, 0x53, 0x4d, 0x42, 64, 0, at)] as const),
    ],
    [
      "DNS over TCP",
      Array.from({ length: 10 }, (_, at) => [at % 2 === 0, sized(2, 0, at, 1, 0, 0, 1, 0, 0, 0, 0)] as const),
    ],
    ["data of FTP", Array.from({ length: 60 }, () => [false, noise(1400)] as const)],
    ["data both ways", Array.from({ length: 60 }, (_, at) => [at % 2 === 0, noise(700)] as const)],
    ["zeros", Array.from({ length: 10 }, (_, at) => [at % 2 === 0, Buffer.alloc(1000)] as const)],
    ["text", Array.from({ length: 10 }, (_, at) => [at % 2 === 0, Buffer.from("Hello, HELLO, AB\r\n")] as const)],
  ];
  for (const [name, turns] of protocols) {
    for (const isSeen of [true, false]) {
      const capture = readCapture(pcapOf(segmentsOf(turns).slice(isSeen ? 0 : 2)));
      assert.deepEqual([capture.connections.length, capture.skipped], [0, 1], `${name}, ${isSeen}`);
    }
  }
});

test("what goes to a port that is named is WebSocket, whatever it looks like", () => {
  // the end of a message, and no more
  const segments = segmentsOf([[true, masked(0x80, "end")]]);
  assert.equal(readCapture(pcapOf(segments)).connections.length, 0);
  const { connections } = readCapture(pcapOf(segments), { port: 80 });
  assert.equal(connections.length, 1);
});

test("a gap of more than a mebibyte hides what is in it, and no more", () => {
  const all = [masked(0x82, "before"), masked(0x82, "after"), masked(0x81, "and more")];
  const far = 5_000_000;
  const start = all[0]?.length as number;
  const connection = only(
    pcapOf([
      { toServer: true, sequence: 1, flags: SYN },
      { toServer: true, sequence: 2, payload: Buffer.from(REQUEST) },
      { toServer: false, sequence: 2, payload: Buffer.from(RESPONSE) },
      { toServer: true, sequence: 2 + REQUEST.length, payload: all[0] as Buffer },
      { toServer: true, sequence: 2 + REQUEST.length + start + far, payload: all[1] as Buffer },
      {
        toServer: true,
        sequence: 2 + REQUEST.length + start + far + (all[1]?.length as number),
        payload: all[2] as Buffer,
      },
    ]),
  );
  const inspector = inspectConnection(connection);
  const records = [...inspector.records()].filter(({ direction }) => direction === "toServer");
  assert.deepEqual(
    records.map(({ type, missing, found }) => [type, missing, found]),
    [
      ["request", 0, false],
      ["frame", 0, false],
      ["bytes", far, false],
      ["frame", 0, true],
      ["frame", 0, false],
    ],
  );
  assert.equal(inspector.faultCount, 0);
});

test("a HAR's messages become frames of both directions", () => {
  const headers = (text: string) =>
    text
      .split("\r\n")
      .slice(1)
      .filter((line) => line !== "")
      .map((line) => ({ name: line.split(": ")[0], value: line.split(": ")[1] }));
  const har = {
    log: {
      entries: [
        {
          startedDateTime: "2024-01-01T00:00:00.000Z",
          request: { method: "GET", url: "wss://example.com/chat?a=1", headers: headers(REQUEST) },
          response: { status: 101, statusText: "Switching Protocols", headers: headers(RESPONSE) },
          _resourceType: "websocket",
          _webSocketMessages: [
            { type: "send", time: 1704067201.5, opcode: 1, data: "é" },
            { type: "receive", time: 1704067202, opcode: 2, data: "AAH/" },
            { type: "receive", time: 1704067203, opcode: 1, data: "x".repeat(70_000) },
          ],
        },
        { request: { method: "GET", url: "https://example.com/", headers: [] }, response: {} },
      ],
    },
  };
  const capture = readCapture(TEXT.encode(JSON.stringify(har)));
  assert.deepEqual([capture.format, capture.skipped], ["har", 1]);
  const connection = capture.connections[0] as Connection;
  assert.deepEqual([connection.server, connection.synthetic], ["wss://example.com/chat?a=1", true]);
  const inspector = inspectConnection(connection);
  assert.equal(inspector.faultCount, 0);
  const messages = [...inspector.messages()];
  assert.deepEqual(
    messages.map(({ direction, text, length }) => [direction, text, length]),
    [
      ["toServer", true, 2],
      ["toClient", false, 3],
      ["toClient", true, 70_000],
    ],
  );
  assert.equal(inspector.record(2)?.time, 1704067201500);
});

test("a gzip file of any members is their contents, one behind the other", () => {
  const random = generator(1);
  const noise = (length: number) => Uint8Array.from({ length }, () => random() * 256);
  const frames = Array.from({ length: 20 }, (_, index) => masked(0x82, noise(index * 1000)));
  const members = [
    gzipSync(Buffer.from(REQUEST)),
    ...frames.map((frame, index) => gzipSync(frame, { level: index % 10 })),
    gzipSync(Buffer.alloc(0)),
  ];
  assert.deepEqual(bytesOf(only(Buffer.concat(members)), "toServer"), Buffer.concat([Buffer.from(REQUEST), ...frames]));
});

test("300,000 empty members of a gzip file are read", () => {
  // if the rest of the file were copied for each, this would take minutes
  const empty = gzipSync(Buffer.alloc(0));
  const file = Buffer.concat([...Array(300_000).fill(empty), gzipSync(HELLO)]);
  assert.deepEqual(bytesOf(only(file), "toServer"), Buffer.from(HELLO));
});

test("a file that is not a capture is a typed error", () => {
  const cases: [string | Uint8Array, Format | undefined][] = [
    ["", undefined],
    ["no hex", "hex"],
    ["{}", "har"],
    ["not a pcap file, but long enough for one", "pcap"],
    ["not a pcapng file, but long enough for one", "pcapng"],
    ['{"format":"websocket-component","version":2,"side":"client"}\n', undefined],
    ['{"format":"websocket-component","version":1,"side":"client"}\nnonsense\n', undefined],
    ["*", "base64"],
  ];
  for (const [bytes, format] of cases) {
    const given = typeof bytes === "string" ? TEXT.encode(bytes) : bytes;
    assert.throws(() => readCapture(given, format === undefined ? {} : { format }), CaptureError, String(bytes));
  }
});
