/**
 * The WebSocket of the WHATWG standard (https://websockets.spec.whatwg.org/), for clients and, as the same class, for
 * a server's connections.
 *
 * @module
 */
import { Buffer } from "node:buffer";

import {
  checkSubprotocols,
  clientOptions,
  isProtocols,
  subprotocols,
  urlRecord,
  type WebSocketOptions,
} from "../client/arguments.js";
import { hasBadPort, type Opened, open } from "../client/opening.js";
import type { RunSettings } from "../connection/budget.js";
import { Connection, type Statistics } from "../connection/connection.js";
import type { ConnectionFailure } from "../connection/failures.js";
import { bytesOf } from "../engine/bytes.js";
import { WebSocketError } from "../engine/errors.js";
import { ownOption, ownOptions } from "../engine/own.js";
import { CloseStatus } from "../engine/status.js";
import type { Agreed } from "../session/handshake.js";
import { type ConnectionSettings, connectionSettings } from "../session/options.js";
import { setImmediate } from "../transport/tasks.js";
import type { Transport } from "../transport/transport.js";
import { invalidSource } from "./chunks.js";
import { channels } from "./diagnostics.js";
import { hasListeners, mayBeHeard } from "./dispatch.js";
import { markAsEnd } from "./ends.js";
import {
  CloseEvent,
  type ControlEvent,
  type ErrorEvent,
  errorEvent,
  type Listener,
  type ListenerOptions,
} from "./events.js";
import { callHandler, type Handler, type Handlers, handlerOf, setHandler } from "./handlers.js";
import { handled } from "./messages.js";
import { leaveHandlers, onListenersChanged } from "./node-listeners.js";
import { type BinaryType, type DataEvent, type MessageData, Receiving, type SocketHooks } from "./receiving.js";
import { defineReferring, type Referring } from "./referring.js";
import {
  compressOf,
  contentOf,
  isReady,
  type MessageSource,
  type SendData,
  Sending,
  sizeOfContent,
  unsent,
} from "./sending.js";
import { defineSubscribing, type SocketTopics, type Subscribing } from "./subscribing.js";
import {
  checkReason,
  clampedUnsignedShort,
  defineInterface,
  invalidCode,
  mayCloseWith,
  requireArguments,
} from "./webidl.js";

/** A server's connection whose handshake is done. */
export interface Accepted {
  readonly agreed: Agreed;
  readonly transport: Transport;
  readonly url: string;
  readonly binaryType: BinaryType;
  readonly settings: RunSettings;
  readonly members: Members;
  /** What the application knows about the client. */
  readonly data: unknown;
  /** The details that channels publish about it, if they have subscribers. */
  readonly about: object | undefined;
}

/** A server's sockets: each is one of them until it is closed. */
export interface Members {
  readonly topics: SocketTopics<WebSocket>;
  add(socket: WebSocket): void;
  delete(socket: WebSocket, wasClean: boolean): void;
}

/** @internal Makes a server's socket. */
export let accept: <B extends BinaryType, D>(accepted: Accepted) => WebSocket<B, D>;
/** @internal Lets its events begin. */
export let start: (socket: WebSocket) => void;

/** What a socket receives. */
let receivingOf: (socket: WebSocket) => Receiving<WebSocket>;
/** The server's sockets that it is one of, or was. */
let membersOf: (socket: WebSocket) => Members | undefined;

/** The constructor's argument from a server; only a server has one. */
let accepting: Accepted | undefined;

/** Of a `send` without any: one for each call would take longer to make than to read. */
const NO_OPTIONS: { compress?: boolean } = Object.freeze({});

const CONNECTING = 0;
const OPEN = 1;
const CLOSING = 2;
const CLOSED = 3;

/** The events of a `WebSocket`, by their types. */
// biome-ignore lint/suspicious/noExplicitAny: a binaryType that is not known
export interface WebSocketEventMap<B extends BinaryType = any> {
  /** The handshake is done. */
  open: Event;
  /** A message came, as `data`. */
  message: DataEvent<B>;
  /** The connection failed; `close` follows. */
  error: FailureEvent;
  /** The connection has ended. */
  close: CloseEvent;
  /** A ping came, and was answered. */
  ping: ControlEvent;
  /** A pong came. */
  pong: ControlEvent;
  /** The network was full and takes more, or it has taken all that was sent: `bufferedAmount` is 0 again. */
  drain: Event;
}

/** An `error` event of a socket. */
export type FailureEvent = Omit<ErrorEvent, "error"> & {
  /** Why the connection failed. */
  readonly error: ConnectionFailure;
};

/** The DOM's handler is called with a plain `Event`. This type makes our class assignable to the DOM's. */
// biome-ignore lint/suspicious/noExplicitAny: as above
type DomHandler = Handler<any> | null;

/** A listener for `addEventListener` and `removeEventListener`. */
type ListenerArguments = Parameters<EventTarget["addEventListener"]>;

/** A `WebSocket` as a target of its events. */
interface WebSocketEventTarget<B extends BinaryType> extends EventTarget {
  addEventListener<K extends keyof WebSocketEventMap>(
    type: K,
    listener: Listener<WebSocketEventMap<B>[K]> | null,
    options?: boolean | ListenerOptions,
  ): void;
  addEventListener(type: string, listener: Listener<Event> | null, options?: boolean | ListenerOptions): void;
}
const WebSocketEventTarget: new <B extends BinaryType>() => WebSocketEventTarget<B> = EventTarget;

// what `defineSubscribing` and `defineReferring` give the class, whose documentation is below
// biome-ignore lint/suspicious/noExplicitAny: as the class has it
// biome-ignore lint/correctness/noUnusedVariables: as the class has it
export interface WebSocket<B extends BinaryType = any, D = unknown> extends Subscribing, Referring {
  /** The application's: what a server's `verify` returned as `data`, until something else is assigned. */
  data: D;
}

/**
 * A WebSocket connection. `WebSocket<"arraybuffer">` is the type of one whose `binaryType` that is: messages have types
 * by it. A server's sockets have the type by its option `binaryType`, and their `data` by its `verify`.
 */
// biome-ignore lint/suspicious/noExplicitAny: a binaryType that is not known; nothing else is assignable both ways
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: the class has all of it
export class WebSocket<B extends BinaryType = any, D = unknown> extends WebSocketEventTarget<B> {
  /** The handshake is not done. */
  declare static readonly CONNECTING: 0;
  /** Messages go both ways. */
  declare static readonly OPEN: 1;
  /** A close frame was sent, or came. */
  declare static readonly CLOSING: 2;
  /** It is over. */
  declare static readonly CLOSED: 3;
  /** The handshake is not done. */
  declare readonly CONNECTING: 0;
  /** Messages go both ways. */
  declare readonly OPEN: 1;
  /** A close frame was sent, or came. */
  declare readonly CLOSING: 2;
  /** It is over. */
  declare readonly CLOSED: 3;
  /** `WebSocket`. */
  declare readonly [Symbol.toStringTag]: string;

  readonly #url: string;
  #readyState: 0 | 1 | 2 | 3 = CONNECTING;
  #protocol = "";
  #extensions = "";
  #connection: Connection | undefined;
  /** Of a server's socket: those of the server, of which it is one until it is closed. */
  #siblings: Members | undefined;
  #about: object | undefined;
  #abandon: ((reason: Error) => void) | undefined;
  #handlers: Handlers | undefined;
  readonly #receiving: Receiving<WebSocket>;
  #sending: Sending | undefined;
  #failure: ConnectionFailure | undefined;
  /** Bytes that were sent after a close, and dropped. */
  #droppedBytes = 0;

  static {
    receivingOf = (socket) => socket.#receiving;
    membersOf = (socket) => socket.#siblings;
    accept = <B extends BinaryType, D>(accepted: Accepted) => {
      accepting = accepted;
      const socket = new ServerSocket<B, D>(accepted as unknown as string);
      accepting = undefined;
      return socket;
    };
    start = (socket) => socket.#connection?.start();
  }

  /**
   * Opens a connection.
   *
   * @param url of the scheme `ws:`, `wss:`, `http:` or `https:`, without a fragment
   * @param protocolsOrOptions subprotocols to offer, or options (an addition to the standard)
   * @throws DOMException `SyntaxError` for a URL or a subprotocol that is not valid
   */
  constructor(
    url: string | URL,
    protocolsOrOptions: string | Iterable<string> | WebSocketOptions = [],
    options: WebSocketOptions = {},
  ) {
    // biome-ignore lint/complexity/noArguments: Web IDL counts them
    requireArguments("WebSocket", 1, arguments.length);
    super();
    leaveHandlers(this);
    if (isAccepted(url)) {
      this.#url = url.url;
      this.data = url.data as D;
      this.#siblings = url.members;
      this.#siblings.add(this);
      this.#about = url.about;
      this.#receiving = this.#receiver("", url.binaryType);
      this.#opened(url.agreed, url.transport, url.settings);
      this.#receiving.hold("unclaimed");
      return;
    }
    // the arguments are converted first, in their order
    const text = `${url}`;
    const all = ownOptions(isProtocols(protocolsOrOptions) ? options : protocolsOrOptions);
    const protocols = subprotocols(isProtocols(protocolsOrOptions) ? protocolsOrOptions : (all.protocols ?? []));
    // 1.–2. Let urlRecord be the result of getting a URL record.
    const record = urlRecord(text);
    // 3.–4. If any of the protocols occur more than once or are not tokens, throw a "SyntaxError" DOMException.
    checkSubprotocols(protocols);
    // 5. Set this's url to urlRecord.
    this.#url = record.href;
    this.#receiving = this.#receiver([record.protocol, "//", record.host].join(""), "blob"); // one string, and not its parts
    // 6.–7. Establish a WebSocket connection, by Fetch, which blocks ports.
    const settings = connectionSettings(all);
    const opening = clientOptions(all);
    if (hasBadPort(record)) {
      this.#failed(new WebSocketError("WS_ERR_CONNECTION", `Port ${record.port} is blocked (Fetch, "bad port")`));
      return;
    }
    this.#abandon = open(record, protocols, opening, {
      onOpened: (opened) => this.#established(opened, settings),
      onFailed: (error) => this.#failed(error as ConnectionFailure),
    });
  }

  #receiver(origin: string, binaryType: BinaryType): Receiving<WebSocket> {
    return new Receiving(this, WebSocket.#hooks, { origin, binaryType, isServer: this.#siblings !== undefined });
  }

  /** The URL, as it was resolved. */
  get url(): string {
    return this.#url;
  }

  /** `CONNECTING`, `OPEN`, `CLOSING` or `CLOSED`. */
  get readyState(): 0 | 1 | 2 | 3 {
    return this.#readyState;
  }

  /** Bytes of messages (text as UTF-8) that were sent and that the network has not taken; grows after a close. */
  get bufferedAmount(): number {
    return (this.#connection?.countBuffered() ?? 0) + this.#droppedBytes;
  }

  /** The extensions that the server selected, or `""`. */
  get extensions(): string {
    return this.#extensions;
  }

  /** The subprotocol that the server selected, or `""`. */
  get protocol(): string {
    return this.#protocol;
  }

  /** The type of binary messages; invalid values are ignored. */
  get binaryType(): B {
    return this.#receiving.binaryType as B;
  }

  set binaryType(type: BinaryType) {
    const value = `${type}` as const;
    const isOne = value === "blob" || value === "arraybuffer" || value === "nodebuffer";
    const receiving = this.#receiving; // throws on what is not a WebSocket, whatever the value
    if (isOne) receiving.binaryType = value;
  }

  /**
   * Sends a message, with the data as it is now. Messages leave in the order of the calls, including Blobs. Shared and
   * resizable memory can be sent too (an addition to the standard).
   *
   * @param options `compress` (an addition to the standard): whether to compress it, if that was agreed; by default, if
   *   it has `threshold` bytes
   * @throws DOMException `InvalidStateError` while connecting
   * @throws WebSocketError `WS_ERR_INVALID_OPTION` for a callback, which it would never call
   */
  send(data: SendData, options: { compress?: boolean | undefined } = NO_OPTIONS): void {
    // biome-ignore lint/complexity/noArguments: Web IDL counts them
    requireArguments("send", 1, arguments.length);
    // 1. If this's ready state is CONNECTING, then throw an "InvalidStateError" DOMException.
    if (this.#readyState === CONNECTING) throw new DOMException("The connection is not open yet", "InvalidStateError");
    const content = contentOf(data);
    const compress = options === NO_OPTIONS ? undefined : compressOf(options);
    if (this.#readyState !== OPEN) this.#droppedBytes += sizeOfContent(content);
    else if (this.#sending === undefined && isReady(content)) this.#connection?.send(content, compress);
    else this.#sender().send(content, compress);
  }

  /**
   * Sends a message as `send` does, and resolves when the network has taken it: the operating system, not the peer (an
   * addition to the standard). In a loop over one packet's messages, it resolves at once for all but the last: up to
   * 16 KiB of answers leave together, when the loop waits, and before `terminate` or the end of the process.
   *
   * @param options `signal` ends the waiting, but does not take back the message
   * @throws (as a rejection) WebSocketError `WS_ERR_NOT_SENT` if the connection ends before, or is not open; the
   *   signal's reason if it is aborted before
   */
  write(
    data: SendData,
    options: { compress?: boolean | undefined; signal?: AbortSignal | undefined } = {},
  ): Promise<void> {
    const signal = ownOption(options, "signal");
    if (signal?.aborted) return handled(Promise.reject(signal.reason));
    if (this.#readyState !== OPEN) return handled(Promise.reject(this.#notSent()));
    return this.#sender().write(data, ownOption(options, "compress"), signal);
  }

  /**
   * Sends one message in chunks, uncompressed, each as a frame as soon as the source has it and the network has room.
   * Resolves when the network has taken it (an addition to the standard). Later messages and a close wait behind it;
   * pings and pongs do not. A source without chunks makes an empty binary message.
   *
   * If the source fails, or mixes text and bytes, the message cannot be finished, so the connection fails with 1011.
   * The same happens if the signal is aborted in the middle; before the first chunk, the message is just not sent.
   *
   * @param options `signal` abandons the message, and ends the source
   * @throws (as a rejection) WebSocketError `WS_ERR_SOURCE` if the source fails, `WS_ERR_NOT_SENT` if the connection
   *   ends before, or is not open, `WS_ERR_INVALID_OPTION` for a source that has no chunks, or is
   *   locked; the signal's reason if it is aborted before
   */
  sendStream(source: MessageSource, options: { signal?: AbortSignal | undefined } = {}): Promise<void> {
    const invalid = invalidSource(source);
    if (invalid !== undefined) return Promise.reject(invalid); // not handled: the caller's mistake must show
    const signal = ownOption(options, "signal");
    if (signal?.aborted) return unsent(source, signal.reason);
    if (this.#readyState !== OPEN) return unsent(source, this.#notSent());
    return this.#sender().stream(source, signal);
  }

  /**
   * Resolves when the socket is open and the network can take more: at once, or with the next `drain` event (an
   * addition to the standard). A sender that awaits it after each `send` buffers little.
   *
   * @throws (as a rejection) the error of an opening that failed; WebSocketError `WS_ERR_NOT_SENT` if the connection
   *   ends before, or is closing
   */
  get ready(): Promise<void> {
    if (this.#readyState > OPEN) return handled(Promise.reject(this.#unready()));
    return this.#sender().ready();
  }

  /**
   * The data of the messages from now on (an addition to the standard). The peer has to wait while the loop's body
   * works. The loop ends when the connection is closed by close frames, and throws a typed error if it ends otherwise.
   * Leaving the loop leaves the socket open: messages go to a listener, or wait until a loop, a listener or `resume`
   * claims them. Use one loop at a time.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<MessageData<B>, undefined, void> {
    return this.messages();
  }

  /** Iterates so until the signal is aborted: then the pending or the next `next` rejects with its reason. */
  messages(options: { signal?: AbortSignal | undefined } = {}): AsyncIterableIterator<MessageData<B>, undefined, void> {
    return this.#receiving.messages<MessageData<B>>(ownOption(options, "signal"), () => this.#leaveUnclaimed());
  }

  /** Closes the connection as `close` does, and resolves when it is over; a connection that is over stays so. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#readyState === CLOSED) return;
    await new Promise<void>((resolve) => {
      super.addEventListener("close", () => resolve());
      this.close();
    });
  }

  /**
   * Closes the connection. A server's socket may give every status that may be sent (RFC 6455 §7.4); a client's, as
   * the standard has it, 1000 and 3000 to 4999.
   *
   * @throws DOMException `InvalidAccessError` for another code, `SyntaxError` for a reason over 123 bytes
   */
  close(code: number | undefined = undefined, reason: string | undefined = undefined): void {
    const status = code === undefined ? undefined : clampedUnsignedShort(code);
    const text = reason === undefined ? "" : `${reason}`;
    // 1.–2. Validate close code and reason.
    if (status !== undefined && !mayCloseWith(status, this.#siblings !== undefined)) throw invalidCode(`${code}`);
    checkReason(text);
    // 3. Close the WebSocket.
    if (this.#readyState === CONNECTING) {
      this.#readyState = CLOSING;
      this.#abandon?.(new WebSocketError("WS_ERR_TERMINATED", "The connection was closed before it was open"));
    } else if (this.#readyState === OPEN) {
      this.#readyState = CLOSING;
      this.#receiving.shut();
      const without = text === "" ? CloseStatus.Empty : CloseStatus.Success;
      const close = () => this.#connection?.close(status ?? without, text);
      if (this.#sending === undefined) close();
      else this.#sending.inOrder(close);
    } else {
      // the peer has closed or gone, and what it had said may wait for its reader: not any more
      this.#receiving.shut();
      this.#connection?.demand("wanted");
      this.#connection?.resume();
    }
  }

  /** Sends a ping with at most 125 bytes (an addition to the standard). Its pong is a `pong` event. */
  ping(data: string | ArrayBufferLike | ArrayBufferView = ""): void {
    this.#control("ping", data);
  }

  /** Sends a pong that answers no ping, with at most 125 bytes (an addition to the standard). */
  pong(data: string | ArrayBufferLike | ArrayBufferView = ""): void {
    this.#control("pong", data);
  }

  /** Ends the connection at once, without a closing handshake (an addition to the standard). */
  terminate(): void {
    if (this.#readyState === CONNECTING) {
      this.#readyState = CLOSING;
      this.#abandon?.(new WebSocketError("WS_ERR_TERMINATED", "The connection was terminated"));
    }
    this.#connection?.terminate();
  }

  /** Stops reading and `message` events, so that the peer has to wait (an addition to the standard). */
  pause(): void {
    this.#connection?.pause();
  }

  /** Continues reading, even without a listener of messages (an addition to the standard). */
  resume(): void {
    this.#connection?.resume();
  }

  /** Whether `pause` is in force (an addition to the standard). */
  get isPaused(): boolean {
    return this.#connection?.isPaused ?? false;
  }

  /** Bytes and messages since the handshake; `undefined` before it (an addition to the standard). */
  get statistics(): Statistics | undefined {
    return this.#connection?.statistics();
  }

  /** Called on `open`. */
  get onopen(): Handler<Event> | null {
    return handlerOf(this.#handlers, "open");
  }
  set onopen(handler: Handler<Event> | null) {
    this.#setHandler("open", handler);
  }

  /** Called on `message`. */
  get onmessage(): Handler<DataEvent<B>> | null {
    return handlerOf(this.#handlers, "message");
  }
  set onmessage(handler: Handler<DataEvent<B>> | null) {
    this.#setHandler("message", handler);
  }

  /** Called on `error`. */
  get onerror(): DomHandler {
    return handlerOf(this.#handlers, "error");
  }
  set onerror(handler: Handler<FailureEvent> | null) {
    this.#setHandler("error", handler);
  }

  /** Called on `close`. */
  get onclose(): Handler<CloseEvent> | null {
    return handlerOf(this.#handlers, "close");
  }
  set onclose(handler: Handler<CloseEvent> | null) {
    this.#setHandler("close", handler);
  }

  #setHandler(type: string, handler: unknown): void {
    this.#handlers = setHandler(this, this.#handlers, type, handler, WebSocket.#onEvent);
  }

  static readonly #onEvent = (event: Event): void => callHandler((event.target as WebSocket).#handlers, event);

  /** The connection could not be opened. "Queue a task": those who have just awaited something may still listen. */
  #failed(error: ConnectionFailure): void {
    setImmediate(() => this.#receiving.onClosed(CloseStatus.Aborted, "", false, error));
  }

  /** https://websockets.spec.whatwg.org/#feedback-from-the-protocol: "When the WebSocket connection is established" */
  #established(opened: Opened, settings: ConnectionSettings): void {
    this.#abandon = undefined;
    this.#opened(opened, opened.transport, settings);
    // 4. Fire an event named open.
    this.dispatchEvent(new Event("open"));
    this.#sending?.drained();
    this.#connection?.start();
  }

  #opened({ session, extensions, protocol }: Agreed, transport: Transport, settings: RunSettings): void {
    const connection = new Connection(session, transport, this.#receiving, settings);
    this.#connection = connection;
    this.#receiving.connect(connection);
    this.#sending?.connect(connection);
    // 1. Change the ready state to OPEN. 2. Change the extensions. 3. Change the protocol.
    this.#readyState = OPEN;
    this.#extensions = extensions;
    this.#protocol = protocol;
    if (channels.open.hasSubscribers) channels.open.publish({ ...this.#about, ...this.#receiving.side });
  }

  #sender(): Sending {
    this.#sending ??= new Sending(this, this.#connection);
    return this.#sending;
  }

  /** Why it will not be ready: the error of the opening, if that failed. */
  #unready(): Error {
    return (this.#connection === undefined ? this.#failure : undefined) ?? this.#notSent();
  }

  #notSent(): Error {
    if (this.#readyState === CONNECTING) return new DOMException("The connection is not open yet", "InvalidStateError");
    const message = "The connection ended before the network took the message";
    return markAsEnd(this, new WebSocketError("WS_ERR_NOT_SENT", message, { cause: this.#failure }));
  }

  /** Messages wait until a listener, for one, asks for them. A client's socket gets a method of its own for that. */
  #leaveUnclaimed(): void {
    const isAsked = hasListeners(this, "message");
    this.#receiving.hold(isAsked ? "wanted" : "unclaimed");
    if (!isAsked && this.#siblings === undefined) Object.defineProperty(this, "addEventListener", listen);
  }

  #control(kind: "ping" | "pong", data: string | ArrayBufferLike | ArrayBufferView): void {
    if (this.#readyState === CONNECTING) throw new DOMException("The connection is not open yet", "InvalidStateError");
    this.#connection?.[kind](bytesOf(data) ?? Buffer.from(`${data}`));
  }

  static readonly #hooks: SocketHooks<WebSocket> = {
    onDrain(socket) {
      socket.#sending?.drained();
      socket.dispatchEvent(new Event("drain"));
    },
    onClosing(socket) {
      if (socket.#readyState !== OPEN) return;
      socket.#readyState = CLOSING;
      socket.#sending?.closing(socket.#notSent());
    },
    onLost(socket, failure) {
      socket.#readyState = CLOSING;
      socket.#failure = failure;
      socket.#sending?.closed(socket.#notSent());
    },
    onClosed: (socket, ...end) => socket.#ended(...end),
  };

  /** https://websockets.spec.whatwg.org/#feedback-from-the-protocol: "When the WebSocket connection is closed" */
  #ended(code: number, reason: string, wasClean: boolean, failure: ConnectionFailure | undefined): void {
    // 1. Change the ready state to CLOSED.
    this.#readyState = CLOSED;
    this.#abandon = undefined;
    this.#failure = failure && markAsEnd(this, failure);
    this.#sending?.closed(this.#unready());
    if (channels.close.hasSubscribers) {
      channels.close.publish({ ...this.#about, ...this.#receiving.side, code, reason, wasClean, error: failure });
    }
    // 2. If the user agent was required to fail the connection, fire an event named error.
    if (failure !== undefined && !this.#isOrdinaryEnd(failure)) this.dispatchEvent(errorEvent(failure));
    this.#siblings?.delete(this, wasClean);
    // 3. Fire an event named close.
    if (mayBeHeard(this, "close")) this.dispatchEvent(new CloseEvent("close", { wasClean, code, reason }));
  }

  /** The standard's errors are those of failing a connection; an open one that breaks off just closes. */
  #isOrdinaryEnd(failure: ConnectionFailure): boolean {
    const isOfDriver = failure instanceof WebSocketError && this.#connection !== undefined;
    return isOfDriver && (failure.code === "WS_ERR_CONNECTION_LOST" || failure.code === "WS_ERR_TERMINATED");
  }
}

/** The `addEventListener` of a socket whose messages wait for a listener. */
const listen = {
  value: function addEventListener(this: WebSocket, ...args: ListenerArguments): void {
    WebSocket.prototype.addEventListener.apply(this, args);
    const listener = args[1];
    if (`${args[0]}` !== "message" || listener === null || listener === undefined) return;
    receivingOf(this).listened(listener, args[2]);
  },
  configurable: true,
  writable: true,
};

/** The `removeEventListener` of a socket that knows its listeners. */
const unlisten = {
  value: function removeEventListener(this: WebSocket, ...args: ListenerArguments): void {
    WebSocket.prototype.removeEventListener.apply(this, args);
    const [type, listener, options] = args;
    if (`${type}` === "message") receivingOf(this).unlistened(listener, options);
  },
  configurable: true,
  writable: true,
};

/**
 * A server's socket. Its prototype has the methods that the standard's must not have: on each socket, they would take
 * longer to make, and memory.
 */
class ServerSocket<B extends BinaryType, D> extends WebSocket<B, D> {
  static {
    Object.defineProperties(ServerSocket.prototype, {
      constructor: { value: WebSocket, configurable: true, writable: true },
      addEventListener: listen,
      removeEventListener: unlisten,
    });
  }
}

for (const target of [WebSocket, WebSocket.prototype]) {
  for (const [name, value] of Object.entries({ CONNECTING, OPEN, CLOSING, CLOSED })) {
    Object.defineProperty(target, name, { value, enumerable: true });
  }
}
defineSubscribing(WebSocket, (socket) => membersOf(socket)?.topics);
defineReferring(WebSocket, receivingOf);
onListenersChanged(WebSocket, (socket, type, hasOptions) => receivingOf(socket).changed(type, hasOptions));
defineInterface(WebSocket, "WebSocket", [
  ...["url", "readyState", "bufferedAmount", "onopen", "onerror", "onclose", "extensions", "protocol", "close"],
  ...["onmessage", "binaryType", "send"],
]);

function isAccepted(url: unknown): url is Accepted {
  return url !== undefined && url === accepting;
}
