/** Packets under whatever stands around them, and files of them that are cut, corrupt or of odd times. */
import assert from "node:assert/strict";
import { test } from "node:test";

import {
  type Capture,
  type Connection,
  type InspectMessage,
  inspectConnection,
  readCapture,
} from "websocket-component/inspect";

import { ipPacket, pcap, pcapng, segmentsOf, type TestSegment, type Turn } from "./packets.js";
import { hex, masked, REQUEST, RESPONSE, unmasked } from "./support.js";

/** A handshake, and three frames in turns. */
const SEGMENTS = segmentsOf([
  [true, REQUEST],
  [false, RESPONSE],
  [true, masked(0x81, "question")],
  [false, unmasked(0x81, "answer")],
  [true, masked(0x81, "thanks")],
]);
const SPOKEN = ["question", "answer", "thanks"];

/** The messages of all connections, in their order. */
function spoken({ connections, notes }: Capture): string[] {
  return connections.flatMap((connection) => {
    const inspector = inspectConnection(connection);
    assert.equal(inspector.faultCount, 0, JSON.stringify([[...inspector.faults()], notes]));
    return [...inspector.messages()].map((message) => new TextDecoder().decode(inspector.payload(message)));
  });
}

const ETHERNET = hex("020000000001 020000000002 0800".replaceAll(" ", ""));
const LLC = hex("aaaa030000000800");

/** A datagram of UDP in IPv4 in Ethernet, to a port. */
function udp(port: number, payload: Buffer): Buffer {
  const header = Buffer.alloc(28);
  header[0] = 0x45;
  header.writeUInt16BE(28 + payload.length, 2);
  header[9] = 17;
  header.writeUInt16BE(40_000, 20);
  header.writeUInt16BE(port, 22);
  header.writeUInt16BE(8 + payload.length, 24);
  return Buffer.concat([ETHERNET, header, payload]);
}

const wireless = (header: string, rest: Buffer) => Buffer.concat([hex(header), Buffer.alloc(24 - 4, 2), rest]);
const ethernetOf = (type: string, ...rest: Uint8Array[]) =>
  Buffer.concat([ETHERNET.subarray(0, 12), hex(type), ...rest]);

/** What stands around the packet of IP, by the link's type. */
const KINDS: Record<string, [link: number, wrap: (packet: Buffer) => Buffer]> = {
  "VXLAN on a port of its own": [1, (ip) => udp(14_789, Buffer.concat([hex("0800000000000500"), ETHERNET, ip]))],
  "VXLAN with the generic extension": [1, (ip) => udp(4790, Buffer.concat([hex("0c00000100000500"), ip]))],
  "NSH in VXLAN": [1, (ip) => udp(4790, Buffer.concat([hex("0c00000400000500"), hex("00420101000001ff"), ip]))],
  L2TP: [1, (ip) => udp(1701, Buffer.concat([hex("000200010002ff030021"), ip]))],
  "L2TP with all its fields": [1, (ip) => udp(1701, Buffer.concat([hex("4a0200000001000200010001000200000021"), ip]))],
  "a pseudowire without a control word": [1, (ip) => ethernetOf("8847", hex("00012140"), ETHERNET, ip)],
  "a pseudowire with one": [1, (ip) => ethernetOf("8847", hex("0001214000000000"), ETHERNET, ip)],
  "a pseudowire to an address that looks like IP": [
    1,
    (ip) => ethernetOf("8847", hex("00012140"), hex("45"), ETHERNET.subarray(1), ip),
  ],
  "a provider's backbone": [1, (ip) => ethernetOf("88e7", hex("00000005"), ETHERNET, ip)],
  "VN-Tag": [1, (ip) => ethernetOf("8926", hex("000000050800"), ip)],
  "NSH in Ethernet": [1, (ip) => ethernetOf("894f", hex("00420101000001ff"), ip)],
  ATM: [100, (ip) => Buffer.concat([LLC, ip])],
  "OpenBSD's IPsec": [109, (ip) => Buffer.concat([Buffer.alloc(12), ip])],
  "a firewall's log": [117, (ip) => Buffer.concat([hex("3d020000"), Buffer.alloc(60), ip])],
  Prism: [119, (ip) => Buffer.concat([Buffer.alloc(144), wireless("08010000", LLC), ip])],
  AVS: [163, (ip) => Buffer.concat([hex("8021100100000040"), Buffer.alloc(56), wireless("08010000", LLC), ip])],
  "radiotap with padding": [
    127,
    (ip) => Buffer.concat([hex("000009000200000020"), wireless("88010000", hex("00000000")), LLC, ip]),
  ],
};

test("TCP is found under every header, whatever the port and the address before it", () => {
  for (const [name, [link, wrap]] of Object.entries(KINDS)) {
    const capture = readCapture(
      pcap(
        SEGMENTS.map((segment) => wrap(ipPacket(segment))),
        link,
      ),
    );
    assert.deepEqual([spoken(capture), capture.notes], [SPOKEN, []], name);
  }
});

test("packets without TCP that can be read are counted by their kind, and a file without any says so", () => {
  const aggregated = Buffer.concat([hex("0000080000000000"), wireless("88010000", hex("80000202")), Buffer.alloc(60)]);
  const cases: [Buffer, number, RegExp][] = [
    [udp(443, Buffer.alloc(1200, 0xc0)), 1, /No packet has TCP.*; One packet not read: QUIC$/],
    [udp(4500, Buffer.alloc(90, 1)), 1, /One packet not read: encrypted by IPsec/],
    [udp(53, Buffer.alloc(40)), 1, /^No packet has TCP in it that can be read$/],
    [aggregated, 127, /One packet not read: 802\.11 that is aggregated or without IP/],
    [Buffer.alloc(64), 12_345, /One packet not read: link type 12345/],
  ];
  for (const [packet, link, expected] of cases) {
    assert.match(readCapture(pcap([packet], link)).notes?.join("; ") ?? "", expected);
  }
  assert.deepEqual(readCapture(pcap([], 1)).notes, ["There are no packets in it"]);
});

test("a header that is shorter than it can be is not a payload", () => {
  const packets = SEGMENTS.map((segment) => ipPacket(segment));
  const malformed = Buffer.from(packets[5] as Buffer);
  malformed[32] = 0; // the length of TCP's header
  const capture = readCapture(pcap([...packets.slice(0, 4), malformed, ...packets.slice(4)], 101));
  assert.deepEqual(spoken(capture), SPOKEN);
  assert.deepEqual(capture.notes, ["One packet not read: cut or malformed headers"]);
});

/** Segments of a direction, the second of each two first; the others then fill the gaps. */
function interleaved(payload: (number: number) => Buffer, count: number): TestSegment[] {
  const size = payload(0).length;
  const segment = (number: number): TestSegment => ({
    toServer: false,
    sequence: 5001 + RESPONSE.length + number * size,
    payload: payload(number),
  });
  const half = Array.from({ length: count / 2 }, (_, index) => 2 * index);
  return [...half.map((number) => segment(number + 1)), ...half.map(segment)];
}

test("100,000 segments that came late fill the gaps before as many", () => {
  // if all that are ahead were put in order for each, this would take many minutes
  const conversation = segmentsOf([
    [true, REQUEST],
    [false, RESPONSE],
  ]);
  const frames = interleaved((number) => unmasked(0x81, String(number).padStart(6, "0")), 200_000);
  const packets = [...conversation, ...frames].map((segment) => ipPacket(segment));
  const { connections } = readCapture(pcap(packets, 101));
  const inspector = inspectConnection(connections[0] as Connection);
  assert.deepEqual([inspector.faultCount, inspector.messageCount], [0, 200_000]);
  assert.deepEqual(inspector.payload(inspector.message(199_999) as InspectMessage), new TextEncoder().encode("199999"));
});

test("of segments that are ahead and overlap, the first count", () => {
  const frame = unmasked(0x81, "abcdef");
  const [, , asked, answered] = segmentsOf([
    [true, REQUEST],
    [false, RESPONSE],
  ]) as [TestSegment, TestSegment, TestSegment, TestSegment];
  const start = answered.sequence + RESPONSE.length;
  const at = (place: number, payload: string | Buffer): TestSegment => {
    return { toServer: false, sequence: start + place, payload: Buffer.from(payload) };
  };
  const late = [
    at(5, "DEF"),
    at(3, "bcd"),
    at(3, "XYZ"),
    at(6, "e"),
    at(7, "f"),
    at(4, "cd"),
    at(0, frame.subarray(0, 3)),
  ];
  const packets = [asked, answered, ...late].map((segment) => ipPacket(segment));
  assert.deepEqual(spoken(readCapture(pcap(packets, 101))), ["abcdEF"]);
});

test("segments that begin as heads and have no end of one are not read again for each", () => {
  // if each were read as far as a head may go, this would take minutes
  const other = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
  const turns = (toServer: boolean, text: string) => Array.from({ length: 60_000 }, (): Turn => [toServer, text]);
  for (const segments of [
    segmentsOf([[false, other], ...turns(false, "HTTP/1.1 200"), [false, RESPONSE]]),
    segmentsOf([[true, "POST / HTTP/1.1\r\n\r\n"], [false, other], [true, "?"], ...turns(true, "GET /aaaaaaa")]),
  ]) {
    const { connections, skipped } = readCapture(
      pcap(
        segments.map((segment) => ipPacket(segment)),
        101,
      ),
    );
    assert.deepEqual([connections.length, skipped], [0, 1]);
  }
});

test("an upgrade is found behind what looks like one at the start of a segment", () => {
  const other = "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n";
  const segments = segmentsOf([
    [false, `${other}some of it`],
    [false, "HTTP is a protocol"],
    [false, "HTTP/1.1 404 Not Found\r\n\r\n"],
    [true, "GET a life"],
    [true, REQUEST],
    [false, RESPONSE],
    [false, unmasked(0x81, "hello")],
  ]);
  assert.deepEqual(
    spoken(
      readCapture(
        pcap(
          segments.map((segment) => ipPacket(segment)),
          101,
        ),
      ),
    ),
    ["hello"],
  );
});

test("packets of one time are in the order of the file", () => {
  const packets = SEGMENTS.map((segment) => ipPacket(segment));
  const file = pcap(packets, 101);
  for (let at = 24; at < file.length; at += 16 + file.readUInt32LE(at + 8)) file.writeUInt32LE(0, at + 4);
  assert.deepEqual(spoken(readCapture(file)), SPOKEN);
});

test("a file is read up to where it is cut or corrupt, and that is said", () => {
  const packets = SEGMENTS.map((segment) => ipPacket(segment));
  const note = /^The file is cut or corrupt at byte \d+, and is read up to there$/;
  const snoop = Buffer.concat([
    hex("736e6f6f700000000000000200000004"),
    ...packets.map((packet) => {
      const record = Buffer.concat([Buffer.alloc(24), ETHERNET, packet]);
      for (const [at, value] of [record.length - 24, record.length - 24, record.length].entries())
        record.writeUInt32BE(value, at * 4);
      return record;
    }),
  ]);
  for (const whole of [pcap(packets, 101), pcapng(packets, 101), snoop]) {
    for (const [name, damaged, told] of [
      ["whole", whole, SPOKEN],
      ["with zeros", Buffer.concat([whole, Buffer.alloc(1000)]), SPOKEN],
      ["with anything", Buffer.concat([whole, Buffer.alloc(1000, "? nothing")]), SPOKEN],
      ["cut", whole.subarray(0, -5), SPOKEN.slice(0, 2)],
    ] as const) {
      const capture = readCapture(damaged);
      assert.deepEqual(spoken(capture), told, name);
      assert.equal(capture.notes?.length, Number(name !== "whole"), name);
      for (const one of capture.notes ?? []) assert.match(one, note);
    }
  }
});

test("pcapng's packets of an interface that is not described are counted", () => {
  const file = pcapng(
    SEGMENTS.map((segment) => ipPacket(segment)),
    101,
  );
  file.writeUInt32LE(0x0bad, 28); // the type of the interface's block
  const { connections, notes } = readCapture(file);
  assert.equal(connections.length, 0);
  assert.match(notes?.join() ?? "", /7 packets not read: of an interface that the file does not describe/);
});

/** The segments in IP fragments of 16 bytes. */
function fragmented(idOf: (index: number) => number): Buffer[] {
  return SEGMENTS.flatMap((segment, at) => {
    const packet = ipPacket(segment);
    const [header, payload] = [packet.subarray(0, 20), packet.subarray(20, packet.readUInt16BE(2))];
    const size = 16;
    return Array.from({ length: Math.ceil(payload.length / size) }, (_, index) => {
      const part = payload.subarray(index * size, (index + 1) * size);
      const fragment = Buffer.concat([header, part]);
      fragment.writeUInt16BE(20 + part.length, 2);
      fragment.writeUInt16BE(idOf(at), 4);
      fragment.writeUInt16BE(index * 2 + ((index + 1) * size < payload.length ? 0x2000 : 0), 6);
      return fragment;
    });
  });
}

test("fragments that come twice are read once, and those without the rest are counted", () => {
  const fragments = fragmented((at) => at + 1);
  const twice = readCapture(
    pcap(
      fragments.flatMap((fragment) => [fragment, fragment]),
      101,
    ),
  );
  assert.deepEqual([spoken(twice), twice.notes], [SPOKEN, []]);
  const { notes } = readCapture(pcap(fragments.slice(0, -1), 101));
  assert.deepEqual(notes, ["One fragmented packet not read: a part is missing"]);
});

test("datagrams that follow each other may have one number", () => {
  const { notes, ...capture } = readCapture(
    pcap(
      fragmented(() => 7),
      101,
    ),
  );
  assert.deepEqual([spoken(capture), notes], [SPOKEN, []]);
});

test("packets that were cut are counted, with what captures them whole", () => {
  const packets = SEGMENTS.map((segment) => ipPacket(segment));
  const file = pcap(
    packets.map((packet) => packet.subarray(0, 60)),
    101,
  );
  assert.match(readCapture(file).notes?.join() ?? "", /packets cut: tcpdump -s 0 captures them whole/);
});

test("a packer that is not read is named, and so is a HAR that is not whole", () => {
  const packed: [Buffer, RegExp][] = [
    [Buffer.from("\xfd7zXZ\0 and so on", "latin1"), /packed by xz: unpack it first/],
    [Buffer.from("\x28\xb5\x2f\xfd and so on", "latin1"), /packed by zstd/],
    [Buffer.from("BZh91AY&SY\0\0", "latin1"), /packed by bzip2/],
    [Buffer.from('{ "log": { "entries": [ {'), /begins as a HAR, and is not a whole one/],
  ];
  for (const [bytes, expected] of packed) assert.throws(() => readCapture(bytes), expected);
});
