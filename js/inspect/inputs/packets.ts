/**
 * Packets of pcap and pcapng files, and the TCP segments in them.
 *
 * @module
 */
import { malformed } from "../errors.js";

/** A packet as it was captured. */
export interface Packet {
  /** What its first header is, by the numbers of https://www.tcpdump.org/linktypes.html. */
  readonly linkType: number;
  /** Milliseconds since 1970. */
  readonly time: number;
  /** Where its bytes are in the file: arrays of their own for so many packets would take most of the time. */
  readonly start: number;
  readonly end: number;
}

/** A TCP segment. */
export interface Segment {
  /** Address and port, such as `127.0.0.1:80` and `[::1]:80`. */
  readonly source: string;
  readonly destination: string;
  readonly sequence: number;
  readonly syn: boolean;
  readonly ack: boolean;
  readonly payload: Uint8Array;
  readonly time: number;
}

/** The first four bytes of a pcap file, and what they say: little endian, units of a millisecond. */
const PCAP_MAGIC: Readonly<Record<number, readonly [little: boolean, ticks: number]>> = {
  2712847316: [false, 1e3],
  3569595041: [true, 1e3],
  2712812621: [false, 1e6],
  1295823521: [true, 1e6],
};
const PCAPNG_MAGIC = 0x0a0d0d0a;
const BYTE_ORDER_MAGIC = 0x1a2b3c4d;

export function isPcap(bytes: Uint8Array): boolean {
  return bytes.length >= 24 && viewOf(bytes).getUint32(0) in PCAP_MAGIC;
}

export function isPcapng(bytes: Uint8Array): boolean {
  return bytes.length >= 28 && viewOf(bytes).getUint32(0) === PCAPNG_MAGIC;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** The packets of a pcap file; a last one that is cut is left out. */
export function* pcapPackets(bytes: Uint8Array): Generator<Packet> {
  const view = viewOf(bytes);
  const [little, ticks] = PCAP_MAGIC[view.getUint32(0)] as readonly [boolean, number];
  const linkType = view.getUint32(20, little) & 0x0fffffff;
  for (let at = 24; at + 16 <= bytes.length; ) {
    const time = view.getUint32(at, little) * 1000 + view.getUint32(at + 4, little) / ticks;
    const start = at + 16;
    at = start + view.getUint32(at + 8, little);
    if (at <= bytes.length) yield { linkType, time, start, end: at };
  }
}

interface Interface {
  readonly linkType: number;
  /** Units of time in a second. */
  readonly ticks: bigint;
  /** Seconds to add. */
  readonly offset: number;
}

const Block = { Interface: 1, Packet: 2, SimplePacket: 3, EnhancedPacket: 6 } as const;

/**
 * The packets of a pcapng file (https://www.ietf.org/archive/id/draft-ietf-opsawg-pcapng-02.html); a last block that is cut
 * is left out.
 *
 * @throws CaptureError if a block's length cannot be
 */
export function* pcapngPackets(bytes: Uint8Array): Generator<Packet> {
  const view = viewOf(bytes);
  let little = false;
  let interfaces: Interface[] = [];
  for (let at = 0; at + 12 <= bytes.length; ) {
    if (view.getUint32(at) === PCAPNG_MAGIC) {
      little = view.getUint32(at + 8) !== BYTE_ORDER_MAGIC;
      interfaces = [];
    }
    const type = view.getUint32(at, little);
    const length = view.getUint32(at + 4, little);
    if (length < 12) throw malformed(`The block at ${at} says that it has ${length} bytes`);
    if (at + length > bytes.length) return;
    const [start, end] = [at + 8, at + length - 4];
    if (type === Block.Interface) interfaces.push(interfaceOf(view, start, end, little));
    const packet = packetOf(type, view, start, end, little, interfaces);
    if (packet !== undefined) yield packet;
    at += length;
  }
}

function packetOf(
  type: number,
  view: DataView,
  start: number,
  end: number,
  little: boolean,
  interfaces: readonly Interface[],
): Packet | undefined {
  if (type === Block.SimplePacket) {
    const linkType = interfaces[0]?.linkType;
    return linkType === undefined ? undefined : { linkType, time: 0, start: start + 4, end };
  }
  if ((type !== Block.EnhancedPacket && type !== Block.Packet) || end - start < 20) return undefined;
  const number = type === Block.Packet ? view.getUint16(start, little) : view.getUint32(start, little);
  const from = interfaces[number];
  if (from === undefined) return undefined;
  // nanoseconds since 1970 are more than a number tells apart
  const ticks = (BigInt(view.getUint32(start + 4, little)) << 32n) | BigInt(view.getUint32(start + 8, little));
  const seconds = Number(ticks / from.ticks);
  const rest = Number(ticks % from.ticks) / Number(from.ticks);
  const captured = Math.min(view.getUint32(start + 12, little), end - start - 20);
  return {
    linkType: from.linkType,
    time: (seconds + from.offset) * 1000 + rest * 1000,
    start: start + 20,
    end: start + 20 + captured,
  };
}

const Option = { TimeResolution: 9, TimeOffset: 14 } as const;

function interfaceOf(view: DataView, start: number, end: number, little: boolean): Interface {
  let [ticks, offset] = [1_000_000n, 0];
  for (let at = start + 8; at + 4 <= end; ) {
    const code = view.getUint16(at, little);
    const length = view.getUint16(at + 2, little);
    if (code === 0 || at + 4 + length > end) break;
    if (code === Option.TimeResolution) {
      const value = view.getUint8(at + 4);
      ticks = value & 0x80 ? 2n ** BigInt(value & 0x7f) : 10n ** BigInt(value);
    }
    if (code === Option.TimeOffset && length === 8) offset = Number(view.getBigInt64(at + 4, little));
    at += 4 + length + (-length & 3);
  }
  return { linkType: view.getUint16(start, little), ticks, offset };
}

/** Reads the TCP segments of a file's packets; nothing of those that have another protocol, or are fragments. */
export function segmentReader(file: Uint8Array): (packet: Packet) => Segment | undefined {
  const view = viewOf(file);
  return ({ linkType, time, start, end }) => {
    const network = networkHeader(linkType, view, start, end);
    if (network === undefined || end - network < 20) return undefined;
    const version = view.getUint8(network) >> 4;
    const found = version === 4 ? ipv4(view, network, end) : version === 6 ? ipv6(view, network, end) : undefined;
    return found && tcp(file, view, found, time);
  };
}

const EtherType = { Ipv4: 0x0800, Ipv6: 0x86dd } as const;
const VLAN_TAGS: ReadonlySet<number> = new Set([0x8100, 0x88a8, 0x9100]);

/** Where the IP header begins. */
function networkHeader(linkType: number, view: DataView, start: number, end: number): number | undefined {
  if (end - start < 20) return undefined;
  const typed = (type: number, header: number) =>
    view.getUint16(type) === EtherType.Ipv4 || view.getUint16(type) === EtherType.Ipv6 ? header : undefined;
  switch (linkType) {
    case 1: {
      // Ethernet
      let type = start + 12;
      while (type + 6 <= end && VLAN_TAGS.has(view.getUint16(type))) type += 4;
      return typed(type, type + 2);
    }
    case 0: // loopback of BSD, whose first four bytes are an address family
    case 108:
      return start + 4;
    case 12: // IP alone; 12 and 14 in files of some systems
    case 14:
    case 101:
    case 228:
    case 229:
      return start;
    case 113: // Linux cooked, v1 and v2
      return typed(start + 14, start + 16);
    case 276:
      return typed(start, start + 20);
    default:
      return undefined;
  }
}

/** What an IP packet carries, and between whom. */
interface Datagram {
  readonly source: string;
  readonly destination: string;
  readonly start: number;
  readonly end: number;
}

const TCP = 6;

function ipv4(view: DataView, start: number, end: number): Datagram | undefined {
  const isFragment = (view.getUint16(start + 6) & 0x3fff) !== 0;
  if (isFragment || view.getUint8(start + 9) !== TCP) return undefined;
  // 0 if the network card was to cut the packet; behind the length there is padding
  const length = view.getUint16(start + 2) || end - start;
  return {
    source: ipv4Name(view, start + 12),
    destination: ipv4Name(view, start + 16),
    start: start + (view.getUint8(start) & 0x0f) * 4,
    end: Math.min(end, start + length),
  };
}

function ipv4Name(view: DataView, at: number): string {
  return `${view.getUint8(at)}.${view.getUint8(at + 1)}.${view.getUint8(at + 2)}.${view.getUint8(at + 3)}`;
}

/** Hop-by-hop options, routing, destination options: a type, and a length in units of eight bytes. */
const EXTENSION_HEADERS: ReadonlySet<number> = new Set([0, 43, 60]);

function ipv6(view: DataView, start: number, end: number): Datagram | undefined {
  if (end - start < 40) return undefined;
  let next = view.getUint8(start + 6);
  let at = start + 40;
  while (EXTENSION_HEADERS.has(next) && at + 2 <= end) {
    next = view.getUint8(at);
    at += (view.getUint8(at + 1) + 1) * 8;
  }
  if (next !== TCP) return undefined;
  const length = view.getUint16(start + 4);
  return {
    source: ipv6Name(view, start + 8),
    destination: ipv6Name(view, start + 24),
    start: at,
    end: length === 0 ? end : Math.min(end, start + 40 + length),
  };
}

/** As in RFC 5952, in brackets. */
function ipv6Name(view: DataView, start: number): string {
  const groups = Array.from({ length: 8 }, (_, index) => view.getUint16(start + index * 2).toString(16));
  return new URL(`http://[${groups.join(":")}]`).hostname;
}

const NOTHING = new Uint8Array(0);

function tcp(file: Uint8Array, view: DataView, datagram: Datagram, time: number): Segment | undefined {
  const { source, destination, start, end } = datagram;
  if (end - start < 20) return undefined;
  const payload = start + (view.getUint8(start + 12) >> 4) * 4;
  const flags = view.getUint8(start + 13);
  return {
    source: `${source}:${view.getUint16(start)}`,
    destination: `${destination}:${view.getUint16(start + 2)}`,
    sequence: view.getUint32(start + 4),
    syn: (flags & 0x02) !== 0,
    ack: (flags & 0x10) !== 0,
    payload: payload < end ? file.subarray(payload, end) : NOTHING,
    time,
  };
}
