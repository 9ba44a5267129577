/**
 * Numbers, times and names as the page shows them.
 *
 * @module
 */
import type { Direction } from "../../js/inspect/index.js";

const numbers = new Intl.NumberFormat("en");

/** With separators. */
export function count(value: number): string {
  return numbers.format(value);
}

/** A number and its noun, in the plural where that is due. */
export function counted(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? "" : "s"}`;
}

/** Bytes, in the unit that suits. */
export function bytes(value: number): string {
  if (value < 1024) return `${value} B`;
  const [unit, size] = value < 1024 ** 2 ? ["KiB", 1024] : value < 1024 ** 3 ? ["MiB", 1024 ** 2] : ["GiB", 1024 ** 3];
  return `${(value / size).toFixed(value < 10 * size ? 1 : 0)} ${unit}`;
}

/** Milliseconds, in the unit that suits. */
export function duration(milliseconds: number): string {
  if (milliseconds < 1000) return `${Number(milliseconds.toFixed(3))} ms`;
  if (milliseconds < 120_000) return `${(milliseconds / 1000).toFixed(3)} s`;
  return `${(milliseconds / 60_000).toFixed(1)} min`;
}

/** A byte as two digits. */
export function hexByte(byte: number): string {
  return byte.toString(16).padStart(2, "0");
}

/** Bytes as pairs of digits. */
export function hexBytes(all: Uint8Array): string {
  return Array.from(all, hexByte).join(" ");
}

/** Bytes of pairs of digits; what is none is left out. */
export function hex(digits: string): Uint8Array {
  return Uint8Array.from(digits.match(/[0-9a-f]{2}/gi) ?? [], (pair) => Number.parseInt(pair, 16));
}

/** Bytes of a value that are shown. */
const LEAF_BYTES = 64;

/** A value that has no members: of JSON, and what other formats have beside it. */
export function leafText(value: unknown): string {
  if (value instanceof Uint8Array) {
    const more = value.length > LEAF_BYTES ? ` … (${counted(value.length, "byte")})` : "";
    return `‹${hexBytes(value.subarray(0, LEAF_BYTES))}${more}›`;
  }
  // a format's times reach further than those of JavaScript
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? "a time out of range" : value.toISOString();
  return typeof value === "bigint" ? `${value}` : (JSON.stringify(value) ?? "undefined");
}

/** The names of files. */
export function nameOf(files: readonly File[]): string {
  return files.map(({ name }) => name).join(", ");
}

/** Which way, for those who cannot see an arrow. */
export const DIRECTION_NAMES: Readonly<Record<Direction, string>> = {
  toServer: "client to server",
  toClient: "server to client",
};

/** Which way, as an arrow. */
export const ARROWS: Readonly<Record<Direction, string>> = { toServer: "→", toClient: "←" };

/** Where a section of an RFC is, by its name, such as `"RFC 6455 §5.2"`; `undefined` for other documents. */
export function sectionAddress(section: string): string | undefined {
  const [, rfc, number] = /^RFC (\d+) §([\d.]+)/.exec(section) ?? [];
  return rfc && `https://www.rfc-editor.org/rfc/rfc${rfc}#section-${number}`;
}
