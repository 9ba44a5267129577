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

/** Whether there are at least so many bytes, of a text as UTF-8. */
export function isAtLeast(data: string | Uint8Array, size: number): boolean {
  if (data.length >= size) return true;
  // three bytes of UTF-8 for each UTF-16 unit at most
  return typeof data === "string" && data.length * 3 >= size && textSize(data) >= size;
}

/** Writes text to the beginning of `bytes`, where there is room for three bytes for each UTF-16 unit; gives its length. */
export function encodeText(text: string, bytes: Uint8Array): number {
  return encoder.encodeInto(text, bytes).written;
}

/** The text as bytes of its own. */
export function textBytes(text: string): Uint8Array {
  const ascii = allocate(text.length);
  const { read, written } = encoder.encodeInto(text, ascii);
  if (read === text.length) return ascii;
  const bytes = allocate(textSize(text));
  bytes.set(ascii.subarray(0, written));
  encoder.encodeInto(text.slice(read), bytes.subarray(written));
  return bytes;
}
