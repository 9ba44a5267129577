/**
 * The subscription of one topic at the engine between processes, for all sockets of this process.
 *
 * @module
 */
import type { Backplane } from "./backplane.js";
import type { Envelope, Travelling } from "./envelope.js";
import { Gaps } from "./gaps.js";

/** Subscribes and unsubscribes, one call after the other, until what is wanted is so. */
export class Channel {
  readonly #topic: string;
  readonly #backplane: Backplane;
  readonly #deliver: (bytes: unknown) => void;
  #isWanted = false;
  #isOn = false;
  #gaps = new Gaps();
  #task: Promise<void> | undefined;

  constructor(topic: string, backplane: Backplane, deliver: (bytes: unknown) => void) {
    this.#topic = topic;
    this.#backplane = backplane;
    this.#deliver = deliver;
  }

  /** Whether nothing wants it, and nothing is under way. */
  get isOver(): boolean {
    return !this.#isWanted && !this.#isOn && this.#task === undefined;
  }

  /** Resolves when that is so, or something else is wanted. Rejects with the engine's error, and wants nothing then. */
  want(isWanted: boolean): Promise<void> {
    this.#isWanted = isWanted;
    if (this.#task === undefined && isWanted === this.#isOn) return DONE;
    this.#task ??= this.#settle();
    return this.#task;
  }

  /** The engine is back. */
  resume(): void {
    this.#gaps.resume(performance.now());
  }

  /** The messages that are new, and how many were missed before them. */
  take(envelope: Envelope): { messages: readonly Travelling[]; missed: number } {
    return this.#gaps.take(envelope, performance.now());
  }

  async #settle(): Promise<void> {
    try {
      while (this.#isWanted !== this.#isOn) {
        if (this.#isWanted) await this.#subscribe();
        else await this.#unsubscribe();
      }
    } finally {
      this.#task = undefined;
    }
  }

  async #subscribe(): Promise<void> {
    this.#gaps = new Gaps();
    try {
      await this.#backplane.subscribe(this.#topic, this.#deliver);
    } catch (error) {
      this.#isWanted = false;
      throw error;
    }
    this.#isOn = true;
    this.#gaps.begin(performance.now());
  }

  async #unsubscribe(): Promise<void> {
    this.#isOn = false;
    await this.#backplane.unsubscribe(this.#topic);
  }
}

const DONE = Promise.resolve();
