/**
 * Node's sockets, and every other `stream.Duplex`, as a transport.
 *
 * @module
 */
import { Socket } from "node:net";
import type { Duplex } from "node:stream";

import { copyOf } from "../bytes.js";
import type { Transport, TransportListener } from "./transport.js";

/** A transport over a connected socket. */
export class NodeTransport implements Transport {
  readonly #socket: Duplex;
  #listener: TransportListener | undefined;

  constructor(socket: Duplex) {
    this.#socket = socket;
  }

  start(listener: TransportListener): void {
    this.#socket.pause(); // else a listener, or what is put back, would make it flow
    if (this.#listener === undefined) this.#listen();
    this.#listener = listener;
  }

  #listen(): void {
    const socket = this.#socket;
    let failure: Error | undefined;
    // what a socket of the system gives is nobody else's; any other stream may have it from anywhere
    const isOwned = socket instanceof Socket;
    socket.on("data", (chunk: Uint8Array) => this.#listener?.onData(chunk, isOwned));
    // Node tells this before it calls back the write that drained it
    socket.on("drain", () => queueMicrotask(() => this.#drained()));
    socket.on("end", () => this.#listener?.onEnd());
    socket.on("error", (error: Error) => {
      failure = error;
    });
    socket.once("close", () => this.#listener?.onClose(failure));
  }

  #drained(): void {
    if (!this.#socket.destroyed && !this.isFull) this.#listener?.onDrain();
  }

  unread(bytes: Uint8Array): void {
    // first in line, and delivered like everything else: later, and not while paused. A copy, as it is written to then
    if (bytes.length > 0) this.#socket.unshift(copyOf(bytes));
  }

  write(parts: readonly Uint8Array[], done: () => void): void {
    const socket = this.#socket;
    if (!socket.writable) return;
    const last = parts.length - 1;
    if (last > 0) socket.cork();
    for (const [index, part] of parts.entries()) {
      // a socket that was destroyed calls back without an error too
      if (index === last) socket.write(part, (error) => error ?? (socket.destroyed || done()));
      else socket.write(part);
    }
    if (last > 0) socket.uncork();
  }

  get isFull(): boolean {
    return this.#socket.writableNeedDrain;
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  end(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }
}
