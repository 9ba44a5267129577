/**
 * A connection after its handshake: the session's bytes to and from a transport, and what RFC 6455 asks of the
 * component's caller: pongs, the answer to a close, and failing the connection with the right status.
 *
 * @module
 */
import { EngineTrap } from "./engine.js";
import { WebSocketError, type WebSocketProtocolError } from "./errors.js";
import type { Control, FrameSession, Received } from "./session.js";
import type { Transport, TransportListener } from "./transport/transport.js";

/** Why a connection ended, if not by close frames both ways. */
export type ConnectionFailure = WebSocketError | WebSocketProtocolError | EngineTrap;

/** Who owns a connection. All are called outside the engine, so every method may be called from within them. */
export interface ConnectionOwner {
  /** A message came. */
  onMessage(data: string | Uint8Array<ArrayBuffer>): void;
  /** A ping came; its pong is on its way. */
  onPing(payload: Uint8Array): void;
  /** A pong came. */
  onPong(payload: Uint8Array): void;
  /** The transport can take more. */
  onDrain(): void;
  /** A close frame was sent or came: no more messages can be sent. */
  onClosing(): void;
  /** The end. `status` is what the peer's close frame said: 1005 if nothing, 1006 if there was none. */
  onClosed(status: number, reason: string, wasClean: boolean, failure: ConnectionFailure | undefined): void;
}

/** How a connection is run. */
export interface ConnectionOptions {
  readonly isServer: boolean;
  /** Milliseconds that the peer has to finish the closing handshake. */
  readonly closeTimeout: number;
}

/** The status of a connection that ended without a close frame (§7.1.5). */
const ABNORMAL = 1006;

/** One WebSocket connection, of either role. */
export class Connection implements TransportListener {
  readonly #session: FrameSession;
  readonly #transport: Transport;
  readonly #owner: ConnectionOwner;
  readonly #options: ConnectionOptions;
  /** `closing`: a close frame was sent. `failed`: whatever still comes is discarded (§7.1.7). */
  #state: "open" | "closing" | "failed" | "closed" = "open";
  /** The peer's close frame. */
  #peerClose: { readonly status: number; readonly reason: string } | undefined;
  #failure: ConnectionFailure | undefined;
  #closeTimer: ReturnType<typeof setTimeout> | undefined;
  /** Received, and not delivered while paused. */
  #undelivered: Received[] = [];
  #isPaused = false;
  #isDelivering = false;
  #transportClosed: { readonly error: Error | undefined } | undefined;
  /** The latest ping that waits for a transport that is full: its pong answers those before it too (§5.5.3). */
  #owedPong: Uint8Array | undefined;
  #flushIsDue = false;
  #unflushed = 0;
  #bufferedAmount = 0;

  constructor(session: FrameSession, transport: Transport, owner: ConnectionOwner, options: ConnectionOptions) {
    this.#session = session;
    this.#transport = transport;
    this.#owner = owner;
    this.#options = options;
  }

  /** Begins to receive. */
  start(): void {
    this.#transport.start(this);
    if (this.#isPaused) this.#transport.pause();
  }

  /** Bytes of messages that were sent and that the network has not taken. */
  get bufferedAmount(): number {
    return this.#bufferedAmount;
  }

  /** Whether the transport has more to write than it should. */
  get isFull(): boolean {
    return this.#transport.isFull;
  }

  /** Whether `pause` was called last. */
  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** Sends a message of `size` bytes; after a close it is dropped. The data is copied. */
  send(data: string | Uint8Array, size: number): void {
    if (this.#state !== "open") return;
    try {
      if (typeof data === "string") this.#session.sendText(data);
      else this.#session.sendBinary(data);
    } catch (error) {
      this.#lose(error);
      return;
    }
    this.#bufferedAmount += size;
    this.#unflushed += size;
    this.#flushSoon();
  }

  /** Sends a ping of at most 125 bytes; after a close it is dropped. */
  ping(payload: Uint8Array): void {
    if (this.#state === "open") this.#control(() => this.#session.ping(payload));
  }

  /** Sends a pong of at most 125 bytes; after a close it is dropped. */
  pong(payload: Uint8Array): void {
    if (this.#state === "open") this.#control(() => this.#session.pong(payload));
  }

  /**
   * Begins the closing handshake (§7.1.2). 1005 stands for no status.
   *
   * @throws WebSocketProtocolError if the status or the reason may not be sent
   */
  close(status: number, reason: string): void {
    if (this.#state !== "open") return;
    this.#control(() => this.#session.close(status, reason));
    this.#beginClosing("closing");
  }

  /** Ends the connection at once. What was received and not delivered is discarded. */
  terminate(): void {
    if (this.#state === "closed") return;
    this.#lose(new WebSocketError("WS_ERR_TERMINATED", "The connection was terminated"));
  }

  /** Stops delivering, and reading. */
  pause(): void {
    this.#isPaused = true;
    this.#transport.pause();
  }

  /** Delivers again, first what came in the meantime. */
  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#deliver();
    if (!this.#isPaused) this.#transport.resume();
  }

  /** @internal */
  onData(chunk: Uint8Array): void {
    if (this.#state === "failed" || this.#peerClose !== undefined) return;
    const received = this.#session.receive(chunk);
    if (this.#undelivered.length === 0) this.#undelivered = received;
    else for (const one of received) this.#undelivered.push(one);
    this.#deliver();
  }

  /** @internal */
  onDrain(): void {
    const payload = this.#owedPong;
    this.#owedPong = undefined;
    if (payload !== undefined) this.#answerPing(payload);
    this.#owner.onDrain();
  }

  /** @internal */
  onEnd(): void {
    // nothing will be answered any more: what is on its way has its time to leave
    if (this.#peerClose === undefined) this.#failure ??= lost(undefined);
    this.#flush();
    if (this.#state === "open") this.#beginClosing("closing");
    this.#transport.end();
  }

  /** @internal */
  onClose(error: Error | undefined): void {
    this.#transportClosed = { error };
    this.#deliver();
  }

  /** Hands out what came, until it pauses, and the end of the connection after all of it. */
  #deliver(): void {
    if (this.#isDelivering) return;
    this.#isDelivering = true;
    let next = 0;
    try {
      while (next < this.#undelivered.length && !this.#isPaused && this.#state !== "failed") {
        this.#handle(this.#undelivered[next++] as Received);
      }
    } finally {
      this.#isDelivering = false;
      if (this.#state === "failed") next = this.#undelivered.length;
      this.#undelivered.splice(0, next);
    }
    this.#flush();
    if (this.#transportClosed !== undefined && this.#undelivered.length === 0) this.#finish();
  }

  #handle(received: Received): void {
    if (typeof received === "string" || received instanceof Uint8Array) this.#owner.onMessage(received);
    else this.#handleControl(received);
  }

  #handleControl(control: Control): void {
    switch (control.kind) {
      case "ping":
        if (this.#transport.isFull) this.#owedPong = control.payload;
        else this.#answerPing(control.payload);
        this.#owner.onPing(control.payload);
        break;
      case "pong":
        this.#owner.onPong(control.payload);
        break;
      case "close":
        this.#handleClose(control.status, control.reason);
        break;
      case "failed":
        this.#fail(control.error);
        break;
      case "trapped":
        this.#lose(control.error);
        break;
    }
  }

  /**
   * §5.5.2: "Upon receipt of a Ping frame, an endpoint MUST send a Pong frame in response, unless it already received
   * a Close frame" — after our own close too.
   */
  #answerPing(payload: Uint8Array): void {
    const canSend = (this.#state === "open" || this.#state === "closing") && !this.#session.isClosed;
    if (canSend) this.#control(() => this.#session.pong(payload));
  }

  /** §5.5.1: "the endpoint MUST send a Close frame in response", with the status that it received. */
  #handleClose(status: number, reason: string): void {
    this.#peerClose = { status, reason };
    this.#owedPong = undefined;
    if (this.#state === "open") {
      this.#control(() => this.#session.close(status, ""));
      this.#beginClosing("closing");
    }
    this.#flush();
    // §7.1.1: the server closes the connection first; the client waits for it, but not for ever
    if (this.#options.isServer) this.#transport.end();
  }

  /** §7.1.7: fail the connection; the close frame says why. */
  #fail(error: WebSocketProtocolError): void {
    this.#failure = error;
    if (!this.#session.closeSent) this.#control(() => this.#session.close(error.closeStatus ?? 1002, ""));
    this.#flush();
    this.#beginClosing("failed");
    this.#transport.end();
  }

  /** Nothing can be sent any more. */
  #lose(error: unknown): void {
    if (!(error instanceof EngineTrap || error instanceof WebSocketError)) throw error;
    this.#failure ??= error;
    this.#beginClosing("failed");
    this.#destroy();
  }

  #beginClosing(state: "closing" | "failed"): void {
    const wasOpen = this.#state === "open";
    this.#state = state;
    this.#closeTimer ??= setTimeout(() => this.#giveUp(), this.#options.closeTimeout);
    if (wasOpen) this.#owner.onClosing();
  }

  #giveUp(): void {
    if (this.#peerClose === undefined) {
      this.#failure ??= new WebSocketError("WS_ERR_CLOSE_TIMEOUT", "The peer did not answer the close frame in time");
    }
    this.#state = "failed"; // whoever has paused until now will not get the rest
    this.#destroy();
  }

  #destroy(): void {
    this.#transport.destroy();
    // a transport that ended while we were paused tells nothing again: what was held for its owner goes now
    if (this.#transportClosed !== undefined) queueMicrotask(() => this.#deliver());
  }

  #finish(): void {
    if (this.#state === "closed") return;
    const wasClean = this.#peerClose !== undefined && this.#session.closeSent;
    const failure = wasClean ? undefined : (this.#failure ?? lost(this.#transportClosed?.error));
    this.#state = "closed";
    clearTimeout(this.#closeTimer);
    this.#session.free();
    const { status, reason } = this.#peerClose ?? { status: ABNORMAL, reason: "" };
    this.#owner.onClosed(status, reason, wasClean, failure);
  }

  #control(make: () => void): void {
    try {
      make();
    } catch (error) {
      this.#lose(error);
      return;
    }
    this.#flushSoon();
  }

  /** All frames of one turn leave in one write: at the end of a delivery, else when the running code is done. */
  #flushSoon(): void {
    if (this.#isDelivering || this.#flushIsDue) return;
    this.#flushIsDue = true;
    queueMicrotask(this.#flush);
  }

  readonly #flush = (): void => {
    this.#flushIsDue = false;
    const parts = this.#session.takeOutput();
    if (parts.length === 0) return;
    const size = this.#unflushed;
    this.#unflushed = 0;
    this.#transport.write(parts, () => {
      this.#bufferedAmount -= size;
    });
  };
}

function lost(cause: Error | undefined): WebSocketError {
  return cause === undefined
    ? new WebSocketError("WS_ERR_CONNECTION_LOST", "The connection ended without a close frame")
    : new WebSocketError("WS_ERR_CONNECTION", `The connection broke: ${cause.message}`, { cause });
}
