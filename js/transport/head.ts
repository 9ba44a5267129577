/**
 * The bytes of an HTTP head, until it is whole.
 *
 * @module
 */
import { Buffer } from "node:buffer";

import { concat, copyOf } from "../engine/bytes.js";

const LINE_FEED = 0x0a;
const RETURN = 0x0d;
/** The engine refuses longer heads. */
const MAX_HEAD_SIZE = 16 * 1024;

/** A first line that is longer than this is not looked at before it ends. */
const LOOKED_AT = 512;
/** What can become `method SP target SP version CRLF` (RFC 9112 §3). */
const BEGINS_REQUEST = /^[\w!#$%&'*+.^`|~-]{1,32}(?: [!-~]*(?: [HTP/\d.]*\r?)?)?$/;

/** Collects a head. */
export class HeadBuffer {
  /** Bytes that came and were not taken. */
  bytes: Uint8Array = new Uint8Array(0);

  /** Whether there is no end of a head where it must be by now. */
  get isTooLarge(): boolean {
    const end = Buffer.from(this.bytes.buffer, this.bytes.byteOffset, this.bytes.length).indexOf("\r\n\r\n");
    return (end < 0 ? this.bytes.length : end + 4) > MAX_HEAD_SIZE;
  }

  /** Whether what came can become a request; its first line, while that is short and has not ended. */
  get canBeRequest(): boolean {
    if (this.bytes.length > LOOKED_AT || this.bytes.includes(LINE_FEED)) return true;
    return BEGINS_REQUEST.test(String.fromCharCode(...this.bytes));
  }

  /** Appends a chunk of a request's. A server ignores empty lines before it (RFC 9112 §2.2). */
  pushRequest(chunk: Uint8Array): boolean {
    const start = this.bytes.length > 0 ? 0 : chunk.findIndex((byte) => byte !== LINE_FEED && byte !== RETURN);
    return start >= 0 && this.push(chunk.subarray(start));
  }

  /** Appends a chunk. Tells whether it is worth looking for a head. */
  push(chunk: Uint8Array): boolean {
    const isFirst = this.bytes.length === 0;
    this.bytes = isFirst ? copyOf(chunk) : concat(this.bytes, chunk);
    // byte by byte, a pass over the head for each would take quadratic time; only a line's end makes a difference
    return isFirst || chunk.includes(LINE_FEED) || this.bytes.length > MAX_HEAD_SIZE;
  }
}
