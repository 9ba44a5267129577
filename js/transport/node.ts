/**
 * Node's sockets, and every other `stream.Duplex`, as a transport.
 *
 * @module
 */
import { EventEmitter } from "node:events";
import { Socket } from "node:net";
import { type Duplex, Readable, Writable } from "node:stream";
import type { TLSSocket } from "node:tls";

import { copyOf } from "../engine/bytes.js";
import type { Transport, TransportListener, Writer } from "./transport.js";
import { isDeno } from "./versions.js";

// The runtime's own, which sockets inherit: what was put in their place, for one or for all, may keep what it is given.
const { write } = Writable.prototype;
const { _write, _writev } = Socket.prototype;
const { push } = Readable.prototype;
const { emit } = EventEmitter.prototype;

/** Where a socket has its transport, for its listeners. */
const TRANSPORT = Symbol("transport");
type Carrier = Duplex & { [TRANSPORT]?: NodeTransport };

/** A transport over a connected socket. */
export class NodeTransport implements Transport {
  readonly #socket: Carrier;
  #listener: TransportListener | undefined;
  #failure: Error | undefined;
  /** Writes that call back, how many of them have, and how many there were when the socket had drained. */
  #written = 0;
  #taken = 0;
  #drainedAt = 0;
  #keepsAlive = true;

  /**
   * A socket of the system: the chunks that it gives are ours alone, and it keeps no bytes after it has written them.
   * No other stream promises that.
   */
  readonly #isSocket: boolean;
  /** One without TLS. */
  readonly #isPlain: boolean;

  constructor(socket: Duplex) {
    this.#socket = socket;
    this.#isSocket = socket instanceof Socket;
    this.#isPlain = this.#isSocket && (socket as Partial<TLSSocket>).encrypted !== true;
  }

  start(listener: TransportListener): void {
    this.pause(); // else a listener, or what is put back, would make it flow
    if (this.#listener === undefined) this.#listen();
    this.#listener = listener;
  }

  #listen(): void {
    const socket = this.#socket;
    const former = socket[TRANSPORT];
    socket[TRANSPORT] = this;
    if (former === undefined) {
      // a time-out that was put on it for HTTP would end the connection where nothing is sent for a while
      (socket as Partial<Socket>).setTimeout?.(0);
      socket.on("data", onData).on("drain", onDrain).on("end", onEnd).on("error", onError).on("close", onClose);
    } else {
      former.onClose(); // it hears nothing more
    }
  }

  get isHeld(): boolean {
    return this.#isSocket;
  }

  get isTaken(): boolean {
    const owner = this.#socket[TRANSPORT];
    return owner !== undefined && owner !== this;
  }

  /** @internal */
  onData(chunk: Uint8Array): void {
    this.#listener?.onData(chunk, this.#isSocket && isUnseen(this.#socket));
  }

  /** @internal Runtimes tell this before they call back the writes that drained it. */
  onDrain(): void {
    this.#drainedAt = this.#written;
    if (this.#taken === this.#written) this.#tellDrain();
  }

  #tellDrain(): void {
    if (!this.#socket.destroyed && !this.isFull) this.#listener?.onDrain();
  }

  /** @internal */
  onEnd(): void {
    this.#listener?.onEnd();
  }

  /** @internal */
  onError(error: Error): void {
    this.#failure = error;
  }

  /** @internal */
  onClose(): void {
    this.#listener?.onClose(this.#failure);
  }

  unread(bytes: Uint8Array): void {
    // first in line, and delivered like everything else: later, and not while paused. A copy, as it is written to then
    if (bytes.length > 0) this.#socket.unshift(copyOf(bytes));
  }

  /** Whether the system is likely to take what is written at once. TLS never does. */
  get takesAtOnce(): boolean {
    return this.#isPlain && this.givesBack;
  }

  get givesBack(): boolean {
    const socket = this.#socket;
    return this.#isSocket && socket.writableLength === 0 && keepsNothing(socket);
  }

  write(parts: readonly Uint8Array[], writer?: Writer): boolean {
    const socket = this.#socket;
    if (!socket.writable) return false;
    const { takesAtOnce } = this;
    const last = parts.length - 1;
    if (last > 0) socket.cork();
    for (let index = 0; index < last; index++) socket.write(parts[index]);
    // a call back costs more than to look, if the system has taken it by then
    if (takesAtOnce) socket.write(parts[last]);
    else this.#writeLast(parts[last], writer);
    if (last > 0) socket.uncork();
    if (!takesAtOnce || socket.errored != null) return false;
    if (socket.writableLength === 0) return true;
    this.#writeLast(NOTHING, writer);
    return false;
  }

  #writeLast(bytes: Uint8Array | undefined, writer: Writer | undefined): void {
    this.#written += 1;
    if (!this.#keepsAlive) this.#keep(true); // Deno and Bun would end before TLS has left
    this.#socket.write(bytes, (error) => {
      this.#taken += 1;
      if (!this.#keepsAlive && this.#taken === this.#written) this.#keep(false);
      // a socket that was destroyed calls back without an error too
      if (error == null && !this.#socket.destroyed) writer?.onTaken();
      if (this.#taken === this.#drainedAt) this.#tellDrain();
    });
  }

  get isFull(): boolean {
    return this.#socket.writableNeedDrain;
  }

  hold(isHeld: boolean): void {
    this.#keepsAlive = isHeld;
    this.#keep(isHeld || this.#taken < this.#written);
  }

  #keep(isAlive: boolean): void {
    const { ref, unref } = this.#socket as Partial<Socket>;
    (isAlive ? ref : unref)?.call(this.#socket as Socket);
  }

  pause(): void {
    this.#socket.pause();
    tcpOf(this.#socket)?.readStop?.();
  }

  resume(): void {
    tcpOf(this.#socket)?.readStart?.();
    this.#socket.resume();
  }

  end(): void {
    // a second time it would make an error, for no one
    if (!this.#socket.writableEnded) this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }
}

/** What `node:net` has below a socket. */
interface Handle {
  readonly _parent?: Handle | null;
  readStop?(): void;
  readStart?(): void;
}

/**
 * In Deno, the TCP connection below a socket with TLS. Deno goes on reading it while the socket is paused, so a peer
 * could fill the memory, and an end that comes meanwhile is lost. Nothing public stops it.
 */
function tcpOf(socket: Duplex & { _handle?: Handle | null }): Handle | null | undefined {
  return isDeno ? socket._handle?._parent : undefined;
}

/** Whether no one else is given the chunks of a socket, and may keep them. */
function isUnseen(socket: Duplex): boolean {
  return socket.listenerCount("data") === 1 && socket.emit === emit && socket.push === push;
}

/** Whether what is written to a socket goes to the system alone: no one else may keep it. */
function keepsNothing(socket: Duplex): boolean {
  return socket.write === write && socket._write === _write && socket._writev === _writev;
}

/** Written behind what the system did not take at once: when it is done, so is all before it. */
const NOTHING = new Uint8Array(0);

// the listeners are the same functions for all sockets: closures would take half a kilobyte for each

function onData(this: Carrier, chunk: Uint8Array): void {
  this[TRANSPORT]?.onData(chunk);
}

function onDrain(this: Carrier): void {
  this[TRANSPORT]?.onDrain();
}

function onEnd(this: Carrier): void {
  this[TRANSPORT]?.onEnd();
}

function onError(this: Carrier, error: Error): void {
  this[TRANSPORT]?.onError(error);
}

function onClose(this: Carrier): void {
  this[TRANSPORT]?.onClose();
}
