/**
 * Data that was sent and has not left: frames that wait for the end of the turn, and bytes that the network has not
 * taken.
 *
 * @module
 */

import { copyOf } from "../engine/bytes.js";
import { EngineTrap } from "../engine/engine.js";
import { WebSocketError } from "../engine/errors.js";
import { giveBack, lentOutput, type Slab } from "../engine/output.js";
import { Queue } from "../engine/queue.js";
import { type Framing, isPrepared, type SentData, sizeOfSent } from "../session/outgoing.js";
import { forgetRepeated, sharedFrame } from "../session/repeated.js";
import type { FrameSession } from "../session/session.js";
import { isLong, type Slices } from "../session/slices.js";
import { clearTimeout, queueMicrotask, setWatch, throwLater } from "../transport/tasks.js";
import { CLOSED, type Transport, type Writer } from "../transport/transport.js";
import { Backlog, type Waiter } from "./backlog.js";
import { type ConnectionFailure, lost } from "./failures.js";
import { beginAnswer, endAnswer, type Flushable, flushSoon } from "./flushes.js";
import { OVERHEAD } from "./received.js";
import { Writes } from "./writes.js";

/** The owner of an outbox. */
export interface OutboxOwner {
  /** Whether what came is being delivered: a flush follows. */
  readonly isDelivering: boolean;
  /** Ends the connection at once: nothing can be sent any more. */
  abort(failure: ConnectionFailure): void;
  /** Bytes were given to the network, which may have taken them. Tells whether a ping is among them. */
  onLeaving(areTaken: boolean): boolean;
  /** The network has taken bytes, perhaps with a ping. */
  onTaken(hasPing: boolean): void;
  /** Whether anyone may wait for `onDrain`: to ask is dear where thousands of connections are sent one message. */
  readonly mayAwaitDrain: boolean;
  /** Whether anyone does. */
  awaits(what: "drain"): boolean;
  /** There is room: all messages have left. */
  onDrain(): void;
}

/** A sender that waits for the network to take a message, and hears of nothing else. */
export interface Taken {
  resolve(): void;
}

/** Bytes that senders may take for sent before they have left. */
const PROMISED = 16 * 1024;

const NOTHING: readonly never[] = Object.freeze([]);

/** Those who wait for one flush. */
interface Batch {
  readonly waiters: Waiter[];
  isFlushed: boolean;
  /** Whether they were called. */
  isOver: boolean;
}

/** What one flush has given to the network. */
interface Write {
  /** Bytes of messages. */
  readonly size: number;
  hasPing: boolean;
  readonly batch: Batch | undefined;
  /** Memory that is to be used again. */
  readonly slab: Slab | undefined;
}

/** The outbox of one connection. */
export class Outbox implements Flushable, Writer {
  readonly #session: FrameSession;
  #transport: Transport;
  readonly #owner: OutboxOwner;
  #bytesSent = 0;
  #isFlushDue = false;
  /** Whether something was sent while messages were delivered. */
  #isAnswering = false;
  /** The frame of a prepared message, if nothing else was sent since the last flush: the session has no output then. */
  #frame: Uint8Array | undefined;
  /** Bytes of messages that the session has counted, and those among them that were sent since the last flush. */
  #counted = 0;
  #unflushed = 0;
  #bufferedAmount = 0;
  /** The writes that the network has not taken. */
  #writes: Writes<Write> | undefined;
  /** The waiters, by the flush that they wait for; the last flush may be still to come. */
  #batches: Queue<Batch> | undefined;
  /**
   * Whether messages are on their way, and the owner may wait for `onDrain`. The transport need not have been full:
   * what is compressed, or was not flushed yet, may be little for it.
   */
  #isUntold = false;
  /** Bytes that wait with the owner for their turn, with their overhead. */
  #unsent = 0;
  #releaseTimer: ReturnType<typeof setWatch> | undefined;
  /** A long message, and what was sent behind it. */
  #backlog: Backlog | undefined;
  /** Whether the owner waits for its end. */
  #isEndAwaited = false;
  /** Why nothing leaves any more, if that is not just that the connection has ended. */
  #failure: ConnectionFailure | undefined;

  constructor(session: FrameSession, transport: Transport, owner: OutboxOwner) {
    this.#session = session;
    this.#transport = transport;
    this.#owner = owner;
  }

  /** Bytes that were given to the network. */
  get bytesSent(): number {
    return this.#bytesSent;
  }

  /** The memory of what has not left, in bytes, with its overhead. */
  get heldBytes(): number {
    return this.#unflushedBytes + this.#unsent + (this.#writes?.held ?? 0) + (this.#backlog?.held ?? 0);
  }

  /** The same with the rest of slabs in which there is little: no one else has use of it. */
  get memory(): number {
    return this.heldBytes + (this.#writes?.spare ?? 0);
  }

  /** The memory of what was sent since the last flush. */
  get #unflushedBytes(): number {
    if (!this.#isUnflushed) return 0;
    return this.#frame?.length ?? this.#session.outputBytes;
  }

  /** Whether anything may have been; else the session has no output. */
  get #isUnflushed(): boolean {
    return this.#isFlushDue || this.#isAnswering || this.isBusy;
  }

  /** Bytes of messages that were sent, or wait with the owner, and that the network has not taken. */
  countBuffered(): number {
    this.#countSent();
    return this.#bufferedAmount + this.#session.countTexts() + (this.#backlog?.left ?? 0);
  }

  /** Whether a long message is being compressed: what is sent waits behind it. */
  get isBusy(): boolean {
    return this.#backlog?.isEmpty === false;
  }

  /** Whether there is room for no more now: `onDrain` tells when there is. */
  get isFull(): boolean {
    this.#isEndAwaited ||= this.isBusy;
    return this.isBusy || this.isNetworkFull;
  }

  /** Whether the network has more than it should. */
  get isNetworkFull(): boolean {
    return this.#transport.isFull;
  }

  /** Makes frames of what was sent, so that it is counted; it leaves by the flush that is due since. */
  settle(): void {
    try {
      this.#session.settle();
    } catch (error) {
      this.#abortFor(error);
    }
    this.#countSent();
  }

  /** Texts are counted once they are bytes. */
  #countSent(): void {
    const { messageBytesSent } = this.#session;
    this.#bufferedAmount += messageBytesSent - this.#counted;
    this.#unflushed += messageBytesSent - this.#counted;
    this.#counted = messageBytesSent;
  }

  /** Counts bytes that will never leave, so that all is never taken. */
  drop(size: number): void {
    this.#isUntold = false;
    this.#bufferedAmount += size;
  }

  /** Counts a message that waits with the owner. Returns a function that counts it no longer. */
  hold(size: number): () => void {
    let isHeld = true;
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
   * Sends a message. The data is copied.
   *
   * @param compress whether to compress it, if that was agreed; by default, if it is not too small
   * @param framing of data that is not prepared; until a message's last part nothing but pings, pongs and a close may
   *   come between
   * @param taken is resolved when the network has taken it, or never
   */
  send(given: SentData, compress?: boolean, framing?: Framing, taken?: Taken): void {
    const data = isPrepared(given) ? given : (this.#sharedFrame(given, compress, framing) ?? given);
    if (this.isBusy || this.#session.takesLong(data, compress, framing)) this.#queue(data, compress, framing);
    else if (!this.#sendNow(data, compress, framing)) return;
    if (taken !== undefined) this.whenTaken((failure) => failure ?? taken.resolve());
  }

  /**
   * What is shared of the data with others who were sent the same. Such a frame goes past the session, so nothing may
   * wait there. An answer leaves without the flush that forgets what was sent. What is compressed is made by the
   * settings of each connection.
   */
  #sharedFrame(data: string | Uint8Array, compress?: boolean, framing?: Framing): SentData | undefined {
    if (!this.#session.isServer || this.#isUnflushed || this.#owner.isDelivering) return undefined;
    if (framing?.isLast === false || this.#session.compresses(data, compress, framing)) return undefined;
    return sharedFrame(data, framing?.isText ?? typeof data === "string");
  }

  /**
   * Whether what is sent next, of at most this size, is as good as taken: with what was sent since the last flush it is
   * little, and the network takes that at once. It leaves by the flush that is due, or before the end.
   */
  promises(size: number): boolean {
    if (this.isBusy || this.#unflushedBytes + size > PROMISED) return false;
    return this.#transport.takesAtOnce === true;
  }

  /** Sends a long message, or one behind it. */
  #queue(data: SentData, compress?: boolean, framing?: Framing): void {
    const kept = ArrayBuffer.isView(data) ? copyOf(data) : data;
    let slices: Slices | undefined;
    // whether it is a message or a part of one, which is not compressed, is known when its turn has come
    const run = () => {
      slices ??= this.#session.takesLong(kept, compress, framing)
        ? this.#behindFrame().slices(kept, framing)
        : () => this.#sendNow(kept, compress, framing) || true;
      return slices();
    };
    const size = sizeOfSent(data);
    // what was prepared is not this connection's alone
    const held = isPrepared(data) ? 0 : size;
    this.#push(size, held, run, isLong(data));
  }

  /** Tells whether it did. */
  #sendNow(data: SentData, compress?: boolean, framing?: Framing): boolean {
    try {
      if (!this.#sendFrame(data, compress)) this.#behindFrame().send(data, compress, framing);
    } catch (error) {
      forgetRepeated(); // no flush is due that would
      this.#abortFor(error);
      return false;
    }
    this.#flushSoon();
    this.#releaseLater();
    return true;
  }

  /**
   * Sends a prepared message past the session's output, if that is empty: for each of thousands of connections, objects
   * that need not be touched count. Tells whether it did.
   */
  #sendFrame(data: SentData, compress?: boolean): boolean {
    if (!isPrepared(data) || this.#isUnflushed) return false;
    this.#frame = this.#session.sendFrame(data, compress);
    this.#countSent();
    return this.#frame !== undefined;
  }

  /** The session, for what is sent behind such a message. */
  #behindFrame(): FrameSession {
    if (this.#frame !== undefined) this.#session.push(this.#frame);
    this.#frame = undefined;
    return this.#session;
  }

  /** Does it now, or behind a long message. */
  inOrder(act: () => void): void {
    if (!this.isBusy) {
      act();
      return;
    }
    this.#push(0, 0, () => {
      act();
      return true;
    });
  }

  #push(left: number, held: number, run: () => boolean, isLong = false): void {
    const step = {
      isLong,
      held: held + OVERHEAD,
      left,
      waiters: [] as Waiter[],
      run: () => {
        const before = this.#session.messageBytesSent;
        const isDone = this.#try(run);
        step.left -= this.#session.messageBytesSent - before;
        if (isDone && isLong) this.#releaseLater();
        if (isDone) for (const waiter of step.waiters) this.#addWaiter(waiter);
        return isDone;
      },
    };
    // a closure would keep all that the other one here captures: the first message
    this.#backlog ??= new Backlog(this.#onWorked.bind(this));
    this.#backlog.push(step);
  }

  /** An error ends the connection: the code that has sent is not there any more. */
  #try(run: () => boolean): boolean {
    try {
      return run();
    } catch (error) {
      this.#owner.abort(error as ConnectionFailure);
      return true;
    }
  }

  #onWorked(): void {
    this.flush();
    if (this.isBusy || !this.#isEndAwaited) return;
    this.#isEndAwaited = false;
    if (!this.isNetworkFull) this.#owner.onDrain();
  }

  /** Compresses all that waits at once, as there is no room for it. Tells whether there was any. */
  finish(): boolean {
    if (!this.isBusy) return false;
    this.#backlog?.finish();
    this.#onWorked();
    return true;
  }

  /** The last flush. What waits behind a long message is dropped, and the rest of that: it cannot be sent any more. */
  giveUp(): void {
    const isDue = this.#isFlushDue || this.#isAnswering;
    this.#isFlushDue = false; // a flush that fails gives up, too
    if (isDue) this.flush(true);
    this.#isUntold = false;
    this.#isEndAwaited = false;
    this.#backlog?.drop();
  }

  /** Sends what a call of the session makes. */
  sendBy(make: () => void): void {
    try {
      this.#behindFrame();
      make();
    } catch (error) {
      this.#abortFor(error);
      return;
    }
    this.#flushSoon();
  }

  /** Calls back when the network has taken what was sent last, or with the reason why it never will. */
  whenTaken(waiter: Waiter): void {
    if (this.#transport === CLOSED) queueMicrotask(() => callAll([waiter], this.#failure ?? lost(undefined)));
    else if (this.isBusy) this.#backlog?.whenTaken(waiter);
    else this.#addWaiter(waiter);
  }

  #addWaiter(waiter: Waiter): void {
    this.#batches ??= new Queue();
    const { last } = this.#batches;
    if (last?.isFlushed === false) last.waiters.push(waiter);
    else this.#batches.push({ waiters: [waiter], isFlushed: false, isOver: false });
  }

  /** Nothing leaves any more: calls back all that wait, and keeps nothing of what was sent. */
  close(failure: ConnectionFailure | undefined): void {
    clearTimeout(this.#releaseTimer);
    const batches = this.#batches;
    this.#batches = undefined;
    this.giveUp();
    this.#transport = CLOSED;
    this.#failure = failure;
    this.#writes = undefined;
    const waiters = this.#backlog?.takeUnsent() ?? [];
    if ((batches?.length ?? 0) + waiters.length === 0) return; // an error costs more than all the rest
    const reason = failure ?? lost(undefined);
    for (let batch = batches?.shift(); batch !== undefined; batch = batches?.shift()) callAll(batch.waiters, reason);
    callAll(waiters, reason);
  }

  /** The compressor is kept until no message has been sent for a while. */
  #releaseLater(): void {
    const { releaseAfter } = this.#session;
    if (releaseAfter === undefined || !this.#session.hasCompressed || this.#session.closeSent) return;
    clearTimeout(this.#releaseTimer);
    this.#releaseTimer = setWatch(() => {
      if (!this.#session.closeSent) this.sendBy(() => this.#session.releaseCompressor());
    }, releaseAfter);
  }

  /** All frames of one turn leave in one write: at the end of a delivery, else when the running code is done. */
  #flushSoon(): void {
    if (this.#owner.isDelivering) {
      if (!this.#isAnswering) beginAnswer(this);
      this.#isAnswering = true;
    } else if (!this.#isFlushDue) {
      this.#isFlushDue = true;
      flushSoon(this);
    }
  }

  /** A delivery is over. What was sent before it leaves by the flush that is due. */
  delivered(): void {
    if (this.#isAnswering) this.flush();
  }

  /** @internal */
  onFlushDue(): void {
    this.#isFlushDue = false;
    this.flush();
  }

  /**
   * Gives the network all that was sent.
   *
   * @param isLast whether those who wait are called once the caller is done; bound, as a closure would cost each flush
   */
  flush(isLast = false): void {
    if (this.#isAnswering) endAnswer(this);
    this.#isAnswering = false;
    const parts = this.#takeOutput();
    if (parts.length === 0) return;
    for (let at = 0; at < parts.length; at++) this.#bytesSent += (parts[at] as Uint8Array).length;
    const slab = lentOutput();
    // what a tap sends meanwhile is of the next flush
    const size = this.#unflushed;
    this.#unflushed = 0;
    const batch = this.#batches?.last;
    if (batch !== undefined) batch.isFlushed = true;
    const isTaken = this.#transport.write(parts, this);
    this.#isUntold ||= size > 0;
    if (isTaken) {
      const hasPing = this.#owner.onLeaving(true);
      if (slab !== undefined) giveBack(slab);
      if (isLast) queueMicrotask(this.#taken.bind(this, size, hasPing, batch));
      else this.#taken(size, hasPing, batch);
    } else {
      this.#writes ??= new Writes();
      const write = this.#writes.push({ size, hasPing: false, batch, slab }, parts);
      write.hasPing = this.#owner.onLeaving(false); // which counts the memory
    }
  }

  /** @internal */
  onTaken(): void {
    const write = this.#writes?.shift();
    if (this.#writes?.isEmpty) this.#writes = undefined;
    if (write === undefined) return;
    if (write.slab !== undefined) giveBack(write.slab);
    this.#taken(write.size, write.hasPing, write.batch);
  }

  #taken(size: number, hasPing: boolean, batch: Batch | undefined): void {
    this.#bufferedAmount -= size;
    const isAllTaken = this.#bufferedAmount === 0; // those who are called may send more
    this.#owner.onTaken(hasPing);
    if (batch !== undefined) this.#callUpTo(batch);
    // the transport's own `drain` comes first
    if (this.#isUntold && isAllTaken) this.#tellSoon();
  }

  /** The network takes what it is given in order. */
  #callUpTo(batch: Batch): void {
    const batches = this.#batches;
    while (batches !== undefined && !batch.isOver) {
      const next = batches.shift();
      if (batches.length === 0) this.#batches = undefined; // before a waiter can add one
      if (next === undefined) return;
      next.isOver = true;
      callAll(next.waiters, undefined);
    }
  }

  #takeOutput(): readonly Uint8Array[] {
    if (this.#frame !== undefined) return this.#takeFrame(this.#frame);
    let parts: readonly Uint8Array[] = NOTHING;
    try {
      parts = this.#session.takeOutput(this.#transport);
    } catch (error) {
      this.#owner.abort(error as ConnectionFailure); // of any kind: the code that has sent is not there any more
    }
    this.#countSent();
    return parts;
  }

  #takeFrame(frame: Uint8Array): readonly Uint8Array[] {
    this.#frame = undefined;
    return [frame];
  }

  /** The transport was full and can take more, which the owner learns from that. */
  drained(): void {
    this.#isUntold &&= this.#bufferedAmount > 0;
  }

  #tellSoon(): void {
    if (this.#owner.mayAwaitDrain && this.#owner.awaits("drain")) queueMicrotask(() => this.#tellAllTaken());
    else this.#isUntold = false;
  }

  /** Those who go on once a write was taken may have sent more by now: where there is room, they hear of it too. */
  #tellAllTaken(): void {
    if (!this.#isUntold || this.isFull) return;
    this.#isUntold = false;
    this.#owner.onDrain();
  }

  /** An error of the caller's is thrown to the caller; any other ends the connection. */
  #abortFor(error: unknown): void {
    if (!(error instanceof EngineTrap || error instanceof WebSocketError)) throw error;
    this.#owner.abort(error);
  }
}

/** If one throws, the others are called all the same. */
export function callAll<T>(calls: readonly ((outcome: T) => void)[], outcome: T): void {
  for (const call of calls) {
    try {
      call(outcome);
    } catch (error) {
      throwLater(error);
    }
  }
}
