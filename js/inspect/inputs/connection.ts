/**
 * What all inputs are read to: connections, each with the bytes that went both ways.
 *
 * @module
 */
import type { Direction } from "../records.js";

/** Bytes of one direction. */
export interface Piece {
  readonly direction: Direction;
  /** A part of the input, not copied, where the input has the bytes as they are. */
  readonly bytes: Uint8Array;
  /** Milliseconds since 1970; 0 where the input has no times. */
  readonly time: number;
}

/** Bytes that the input lacks. Zeros stand in their place, so that what follows is at its offset. */
export interface Gap {
  readonly direction: Direction;
  /** In bytes of the direction. */
  readonly start: number;
  readonly end: number;
}

/** One connection of a capture. */
export interface Connection {
  /** Address and port, or what the input has instead; empty if it has nothing. */
  readonly client: string;
  /** Address and port, or a URL; empty if the input has nothing. */
  readonly server: string;
  /** In the order of their times. */
  readonly pieces: readonly Piece[];
  readonly gaps: readonly Gap[];
  /** The input has messages and no frames: these bytes were made of them, each message in one frame, with a key of zeros. */
  readonly synthetic: boolean;
}
