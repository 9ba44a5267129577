// The packets of a pcap file of Ethernet, in other headers: for comparing how those are read.

/** Bytes of TCP in each packet: loopback has packets that nothing could be put around. */
const SEGMENT = 1200;

/** By name: the link type of the file, and what becomes of an IPv4 packet. */
export const ENCAPSULATIONS = {
  vlan: [1, (ip) => [ethernet(0x88a8, hex("0001 8100 0002 0800"), ip)]],
  vxlan: [1, (ip) => [outer(17, udp(4789, hex("08000000 00002a00"), ethernet(0x0800, ip)))]],
  geneve: [1, (ip) => [outer(17, udp(6081, hex("0100 6558 00002a00 01020300"), ethernet(0x0800, ip)))]],
  "vxlan over IPv6": [1, (ip) => [outer6(ip, 17, udp(4789, hex("08000000 00002a00"), ethernet(0x0800, ip)))]],
  "gtp-u": [1, (ip) => [outer(17, udp(2152, gtp(ip), ip))]],
  "gtp-u with an extension header": [1, (ip) => [outer(17, udp(2152, extendedGtp(ip), ip))]],
  gre: [1, (ip) => [outer(47, hex("2000 0800 00000001"), ip)]],
  "gre with Ethernet": [1, (ip) => [outer(47, hex("0000 6558"), ethernet(0x0800, ip))]],
  "gre with a key and a checksum": [1, (ip) => [outer(47, hex("a000 0800 00000000 00000007"), ip)]],
  "erspan I": [1, (ip) => [outer(47, hex("0000 88be"), ethernet(0x0800, ip))]],
  "erspan II": [1, (ip, at) => [outer(47, hex("1000 88be"), word(at), hex("10640000 00000000"), ethernet(0x0800, ip))]],
  "erspan III": [
    1,
    (ip, at) => [outer(47, hex("1000 22eb"), word(at), hex("20640000 00000000 00000000"), ethernet(0x0800, ip))],
  ],
  "PPP in GRE": [
    1,
    (ip, at) => [outer(47, hex("3001 880b"), short(ip.length + 4), hex("0001"), word(at), hex("ff03 0021"), ip)],
  ],
  "IP in IPv6": [1, (ip) => [outer6(ip, 4, ip)]],
  "IP in IP": [1, (ip) => [outer(4, ip)]],
  mpls: [1, (ip) => [ethernet(0x8847, hex("00010040 00020140"), ip)]],
  pppoe: [1, (ip) => [ethernet(0x8864, pppoe(ip), hex("0021"), ip)]],
  "fragments of IPv6": [1, (ip) => fragments6(ip)],
  "fragments, the last one first": [
    1,
    (ip) =>
      fragments(ip)
        .reverse()
        .map((part) => ethernet(0x0800, part)),
  ],
  "fragments of a tunnel": [
    1,
    (ip) => fragments(outer(47, hex("0000 0800"), ip).subarray(14)).map((part) => ethernet(0x0800, part)),
  ],
  fragments: [1, (ip) => fragments(ip).map((part) => ethernet(0x0800, part))],
  ppp: [9, (ip) => [Buffer.concat([hex("ff03 0021"), ip])]],
  "cooked with a VLAN": [113, (ip) => [Buffer.concat([hex("0000 0001 0006 000000000000 0000 8100 0005 0800"), ip])]],
  nflog: [239, (ip) => [Buffer.concat([hex("02000000"), hex("0800 0100 0800 0000"), attribute(9, ip)])]],
  "cooked v2": [276, (ip) => [Buffer.concat([hex("0800 0000 00000001 0001 00 06 020000000001 0000"), ip])]],
  "BSD loopback": [0, (ip) => [Buffer.concat([hex("02000000"), ip])]],
  "PPPoE under a VLAN": [1, (ip) => [ethernet(0x8100, hex("0007 8864"), pppoe(ip), hex("0021"), ip)]],
  "802.11 with radiotap": [127, (ip) => [Buffer.concat([hex("0000 0800 00000000"), wifi(ip)])]],
  raw: [101, (ip) => [ip]],
};

/** The same packets in this encapsulation, as a pcap file. */
export function encapsulated(file, [linkType, wrap]) {
  const header = Buffer.from(file.subarray(0, 24));
  header.writeUInt32LE(linkType, 20);
  const records = [header];
  for (let at = 24; at + 16 <= file.length; ) {
    const times = file.subarray(at, at + 8);
    const end = at + 16 + file.readUInt32LE(at + 8);
    for (const packet of segments(file.subarray(at + 16 + 14, end)).flatMap((ip) => wrap(ip, records.length))) {
      const lengths = Buffer.alloc(8);
      lengths.writeUInt32LE(packet.length, 0);
      lengths.writeUInt32LE(packet.length, 4);
      records.push(times, lengths, packet);
    }
    at = end;
  }
  return Buffer.concat(records);
}

/** A packet's bytes in packets of fewer. */
function segments(ip) {
  const header = (ip[0] & 0x0f) * 4;
  const tcp = (ip[header + 12] >> 4) * 4;
  const payload = ip.subarray(header + tcp, ip.readUInt16BE(2) || ip.length);
  const packets = [];
  for (let at = 0; at < Math.max(1, payload.length); at += SEGMENT) {
    const heads = Buffer.from(ip.subarray(0, header + tcp));
    const part = payload.subarray(at, at + SEGMENT);
    heads.writeUInt16BE(heads.length + part.length, 2);
    heads.writeUInt16BE((ip.readUInt16BE(4) + packets.length * 64) & 0xffff, 4);
    heads.writeUInt32BE((ip.readUInt32BE(header + 4) + at) >>> 0, header + 4);
    packets.push(Buffer.concat([heads, part]));
  }
  return packets;
}

function hex(digits) {
  return Buffer.from(digits.replaceAll(" ", ""), "hex");
}

function ethernet(type, ...parts) {
  const header = hex("020000000002 020000000001 0000");
  header.writeUInt16BE(type, 12);
  return Buffer.concat([header, ...parts]);
}

function outer(protocol, ...parts) {
  const payload = Buffer.concat(parts);
  const ip = hex("45000000 00000000 4000 0000 0a000001 0a000002");
  ip.writeUInt16BE(20 + payload.length, 2);
  ip[9] = protocol;
  return ethernet(0x0800, ip, payload);
}

/** Between hosts whose addresses end like those of the packet. */
function outer6(ip, protocol, ...parts) {
  const payload = Buffer.concat(parts);
  const prefix = hex("fd0000000000000000000000");
  const addresses = [prefix, ip.subarray(12, 16), prefix, ip.subarray(16, 20)];
  const header = Buffer.concat([hex("60000000 0000 0040"), ...addresses]);
  header.writeUInt16BE(payload.length, 4);
  header[6] = protocol;
  return ethernet(0x86dd, header, payload);
}

function short(value) {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value & 0xffff);
  return bytes;
}

function word(value) {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** A data frame of a station to its access point, with LLC and SNAP. */
function wifi(ip) {
  return Buffer.concat([hex("0801 0000 020000000003 020000000001 020000000002 0000 aaaa03 000000 0800"), ip]);
}

function udp(port, ...parts) {
  const payload = Buffer.concat(parts);
  const header = Buffer.alloc(8);
  header.writeUInt16BE(port, 0);
  header.writeUInt16BE(port, 2);
  header.writeUInt16BE(8 + payload.length, 4);
  return Buffer.concat([header, payload]);
}

function gtp(ip) {
  const header = hex("30ff 0000 00000001");
  header.writeUInt16BE(ip.length, 2);
  return header;
}

/** With the flag for extension headers, and one of them: a PDU session container of four bytes (3GPP TS 38.415). */
function extendedGtp(ip) {
  const header = hex("34ff 0000 00000001 0000 00 85 01 0009 00");
  header.writeUInt16BE(ip.length + 8, 2);
  return header;
}

function pppoe(ip) {
  const header = hex("1100 0001 0000");
  header.writeUInt16BE(ip.length + 2, 4);
  return header;
}

function attribute(type, bytes) {
  const header = Buffer.alloc(4);
  header.writeUInt16LE(4 + bytes.length, 0);
  header.writeUInt16LE(type, 2);
  return Buffer.concat([header, bytes, Buffer.alloc(-bytes.length & 3)]);
}

/** Two of them, where there is enough for that. */
function fragments(ip) {
  const header = (ip[0] & 0x0f) * 4;
  const payload = ip.subarray(header, ip.readUInt16BE(2));
  const half = Math.floor(payload.length / 16) * 8;
  return [
    [0, payload.subarray(0, half), 0x2000],
    [half, payload.subarray(half), 0],
  ].map(([offset, part, more]) => {
    const head = Buffer.from(ip.subarray(0, header));
    head.writeUInt16BE(header + part.length, 2);
    head.writeUInt16BE(more | (offset / 8), 6);
    return Buffer.concat([head, part]);
  });
}

/** The TCP segment over IPv6, in two fragments where there is enough for that. */
function fragments6(ip) {
  const payload = ip.subarray((ip[0] & 0x0f) * 4, ip.readUInt16BE(2));
  const half = Math.floor(payload.length / 16) * 8;
  return [
    [0, payload.subarray(0, half), 1],
    [half, payload.subarray(half), 0],
  ].map(([offset, part, more]) => {
    return outer6(ip, 44, hex("0600"), short(offset | more), hex("0000"), ip.subarray(4, 6), part);
  });
}
