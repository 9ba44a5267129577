// What is sent: the same in every run.
export const KEY = Buffer.from([0x37, 0xfa, 0x21, 0x3d]);
const TEXT = { ascii: "Gruesse are ASCII. ", unicode: "Žluťoučký kůň – 麒麟 🦄 " };

/** What a client asks with, and these fields. */
export function upgradeRequest(...fields) {
  return [
    "GET / HTTP/1.1",
    "Host: localhost",
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ...fields,
    "\r\n",
  ].join("\r\n");
}

/** As much as a socket gives at once. */
export const CHUNK = 64 * 1024;

/** What a payload may be: two kinds of text, and bytes. */
export const KINDS = ["ascii", "unicode", "binary"];
export const QUICK_KINDS = ["ascii", "binary"];

/** A payload of exactly `size` bytes. */
export function payload(kind, size) {
  if (kind === "JSON") return quote(size);
  if (kind === "binary") return Buffer.from(Uint8Array.from({ length: size }, (_, at) => at * 31 + (at >> 8)));
  const unit = Buffer.from(TEXT[kind]);
  const bytes = Buffer.alloc(size, unit);
  // a character that is cut off makes way for dots
  let end = size;
  while (end % unit.length !== 0 && !isBoundary(unit, end % unit.length)) end -= 1;
  return bytes.fill(".", end);
}

/** A message of a feed, as an exchange sends it. */
function quote(size) {
  const message = { symbol: "ACME", price: 101.25, size: 300, bids: [[101.24, 12]], asks: [[101.26, 7]], note: "" };
  const note = "x".repeat(size - JSON.stringify(message).length);
  return Buffer.from(JSON.stringify({ ...message, note }));
}

function isBoundary(unit, at) {
  return (unit[at] & 0xc0) !== 0x80;
}

/** One frame that is a whole message. */
export function frame(kind, payload, isMasked) {
  const header = Buffer.from([0x80 | (kind === "binary" ? 2 : 1), 0, ...extendedLength(payload.length)]);
  header[1] = (isMasked ? 0x80 : 0) | (header.length === 2 ? payload.length : header.length === 4 ? 126 : 127);
  return isMasked ? Buffer.concat([header, KEY, masked(payload)]) : Buffer.concat([header, payload]);
}

function extendedLength(length) {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(length));
  return length < 126 ? [] : length < 65536 ? bytes.subarray(6) : bytes;
}

function masked(payload) {
  return payload.map((byte, at) => byte ^ KEY[at & 3]);
}

/** How many bytes a frame of one message has. */
export function frameSize(size, isMasked) {
  return size + (size < 126 ? 2 : size < 65536 ? 4 : 10) + (isMasked ? 4 : 0);
}

/** The bytes of `count` equal frames, in chunks of `size`. */
export function chunksOf(frame, count, size) {
  const all = Buffer.concat(Array(count).fill(frame));
  return Array.from({ length: Math.ceil(all.length / size) }, (_, at) => all.subarray(at * size, (at + 1) * size));
}

/** A chunk in memory of its own, as a socket gives it: what decodes in place must not find its own work. */
export function fresh(chunk) {
  const copy = Buffer.allocUnsafeSlow(chunk.length);
  copy.set(chunk);
  return copy;
}
