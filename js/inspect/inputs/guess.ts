/**
 * Whether bytes without anything around them are frames.
 *
 * @module
 */

/** Whether the bytes are frames as a client or a server sends them, as far as their headers go. */
export function areFrames(bytes: Uint8Array, masked: boolean): boolean {
  return endOfFrames(bytes, masked) !== undefined;
}

/** Whether they are frames to the last byte, of either side, and do not begin in the midst of a message. */
export function isWholeFrames(bytes: Uint8Array): boolean {
  const isContinued = ((bytes[0] ?? 0) & 0x0f) === 0;
  return !isContinued && [true, false].some((masked) => endOfFrames(bytes, masked) === bytes.length);
}

/** Where the last frame ends, which may be behind the bytes; nothing if a header is none. */
function endOfFrames(bytes: Uint8Array, masked: boolean): number | undefined {
  let at = 0;
  while (
    at + 14 <= bytes.length ||
    at === 0 ||
    (at + 2 <= bytes.length && at + sizeOf(bytes, at, masked) <= bytes.length)
  ) {
    const [first, second] = [bytes[at], bytes[at + 1]];
    if (first === undefined || second === undefined) return bytes.length === 0 ? 0 : undefined;
    const opcode = first & 0x0f;
    const isControl = opcode >= 8;
    if ((first & 0x30) !== 0 || opcode > 10 || (opcode > 2 && opcode < 8)) return undefined;
    if (second >= 0x80 !== masked) return undefined;
    if (isControl && ((first & 0xc0) !== 0x80 || (second & 0x7f) > 125)) return undefined;
    at += sizeOf(bytes, at, masked);
  }
  return at;
}

/** The size of a frame with its header; of a cut header, at least the missing bytes. */
function sizeOf(bytes: Uint8Array, at: number, masked: boolean): number {
  const length = (bytes[at + 1] as number) & 0x7f;
  const extended = length === 126 ? 2 : length === 127 ? 8 : 0;
  if (at + 2 + extended > bytes.length) return 14;
  const view = new DataView(bytes.buffer, bytes.byteOffset + at);
  const payload = extended === 2 ? view.getUint16(2) : extended === 8 ? Number(view.getBigUint64(2)) : length;
  return 2 + extended + (masked ? 4 : 0) + payload;
}
