/**
 * Makes messages of what the engine found in a chunk: whole ones, pieces, and messages that span chunks.
 *
 * @module
 */
import { markAsUntransferable } from "node:worker_threads";

import { allocate, allocatedCopy, part } from "../engine/bytes.js";
import type { TextDecoder } from "../engine/coders.js";
import type { EngineTrap, Scratch } from "../engine/engine.js";
import type { WebSocketProtocolError } from "../engine/errors.js";
import { bringGarbage, free, LONG } from "../engine/garbage.js";
import { decodeText } from "../engine/text.js";

/** A text message as its bytes, for callers that asked for bytes. */
export interface TextBytes {
  readonly kind: "text";
  readonly payload: Uint8Array<ArrayBuffer>;
}

/** Something that is not a message. */
export type Control =
  | { readonly kind: "ping" | "pong"; readonly payload: Uint8Array }
  | { readonly kind: "close"; readonly status: number; readonly reason: string }
  | { readonly kind: "failed"; readonly error: WebSocketProtocolError }
  | { readonly kind: "full" }
  | { readonly kind: "trapped"; readonly error: EngineTrap };

/** A piece of a message, from one that gives messages out in pieces. Of text it has whole characters, perhaps none. */
export interface Part {
  readonly kind: "part";
  readonly data: string | Uint8Array<ArrayBuffer>;
  readonly isFirst: boolean;
  readonly isLast: boolean;
}

/** Something received: a text message, a binary message, a piece of one, or something that is not a message. */
export type Received = string | Uint8Array<ArrayBuffer> | TextBytes | Part | Control;

/** The flags of an event. */
export const Flag = { Text: 1, First: 2, Last: 4, Ascii: 8 } as const;

/** A piece by itself. A character that it begins and does not end goes to the next one. */
export function partOf(decoder: TextDecoder, bytes: Uint8Array, start: number, end: number, flags: number): Part {
  const isLast = (flags & Flag.Last) !== 0;
  const piece = bytes.slice(start, end);
  const isFirst = (flags & Flag.First) !== 0;
  if ((flags & Flag.Text) === 0) {
    bringGarbage(piece.length);
    return { kind: "part", data: piece, isFirst, isLast };
  }
  const data = decoder.decode(piece, { stream: !isLast });
  free(piece);
  return { kind: "part", data, isFirst, isLast };
}

export function asReceived(data: string | Uint8Array<ArrayBuffer>, isText: boolean): Received {
  return isText && typeof data !== "string" ? { kind: "text", payload: data } : data;
}

/**
 * Texts of up to `SHORT_TEXT` bytes are cut out of one string that is made of the engine's memory. It has at most
 * `SHARED_TEXT_SIZE` bytes, or `SHARED_FACTOR` times those of the text.
 */
const SHORT_TEXT = 2048;
const SHARED_TEXT_SIZE = 2048;
const SHARED_FACTOR = 8;
/** Bytes that are copied at once, with all short binary messages in them. */
const SHARED_BYTES = 64 * 1024;
const SHORT_BINARY = 32 * 1024;

/**
 * Takes whole messages out of the engine's memory. Those of a chunk share what is copied, because allocating
 * costs more than copying; so one that is kept keeps that too. What is shared is made untransferable: a transfer of
 * one message's buffer would detach all others, and what was not read yet.
 */
export class Batch {
  #memory: Uint8Array;
  /** Where the chunk is in that memory. */
  readonly #chunkStart: number;
  readonly #chunkEnd: number;
  /** Where the last message ends that the engine has reported. */
  #end = 0;
  readonly #chunk: Uint8Array;
  readonly #isOwned: boolean;
  readonly #isMasked: boolean;
  /** Whether messages are parts of the chunk. */
  #isShared = false;
  /** Whether it is the memory of one that goes on. */
  #isGiven = false;
  #text = "";
  #textStart = 0;
  #bytes: Uint8Array<ArrayBuffer> | undefined;
  #bytesStart = 0;

  /**
   * @param isOwned whether the chunk may be given out in parts, …
   * @param isMasked … for which it has to have its own bytes back, unmasked
   */
  constructor({ bytes, inputStart }: Scratch, chunk: Uint8Array, isOwned: boolean, isMasked: boolean) {
    this.#memory = bytes;
    this.#chunkStart = inputStart;
    this.#chunkEnd = inputStart + chunk.length;
    this.#chunk = chunk;
    this.#isOwned = isOwned;
    this.#isMasked = isMasked;
  }

  /** The engine reports more messages, up to here. Nothing of them was unmasked before. */
  extend(end: number, { bytes }: Scratch): void {
    this.#memory = bytes;
    this.#end = end;
    this.#text = "";
    this.#textStart = 0;
    this.#bytes = undefined;
  }

  /**
   * Memory for a message of this size that ends with the chunk, or goes on behind it: the chunk's own, if no message is
   * a part of that and the size is more than its half. What is kept then keeps little more than itself.
   */
  spare(end: number, size: number): Uint8Array<ArrayBuffer> | undefined {
    const { buffer, length } = this.#chunk;
    const isFree = this.#isOwned && !this.#isShared && length === buffer.byteLength && end === this.#chunkEnd;
    if (!isFree || size > length || size * 2 <= length) return undefined;
    this.#isGiven = true;
    return part(this.#chunk, 0, size);
  }

  /** The chunk was read: unless something is a part of it, its memory is not needed any more. */
  freeChunk(): void {
    if (this.#isShared) bringGarbage(this.#chunk.length);
    else if (this.#isOwned && !this.#isGiven) free(this.#chunk);
  }

  text(start: number, end: number, ascii: boolean): string {
    if (!ascii || end - start > SHORT_TEXT) return decodeText(this.#memory, start, end, ascii);
    if (start < this.#textStart || end > this.#textStart + this.#text.length) {
      const size = Math.max(SHARED_TEXT_SIZE, (end - start) * SHARED_FACTOR);
      this.#text = decodeText(this.#memory, start, this.#sharedEnd(start, end, size), true);
      this.#textStart = start;
    }
    return this.#text.substring(start - this.#textStart, end - this.#textStart);
  }

  binary(start: number, end: number): Uint8Array<ArrayBuffer> {
    // what was decompressed has other things behind it
    const isInChunk = start >= this.#chunkStart && end <= this.#chunkEnd;
    if (!isInChunk || (!this.#isOwned && end - start > SHORT_BINARY)) return allocatedCopy(this.#memory, start, end);
    if (this.#isOwned && !this.#isMasked) return this.#partOfChunk(start, end);
    if (this.#bytes === undefined || start < this.#bytesStart || end > this.#bytesStart + this.#bytes.length) {
      this.#bytes = this.#copy(start, Math.min(this.#sharedEnd(start, end, SHARED_BYTES), this.#chunkEnd));
      this.#bytesStart = start;
    }
    if (end - start === this.#bytes.length) return this.#bytes; // there is no other in it
    return part(this.#bytes, start - this.#bytesStart, end - this.#bytesStart);
  }

  #copy(start: number, end: number): Uint8Array<ArrayBuffer> {
    if (!this.#isOwned) {
      const copy = allocatedCopy(this.#memory, start, end);
      markAsUntransferable(copy.buffer);
      return copy;
    }
    const place = this.#partOfChunk(start, end);
    place.set(part(this.#memory, start, end));
    return place;
  }

  #partOfChunk(start: number, end: number): Uint8Array<ArrayBuffer> {
    if (!this.#isShared) markAsUntransferable(this.#chunk.buffer);
    this.#isShared = true;
    return part(this.#chunk, start - this.#chunkStart, end - this.#chunkStart);
  }

  #sharedEnd(start: number, end: number, size: number): number {
    return Math.max(end, Math.min(start + size, this.#end));
  }
}

/** The most that is allocated, in multiples of what has come. */
const GROWTH = 32;

/** The most that is kept for the next text in pieces: the last one has no more use for it. */
const LARGEST_SPARE = 1024 * 1024;
let spare: ArrayBuffer | undefined;

/**
 * Memory of its own, which is the spare if that is large enough: to have pages made for each text takes longer than to
 * fill them.
 */
function takeSpare(size: number): Uint8Array<ArrayBuffer> {
  const isLarge = spare !== undefined && spare.byteLength >= size;
  const buffer = isLarge ? (spare as ArrayBuffer) : new ArrayBuffer(size);
  if (isLarge) spare = undefined;
  return new Uint8Array(buffer, 0, size);
}

function keepSpare(buffer: ArrayBuffer): void {
  const size = buffer.byteLength;
  if (size <= LARGEST_SPARE && size > (spare?.byteLength ?? 0)) spare = buffer;
  else free(new Uint8Array(buffer));
}

/**
 * The pieces of a message, in one buffer that grows with the bytes received. The announced length only limits its
 * growth.
 */
export class Assembly {
  #bytes: Uint8Array<ArrayBuffer>;
  #length = 0;
  #ascii = true;
  /** Bytes that have brought no garbage yet. */
  #owed = 0;
  readonly #most: number;
  readonly #isString: boolean;

  /**
   * @param most the most bytes that there may be of it
   * @param isString whether it is to be a string; else the buffer is given out
   * @param memory to begin with
   */
  constructor(most: number, isString: boolean, memory: Uint8Array<ArrayBuffer> | undefined) {
    this.#most = most;
    this.#isString = isString;
    this.#bytes = memory ?? allocate(0);
  }

  get capacity(): number {
    return this.#bytes.length;
  }

  /**
   * Tells whether there is room.
   *
   * @param left how many bytes of the message will come after the piece, if that is known
   */
  push(piece: Uint8Array, ascii: boolean, room: number, left: number | undefined): boolean {
    const length = this.#length + piece.length;
    if (length > room) return false;
    if (length > this.#bytes.length) {
      const wanted = left === undefined ? Math.max(length * 2, 1024) : Math.min(length * GROWTH, length + left);
      const size = Math.max(length, Math.min(wanted, room, this.#most));
      const grown = this.#isString ? takeSpare(size) : allocate(size);
      grown.set(part(this.#bytes, 0, this.#length));
      this.#bytes = grown;
    }
    this.#bytes.set(piece, this.#length);
    this.#length = length;
    if (!this.#isString) this.#bringGarbage(piece.length);
    this.#ascii &&= ascii;
    return true;
  }

  /** For what has come, and not for what was announced; and for its chunk, unless that is freed. */
  #bringGarbage(size: number): void {
    this.#owed += size < LONG ? size * 2 : size;
    if (this.#owed < LONG) return;
    bringGarbage(this.#owed);
    this.#owed = 0;
  }

  /** The whole message. Nothing may be pushed any more. */
  finish(): string | Uint8Array<ArrayBuffer> {
    if (this.#isString) {
      const text = decodeText(this.#bytes, 0, this.#length, this.#ascii);
      if (this.#bytes.length > 0) keepSpare(this.#bytes.buffer);
      return text;
    }
    return this.#length === this.#bytes.length ? this.#bytes : allocatedCopy(this.#bytes, 0, this.#length);
  }
}
