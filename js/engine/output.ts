/**
 * Bytes for the network, in the engine's output memory and in a slab beside it, which all sessions share; and what a
 * trap in any call of the engine asks for.
 *
 * @module
 */
import { allocate, allocatedCopy, part } from "./bytes.js";
import { EngineTrap, scratch } from "./engine.js";
import { typed } from "./errors.js";

/** A network that is about to be given bytes. Each answer holds until it is given any. */
export interface OutputTaker {
  /** Whether it is likely to have taken what it is given once `write` returns. */
  readonly takesAtOnce?: boolean;
  /** Whether it is done with the memory of what it is given once it reports that it has taken it. */
  readonly givesBack?: boolean;
}

/** Memory for output that is reused. */
export type Slab = Uint8Array<ArrayBuffer>;

/** Its bytes: as many as an engine makes at once. */
const SLAB = 132 * 1024;
/** The fewest bytes for which a network keeps a slab that will not have taken them at once. */
const LEAST_KEPT = 32 * 1024;
/** Slabs that came back and wait to be used, at most: two megabytes. */
const MOST_SPARE = 16;

/** The output whose latest bytes are in the shared memory: first those in the slab, … */
let owner: Output | undefined;
let slab: Slab | undefined;
let slabEnd = 0;
/** … then those in the engine's. */
let end = 0;
/** The slab that has what was taken last. */
let lent: Slab | undefined;
const spare: Slab[] = [];

/** The slab that what was taken last is in, if it is in one: it is not used again before it is given back. */
export function lentOutput(): Slab | undefined {
  const memory = lent;
  lent = undefined;
  return memory;
}

/** The network has taken all that is in a slab. Where it never will, the slab is not given back, but forgotten. */
export function giveBack(memory: Slab): void {
  if (slab === undefined) slab = memory;
  else if (spare.length < MOST_SPARE) spare.push(memory);
}

/** The memory that `reserve` has made room in. */
export function ownMemory(): Slab {
  slab ??= spare.pop() ?? allocate(SLAB);
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
   * @param network is given them: what it takes at once, or gives back, is not copied, but in the slab of `lentOutput`
   */
  take(network: OutputTaker = {}): Uint8Array[] {
    lent = undefined;
    if (owner === this && (network.takesAtOnce || (slabEnd + end >= LEAST_KEPT && network.givesBack))) this.#lend();
    this.leave();
    const parts = this.#parts ?? [];
    this.#parts = undefined;
    this.#size = 0;
    return parts;
  }

  #lend(): void {
    this.#gather();
    if (slabEnd === 0) return;
    lent = ownMemory();
    slab = undefined;
    this.#append(part(lent, 0, slabEnd));
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

/** What calls of a handshake have thrown, traps too, as a typed error. */
export function failureOf(error: unknown): unknown {
  return error instanceof WebAssembly.RuntimeError ? trapped(error) : typed(error);
}

/** Runs calls of a handshake. What the engine throws, traps too, comes as typed errors. */
export function guarded<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw failureOf(error);
  }
}
