/**
 * The engine's output memory, which all sessions share, and what a trap in any call of the engine asks for.
 *
 * @module
 */
import { allocatedCopy, part } from "./bytes.js";
import { EngineTrap, scratch } from "./engine.js";
import { withTypedErrors } from "./errors.js";

/** A network that may keep bytes of memory that is about to be overwritten. */
export interface Adopter {
  /** Returns the bytes in memory that stays as it is until the next `write`; without it they are copied. */
  adopt?(bytes: Uint8Array): Uint8Array;
}

/** The output whose latest bytes are in the shared memory, and where they end there. */
let owner: Output | undefined;
let end = 0;

/**
 * What one session has made for the network since it was asked last, in order. Its latest bytes may be in the shared
 * memory.
 */
export class Output {
  #parts: Uint8Array[] | undefined;
  /** The bytes in `#parts`. */
  #size = 0;

  /** Bytes that were made and not taken. */
  get size(): number {
    return owner === this ? this.#size + end : this.#size;
  }

  /** Makes room for `size` bytes in the shared memory, and returns where. */
  claim(size: number): number {
    if (owner !== this) {
      owner?.spill();
      owner = this;
    } else if (end + size > scratch().output.length) {
      this.spill();
    }
    return end;
  }

  /** Bytes were made where `claim` said, up to here. */
  extend(to: number): void {
    end = to;
  }

  /** Appends bytes that no one else will change. */
  push(bytes: Uint8Array): void {
    if (owner === this) this.spill();
    this.#append(bytes);
  }

  #append(bytes: Uint8Array): void {
    this.#parts ??= [];
    this.#parts.push(bytes);
    this.#size += bytes.length;
  }

  /** Moves what is in the shared memory out of it. */
  spill(network?: Adopter): void {
    if (end > 0) {
      const bytes = part(scratch().output, 0, end);
      this.#append(network?.adopt?.(bytes) ?? allocatedCopy(bytes, 0, end));
    }
    end = 0;
  }

  /**
   * All bytes that were made and not taken, in order; they are the caller's.
   *
   * @param network writes them before anything else is made or written, and may have a way to adopt the last part
   */
  take(network?: Adopter): Uint8Array[] {
    this.leave(network);
    const parts = this.#parts ?? [];
    this.#parts = undefined;
    this.#size = 0;
    return parts;
  }

  /** Leaves the shared memory to others. */
  leave(network?: Adopter): void {
    if (owner !== this) return;
    this.spill(network);
    owner = undefined;
  }
}

/** Moves bytes out of the shared memory. A trap in any call asks for this. */
export function trapped(cause: unknown): EngineTrap {
  owner?.spill();
  return new EngineTrap(cause);
}

/**
 * Frees an object of the engine. One that a trap has lost must not be touched again; one whose `free` traps is given
 * up.
 */
export function release(object: { free(): void }, failure?: unknown): void {
  if (failure instanceof EngineTrap) return;
  try {
    object.free();
  } catch (error) {
    trapped(error);
  }
}

/** Runs calls of a handshake. What the engine throws, traps too, comes as typed errors. */
export function guarded<T>(call: () => T): T {
  try {
    return withTypedErrors(call);
  } catch (error) {
    throw error instanceof WebAssembly.RuntimeError ? trapped(error) : error;
  }
}
