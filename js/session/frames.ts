/**
 * The frames that need no engine: a server's, of whole messages that are not compressed. Its payloads are not masked.
 *
 * @module
 */
import { part } from "../engine/bytes.js";
import { writeText } from "../engine/text.js";

/** The first byte of a message's only frame. */
export const WHOLE_TEXT = 0x81;
export const WHOLE_BINARY = 0x82;

/** The bytes of the longest header without a mask. */
export const LONGEST_HEADER = 10;

/** The bytes of a header without a mask. */
export function headerSize(payload: number): number {
  return payload < 126 ? 2 : payload < 65536 ? 4 : 10;
}

/** Writes the header of a payload (RFC 6455 §5.2), and returns where the payload begins. */
export function writeHeader(bytes: Uint8Array, at: number, first: number, payload: number): number {
  bytes[at] = first;
  if (payload < 126) {
    bytes[at + 1] = payload;
    return at + 2;
  }
  if (payload < 65536) {
    bytes[at + 1] = 126;
    bytes[at + 2] = payload >>> 8;
    bytes[at + 3] = payload;
    return at + 4;
  }
  bytes[at + 1] = 127;
  bytes.fill(0, at + 2, at + 4);
  bytes[at + 4] = payload / 2 ** 40; // a shift would see the low 32 bits alone
  bytes[at + 5] = payload / 2 ** 32;
  bytes[at + 6] = payload >>> 24;
  bytes[at + 7] = payload >>> 16;
  bytes[at + 8] = payload >>> 8;
  bytes[at + 9] = payload;
  return at + 10;
}

/** The frame of a message of `size` bytes, text as UTF-8, in memory of its own: a `Buffer`, if there is that. */
export function wholeFrame(data: string | Uint8Array, size: number, isText: boolean): Uint8Array {
  const bytes = new Uint8Array(headerSize(size) + size);
  const start = writeHeader(bytes, 0, isText ? WHOLE_TEXT : WHOLE_BINARY, size);
  if (typeof data === "string") writeText(data, bytes, start);
  else bytes.set(data, start);
  return part(bytes, 0, bytes.length);
}
