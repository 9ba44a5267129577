/**
 * WebSocketStream, as proposed for the WHATWG standard (https://github.com/whatwg/websockets/pull/48).
 *
 * @module
 */

import type { WebSocketOptions } from "../client/arguments.js";
import { isBlob, isBuffer } from "../engine/bytes.js";
import { WebSocketError } from "../engine/errors.js";
import { ownOption, ownOptions } from "../engine/own.js";
import { CloseStatus } from "../engine/status.js";
import { deferred } from "./deferred.js";
import { markAsEnd } from "./ends.js";
import type { CloseEvent, ErrorEvent } from "./events.js";
import type { IteratorOf } from "./iterator.js";
import type { SendData } from "./sending.js";
import { checkReason, invalidCode, orRejected } from "./webidl.js";
import { WebSocket } from "./websocket.js";
import { ReadableStream, WritableStream } from "./webstreams.js";

/** Bytes that wait for the network when a write waits too, as Node's sockets have it, … */
const ROOM = 16 * 1024;
/** … and of as many writes one waits however small they are. */
const UNAWAITED = 256;

/** Options of a `WebSocketStream`: the proposal's `protocols` and `signal`, and those of our `WebSocket`. */
export interface WebSocketStreamOptions extends Omit<WebSocketOptions, "protocols" | "streamMessages"> {
  /** Subprotocols to offer, the preferred first. */
  protocols?: Iterable<string> | undefined;
}

/** An open connection. */
export interface WebSocketOpenInfo {
  /** Messages: strings and `Uint8Array`s. The peer has to wait while a message is unread. */
  readonly readable: ReadableStream<string | Uint8Array<ArrayBuffer>>;
  /** Takes messages; a write is done when the network has room for more. Those of a turn leave together. */
  readonly writable: WritableStream<SendData>;
  /** The extensions that were agreed on, or `""`. */
  readonly extensions: string;
  /** The subprotocol that was agreed on, or `""`. */
  readonly protocol: string;
}

/** How a connection is closed. */
export interface WebSocketCloseInfo {
  /** 1000, or 3000 to 4999. */
  closeCode?: number | undefined;
  /** At most 123 bytes of UTF-8. */
  reason?: string | undefined;
}

/** How a connection was closed. */
export interface WebSocketClosed {
  /** The status in the peer's close frame; 1005 if it has none. */
  readonly closeCode: number;
  /** The reason in it, or `""`; at most 123 bytes of UTF-8. */
  readonly reason: string;
}

/**
 * The proposal's `WebSocketError`, which is this object's `name`: a `DOMException` with what a close frame says. It has
 * another name here, since {@link WebSocketError} is the class of errors with a `code`; such a one, if there is any, is
 * its `cause`.
 */
export class WebSocketStreamError extends DOMException {
  #closeCode: number | null = null;
  #reason = "";

  /**
   * @param info the code, 1000 if there is a reason alone
   * @throws DOMException `InvalidAccessError` for a code other than 1000 and 3000 to 4999, `SyntaxError` for a reason
   *   over 123 bytes
   */
  constructor(message = "", info: WebSocketCloseInfo = {}) {
    super(message, "WebSocketError");
    // Node's DOMException makes objects of its own class
    Object.setPrototypeOf(this, new.target.prototype);
    const { closeCode, reason = "" } = closeInfo(info);
    if (closeCode !== undefined && closeCode !== 1000 && (closeCode < 3000 || closeCode > 4999)) {
      throw invalidCode(`${closeCode}`);
    }
    checkReason(reason);
    this.#closeCode = closeCode ?? (reason === "" ? null : 1000);
    this.#reason = reason;
  }

  /** The close code, 1006 if the connection ended without one; `null` if none was given, or it never began. */
  get closeCode(): number | null {
    return this.#closeCode;
  }

  /** The reason in the close frame. */
  get reason(): string {
    return this.#reason;
  }

  /** The proposal's name of the class. */
  get [Symbol.toStringTag](): string {
    return "WebSocketError";
  }

  /** @internal One that says what came, be it allowed to send or not. */
  static of(closeCode: number | null, reason: string, cause: unknown): WebSocketStreamError {
    const error = new WebSocketStreamError("The connection was not closed cleanly");
    error.#closeCode = closeCode;
    error.#reason = reason;
    if (cause !== undefined)
      Object.defineProperty(error, "cause", { value: cause, configurable: true, writable: true });
    return error;
  }
}

/** A connection as a pair of streams. */
export class WebSocketStream {
  readonly #socket: WebSocket;
  readonly #opened = deferred<WebSocketOpenInfo>();
  readonly #closed = deferred<WebSocketClosed>();
  /** Rejects with what writes fail with from then on. */
  readonly #writesEnd = deferred<never>();
  #readable: ReadableStreamDefaultController<string | Uint8Array<ArrayBuffer>> | undefined;
  #writable: WritableStreamDefaultController | undefined;
  /** The read of the next message. */
  #pull: Promise<unknown> | undefined;
  /** Writes since one has waited for room. */
  #writes = 0;
  /** Ends the wait of a write for room. */
  #endWait: (() => void) | undefined;
  /** Whether the peer closed before a write was done. */
  #isCut = false;
  #failure: unknown;

  /**
   * Opens a connection, or takes over a socket, such as a server's: from now on its messages go to the streams.
   *
   * @param url of the scheme `ws:`, `wss:`, `http:` or `https:`, without a fragment; or a socket
   * @param options for a URL
   * @throws DOMException `SyntaxError` for a URL or a subprotocol that is not valid
   * @throws WebSocketError `WS_ERR_INVALID_STATE` for a socket that is closed
   */
  constructor(url: string | URL | WebSocket, options: WebSocketStreamOptions = {}) {
    if (url === undefined) throw new TypeError("A URL is needed");
    const socket = url instanceof WebSocket ? url : new WebSocket(url, webSocketOptions(options));
    if (socket.readyState === socket.CLOSED) {
      throw new WebSocketError("WS_ERR_INVALID_STATE", "The socket is closed");
    }
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    socket.addEventListener("error", (event) => {
      this.#failure = (event as ErrorEvent).error;
    });
    socket.addEventListener("close", (event) => this.#onClose(event));
    if (socket.readyState === socket.CONNECTING) socket.addEventListener("open", () => this.#onOpen());
    else this.#onOpen(); // closing too: what the peer said before its close may wait
  }

  /** The URL, as it was resolved. */
  get url(): string {
    return this.#socket.url;
  }

  /**
   * The streams, when the connection is open. Rejects with a {@link WebSocketStreamError} if it cannot be opened, or
   * with the signal's reason.
   */
  get opened(): Promise<WebSocketOpenInfo> {
    return orRejected(() => this.#opened.promise);
  }

  /**
   * How the connection was closed. Rejects with a {@link WebSocketStreamError} if it ended without close frames both
   * ways, or if the peer closed while a write waited: that write fails, and messages from before the close can still be
   * read. The rejection needs no handler.
   */
  get closed(): Promise<WebSocketClosed> {
    return orRejected(() => this.#closed.promise);
  }

  /**
   * Closes the connection after everything written. Unread messages are lost.
   *
   * @throws DOMException `InvalidAccessError` for another code than 1000 and 3000 to 4999 (a server's socket has more),
   *   `SyntaxError` for a reason over 123 bytes
   */
  close(info: WebSocketCloseInfo = {}): void {
    const { closeCode, reason } = closeInfo(info);
    this.#socket.close(closeCode, reason);
  }

  /** The name of the class. */
  get [Symbol.toStringTag](): string {
    return "WebSocketStream";
  }

  #onOpen(): void {
    const { extensions, protocol } = this.#socket;
    this.#opened.resolve({ readable: this.#messages(), writable: this.#sink(), extensions, protocol });
  }

  #messages(): WebSocketOpenInfo["readable"] {
    const messages = this.#socket[Symbol.asyncIterator]() as Messages;
    return new ReadableStream({
      start: (controller) => {
        this.#readable = controller;
      },
      pull: () => {
        const waiting = messages.take();
        if (waiting !== undefined) this.#enqueue(waiting);
        // of the end the stream learns by the close event
        else this.#pull = messages.next().then(({ value }) => value === undefined || this.#enqueue(value), ignore);
        return this.#pull as Promise<void>;
      },
      cancel: (reason) => {
        this.#readable = undefined;
        this.#closeFor(reason);
      },
    });
  }

  #enqueue(message: string | ArrayBuffer): void {
    this.#readable?.enqueue(isBuffer(message) ? new Uint8Array(message) : message);
  }

  #sink(): WebSocketOpenInfo["writable"] {
    return new WritableStream<SendData>({
      start: (controller) => {
        this.#writable = controller;
        // else abort() would have to wait for a peer that does not read
        controller.signal.addEventListener("abort", () => this.#endWait?.());
      },
      write: (message) => this.#write(message),
      close: async () => {
        this.#socket.close();
        await this.#closed.promise;
      },
      abort: (reason) => this.#closeFor(reason),
    });
  }

  /** Messages of a turn leave together, and few are written without a look at the network. */
  #write(message: SendData): Promise<void> | undefined {
    const socket = this.#socket;
    const wasOpen = socket.readyState === socket.OPEN;
    socket.send(message);
    this.#writes += 1;
    if (wasOpen && this.#writes < UNAWAITED && socket.bufferedAmount < ROOM && !isBlob(message)) return undefined;
    this.#writes = 0;
    return new Promise((resolve, reject) => {
      this.#endWait = resolve;
      socket.ready.then(resolve, ({ cause }) => {
        this.#isCut ||= wasOpen;
        // the close event comes behind all messages, and their reader may wait for this write
        const isLost = cause !== undefined && socket.readyState === socket.CLOSING;
        if (isLost) reject(markAsEnd(socket, WebSocketStreamError.of(CloseStatus.Aborted, "", cause)));
        else this.#writesEnd.promise.catch(reject);
      });
    });
  }

  /** "To close using reason": by the code and the reason of the proposal's error, if they may be sent. */
  #closeFor(cause: unknown): void {
    const { closeCode = null, reason = "" } = cause instanceof WebSocketStreamError ? cause : {};
    try {
      this.#socket.close(closeCode ?? undefined, reason);
    } catch {
      this.#socket.close(); // another connection's end may be the cause, such as 1006
    }
  }

  async #onClose({ code, reason, wasClean }: CloseEvent): Promise<void> {
    await this.#pull; // a message that came before the close is on its way
    if (wasClean) this.#closedCleanly(code, reason);
    else this.#failed(code, reason);
  }

  #closedCleanly(closeCode: number, reason: string): void {
    this.#readable?.close();
    this.#endWrites(markAsEnd(this.#socket, new DOMException("The connection is closed", "InvalidStateError")));
    if (this.#isCut) this.#closed.reject(this.#unclean(closeCode, reason));
    else this.#closed.resolve({ closeCode, reason });
  }

  #failed(code: number, reason: string): void {
    const failure = this.#failure;
    const error = isAbort(failure) ? failure.cause : this.#unclean(code, reason);
    this.#opened.reject(isAbort(failure) ? error : WebSocketStreamError.of(null, "", failure));
    this.#readable?.error(error);
    this.#endWrites(error);
    this.#closed.reject(error);
  }

  #unclean(code: number, reason: string): WebSocketStreamError {
    return markAsEnd(this.#socket, WebSocketStreamError.of(code, reason, this.#failure));
  }

  #endWrites(error: unknown): void {
    this.#writable?.error(error);
    this.#writesEnd.reject(error);
  }
}

for (const [target, names] of [
  [WebSocketStream.prototype, ["url", "opened", "closed", "close"]],
  [WebSocketStreamError.prototype, ["closeCode", "reason"]],
] as const) {
  for (const name of names) Object.defineProperty(target, name, { enumerable: true });
}

type Messages = IteratorOf<string | ArrayBuffer>;

/** The dictionary of the proposal's IDL, whose code is an `[EnforceRange] unsigned short`. */
function closeInfo(given: WebSocketCloseInfo): { closeCode: number | undefined; reason: string } {
  const info = dictionary(given);
  const [closeCode, reason] = [ownOption(info, "closeCode"), ownOption(info, "reason")];
  const code = closeCode === undefined ? undefined : Math.trunc(+closeCode);
  if (code !== undefined && !(code >= 0 && code <= 65535)) throw new TypeError(`${closeCode} is not a close code`);
  return { closeCode: code, reason: reason === undefined ? "" : `${reason}`.toWellFormed() };
}

function webSocketOptions(given: WebSocketStreamOptions): WebSocketOptions {
  const { protocols = [], ...options } = ownOptions(dictionary(given));
  if (options.signal === null) throw new TypeError("The option signal must be an AbortSignal");
  if (typeof protocols !== "object") throw new TypeError("The option protocols must be a list");
  return { ...options, streamMessages: false, protocols: [...protocols] };
}

/** A dictionary must be an object. */
function dictionary<T extends object>(given: T | null): Partial<T> {
  if (given === null) return {};
  if (typeof given !== "object" && typeof given !== "function") throw new TypeError(`${given} is not an object`);
  return given;
}

function isAbort(failure: unknown): failure is WebSocketError {
  return failure instanceof WebSocketError && failure.code === "WS_ERR_ABORTED";
}

function ignore(): void {}
