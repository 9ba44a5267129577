/**
 * The common part of Deno's and Bun's sockets, as a transport: bytes that wait to be delivered or written, and the two
 * ends of the stream.
 *
 * @module
 */
import { allocate, concat } from "../engine/bytes.js";
import { attempt, queueMicrotask } from "./tasks.js";
import type { Transport, TransportListener, Writer } from "./transport.js";

/** Bytes that wait to be written, from which on a transport is full; as Node has it. */
const HIGH_WATER_MARK = 64 * 1024;
/** The most bytes of small parts that leave in one write. */
const LARGEST_GATHERED = 128 * 1024;

const NO_BYTES = new Uint8Array(0);

interface Waiting {
  bytes: Uint8Array;
  /** Those of the writes that end with it. */
  readonly writers: Writer[];
}

/** A transport over a runtime's socket, which a subclass knows. */
export abstract class SocketTransport implements Transport {
  #listener: TransportListener | undefined;
  #isPaused = true;
  /** To be delivered before what the network has. */
  #unread: Uint8Array = NO_BYTES;
  /** Whether the peer has closed its side, and whether the listener knows. */
  #end: "open" | "closed" | "told" = "open";
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  #isSending = false;
  #isFull = false;
  /** Our side; `ending` while something is still waiting. */
  #side: "open" | "ending" | "closed" = "open";
  #isClosed = false;
  #keepsAlive = true;

  /** Whether `send` is done with its bytes when it returns. */
  protected readonly sendsAtOnce: boolean = false;

  /** Begins to read, and calls `received` until `stopReading`. */
  protected abstract startReading(): void;
  /** Stops reading; what was already read may still come. */
  protected abstract stopReading(): void;
  /** Writes as much of the bytes as the network takes, and calls `sent` once it can take more. */
  protected abstract send(bytes: Uint8Array): void;
  /** Closes our side, and calls `sideClosed`. */
  protected abstract closeSide(): void;
  /** Whether the socket keeps the process alive. */
  protected abstract keep(isAlive: boolean): void;
  /** Closes the socket at once. */
  protected abstract close(): void;

  start(listener: TransportListener): void {
    this.#listener = listener;
    this.pause();
  }

  unread(bytes: Uint8Array): void {
    if (bytes.length > 0) this.#unread = concat(bytes, this.#unread);
  }

  pause(): void {
    this.#isPaused = true;
    this.stopReading();
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    queueMicrotask(() => this.#deliver());
  }

  get isHeld(): boolean {
    return true;
  }

  get takesAtOnce(): boolean {
    return this.sendsAtOnce && this.givesBack;
  }

  get givesBack(): boolean {
    return this.#waiting.length === 0;
  }

  write(parts: readonly Uint8Array[], writer?: Writer): boolean {
    if (this.#side !== "open" || this.#isClosed) return false;
    for (const bytes of parts) {
      this.#waiting.push({ bytes, writers: [] });
      this.#waitingBytes += bytes.length;
    }
    this.#isFull ||= this.#waitingBytes >= HIGH_WATER_MARK;
    this.#sendNext();
    const isTaken = this.#waiting.length === 0 && !this.#isClosed;
    if (!this.#keepsAlive && this.#waiting.length > 0) this.keep(true);
    if (writer !== undefined) this.#waiting.at(-1)?.writers.push(writer);
    return isTaken;
  }

  get isFull(): boolean {
    return this.#isFull;
  }

  hold(isHeld: boolean): void {
    if (this.#isClosed) return;
    this.#keepsAlive = isHeld;
    this.keep(isHeld || this.#waiting.length > 0);
  }

  end(): void {
    if (this.#side !== "open" || this.#isClosed) return;
    this.#side = "ending";
    this.#sendNext();
  }

  destroy(): void {
    this.#destroy(undefined);
  }

  /** Bytes came, which may be overwritten after the call unless they are `isOwned`. */
  protected received(chunk: Uint8Array, isOwned = false): void {
    if (this.#isClosed) return;
    if (this.#isPaused || this.#unread.length > 0) this.#unread = concat(this.#unread, chunk);
    else attempt(() => this.#listener?.onData(chunk, isOwned));
  }

  /** The network has taken `count` of the bytes that it was to send, and can take more. */
  protected sent(count: number): void {
    this.#isSending = false;
    const [first] = this.#waiting;
    if (first === undefined || this.#isClosed) return;
    this.#waitingBytes -= count;
    if (count === first.bytes.length) {
      this.#waiting.shift();
      for (const writer of first.writers) attempt(() => writer.onTaken());
    } else {
      first.bytes = first.bytes.subarray(count);
    }
    this.#sendNext();
  }

  /** Our side is closed. */
  protected sideClosed(): void {
    this.#side = "closed";
    this.#closeIfOver();
  }

  /** The peer has closed its side. */
  protected ended(): void {
    if (this.#end !== "open" || this.#isClosed) return;
    this.#end = "closed";
    if (!this.#isPaused && this.#unread.length === 0) this.#tellEnd();
  }

  /** The socket is closed: after an error, or when the peer has closed both sides. What still waits never leaves. */
  protected gone(error: Error | undefined): void {
    if (error !== undefined || this.#waiting.length > 0) {
      this.#destroy(error);
    } else {
      this.#side = "closed";
      this.ended();
      this.#closeIfOver();
    }
  }

  #deliver(): void {
    if (this.#isPaused || this.#isClosed) return;
    const bytes = this.#unread;
    this.#unread = NO_BYTES;
    if (bytes.length > 0) attempt(() => this.#listener?.onData(bytes, true));
    if (this.#isPaused || this.#isClosed) return;
    if (this.#end === "closed") this.#tellEnd();
    else if (this.#end === "open") this.startReading();
  }

  #tellEnd(): void {
    this.#end = "told";
    attempt(() => this.#listener?.onEnd());
    this.#closeIfOver();
  }

  #closeIfOver(): void {
    if (this.#side === "closed" && this.#end === "told") this.#destroy(undefined);
  }

  #sendNext(): void {
    if (this.#isSending || this.#isClosed) return;
    const next = this.#gather();
    if (next !== undefined) {
      this.#isSending = true;
      this.send(next.bytes);
      return;
    }
    if (!this.#keepsAlive) this.keep(false);
    if (this.#isFull) queueMicrotask(() => this.#drained());
    if (this.#side === "ending") this.closeSide();
  }

  /** The first bytes of the queue, with as many more as fit into one write. */
  #gather(): Waiting | undefined {
    if (this.#waiting.length < 2) return this.#waiting[0];
    let size = 0;
    const length = this.#waiting.findIndex(({ bytes }) => {
      size += bytes.length;
      return size > LARGEST_GATHERED;
    });
    const count = length < 0 ? this.#waiting.length : length;
    if (count > 1) this.#waiting.unshift(merged(this.#waiting.splice(0, count)));
    return this.#waiting[0];
  }

  #drained(): void {
    if (!this.#isFull || this.#waiting.length > 0 || this.#isClosed) return;
    this.#isFull = false;
    this.#listener?.onDrain();
  }

  #destroy(error: Error | undefined): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#waiting = [];
    this.#unread = NO_BYTES;
    this.close();
    queueMicrotask(() => this.#listener?.onClose(error));
  }
}

function merged(several: readonly Waiting[]): Waiting {
  const bytes = allocate(several.reduce((sum, one) => sum + one.bytes.length, 0));
  let at = 0;
  for (const one of several) {
    bytes.set(one.bytes, at);
    at += one.bytes.length;
  }
  return { bytes, writers: several.flatMap(({ writers }) => writers) };
}
