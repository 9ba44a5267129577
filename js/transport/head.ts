/**
 * The bytes of an HTTP head, until it is whole.
 *
 * @module
 */
import { concat, copyOf } from "../engine/bytes.js";

const LINE_FEED = 0x0a;
/** The engine refuses longer heads. */
const MAX_HEAD_SIZE = 16 * 1024;

/** Collects a head. */
export class HeadBuffer {
  /** Bytes that came and were not taken. */
  bytes: Uint8Array = new Uint8Array(0);

  /** Appends a chunk. Tells whether it is worth looking for a head. */
  push(chunk: Uint8Array): boolean {
    const isFirst = this.bytes.length === 0;
    this.bytes = isFirst ? copyOf(chunk) : concat(this.bytes, chunk);
    // byte by byte, a pass over the head for each would take quadratic time; only a line's end makes a difference
    return isFirst || chunk.includes(LINE_FEED) || this.bytes.length > MAX_HEAD_SIZE;
  }
}
