/**
 * A connection after its handshake: the session's bytes to and from a transport, and what RFC 6455 asks of the
 * component's caller: pongs, the answer to a close, and failing the connection with the right status.
 *
 * @module
 */
import { setImmediate } from "node:timers";

import { concat, copyOf } from "../engine/bytes.js";
import { EngineTrap } from "../engine/engine.js";
import { WebSocketError, type WebSocketProtocolError } from "../engine/errors.js";
import { Unfinished } from "../session/incoming.js";
import { type ConnectionSettings, LONGEST_TIME } from "../session/options.js";
import { type Framing, type SentData, sizeOfSent } from "../session/outgoing.js";
import type { Control, Part, Received, TextBytes } from "../session/received.js";
import type { Counters, FrameSession } from "../session/session.js";
import type { Transport, TransportListener } from "../transport/transport.js";
import { KeepAlive, Pings } from "./keepalive.js";

/** Why a connection ended, if not by close frames both ways. */
export type ConnectionFailure = WebSocketError | WebSocketProtocolError | EngineTrap;

/** Who owns a connection. All are called outside the engine, so every method may be called from within them. */
export interface ConnectionOwner {
  /** Whether pings are the owner's to answer. */
  readonly answersPings?: boolean;
  /** Whether the answer to a close has its reason too, and not its status alone. */
  readonly echoesReason?: boolean;
  /** A message came; text as a string, or as the session gives it. */
  onMessage(data: string | Uint8Array<ArrayBuffer>, isText: boolean): void;
  /** With `streamMessages`, in place of that: a piece of a message came. */
  onPart?(part: Part): void;
  /** A ping came; its pong is on its way. */
  onPing(payload: Uint8Array): void;
  /** A pong came, and its ping was sent so many milliseconds before; or it answers none. */
  onPong(payload: Uint8Array, roundTripTime: number | undefined): void;
  /**
   * The transport, which was full, can take more; or it has taken all, and `bufferedAmount` had said that it had not. Both
   * tell so already.
   */
  onDrain(): void;
  /** A close frame was sent or came, or the connection failed: no more messages can be sent. */
  onClosing(failure: ConnectionFailure | undefined): void;
  /** The end. `status` is what the peer's close frame said: 1005 if nothing, 1006 if there was none. */
  onClosed(status: number, reason: string, wasClean: boolean, failure: ConnectionFailure | undefined): void;
}

/** What went through a connection since its handshake. */
export interface Statistics extends Readonly<Counters> {
  /** Bytes from the network; `messageBytesReceived` over them is the ratio of compression. */
  readonly bytesReceived: number;
  /** Bytes given to the network. */
  readonly bytesSent: number;
  /** Milliseconds from the latest ping that was answered to its pong; `undefined` before there is one. */
  readonly roundTripTime: number | undefined;
}

/**
 * What becomes of the next message, and of all behind it. `wanted`: it is delivered. `held`: it waits, as whoever reads
 * messages has one in hand. `unclaimed`: it waits, and nobody has said yet that they will read any.
 */
export type Demand = "wanted" | "held" | "unclaimed";

type Waiter = (failure?: ConnectionFailure) => void;

/** The status of a connection that ended without a close frame (§7.1.5). */
const ABNORMAL = 1006;
/** The statuses of connections that we fail, if not for a violation (§7.4.1). */
const POLICY_VIOLATION = 1008;
const MESSAGE_TOO_BIG = 1009;
const SERVER_ERROR = 1011;

/** What an array or a string takes beside its bytes, roughly; counted for whatever waits. */
const OVERHEAD = 128;
/** The longest header of a frame. */
const HEADER = 14;

/** Milliseconds that messages wait to be claimed when their sender has gone. */
const CLAIM_TIME = 1000;
/** So many bytes are read while messages wait; as long as there are no more of them, the end of the peer is seen. */
const READ_AHEAD = 64 * 1024;

const NO_BYTES = new Uint8Array(0);
/** What all connections have that have nothing. */
const NOTHING = Object.freeze([]) as readonly never[] as never[];

/** One WebSocket connection, of either role. */
export class Connection implements TransportListener {
  readonly #session: FrameSession;
  readonly #transport: Transport;
  readonly #owner: ConnectionOwner;
  readonly #isServer: boolean;
  readonly #settings: ConnectionSettings;
  /** `closing`: a close frame was sent. `failed`: whatever still comes is discarded (§7.1.7). */
  #state: "open" | "closing" | "failed" | "closed" = "open";
  /** The peer's close frame. */
  #peerClose: { readonly status: number; readonly reason: string } | undefined;
  #failure: ConnectionFailure | undefined;
  #closeTimer: ReturnType<typeof setTimeout> | undefined;
  #releaseTimer: ReturnType<typeof setTimeout> | undefined;
  /** Runs while a message, or a frame, is unfinished. */
  #messageTimer: ReturnType<typeof setTimeout> | undefined;
  readonly #keepAlive: KeepAlive | undefined;
  #pings: Pings | undefined;
  #bytesReceived = 0;
  #bytesSent = 0;
  /** Received; those from `#next` on are not delivered yet. Their memory is counted once delivering has stopped. */
  #undelivered: (Received | undefined)[] = NOTHING;
  #next = 0;
  #undeliveredBytes = 0;
  /** Messages that nobody has claimed. */
  #unclaimed: Received[] = NOTHING;
  #unclaimedBytes = 0;
  /** From the network, and not taken yet. */
  #unread: Uint8Array = NO_BYTES;
  /** Whether messages may be parts of it. */
  #isUnreadOwned = false;
  #hasStarted = false;
  #isPaused = false;
  #isThrottled = false;
  #demand: Demand = "wanted";
  /** Runs when the peer has gone and nobody has asked for what it said. */
  #claimTimer: ReturnType<typeof setTimeout> | undefined;
  #areMessagesGivenUp = false;
  /** When `#messageTimer` ends, and the milliseconds that were left when it was stopped by `throttle`. */
  #messageDeadline = 0;
  #messageTimeLeft: number | undefined;
  #isDelivering = false;
  #deliveryTime: number | undefined;
  #transportEnded = false;
  #transportClosed: { readonly error: Error | undefined } | undefined;
  /** The latest ping that waits for a transport that is full: its pong answers those before it too (§5.5.3). */
  #owedPong: Uint8Array | undefined;
  #flushIsDue = false;
  /** Bytes of messages that the session has counted, and those among them that were sent since the last flush. */
  #counted = 0;
  #unflushed = 0;
  #bufferedAmount = 0;
  /** Called when what was sent before them was flushed and then written: those that wait for a flush, and the others. */
  #unflushedWaiters: Waiter[] | undefined;
  #flushedWaiters: Set<Waiter[]> | undefined;
  /**
   * Whether the owner has seen that something waits, and may wait for `onDrain`. The transport need not have been full:
   * what is compressed, or was not flushed yet, may be little for it.
   */
  #isAwaited = false;
  /** Bytes that wait for the network, or with the owner for their turn; with their overhead. */
  #unsent = 0;

  constructor(
    session: FrameSession,
    transport: Transport,
    owner: ConnectionOwner,
    isServer: boolean,
    settings: ConnectionSettings,
  ) {
    this.#session = session;
    this.#transport = transport;
    this.#owner = owner;
    this.#isServer = isServer;
    this.#settings = settings;
    if (settings.streamMessages) session.inParts = true;
    if (settings.pingInterval < LONGEST_TIME) {
      const onDead = () => this.#lose(pingTimedOut(settings.pongTimeout));
      this.#keepAlive = new KeepAlive(settings, () => this.ping(this.#ownPings.next()), onDead);
    }
  }

  /** Begins to receive, but not before those who have awaited the connection's beginning can attach their listeners. */
  start(): void {
    this.#transport.start(this);
    setImmediate(() => {
      this.#hasStarted = true;
      this.#goOn();
    });
  }

  /** What went through so far. */
  get statistics(): Statistics {
    this.#settle();
    return {
      ...this.#session.counters,
      bytesReceived: this.#bytesReceived,
      bytesSent: this.#bytesSent,
      roundTripTime: this.#pings?.roundTripTime,
    };
  }

  get #ownPings(): Pings {
    this.#pings ??= new Pings();
    return this.#pings;
  }

  /** Whether messages can be sent: no close frame was sent or came. */
  get canSend(): boolean {
    return this.#state === "open" && this.#transportClosed === undefined;
  }

  /** Whether more was sent than the transport should hold; `onDrain` tells when no longer. */
  get isFull(): boolean {
    this.#flush();
    return this.#transport.isFull;
  }

  /** Bytes of messages that were sent, or wait with the owner, and that the network has not taken. */
  get bufferedAmount(): number {
    this.#settle();
    this.#isAwaited ||= this.#bufferedAmount > 0;
    return this.#bufferedAmount;
  }

  /** Makes frames of what was sent, so that it is counted; it leaves by the flush that is due since. */
  #settle(): void {
    try {
      this.#session.settle();
    } catch (error) {
      this.#lose(error);
    }
    this.#countSent();
  }

  /**
   * When delivering began, by the clock of events: what is delivered at once has one time, as to ask for it takes longer than
   * to make an event.
   */
  get deliveryTime(): number {
    this.#deliveryTime ??= performance.now();
    return this.#deliveryTime;
  }

  /** Whether `pause` was called last. */
  get isPaused(): boolean {
    return this.#isPaused;
  }

  /**
   * Counts a message that waits with the owner before it can be sent, in `bufferedAmount` too; the connection fails if
   * there is no room for it. Returns a function that counts it no longer.
   */
  hold(size: number): () => void {
    let isHeld = true;
    this.#mustHaveRoom(size + OVERHEAD);
    this.#unsent += size + OVERHEAD;
    this.#bufferedAmount += size;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      this.#unsent -= size + OVERHEAD;
      this.#bufferedAmount -= size;
    };
  }

  /**
   * Sends a message; after a close it is dropped. The data is copied.
   *
   * @param compress whether to compress it, if that was agreed; by default, if it is not too small
   * @param framing of data that is not prepared; until a message's last part nothing but pings, pongs and a close may come
   *   between
   * @param taken is called when the network has taken it, or never
   */
  send(data: SentData, compress?: boolean, framing?: Framing, taken?: () => void): void {
    if (this.#state !== "open") return;
    if (!this.#canTake(data)) {
      this.#bufferedAmount += sizeOfSent(data);
      return;
    }
    try {
      this.#session.send(data, compress, framing);
    } catch (error) {
      this.#lose(error);
      return;
    }
    if (taken !== undefined) this.whenSent((failure) => failure ?? taken());
    this.#flushSoon();
    this.#releaseLater();
  }

  /** Calls back when the network has taken what was sent last, or with the reason why it never will. */
  whenSent(waiter: Waiter): void {
    this.#unflushedWaiters ??= [];
    this.#unflushedWaiters.push(waiter);
  }

  /** What messages are compressed by is kept until none has been sent for a while. */
  #releaseLater(): void {
    const { releaseAfter } = this.#session;
    if (this.#state !== "open" || releaseAfter === undefined || !this.#session.hasCompressed) return;
    clearTimeout(this.#releaseTimer);
    this.#releaseTimer = setTimeout(() => {
      if (this.#state === "open") this.#control(() => this.#session.releaseCompressor());
    }, releaseAfter);
  }

  /** Sends a ping of at most 125 bytes; after a close it is dropped. */
  ping(payload: Uint8Array): void {
    if (!this.#canTake(payload)) return;
    this.#control(() => {
      this.#session.ping(payload);
      this.#ownPings.made(copyOf(payload));
    });
  }

  /** Sends a pong of at most 125 bytes; after a close it is dropped. */
  pong(payload: Uint8Array): void {
    if (this.#canTake(payload)) this.#control(() => this.#session.pong(payload));
  }

  /**
   * Begins the closing handshake (§7.1.2). 1005 stands for no status. It ends a pause, as the peer's answer has to be
   * read.
   *
   * @throws WebSocketProtocolError if the status or the reason may not be sent
   */
  close(status: number, reason: string): void {
    if (this.#state === "open") {
      this.#control(() => this.#session.close(status, reason));
      if (this.#isOpen()) this.#beginClosing("closing"); // a trap may have ended it
    }
    if (this.#openGates()) this.#goOn();
  }

  /**
   * Ends the connection for a fault of our own side.
   *
   * @param error is what the owner is told
   */
  fail(error: ConnectionFailure): void {
    if (this.#state === "open") this.#fail(error, SERVER_ERROR);
  }

  /** Ends the connection at once. What was received and not delivered is discarded. */
  terminate(): void {
    if (this.#state === "closed") return;
    this.#lose(new WebSocketError("WS_ERR_TERMINATED", "The connection was terminated"));
  }

  /** Stops delivering, and reading. */
  pause(): void {
    if (this.#state !== "open") return;
    this.#isPaused = true;
    this.#stopReading();
  }

  /** Delivers again, first what came in the meantime, messages that nobody has claimed too. */
  resume(): void {
    if (!this.#isPaused && this.#demand !== "unclaimed") return;
    this.#isPaused = false;
    if (this.#demand === "unclaimed") this.#want("wanted");
    this.#goOn();
  }

  /**
   * Stops delivering and reading for whoever reads a message in parts and has enough of them, and goes on. What the peer
   * has of `messageTimeout` goes on with it.
   */
  throttle(isThrottled: boolean): void {
    if (this.#state !== "open" || this.#isThrottled === isThrottled) return;
    this.#isThrottled = isThrottled;
    if (!isThrottled) {
      this.#goOn();
      return;
    }
    if (this.#messageTimer !== undefined) this.#messageTimeLeft = this.#messageDeadline - performance.now();
    this.#stopReading();
  }

  /** Says what becomes of the next message. Those that waited are delivered soon after it is wanted, in order. */
  demand(demand: Demand): void {
    if (this.#state === "failed" || this.#state === "closed" || this.#demand === demand) return;
    this.#want(demand);
    if (demand !== "wanted") this.#deliver();
    else queueMicrotask(() => this.#goOn());
  }

  #want(demand: Demand): void {
    this.#demand = demand;
    if (demand !== "unclaimed" && this.#unclaimed.length > 0) {
      this.#undelivered = [...this.#unclaimed, ...this.#undelivered.slice(this.#next)];
      this.#next = 0;
      this.#undeliveredBytes = 0; // counted again when delivering stops
      this.#unclaimed = NOTHING;
      this.#unclaimedBytes = 0;
    }
    clearTimeout(this.#claimTimer);
    this.#claimTimer = undefined;
  }

  /** Takes back everything that stopped delivering; tells whether there was anything. */
  #openGates(): boolean {
    const wereOpen = !this.#isStopped && this.#demand === "wanted";
    this.#isPaused = false;
    this.#isThrottled = false;
    this.#want("wanted");
    return !wereOpen;
  }

  get #isStopped(): boolean {
    return this.#isPaused || this.#isThrottled;
  }

  #stopReading(): void {
    this.#stopMessageTimer(); // it is ours that the peer cannot go on
    this.#keepAlive?.stop();
    this.#transport.pause();
  }

  #goOn(): void {
    if (!this.#hasStarted) return;
    this.#deliver();
    if (this.#isStopped || this.#hasReadAhead) return;
    if (!this.#isHolding) this.#watchMessage();
    this.#transport.resume();
    if (this.canSend) this.#keepAlive?.start();
  }

  /** Whether a message waits until it is wanted. */
  get #isHolding(): boolean {
    return this.#demand === "held" && beginsMessage(this.#undelivered[this.#next]);
  }

  get #hasReadAhead(): boolean {
    const held = this.#session.heldBytes + this.#undeliveredBytes + this.#unclaimedBytes + this.#unread.length;
    return this.#demand !== "wanted" && held > READ_AHEAD;
  }

  /** @internal */
  onData(chunk: Uint8Array, isOwned = false): void {
    if (this.#state === "failed" || this.#peerClose !== undefined) return;
    this.#bytesReceived += chunk.length;
    this.#keepAlive?.received();
    this.#isUnreadOwned = isOwned || this.#unread.length > 0;
    this.#unread = this.#unread.length === 0 ? chunk : concat(this.#unread, chunk);
    this.#deliver();
    if (this.#unread.length > 0) this.#ownUnread();
  }

  /** What waits keeps no more than itself, and nothing of the transport's. */
  #ownUnread(): void {
    this.#unread = copyOf(this.#unread);
    this.#isUnreadOwned = true;
  }

  /** @internal */
  onDrain(): void {
    const payload = this.#owedPong;
    this.#owedPong = undefined;
    if (payload !== undefined) this.#answerPing(payload);
    this.#isAwaited &&= this.#bufferedAmount > 0;
    this.#owner.onDrain();
  }

  #tellDrained(): void {
    if (!this.#isAwaited || this.#bufferedAmount > 0) return;
    this.#isAwaited = false;
    this.#owner.onDrain();
  }

  /** @internal */
  onEnd(): void {
    this.#transportEnded = true;
    this.#stopMessageTimer();
    this.#deliver();
  }

  /** @internal */
  onClose(error: Error | undefined): void {
    this.#transportClosed = { error };
    this.#stopMessageTimer();
    this.#keepAlive?.stop();
    clearTimeout(this.#closeTimer); // what came before takes the time of whoever reads it
    this.#deliver();
  }

  /** Hands out what came, until it pauses, and the end of the connection after all of it. */
  #deliver(): void {
    if (this.#isDelivering) return;
    this.#isDelivering = true;
    this.#deliveryTime = undefined;
    try {
      do this.#deliverBatch();
      while (this.#undelivered.length === 0 && this.#read());
    } finally {
      this.#isDelivering = false;
    }
    this.#flush();
    if (this.#isHolding) this.#stopMessageTimer();
    if (this.#hasReadAhead) this.#stopReading();
    const isOver = this.#transportEnded || this.#transportClosed !== undefined;
    if (isOver && this.#demand === "unclaimed") this.#awaitClaim();
    if (this.#undelivered.length > 0 || this.#hasUnread()) return;
    if (this.#transportEnded) this.#endReceiving();
    if (this.#transportClosed !== undefined && this.#unclaimed.length === 0) this.#finish();
  }

  /** The peer has gone, and what it said is for nobody until now: soon it will be given up. */
  #awaitClaim(): void {
    this.#claimTimer ??= setTimeout(() => this.#giveUpMessages(), Math.min(this.#settings.closeTimeout, CLAIM_TIME));
  }

  #giveUpMessages(): void {
    this.#areMessagesGivenUp = true;
    this.demand("wanted");
  }

  #deliverBatch(): void {
    while (this.#next < this.#undelivered.length && !this.#isStopped && !this.#isHolding && this.#state !== "failed") {
      const received = this.#undelivered[this.#next] as Received;
      this.#undelivered[this.#next++] = undefined;
      if (this.#undeliveredBytes > 0) this.#undeliveredBytes -= sizeOf(received);
      if (this.#isUnclaimed(received)) this.#keep(received);
      else this.#handle(received);
    }
    if (this.#state === "failed") {
      this.#discard();
    } else if (this.#next === this.#undelivered.length) {
      this.#undelivered = NOTHING;
      this.#next = 0;
    } else if (this.#undeliveredBytes === 0) {
      for (let at = this.#next; at < this.#undelivered.length; at++) {
        const received = compact(this.#undelivered[at] as Received);
        this.#undelivered[at] = received;
        this.#undeliveredBytes += sizeOf(received);
      }
    }
  }

  /** Whether it is to be claimed first; the rest of a message that was given out is not. */
  #isUnclaimed(received: Received): boolean {
    const isBehind = this.#unclaimed.length > 0;
    return this.#demand === "unclaimed" && (beginsMessage(received) || (isBehind && isOfMessage(received)));
  }

  /** A message waits to be claimed; what comes behind it and is no message does not. */
  #keep(received: Received): void {
    if (this.#unclaimed === NOTHING) this.#unclaimed = [];
    this.#unclaimed.push(compact(received));
    this.#unclaimedBytes += sizeOf(received);
  }

  /** Drops what was received: nobody will get it. */
  #discard(): void {
    this.#unclaimed = NOTHING;
    this.#unclaimedBytes = 0;
    this.#undelivered = NOTHING;
    this.#next = 0;
    this.#undeliveredBytes = 0;
    this.#unread = NO_BYTES;
  }

  /** The peer has closed its side. Nothing will be answered any more: what is on its way has its time to leave. */
  #endReceiving(): void {
    this.#transportEnded = false;
    if (this.#peerClose === undefined) this.#failure ??= lost(undefined);
    if (this.#state === "open") this.#beginClosing("closing");
    this.#transport.end();
  }

  /** Takes what has come from the network, as much as can be delivered at once; tells whether there was any. */
  #read(): boolean {
    if (!this.#hasUnread() || this.#isStopped || this.#hasReadAhead) return false;
    const room = this.#settings.maxBufferedBytes - this.#unsent - this.#session.outputBytes;
    const received: Received[] = [];
    const taken = this.#session.receive(this.#unread, received, room, this.#isUnreadOwned);
    // not even an empty view may keep the chunk
    this.#unread = taken === this.#unread.length ? NO_BYTES : this.#unread.subarray(taken);
    this.#undelivered = received;
    this.#watchMessage(received);
    return true;
  }

  #hasUnread(): boolean {
    return this.#state !== "failed" && (this.#unread.length > 0 || this.#session.hasMore);
  }

  /** The peer has `messageTimeout` from the first byte of a message, or of a frame outside one, to its last. */
  #watchMessage(received: readonly Received[] = []): void {
    const { unfinished } = this.#session;
    // control frames within a message do not finish it
    const isFinished = (one: Received) => unfinished === Unfinished.Frame || endsMessage(one);
    if (this.#messageTimer !== undefined && (unfinished === Unfinished.Nothing || received.some(isFinished))) {
      this.#stopMessageTimer();
    }
    if (unfinished !== Unfinished.Nothing && this.#state === "open" && this.#messageTimer === undefined) {
      const time = this.#messageTimeLeft ?? this.#settings.messageTimeout;
      this.#messageDeadline = performance.now() + time;
      this.#messageTimer = setTimeout(() => this.#onMessageTimeout(), time);
    }
    this.#messageTimeLeft = undefined;
  }

  #stopMessageTimer(): void {
    clearTimeout(this.#messageTimer);
    this.#messageTimer = undefined;
  }

  #onMessageTimeout(): void {
    this.#messageTimer = undefined;
    if (this.#state === "open") this.#fail(messageTimedOut(this.#settings.messageTimeout), POLICY_VIOLATION);
  }

  #handle(received: Received): void {
    if (this.#areMessagesGivenUp && isOfMessage(received)) return;
    if (typeof received === "string") this.#owner.onMessage(received, true);
    else if (received instanceof Uint8Array) this.#owner.onMessage(received, false);
    else if (received.kind === "text") this.#owner.onMessage(received.payload, true);
    else if (received.kind === "part") this.#owner.onPart?.(received);
    else this.#handleControl(received);
  }

  #handleControl(control: Control): void {
    switch (control.kind) {
      case "ping":
        if (!this.#owner.answersPings) this.#oweAnswer(control.payload);
        this.#owner.onPing(control.payload);
        break;
      case "pong":
        this.#owner.onPong(control.payload, this.#pings?.answered(control.payload));
        break;
      case "close":
        this.#handleClose(control.status, control.reason);
        break;
      case "failed":
        this.#fail(control.error, control.error.closeStatus ?? 1002);
        break;
      case "full":
        this.#fail(full(this.#settings.maxBufferedBytes), MESSAGE_TOO_BIG);
        break;
      case "trapped":
        this.#lose(control.error);
        break;
    }
  }

  #oweAnswer(payload: Uint8Array): void {
    // a copy, as the owner may write to what it gets
    if (this.#transport.isFull) this.#owedPong = copyOf(payload);
    else this.#answerPing(payload);
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
      this.#control(() => this.#session.close(status, this.#owner.echoesReason ? reason : ""));
      if (this.#isOpen()) this.#beginClosing("closing");
    }
    this.#flush();
    // §7.1.1: the server closes the connection first; the client waits for it, but not for ever
    if (this.#isServer) this.#transport.end();
  }

  #isOpen(): boolean {
    return this.#state === "open";
  }

  #canTake(data: SentData): boolean {
    // the size of text is asked for only if it matters
    return (
      this.canSend && (this.#hasRoomFor(mostOfSent(data) + HEADER) || this.#mustHaveRoom(sizeOfSent(data) + HEADER))
    );
  }

  /** All that is held for the connection, in bytes, with its overhead. */
  get #held(): number {
    const undelivered = this.#undeliveredBytes + this.#unclaimedBytes + this.#unread.length;
    return this.#session.heldBytes + undelivered + this.#session.outputBytes + this.#unsent;
  }

  /**
   * https://websockets.spec.whatwg.org/#dom-websocket-send: "If the data cannot be sent, e.g. because it would need to
   * be buffered but the buffer is full, the user agent must flag the WebSocket as full and then close".
   */
  #mustHaveRoom(size: number): boolean {
    if (this.#hasRoomFor(size)) return true;
    this.#fail(full(this.#settings.maxBufferedBytes), SERVER_ERROR);
    return false;
  }

  #hasRoomFor(size: number): boolean {
    return this.#held + size <= this.#settings.maxBufferedBytes;
  }

  /** §7.1.7: fail the connection; the close frame says why. */
  #fail(error: ConnectionFailure, status: number): void {
    this.#failure = error;
    if (!this.#session.closeSent) this.#control(() => this.#session.close(status, ""));
    this.#flush();
    this.#beginClosing("failed");
    this.#transport.end();
    if (!this.#openGates()) return;
    // whoever has paused gets no more; the end of the stream has to be read
    this.#discard();
    this.#transport.resume();
  }

  /** Nothing can be sent any more. */
  #lose(error: unknown): void {
    if (!(error instanceof EngineTrap || error instanceof WebSocketError)) throw error;
    this.#giveUpFor(error);
  }

  #giveUpFor(failure: ConnectionFailure): void {
    this.#failure ??= failure;
    this.#beginClosing("failed");
    this.#destroy();
  }

  #beginClosing(state: "closing" | "failed"): void {
    const wasOpen = this.#state === "open";
    this.#state = state;
    this.#stopMessageTimer();
    this.#keepAlive?.stop();
    if (this.#transportClosed === undefined) {
      this.#closeTimer ??= setTimeout(() => this.#giveUp(), this.#settings.closeTimeout);
    }
    if (wasOpen) this.#owner.onClosing(this.#failure);
  }

  #giveUp(): void {
    if (this.#peerClose === undefined) {
      this.#failure ??= new WebSocketError("WS_ERR_CLOSE_TIMEOUT", "The peer did not answer the close frame in time");
      this.#state = "failed"; // whoever has paused until now will not get the rest
    }
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
    clearTimeout(this.#releaseTimer);
    clearTimeout(this.#claimTimer);
    this.#stopMessageTimer(); // a message that was still to be read has begun, and will not end
    this.#session.free();
    this.#failWaiters(failure ?? lost(undefined));
    const { status, reason } = this.#peerClose ?? { status: ABNORMAL, reason: "" };
    this.#owner.onClosed(status, reason, wasClean, failure);
  }

  #failWaiters(failure: ConnectionFailure): void {
    const all = [...(this.#flushedWaiters ?? []), this.#unflushedWaiters ?? []];
    this.#flushedWaiters = undefined;
    this.#unflushedWaiters = undefined;
    for (const waiter of all.flat()) waiter(failure);
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
    queueMicrotask(() => this.#flush());
  }

  #flush(): void {
    this.#flushIsDue = false;
    const parts = this.#takeOutput();
    if (parts.length === 0) return;
    const size = this.#unflushed;
    const held = parts.reduce((sum, part) => sum + part.length + OVERHEAD, 0);
    this.#unsent += held;
    this.#unflushed = 0;
    for (const part of parts) this.#bytesSent += part.length;
    const hasPing = this.#pings?.leave() ?? false;
    const waiters = this.#unflushedWaiters;
    if (waiters !== undefined) {
      this.#unflushedWaiters = undefined;
      this.#flushedWaiters ??= new Set();
      this.#flushedWaiters.add(waiters);
    }
    this.#transport.write(parts, () => {
      this.#bufferedAmount -= size;
      this.#unsent -= held;
      this.#keepAlive?.sent(hasPing);
      if (waiters !== undefined && this.#flushedWaiters?.delete(waiters)) for (const waiter of waiters) waiter();
      // the transport's own `drain` comes first
      if (this.#isAwaited) queueMicrotask(() => this.#tellDrained());
    });
  }

  #takeOutput(): Uint8Array[] {
    let parts: Uint8Array[] = [];
    try {
      parts = this.#session.takeOutput(this.#transport);
    } catch (error) {
      this.#giveUpFor(error as ConnectionFailure); // also if it is no trap: whoever has sent is not there any more
    }
    this.#countSent();
    return parts;
  }

  /** Texts are counted once they are bytes. */
  #countSent(): void {
    const { messageBytesSent } = this.#session;
    this.#bufferedAmount += messageBytesSent - this.#counted;
    this.#unflushed += messageBytesSent - this.#counted;
    this.#counted = messageBytesSent;
  }
}

/** No less than its size. */
function mostOfSent(data: SentData): number {
  return typeof data === "string" ? data.length * 3 : sizeOfSent(data);
}

function isMessage(received: Received): received is string | Uint8Array<ArrayBuffer> | TextBytes {
  return typeof received === "string" || received instanceof Uint8Array || received.kind === "text";
}

function isOfMessage(received: Received): boolean {
  return isMessage(received) || received.kind === "part";
}

function beginsMessage(received: Received | undefined): boolean {
  return received !== undefined && (isMessage(received) || (received.kind === "part" && received.isFirst));
}

function endsMessage(received: Received): boolean {
  return isMessage(received) || (received.kind === "part" && received.isLast);
}

/** What waits keeps no more than itself: binary messages may be parts of something larger. */
function compact(received: Received): Received {
  if (typeof received === "string") return received;
  if (received instanceof Uint8Array) return received.length < received.buffer.byteLength ? copyOf(received) : received;
  return received.kind === "text" ? { kind: "text", payload: copyOf(received.payload) } : received;
}

/** The memory of what waits to be delivered, roughly: a string may take two bytes a character. */
function sizeOf(received: Received): number {
  if (typeof received === "string") return OVERHEAD + received.length * 2;
  if (received instanceof Uint8Array) return OVERHEAD + received.length;
  if (received.kind === "text") return OVERHEAD + received.payload.length;
  if (received.kind === "part") return sizeOf(received.data);
  return OVERHEAD;
}

function full(most: number): WebSocketError {
  return new WebSocketError("WS_ERR_BUFFER_FULL", `The connection would hold more than maxBufferedBytes, ${most}`);
}

function messageTimedOut(timeout: number): WebSocketError {
  return new WebSocketError("WS_ERR_MESSAGE_TIMEOUT", `The peer did not finish a message within ${timeout} ms`);
}

function pingTimedOut(timeout: number): WebSocketError {
  return new WebSocketError("WS_ERR_PING_TIMEOUT", `Nothing came from the peer within ${timeout} ms after a ping`);
}

function lost(cause: Error | undefined): WebSocketError {
  return cause === undefined
    ? new WebSocketError("WS_ERR_CONNECTION_LOST", "The connection ended without a close frame")
    : new WebSocketError("WS_ERR_CONNECTION", `The connection broke: ${cause.message}`, { cause });
}
