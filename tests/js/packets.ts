/** Capture files made by hand: packets of TCP conversations, in every shape in which they are written. */

/** A TCP segment between a client (port 50000) and a server (port 80). */
export interface TestSegment {
  toServer: boolean;
  sequence: number;
  flags?: number;
  payload?: Uint8Array;
}

export const SYN = 0x02;
export const FIN = 0x01;
export const ACK = 0x10;

/** What one side sends. */
export type Turn = readonly [toServer: boolean, payload: string | Buffer];

/** The segments of a conversation, with its beginning: a segment for a turn, and the first numbers of both sides. */
export function segmentsOf(turns: readonly Turn[], [client, server]: [number, number] = [1000, 5000]): TestSegment[] {
  const next = { true: client + 1, false: server + 1 };
  return [
    { toServer: true, sequence: client, flags: SYN },
    { toServer: false, sequence: server, flags: SYN | ACK },
    ...turns.map(([toServer, text]): TestSegment => {
      const payload = Buffer.from(text);
      const sequence = next[`${toServer}`];
      next[`${toServer}`] += payload.length;
      return { toServer, sequence, payload };
    }),
  ];
}

/** The IP packet of a segment. */
export function ipPacket(
  { toServer, sequence, flags = ACK, payload = Buffer.alloc(0) }: TestSegment,
  version = 4,
): Buffer {
  const tcp = Buffer.alloc(20);
  tcp.writeUInt16BE(toServer ? 50000 : 80, 0);
  tcp.writeUInt16BE(toServer ? 80 : 50000, 2);
  tcp.writeUInt32BE(sequence >>> 0, 4);
  tcp[12] = 5 << 4;
  tcp[13] = flags;
  const segment = Buffer.concat([tcp, payload]);
  const [source, destination] = toServer ? [1, 2] : [2, 1];
  if (version === 4) {
    const ip = Buffer.alloc(20);
    ip[0] = 0x45;
    ip.writeUInt16BE(20 + segment.length, 2);
    ip[9] = 6;
    ip.set([10, 0, 0, source], 12);
    ip.set([10, 0, 0, destination], 16);
    // padding, as of a short Ethernet frame
    return Buffer.concat([ip, segment, Buffer.alloc(6)]);
  }
  const ip = Buffer.alloc(48);
  ip[0] = 0x60;
  ip.writeUInt16BE(8 + segment.length, 4);
  ip[6] = 0; // hop-by-hop options of 8 bytes, then TCP
  ip[40] = 6;
  ip[8] = 0xfd;
  ip[23] = source;
  ip[24] = 0xfd;
  ip[39] = destination;
  return Buffer.concat([ip, segment]);
}

/** What stands before the IP packet, by link type. */
export const LINKS: Record<string, [type: number, header: (version: number) => Buffer]> = {
  ethernet: [1, (version) => Buffer.concat([Buffer.alloc(12), etherType(version)])],
  vlan: [
    1,
    (version) => Buffer.concat([Buffer.alloc(12), Buffer.from("88a80001" + "81000002", "hex"), etherType(version)]),
  ],
  cooked: [113, (version) => Buffer.concat([Buffer.alloc(14), etherType(version)])],
  "cooked v2": [276, (version) => Buffer.concat([etherType(version), Buffer.alloc(18)])],
  raw: [101, () => Buffer.alloc(0)],
  loopback: [0, () => Buffer.from("02000000", "hex")],
};

function etherType(version: number): Buffer {
  return Buffer.from(version === 4 ? "0800" : "86dd", "hex");
}

/** A pcap file with a packet each millisecond; old kinds of it have extra bytes in each packet's header. */
export function pcap(packets: Buffer[], linkType: number, { little = true, nano = false, extra = 0 } = {}): Buffer {
  const word = (value: number) => {
    const bytes = Buffer.alloc(4);
    if (little) bytes.writeUInt32LE(value);
    else bytes.writeUInt32BE(value);
    return bytes;
  };
  const header = [
    word(nano ? 0xa1b23c4d : 0xa1b2c3d4),
    word(0x00040002),
    word(0),
    word(0),
    word(65535),
    word(linkType),
  ];
  const records = packets.flatMap((packet, index) => [
    word(1_700_000_000),
    word(index * (nano ? 1_000_000 : 1000)),
    word(packet.length),
    word(packet.length),
    Buffer.alloc(extra),
    packet,
  ]);
  return Buffer.concat([...header, ...records]);
}

/** A pcapng file with the same, of one interface whose times are in units of 10^-9 s. */
export function pcapng(packets: Buffer[], linkType: number, { little = true } = {}): Buffer {
  const number = (value: number, size: 2 | 4) => {
    const bytes = Buffer.alloc(size);
    if (little) bytes.writeUIntLE(value, 0, size);
    else bytes.writeUIntBE(value, 0, size);
    return bytes;
  };
  const word = (value: number) => number(value, 4);
  const block = (type: number, ...parts: Buffer[]) => {
    const body = Buffer.concat(parts);
    const padding = Buffer.alloc(-body.length & 3);
    const length = word(12 + body.length + padding.length);
    return Buffer.concat([word(type), length, body, padding, length]);
  };
  const resolution = Buffer.concat([number(9, 2), number(1, 2), Buffer.from([9, 0, 0, 0]), word(0)]);
  const start = 1_700_000_000_000_000_000n;
  const packetBlocks = packets.map((packet, index) => {
    const time = start + BigInt(index) * 1_000_000n;
    const [high, low] = [Number(time >> 32n), Number(time & 0xffffffffn)];
    return block(6, word(0), word(high), word(low), word(packet.length), word(packet.length), packet);
  });
  return Buffer.concat([
    block(0x0a0d0d0a, word(0x1a2b3c4d), word(1), word(0xffffffff), word(0xffffffff)),
    block(1, number(linkType, 2), number(0, 2), word(65535), resolution),
    block(0xbad, Buffer.from("unknown!")),
    ...packetBlocks,
  ]);
}
