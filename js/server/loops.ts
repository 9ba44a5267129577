/**
 * The loops over a server's connections.
 *
 * @module
 */
import type { EventEmitter } from "node:events";

import { IteratorOf } from "../websocket/iterator.js";

/** Those of one server. `C` is the arguments of its event `connection`. */
export class Loops<C extends unknown[]> {
  readonly #server: EventEmitter;
  readonly #open = new Set<IteratorOf<C>>();

  constructor(server: EventEmitter) {
    this.#server = server;
  }

  /** @param closing settles when the server has closed, if it began to: its event `close` may be over */
  begin(closing: Promise<unknown> | undefined): IteratorOf<C> {
    const onConnection = (...connection: C): void => loop.give(connection);
    const onClose = (): void => loop.end();
    const loop = new IteratorOf<C>({
      ask: () => () => {},
      leave: () => {
        this.#server.off("connection", onConnection as () => void).off("close", onClose);
        this.#open.delete(loop);
      },
    });
    this.#server.on("connection", onConnection as () => void).on("close", onClose);
    this.#open.add(loop);
    closing?.then(onClose, onClose);
    return loop;
  }

  /**
   * The server cannot listen: they throw the error, and its event `error` reports it if anyone listens, or if there is
   * no loop. A failure that a client's request has caused must not end a loop, so it goes to the event alone.
   */
  fail(error: Error): void {
    const loops = [...this.#open];
    for (const loop of loops) loop.end(error);
    if (loops.length === 0 || this.#server.listenerCount("error") > 0) this.#server.emit("error", error);
  }
}
