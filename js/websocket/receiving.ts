/**
 * The receiving side of a socket: turns what its connection reports into events, and knows which code claims messages.
 *
 * @module
 */
import type { Buffer } from "node:buffer";

import type { Connection, ConnectionOwner } from "../connection/connection.js";
import type { ConnectionFailure } from "../connection/failures.js";
import type { Demand } from "../connection/inbox.js";
import { asBuffer, bufferOf } from "../engine/bytes.js";
import { WebSocketError } from "../engine/errors.js";
import type { Part } from "../session/assembly.js";
import { onAbort } from "../transport/signals.js";
import { channels } from "./diagnostics.js";
import { countListeners, MessageListeners, mayHaveListeners } from "./dispatch.js";
import { markAsEnd } from "./ends.js";
import { ControlEvent, type Listener, type ListenerOptions } from "./events.js";
import { IteratorOf } from "./iterator.js";
import { messageEvent } from "./message-event.js";
import { MessageFeed, type MessageStream } from "./messages.js";
import { tellsChanges } from "./node-listeners.js";

/**
 * How binary messages are given out; `"nodebuffer"` is an addition for Node. A `Buffer` may share its `ArrayBuffer`
 * with others that came with it: that cannot be transferred, and what is kept keeps it. An `ArrayBuffer` is its own.
 */
export type BinaryType = "blob" | "arraybuffer" | "nodebuffer";

/** The classes of binary messages. */
interface BinaryClasses {
  blob: Blob;
  arraybuffer: ArrayBuffer;
  nodebuffer: Buffer;
}

/**
 * A message as iteration gives it out: by its type, and by `binaryType`. Where that is not known (`any`, as of a
 * `WebSocket` by that name alone), it may be of each class, or with `streamMessages` a stream.
 */
// biome-ignore lint/suspicious/noExplicitAny: what is not known; nothing else is assignable both ways
export type MessageData<B extends BinaryType = any> =
  IsUnknown<B> extends true ? string | Blob | ArrayBuffer | Buffer | MessageStream : string | BinaryClasses[B];

/** A `message` event. Where `binaryType` is not known its data may be anything, as the DOM has it. */
export type DataEvent<B extends BinaryType> =
  IsUnknown<B> extends true
    ? MessageEvent
    : Omit<MessageEvent, "data"> & {
        /** The message. */
        readonly data: MessageData<B>;
      };

/** Whether it is `any`. */
type IsUnknown<T> = 0 extends 1 & T ? true : false;

/**
 * Applies a connection's events to its socket. All sockets share one object, because closures would take memory.
 */
export interface SocketHooks<S> {
  onDrain(socket: S): void;
  onClosing(socket: S): void;
  onLost(socket: S, failure: ConnectionFailure): void;
  onClosed(socket: S, status: number, reason: string, wasClean: boolean, failure: ConnectionFailure | undefined): void;
}

const NONE: readonly never[] = Object.freeze([]);

/** The receiving side of one socket. */
export class Receiving<S extends EventTarget> implements ConnectionOwner {
  readonly #socket: S;
  readonly #hooks: SocketHooks<S>;
  readonly #origin: string;
  #connection: Connection | undefined;
  #isHeld = true;
  /** Listeners to messages that only look on: a channel's subscriber has added them before the application could. */
  #observers = 0;
  /** The listeners of messages, for a server's socket. */
  readonly #listeners: MessageListeners | undefined;
  /** Whether a listener was ever added with options: from then on, events are the runtime's, for its getters too. */
  #hasOptions = false;
  /** The message that is given out in pieces. */
  #message: MessageFeed | undefined;
  /** Whether the socket ever had a listener of `drain`, as far as that is known. */
  #mayAwaitDrain = !tellsChanges;
  /** Whether messages are no longer given out. */
  #isShut = false;
  /** Those that wait for the next message. */
  #loops: readonly IteratorOf<MessageData>[] = NONE;
  #end: { readonly failure: ConnectionFailure | undefined } | undefined;
  binaryType: BinaryType;

  constructor(socket: S, hooks: SocketHooks<S>, { origin, binaryType, isServer }: ReceivingOptions) {
    this.#socket = socket;
    this.#hooks = hooks;
    this.#origin = origin;
    this.binaryType = binaryType;
    if (isServer) this.#listeners = new MessageListeners();
  }

  /** The socket is open now. */
  connect(connection: Connection): void {
    this.#connection = connection;
    if (!this.#isHeld) connection.holdProcess(false);
    connection.mayAwaitDrain = this.#mayAwaitDrain;
  }

  /** Whether the connection keeps the process alive. */
  holdProcess(isHeld: boolean): void {
    this.#isHeld = isHeld;
    this.#connection?.holdProcess(isHeld);
  }

  /** Lets messages wait; not after our own close, because then the peer's close behind them must be read. */
  hold(demand: Demand): void {
    if (demand === "unclaimed") this.#observers = this.#countListeners();
    if (!this.#isShut) this.#connection?.demand(demand);
  }

  /** How many listeners of messages there are. */
  #countListeners(): number {
    return this.#listeners?.count ?? countListeners(this.#socket, "message");
  }

  /** Whether there may be any: not every target shows them. */
  get #mayHaveListeners(): boolean {
    const count = this.#listeners?.count;
    return count === undefined ? mayHaveListeners(this.#socket, "message") : count > 0;
  }

  /** Our own close: messages are no longer given out. */
  shut(): void {
    this.#isShut = true;
  }

  /** Listeners of the socket have changed. */
  changed(type: string, hasOptions: boolean): void {
    if (type === "drain") {
      this.#mayAwaitDrain = true;
      if (this.#connection !== undefined) this.#connection.mayAwaitDrain = true;
    } else if (type === "message") {
      this.#listeners?.changed();
      if (hasOptions) this.#hasOptions = true;
    }
  }

  /** A listener of messages claims them. */
  listened(listener: Listener<Event>, options: boolean | ListenerOptions | undefined): void {
    this.#listeners?.added(this.#socket, listener, options);
    this.#connection?.demand("wanted");
  }

  /** A listener to messages was taken out. */
  unlistened(listener: Listener<Event> | null, options: boolean | ListenerOptions | undefined): void {
    this.#listeners?.removed(this.#socket, listener, options);
  }

  /**
   * The data of the messages from now on, until the signal is aborted; none is delivered behind the one that was given.
   *
   * @param leave is called when the loop is left
   */
  messages<D extends MessageData>(
    signal: AbortSignal | undefined,
    leave: () => void,
  ): AsyncIterableIterator<D, undefined, void> {
    const abort = (): void => iterator.end(signal?.reason);
    const iterator = new IteratorOf<D>({
      ask: () => {
        if (this.#end !== undefined) queueMicrotask(() => iterator.end(this.#end?.failure));
        this.#loops = [...this.#loops, iterator];
        this.#connection?.demand("wanted");
        return () => {
          this.#loops = this.#loops.filter((one) => one !== iterator);
          this.hold("held");
        };
      },
      take: () => this.#take(),
      leave: () => {
        ignoreSignal();
        leave();
      },
    });
    const ignoreSignal = onAbort(signal, abort);
    if (signal?.aborted) abort();
    return iterator;
  }

  /** The message that waits, if no listener has to have it too. */
  #take(): MessageData | undefined {
    if (this.#isShut || this.#mayHaveListeners) return undefined;
    const message = this.#connection?.take();
    return typeof message === "object" && "kind" in message ? undefined : message && this.#dataOf(message);
  }

  /** The socket and its side, for a channel's messages. */
  get side(): { socket: S; side: "client" | "server" } {
    return { socket: this.#socket, side: this.#listeners === undefined ? "client" : "server" };
  }

  /** @internal */
  onMessage(data: string | Uint8Array<ArrayBuffer>): void {
    // "1. If ready state is not OPEN (1), then return." What waited to be claimed came while it was.
    if (!this.#isShut) this.#give(this.#dataOf(data));
  }

  #give(data: MessageData): void {
    const loops = this.#loops;
    if (loops.length === 0 || this.#mayHaveListeners) this.#fire(data);
    for (const loop of loops) loop.give(data);
  }

  #dataOf(data: string | Uint8Array<ArrayBuffer>): MessageData {
    return typeof data === "string" ? data : this.#binary(data);
  }

  /** @internal */
  onPart({ data, isFirst, isLast }: Part): void {
    if (this.#isShut) return;
    if (isFirst) {
      this.#message = new MessageFeed(typeof data === "string", (isThrottled) =>
        this.#connection?.throttle(isThrottled),
      );
    }
    const { stream } = this.#message as MessageFeed;
    this.#message?.push(data, isLast);
    if (isFirst) this.#give(stream);
  }

  #fire(data: MessageData): void {
    const listeners = this.#listeners;
    if (listeners !== undefined) {
      listeners.dispatch(this.#socket, data, this.#origin, this.#connection?.deliveryTime() ?? 0);
    } else {
      this.#socket.dispatchEvent(messageEvent(data, this.#origin, this.#hasOptions));
    }
  }

  #binary(data: Uint8Array<ArrayBuffer>): Blob | ArrayBuffer | Buffer {
    if (this.binaryType === "blob") return new Blob([data]);
    return this.binaryType === "arraybuffer" ? bufferOf(data) : asBuffer(data);
  }

  /** @internal */
  onPing(payload: Uint8Array): void {
    const socket = this.#socket;
    if (channels.ping.hasSubscribers) channels.ping.publish({ ...this.side, payload });
    socket.dispatchEvent(new ControlEvent("ping", payload));
  }

  /** @internal */
  onPong(payload: Uint8Array, roundTripTime: number | undefined): void {
    const socket = this.#socket;
    if (channels.pong.hasSubscribers) channels.pong.publish({ ...this.side, payload, roundTripTime });
    socket.dispatchEvent(new ControlEvent("pong", payload, roundTripTime));
  }

  /** @internal */
  awaits(what: "drain" | "message"): boolean {
    return what === "drain" ? mayHaveListeners(this.#socket, what) : this.#countListeners() > this.#observers;
  }

  onDrain(): void {
    this.#hooks.onDrain(this.#socket);
  }

  /** @internal */
  onClosing(): void {
    this.#hooks.onClosing(this.#socket);
  }

  /** @internal */
  onLost(failure: ConnectionFailure): void {
    this.#hooks.onLost(this.#socket, failure);
  }

  /** @internal */
  onClosed(status: number, reason: string, wasClean: boolean, failure: ConnectionFailure | undefined): void {
    this.#end = { failure };
    this.#message?.fail(markAsEnd(this.#socket, failure ?? unfinished()));
    this.#hooks.onClosed(this.#socket, status, reason, wasClean, failure);
    for (const loop of this.#loops) loop.end(failure);
  }
}

/** What reading the rest of a message fails with. */
function unfinished(): WebSocketError {
  return new WebSocketError("WS_ERR_CONNECTION_LOST", "The message was not finished");
}

/** The socket of the messages, and how it gives them out. */
export interface ReceivingOptions {
  /** The server's, for a client's events; else `""`. */
  readonly origin: string;
  readonly binaryType: BinaryType;
  readonly isServer: boolean;
}
