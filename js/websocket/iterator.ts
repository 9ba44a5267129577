/**
 * Iteration over what comes one after the other.
 *
 * @module
 */

/** Where values come from. */
export interface Source {
  /** Asks for the next ones, by `IteratorOf.give` and `end`, until the function that it returns is called. */
  ask(): () => void;
  /** The loop is left. */
  leave(): void;
}

interface Settle<T> {
  readonly resolve: (result: IteratorResult<T, undefined>) => void;
  readonly reject: (error: unknown) => void;
}

const DONE = { done: true, value: undefined } as const;

/**
 * An iterator whose `return` ends a `next` that waits, as that of a generator cannot: who tears a loop down is not kept
 * waiting, and the next value is not lost in it.
 */
export class IteratorOf<T> implements AsyncIterableIterator<T, undefined, void> {
  readonly #source: Source;
  #asked: Settle<T>[] = [];
  #stop: (() => void) | undefined;
  #isDone = false;

  constructor(source: Source) {
    this.#source = source;
  }

  next(): Promise<IteratorResult<T, undefined>> {
    if (this.#isDone) return Promise.resolve(DONE);
    return new Promise((resolve, reject) => {
      this.#asked.push({ resolve, reject });
      this.#stop ??= this.#source.ask();
    });
  }

  async return(): Promise<IteratorResult<T, undefined>> {
    this.end();
    return DONE;
  }

  async throw(error: unknown): Promise<IteratorResult<T, undefined>> {
    this.end();
    throw error;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.end();
  }

  /** The next value, for the first that asked. */
  give(value: T): void {
    const first = this.#asked.shift();
    if (this.#asked.length === 0) this.#rest();
    first?.resolve({ done: false, value });
  }

  /** No more will come; the first that asked is told why, if there is a failure. */
  end(failure?: unknown): void {
    if (this.#isDone) return;
    this.#isDone = true;
    const [first, ...others] = this.#asked;
    this.#asked = [];
    this.#rest();
    this.#source.leave();
    if (failure === undefined) first?.resolve(DONE);
    else first?.reject(failure);
    for (const other of others) other.resolve(DONE);
  }

  #rest(): void {
    this.#stop?.();
    this.#stop = undefined;
  }
}
