/**
 * The bytes of one direction of a stream, with what is missing of them.
 *
 * @module
 */
import { concat } from "../../engine/bytes.js";
import type { Direction } from "../records.js";
import type { Piece } from "./connection.js";

/** Bytes of a direction, and how many are missing before them. */
export interface Part {
  readonly bytes: Uint8Array;
  readonly time: number;
  readonly missing: number;
}

/** The most bytes that are read at once: of a head, or of the beginning of a body. */
const LONGEST = 256 * 1024;

/** A direction's bytes, in order. */
export class Flow {
  readonly parts: readonly Part[];
  /** Whether its first byte is the first that was sent. */
  readonly isStartSeen: boolean;
  /** Where the bytes of each part begin. */
  readonly #starts: number[] = [];
  /** With what is missing. */
  readonly length: number;

  constructor(parts: readonly Part[], isStartSeen: boolean) {
    this.parts = parts;
    this.isStartSeen = isStartSeen && (parts[0]?.missing ?? 0) === 0;
    let at = 0;
    for (const { bytes, missing } of parts) {
      this.#starts.push(at + missing);
      at += missing + bytes.length;
    }
    this.length = at;
  }

  /** The part that has the byte at a place, or that begins behind it. */
  #indexOf(place: number): number {
    let [low, high] = [0, this.parts.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#starts[middle] as number) + (this.parts[middle] as Part).bytes.length > place) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** The bytes from a place on, up to what is missing, or to so many. */
  read(place: number, most = LONGEST): Uint8Array {
    let bytes: Uint8Array = new Uint8Array(0);
    for (let index = this.#indexOf(place); index < this.parts.length && bytes.length < most; index++) {
      const start = this.#starts[index] as number;
      const next = place + bytes.length;
      if (start > next) break;
      const rest = (this.parts[index] as Part).bytes.subarray(next - start);
      bytes = bytes.length === 0 ? rest : concat(bytes, rest);
    }
    return bytes.subarray(0, most);
  }

  /** When the byte at a place was sent. */
  time(place: number): number {
    return this.parts[this.#indexOf(place)]?.time ?? 0;
  }

  /** Where parts begin, from a place on. */
  *starts(place: number): Generator<number> {
    for (let index = this.#indexOf(place); index < this.parts.length; index++) {
      yield Math.max(place, this.#starts[index] as number);
    }
  }

  /** The bytes from an offset on. */
  from(place: number): Flow {
    const parts: Part[] = [];
    for (let index = this.#indexOf(place); index < this.parts.length; index++) {
      const { bytes, time, missing } = this.parts[index] as Part;
      const start = this.#starts[index] as number;
      const skipped = Math.max(0, place - start);
      parts.push({ bytes: bytes.subarray(skipped), time, missing: Math.min(missing, Math.max(0, start - place)) });
    }
    return new Flow(parts, this.isStartSeen || place > 0);
  }

  /** Its bytes as pieces of a connection. */
  pieces(direction: Direction): Piece[] {
    let latest = 0;
    return this.parts.map(({ bytes, time, missing }) => {
      // bytes that waited for ones before them are there when those are
      latest = Math.max(latest, time);
      return { direction, bytes, time: latest, missing };
    });
  }
}

/** Both directions' pieces in the order of their times. */
export function merged(first: readonly Piece[], second: readonly Piece[]): Piece[] {
  const all: Piece[] = [];
  let at = 0;
  for (const piece of first) {
    for (let other = second[at]; other !== undefined && other.time < piece.time; other = second[++at]) all.push(other);
    all.push(piece);
  }
  return all.concat(second.slice(at));
}
