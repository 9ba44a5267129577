/**
 * The bytes of one direction of a stream, with what is missing of them.
 *
 * @module
 */
import { copyOfAll } from "../../engine/bytes.js";
import type { Direction } from "../records.js";
import type { Piece } from "./connection.js";

/** When something was captured. */
export interface Moment {
  readonly time: number;
  /** The packet's number: of several of a time, it tells which came first. */
  readonly order: number;
}

/** Bytes of a direction, and how many are missing before them. */
export interface Part extends Moment {
  readonly bytes: Uint8Array;
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
    const found: Uint8Array[] = [];
    let size = 0;
    for (let index = this.#indexOf(place); index < this.parts.length && size < most; index++) {
      const from = place + size - (this.#starts[index] as number);
      if (from < 0) break;
      const rest = (this.parts[index] as Part).bytes.subarray(from, from + most - size);
      found.push(rest);
      size += rest.length;
    }
    return joined(found);
  }

  /** How many bytes are missing from a place on. */
  missing(place: number): number {
    const start = this.#starts[this.#indexOf(place)] ?? this.length;
    return Math.max(0, start - place);
  }

  /** When the byte at a place was sent. */
  time(place: number): number {
    return this.moment(place).time;
  }

  moment(place: number): Moment {
    const { time = 0, order = 0 } = this.parts[this.#indexOf(place)] ?? {};
    return { time, order };
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
      const part = this.parts[index] as Part;
      const start = this.#starts[index] as number;
      const bytes = part.bytes.subarray(Math.max(0, place - start));
      const missing = Math.min(part.missing, Math.max(0, start - place));
      parts.push({ bytes, time: part.time, order: part.order, missing });
    }
    return new Flow(parts, this.isStartSeen || place > 0);
  }
}

/** What has come to a side, and when. */
type Timed = Piece & Moment;

/** The pieces of a direction in the order of its bytes. */
function piecesOf(direction: Direction, { parts }: Flow): Timed[] {
  let latest: Moment = { time: 0, order: 0 };
  return parts.map((part) => {
    // bytes that waited for ones before them are there when those are
    if (isBefore(latest, part)) latest = part;
    return { direction, bytes: part.bytes, time: latest.time, order: latest.order, missing: part.missing };
  });
}

/** Whether something was captured before something else. */
export function isBefore(one: Moment, other: Moment): boolean {
  return one.time < other.time || (one.time === other.time && one.order < other.order);
}

/** The pieces of a connection: those of both directions in the order in which they came. */
export function piecesIn(toServer: Flow, toClient: Flow): Piece[] {
  const [first, second] = [piecesOf("toServer", toServer), piecesOf("toClient", toClient)];
  const all: Timed[] = [];
  let at = 0;
  for (const piece of first) {
    for (let other = second[at]; other !== undefined && isBefore(other, piece); other = second[++at]) all.push(other);
    all.push(piece);
  }
  return all.concat(second.slice(at));
}

/** All of them, one behind the other. */
export function joined(parts: readonly Uint8Array[]): Uint8Array {
  return parts.length === 1 ? (parts[0] as Uint8Array) : copyOfAll(parts);
}
