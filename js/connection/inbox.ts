/**
 * Data of the peer that is not delivered yet, and the reasons for which it waits.
 *
 * @module
 */
import { concat, copyOf } from "../engine/bytes.js";
import type { Received } from "../session/assembly.js";
import type { FrameSession } from "../session/session.js";
import { nextTick } from "../transport/tasks.js";
import { Claim } from "./claim.js";
import { beginsMessage, compact, endsMessage, isMessage, isOfMessage, type Message, sizeOf } from "./received.js";
import { isOver, later, spend } from "./work.js";

/**
 * The treatment of the next message and all behind it. `wanted`: it is delivered. `held`: it waits, because the
 * reader is busy with the one before. `unclaimed`: it waits for the application to say that it reads messages.
 */
export type Demand = "wanted" | "held" | "unclaimed";

/** The owner of an inbox. */
export interface InboxOwner {
  /** The most bytes that an unfinished message may take now. */
  readonly room: number;
  /** The session has made this of what came; it is not delivered yet. */
  onRead(received: readonly Received[]): void;
  /** Delivers it. */
  onReceived(received: Received): void;
  /** Says what becomes of the next message. */
  demand(demand: Demand): void;
  /** Whether there is a listener of messages that made no claim. */
  awaits(what: "message"): boolean;
  /** Goes on: the inbox was held up by itself, for others' sake or in vain. */
  goOn(): void;
}

/** Bytes that are read ahead while messages wait. If the peer sends no more than this, its end is still seen. */
const READ_AHEAD = 64 * 1024;

/** Milliseconds that messages wait to be claimed when their sender has gone, at most. */
const CLAIM_TIME = 1000;

const NO_BYTES = new Uint8Array(0);
/** Shared empty queue. */
const NOTHING = Object.freeze([]) as readonly never[] as never[];

/** The inbox of one connection. */
export class Inbox {
  readonly #session: FrameSession;
  readonly #owner: InboxOwner;
  /** Received; those from `#next` on are not delivered yet. Their memory is counted once delivering has stopped. */
  #undelivered: (Received | undefined)[] = NOTHING;
  #next = 0;
  #undeliveredBytes = 0;
  /** Messages that the application has not claimed. */
  #unclaimed: Received[] = NOTHING;
  #unclaimedBytes = 0;
  /** From the network, and not taken yet. */
  #unread: Uint8Array = NO_BYTES;
  /** Whether messages may be parts of it. */
  #isUnreadOwned = false;
  #bytesReceived = 0;
  #demand: Demand = "wanted";
  #isPaused = false;
  #isThrottled = false;
  #isDelivering = false;
  #deliveryTime: number | undefined;
  /** Runs while unclaimed messages wait; shorter once their sender has gone. */
  #claim: Claim | undefined;
  readonly #claimTime: number;
  /** The kinds that are delivered at all. `claimed`: controls, and messages again once they are claimed. */
  #passes: "all" | "claimed" | "controls" | "nothing" = "all";
  /** Whether the beginning of the message whose parts come now was dropped. */
  #isCut = false;
  /** Whether reading goes on in a later turn. */
  #isWaiting = false;
  /** Whether waiting for a claim keeps the process alive. */
  isHeld = true;

  /** @param claimTime milliseconds that messages wait to be claimed */
  constructor(session: FrameSession, owner: InboxOwner, claimTime: number) {
    this.#session = session;
    this.#owner = owner;
    this.#claimTime = claimTime;
  }

  /** Whether others have their turn first. */
  get isWaiting(): boolean {
    return this.#isWaiting;
  }

  get bytesReceived(): number {
    return this.#bytesReceived;
  }

  get demand(): Demand {
    return this.#demand;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  get isThrottled(): boolean {
    return this.#isThrottled;
  }

  get isDelivering(): boolean {
    return this.#isDelivering;
  }

  /** Whether nothing is delivered for now. */
  get isStopped(): boolean {
    return this.#isPaused || this.#isThrottled;
  }

  /** Whether a message waits until it is wanted. */
  get isHolding(): boolean {
    return this.#demand === "held" && beginsMessage(this.#undelivered[this.#next]);
  }

  /** Whether enough was read while messages wait. */
  get hasReadAhead(): boolean {
    return this.#demand !== "wanted" && this.#passes !== "claimed" && this.heldBytes > READ_AHEAD;
  }

  /** Whether everything that came was delivered, but what is unclaimed. */
  get isEmpty(): boolean {
    return this.#undelivered.length === 0 && !this.#hasUnread;
  }

  get hasUnclaimed(): boolean {
    return this.#unclaimed.length > 0;
  }

  /** The memory of what came, in bytes, roughly. */
  get heldBytes(): number {
    return this.#session.heldBytes + this.#undeliveredBytes + this.#unclaimedBytes + this.#unread.length;
  }

  get #hasUnread(): boolean {
    return this.#unread.length > 0 || (this.#session.hasMore && this.#passes !== "nothing");
  }

  /**
   * When delivering began, by the clock of events. What is delivered at once has one time: asking costs more than an
   * event.
   */
  deliveryTime(): number {
    this.#deliveryTime ??= performance.now();
    return this.#deliveryTime;
  }

  /** Bytes came from the network, to be kept no longer than until `keep`. */
  push(chunk: Uint8Array, isOwned: boolean): void {
    this.#bytesReceived += chunk.length;
    this.#isUnreadOwned = isOwned || this.#unread.length > 0;
    this.#unread = this.#unread.length === 0 ? chunk : concat(this.#unread, chunk);
  }

  /** What was pushed and not read waits: in memory of its own, and nothing of the transport's. */
  keep(): void {
    if (this.#unread.length === 0) return;
    this.#unread = copyOf(this.#unread);
    this.#isUnreadOwned = true;
  }

  pause(): void {
    this.#isPaused = true;
  }

  /** Undoes `pause`. Messages that were not claimed are. */
  resume(): void {
    this.#isPaused = false;
    if (this.#demand === "unclaimed") this.want("wanted");
  }

  throttle(isThrottled: boolean): void {
    this.#isThrottled = isThrottled;
  }

  /** Says what becomes of the next message. */
  want(demand: Demand): void {
    this.#demand = demand;
    if (demand === "unclaimed") return;
    this.#endClaim();
    if (this.#passes === "claimed") this.#passes = "all";
    if (this.#unclaimed.length === 0) return;
    this.#undelivered = [...this.#unclaimed, ...this.#undelivered.slice(this.#next)];
    this.#next = 0;
    this.#undeliveredBytes = 0; // counted again when delivering stops
    this.#unclaimed = NOTHING;
    this.#unclaimedBytes = 0;
  }

  /** Undoes everything that stopped delivery. Returns whether there was anything to undo. */
  open(): boolean {
    const wasOpen = !this.isStopped && this.#demand === "wanted";
    this.#isPaused = false;
    this.#isThrottled = false;
    this.want("wanted");
    return !wasOpen;
  }

  /** The peer has gone. Messages that are not claimed soon are dropped, after `most` milliseconds at the latest. */
  awaitClaim(most: number): void {
    if (this.#demand !== "unclaimed" || this.#claim?.isSenderGone) return;
    this.#endClaim();
    const drop = () => {
      this.#passes = "controls";
      this.#owner.demand("wanted");
    };
    this.#awaitClaim(Math.min(most, CLAIM_TIME), drop, true);
  }

  /** The application wants no messages: perhaps its server only sends. All other frames must be read nevertheless. */
  #giveUp(): void {
    this.#passes = "claimed";
    this.#unclaimed = NOTHING;
    this.#unclaimedBytes = 0;
    this.#owner.goOn();
  }

  #startClaim(): void {
    if (this.#claim === undefined) this.#awaitClaim(this.#claimTime, () => this.#giveUp(), false);
  }

  #awaitClaim(time: number, giveUp: () => void, isSenderGone: boolean): void {
    const onEnd = (isClaimed: boolean) => (isClaimed ? this.#owner.demand("wanted") : giveUp());
    const settings = { time, isSenderGone, isHeld: this.isHeld };
    this.#claim = new Claim(settings, () => this.#owner.awaits("message"), onEnd);
  }

  /** Whether waiting for a claim keeps the process alive. */
  holdProcess(isHeld: boolean): void {
    this.isHeld = isHeld;
    this.#claim?.holdProcess(isHeld);
  }

  #endClaim(): void {
    this.#claim?.end();
    this.#claim = undefined;
  }

  /** Drops what came, and whatever still comes (§7.1.7). */
  shut(): void {
    this.#passes = "nothing";
    this.#endClaim();
    this.#session.dropReceived();
    this.#unclaimed = NOTHING;
    this.#unclaimedBytes = 0;
    this.#undelivered = NOTHING;
    this.#next = 0;
    this.#undeliveredBytes = 0;
    this.#unread = NO_BYTES;
  }

  /** Delivers what came, until something holds it up. Tells whether it did: not within itself. */
  deliver(): boolean {
    if (this.#isDelivering) return false;
    if (this.#demand === "unclaimed" && this.#owner.awaits("message")) this.want("wanted");
    this.#isDelivering = true;
    try {
      do this.#deliverBatch();
      while (this.#undelivered.length === 0 && this.#read());
    } finally {
      this.#isDelivering = false;
      this.#deliveryTime = undefined;
    }
    if (this.#demand === "unclaimed" && this.hasReadAhead) this.#startClaim(); // the first message may not end here
    return true;
  }

  #deliverBatch(): void {
    while (this.#next < this.#undelivered.length && !this.isStopped && !this.isHolding) {
      const received = this.#undelivered[this.#next] as Received;
      this.#undelivered[this.#next++] = undefined;
      if (this.#undeliveredBytes > 0) this.#undeliveredBytes -= sizeOf(received);
      this.#session.remember(received);
      if (this.#isUnclaimed(received)) this.#keepUnclaimed(received);
      else if (!isOfMessage(received)) this.#owner.onReceived(received);
      else if (this.#isCut && !beginsMessage(received)) this.#isCut = !endsMessage(received);
      else if (this.#passes === "all") this.#owner.onReceived(received);
      else this.#isCut = !endsMessage(received);
    }
    if (this.#next === this.#undelivered.length) this.#emptied();
    else if (this.#undeliveredBytes === 0) this.#countUndelivered();
  }

  /** Whether a message waits that is whole and may be had at once. */
  get hasNext(): boolean {
    if (this.#demand !== "held" || this.isStopped || this.#isDelivering || this.#passes !== "all") return false;
    const received = this.#undelivered[this.#next];
    return received !== undefined && isMessage(received);
  }

  /** That message. */
  take(): Message | undefined {
    if (!this.hasNext) return undefined;
    const received = this.#undelivered[this.#next] as Message;
    if (this.#undeliveredBytes > 0) this.#undeliveredBytes -= sizeOf(received);
    this.#undelivered[this.#next++] = undefined;
    if (this.#next === this.#undelivered.length) this.#emptied();
    this.#session.remember(received);
    if (!this.isHolding) nextTick(() => this.#owner.goOn());
    return received;
  }

  #emptied(): void {
    this.#undelivered = NOTHING;
    this.#next = 0;
  }

  #countUndelivered(): void {
    for (let at = this.#next; at < this.#undelivered.length; at++) {
      const received = compact(this.#undelivered[at] as Received);
      this.#undelivered[at] = received;
      this.#undeliveredBytes += sizeOf(received);
    }
  }

  /** Whether it is to be claimed first; the rest of a message that was given out is not. */
  #isUnclaimed(received: Received): boolean {
    if (this.#demand !== "unclaimed" || this.#passes !== "all") return false;
    return beginsMessage(received) || (this.hasUnclaimed && isOfMessage(received));
  }

  /** A message waits to be claimed; what comes behind it and is not a message does not. */
  #keepUnclaimed(received: Received): void {
    if (this.#unclaimed === NOTHING) this.#unclaimed = [];
    this.#startClaim();
    this.#unclaimed.push(compact(received));
    this.#unclaimedBytes += sizeOf(received);
  }

  /** Reads as much from the network as can be delivered at once. Returns whether there was any. */
  #read(): boolean {
    if (!this.#hasUnread || this.isStopped || this.hasReadAhead || this.#isWaiting) return false;
    if (isOver(this.#session.work)) {
      this.#wait();
      return false;
    }
    const received: Received[] = [];
    const { length } = this.#unread;
    const taken = this.#session.receive(this.#unread, received, this.#owner.room, this.#isUnreadOwned);
    // not even an empty view may keep the chunk
    this.#unread = taken === length ? NO_BYTES : this.#unread.subarray(taken);
    spend(this.#session.work);
    this.#undelivered = received;
    this.#owner.onRead(received);
    return true;
  }

  #wait(): void {
    this.#isWaiting = true;
    later(() => {
      this.#isWaiting = false;
      this.#owner.goOn();
    });
  }
}
