/**
 * The source of a message, chunk by chunk.
 *
 * @module
 */
import { WebSocketError } from "../engine/errors.js";

interface StreamReader<T> {
  read(): Promise<IteratorResult<T, undefined>>;
  cancel(reason: unknown): Promise<void>;
}

const DONE = { done: true, value: undefined } as const;

/** The error for what gives no chunks, such as a locked stream; the numbers of an array of bytes are none. */
export function invalidSource(source: unknown): WebSocketError | undefined {
  const { getReader, locked, [Symbol.asyncIterator]: asynchronous, [Symbol.iterator]: iterate } = Object(source);
  const isOne = [getReader, asynchronous, iterate].some((method) => typeof method === "function");
  if (!isOne || ArrayBuffer.isView(source)) {
    return invalid("The source of a message must be a stream, or another iterable, of strings or buffers");
  }
  if (locked === true)
    return invalid("The source of a message is a stream that has a reader already; release it first");
  return undefined;
}

function invalid(message: string): WebSocketError {
  return new WebSocketError("WS_ERR_INVALID_OPTION", message);
}

/**
 * The chunks of a `ReadableStream`, a stream of Node's, or anything else that can be iterated. To leave the loop, or to
 * call `cancel` while it waits, tells the source at once that no more is wanted.
 */
export class Chunks<T> implements AsyncIterableIterator<T, undefined, void> {
  readonly #source: AsyncIterable<T> | Iterable<T>;
  #read: (() => Promise<IteratorResult<T, undefined>>) | undefined;
  #tell: ((reason: unknown) => unknown) | undefined;
  #settle: ((result: IteratorResult<T, undefined>) => void) | undefined;
  #isOver = false;

  /** @param source a string is one chunk: character by character, each would be a frame */
  constructor(source: AsyncIterable<T> | Iterable<T>) {
    this.#source = typeof source === "string" ? [source as T] : source;
  }

  /** Takes the source, when it is first needed. */
  #begin(): void {
    if (this.#read !== undefined) return;
    const source = this.#source;
    const { getReader, destroy } = source as { getReader?(): StreamReader<T>; destroy?(reason: unknown): void };
    if (typeof getReader === "function") {
      const reader = getReader.call(source);
      this.#read = () => reader.read();
      this.#tell = (reason) => reader.cancel(reason);
      return;
    }
    const iterator = Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();
    this.#read = async () => iterator.next();
    // a generator that waits for something itself learns of it when it goes on; a stream of Node's does at once
    this.#tell = (reason) => (typeof destroy === "function" ? destroy.call(source, reason) : iterator.return?.());
  }

  next(): Promise<IteratorResult<T, undefined>> {
    if (this.#isOver) return Promise.resolve(DONE);
    return new Promise((resolve, reject) => {
      this.#begin();
      this.#settle = resolve;
      this.#read?.().then(
        (result) => {
          this.#isOver ||= result.done === true;
          resolve(result);
        },
        (error) => {
          this.#isOver = true;
          reject(error);
        },
      );
    });
  }

  async return(): Promise<IteratorResult<T, undefined>> {
    this.cancel(undefined);
    return DONE;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** No more is wanted. */
  cancel(reason: unknown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#settle?.(DONE);
    // what it makes of that is of no interest
    void (async () => {
      this.#begin();
      await this.#tell?.(reason);
    })().catch(() => {});
  }
}
