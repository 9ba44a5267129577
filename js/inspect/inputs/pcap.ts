/**
 * Files of packets: pcap with its variants, pcapng, and snoop.
 *
 * @module
 */
/** A packet as it was captured. */
export interface Packet {
  /** The kind of its first header, by the numbers of https://www.tcpdump.org/linktypes.html; nothing if not known. */
  readonly linkType: number | undefined;
  /** Milliseconds since 1970. */
  readonly time: number;
  /** Where its bytes are in the file: creating an array for each packet would take most of the time. */
  readonly start: number;
  readonly end: number;
}

/** Is told where a file is cut or corrupt; what comes before is read. */
type Tell = (place: number) => void;

/** How a kind of pcap file is written. */
interface Kind {
  readonly little: boolean;
  /** Units of time in a millisecond. */
  readonly ticks: number;
  /** Bytes of the file's header, and of each packet's. */
  readonly file: number;
  readonly packet: readonly number[];
}

/** By the first four bytes. */
const PCAP_KINDS: Readonly<Record<string, Kind>> = {
  // those of Nokia's firewalls and of Red Hat 6.1 have more for each packet, and no number of their own
  a1b2c3d4: { little: false, ticks: 1e3, file: 24, packet: [16, 20, 24] },
  d4c3b2a1: { little: true, ticks: 1e3, file: 24, packet: [16, 20, 24] },
  a1b23c4d: { little: false, ticks: 1e6, file: 24, packet: [16] },
  "4d3cb2a1": { little: true, ticks: 1e6, file: 24, packet: [16] },
  // "modified" pcap of old Linux systems and of some routers: with the interface, the protocol and the packet's type
  a1b2cd34: { little: false, ticks: 1e3, file: 24, packet: [24, 28] },
  "34cdb2a1": { little: true, ticks: 1e3, file: 24, packet: [24, 28] },
  // Ixia's, by hardware and by software
  "1c0001ac": { little: false, ticks: 1e6, file: 28, packet: [16] },
  ac01001c: { little: true, ticks: 1e6, file: 28, packet: [16] },
  "1c0001ab": { little: false, ticks: 1e3, file: 28, packet: [16] },
  ab01001c: { little: true, ticks: 1e3, file: 28, packet: [16] },
};
const PCAPNG_MAGIC = 0x0a0d0d0a;
const BYTE_ORDER_MAGIC = 0x1a2b3c4d;
const SNOOP_MAGIC = 0x736e6f6f70000000n;

export function isPcap(bytes: Uint8Array): boolean {
  return bytes.length >= 24 && kindOf(bytes) !== undefined;
}

export function isPcapng(bytes: Uint8Array): boolean {
  return bytes.length >= 28 && viewOf(bytes).getUint32(0) === PCAPNG_MAGIC;
}

/** The format of Solaris' snoop (RFC 1761). */
export function isSnoop(bytes: Uint8Array): boolean {
  return bytes.length >= 16 && viewOf(bytes).getBigUint64(0) === SNOOP_MAGIC;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function kindOf(bytes: Uint8Array): Kind | undefined {
  return PCAP_KINDS[viewOf(bytes).getUint32(0).toString(16).padStart(8, "0")];
}

/** The packets of a pcap file. */
export function* pcapPackets(bytes: Uint8Array, tell: Tell = () => {}): Generator<Packet> {
  const view = viewOf(bytes);
  const { little, ticks, file, packet } = kindOf(bytes) as Kind;
  const minor = view.getUint16(6, little);
  const linkType = view.getUint32(20, little) & 0x03ffffff;
  const header = packet.find((size) => fits(view, file, size, little)) ?? (packet[0] as number);
  for (let at = file; at < bytes.length; ) {
    const start = at + header;
    if (start > bytes.length) return tell(at);
    const time = view.getUint32(at, little) * 1000 + view.getUint32(at + 4, little) / ticks;
    const lengths = [view.getUint32(at + 8, little), view.getUint32(at + 12, little)] as const;
    // up to version 2.2, and in some files of 2.3, they stand the other way round
    const isSwapped = minor < 3 || (minor === 3 && lengths[0] > lengths[1]);
    const end = start + lengths[isSwapped ? 1 : 0];
    // zeros, as of space that was reserved, are not a packet
    if (end > bytes.length || (lengths[0] === 0 && lengths[1] === 0)) return tell(at);
    yield { linkType, time, start, end };
    at = end;
  }
}

/** Packets that are looked at to tell kinds apart. */
const LOOK = 4;
const LONGEST_PACKET = 1 << 24;

/** Whether the first packets' headers can be of this size. */
function fits(view: DataView, file: number, size: number, little: boolean): boolean {
  let at = file;
  for (let count = 0; count < LOOK && at + size <= view.byteLength; count++) {
    const captured = view.getUint32(at + 8, little);
    const length = view.getUint32(at + 12, little);
    const isPossible = captured <= LONGEST_PACKET && length <= LONGEST_PACKET && view.getUint32(at + 4, little) < 1e9;
    if (!isPossible || captured > Math.max(length, 1 << 16)) return false;
    at += size + captured;
  }
  return true;
}

/** The packets of a snoop file (RFC 1761). */
export function* snoopPackets(bytes: Uint8Array, tell: Tell = () => {}): Generator<Packet> {
  const view = viewOf(bytes);
  // IEEE 802.3, Ethernet, and what later versions call CSMA/CD and 100BASE-T
  const datalink = view.getUint32(12);
  const linkType = [0, 4, 24, 25].includes(datalink) ? 1 : UNKNOWN_SNOOP + datalink;
  for (let at = 16; at < bytes.length; ) {
    const start = at + 24;
    if (start > bytes.length) return tell(at);
    const end = start + view.getUint32(at + 4);
    const next = at + view.getUint32(at + 8);
    if (next < end || end > bytes.length) return tell(at);
    const time = view.getUint32(at + 16) * 1000 + view.getUint32(at + 20) / 1000;
    yield { linkType, time, start, end };
    at = next;
  }
}

/** Far from the link types that there are. */
const UNKNOWN_SNOOP = 0x10000;

interface Interface {
  readonly linkType: number | undefined;
  /** Units of time in a second. */
  readonly ticks: bigint;
  /** Seconds to add. */
  readonly offset: number;
}

const Block = { Interface: 1, Packet: 2, SimplePacket: 3, EnhancedPacket: 6, Secrets: 10 } as const;
/** The secrets are lines of a TLS key log. */
const TLS_KEY_LOG = 0x544c534b;

/**
 * The packets of a pcapng file (https://www.ietf.org/archive/id/draft-ietf-opsawg-pcapng-02.html).
 *
 * @param secrets is called with each key log in the file
 */
export function* pcapngPackets(
  bytes: Uint8Array,
  tell: Tell = () => {},
  secrets: (keyLog: string) => void = () => {},
): Generator<Packet> {
  const view = viewOf(bytes);
  let little = false;
  let interfaces: Interface[] = [];
  for (let at = 0; at < bytes.length; ) {
    if (at + 12 > bytes.length) return tell(at);
    if (view.getUint32(at) === PCAPNG_MAGIC) {
      little = view.getUint32(at + 8) !== BYTE_ORDER_MAGIC;
      interfaces = [];
    }
    const type = view.getUint32(at, little);
    const length = view.getUint32(at + 4, little);
    if (length < 12 || at + length > bytes.length) return tell(at);
    const [start, end] = [at + 8, at + length - 4];
    if (type === Block.Interface && end - start >= 8) interfaces.push(interfaceOf(view, start, end, little));
    if (type === Block.Secrets && end - start >= 8 && view.getUint32(start, little) === TLS_KEY_LOG) {
      const size = Math.min(view.getUint32(start + 4, little), end - start - 8);
      secrets(new TextDecoder("latin1").decode(bytes.subarray(start + 8, start + 8 + size)));
    }
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
    return end - start < 4 ? undefined : { linkType: interfaces[0]?.linkType, time: 0, start: start + 4, end };
  }
  if ((type !== Block.EnhancedPacket && type !== Block.Packet) || end - start < 20) return undefined;
  const number = type === Block.Packet ? view.getUint16(start, little) : view.getUint32(start, little);
  const from: Interface = interfaces[number] ?? { linkType: undefined, ticks: 1n, offset: 0 };
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
    if (code === Option.TimeResolution && length > 0) {
      const value = view.getUint8(at + 4);
      ticks = value & 0x80 ? 2n ** BigInt(value & 0x7f) : 10n ** BigInt(value);
    }
    if (code === Option.TimeOffset && length === 8) offset = Number(view.getBigInt64(at + 4, little));
    at += 4 + length + (-length & 3);
  }
  return { linkType: view.getUint16(start, little), ticks, offset };
}
