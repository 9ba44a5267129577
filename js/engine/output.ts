/**
 * Bytes for the network, in the engine's output memory and in a slab beside it, which all sessions share; and what a
 * trap in any call of the engine asks for.
 *
 * @module
 */
import { allocate, allocatedCopy, part } from "./bytes.js";
import { EngineTrap, scratch } from "./engine.js";
import { withTypedErrors } from "./errors.js";

/** A network that is about to be given bytes. */
export interface Taker {
  /**
   * Whether it is likely to have taken what it is given once `write` returns. If it has not, it keeps the bytes where
   * they are, and `keepOutput` has to be called.
   */
  readonly takesAtOnce?: boolean;
}

/** Bytes of memory that is reused: as many as an engine makes at once. */
const SLAB = 132 * 1024;

/** The output whose latest bytes are in the shared memory: first those in the slab, … */
let owner: Output | undefined;
let slab: Uint8Array<ArrayBuffer> | undefined;
let slabEnd = 0;
/** … then those in the engine's. */
let end = 0;
/** Whether the slab has what was taken last. */
let isLent = false;

/** The network has not taken at once what it was given, and keeps it: that memory is not used again. */
export function keepOutput(): void {
  if (isLent) slab = undefined;
}

/** The memory that `reserve` has made room in. */
export function ownMemory(): Uint8Array<ArrayBuffer> {
  slab ??= allocate(SLAB);
  return slab;
}

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
    return owner === this ? this.#size + slabEnd + end : this.#size;
  }

  /** Makes room for `size` bytes in the engine's memory, and returns where. */
  claim(size: number): number {
    if (owner !== this) this.#own();
    else if (end + size > scratch().output.length) this.#gather();
    return end;
  }

  /** Bytes were made where `claim` said, up to here. */
  extend(to: number): void {
    end = to;
  }

  /** Makes room for `size` bytes, at most 128 KiB, in `ownMemory`, and returns where. */
  reserve(size: number): number {
    if (owner !== this) this.#own();
    else if (end > 0) this.#gather();
    if (slabEnd + size > SLAB) this.#moveSlab();
    return slabEnd;
  }

  /** Bytes were made where `reserve` said, up to here. */
  fill(to: number): void {
    slabEnd = to;
  }

  /** Appends bytes that no one else will change. */
  push(bytes: Uint8Array): void {
    if (owner === this) this.spill();
    this.#append(bytes);
  }

  #own(): void {
    owner?.spill();
    owner = this;
  }

  #append(bytes: Uint8Array): void {
    // a list that is made with its first has no room for sixteen more
    if (this.#parts === undefined) this.#parts = [bytes];
    else this.#parts.push(bytes);
    this.#size += bytes.length;
  }

  /** Moves what is in the engine's memory behind what is in the slab. */
  #gather(): void {
    if (end === 0) return;
    if (slabEnd + end > SLAB) this.#moveSlab();
    const bytes = part(scratch().output, 0, end);
    end = 0;
    ownMemory().set(bytes, slabEnd);
    slabEnd += bytes.length;
  }

  #moveSlab(): void {
    if (slabEnd > 0) this.#append(allocatedCopy(ownMemory(), 0, slabEnd));
    slabEnd = 0;
  }

  /** Moves what is in the shared memory out of it. */
  spill(): void {
    this.#moveSlab();
    if (end > 0) this.#append(allocatedCopy(scratch().output, 0, end));
    end = 0;
  }

  /**
   * All bytes that were made and not taken, in order; they are the caller's.
   *
   * @param network is given them before anything else is made: what it takes at once is not copied
   */
  take(network?: Taker): Uint8Array[] {
    isLent = false;
    if (owner === this && network?.takesAtOnce) this.#lend();
    this.leave();
    const parts = this.#parts ?? [];
    this.#parts = undefined;
    this.#size = 0;
    return parts;
  }

  #lend(): void {
    this.#gather();
    isLent = slabEnd > 0;
    if (isLent) this.#append(part(ownMemory(), 0, slabEnd));
    slabEnd = 0;
  }

  /** Leaves the shared memory to others. */
  leave(): void {
    if (owner !== this) return;
    this.spill();
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
