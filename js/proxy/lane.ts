/**
 * One direction of a proxied connection. Bytes are passed on as they came, until a rule or the user of the page wants
 * to decide about messages; from then on whole messages and control frames wait in a queue, in their order.
 *
 * @module
 */
import { constants, inflateRawSync } from "node:zlib";

import type { Direction } from "../inspect/records.js";
import {
  FIN,
  FrameCutter,
  type FrameHead,
  type FramePart,
  frameOf,
  isControl,
  kindOf,
  opcodeOf,
  RSV1,
  unmasked,
} from "./frames.js";
import type { HeldUnit, Release } from "./log.js";
import type { Action, Subject } from "./rules.js";

/** Bytes that may wait in the queue before the sender has to wait as well. */
const MAX_QUEUED = 1 << 20;
/** A larger message is passed on as it comes. */
const MAX_UNIT = 16 << 20;
/** The window of DEFLATE: how far back a compressed message can refer (RFC 7692 §7.1.2). */
const WINDOW = 32 * 1024;
/** The end of a compressed message, which is not sent (RFC 7692 §7.2.1). */
const TAIL = Uint8Array.from([0, 0, 0xff, 0xff]);

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

/** A message with all its frames, or a control frame. */
class Unit {
  readonly number: number;
  readonly head: FrameHead;
  /** Whether it waits in the queue once it is whole, and is not passed on as it comes. */
  isStopped: boolean;
  /** Made here, and not by the sender. */
  isOwn = false;
  /** As it came. */
  raw: Uint8Array[] = [];
  size = 0;
  /** Unmasked and decompressed; nothing if it cannot be read. */
  payload: Uint8Array | undefined;
  #parts: Uint8Array[] = [];
  /** When it may go on, in milliseconds since 1970. */
  due = 0;
  /** It waits for a decision. */
  isHeld = false;

  constructor(number: number, head: FrameHead, isStopped: boolean) {
    this.number = number;
    this.head = head;
    this.isStopped = isStopped;
  }

  add(part: FramePart): void {
    this.size += part.bytes.length;
    if (this.isStopped) this.raw.push(part.bytes);
    if (this.size <= MAX_UNIT && (this.isStopped || this.isCompressed)) this.#parts.push(unmasked(part));
  }

  get isCompressed(): boolean {
    return !isControl(this.head.first) && (this.head.first & RSV1) !== 0;
  }

  get kind(): string {
    return kindOf(this.head.first);
  }

  /** The payload of all frames. */
  takePayload(): Uint8Array | undefined {
    const all = this.size <= MAX_UNIT ? Buffer.concat(this.#parts) : undefined;
    this.#parts = [];
    return all;
  }

  describe(): string {
    return `${this.kind} of ${this.payload?.length ?? this.size} bytes`;
  }
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
  /** The end of what the sender has compressed; nothing once that is not known. */
  #window: Uint8Array | undefined = new Uint8Array(0);
  /** What is passed on at the end of the turn. */
  #passing: Uint8Array[] = [];
  #isMidFrame = false;
  #timer: NodeJS.Timeout | undefined;
  #isSenderPaused = false;
  #onEmpty: (() => void) | undefined;
  #isOver = false;

  constructor(owner: LaneOwner, settings: LaneSettings) {
    this.#owner = owner;
    this.#settings = settings;
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
      this.#passAll();
      this.#isRaw = true;
      this.#pass(this.#cutter.takeHeader());
    }
  }

  #take(part: FramePart): void {
    const { first } = part.head;
    const unit = isControl(first) ? this.#controlOf(part) : this.#messageOf(part);
    unit.add(part);
    if (unit.isStopped && unit.size > MAX_UNIT) this.#passAll();
    else if (!unit.isStopped) this.#pass(part.bytes);
    this.#isMidFrame = !unit.isStopped && !part.ends;
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
    if (head.length > MAX_UNIT) this.#passAll();
    return new Unit(this.#units, head, this.#isStopping && head.length <= MAX_UNIT);
  }

  /** Lets everything go on that waits, because what comes next is too large to wait behind it. */
  #passAll(): void {
    for (const unit of this.#queue.splice(0)) for (const bytes of this.#bytesOf(unit)) this.#pass(bytes);
    this.#queued = 0;
    for (const unit of [this.#message, this.#control]) {
      if (unit?.isStopped !== true) continue;
      for (const bytes of unit.raw) this.#pass(bytes);
      unit.isStopped = false;
      unit.raw = [];
    }
  }

  #pass(bytes: Uint8Array): void {
    const last = this.#passing.at(-1);
    const isNext = last?.buffer === bytes.buffer && last.byteOffset + last.length === bytes.byteOffset;
    if (bytes.length === 0) return;
    if (last === undefined || !isNext) this.#passing.push(bytes);
    else
      this.#passing[this.#passing.length - 1] = new Uint8Array(
        last.buffer,
        last.byteOffset,
        last.length + bytes.length,
      );
  }

  get #isStopping(): boolean {
    const mustReframe = this.#isDirty && this.#settings.isCompressed;
    return this.#isHolding || this.#queue.length > 0 || mustReframe || this.#owner.hasRules();
  }

  #finish(unit: Unit): void {
    if (isControl(unit.head.first)) this.#control = undefined;
    else this.#message = undefined;
    const payload = unit.takePayload();
    unit.payload = unit.isCompressed ? this.#inflate(payload) : payload;
    if (unit.isCompressed && this.#isDirty && unit.payload === undefined) {
      this.#owner.close(1011, "a message refers to one that was changed, and cannot be decompressed here");
      return;
    }
    if (!unit.isStopped) return;
    const isDropped = this.#applyRules(unit);
    if (isDropped) return;
    this.#queued += unit.size;
    unit.isHeld = this.#isHolding;
    this.#queue.push(unit);
    if (unit.isHeld) this.#owner.heldChanged();
  }

  /** Follows what the sender compresses, even where no rule looks: later messages refer to it. */
  #inflate(compressed: Uint8Array | undefined): Uint8Array | undefined {
    if (compressed === undefined || this.#window === undefined) {
      this.#window = undefined;
      return undefined;
    }
    try {
      const options = { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: 4 * MAX_UNIT };
      const dictionary = this.#window.length > 0 ? { dictionary: this.#window } : {};
      const payload = inflateRawSync(Buffer.concat([compressed, TAIL]), { ...options, ...dictionary });
      this.#window = Buffer.concat([this.#window, payload.subarray(-WINDOW)]).subarray(-WINDOW);
      return payload;
    } catch {
      this.#window = undefined;
      return undefined;
    }
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
      this.#queued -= unit.size;
      this.#owner.write(this.#bytesOf(unit));
    }
    if (this.#queue.length === 0) this.#onEmpty?.();
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
    const isPaused = this.#owner.isFull() || this.#queued > MAX_QUEUED;
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
    this.#queued -= unit.size;
    this.#changed(unit, "dropped", "by hand");
    this.#owner.heldChanged();
    this.drained();
    return true;
  }

  /** Sends a frame in front of what is held, as soon as no other is being sent. */
  inject(first: number, payload: Uint8Array): void {
    this.#units += 1;
    const unit = new Unit(this.#units, { first, key: undefined, length: payload.length }, true);
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
    this.#onEmpty = () => {
      this.#onEmpty = undefined;
      // what the sender has not finished arrives unfinished
      this.#passAll();
      this.#pass(header);
      this.#flush();
      then();
    };
    this.#pump();
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
    this.#queue.length = 0;
    this.#queued = 0;
    this.#owner.heldChanged();
  }
}

/** The first byte of a message that is sent in one frame, without an extension. */
function plain(first: number): number {
  return opcodeOf(first) | FIN;
}
