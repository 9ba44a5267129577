/**
 * Bytes that were written as text: hexadecimal digits, dumps, and Base64.
 *
 * @module
 */
import { malformed } from "../errors.js";
import type { Direction } from "../records.js";

/** The bytes of a direction in a dump. */
export interface DumpPart {
  /** `undefined` where the dump does not tell directions apart. */
  readonly direction: Direction | undefined;
  readonly bytes: Uint8Array;
}

/** An offset, which may be followed by a colon, and the text behind it. */
const DUMP_LINE = /^(\s*)(?:0x)?([0-9a-f]{4,8})(:?)\s+(.*)$/i;
const BYTES_PER_LINE = 16;

/** Whether each line of the text begins with the offset of its bytes, the first one with 0. */
export function isDump(text: string): boolean {
  const lines = linesOf(text);
  return (
    lines.length > 0 &&
    lines.every((line) => isOffsetAlone(line) || DUMP_LINE.test(line)) &&
    /^\s*(0x)?0{4,8}[:\s]/.test(lines[0] as string)
  );
}

/**
 * The bytes of a dump as `xxd`, `hexdump`, `od -t x1` and Wireshark write it. In those of Wireshark's "Follow TCP
 * Stream", the lines of the server are indented.
 *
 * @throws CaptureError if a line has no bytes
 */
export function parseDump(text: string): DumpPart[] {
  const lines = linesOf(text)
    .filter((line) => !isOffsetAlone(line))
    .map((line) => DUMP_LINE.exec(line) as RegExpExecArray);
  const indents = new Set(lines.map(([, indent = ""]) => indent.length > 0));
  return lines.map(([line, indent = "", offset = "", colon = "", rest = ""]) => {
    const bytes = dumpedBytes(rest, colon !== "", offset.length === 7);
    if (bytes.length === 0) throw malformed(`A line of the dump has no bytes: ${line}`);
    const direction = indent.length > 0 ? "toClient" : "toServer";
    return { direction: indents.size > 1 ? direction : undefined, bytes };
  });
}

/** The digits end where the characters begin: behind two blanks for `xxd`, behind three or a bar for the others. */
function dumpedBytes(rest: string, isXxd: boolean, isHexdump: boolean): Uint8Array {
  const [digits = ""] = rest.split(isXxd ? / {2}/ : / {3}|\|/);
  const bytes: number[] = [];
  for (const group of digits.trim().split(/\s+/)) {
    if (group === "" || !isPairs(group)) break;
    const values = (group.match(/../g) ?? []).map((pair) => Number.parseInt(pair, 16));
    // plain hexdump writes words of the processor's order, and all that has one today begins with the low byte
    if (isHexdump && values.length === 2) values.reverse();
    for (const value of values) bytes.push(value);
  }
  return Uint8Array.from(isXxd ? bytes : bytes.slice(0, BYTES_PER_LINE));
}

function linesOf(text: string): string[] {
  return text.split(/\r?\n/).filter((line) => line.trim() !== "");
}

/** The last line of `hexdump` and `od`. */
function isOffsetAlone(line: string): boolean {
  return /^[0-9a-f]{4,8}$/i.test(line.trim());
}

/** Between hexadecimal digits: blanks, commas, colons, dashes, `0x` and `\x`. */
const HEX_SEPARATORS = /0x|\\x|[\s,:;-]/gi;

/** Whether the text is hexadecimal digits, whatever stands between them. */
export function isHex(text: string): boolean {
  const digits = text.replace(HEX_SEPARATORS, "");
  return digits !== "" && isPairs(digits);
}

/** Whether these are pairs of digits. A pattern of pairs would need a stack that grows with the text. */
function isPairs(digits: string): boolean {
  return digits.length % 2 === 0 && !/[^0-9a-f]/i.test(digits);
}

/** @throws CaptureError for anything but pairs of digits */
export function parseHex(text: string): Uint8Array {
  const digits = text.replace(HEX_SEPARATORS, "");
  if (!isPairs(digits)) throw malformed("There is something else than pairs of hexadecimal digits");
  const bytes = new Uint8Array(digits.length / 2);
  for (let index = 0; index < bytes.length; index++) {
    bytes[index] = (digitAt(digits, 2 * index) << 4) | digitAt(digits, 2 * index + 1);
  }
  return bytes;
}

/** The value of a hexadecimal digit: of the characters, `0` to `9` alone have this bit. */
function digitAt(digits: string, index: number): number {
  const code = digits.charCodeAt(index);
  return code & 0x10 ? code & 0x0f : (code & 0x07) + 9;
}

/** Whether the text is Base64, of either alphabet, with padding or without. */
export function isBase64(text: string): boolean {
  const bare = text.replace(/\s/g, "");
  return /^[A-Za-z0-9+/_-]+={0,2}$/.test(bare) && bare.replace(/=+$/, "").length % 4 !== 1;
}

/** @throws CaptureError for anything but Base64 */
export function parseBase64(text: string): Uint8Array {
  if (text.trim() !== "" && !isBase64(text)) throw malformed("This is not Base64");
  const binary = atob(text.replace(/\s/g, "").replaceAll("-", "+").replaceAll("_", "/"));
  const bytes = new Uint8Array(binary.length);
  // `Uint8Array.from` takes many times as long for a string
  for (let index = 0; index < bytes.length; index++) bytes[index] = binary.charCodeAt(index);
  return bytes;
}

/** The Base64 of bytes. */
export function base64Of(bytes: Uint8Array): string {
  let binary = "";
  for (let at = 0; at < bytes.length; at += 8192) {
    binary += String.fromCharCode(...bytes.subarray(at, at + 8192));
  }
  return btoa(binary);
}
