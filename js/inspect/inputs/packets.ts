/**
 * The TCP segments in packets, under whatever headers stand before them.
 *
 * @module
 */
import { concat } from "../../engine/bytes.js";
import type { Packet } from "./pcap.js";

/** A TCP segment. */
export interface Segment {
  /** Address and port, such as `127.0.0.1:80` and `[::1]:80`. */
  readonly source: string;
  readonly destination: string;
  readonly sequence: number;
  readonly syn: boolean;
  readonly rst: boolean;
  readonly ack: boolean;
  /** As much of it as was captured. */
  readonly payload: Uint8Array;
  /** How long the payload was on the wire. */
  readonly length: number;
  readonly time: number;
  /** The packet's number in the file: of several of a time, it tells which came first. */
  readonly order: number;
}

const EtherType = {
  Ipv4: 0x0800,
  Ipv6: 0x86dd,
  Ethernet: 0x6558,
  Pppoe: 0x8864,
  Backbone: 0x88e7,
  Services: 0x894f,
} as const;
const VLAN_TAGS: ReadonlySet<number> = new Set([0x8100, 0x88a8, 0x9100, 0x9200]);
const MPLS: ReadonlySet<number> = new Set([0x8847, 0x8848]);
/** VN-Tag and HSR: four bytes, then another EtherType. */
const LONG_TAGS: ReadonlySet<number> = new Set([0x8926, 0x892f]);
/** What UDP carries that is not read, by its port. */
const UDP_KINDS: Readonly<Record<number, string>> = { 443: "QUIC", 4500: "encrypted by IPsec", 51820: "WireGuard" };
/** ARP, Wake-on-LAN, RARP, flow control, LACP, EAPOL, loops, LLDP, discovery of PPPoE: they carry no TCP. */
const WITHOUT_TCP: ReadonlySet<number> = new Set([
  0x0806, 0x0842, 0x8035, 0x8808, 0x8809, 0x888e, 0x9000, 0x88cc, 0x8863, 0x88e1, 0x893a, 0x88d9, 0x88f7,
]);
const Protocol = { Ipv4: 4, Tcp: 6, Udp: 17, Ipv6: 41, Gre: 47, Esp: 50, Ah: 51, EtherIp: 97, Mpls: 137 } as const;
/** Hop-by-hop options, routing, destination options: a type, and a length in units of eight bytes. */
const EXTENSION_HEADERS: ReadonlySet<number> = new Set([0, 43, 60]);
const FRAGMENT_HEADER = 44;
/** A packet with more headers than this is malformed. */
const MOST_LAYERS = 32;
/** Datagrams whose fragments are kept. */
const MOST_DATAGRAMS = 1024;
/** After these milliseconds, a datagram's number stands for another one (RFC 8200 §4.5). */
const LIFE_OF_DATAGRAM = 60_000;
const NOTHING = new Uint8Array(0);

/** The payload of an IP packet, and its two addresses. */
interface Datagram {
  readonly source: string;
  readonly destination: string;
  readonly protocol: number;
  readonly view: DataView;
  /** How long it was on the wire. */
  readonly length: number;
}

interface Part {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/** The fragments of a datagram. */
interface Fragments {
  readonly parts: Part[];
  /** How long it is, once the last one has come. */
  length: number | undefined;
  readonly time: number;
  /** It was put together: the same part once more is repeated, another one is of the next datagram of that number. */
  isDone: boolean;
}

/** Reads the TCP segments of a file's packets, and counts the packets of kinds that it does not read. */
export class SegmentReader {
  /** How many packets there were of each such kind. */
  readonly unread = new Map<string, number>();
  /** How many segments were not captured whole. */
  cut = 0;
  readonly #file: Uint8Array;
  readonly #datagrams = new Map<string, Fragments>();
  #layers = 0;
  #time = 0;
  #order = 0;

  constructor(file: Uint8Array) {
    this.#file = file;
  }

  /** How many datagrams lack a fragment. */
  get unassembled(): number {
    return [...this.#datagrams.values()].filter(({ isDone }) => !isDone).length;
  }

  /** The packet's segment, if it has one. Of a fragmented datagram, only the last fragment has. */
  read({ linkType, time, start, end }: Packet): Segment | undefined {
    [this.#layers, this.#time] = [0, time];
    this.#order += 1;
    const view = new DataView(this.#file.buffer, this.#file.byteOffset + start, end - start);
    try {
      return this.#link(linkType, view, 0);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      return this.#leave("cut or malformed headers");
    }
  }

  #leave(kind: string): undefined {
    this.unread.set(kind, (this.unread.get(kind) ?? 0) + 1);
  }

  #link(type: number | undefined, view: DataView, at: number): Segment | undefined {
    switch (type) {
      case 1:
        return this.#ethernet(view, at);
      case 0: // loopback of BSD, whose first four bytes are an address family
      case 108:
        return this.#ip(view, at + 4);
      case 100: // ATM (RFC 2684)
        return this.#llc(view, at);
      case 109: // of OpenBSD: what IPsec has decrypted, and what its firewall has seen
        return this.#ip(view, at + 12);
      case 117:
        return this.#ip(view, at + ((view.getUint8(at) + 3) & ~3));
      case 119: // Prism's and AVS' headers, before 802.11
      case 163:
        return this.#wireless(view, at + (view.getUint32(at) >>> 8 === 0x802110 ? view.getUint32(at + 4) : 144));
      case 12: // IP alone; 12 and 14 in files of some systems
      case 14:
      case 101:
      case 228:
      case 229:
        return this.#ip(view, at);
      case 9: // PPP, by itself and in frames as of HDLC
      case 50:
        return this.#ppp(view, at);
      case 166: // with a byte or two for the direction before it
        return this.#ppp(view, at + 2);
      case 204:
        return this.#ppp(view, at + 1);
      case 51:
        return this.#ppp(view, at + 6);
      case 104: // Cisco's HDLC
        return this.#ether(view.getUint16(at + 2), view, at + 4);
      case 105:
        return this.#wireless(view, at);
      case 127: // radiotap, and PPI, before 802.11
        return this.#wireless(view, at + view.getUint16(at + 2, true));
      case 192:
        return this.#link(this.#deeper(view.getUint32(at + 4, true)), view, at + view.getUint16(at + 2, true));
      case 113: // Linux cooked, v1 and v2
        return this.#ether(view.getUint16(at + 14), view, at + 16);
      case 276:
        return this.#ether(view.getUint16(at), view, at + 20);
      case 138: // IP over FireWire
        return this.#ether(view.getUint16(at + 16), view, at + 18);
      case 149: // Apple's, which says of each packet what its link is
      case 258:
        return this.#link(this.#deeper(view.getUint32(at + 8, true)), view, at + view.getUint32(at, true));
      case 219:
        return this.#mpls(view, at);
      case 239:
        return this.#nflog(view, at);
      case 240: // Hilscher's, four bytes before Ethernet
        return this.#ethernet(view, at + 4);
      case undefined:
        return this.#leave("of an interface that the file does not describe");
      default:
        return this.#leave(`link type ${type}`);
    }
  }

  /** @throws RangeError if there are too many layers */
  #deeper<T>(value: T): T {
    this.#layers += 1;
    if (this.#layers > MOST_LAYERS) throw new RangeError("There are too many headers");
    return value;
  }

  #ethernet(view: DataView, at: number): Segment | undefined {
    return this.#ether(view.getUint16(at + 12), view, at + 14);
  }

  /** Reads the header that an EtherType announces. A number up to 1500 is a length, and 802.2 comes next. */
  #ether(type: number, view: DataView, at: number): Segment | undefined {
    this.#deeper(type);
    if (type === EtherType.Ipv4 || type === EtherType.Ipv6) return this.#ip(view, at);
    if (VLAN_TAGS.has(type)) return this.#ether(view.getUint16(at + 2), view, at + 4);
    if (MPLS.has(type)) return this.#mpls(view, at);
    if (type === EtherType.Pppoe) return this.#ppp(view, at + 6);
    if (type === EtherType.Ethernet) return this.#ethernet(view, at);
    if (type === EtherType.Backbone) return this.#ethernet(view, at + 4);
    if (type === EtherType.Services) return this.#services(view, at);
    if (LONG_TAGS.has(type)) return this.#ether(view.getUint16(at + 4), view, at + 6);
    if (type <= 1500) return this.#llc(view, at);
    return WITHOUT_TCP.has(type) ? undefined : this.#leave(`EtherType 0x${type.toString(16).padStart(4, "0")}`);
  }

  /** IEEE 802.2, whose SNAP has an EtherType; what else there is carries no TCP. */
  #llc(view: DataView, at: number): Segment | undefined {
    return isSnap(view, at) ? this.#ether(view.getUint16(at + 6), view, at + 8) : undefined;
  }

  /** The header of a chain of services (RFC 8300). */
  #services(view: DataView, at: number): Segment | undefined {
    return this.#next(view.getUint8(at + 3), view, at + (view.getUint8(at + 1) & 0x3f) * 4);
  }

  /** What comes behind that header, and behind VXLAN's with the generic extension. */
  #next(protocol: number, view: DataView, at: number): Segment | undefined {
    this.#deeper(protocol);
    if (protocol === 1 || protocol === 2) return this.#ip(view, at);
    if (protocol === 3) return this.#ethernet(view, at);
    return protocol === 4 ? this.#services(view, at) : protocol === 5 ? this.#mpls(view, at) : undefined;
  }

  /** Data frames of IEEE 802.11. */
  #wireless(view: DataView, at: number): Segment | undefined {
    const control = view.getUint16(at, true);
    const subtype = (control >> 4) & 0x0f;
    const isData = ((control >> 2) & 3) === 2 && (subtype & 4) === 0;
    if (!isData) return undefined;
    if (control & 0x4000) return this.#leave("encrypted 802.11");
    const fourAddresses = (control & 0x0300) === 0x0300 ? 6 : 0;
    const quality = subtype & 8 ? 2 : 0;
    const start = at + 24 + fourAddresses + quality + (quality > 0 && control & 0x8000 ? 4 : 0);
    // some cards pad the header to four bytes
    const found = [start, start + 2].find((place) => isSnap(view, place));
    return found === undefined ? this.#leave("802.11 that is aggregated or without IP") : this.#llc(view, found);
  }

  /** With address and control bytes, or without; the protocol in two bytes, or in one that is odd. */
  #ppp(view: DataView, at: number): Segment | undefined {
    const start = view.getUint16(at) === 0xff03 ? at + 2 : at;
    const isShort = (view.getUint8(start) & 1) === 1;
    const protocol = isShort ? view.getUint8(start) : view.getUint16(start);
    const next = start + (isShort ? 1 : 2);
    if (protocol === 0x21 || protocol === 0x57) return this.#ip(view, next);
    if (protocol === 0x281 || protocol === 0x283) return this.#mpls(view, next);
    // from 0x8000 on they are of PPP's own
    return protocol < 0x8000 ? this.#leave(`PPP protocol 0x${protocol.toString(16)}`) : undefined;
  }

  /** A stack of labels; what is behind it says no more than its first four bits do. */
  #mpls(view: DataView, start: number): Segment | undefined {
    let at = start;
    while ((view.getUint8(at + 2) & 1) === 0) at += 4;
    const version = view.getUint8(at + 4) >> 4;
    const isWire = isEthernet(view, this.#deeper(at + 4));
    if (!isWire && (version === 4 || version === 6)) return this.#ip(view, at + 4);
    // a pseudowire's control word begins with 0 (RFC 4385)
    return this.#ethernet(view, at + (!isWire && version === 0 ? 8 : 4));
  }

  /** Of Linux: attributes of a length and a type, in the order of the machine's bytes; 9 is the packet. */
  #nflog(view: DataView, start: number): Segment | undefined {
    for (let at = start + 4; at + 4 <= view.byteLength; ) {
      const little = view.getUint16(at, true) <= view.byteLength - at && view.getUint8(at + 3) < 0x40;
      const length = view.getUint16(at, little);
      if ((view.getUint16(at + 2, little) & 0x3fff) === 9) return this.#ip(view, at + 4);
      at += Math.max(4, length + (-length & 3));
    }
    return undefined;
  }

  #ip(view: DataView, at: number): Segment | undefined {
    const version = view.getUint8(this.#deeper(at)) >> 4;
    const datagram = version === 4 ? this.#ipv4(view, at) : version === 6 ? this.#ipv6(view, at) : undefined;
    return datagram && this.#carried(datagram);
  }

  #ipv4(view: DataView, at: number): Datagram | undefined {
    const header = atLeast(20, (view.getUint8(at) & 0x0f) * 4);
    // 0 if the network card was to cut the packet; behind the length there is padding
    const length = (view.getUint16(at + 2) || view.byteLength - at) - header;
    const protocol = view.getUint8(at + 9);
    const [source, destination] = [ipv4Name(view, at + 12), ipv4Name(view, at + 16)];
    const payload = part(view, at + header, length);
    const flags = view.getUint16(at + 6);
    const [offset, isLast] = [(flags & 0x1fff) * 8, (flags & 0x2000) === 0];
    const datagram = { source, destination, protocol, view: payload, length };
    if (offset === 0 && isLast) return datagram;
    return this.#assembled(`${view.getUint16(at + 4)}`, datagram, offset, isLast);
  }

  #ipv6(view: DataView, start: number): Datagram | undefined {
    const [source, destination] = [ipv6Name(view, start + 8), ipv6Name(view, start + 24)];
    const total = view.getUint16(start + 4) || view.byteLength - start - 40;
    let next = view.getUint8(start + 6);
    let at = start + 40;
    for (;;) {
      this.#deeper(next);
      if (EXTENSION_HEADERS.has(next)) {
        next = view.getUint8(at);
        at += (view.getUint8(at + 1) + 1) * 8;
      } else if (next === FRAGMENT_HEADER) {
        const flags = view.getUint16(at + 2);
        const length = total - (at + 8 - start - 40);
        const datagram = { source, destination, protocol: view.getUint8(at), view: part(view, at + 8, length), length };
        if ((flags & 0xfff9) === 0) return datagram;
        return this.#assembled(`${view.getUint32(at + 4)}`, datagram, flags & 0xfff8, (flags & 1) === 0);
      } else {
        const length = total - (at - start - 40);
        return { source, destination, protocol: next, view: part(view, at, length), length };
      }
    }
  }

  /** Puts a datagram together from its fragments; nothing before they are all there. */
  #assembled(id: string, fragment: Datagram, offset: number, isLast: boolean): Datagram | undefined {
    const { source, destination, protocol, view } = fragment;
    const key = `${id} ${source} ${destination} ${protocol}`;
    const piece = { offset, bytes: new Uint8Array(view.buffer, view.byteOffset, view.byteLength) };
    let datagram = this.#datagrams.get(key);
    if (datagram !== undefined && Math.abs(this.#time - datagram.time) >= LIFE_OF_DATAGRAM) datagram = undefined;
    if (datagram?.isDone && datagram.parts.some((known) => isSame(known, piece))) return undefined;
    if (datagram === undefined || datagram.isDone)
      datagram = { parts: [], length: undefined, time: this.#time, isDone: false };
    this.#datagrams.set(key, datagram);
    if (this.#datagrams.size > MOST_DATAGRAMS) this.#datagrams.delete(this.#datagrams.keys().next().value as string);
    datagram.parts.push(piece);
    if (isLast) datagram.length = offset + fragment.length;
    const bytes = joined(datagram);
    if (bytes === undefined) return undefined;
    datagram.isDone = true;
    return { ...fragment, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length), length: bytes.length };
  }

  #carried(datagram: Datagram): Segment | undefined {
    const { view, protocol } = datagram;
    switch (protocol) {
      case Protocol.Tcp:
        return this.#tcp(datagram);
      case Protocol.Udp:
        return this.#udp(view);
      case Protocol.Ipv4:
      case Protocol.Ipv6:
        return this.#ip(view, 0);
      case Protocol.Gre:
        return this.#gre(view);
      case Protocol.Ah: {
        const header = (view.getUint8(1) + 2) * 4;
        const length = datagram.length - header;
        return this.#carried({
          ...datagram,
          protocol: this.#deeper(view.getUint8(0)),
          view: part(view, header, length),
          length,
        });
      }
      case Protocol.EtherIp:
        return this.#ethernet(view, this.#deeper(2));
      case Protocol.Mpls:
        return this.#mpls(view, this.#deeper(0));
      case Protocol.Esp:
        return this.#leave("encrypted by IPsec");
      default:
        return undefined;
    }
  }

  /** Tunnels have ports of their own. */
  #udp(view: DataView): Segment | undefined {
    const ports = [view.getUint16(2), view.getUint16(0)];
    this.#deeper(ports);
    const goesTo = (...known: number[]) => ports.some((port) => known.includes(port));
    const has = (length: number) => view.byteLength >= 8 + length;
    // VXLAN says that it has a network (RFC 7348); 8472 is what Linux took first
    if (goesTo(4789, 8472) && has(8) && view.getUint8(8) & 0x08) return this.#ethernet(view, 16);
    if (goesTo(6081) && has(8)) return this.#ether(view.getUint16(10), view, 16 + (view.getUint8(8) & 0x3f) * 4);
    if (goesTo(2152) && has(8) && view.getUint8(9) === 0xff) return this.#gtp(view, 8);
    if (goesTo(6635) && has(4)) return this.#mpls(view, 8);
    if (goesTo(37008) && has(5)) return this.#tzsp(view, 8);
    if (goesTo(4790) && has(8)) return this.#next(view.getUint8(11), view, 16);
    if (goesTo(1701) && has(6)) return this.#l2tp(view, 8);
    if (goesTo(3544) && has(40) && view.getUint8(8) >> 4 === 6) return this.#ip(view, 8);
    // VXLAN by itself, on a port of someone's choice
    const isVxlan = has(22) && view.getUint32(8) === 0x08000000 && view.getUint8(15) === 0 && isEthernet(view, 16);
    if (isVxlan) return this.#ethernet(view, 16);
    const kind = ports.map((port) => UDP_KINDS[port]).find((name) => name !== undefined);
    return kind === undefined ? undefined : this.#leave(kind);
  }

  /** RFC 2661 §3.1; messages of control carry nothing. */
  #l2tp(view: DataView, at: number): Segment | undefined {
    const flags = view.getUint16(at);
    if (flags & 0x8000) return undefined;
    let end = at + 6 + (flags & 0x4000 ? 2 : 0) + (flags & 0x0800 ? 4 : 0);
    if (flags & 0x0200) end += 2 + view.getUint16(end);
    return this.#ppp(view, end);
  }

  /** GTP-U, as between mobile base stations and the core (3GPP TS 29.281). */
  #gtp(view: DataView, at: number): Segment | undefined {
    const flags = view.getUint8(at);
    let end = at + 8;
    if (flags & 0x07) {
      let next = view.getUint8(at + 11);
      end += 4;
      while (flags & 0x04 && next !== 0) {
        const length = Math.max(1, view.getUint8(end)) * 4;
        next = view.getUint8(end + length - 1);
        end += length;
      }
    }
    return this.#ip(view, end);
  }

  /** TaZmen's, of which MikroTik's routers make their captures. */
  #tzsp(view: DataView, at: number): Segment | undefined {
    let end = at + 4;
    while (view.getUint8(end) !== 1) end += view.getUint8(end) === 0 ? 1 : 2 + view.getUint8(end + 1);
    return view.getUint16(at + 2) === 1 ? this.#ethernet(view, end + 1) : undefined;
  }

  /** RFC 2784 and 2890, PPTP's (RFC 2637), and mirrored ports (ERSPAN). */
  #gre(view: DataView): Segment | undefined {
    const flags = this.#deeper(view.getUint16(0));
    const type = view.getUint16(2);
    const has = (bit: number) => (flags & bit ? 4 : 0);
    if ((flags & 7) === 1) return this.#ppp(view, 8 + has(0x1000) + has(0x0080));
    const end = 4 + has(0x8000) + has(0x2000) + has(0x1000);
    if (type === 0x88be) return this.#ethernet(view, end + (has(0x1000) ? 8 : 0));
    if (type === 0x22eb) return this.#ethernet(view, end + 12 + (view.getUint8(end + 11) & 1 ? 8 : 0));
    return this.#ether(type, view, end);
  }

  #tcp({ source, destination, view, length }: Datagram): Segment | undefined {
    const header = atLeast(20, (view.getUint8(12) >> 4) * 4);
    const flags = view.getUint8(13);
    const captured = Math.max(0, view.byteLength - header);
    if (view.byteLength < length) this.cut += 1;
    return {
      source: `${source}:${view.getUint16(0)}`,
      destination: `${destination}:${view.getUint16(2)}`,
      sequence: view.getUint32(4),
      syn: (flags & 0x02) !== 0,
      rst: (flags & 0x04) !== 0,
      ack: (flags & 0x10) !== 0,
      payload: captured > 0 ? new Uint8Array(view.buffer, view.byteOffset + header, captured) : NOTHING,
      length: Math.max(captured, length - header),
      time: this.#time,
      order: this.#order,
    };
  }
}

/** Whether SNAP is at a place (RFC 1042). */
function isSnap(view: DataView, at: number): boolean {
  return view.byteLength >= at + 8 && view.getUint16(at) === 0xaaaa && view.getUint8(at + 2) === 3;
}

/** Whether a frame of Ethernet with IP in it, tagged or not, is at a place, where it could be something else. */
function isEthernet(view: DataView, at: number): boolean {
  if (view.byteLength < at + 15) return false;
  const type = view.getUint16(at + 12);
  const version = view.getUint8(at + 14) >> 4;
  return (
    VLAN_TAGS.has(type) || (type === EtherType.Ipv4 && version === 4) || (type === EtherType.Ipv6 && version === 6)
  );
}

/** @throws RangeError if a header is shorter than it can be */
function atLeast(least: number, length: number): number {
  if (length < least) throw new RangeError("A header is too short");
  return length;
}

/** `length` bytes from an offset on, or as many as there are. */
function part(view: DataView, at: number, length: number): DataView {
  return new DataView(view.buffer, view.byteOffset + at, Math.min(Math.max(0, length), view.byteLength - at));
}

function isSame(one: Part, other: Part): boolean {
  if (one.offset !== other.offset || one.bytes.length !== other.bytes.length) return false;
  return one.bytes.every((byte, at) => byte === other.bytes[at]);
}

function joined({ parts, length }: Fragments): Uint8Array | undefined {
  if (length === undefined) return undefined;
  let bytes: Uint8Array = NOTHING;
  for (const { offset, bytes: next } of parts.toSorted((one, other) => one.offset - other.offset)) {
    if (offset > bytes.length) return undefined;
    if (offset + next.length > bytes.length) bytes = concat(bytes, next.subarray(bytes.length - offset));
  }
  return bytes.length >= length ? bytes.subarray(0, length) : undefined;
}

function ipv4Name(view: DataView, at: number): string {
  return `${view.getUint8(at)}.${view.getUint8(at + 1)}.${view.getUint8(at + 2)}.${view.getUint8(at + 3)}`;
}

/** As in RFC 5952, in brackets. */
function ipv6Name(view: DataView, start: number): string {
  const groups = Array.from({ length: 8 }, (_, index) => view.getUint16(start + index * 2).toString(16));
  return new URL(`http://[${groups.join(":")}]`).hostname;
}
