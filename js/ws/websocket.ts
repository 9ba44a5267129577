/**
 * The `WebSocket` of `ws`, an `EventEmitter`, over our engine.
 *
 * @module
 */

import { AsyncResource } from "node:async_hooks";
import { Buffer } from "node:buffer";
import { EventEmitter } from "node:events";
import type { ClientRequest } from "node:http";
import type { Duplex } from "node:stream";
import { Connection, type ConnectionOwner } from "../connection/connection.js";
import type { ConnectionFailure } from "../connection/failures.js";
import { bytesOfBlob, SendOrder } from "../connection/order.js";
import { asBuffer, bufferOf, bytesOf, copyOf, isBlob, isBytes } from "../engine/bytes.js";
import { ownOption, ownOptions } from "../engine/own.js";
import { CloseStatus, isSendableStatus, MAX_CLOSE_REASON_LENGTH } from "../engine/status.js";
import { isAtLeast } from "../engine/text.js";
import { type Framing, sizeOfSent } from "../session/outgoing.js";
import { PreparedMessage } from "../session/prepared.js";
import { NodeTransport } from "../transport/node.js";
import { attempt, nextTick, setImmediate } from "../transport/tasks.js";
import { type Agreement, withoutHandshake } from "./agreement.js";
import { errorOf } from "./errors.js";
import {
  addListener,
  attribute,
  CloseEvent,
  clearAttribute,
  ErrorEvent,
  Event,
  type EventListener,
  type EventTypes,
  MessageEvent,
  removeListener,
} from "./events.js";
import type { Opening, OpeningEvents, OpeningListener, OpeningRequest } from "./opening.js";
import { type OpeningOptions, type SharedOptions, type SocketSettings, socketSettings } from "./options.js";
import { RequestOpening } from "./request.js";
import { StreamOpening, sessionOf } from "./session.js";

/** Options of a client: those of `ws`, `http.request` and `tls.connect`. */
export interface ClientOptions extends OpeningOptions {
  /** Gets each request before it is sent, and has to call its `end`. */
  finishRequest?: ((request: ClientRequest, socket: WebSocket) => void) | undefined;
}

/** How binary messages are given out. `"fragments"` is a list of one Buffer. */
export type BinaryType = "nodebuffer" | "arraybuffer" | "fragments" | "blob";

/** A message as it is given out; text is a Buffer. */
export type RawData = Buffer | ArrayBuffer | Buffer[] | Blob;

/** Data to send: text, bytes, anything that `Buffer.from` takes, or a number as its text. */
export type Data =
  | string
  | number
  | Blob
  | ArrayBufferLike
  | ArrayBufferView
  | readonly unknown[]
  | {
      /** The data to send in place of the object. */
      valueOf(): string | ArrayBufferLike | Uint8Array;
    }
  | null
  | undefined;

/** How a message is sent. */
export interface SendOptions {
  /** Whether it is binary; by default, everything but a string is. */
  binary?: boolean | undefined;
  /** Whether to compress it, if that was agreed; `true`. Parts of a message are not. */
  compress?: boolean | undefined;
  /** Whether the message ends with it; `true`. */
  fin?: boolean | undefined;
  /** Has no meaning here: clients mask, and servers do not. */
  mask?: boolean | undefined;
}

/** Called with `null` when the network has taken what was sent, or with the reason why it never will. */
export type SendCallback = (error?: Error | null) => void;

/** How a message is sent, with defaults for what was not said. */
interface Sending extends Framing {
  readonly compress: boolean;
  readonly callback: SendCallback | undefined;
}

/** The events of a `WebSocket`, with their arguments. */
export interface WebSocketEvents extends OpeningEvents {
  /** The connection is open. */
  open: [];
  /** A message came; text is a Buffer too. */
  message: [data: RawData, isBinary: boolean];
  /** The connection has ended; 1005 stands for no code, and 1006 for no close frame. */
  close: [code: number, reason: Buffer];
  /** The handshake or the connection failed. */
  error: [error: Error];
  /** A ping came, with at most 125 bytes; it is answered, unless `autoPong` is `false`. */
  ping: [data: Buffer];
  /** A pong came, with at most 125 bytes. */
  pong: [data: Buffer];
}

/** @internal Tells a socket what was agreed for the stream that `setSocket` gives it next. */
export let prepare: (socket: WebSocket, agreement: Agreement) => void;

/** Receives a connection's events for a socket. A class of its own keeps these methods off the socket. */
let Owner: new (socket: WebSocket, settings: SocketSettings) => ConnectionOwner;
/** Whether close frames went both ways. */
let wasClean: (socket: WebSocket) => boolean;

/** Turns emitted arguments into events for `addEventListener`. */
const makers = {
  open: (socket: WebSocket) => new Event("open", socket),
  message: (socket: WebSocket, data: RawData, isBinary: boolean) =>
    new MessageEvent(socket, isBinary ? data : String(data)),
  close: (socket: WebSocket, code: number, reason: Buffer) =>
    new CloseEvent(socket, code, String(reason), wasClean(socket)),
  error: (socket: WebSocket, error: Error) => new ErrorEvent(socket, error),
};

const CONNECTING = 0;
const OPEN = 1;
const CLOSING = 2;
const CLOSED = 3;
const STATES = ["CONNECTING", "OPEN", "CLOSING", "CLOSED"];

const MAX_CONTROL_PAYLOAD = 125;
const BINARY_TYPES: readonly unknown[] = ["nodebuffer", "arraybuffer", "fragments", "blob"];
const CLOSED_TOO_SOON = "WebSocket was closed before the connection was established";
const EMPTY = Buffer.alloc(0);
const NO_OPTIONS: SendOptions = {};

/** A WebSocket connection, as `ws` has it. */
export class WebSocket extends EventEmitter<WebSocketEvents> {
  /** The `readyState` before the handshake is done. */
  declare static readonly CONNECTING: 0;
  /** The `readyState` in which messages can be sent. */
  declare static readonly OPEN: 1;
  /** The `readyState` from the start of a close to its end. */
  declare static readonly CLOSING: 2;
  /** The `readyState` after the end, or after a handshake that failed. */
  declare static readonly CLOSED: 3;
  /** The `readyState` before the handshake is done. */
  declare readonly CONNECTING: 0;
  /** The `readyState` in which messages can be sent. */
  declare readonly OPEN: 1;
  /** The `readyState` from the start of a close to its end. */
  declare readonly CLOSING: 2;
  /** The `readyState` after the end, or after a handshake that failed. */
  declare readonly CLOSED: 3;
  /** Called when the connection is open. */
  declare onopen: ((event: Event<WebSocket>) => unknown) | null;
  /** Called with each message. */
  declare onmessage: ((event: MessageEvent<WebSocket>) => unknown) | null;
  /** Called when the connection has ended. */
  declare onclose: ((event: CloseEvent<WebSocket>) => unknown) | null;
  /**
   * Called when the handshake or the connection failed. With neither it nor a listener of `error`, the error is thrown.
   */
  declare onerror: ((event: ErrorEvent<WebSocket>) => unknown) | null;
  /** What `close` tells: 1006 until the end. */
  declare _closeCode: number;
  /** What `close` tells: empty until the end. */
  declare _closeMessage: Buffer;
  /** Whether it is a server's; before `setSocket` it may be set. */
  declare _isServer: boolean;

  #readyState: 0 | 1 | 2 | 3 = CONNECTING;
  #protocol = "";
  #extensions = "";
  #binaryType: BinaryType = "nodebuffer";
  /** Until it is over: it holds the request and its answer. */
  #opening: Opening | undefined;
  #url: string | undefined;
  #stream: Duplex | null = null;
  #connection: Connection | undefined;
  #isSynchronous = true;
  #isPaused = false;
  #wasClean = false;
  #hasFailed = false;
  /** Of a socket without an address: what its stream has, or by which options to make it. */
  #agreement: Agreement | undefined;
  #given: SharedOptions | undefined;
  /** Messages of fewer bytes are not compressed. */
  #threshold = 0;
  /** Whether the message is text of which parts were sent, but not the last one. */
  #unfinishedText: boolean | undefined;
  #order: SendOrder | undefined;
  /** Bytes that were sent after a close, and dropped. */
  #droppedBytes = 0;

  static {
    wasClean = (socket) => socket.#wasClean;
    prepare = (socket, agreement) => {
      socket.#agreement = agreement;
    };
    Owner = class implements ConnectionOwner {
      readonly #socket: WebSocket;
      readonly answersPings: boolean;
      readonly echoesReason: boolean;
      readonly endsFirst = true;

      constructor(socket: WebSocket, { autoPong, session }: SocketSettings) {
        this.#socket = socket;
        this.answersPings = !autoPong;
        this.echoesReason = !session.skipUtf8Verification;
      }

      onMessage(data: string | Uint8Array<ArrayBuffer>, isText: boolean): void {
        const bytes = data as Uint8Array<ArrayBuffer>; // as this is what the session was told to give
        this.#socket.emit("message", isText ? asBuffer(bytes) : binaryAs(this.#socket.#binaryType, bytes), !isText);
        this.#socket.#letPass();
      }

      onPing(payload: Uint8Array): void {
        this.#socket.emit("ping", asBuffer(payload));
        this.#socket.#letPass();
      }

      onPong(payload: Uint8Array): void {
        this.#socket.emit("pong", asBuffer(payload));
        this.#socket.#letPass();
      }

      onClosing(failure: ConnectionFailure | undefined): void {
        const socket = this.#socket;
        socket.#readyState = CLOSING;
        // in a task of its own: a listener that throws must not keep the connection from its end
        nextTick(() => socket.#tell(failure));
      }

      onLost(): void {
        this.#socket.#readyState = CLOSING;
      }

      onClosed(status: number, reason: string, wasClean: boolean, failure: ConnectionFailure | undefined): void {
        const socket = this.#socket;
        socket.#readyState = CLOSING;
        socket.#wasClean = wasClean;
        socket._closeCode = status;
        socket._closeMessage = Buffer.from(reason);
        try {
          socket.#tell(failure);
        } finally {
          socket.emitClose();
        }
      }
    };
  }

  /**
   * Opens a connection.
   *
   * @param address of the scheme `ws:`, `wss:`, `http:`, `https:` or `ws+unix:`; `null` makes a socket that
   *   `setSocket` gives its connection
   * @param protocols subprotocols to offer, or options
   * @throws SyntaxError for a URL or a subprotocol that is not valid; RangeError for another version than 13;
   *   WebSocketError `WS_ERR_INVALID_OPTION`
   */
  constructor(
    address: string | URL | null,
    protocols?: string | readonly string[] | ClientOptions,
    options?: ClientOptions,
  ) {
    super();
    this._isServer = address === null;
    this.#given = options;
    if (address === null) return;
    const all = ownOptions<ClientOptions>((isOptions(protocols) ? protocols : options) ?? {});
    const { protocols: offered = [] } = isOptions(protocols) || protocols === undefined ? all : { protocols };
    const settings = socketSettings(all as SharedOptions, false);
    const { finishRequest } = all;
    const listener: OpeningListener = {
      onRequest: (request) => {
        if (finishRequest) finishRequest(request, this);
        else request.end();
      },
      onOpened: (stream, head, agreed, transport) => {
        this.#agreement = { ...agreed, settings, transport };
        this.setSocket(stream, head, all);
      },
      onFailed: (error) => this.#failed(error),
    };
    const { session } = settings;
    this.#opening = openingOf({ emitter: this, address, protocols: [offered].flat(), options: all, session, listener });
    this.#opening.begin();
  }

  /** How binary messages are given out; other values than its own are ignored. */
  get binaryType(): BinaryType {
    return this.#binaryType;
  }

  set binaryType(type: BinaryType) {
    if (BINARY_TYPES.includes(type)) this.#binaryType = type;
  }

  /** Bytes of messages that were sent and that the network has not taken; grows after a close. */
  get bufferedAmount(): number {
    return (this.#connection?.countBuffered() ?? 0) + this.#droppedBytes;
  }

  /** The names of the extensions that are in use. */
  get extensions(): string {
    return this.#extensions;
  }

  /** Whether `pause` is in force. */
  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** The subprotocol that the server selected, or `""`. */
  get protocol(): string {
    return this.#protocol;
  }

  /** `CONNECTING`, `OPEN`, `CLOSING` or `CLOSED`. */
  get readyState(): 0 | 1 | 2 | 3 {
    return this.#readyState;
  }

  /** The URL of a client's connection. */
  get url(): string | undefined {
    return this.#opening?.url ?? this.#url;
  }

  /** The stream of the connection, which many programs that use `ws` look at: for the peer's address, for instance. */
  get _socket(): Duplex | null {
    return this.#stream;
  }

  /**
   * Sends a message, a part of one, or a `PreparedMessage` of `websocket-component`. The data is taken as it is now.
   *
   * @throws Error while connecting
   */
  send(data: Data | PreparedMessage, options?: SendOptions | SendCallback, callback?: SendCallback): void {
    this.#mustHaveBeenOpen();
    if (typeof options === "function") {
      this.send(data, undefined, options);
      return;
    }
    const sending = sendingOf(data, options ?? NO_OPTIONS, callback);
    if (isBlob(data)) this.#readBlob(data, sending.callback, (bytes) => this.#send(bytes, sending));
    else this.#sendNow(content(data), sending);
  }

  /**
   * Sends a ping with at most 125 bytes.
   *
   * @param mask has no meaning here
   * @throws Error while connecting; RangeError for more bytes
   */
  ping(data?: Data | SendCallback, mask?: boolean | SendCallback, callback?: SendCallback): void {
    this.#control("ping", data, mask, callback);
  }

  /**
   * Sends a pong that answers no ping, with at most 125 bytes.
   *
   * @param mask has no meaning here
   * @throws Error while connecting; RangeError for more bytes
   */
  pong(data?: Data | SendCallback, mask?: boolean | SendCallback, callback?: SendCallback): void {
    this.#control("pong", data, mask, callback);
  }

  /**
   * Begins the closing handshake, or gives up the opening one.
   *
   * @throws TypeError for a code that must not be sent; RangeError for more than 123 bytes of reason
   */
  close(code?: number, data?: string | Uint8Array): void {
    this.#opening?.abort(CLOSED_TOO_SOON);
    if (this.#readyState === CLOSING) this.resume(); // the peer may have gone, and what it had said wait
    if (this.#readyState !== OPEN) return;
    const [status, reason] = closing(code, data);
    this.#readyState = CLOSING;
    this.#inOrder(() => this.#connection?.close(status, reason));
  }

  /** Ends the connection at once. Messages that have come already are given out before `close`. */
  terminate(): void {
    this.#opening?.abort(CLOSED_TOO_SOON);
    if (this.#connection === undefined || this.#readyState === CLOSED) return;
    this.#readyState = CLOSING;
    // what has come during a pause waits in the stream: it is given out when this has returned, and before the end
    if (this.#stream?.readableLength) nextTick(() => this.#stream?.read());
    this.#connection.terminate(true);
  }

  /** Stops reading, so that the peer has to wait. */
  pause(): void {
    if (this.#readyState === CONNECTING || this.#readyState === CLOSED) return;
    this.#isPaused = true;
    this.#connection?.pause();
  }

  /** Goes on reading. */
  resume(): void {
    if (this.#readyState === CONNECTING || this.#readyState === CLOSED) return;
    this.#isPaused = false;
    this.#connection?.resume();
  }

  /** Adds a listener that gets an event, as in a browser; once at most. Other types than the four are ignored. */
  addEventListener<K extends keyof EventTypes<WebSocket>>(
    type: K,
    listener: EventListener<EventTypes<WebSocket>[K]>,
    options: { once?: boolean | undefined } = {},
  ): void {
    addListener(this, type, listener as EventListener<never>, makers, { once: ownOption(options, "once") });
  }

  /** Takes it out again. */
  removeEventListener<K extends keyof EventTypes<WebSocket>>(
    type: K,
    listener: EventListener<EventTypes<WebSocket>[K]>,
  ): void {
    removeListener(this, type, listener);
  }

  /** Tells that the connection has ended; called at its end. */
  emitClose(): void {
    this.#readyState = CLOSED;
    this.emit("close", this._closeCode, this._closeMessage);
  }

  /**
   * Gives a socket that was made without an address its connection, as servers do. Without a server's handshake, or a
   * client's, messages are not compressed, and the role is that of `_isServer`.
   *
   * @param head bytes that were read from the stream
   * @param options limits, and `skipUTF8Validation`
   */
  setSocket(stream: Duplex, head: Uint8Array, options: SharedOptions = {}): void {
    const made = () => withoutHandshake({ autoPong: false, ...this.#given, ...options }, this._isServer);
    const agreement = this.#agreement ?? made();
    const { session, protocol, extensions, settings } = agreement;
    this.#agreement = this.#given = undefined;
    this.#endOpening();
    try {
      this.#connection = connect(stream, head, agreement, new Owner(this, settings));
    } catch (error) {
      session.free();
      throw error;
    }
    this.#stream = stream;
    this.#isSynchronous = settings.isSynchronous;
    this.#threshold = thresholdOf(extensions, settings, session.isServer);
    this.#protocol = protocol;
    this.#extensions = extensions.split(";", 1)[0] ?? "";
    this.#readyState = OPEN;
    attempt(() => this.emit("open")); // an error of a listener is not the handshake's
    this.#connection.start();
    if (!this.#isPaused) letFlow(stream);
  }

  #endOpening(): void {
    this.#url = this.#opening?.url;
    this.#opening = undefined;
  }

  /** The opening failed. If the application aborted it, the event comes after its call has returned. */
  #failed(error: Error): void {
    this.#endOpening();
    this.#readyState = CLOSING;
    nextTick(() => {
      try {
        this.emit("error", error);
      } finally {
        this.emitClose();
      }
    });
  }

  #tell(failure: ConnectionFailure | undefined): void {
    const error = errorOf(failure);
    if (error === undefined || this.#hasFailed) return;
    this.#hasFailed = true;
    this.emit("error", error);
  }

  /** Without `allowSynchronousEvents` the next event has to wait for the next task. */
  #letPass(): void {
    if (this.#isSynchronous || this.#isPaused || this.#readyState !== OPEN) return;
    this.#connection?.pause();
    setImmediate(() => {
      if (!this.#isPaused) this.#connection?.resume();
    });
  }

  #mustHaveBeenOpen(): void {
    if (this.#readyState === CONNECTING) throw new Error(`WebSocket is not open: ${nameOf(this.#readyState)}`);
  }

  #sendNow(data: Content, sending: Sending): void {
    if (this.#readyState !== OPEN) {
      this.#refuse(sizeOfSent(data), sending.callback);
    } else if (this.#order?.isBusy) {
      const copy = data instanceof Uint8Array ? copyOf(data) : data;
      const { callback: drop } = sending;
      this.#order.send({ size: sizeOfSent(data), read: () => copy, send: () => this.#send(copy, sending), drop });
    } else {
      this.#send(data, sending);
    }
  }

  #send(data: Content, sending: Sending): void {
    const compresses = sending.compress && isAtLeast(plain(data), this.#threshold);
    this.#connection?.send(this.#unfinishedText === undefined ? data : plain(data), compresses, this.#framing(sending));
    if (sending.callback !== undefined) this.#connection?.whenTaken(sending.callback);
  }

  /** The parts of a message are of the first one's type. */
  #framing(given: Framing): Framing {
    const { isText = false, isLast } = given;
    const first = this.#unfinishedText ?? isText;
    this.#unfinishedText = isLast ? undefined : first;
    return first === isText ? given : { isText: first, isLast: isLast === true };
  }

  #readBlob(blob: Blob, callback: SendCallback | undefined, send: (bytes: Uint8Array) => void): void {
    if (this.#readyState !== OPEN) {
      this.#refuse(blob.size, callback);
      return;
    }
    // a closure would keep the Blob
    this.#order ??= new SendOrder(this.#connection as Connection, this.#unreadable.bind(this));
    this.#order.send({ size: blob.size, read: () => bytesOfBlob(blob), send, drop: callback });
  }

  /** A Blob could not be read. */
  #unreadable(error: Error): void {
    this.#hasFailed = true;
    if (this.#readyState === CLOSED) return;
    nextTick(() => this.emit("error", error));
    this.terminate();
  }

  #inOrder(step: () => void): void {
    if (this.#order === undefined) step();
    else this.#order.take(step);
  }

  #control(
    kind: "ping" | "pong",
    data: Data | SendCallback,
    mask: boolean | SendCallback | undefined,
    callback: SendCallback | undefined,
  ): void {
    this.#mustHaveBeenOpen();
    if (typeof data === "function" || typeof mask === "function") {
      const given = typeof data === "function" ? [undefined, data] : [data, mask as SendCallback];
      this.#control(kind, given[0] as Data, undefined, given[1] as SendCallback);
      return;
    }
    const payload = isBlob(data) ? data : payloadOf(data as Exclude<Data, Blob>);
    const size = isBlob(payload) ? payload.size : payload.length;
    const told = inContext(callback);
    if (this.#readyState !== OPEN) {
      this.#refuse(size, told);
      return;
    }
    if (size > MAX_CONTROL_PAYLOAD) throw new RangeError("The data size must not be greater than 125 bytes");
    if (isBlob(payload)) {
      this.#readBlob(payload, told, (bytes) => this.#sendControl(kind, bytes, told));
    } else {
      this.#inOrder(() => this.#sendControl(kind, payload, told));
    }
  }

  #sendControl(kind: "ping" | "pong", payload: Uint8Array, callback: SendCallback | undefined): void {
    this.#connection?.[kind](payload);
    if (callback !== undefined) this.#connection?.whenTaken(callback);
  }

  #refuse(size: number, callback: SendCallback | undefined): void {
    this.#droppedBytes += size;
    if (callback !== undefined) nextTick(callback, new Error(`WebSocket is not open: ${nameOf(this.#readyState)}`));
  }
}

for (const type of ["open", "error", "close", "message"] as const) {
  Object.defineProperty(WebSocket.prototype, `on${type}`, {
    enumerable: true,
    configurable: true,
    get(this: WebSocket) {
      return attribute(this, type);
    },
    set(this: WebSocket, handler: unknown) {
      clearAttribute(this, type);
      if (typeof handler !== "function") return;
      addListener(this, type, handler as EventListener<never>, makers, { isAttribute: true });
    },
  });
}
Object.assign(WebSocket.prototype, { _closeCode: CloseStatus.Aborted, _closeMessage: EMPTY });
for (const target of [WebSocket, WebSocket.prototype]) {
  for (const [value, name] of STATES.entries()) Object.defineProperty(target, name, { value, enumerable: true });
}
const attributes = ["binaryType", "bufferedAmount", "extensions", "isPaused", "protocol", "readyState", "url"];
for (const name of attributes) Object.defineProperty(WebSocket.prototype, name, { enumerable: true });

function nameOf(readyState: number): string {
  return `readyState ${readyState} (${STATES[readyState]})`;
}

function openingOf(request: OpeningRequest): Opening {
  const { protocolVersion = 13 } = request.options;
  if (protocolVersion !== 13) {
    throw new RangeError(`Unsupported protocol version: ${protocolVersion} (supported versions: 13)`);
  }
  const session = sessionOf(request.options);
  return session === undefined ? new RequestOpening(request) : new StreamOpening(session, request);
}

/**
 * Many senders' messages leave in one write: each callback runs in its sender's asynchronous context. What is not a
 * function is none, as in `ws`: to call it would end the process, and later.
 */
function inContext(callback: SendCallback | undefined): SendCallback | undefined {
  if (typeof callback !== "function") return undefined;
  // `AsyncResource.bind` and `AsyncLocalStorage.snapshot` take a hundred times as long in Node 20
  const context = new AsyncResource("WebSocketSend");
  return (error) => context.runInAsyncScope(callback, undefined, error ?? null);
}

/** How to send it, with defaults for what was not said. */
function sendingOf(data: Data | PreparedMessage, options: SendOptions, callback: SendCallback | undefined): Sending {
  const binary = ownOption(options, "binary");
  const compress = ownOption(options, "compress");
  const fin = ownOption(options, "fin");
  return {
    isText: !(binary === undefined ? isBinary(data) : binary),
    isLast: fin === undefined || fin,
    compress: compress === undefined || compress,
    callback: inContext(callback),
  };
}

function isOptions(given: string | readonly string[] | ClientOptions | null | undefined): given is ClientOptions {
  return typeof given === "object" && given !== null && !Array.isArray(given);
}

function binaryAs(type: BinaryType, data: Uint8Array<ArrayBuffer>): RawData {
  switch (type) {
    case "arraybuffer":
      return bufferOf(data);
    case "blob":
      return new Blob([data]);
    case "fragments":
      return [asBuffer(data)];
    default:
      return asBuffer(data);
  }
}

function isBinary(data: Data | PreparedMessage): boolean {
  const given = data instanceof PreparedMessage ? data.data : data;
  return typeof given !== "string" && typeof given !== "number";
}

/** What a connection sends: a message that is prepared for several too. */
type Content = string | Uint8Array | PreparedMessage;

/** The data of a message that was prepared, or the data itself. */
function plain(data: Content): string | Uint8Array {
  return data instanceof PreparedMessage ? data.data : data;
}

/** The content of a message; what makes text by default is a string. */
function content(data: Exclude<Data, Blob> | PreparedMessage): Content {
  if (data instanceof PreparedMessage) return data;
  if (typeof data === "number" || typeof data === "string") return `${data}`;
  if (data === null || data === undefined) return EMPTY;
  return bytesOf(data) ?? Buffer.from(data as string);
}

/** The bytes of a ping or a pong, copied: it may have to wait behind a Blob. */
function payloadOf(data: Exclude<Data, Blob>): Uint8Array {
  return Buffer.from(content(data) as string);
}

/** The code and the reason as the connection takes them. */
function closing(code: number | undefined, data: string | Uint8Array | undefined): [status: number, reason: string] {
  if (code === undefined) return [CloseStatus.Empty, ""];
  if (typeof code !== "number" || !isSendableStatus(code)) {
    throw new TypeError("First argument must be a valid error code number");
  }
  if (data === undefined || !data.length) return [code, ""]; // an Error has no length
  if (typeof data !== "string" && !isBytes(data)) {
    throw new TypeError("Second argument must be a string or a Uint8Array");
  }
  const reason = Buffer.from((bytesOf(data) ?? data) as string);
  if (reason.length > MAX_CLOSE_REASON_LENGTH) throw new RangeError("The message must not be greater than 123 bytes");
  return [code, reason.toString()];
}

/** With context takeover every message is worth it, as `ws` sees it. */
function thresholdOf(extensions: string, { session }: SocketSettings, isServer: boolean): number {
  const side = isServer ? "server" : "client";
  return extensions.includes(`${side}_no_context_takeover`) ? (session.deflate?.threshold ?? 0) : 0;
}

/** Programs that are made for `ws` see a stream that is not paused; still nothing is read in this turn. */
function letFlow(stream: Duplex): void {
  nextTick(() => stream.pause());
  stream.resume();
}

/** @throws what a stream does that is none, or without a head */
function connect(stream: Duplex, head: Uint8Array, agreement: Agreement, owner: ConnectionOwner): Connection {
  const { session, settings, transport = new NodeTransport(stream) } = agreement;
  withoutDelay(stream);
  session.textAsBytes = true;
  transport.unread(head);
  return new Connection(session, transport, owner, settings.connection);
}

function withoutDelay(stream: Duplex): void {
  const socket = stream as { setTimeout?: (time: number) => void; setNoDelay?: () => void };
  socket.setTimeout?.(0);
  socket.setNoDelay?.();
}
