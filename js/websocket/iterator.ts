/**
 * Iteration over what comes one after the other.
 *
 * @module
 */

/** Where values come from. */
export interface Source {
  /** Asks for the next ones, by `IteratorOf.give` and `end`, until the function that it returns is called. */
  ask(): () => void;
  /** The next value, if there is one that can be had at once. */
  take?(): unknown;
  /** The loop is left. */
  leave(): void;
}

type Resolve<T> = (result: IteratorResult<T, undefined> | Promise<IteratorResult<T, undefined>>) => void;

const DONE = { done: true, value: undefined } as const;

/**
 * An iterator whose `return` ends a `next` that waits, as that of a generator cannot: who tears a loop down is not kept
 * waiting, and the next value is not lost in it.
 */
export class IteratorOf<T> implements AsyncIterableIterator<T, undefined, void> {
  readonly #source: Source;
  #asked: Resolve<T>[] = [];
  /** Values that came before they were asked for. */
  #given: T[] = [];
  /** The error for the next call. */
  #failure: { readonly error: unknown } | undefined;
  #stop: (() => void) | undefined;
  #isDone = false;

  constructor(source: Source) {
    this.#source = source;
  }

  /** The next value, when there is one. */
  next(): Promise<IteratorResult<T, undefined>> {
    const value = this.take();
    if (value !== undefined) return Promise.resolve({ done: false, value });
    if (this.#isDone) return this.#afterEnd();
    return new Promise((resolve) => {
      this.#asked.push(resolve);
      this.#stop ??= this.#source.ask();
    });
  }

  /** The next value, if it can be had at once. */
  take(): T | undefined {
    return this.#given.shift() ?? (this.#isDone || this.#asked.length > 0 ? undefined : (this.#source.take?.() as T));
  }

  /** Ends the loop, and a `next` that waits. */
  async return(): Promise<IteratorResult<T, undefined>> {
    this.#leave();
    return DONE;
  }

  /** Ends the loop with an error. */
  async throw(error: unknown): Promise<IteratorResult<T, undefined>> {
    this.#leave();
    throw error;
  }

  /** This iterator. */
  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Ends the loop, at the end of an `await using` block. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#leave();
  }

  /** The next value, for the first that asked, or that will ask. */
  give(value: T): void {
    if (this.#isDone) return;
    const first = this.#asked.shift();
    if (this.#asked.length === 0) this.#rest();
    if (first === undefined) this.#given.push(value);
    else first({ done: false, value });
  }

  /** No more will come; the first that asked, or that will ask, is told why, if there is a failure. */
  end(failure?: unknown): void {
    if (this.#isDone) return;
    this.#isDone = true;
    if (failure !== undefined) this.#failure = { error: failure };
    const asked = this.#asked;
    this.#asked = [];
    this.#rest();
    this.#source.leave();
    for (const resolve of asked) resolve(this.#afterEnd());
  }

  /** The loop was left. */
  #leave(): void {
    this.end();
    this.#given = [];
    this.#failure = undefined;
  }

  #afterEnd(): Promise<IteratorResult<T, undefined>> {
    const failure = this.#failure;
    this.#failure = undefined;
    return failure === undefined ? Promise.resolve(DONE) : Promise.reject(failure.error);
  }

  #rest(): void {
    this.#stop?.();
    this.#stop = undefined;
  }
}
