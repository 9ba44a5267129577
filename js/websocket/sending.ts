/**
 * The sending side of a socket: messages of all kinds in the order of the calls, and promises about them.
 *
 * @module
 */
import type { Connection } from "../connection/connection.js";
import { bytesOfBlob, SendOrder } from "../connection/order.js";
import { bytesOf, copyOf, isBlob } from "../engine/bytes.js";
import { WebSocketError } from "../engine/errors.js";
import { ownOption } from "../engine/own.js";
import { sizeOfSent } from "../session/outgoing.js";
import { PreparedMessage } from "../session/prepared.js";
import { onAbort } from "../transport/signals.js";
import { Chunks } from "./chunks.js";
import { errorEvent } from "./events.js";
import { handled, Promised, type Settle, TextPieces } from "./messages.js";

/** Data for `send`. */
export type SendData = string | ArrayBufferLike | ArrayBufferView | Blob | PreparedMessage;

/** A source for `sendStream`, such as a `ReadableStream`: all chunks are strings, for a text message, or none is. */
export type MessageSource =
  | AsyncIterable<string | ArrayBufferLike | ArrayBufferView>
  | Iterable<string | ArrayBufferLike | ArrayBufferView>;

/** Data that can be sent, or, of a Blob, read. */
type Content = string | Uint8Array | PreparedMessage | Blob;

/** The data as it is sent, not copied. */
export function contentOf(data: SendData): Content {
  return readyContentOf(data) ?? (isBlob(data) ? data : `${data}`);
}

/** The same if it neither has to be read nor converted. */
function readyContentOf(data: SendData): string | Uint8Array | PreparedMessage | undefined {
  return typeof data === "string" || data instanceof PreparedMessage ? data : bytesOf(data);
}

/** Its bytes, text as UTF-8. */
export function sizeOfContent(content: Content): number {
  return isReady(content) ? sizeOfSent(content) : content.size;
}

/** Whether it can be sent at once; a Blob has to be read. The question costs nothing for text and bytes. */
export function isReady(content: Content): content is string | Uint8Array | PreparedMessage {
  return typeof content === "string" || ArrayBuffer.isView(content) || content instanceof PreparedMessage;
}

/**
 * The option of `send`.
 *
 * @throws WebSocketError `WS_ERR_INVALID_OPTION` for the callback that `send` of `ws` takes
 */
export function compressOf(options: { compress?: boolean | undefined }): boolean | undefined {
  if (typeof options !== "function") return ownOption(options, "compress");
  throw new WebSocketError("WS_ERR_INVALID_OPTION", "send takes no callback; write gives a promise");
}

type Source = Chunks<string | ArrayBufferLike | ArrayBufferView>;

/** Ends the source of a message that is not sent, and says why it is not. */
export function unsent(source: MessageSource, reason: unknown): Promise<void> {
  new Chunks(source).cancel(reason);
  return handled(Promise.reject(reason));
}

/** A socket that what it sends may end. */
interface Sender extends EventTarget {
  readonly readyState: number;
  readonly CLOSED: number;
  terminate(): void;
}

/** The sending side of one socket. It is created on first use. */
export class Sending {
  readonly #socket: Sender;
  #connection: Connection | undefined;
  #order: SendOrder | undefined;
  /** Messages that the network shall have taken, and calls that wait for room for more. */
  #writes: Promised | undefined;
  #ready: Promised | undefined;
  /** The sources of the messages that are sent, or wait for their turn. */
  readonly #sources = new Set<Source>();
  /** That of the message whose beginning was sent. */
  #begun: Source | undefined;

  /** @param connection none before the socket is open */
  constructor(socket: Sender, connection: Connection | undefined) {
    this.#socket = socket;
    this.#connection = connection;
  }

  /** The socket is open now. */
  connect(connection: Connection): void {
    this.#connection = connection;
  }

  /** Sends a message; `taken` is resolved when the network has taken it, or never. */
  send(content: Content, compress: boolean | undefined, taken?: Settle): void {
    if (!isReady(content)) {
      this.#delay(content.size, compress, () => bytesOfBlob(content), taken);
    } else if (this.#order?.isBusy) {
      const copy = ArrayBuffer.isView(content) ? copyOf(content) : content;
      this.#delay(sizeOfSent(content), compress, () => copy, taken);
    } else {
      this.#connection?.send(content, compress, undefined, taken);
    }
  }

  /** Sends what `read` gives when its turn has come. */
  #delay(
    size: number,
    compress: boolean | undefined,
    read: () => string | Uint8Array | PreparedMessage | Promise<Uint8Array>,
    taken: Settle | undefined,
  ): void {
    const send = (data: string | Uint8Array | PreparedMessage) =>
      this.#connection?.send(data, compress, undefined, taken);
    this.#ordering().send({ size, read, send });
  }

  /** Sends a message, and resolves when the network has taken it, or is about to with the next answers. */
  write(data: SendData, compress: boolean | undefined, signal: AbortSignal | undefined): Promise<void> {
    if (signal === undefined && this.#sendWithNext(data, compress)) return Promise.resolve();
    return this.#whenTaken((settle) => this.send(contentOf(data), compress, settle), signal);
  }

  /** A loop that has more to read must not wait for the network, or each of its answers would be a write. */
  #sendWithNext(data: SendData, compress: boolean | undefined): boolean {
    const content = readyContentOf(data);
    const connection = this.#connection;
    if (content === undefined || connection === undefined || this.#order?.isBusy) return false;
    if (!connection.leavesWithNext(content)) return false;
    connection.send(content, compress);
    return connection.canSend; // else it was not sent, and the connection fails for that
  }

  /** Sends one message in chunks, and resolves when the network has taken it. */
  stream(source: MessageSource, signal: AbortSignal | undefined): Promise<void> {
    const chunks: Source = new Chunks(source);
    return this.#whenTaken((settle) => {
      this.#sources.add(chunks);
      const ignoreSignal = onAbort(signal, () => this.#abandon(chunks, signal?.reason));
      const forget = (): void => {
        this.#sources.delete(chunks);
        ignoreSignal();
      };
      this.#ordering().takeSlow(() => this.#sendChunks(chunks, settle, signal).finally(forget), forget);
    }, signal);
  }

  /** The source is told at once, though its turn has not come, or the network is full. */
  #abandon(chunks: Source, cause: unknown): void {
    chunks.cancel(cause);
    if (this.#begun !== chunks) return;
    this.#connection?.fail(new WebSocketError("WS_ERR_SOURCE", "A message was given up", { cause }));
  }

  /** Resolves when the network can take more: at once, if the socket is open and there is room. */
  ready(): Promise<void> {
    return this.#whenReady((settle) => {
      const connection = this.#connection;
      if (connection !== undefined) this.inOrder(() => connection.flush() || settle.resolve());
    });
  }

  /** Runs a step at once, or behind the messages that wait. */
  inOrder(step: () => void): void {
    if (this.#order === undefined) step();
    else this.#order.take(step);
  }

  /** The network can take more. */
  drained(): void {
    this.#ready?.resolve();
  }

  /** The peer has closed, or the connection failed: what has not left will not be read. */
  closing(reason: Error): void {
    this.#ready?.reject(reason);
    for (const chunks of this.#sources) chunks.cancel(reason);
  }

  /** The connection has ended. */
  closed(reason: Error): void {
    this.#writes?.reject(reason);
    this.closing(reason);
  }

  #whenTaken(begin: (settle: Settle) => void, signal: AbortSignal | undefined): Promise<void> {
    this.#writes ??= new Promised();
    return this.#writes.promise(begin, signal);
  }

  #whenReady(begin?: (settle: Settle) => void): Promise<void> {
    this.#ready ??= new Promised();
    return this.#ready.promise(begin);
  }

  #ordering(): SendOrder {
    this.#order ??= new SendOrder(this.#connection as Connection, (cause) => this.#failed(cause));
    return this.#order;
  }

  #failed(cause: unknown): void {
    const error = new WebSocketError("WS_ERR_CONNECTION", "A Blob could not be read", { cause });
    if (this.#socket.readyState !== this.#socket.CLOSED) this.#socket.dispatchEvent(errorEvent(error));
    this.#socket.terminate();
  }

  /** Sends the chunks of a message, as fast as the network takes them. */
  async #sendChunks(chunks: Source, settle: Settle, signal?: AbortSignal): Promise<void> {
    const connection = this.#connection as Connection;
    const pieces = new TextPieces();
    let isText: boolean | undefined;
    try {
      for await (const chunk of chunks) {
        isText ??= typeof chunk === "string";
        const data = typeof chunk === "string" ? pieces.next(chunk) : bytesOf(chunk);
        if (data === undefined || isText !== (typeof data === "string")) {
          throw new TypeError("The chunks of a message are all strings, or all buffers");
        }
        if (data.length > 0) this.#begun = chunks;
        if (data.length > 0) connection.send(data, false, { isText: undefined, isLast: false });
        if (connection.flush()) await this.#whenReady();
        if (!connection.canSend) return;
      }
    } catch (cause) {
      const error = new WebSocketError("WS_ERR_SOURCE", "The source of a message failed", { cause });
      if (connection.canSend) settle.reject(error);
      connection.fail(error);
      return;
    }
    this.#begun = undefined;
    if (!connection.canSend || signal?.aborted) return; // it was cancelled
    const last = isText ? pieces.rest : new Uint8Array(0);
    connection.send(last, false, { isText: undefined, isLast: true }, settle);
  }
}
