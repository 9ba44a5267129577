/**
 * Messages that are read piece by piece, and promises about those that are sent.
 *
 * @module
 */
import { ownOption } from "../engine/own.js";
import { invalidSignal, onAbort } from "../transport/signals.js";
import { IteratorOf } from "./iterator.js";
import { ReadableStream } from "./webstreams.js";

/** A piece of a message: text, or bytes. */
export type Piece = string | Uint8Array<ArrayBuffer>;

/** The Streams standard's controller and source, whose types only type libraries of the DOM have. */
interface PieceController {
  readonly desiredSize: number | null;
  enqueue(piece: Piece): void;
  close(): void;
  error(error: Error): void;
}
interface PieceSource {
  start(controller: PieceController): void;
  pull(): void;
  cancel(): void;
}

/** The class with our own type, because the global types of Node, Deno, Bun and the DOM differ. */
const PieceStream = ReadableStream as unknown as new (source: PieceSource) => globalThis.ReadableStream<Piece>;

/**
 * A message, to be read as it comes: strings if it is text, cut between characters, else `Uint8Array`s. Until it was
 * read to its end, or cancelled, no message behind it is delivered, and the peer has to wait. If the connection ends
 * before the message does, reading fails with the typed error.
 */
export class MessageStream extends PieceStream {
  /** Whether it is a text message. */
  readonly isText: boolean;

  /** @internal */
  constructor(isText: boolean, source: PieceSource) {
    super(source);
    this.isText = isText;
  }

  /**
   * The pieces, one after the other. To leave the loop cancels the stream, unless `preventCancel` is given; a `next`
   * that waits is done then.
   */
  override values(options: { preventCancel?: boolean } = {}): IteratorOf<Piece> {
    const preventCancel = ownOption(options, "preventCancel") ?? false;
    const reader = this.getReader();
    let isAsked = false;
    const read = async (): Promise<void> => {
      while (isAsked) {
        const { done, value } = await reader.read();
        if (done) iterator.end();
        else iterator.give(value);
      }
    };
    const iterator = new IteratorOf<Piece>({
      ask: () => {
        isAsked = true;
        read().catch((error) => iterator.end(error));
        return () => {
          isAsked = false;
        };
      },
      leave: () => {
        if (!preventCancel) reader.cancel().catch(() => {});
        reader.releaseLock();
      },
    });
    return iterator;
  }

  /** The same as `values`. */
  override [Symbol.asyncIterator](options?: { preventCancel?: boolean }): IteratorOf<Piece> {
    return this.values(options);
  }
}

/** Fills the stream of one message. */
export class MessageFeed {
  readonly stream: MessageStream;
  readonly #throttle: (isThrottled: boolean) => void;
  #controller: PieceController | undefined;
  #isComplete = false;

  /** @param throttle is called with true while the peer should wait, because a piece in the stream was not read */
  constructor(isText: boolean, throttle: (isThrottled: boolean) => void) {
    this.#throttle = throttle;
    this.stream = new MessageStream(isText, {
      start: (controller) => {
        this.#controller = controller;
      },
      pull: () => this.#goOn(),
      cancel: () => {
        this.#controller = undefined;
        throttle(false);
      },
    });
  }

  /** The next piece, which may be empty. */
  push(data: Piece, isLast: boolean): void {
    if (this.#controller === undefined) return;
    this.#isComplete = isLast;
    if (data.length > 0) this.#controller.enqueue(data); // which may pull, and so end the stream
    if ((this.#controller?.desiredSize ?? 1) > 0) this.#goOn();
    else this.#throttle(true);
  }

  /** No more will come; a message that is complete is still read to its end. */
  fail(error: Error): void {
    if (this.#isComplete) this.#controller?.close();
    else this.#controller?.error(error);
    this.#controller = undefined;
  }

  #goOn(): void {
    if (this.#isComplete) {
      this.#controller?.close();
      this.#controller = undefined;
    }
    this.#throttle(false);
  }
}

/** What settles a promise. */
export interface Settle {
  resolve(): void;
  reject(error: unknown): void;
}

/**
 * The promise, marked as handled, as the Streams standard does with `closed` and `ready`. Events report the failure as
 * well, so an unhandled rejection must not end the process.
 */
export function handled<T>(promise: Promise<T>): Promise<T> {
  promise.then(undefined, ignore);
  return promise;
}

function ignore(): void {}

/** One of the promises that wait for the same thing. It has methods, since closures would take longer to make. */
class Waiting implements Settle {
  readonly #all: Set<Settle>;
  readonly #resolve: () => void;
  readonly #reject: (error: unknown) => void;
  #ignoreSignal: (() => void) | undefined;

  constructor(all: Set<Settle>, resolve: () => void, reject: (error: unknown) => void) {
    this.#all = all;
    this.#resolve = resolve;
    this.#reject = reject;
    all.add(this);
  }

  /** The signal rejects it with its reason. */
  obey(signal: AbortSignal): void {
    this.#ignoreSignal = onAbort(signal, () => this.reject(signal.reason));
  }

  resolve(): void {
    this.#leave();
    this.#resolve();
  }

  reject(error: unknown): void {
    this.#leave();
    this.#reject(error);
  }

  #leave(): void {
    this.#all.delete(this);
    this.#ignoreSignal?.();
  }
}

/** Promises that wait for the same thing of a connection. */
export class Promised {
  readonly #waiting = new Set<Settle>();

  /**
   * @param begin may settle this one before the others are
   * @param signal rejects this one with its reason; what is none is refused before `begin`
   */
  promise(begin: (settle: Settle) => void = ignore, signal?: AbortSignal): Promise<void> {
    const invalid = invalidSignal(signal);
    if (invalid !== undefined) return Promise.reject(invalid); // not handled: the caller's mistake must show
    const promise = new Promise<void>((resolve, reject) => {
      const waiting = new Waiting(this.#waiting, resolve, reject);
      if (signal !== undefined) waiting.obey(signal);
      begin(waiting);
    });
    return handled(promise);
  }

  /** It has happened. */
  resolve(): void {
    for (const settle of [...this.#waiting]) settle.resolve();
  }

  /** It will not happen. */
  reject(error: Error): void {
    for (const settle of [...this.#waiting]) settle.reject(error);
  }
}

/** Cuts text that comes in pieces between characters, where a surrogate pair may be in two of them. */
export class TextPieces {
  /** A first half whose second may come. */
  rest = "";

  /** Returns the part of the text that can be sent so far. */
  next(piece: string): string {
    const text = this.rest + piece;
    const last = text.charCodeAt(text.length - 1);
    const end = last >= 0xd800 && last <= 0xdbff ? text.length - 1 : text.length;
    this.rest = text.slice(end);
    return text.slice(0, end);
  }
}
