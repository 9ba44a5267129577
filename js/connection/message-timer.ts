/**
 * The time that a peer has for a message.
 *
 * @module
 */

import type { Received } from "../session/assembly.js";
import { Unfinished } from "../session/incoming.js";
import { clearTimeout, setWatch } from "../transport/tasks.js";
import { endsMessage } from "./received.js";

/** Runs while a message, or a frame outside one, has begun and not ended. */
export class MessageTimer {
  readonly #time: number;
  readonly #onTimeout: () => void;
  #timer: ReturnType<typeof setWatch> | undefined;
  #deadline = 0;
  /** The milliseconds that were left when it was suspended. */
  #timeLeft: number | undefined;

  /** @param time in milliseconds, from the first byte to the last */
  constructor(time: number, onTimeout: () => void) {
    this.#time = time;
    this.#onTimeout = onTimeout;
  }

  /** This was read, and that is unfinished now: a control frame within a message does not finish it. */
  follow(unfinished: number, received: readonly Received[]): void {
    if (received.some((one) => unfinished === Unfinished.Frame || endsMessage(one))) this.stop();
    this.start();
  }

  /** Runs, or goes on: with what was left, if it was suspended. */
  start(): void {
    const time = this.#timeLeft ?? this.#time;
    this.#timeLeft = undefined;
    if (this.#timer !== undefined) return;
    this.#deadline = performance.now() + time;
    this.#timer = setWatch(() => {
      this.#timer = undefined;
      this.#onTimeout();
    }, time);
  }

  /** The next start has all of the time. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** The next start has what is left of the time. */
  suspend(): void {
    if (this.#timer !== undefined) this.#timeLeft = this.#deadline - performance.now();
    this.stop();
  }

  /** The unfinished message has ended. */
  reset(): void {
    this.stop();
    this.#timeLeft = undefined;
  }
}
