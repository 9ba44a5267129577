/**
 * UTF-8 in and out of byte arrays, by the fastest way that the runtime has.
 *
 * @module
 */
import { allocate } from "./bytes.js";
import { TextDecoder, TextEncoder } from "./coders.js";

/** The part of Node's `Buffer` that works on any `Uint8Array`, also in Deno and Bun. */
interface BufferMethods {
  latin1Slice(this: Uint8Array, start: number, end: number): string;
  utf8Write?(this: Uint8Array, text: string, at: number): number;
}

/** `transcode` of `node:buffer`, and the way to it in what pages load, too. */
type Transcode = (
  bytes: Uint8Array,
  from: string,
  to: string,
) => { ucs2Slice(start: number, end: number): string; length: number };
interface NodeProcess {
  readonly versions?: { readonly node?: string };
  getBuiltinModule?(name: string): { readonly transcode?: Transcode } | undefined;
}

const { Buffer } = globalThis as { Buffer?: { prototype: BufferMethods; byteLength(text: string): number } };
const node = Buffer?.prototype;
// A byte order mark is part of the message: the standard decodes with "UTF-8 decode without BOM".
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
/** A character for each byte, whatever stands between what is ASCII. */
const asciiDecoder = new TextDecoder("latin1");
const encoder = new TextEncoder();

/**
 * From this many bytes on, Node before version 24 decodes UTF-8 that is not ASCII several times faster this way.
 */
const TRANSCODED = 512;
const transcode = transcoder();

/**
 * Reads text that is known to be UTF-8. What is said to be ASCII becomes a character for each byte; bytes that are not
 * become any.
 */
export function decodeText(bytes: Uint8Array, start: number, end: number, ascii: boolean): string {
  if (ascii && node !== undefined) return node.latin1Slice.call(bytes, start, end);
  const text = bytes.subarray(start, end);
  if (ascii) return asciiDecoder.decode(text);
  if (transcode === undefined || text.length < TRANSCODED) return decoder.decode(text);
  const utf16 = transcode(text, "utf8", "utf16le");
  return utf16.ucs2Slice(0, utf16.length);
}

function transcoder(): Transcode | undefined {
  const { process } = globalThis as { process?: NodeProcess };
  const isOld = Number.parseInt(process?.versions?.node ?? "", 10) < 24;
  return isOld ? process?.getBuiltinModule?.("node:buffer")?.transcode : undefined;
}

/** The most UTF-16 units of a text that is remembered. */
const LONGEST_REMEMBERED = 512;

/** A text whose size is known. Counting takes longer than all else that is done to send a short text. */
let remembered = "";
let rememberedSize = 0;

/** Remembers the size of an ASCII text. */
export function rememberAscii(text: string): void {
  if (text.length <= LONGEST_REMEMBERED) remember(text, text.length);
}

/** Forgets the text: it may be cut out of a long one, which it keeps. */
export function forgetText(): void {
  remember("", 0);
}

function remember(text: string, size: number): void {
  remembered = text;
  rememberedSize = size;
}

/** How many bytes a short text has as UTF-8; it is remembered, as it may be sent to others too. */
export function shortTextSize(text: string): number {
  if (text !== remembered) remember(text, textSize(text));
  return rememberedSize;
}

/** How many bytes a text has as UTF-8; bytes are taken for that. */
export function textSize(text: string | Uint8Array): number {
  if (typeof text !== "string") return text.length;
  return Buffer === undefined ? encoder.encode(text).length : Buffer.byteLength(text);
}

/** Whether the data has at least `size` bytes, a text as UTF-8. */
export function isAtLeast(data: string | Uint8Array, size: number): boolean {
  if (data.length >= size) return true;
  // three bytes of UTF-8 for each UTF-16 unit at most
  return typeof data === "string" && data.length * 3 >= size && textSize(data) >= size;
}

/**
 * Writes text to the beginning of `bytes`, as much as fits: tells how many UTF-16 units were read, and bytes written.
 */
export function encodeText(text: string, bytes: Uint8Array): { readonly read: number; readonly written: number } {
  return encoder.encodeInto(text, bytes);
}

/** Writes text from there on, where there is room for three bytes a UTF-16 unit. Returns how many bytes it has. */
export function writeText(text: string, bytes: Uint8Array, at: number): number {
  return node?.utf8Write?.call(bytes, text, at) ?? encoder.encodeInto(text, bytes.subarray(at)).written;
}

/** The text as bytes of its own. */
export function textBytes(text: string): Uint8Array {
  const ascii = allocate(text.length);
  const { read, written } = encodeText(text, ascii);
  if (read === text.length) return ascii;
  const bytes = allocate(textSize(text));
  bytes.set(ascii.subarray(0, written));
  encodeText(text.slice(read), bytes.subarray(written));
  return bytes;
}
