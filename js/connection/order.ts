/**
 * The order of what is sent, where something that takes its time is among it: a Blob that is read, or a stream.
 *
 * @module
 */
import { Queue } from "../engine/queue.js";
import { callAll } from "./outbox.js";

/** Something to do when its turn comes. */
interface Step {
  readonly run: () => unknown;
  /** Is called in its place if a step before it, or itself, has failed. */
  readonly drop: ((error: Error) => void) | undefined;
}

/** Counts the data that waits: a connection's outbox. */
export interface Counter {
  /** Counts `size` bytes. Returns a function that stops counting them. */
  hold(size: number): () => void;
}

/** Data that has to be read, or has to wait, before it is sent. */
export interface Delayed<T> {
  /** Its bytes, which are counted until it is sent. */
  readonly size: number;
  /** Gives it when its turn has come. */
  readonly read: () => T | Promise<T>;
  readonly send: (data: T) => void;
  /** Is called if it cannot be read, or something before it could not. */
  readonly drop?: ((error: Error) => void) | undefined;
}

/** The order of one connection. A socket makes it when it has the first step that takes its time. */
export class SendOrder {
  readonly #counter: Counter;
  readonly #onFailed: (error: Error) => void;
  #waiting: Queue<Step> | undefined;

  /** @param onFailed ends the connection: what comes behind a step that failed must not take its place */
  constructor(counter: Counter, onFailed: (error: Error) => void) {
    this.#counter = counter;
    this.#onFailed = onFailed;
  }

  /** Whether a step would have to wait. */
  get isBusy(): boolean {
    return this.#waiting !== undefined;
  }

  /** Runs a step at once, or behind those that wait. */
  take(run: () => void, drop?: (error: Error) => void): void {
    if (this.#waiting === undefined) run();
    else this.#waiting.push({ run, drop });
  }

  /** The same of a step that takes its time: those after it wait for it. */
  takeSlow(run: () => Promise<unknown>, drop?: (error: Error) => void): void {
    if (this.#waiting === undefined) void this.#work({ run, drop });
    else this.#waiting.push({ run, drop });
  }

  /** Sends data when its turn has come and it is read. */
  send<T>({ size, read, send, drop }: Delayed<T>): void {
    const release = this.#counter.hold(size);
    this.takeSlow(async () => {
      try {
        const data = await read();
        release();
        send(data);
      } finally {
        release();
      }
    }, drop);
  }

  async #work(first: Step): Promise<void> {
    const waiting = new Queue<Step>();
    this.#waiting = waiting;
    let step: Step | undefined = first;
    try {
      for (; step !== undefined; step = waiting.shift()) await step.run();
    } catch (cause) {
      const error = cause as Error;
      callAll([step?.drop ?? ignore], error);
      this.#onFailed(error);
      for (step = waiting.shift(); step !== undefined; step = waiting.shift()) callAll([step.drop ?? ignore], error);
    }
    this.#waiting = undefined;
  }
}

function ignore(): void {}

/** A Blob's bytes. */
export async function bytesOfBlob(blob: Blob): Promise<Uint8Array> {
  return new Uint8Array(await blob.arrayBuffer());
}
