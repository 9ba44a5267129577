/**
 * Node's sockets, and every other `stream.Duplex`, as a transport.
 *
 * @module
 */
import type { Duplex } from "node:stream";

import type { Transport, TransportListener } from "./transport.js";

/** A transport over a connected socket, with bytes of the stream that were read with the HTTP head. */
export class NodeTransport implements Transport {
  readonly #socket: Duplex;
  #head: Uint8Array | undefined;

  constructor(socket: Duplex, head?: Uint8Array) {
    this.#socket = socket;
    this.#head = head;
  }

  start(listener: TransportListener): void {
    const socket = this.#socket;
    let failure: Error | undefined;
    socket.pause(); // else a listener, or what is put back, would make it flow
    socket.on("data", (chunk: Uint8Array) => listener.onData(chunk));
    socket.on("drain", () => listener.onDrain());
    socket.on("end", () => listener.onEnd());
    socket.on("error", (error: Error) => {
      failure = error;
    });
    socket.once("close", () => listener.onClose(failure));
    if (this.#head !== undefined && this.#head.length > 0) {
      // first in line, and delivered like everything else: later, and not while paused
      socket.unshift(this.#head);
    }
    this.#head = undefined;
  }

  write(parts: readonly Uint8Array[], done: () => void): void {
    const socket = this.#socket;
    if (!socket.writable) return;
    const last = parts.length - 1;
    if (last > 0) socket.cork();
    for (const [index, part] of parts.entries()) {
      if (index === last) socket.write(part, (error) => error ?? done());
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
