/**
 * What was given to the network, and what it has not taken.
 *
 * @module
 */
import type { Slab } from "../engine/output.js";
import { Queue } from "../engine/queue.js";
import { OVERHEAD } from "./received.js";

/** What is known of any write. */
interface Write {
  /** Memory that is to be used again. */
  readonly slab: Slab | undefined;
}

/** Bytes of memory, with their overhead, and those that the slab has beside them. */
interface Counted {
  readonly held: number;
  readonly spare: number;
}

/** The writes of one connection that the network has not taken, in order. */
export class Writes<T extends Write> {
  readonly #writes = new Queue<T & Counted>();
  /** Bytes of memory that they take, with their overhead. */
  held = 0;
  /** Bytes of their slabs in which there is nothing: no one else has use of them. */
  spare = 0;

  get isEmpty(): boolean {
    return this.#writes.length === 0;
  }

  /** Counts the memory of its `parts`, and gives it as it is kept. */
  push(write: T, parts: readonly Uint8Array[]): T {
    const held = parts.reduce((sum, { length }) => sum + length + OVERHEAD, 0);
    const spare = Math.max(0, (write.slab?.length ?? 0) - held);
    const counted = { ...write, held, spare };
    this.#writes.push(counted);
    this.held += held;
    this.spare += spare;
    return counted;
  }

  /** Takes the oldest. */
  shift(): T | undefined {
    const write = this.#writes.shift();
    this.held -= write?.held ?? 0;
    this.spare -= write?.spare ?? 0;
    return write;
  }
}
