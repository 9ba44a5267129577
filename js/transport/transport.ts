/**
 * The interface between a connection and the network.
 *
 * @module
 */
import type { HeaderField } from "../engine/http.js";

/** A duplex byte stream. Nothing is called back before `start`, and no data delivered before `resume`. */
export interface Transport {
  /** Says who listens from now on; who listened before hears nothing more. It pauses. */
  start(listener: TransportListener): void;
  /** Puts bytes back that the next listener has to get first. */
  unread(bytes: Uint8Array): void;
  /**
   * Writes the parts in order, as one. Returns whether the network has taken them, and all before them; else the writer
   * is told when it has, or never.
   */
  write(parts: readonly Uint8Array[], writer?: Writer): boolean;
  /** Whether it is likely to be done with what it is given now when `write` returns, which then returns true. */
  readonly takesAtOnce?: boolean;
  /**
   * Whether the memory of what it is given now may be used again once the writer is told that the network has taken
   * it. It holds no other bytes of that kind.
   */
  readonly givesBack?: boolean;
  /**
   * Answers a request whose head is not bytes, but frames of HTTP/2; without this method, the head is written. Fields
   * that only HTTP/1.1 has are left out. With a body, the answer is whole, and the transport closes once it is sent.
   */
  respond?(status: number, fields: readonly HeaderField[], body?: Uint8Array): void;
  /** Whether the request has its answer, perhaps by another listener of the application's. */
  readonly isAnswered?: boolean;
  /** Whether another has the stream already: it was answered, or another transport over it was started. */
  readonly isTaken?: boolean;
  /** Whether the runtime holds it, and so its listener, until it is closed. */
  readonly isHeld?: boolean;
  /** Whether more is waiting to be written than should; `drain` tells when no longer. */
  readonly isFull: boolean;
  /** Whether an open connection keeps the process alive; by default it does. */
  hold?(isHeld: boolean): void;
  /** Stops delivering data. */
  pause(): void;
  /** Delivers data, from now on or again. */
  resume(): void;
  /** Writes what is waiting and closes this side. */
  end(): void;
  /** Gives the connection up at once. */
  destroy(): void;
}

/**
 * In place of one that is closed: who keeps a connection that is over keeps no socket by it. That matters to others,
 * too: where sockets come and go, a `Set` leaves old tables behind, which hold them until the whole heap is collected.
 */
export const CLOSED: Transport = Object.freeze({
  isFull: false,
  start: ignore,
  unread: ignore,
  write: () => false,
  pause: ignore,
  resume: ignore,
  end: ignore,
  destroy: ignore,
});

function ignore(): void {}

/** Writes to a transport. */
export interface Writer {
  /** The network has taken the oldest of the writes that were not taken at once. Never called within `write`. */
  onTaken(): void;
}

/** Receives the network's events for a connection. */
export interface TransportListener {
  /**
   * Bytes came. They may be overwritten after the call, unless `isOwned` says that they are the listener's from now on.
   */
  onData(chunk: Uint8Array, isOwned?: boolean): void;
  /** The transport is no longer full; writers already know what it took. */
  onDrain(): void;
  /** The peer closed its side. */
  onEnd(): void;
  /** All is over; nothing is called after this. */
  onClose(error: Error | undefined): void;
}
