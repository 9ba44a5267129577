// The packets of a pcap file of Ethernet, in other headers: for comparing how those are read.

/** Bytes of TCP in each packet: loopback has packets that nothing could be put around. */
const SEGMENT = 1200;

/** By name: the link type of the file, and what becomes of an IPv4 packet. */
export const ENCAPSULATIONS = {
  vlan: [1, (ip) => [ethernet(0x88a8, hex("0001 8100 0002 0800"), ip)]],
  vxlan: [1, (ip) => [outer(17, udp(4789, hex("08000000 00002a00"), ethernet(0x0800, ip)))]],
  geneve: [1, (ip) => [outer(17, udp(6081, hex("0100 6558 00002a00 01020300"), ethernet(0x0800, ip)))]],
  "gtp-u": [1, (ip) => [outer(17, udp(2152, gtp(ip), ip))]],
  gre: [1, (ip) => [outer(47, hex("2000 0800 00000001"), ip)]],
  "gre with Ethernet": [1, (ip) => [outer(47, hex("0000 6558"), ethernet(0x0800, ip))]],
  "IP in IP": [1, (ip) => [outer(4, ip)]],
  mpls: [1, (ip) => [ethernet(0x8847, hex("00010040 00020140"), ip)]],
  pppoe: [1, (ip) => [ethernet(0x8864, pppoe(ip), hex("0021"), ip)]],
  fragments: [1, (ip) => fragments(ip).map((part) => ethernet(0x0800, part))],
  ppp: [9, (ip) => [Buffer.concat([hex("ff03 0021"), ip])]],
  "cooked with a VLAN": [113, (ip) => [Buffer.concat([hex("0000 0001 0006 000000000000 0000 8100 0005 0800"), ip])]],
  nflog: [239, (ip) => [Buffer.concat([hex("02000000"), hex("0800 0100 0800 0000"), attribute(9, ip)])]],
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
    for (const packet of segments(file.subarray(at + 16 + 14, end)).flatMap(wrap)) {
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
