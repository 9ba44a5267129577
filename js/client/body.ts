/**
 * The body of an answer that refuses a handshake, which says why.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import type { Readable } from "node:stream";

import { concat, copyOf } from "../engine/bytes.js";
import { type HeaderField, joined } from "../engine/http.js";
import { queueMicrotask } from "../transport/tasks.js";
import type { Transport, TransportListener } from "../transport/transport.js";

/** Bytes of a body that are kept at most. */
const MAX_BODY_SIZE = 64 * 1024;

/** A body that has not been read yet. */
export interface Body {
  /** Reads it, and tells its beginning once, later than the call; not after `abandon` of the exchange. */
  read(done: (bytes: Uint8Array) => void): void;
  /** Ends the reading at once: what came is told. */
  cut(): void;
}

/** The body behind the head of an answer (RFC 9112 §6.3). */
export class TransportBody implements Body, TransportListener {
  readonly #transport: Transport;
  readonly #chunks: Chunks | undefined;
  readonly #length: number;
  #done: ((bytes: Uint8Array) => void) | undefined;
  #bytes: Uint8Array = new Uint8Array(0);

  constructor(transport: Transport, headers: readonly HeaderField[]) {
    this.#transport = transport;
    const coding = joined(headers, "Transfer-Encoding").toLowerCase();
    if (/(^|,\s*)chunked$/.test(coding)) this.#chunks = new Chunks();
    const length = joined(headers, "Content-Length");
    this.#length = coding === "" && /^\d+$/.test(length) ? Math.min(Number(length), MAX_BODY_SIZE) : MAX_BODY_SIZE;
  }

  read(done: (bytes: Uint8Array) => void): void {
    this.#done = done;
    if (this.#length === 0) {
      queueMicrotask(() => this.cut());
      return;
    }
    this.#transport.start(this);
    this.#transport.resume();
  }

  onData(chunk: Uint8Array): void {
    const content = this.#chunks === undefined ? chunk : this.#chunks.decode(chunk);
    this.#bytes = this.#bytes.length === 0 ? copyOf(content) : concat(this.#bytes, content);
    if (this.#bytes.length >= this.#length || this.#chunks?.isOver) this.cut();
  }

  onDrain(): void {}

  onEnd(): void {
    this.cut();
  }

  onClose(): void {
    this.cut();
  }

  cut(): void {
    const done = this.#done;
    this.#done = undefined;
    done?.(this.#bytes.subarray(0, this.#length));
  }
}

/** The body of an answer that a module of Node reads. */
export class StreamBody implements Body {
  readonly #stream: Readable;
  #bytes: Uint8Array = new Uint8Array(0);
  #done: ((bytes: Uint8Array) => void) | undefined;

  constructor(stream: Readable) {
    this.#stream = stream;
  }

  read(done: (bytes: Uint8Array) => void): void {
    this.#done = done;
    const cut = () => this.cut();
    this.#stream.on("end", cut).on("error", cut).on("close", cut);
    this.#stream.on("data", (chunk: Uint8Array) => {
      this.#bytes = concat(this.#bytes, chunk);
      if (this.#bytes.length >= MAX_BODY_SIZE) this.cut();
    });
  }

  cut(): void {
    const done = this.#done;
    this.#done = undefined;
    done?.(this.#bytes.subarray(0, MAX_BODY_SIZE));
  }
}

const LINE_FEED = 0x0a;
/** A chunk's size with its extensions. */
const LONGEST_LINE = 4096;

/** Decodes the chunked coding (RFC 9112 §7.1). */
class Chunks {
  /** Whether the last chunk came, or what is not a chunk. */
  isOver = false;
  #line = "";
  /** Bytes of the chunk that are still to come, its line end included; 0 before a line. */
  #left = 0;

  /** The content among these bytes. */
  decode(bytes: Uint8Array): Uint8Array {
    const parts: Uint8Array[] = [];
    for (let at = 0; at < bytes.length && !this.isOver; ) {
      if (this.#left === 0) {
        const end = bytes.indexOf(LINE_FEED, at) + 1 || bytes.length;
        this.#line += Buffer.from(bytes.subarray(at, end)).toString("latin1");
        at = end;
        if (this.#line.endsWith("\n") || this.#line.length > LONGEST_LINE) this.#begin();
      } else {
        const count = Math.min(this.#left, bytes.length - at);
        const content = Math.max(Math.min(this.#left - 2, count), 0);
        parts.push(bytes.subarray(at, at + content));
        this.#left -= count;
        at += count;
      }
    }
    return Buffer.concat(parts);
  }

  #begin(): void {
    const size = Number.parseInt(/^([0-9a-f]{1,12})[\t ]*(;.*)?\r?\n$/i.exec(this.#line)?.[1] ?? "0", 16);
    this.#line = "";
    this.isOver = size === 0;
    this.#left = size + 2;
  }
}
