/**
 * The result of reading any input: connections, each with the bytes of both directions.
 *
 * @module
 */
import type { Direction } from "../records.js";

/** Bytes of one direction. */
export interface Piece {
  /** Which way they went. */
  readonly direction: Direction;
  /** A part of the input, not copied, where the input has the bytes as they are. */
  readonly bytes: Uint8Array;
  /** Milliseconds since 1970; 0 where the input has no times. */
  readonly time: number;
  /** How many bytes the input lacks before these; 0 mostly. */
  readonly missing: number;
}

/** Something that an input says about a connection besides its bytes, such as a browser's error. */
export interface Note {
  /** Prose. Parts of it may come from the input, so it may contain anything. */
  readonly text: string;
  /** Milliseconds since 1970; 0 where there is none, and then it belongs behind everything. */
  readonly time: number;
}

/** One connection of a capture. */
export interface Connection {
  /** Address and port, or what the input has instead; empty if it has nothing. */
  readonly client: string;
  /** Address and port, or a URL; empty if the input has nothing. */
  readonly server: string;
  /** In the order of their times. */
  readonly pieces: readonly Piece[];
  /**
   * The input has messages and no frames: these bytes were made of them, each message in one frame, with a key of
   * zeros.
   */
  readonly synthetic: boolean;
  /** Notes, in the order of the input; none by default. */
  readonly notes?: readonly Note[];
  /** The input begins after the handshake, perhaps in the midst of a frame; see the inspector's options. */
  readonly midStream?: boolean;
  /** It is a stream of HTTP/2; see the inspector's options. */
  readonly http2?: boolean;
}
