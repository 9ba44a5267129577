/**
 * UTF-8 in and out of byte arrays, by the fastest way that the runtime has.
 *
 * @module
 */
import { allocate } from "./bytes.js";

/** The part of Node's `Buffer` that works on any `Uint8Array`, also in Deno and Bun. */
interface BufferMethods {
  latin1Slice(this: Uint8Array, start: number, end: number): string;
  utf8Slice(this: Uint8Array, start: number, end: number): string;
  latin1Write(this: Uint8Array, text: string, start: number, length: number): number;
  utf8Write(this: Uint8Array, text: string, start: number, length: number): number;
}

const { Buffer } = globalThis as { Buffer?: { prototype: BufferMethods; byteLength(text: string): number } };
const node = Buffer?.prototype;
// A byte order mark is part of the message: the standard decodes with "UTF-8 decode without BOM".
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const encoder = new TextEncoder();

/** Reads text that is known to be UTF-8, and perhaps to be ASCII. */
export function decodeText(bytes: Uint8Array, start: number, end: number, ascii: boolean): string {
  if (node === undefined) {
    return decoder.decode(bytes.subarray(start, end));
  }
  return ascii ? node.latin1Slice.call(bytes, start, end) : node.utf8Slice.call(bytes, start, end);
}

/** How many bytes a text has as UTF-8; bytes are taken for that. */
export function textSize(text: string | Uint8Array): number {
  if (typeof text !== "string") return text.length;
  return Buffer === undefined ? encoder.encode(text).length : Buffer.byteLength(text);
}

/** Writes text to `bytes` at `start`, where there is room for its `size` bytes. */
export function encodeText(text: string, size: number, bytes: Uint8Array, start: number): void {
  if (node === undefined) encoder.encodeInto(text, bytes.subarray(start));
  // as many bytes as UTF-16 units: ASCII
  else if (size === text.length) node.latin1Write.call(bytes, text, start, size);
  else node.utf8Write.call(bytes, text, start, size);
}

/** The text, of `size` bytes, as bytes of its own. */
export function textBytes(text: string, size = textSize(text)): Uint8Array {
  const bytes = allocate(size);
  encodeText(text, size, bytes, 0);
  return bytes;
}
