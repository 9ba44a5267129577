/**
 * A connection after its handshake: the session's bytes to and from a transport, and what RFC 6455 asks of the
 * component's caller: pongs, the answer to a close, and failing the connection with the right status.
 *
 * @module
 */

import { CloseStatus, TRY_AGAIN_LATER } from "../engine/status.js";
import type { Control, Part, Received } from "../session/assembly.js";
import { Unfinished } from "../session/incoming.js";
import { LONGEST_TIME } from "../session/options.js";
import { type Framing, type SentData, sizeOfSent } from "../session/outgoing.js";
import type { Counters, FrameSession } from "../session/session.js";
import { queueMicrotask, setImmediate } from "../transport/tasks.js";
import { CLOSED, type Transport, type TransportListener } from "../transport/transport.js";
import type { Waiter } from "./backlog.js";
import type { BudgetMember, RunSettings } from "./budget.js";
import { Controls } from "./controls.js";
import { Ending } from "./ending.js";
import {
  type ConnectionFailure,
  closeTimedOut,
  controlsTooMany,
  full,
  messageTimedOut,
  pingTimedOut,
  terminated,
} from "./failures.js";
import { type Demand, Inbox, type InboxOwner } from "./inbox.js";
import { KeepAlive } from "./keepalive.js";
import { MessageTimer } from "./message-timer.js";
import { Outbox, type OutboxOwner, type Taken } from "./outbox.js";
import { type Message, OVERHEAD } from "./received.js";

/** The owner of a connection. The engine is never busy when these run, so they may call every method. */
export interface ConnectionOwner {
  /** Whether pings are the owner's to answer. */
  readonly answersPings?: boolean;
  /** Whether the answer to a close has its reason too, and not its status alone. */
  readonly echoesReason?: boolean;
  /** Whether a client, too, ends its side of the transport after the close frames, and does not wait for the server. */
  readonly endsFirst?: boolean;
  /** A message came; text as a string, or as the session gives it. */
  onMessage(data: string | Uint8Array<ArrayBuffer>, isText: boolean): void;
  /** With `streamMessages`, in place of that: a piece of a message came. */
  onPart?(part: Part): void;
  /** A ping came; its pong is on its way. */
  onPing(payload: Uint8Array): void;
  /** A pong came. `roundTripTime` is in milliseconds since its ping; `undefined` if it answers none. */
  onPong(payload: Uint8Array, roundTripTime: number | undefined): void;
  /**
   * The transport, which was full, can take more; or it has taken all messages. `bufferedAmount` and `flush` tell so
   * already.
   */
  onDrain?(): void;
  /**
   * Whether the owner waits for `onDrain`, unless the transport was full, or for messages that it has not claimed.
   * Without this method it waits for neither; for `onDrain` it is asked if the connection's `mayAwaitDrain` says so.
   */
  awaits?(what: "drain" | "message"): boolean;
  /** A close frame was sent or came, or the connection failed: no more messages can be sent. */
  onClosing(failure: ConnectionFailure | undefined): void;
  /**
   * The transport is closed, while what came waits for its reader: no messages can be sent, and those on their way will
   * not leave. The reader may wait for them.
   */
  onLost(failure: ConnectionFailure): void;
  /** The end. `status` is what the peer's close frame said: 1005 if nothing, 1006 if there was none. */
  onClosed(status: number, reason: string, wasClean: boolean, failure: ConnectionFailure | undefined): void;
}

/** Counters of a connection since its handshake. */
export interface Statistics extends Readonly<Counters> {
  /** Bytes from the network; `messageBytesReceived` over them is the ratio of compression. */
  readonly bytesReceived: number;
  /** Bytes given to the network. */
  readonly bytesSent: number;
  /** Milliseconds from the latest ping that was answered to its pong; `undefined` before there is one. */
  readonly roundTripTime: number | undefined;
}

/** The longest header of a frame. */
const HEADER = 14;

/**
 * One WebSocket connection, of either role: the closing handshake, and the wires between the inbox, the outbox, the
 * transport and the owner.
 */
export class Connection implements TransportListener, InboxOwner, OutboxOwner, BudgetMember {
  readonly #session: FrameSession;
  #transport: Transport;
  readonly #owner: ConnectionOwner;
  readonly #settings: RunSettings;
  readonly #inbox: Inbox;
  readonly #outbox: Outbox;
  /** `closing`: the closing handshake is started (§7.1.3). `failed`: whatever still comes is dropped (§7.1.7). */
  #state: "open" | "closing" | "failed" | "closed" = "open";
  #ending: Ending | undefined;
  #messageTimer: MessageTimer | undefined;
  readonly #keepAlive: KeepAlive | undefined;
  #controls: Controls | undefined;
  #hasStarted = false;
  /** The bytes that the server's budget knows of. */
  #told = 0;
  /** Whether the owner may wait for `onDrain`: it is asked then. */
  mayAwaitDrain = false;

  constructor(session: FrameSession, transport: Transport, owner: ConnectionOwner, settings: RunSettings) {
    this.#session = session;
    this.#transport = transport;
    this.#owner = owner;
    this.#settings = settings;
    this.#inbox = new Inbox(session, this, settings.claimTimeout);
    this.#outbox = new Outbox(session, transport, this);
    if (settings.streamMessages) session.giveParts();
    if (!transport.isHeld) session.watch(); // one that the runtime holds will be closed, and the session freed then
    if (settings.pingInterval >= LONGEST_TIME) return;
    // while messages wait, a little more is read: else the answer would not be seen
    const probe = () => {
      if (this.canSend) this.#ownControls().ping(this.#ownControls().pings.next());
      if (this.#inbox.hasReadAhead) this.#transport.resume();
    };
    this.#keepAlive = new KeepAlive(settings, probe, () => this.abort(pingTimedOut(settings.pongTimeout)));
  }

  /** Whether the connection, with what it waits for, keeps the process alive. */
  holdProcess(isHeld: boolean): void {
    this.#transport.hold?.(isHeld);
    this.#inbox.holdProcess(isHeld);
    this.#ending?.holdProcess(isHeld);
  }

  /** Begins to receive, but not before those who have awaited the connection's beginning can attach their listeners. */
  start(): void {
    this.#transport.start(this);
    setImmediate(() => {
      this.#hasStarted = true;
      this.goOn();
    });
  }

  /** The counters so far. */
  statistics(): Statistics {
    this.#outbox.settle();
    return {
      ...this.#session.counters,
      bytesReceived: this.#inbox.bytesReceived,
      bytesSent: this.#outbox.bytesSent,
      roundTripTime: this.#controls?.pings.roundTripTime,
    };
  }

  #ownControls(): Controls {
    this.#controls ??= new Controls(this.#session, this.#outbox);
    return this.#controls;
  }

  /** Whether messages can be sent: no close frame was sent or came. */
  get canSend(): boolean {
    return this.#state === "open" && this.#ending?.transportClosed === undefined;
  }

  /** Writes what was sent. Returns whether the transport is full; `onDrain` follows when it no longer is. */
  flush(): boolean {
    this.#outbox.flush();
    return this.#outbox.isFull;
  }

  /** Bytes of messages that were sent, or wait with the owner, and that the network has not taken. */
  countBuffered(): number {
    return this.#outbox.countBuffered();
  }

  /** When delivering began, by the clock of events. */
  deliveryTime(): number {
    return this.#inbox.deliveryTime();
  }

  /** Whether `pause` was called last. */
  get isPaused(): boolean {
    return this.#inbox.isPaused;
  }

  /** Counts a message that waits with the owner, or fails without room. The result counts it no longer. */
  hold(size: number): () => void {
    this.#mustHaveRoom(size + OVERHEAD);
    return this.#outbox.hold(size);
  }

  /** Sends a message as the outbox does; after a close it is dropped. */
  send(data: SentData, compress?: boolean, framing?: Framing, taken?: Taken): void {
    if (this.#state !== "open") return;
    if (this.#canTake(data)) this.#outbox.send(data, compress, framing, taken);
    else this.#outbox.drop(sizeOfSent(data));
  }

  /** Whether `data` may leave with what answers the message that waits to be taken; it is to be sent at once then. */
  leavesWithNext(data: SentData): boolean {
    return this.canSend && this.#inbox.hasNext && this.#outbox.promises(mostOfSent(data));
  }

  /** Calls back when the network has taken what was sent last, or with the reason why it never will. */
  whenTaken(waiter: Waiter): void {
    this.#outbox.whenTaken(waiter);
  }

  /** Sends a ping of at most 125 bytes, behind what was sent before; after a close it is dropped. */
  ping(payload: Uint8Array): void {
    this.#ownControls().pingInOrder(payload, () => this.#canTake(payload));
  }

  /** Sends a pong of at most 125 bytes; after a close it is dropped. */
  pong(payload: Uint8Array): void {
    if (this.#canTake(payload)) this.#outbox.sendBy(() => this.#session.pong(payload));
  }

  /**
   * Starts the closing handshake (§7.1.2), and ends a pause: the peer's answer must be read. 1005 means no status.
   *
   * @throws WebSocketProtocolError if the status or the reason may not be sent
   */
  close(status: number, reason: string): void {
    this.#outbox.inOrder(() => this.#state === "open" && this.#sendClose(status, reason));
    if (this.#inbox.open()) this.goOn();
  }

  /** Sends a close frame, and starts the closing handshake unless a trap has ended the connection. */
  #sendClose(status: number, reason: string): void {
    this.#outbox.sendBy(() => this.#session.close(status, reason));
    if (this.#state === "open") this.#startClosing("closing");
  }

  /** Fails the connection (§7.1.7) for a fault of our own side. The owner is told the error. */
  fail(error: ConnectionFailure, status: number = CloseStatus.ServerError): void {
    if (this.canSend) this.#fail(error, status);
    else if (status !== CloseStatus.ServerError) this.abort(error);
  }

  /** Aborts the connection on the owner's wish; with `delivers`, what was received is still delivered. */
  terminate(delivers = false): void {
    if (this.#state === "closed") return;
    this.#end.failure ??= terminated();
    this.#startClosing(delivers && this.#state !== "failed" ? "closing" : "failed");
    if (delivers) this.#inbox.pause(); // a stream of HTTP/2 gives out what is left in it within the call
    this.#abortTransport();
    if (delivers) this.#inbox.open(); // the end comes behind all of it, paused or not
  }

  /** Stops delivering, and reading. */
  pause(): void {
    if (this.#state !== "open") return;
    this.#inbox.pause();
    this.#stopReading();
  }

  /** Delivers again: first what came in the meantime, including unclaimed messages. */
  resume(): void {
    if (!this.#inbox.isPaused && this.#inbox.demand !== "unclaimed") return;
    this.#inbox.resume();
    this.goOn();
  }

  /** Holds up delivering and reading for an owner that takes a message in parts, and `messageTimeout` with them. */
  throttle(isThrottled: boolean): void {
    if (this.#state !== "open" || this.#inbox.isThrottled === isThrottled) return;
    this.#inbox.throttle(isThrottled);
    if (isThrottled) this.#messageTimer?.suspend();
    if (isThrottled) this.#stopReading();
    else this.goOn();
  }

  /** Says what becomes of the next message. Those that waited are delivered soon after it is wanted, in order. */
  demand(demand: Demand): void {
    if (this.#state === "failed" || this.#state === "closed" || this.#inbox.demand === demand) return;
    this.#inbox.want(demand);
    if (demand !== "wanted") this.#deliver();
    else if (this.#hasStarted) queueMicrotask(() => this.goOn());
  }

  /** The message that waits to be wanted, if it may be had at once. */
  take(): Message | undefined {
    const message = this.#inbox.take();
    if (message !== undefined) this.#controls?.saw(message);
    return message;
  }

  #stopReading(): void {
    this.#messageTimer?.stop(); // it is ours that the peer cannot go on
    this.#keepAlive?.stop();
    this.#transport.pause();
  }

  /** @internal Delivers and reads on, unless something holds that up. */
  goOn(): void {
    if (!this.#hasStarted) return;
    this.#deliver();
    if (this.#inbox.isStopped || this.#inbox.isWaiting) return;
    if (this.canSend) this.#keepAlive?.begin();
    if (this.#inbox.hasReadAhead) return;
    if (!this.#inbox.isHolding) this.onRead([]);
    this.#transport.resume();
  }

  /** @internal */
  onData(chunk: Uint8Array, isOwned = false): void {
    if (this.#state === "failed" || this.#ending?.peerClose !== undefined) return;
    this.#keepAlive?.received();
    this.#inbox.push(chunk, isOwned);
    try {
      this.#deliver();
    } finally {
      this.#inbox.keep();
    }
  }

  /** @internal */
  onDrain(): void {
    this.#controls?.settle();
    this.#outbox.drained();
    this.#owner.onDrain?.();
  }

  /** @internal */
  awaits(what: "drain" | "message"): boolean {
    return this.#owner.awaits?.(what) ?? false;
  }

  /** @internal */
  onEnd(): void {
    this.#end.hasTransportEnded = true;
    this.#messageTimer?.stop();
    this.#deliver();
  }

  /** @internal */
  onClose(error: Error | undefined): void {
    this.#end.closeTransport(error);
    this.#messageTimer?.stop();
    this.#keepAlive?.stop();
    this.#deliver();
  }

  /** Hands out what came, until it pauses, and the end of the connection after all of it. */
  #deliver(): void {
    try {
      if (!this.#inbox.deliver()) return;
      this.#controls?.settle();
    } catch (error) {
      // a listener's. If the process lives on, so does the connection: what is behind must not wait for the next bytes
      setImmediate(() => this.goOn());
      this.#outbox.flush();
      throw error;
    }
    this.#outbox.delivered();
    this.#count();
    if (this.#inbox.isHolding || this.#inbox.hasReadAhead) this.#messageTimer?.stop(); // the peer cannot go on
    if (this.#inbox.hasReadAhead || this.#inbox.isWaiting) this.#transport.pause();
    const ending = this.#ending;
    if (ending?.isTransportOver) this.#inbox.awaitClaim(this.#settings.closeTimeout);
    const { isEmpty } = this.#inbox;
    if (isEmpty && ending?.hasTransportEnded) this.#endTransport(ending);
    if (ending?.transportClosed === undefined || ending.isTelling) return;
    if (isEmpty && !this.#inbox.hasUnclaimed) this.#closed();
    else ending.lose(this.#owner, this.#outbox, () => this.#deliver());
  }

  /** The peer has closed its side. Nothing will be answered any more: what is on its way has its time to leave. */
  #endTransport(ending: Ending): void {
    ending.handleTransportEnd();
    this.#outbox.flush();
    if (this.#state === "open") this.#startClosing("closing");
    this.#outbox.inOrder(() => this.#transport.end());
  }

  /** @internal The peer has `messageTimeout` from the first byte of a message, or of a lone frame, to its last. */
  onRead(received: readonly Received[]): void {
    const { unfinished } = this.#session;
    if (unfinished === Unfinished.Nothing || this.#state !== "open") {
      this.#messageTimer?.reset();
      return;
    }
    const { messageTimeout: time } = this.#settings;
    this.#messageTimer ??= new MessageTimer(time, () => this.#fail(messageTimedOut(time), CloseStatus.PolicyViolation));
    this.#messageTimer.follow(unfinished, received);
  }

  /** @internal */
  onReceived(received: Received): void {
    if (typeof received === "string") this.#owner.onMessage(received, true);
    else if (ArrayBuffer.isView(received)) this.#owner.onMessage(received, false);
    else if (received.kind === "text") this.#owner.onMessage(received.payload, true);
    else if (received.kind === "part") this.#owner.onPart?.(received);
    else this.#handleControl(received);
    this.#controls?.saw(received);
  }

  #handleControl(control: Control): void {
    const { kind } = control;
    if (kind === "close") this.#handleClose(control.status, control.reason);
    else if (kind === "failed") this.#fail(control.error, control.error.closeStatus ?? CloseStatus.ProtocolError);
    else if (kind === "full") this.#fail(full(this.#settings.maxBufferedBytes), CloseStatus.MessageTooBig);
    else if (kind === "trapped") this.abort(control.error);
    else if (!this.#ownControls().handle(control, this.#owner))
      this.#fail(controlsTooMany(), CloseStatus.PolicyViolation);
  }

  /** §5.5.1: "the endpoint MUST send a Close frame in response", with the status that it received. */
  #handleClose(status: number, reason: string): void {
    this.#end.peerClose = { status, reason };
    this.#controls?.forget();
    const isAnswer = this.#state === "open";
    if (isAnswer && this.#outbox.isBusy) this.#startClosing("closing"); // it "MAY delay" the frame, not more
    this.#outbox.inOrder(() => {
      if (isAnswer) this.#sendClose(status, this.#owner.echoesReason ? reason : "");
      this.#outbox.flush();
      // §7.1.1: the server closes the connection first; the client waits for it, but not for ever
      if (this.#session.isServer || this.#owner.endsFirst) this.#transport.end();
    });
  }

  get #end(): Ending {
    this.#ending ??= new Ending();
    return this.#ending;
  }

  #canTake(data: SentData): boolean {
    if (!this.canSend) return false;
    return this.#hasRoomFor(mostOfSent(data) + HEADER) || this.#mustHaveRoom(sizeOfSent(data) + HEADER);
  }

  /** https://websockets.spec.whatwg.org/#dom-websocket-send: data that finds no room closes the connection. */
  #mustHaveRoom(size: number): boolean {
    if (this.#hasRoomFor(size) || (this.#outbox.finish() && this.#hasRoomFor(size))) return true;
    this.#fail(full(this.#settings.maxBufferedBytes), CloseStatus.ServerError);
    return false;
  }

  #hasRoomFor(size: number): boolean {
    return this.#inbox.heldBytes + this.#outbox.heldBytes + size <= this.#settings.maxBufferedBytes;
  }

  /** @internal */
  get room(): number {
    return this.#settings.maxBufferedBytes - this.#outbox.heldBytes;
  }

  /** @internal */
  get isDelivering(): boolean {
    return this.#inbox.isDelivering;
  }

  /** @internal */
  onLeaving(areTaken: boolean): boolean {
    if (!areTaken) this.#count(); // else when the outbox has said so
    return this.#controls?.pings.leave() ?? false;
  }

  /** @internal */
  onTaken(hasPing: boolean): void {
    if (this.#told > 0) this.#count(); // else the budget never knew of it
    this.#keepAlive?.sent(hasPing);
  }

  #count(isOver = this.#state === "closed"): void {
    const { budget } = this.#settings;
    const held = isOver ? 0 : this.#inbox.heldBytes + (budget?.countsSent === false ? 0 : this.#outbox.memory);
    if (held !== this.#told) budget?.update(this, this.#told, held);
    if (isOver) budget?.forget(this);
    this.#told = held;
  }

  /** @internal */
  letGo(failure: ConnectionFailure): void {
    const isLess = this.#outbox.finish(); // a message takes less once it is compressed
    // a close frame would wait behind what the peer does not read
    if (!isLess && this.#outbox.heldBytes > this.#inbox.heldBytes) this.abort(failure);
    else if (!isLess) this.fail(failure, TRY_AGAIN_LATER);
    this.#count(!isLess);
  }

  /** Fails the connection (§7.1.7); the close frame says why. */
  #fail(error: ConnectionFailure, status: number): void {
    this.#end.failure = error;
    if (!this.#session.closeSent) this.#outbox.sendBy(() => this.#session.close(status, ""));
    this.#startClosing("failed"); // first: who hears that something was taken may want to send more
    this.#outbox.flush();
    this.#transport.end();
    if (this.#inbox.open()) this.#transport.resume(); // the end of the stream has to be read
  }

  /** @internal Ends the connection at once, without a closing handshake. */
  abort(failure: ConnectionFailure): void {
    this.#end.failure ??= failure;
    this.#startClosing("failed");
    this.#abortTransport();
  }

  /** The connection is closing (§7.1.3), or failed. After a failure, what was not delivered is dropped. */
  #startClosing(state: "closing" | "failed"): void {
    const wasOpen = this.#state === "open";
    this.#state = state;
    if (state === "failed") {
      this.#inbox.shut();
      this.#controls?.forget();
    }
    this.#messageTimer?.stop();
    this.#keepAlive?.stop();
    this.#end.wait(this.#settings.closeTimeout, this.#inbox.isHeld, () => this.#onCloseTimeout());
    if (wasOpen) this.#owner.onClosing(this.#end.failure);
    if (state === "failed") this.#outbox.giveUp(); // those who hear that it was taken know that nothing more can be sent
  }

  #onCloseTimeout(): void {
    if (this.#end.peerClose === undefined) this.abort(closeTimedOut());
    else this.#abortTransport(); // a reader that is still paused does not get the rest
  }

  #abortTransport(): void {
    this.#outbox.giveUp();
    this.#transport.destroy();
    // a transport that ended while we were paused tells nothing again: what was held for its owner goes now
    if (this.#end.transportClosed !== undefined) queueMicrotask(() => this.#deliver());
  }

  /** The connection is closed (§7.1.4). */
  #closed(): void {
    if (this.#state === "closed") return;
    const { status, reason, wasClean, failure } = this.#end.conclude(this.#session.closeSent);
    this.#state = "closed";
    this.#count(true);
    this.#inbox.shut();
    this.#messageTimer?.stop(); // a message that was still to be read has begun, and will not end
    this.#session.free();
    this.#outbox.close(failure);
    this.#transport = CLOSED; // who keeps the connection does not keep its socket by it
    this.#owner.onClosed(status, reason, wasClean, failure);
  }
}

/** No less than its size. That of a text is counted only if this is too much. */
function mostOfSent(data: SentData): number {
  return typeof data === "string" ? data.length * 3 : sizeOfSent(data);
}
