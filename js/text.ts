/**
 * UTF-8 in and out of byte arrays, by the fastest way that the runtime has.
 *
 * @module
 */

/** The part of Node's `Buffer` that works on any `Uint8Array`, also in Deno and Bun. */
interface BufferMethods {
  latin1Slice(this: Uint8Array, start: number, end: number): string;
  utf8Slice(this: Uint8Array, start: number, end: number): string;
  utf8Write(this: Uint8Array, text: string, start: number, length: number): number;
}

const node = (globalThis as { Buffer?: { prototype: BufferMethods } }).Buffer?.prototype;
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

/** Writes text to `bytes` at `start`, where there is room for three bytes a character, and returns its length. */
export function encodeText(text: string, bytes: Uint8Array, start: number): number {
  if (node === undefined) {
    return encoder.encodeInto(text, bytes.subarray(start)).written;
  }
  return node.utf8Write.call(bytes, text, start, bytes.length - start);
}

/** The text as bytes of its own. */
export function textBytes(text: string): Uint8Array {
  return encoder.encode(text);
}
