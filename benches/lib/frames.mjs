// What is sent: the same in every run.
const KEY = [0x37, 0xfa, 0x21, 0x3d];

/** A payload of exactly so many bytes: `ascii` and `unicode` are text. */
export function payload(kind, size) {
  if (kind === "binary") return Buffer.from(Uint8Array.from({ length: size }, (_, at) => (at * 31 + (at >> 8)) & 0xff));
  const unit = kind === "ascii" ? "Grüße are not ASCII".replace("üß", "uess") : "Žluťoučký kůň – 麒麟 🦄 ";
  let text = "";
  while (Buffer.byteLength(text) < size) text += unit;
  // cut at a character, then fill up
  const bytes = Buffer.from(text);
  let end = size;
  while (end > 0 && (bytes[end] & 0xc0) === 0x80) end -= 1;
  return Buffer.concat([bytes.subarray(0, end), Buffer.alloc(size - end, ".")]);
}

/** One frame that is a whole message. */
export function frame(opcode, payload, isMasked) {
  const { length } = payload;
  const size = length < 126 ? 2 : length < 65536 ? 4 : 10;
  const header = Buffer.alloc(size + (isMasked ? 4 : 0));
  header[0] = 0x80 | opcode;
  header[1] = (isMasked ? 0x80 : 0) | (size === 2 ? length : size === 4 ? 126 : 127);
  if (size === 4) header.writeUInt16BE(length, 2);
  if (size === 10) header.writeBigUInt64BE(BigInt(length), 2);
  if (!isMasked) return Buffer.concat([header, payload]);
  header.set(KEY, size);
  return Buffer.concat([header, Buffer.from(payload.map((byte, at) => byte ^ KEY[at & 3]))]);
}

export const TEXT = 1;
export const BINARY = 2;

/** The bytes of `count` frames as a socket gives them: 64 KiB at a time. */
export function chunks(frame, count) {
  const all = Buffer.concat(Array.from({ length: count }, () => frame));
  const pieces = [];
  for (let at = 0; at < all.length; at += 65536) pieces.push(all.subarray(at, at + 65536));
  return pieces;
}
