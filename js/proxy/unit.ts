/**
 * A message or a control frame on its way through the proxy.
 *
 * @module
 */
import { copyOf } from "../engine/bytes.js";
import { FrameCutter, type FrameHead, type FramePart, isCompressed, kindOf, unmasked } from "./frames.js";

/** A larger message is passed on as it comes. */
const MAX_UNIT = 16 << 20;
/** What a part of a message counts beside its bytes, so that empty fragments have an end too. */
const PART_COST = 128;

/** A message with all its frames, or a control frame. */
export class Unit {
  readonly number: number;
  readonly head: FrameHead;
  /** Whether it waits in the queue once it is whole, and is not passed on as it comes. */
  isStopped: boolean;
  /** Whether its bytes are kept: those of one that is stopped, or that later ones may refer to. */
  #isKept: boolean;
  /** Made here, and not by the sender. */
  isOwn = false;
  /** As it came. */
  raw: Uint8Array[] = [];
  /** Bytes that have come of it, and in how many parts. */
  size = 0;
  #parts = 0;
  /** Unmasked and decompressed; nothing if it cannot be read. */
  payload: Uint8Array | undefined;
  /** When it may go on, in milliseconds since 1970. */
  due = 0;
  /** It waits for a decision. */
  isHeld = false;

  constructor(number: number, head: FrameHead, isStopped: boolean, isFollowed: boolean) {
    this.number = number;
    this.head = head;
    this.isStopped = isStopped;
    this.#isKept = isStopped || isFollowed;
  }

  add({ bytes }: FramePart): void {
    this.size += bytes.length;
    this.#parts += 1;
    if (!this.#isKept) return;
    append(this.raw, bytes);
    if (!this.isStopped && this.isTooLarge) this.#release();
  }

  /** Memory that it takes, about. */
  get cost(): number {
    return this.size + PART_COST * this.#parts;
  }

  /** Whether it takes more memory than one may that waits whole. */
  get isTooLarge(): boolean {
    return Math.max(this.cost, this.head.length) > MAX_UNIT;
  }

  #release(): void {
    this.#isKept = false;
    this.raw = [];
  }

  /** It goes on as it comes from now on. Returns what has come. */
  let(): readonly Uint8Array[] {
    const { raw } = this;
    this.isStopped = false;
    this.#release();
    return raw;
  }

  /** It is whole, and may wait for long. */
  settle(): void {
    this.raw = this.raw.map(kept);
  }

  get isCompressed(): boolean {
    return isCompressed(this.head.first);
  }

  get kind(): string {
    return kindOf(this.head.first);
  }

  /** The payload of all frames; nothing if they were not kept. */
  wirePayload(): Uint8Array | undefined {
    if (!this.#isKept || this.isTooLarge) return undefined;
    const all = Buffer.allocUnsafe(this.size);
    const cutter = new FrameCutter();
    let length = 0;
    for (const bytes of this.raw) {
      for (const part of cutter.cut(bytes)) {
        all.set(unmasked(part), length);
        length += part.bytes.length - part.headerSize;
      }
    }
    return all.subarray(0, length);
  }

  describe(): string {
    return `${this.kind} of ${this.payload?.length ?? this.size} bytes`;
  }
}

/** Adds bytes to a list; those that follow the last ones in memory make them longer. */
export function append(list: Uint8Array[], bytes: Uint8Array): void {
  if (bytes.length === 0) return;
  const last = list.at(-1);
  if (last?.buffer !== bytes.buffer || last.byteOffset + last.length !== bytes.byteOffset) list.push(bytes);
  else list[list.length - 1] = new Uint8Array(last.buffer, last.byteOffset, last.length + bytes.length);
}

/** Bytes that stay for a while. A few of them would keep the whole chunk in which they came. */
export function kept(bytes: Uint8Array): Uint8Array {
  return 2 * bytes.length < bytes.buffer.byteLength ? copyOf(bytes) : bytes;
}
