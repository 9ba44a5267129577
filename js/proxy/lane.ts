/**
 * One direction of a proxied connection. Bytes are passed on as they came, until a rule or the user of the page wants
 * to decide about messages; from then on whole messages and control frames wait in a queue, in their order.
 *
 * @module
 */
import type { Direction } from "../inspect/records.js";
import {
  FIN,
  FrameCutter,
  type FrameHead,
  type FramePart,
  frameOf,
  isCompressed,
  isControl,
  opcodeOf,
} from "./frames.js";
import type { HeldUnit, Release } from "./log.js";
import type { Action, Subject } from "./rules.js";
import { append, Unit } from "./unit.js";
import { DeflateWindow } from "./window.js";

/** Bytes that may wait in the queue before the sender has to wait as well. */
const MAX_QUEUED = 1 << 20;

/** What a lane asks of its connection. */
export interface LaneOwner {
  /** Writes to the receiver, and records what is written. */
  write(parts: readonly Uint8Array[]): void;
  /** Whether the receiver takes more now. */
  isFull(): boolean;
  /** Stops or goes on reading from the sender. */
  pauseSender(isPaused: boolean): void;
  /** Whether rules look at what goes this way. */
  hasRules(): boolean;
  /** What the rules say about it. */
  actionsFor(subject: Omit<Subject, "direction" | "path">): readonly Action[];
  /** Something was done to a message. */
  intervened(action: string, about: string): void;
  /** What waits for a decision has changed. */
  heldChanged(): void;
  close(status: number | undefined, reason: string): void;
}

/** What a lane must know of the handshake. */
export interface LaneSettings {
  /** Which way it goes. */
  readonly direction: Direction;
  /** permessage-deflate was agreed on. */
  readonly isCompressed: boolean;
  /** A message may refer to those before it, so that one that was changed makes later ones unreadable as they are. */
  readonly hasTakeover: boolean;
}

/** Passes a direction on. */
export class Lane {
  readonly #owner: LaneOwner;
  readonly #settings: LaneSettings;
  readonly #cutter = new FrameCutter();
  #message: Unit | undefined;
  #control: Unit | undefined;
  readonly #queue: Unit[] = [];
  #queued = 0;
  #units = 0;
  #isHolding = false;
  /** The stream has no frames that can be told apart: it is passed on as it is. */
  #isRaw = false;
  /** The receiver's window is no longer the sender's: what is compressed goes on without compression. */
  #isDirty = false;
  readonly #window: DeflateWindow;
  /** What is passed on at the end of the turn. */
  #passing: Uint8Array[] = [];
  /** What the frame belongs to that has not ended. */
  #unfinished: Unit | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isSenderPaused = false;
  #onEmpty: (() => void) | undefined;
  #isOver = false;

  constructor(owner: LaneOwner, settings: LaneSettings) {
    this.#owner = owner;
    this.#settings = settings;
    this.#window = new DeflateWindow(settings.hasTakeover, () => this.#keepBack());
  }

  /** Takes the next bytes of the sender. */
  receive(chunk: Uint8Array): void {
    if (this.#isRaw) this.#pass(chunk);
    else this.#cut(chunk);
    this.#flush();
    this.#pump();
    this.#keepBack();
  }

  #cut(chunk: Uint8Array): void {
    try {
      for (const part of this.#cutter.cut(chunk)) this.#take(part);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      this.#passAll("what follows has no frames");
      this.#isRaw = true;
      this.#pass(this.#cutter.takeHeader());
    }
  }

  #take(part: FramePart): void {
    const { first } = part.head;
    const unit = isControl(first) ? this.#controlOf(part) : this.#messageOf(part);
    unit.add(part);
    if (!unit.isStopped) this.#pass(part.bytes);
    else if (unit.isTooLarge) this.#letLarge();
    this.#unfinished = part.ends ? undefined : unit;
    const isLast = part.ends && (isControl(first) || (first & FIN) !== 0);
    if (isLast) this.#finish(unit);
  }

  #controlOf(part: FramePart): Unit {
    if (part.headerSize > 0 || this.#control === undefined) this.#control = this.#begin(part.head);
    return this.#control;
  }

  #messageOf(part: FramePart): Unit {
    const begins = part.headerSize > 0 && opcodeOf(part.head.first) !== 0;
    if (begins && this.#message !== undefined) this.#finish(this.#message);
    this.#message ??= this.#begin(part.head);
    return this.#message;
  }

  #begin(head: FrameHead): Unit {
    this.#units += 1;
    return new Unit(this.#units, head, this.#isStopping, isCompressed(head.first) && this.#window.mustFollow);
  }

  /** What is too large to wait whole: it goes on as it comes, once all before it has. */
  get #large(): Unit | undefined {
    return [this.#control, this.#message].find((unit) => unit?.isStopped === true && unit.isTooLarge);
  }

  #letLarge(): void {
    if (this.#queue.length > 0) return;
    for (const bytes of this.#large?.let() ?? []) this.#pass(bytes);
  }

  /** Lets everything go on that waits, because nothing can be decided any more. */
  #passAll(why: string): void {
    for (const unit of this.#queue.splice(0)) {
      if (unit.isHeld) this.#owner.intervened("passed on", `${unit.describe()}, ${why}`);
      for (const bytes of this.#bytesOf(unit)) this.#pass(bytes);
    }
    this.#queued = 0;
    for (const unit of [this.#message, this.#control]) {
      if (unit?.isStopped === true) for (const bytes of unit.let()) this.#pass(bytes);
    }
  }

  #pass(bytes: Uint8Array): void {
    append(this.#passing, bytes);
  }

  get #isStopping(): boolean {
    const mustReframe = this.#isDirty && this.#settings.isCompressed;
    return this.#isHolding || this.#queue.length > 0 || mustReframe || this.#owner.hasRules();
  }

  #finish(unit: Unit): void {
    if (isControl(unit.head.first)) this.#control = undefined;
    else this.#message = undefined;
    if (!unit.isStopped) {
      this.#passed(unit);
      return;
    }
    const payload = unit.wirePayload();
    unit.payload = unit.isCompressed ? this.#inflate(payload) : payload;
    if (unit.isCompressed && this.#isDirty && unit.payload === undefined) {
      this.#failDirty();
      return;
    }
    const isDropped = this.#applyRules(unit);
    if (isDropped) return;
    unit.settle();
    this.#queued += unit.cost;
    unit.isHeld = this.#isHolding && !unit.isTooLarge;
    this.#queue.push(unit);
    if (unit.isHeld) this.#owner.heldChanged();
  }

  /** Later messages may refer to one that was only passed on. */
  #passed(unit: Unit): void {
    if (!unit.isCompressed) return;
    const payload = unit.wirePayload();
    if (payload === undefined) this.#window.lose();
    else this.#window.follow(payload);
    if (this.#isDirty) this.#failDirty();
  }

  #failDirty(): void {
    this.#owner.close(1011, "a message refers to one that was changed, and cannot be decompressed here");
  }

  #inflate(compressed: Uint8Array | undefined): Uint8Array | undefined {
    if (compressed !== undefined) return this.#window.inflate(compressed);
    this.#window.lose();
    return undefined;
  }

  /** Returns whether the rules drop it. */
  #applyRules(unit: Unit): boolean {
    const text = () => new TextDecoder().decode(unit.payload);
    for (const action of this.#owner.actionsFor({ kind: unit.kind, text })) {
      if (action.type === "drop") {
        this.#changed(unit, "dropped", "by a rule");
        return true;
      }
      if (action.type === "delay") {
        unit.due = Date.now() + action.delay;
        this.#owner.intervened("delayed", `${unit.describe()}, by ${action.delay} ms`);
      } else {
        // what the rule counted still arrives
        queueMicrotask(() => this.#owner.close(action.status, "by a rule"));
      }
    }
    return false;
  }

  #changed(unit: Unit, action: string, why: string): void {
    if (unit.isCompressed && this.#settings.hasTakeover) this.#isDirty = true;
    this.#owner.intervened(action, `${unit.describe()}${why && `, ${why}`}`);
  }

  /** The receiver takes more. */
  drained(): void {
    this.#pump();
    this.#keepBack();
  }

  #flush(): void {
    if (this.#passing.length === 0) return;
    const parts = this.#passing;
    this.#passing = [];
    this.#owner.write(parts);
  }

  /** Sends what is due, in order. */
  #pump(): void {
    if (this.#isOver) return;
    clearTimeout(this.#timer);
    for (let unit = this.#queue[0]; unit !== undefined && !this.#owner.isFull(); unit = this.#queue[0]) {
      if (unit.isHeld || this.#isMidFrame || (!isControl(unit.head.first) && this.#isPassingMessage)) return;
      const wait = unit.due - Date.now();
      if (wait > 0) {
        this.#timer = setTimeout(() => this.drained(), wait);
        return;
      }
      this.#queue.shift();
      this.#queued -= unit.cost;
      this.#owner.write(this.#bytesOf(unit));
    }
    if (this.#queue.length > 0) return;
    if (this.#large !== undefined) {
      this.#letLarge();
      this.#flush();
    }
    this.#onEmpty?.();
  }

  /** Whether the receiver has a part of a frame. */
  get #isMidFrame(): boolean {
    return this.#unfinished?.isStopped === false;
  }

  get #isPassingMessage(): boolean {
    return this.#message !== undefined && !this.#message.isStopped;
  }

  /** As it came, unless the receiver could not decompress that. */
  #bytesOf(unit: Unit): readonly Uint8Array[] {
    if (unit.isOwn || !unit.isCompressed || !this.#isDirty || unit.payload === undefined) return unit.raw;
    return [this.#frame(plain(unit.head.first), unit.payload)];
  }

  #frame(first: number, payload: Uint8Array): Uint8Array {
    return frameOf(first, payload, this.#settings.direction === "toServer");
  }

  /** The sender waits as long as the receiver is full, or the queue is. */
  #keepBack(): void {
    const isWaiting = this.#queued > MAX_QUEUED || this.#large !== undefined || this.#window.isBehind;
    const isPaused = this.#owner.isFull() || isWaiting;
    if (isPaused === this.#isSenderPaused) return;
    this.#isSenderPaused = isPaused;
    this.#owner.pauseSender(isPaused);
  }

  get isHolding(): boolean {
    return this.#isHolding;
  }

  /** Stops messages from now on, or lets all of them go. */
  hold(isOn: boolean): void {
    this.#isHolding = isOn;
    if (!isOn) for (const unit of this.#queue) unit.isHeld = false;
    this.#owner.heldChanged();
    this.drained();
  }

  held(): readonly HeldUnit[] {
    const { direction } = this.#settings;
    return this.#queue
      .filter(({ isHeld }) => isHeld)
      .map(({ number, kind, head, payload = new Uint8Array(0) }) => {
        return { number, direction, kind, first: plain(head.first), payload };
      });
  }

  get heldCount(): number {
    return this.#queue.reduce((count, { isHeld }) => count + Number(isHeld), 0);
  }

  /** Lets one go on, in its place. */
  release(number: number, { payload, first, delay = 0 }: Release): boolean {
    const unit = this.#queue.find((one) => one.number === number && one.isHeld);
    if (unit === undefined) return false;
    unit.isHeld = false;
    if (payload !== undefined) {
      this.#changed(unit, "edited", `${payload.length} after it`);
      unit.raw = [this.#frame(first ?? plain(unit.head.first), payload)];
      unit.payload = payload;
      unit.isOwn = true;
    }
    if (delay > 0) {
      unit.due = Date.now() + delay;
      this.#owner.intervened("delayed", `${unit.describe()}, by ${delay} ms`);
    }
    this.#owner.heldChanged();
    this.drained();
    return true;
  }

  /** Takes one out. */
  drop(number: number): boolean {
    const at = this.#queue.findIndex((one) => one.number === number && one.isHeld);
    const unit = this.#queue[at];
    if (unit === undefined) return false;
    this.#queue.splice(at, 1);
    this.#queued -= unit.cost;
    this.#changed(unit, "dropped", "by hand");
    this.#owner.heldChanged();
    this.drained();
    return true;
  }

  /** Sends a frame in front of what is held, as soon as no other is being sent. */
  inject(first: number, payload: Uint8Array): void {
    this.#units += 1;
    const unit = new Unit(this.#units, { first, key: undefined, length: payload.length }, true, false);
    unit.raw = [this.#frame(first, payload)];
    unit.payload = payload;
    unit.isOwn = true;
    this.#queue.unshift(unit);
    this.#owner.intervened("injected", unit.describe());
    this.drained();
  }

  /** Calls back when all that waits has gone on: at once, if nothing does. */
  whenEmpty(then: () => void): void {
    const header = this.#cutter.takeHeader();
    this.#dropUnsendable();
    this.#onEmpty = () => {
      this.#onEmpty = undefined;
      // what the sender has not finished arrives unfinished
      this.#passAll("");
      this.#pass(header);
      this.#flush();
      then();
    };
    this.#pump();
  }

  /** Behind an unfinished frame nothing can be sent, and behind an unfinished message control frames alone. */
  #dropUnsendable(): void {
    for (const unit of this.#queue.splice(0)) {
      const isSendable = !this.#isMidFrame && (isControl(unit.head.first) || !this.#isPassingMessage);
      if (isSendable) {
        this.#queue.push(unit);
        continue;
      }
      this.#queued -= unit.cost;
      this.#owner.intervened("dropped", `${unit.describe()}, behind what the sender has not finished`);
    }
  }

  /** A close frame with this status, if the receiver is between two frames and can read it. */
  closeFrame(status: number, reason: string): Uint8Array | undefined {
    if (this.#isMidFrame || this.#isRaw) return undefined;
    const payload = Buffer.from(`  ${reason}`).subarray(0, 125);
    payload.writeUInt16BE(status);
    return this.#frame(0x88, payload);
  }

  /** Gives up what waits. */
  stop(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#window.stop();
    this.#queue.length = 0;
    this.#queued = 0;
    this.#owner.heldChanged();
  }
}

/** The first byte of a message that is sent in one frame, without an extension. */
function plain(first: number): number {
  return opcodeOf(first) | FIN;
}
