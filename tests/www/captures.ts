/** Captures made of known bytes: what a client and a server sent, as pcap, pcapng, HAR, a recording, and a dump. */

/** What a side has sent; what is lost is not in the capture. */
export type Sent = readonly [from: "client" | "server", bytes: Buffer, fate?: "lost"];

const KEY = [0x37, 0xfa, 0x21, 0x3d];
/** 2026-01-01, in milliseconds; packets are ten apart. */
const START = 1_767_225_600_000;
const STEP = 10;

/** A client's frame, masked; `first` is its first byte. */
export function client(first: number, payload: string | Buffer = ""): Sent {
  const bytes = Buffer.from(payload as string);
  const masked = bytes.map((byte, index) => byte ^ (KEY[index % 4] as number));
  return ["client", Buffer.concat([header(first, bytes.length, 0x80), Buffer.from(KEY), masked])];
}

/** A server's frame. */
export function server(first: number, payload: string | Buffer = ""): Sent {
  const bytes = Buffer.from(payload as string);
  return ["server", Buffer.concat([header(first, bytes.length, 0), bytes])];
}

function header(first: number, length: number, mask: number): Buffer {
  if (length < 126) return Buffer.from([first, mask | length]);
  const extended = Buffer.alloc(length < 65_536 ? 4 : 10);
  extended[0] = first;
  extended[1] = mask | (length < 65_536 ? 126 : 127);
  if (length < 65_536) extended.writeUInt16BE(length, 2);
  else extended.writeBigUInt64BE(BigInt(length), 2);
  return extended;
}

const REQUEST = [
  "GET /chat HTTP/1.1",
  "Host: example.com",
  "Upgrade: websocket",
  "Connection: Upgrade",
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
  "Sec-WebSocket-Version: 13",
];
const RESPONSE = [
  "HTTP/1.1 101 Switching Protocols",
  "Upgrade: websocket",
  "Connection: Upgrade",
  "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
];

/** The handshake of RFC 6455 §1.3. */
export const HANDSHAKE: readonly Sent[] = [
  ["client", Buffer.from(`${REQUEST.join("\r\n")}\r\n\r\n`)],
  ["server", Buffer.from(`${RESPONSE.join("\r\n")}\r\n\r\n`)],
];

/** TCP over IPv4 over Ethernet, a packet for each part; checksums are zero, as of a network card that makes them. */
function* packets(sent: Iterable<Sent>, clientPort: number): Generator<Buffer> {
  const next = { client: 1000, server: 2000 };
  for (const [from, bytes, fate] of sent) {
    const packet = Buffer.alloc(54 + bytes.length);
    packet.writeUInt16BE(0x0800, 12);
    packet[14] = 0x45;
    packet.writeUInt16BE(40 + bytes.length, 16);
    packet[22] = 64;
    packet[23] = 6;
    packet.set(from === "client" ? [10, 0, 0, 1, 10, 0, 0, 2] : [10, 0, 0, 2, 10, 0, 0, 1], 26);
    packet.writeUInt16BE(from === "client" ? clientPort : 80, 34);
    packet.writeUInt16BE(from === "client" ? 80 : clientPort, 36);
    packet.writeUInt32BE(next[from], 38);
    packet[46] = 0x50;
    packet[47] = 0x18;
    packet.set(bytes, 54);
    next[from] = (next[from] + bytes.length) >>> 0;
    if (fate !== "lost") yield packet;
  }
}

/** A pcap file of microseconds, with a connection for each list. */
export function pcap(...connections: Iterable<Sent>[]): Buffer {
  const file: Buffer[] = [Buffer.alloc(24)];
  file[0]?.writeUInt32LE(0xa1b2c3d4, 0);
  file[0]?.set([2, 0, 4, 0], 4);
  file[0]?.writeUInt32LE(262_144, 16);
  file[0]?.writeUInt32LE(1, 20);
  let time = START;
  for (const [index, sent] of connections.entries()) {
    for (const packet of packets(sent, 50_000 + index)) {
      const head = Buffer.alloc(16);
      head.writeUInt32LE(Math.floor(time / 1000), 0);
      head.writeUInt32LE((time % 1000) * 1000, 4);
      head.writeUInt32LE(packet.length, 8);
      head.writeUInt32LE(packet.length, 12);
      file.push(head, packet);
      time += STEP;
    }
  }
  return Buffer.concat(file);
}

/** A pcapng file of microseconds. */
export function pcapng(sent: Iterable<Sent>): Buffer {
  const section = Buffer.from("4d3c2b1a01000000ffffffffffffffff", "hex");
  const blocks = [block(0x0a0d0d0a, section), block(1, Buffer.from("0100000000000400", "hex"))];
  let time = BigInt(START) * 1000n;
  for (const packet of packets(sent, 50_000)) {
    const head = Buffer.alloc(20);
    head.writeUInt32LE(Number(time >> 32n), 4);
    head.writeUInt32LE(Number(time & 0xffff_ffffn), 8);
    head.writeUInt32LE(packet.length, 12);
    head.writeUInt32LE(packet.length, 16);
    blocks.push(block(6, Buffer.concat([head, packet, Buffer.alloc(-packet.length & 3)])));
    time += BigInt(STEP) * 1000n;
  }
  return Buffer.concat(blocks);
}

function block(type: number, body: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(body.length + 12);
  const kind = Buffer.alloc(4);
  kind.writeUInt32LE(type);
  return Buffer.concat([kind, length, body, length]);
}

/** What `--record` writes on a client. */
export function recorded(sent: Iterable<Sent>): Buffer {
  const lines = [JSON.stringify({ format: "websocket-component", version: 1, side: "client" })];
  let time = START;
  for (const [from, bytes] of sent) {
    const direction = from === "client" ? "sent" : "received";
    lines.push(JSON.stringify({ connection: 1, direction, time, base64: bytes.toString("base64") }));
    time += STEP;
  }
  return Buffer.from(`${lines.join("\n")}\n`);
}

/** A HAR as DevTools export it, with one text each way. */
export function har(asked: string, answered: string): Buffer {
  const headers = (lines: string[]) =>
    lines.slice(1).map((line) => ({ name: line.split(": ")[0], value: line.split(": ")[1] }));
  const entry = {
    startedDateTime: new Date(START).toISOString(),
    request: { method: "GET", url: "ws://example.com/chat", headers: headers(REQUEST) },
    response: { status: 101, statusText: "Switching Protocols", headers: headers(RESPONSE) },
    _webSocketMessages: [
      { type: "send", time: START / 1000 + 1, opcode: 1, data: asked },
      { type: "receive", time: START / 1000 + 2, opcode: 1, data: answered },
    ],
  };
  return Buffer.from(JSON.stringify({ log: { version: "1.2", entries: [entry] } }));
}
