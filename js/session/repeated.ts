/**
 * What a loop sends to many connections, one by one: once some were sent it, the others share one frame.
 *
 * @module
 */
import { areOneMemory, areSurelyEqual, part } from "../engine/bytes.js";
import { textSize } from "../engine/text.js";
import { headerSize, wholeFrame } from "./frames.js";
import type { PreparedFrames } from "./outgoing.js";

/** How often a message is framed for its connection alone: for fewer receivers, what is shared would not pay. */
const ALONE = 3;
/**
 * For an array of at most this many bytes, V8 makes the `ArrayBuffer` when someone asks for it, which takes longer than
 * to copy the bytes.
 */
const LONGEST_WITHOUT_BUFFER = 64;

/** What was sent last since everything was flushed, and how often. */
let last: string | Uint8Array | undefined;
let count = 0;
/** What is shared of it, or of what was sent before it. */
let shared: SharedFrame | undefined;

/** A message of servers that is not compressed. */
class SharedFrame implements PreparedFrames {
  readonly data: string | Uint8Array;
  readonly size: number;
  /** What it was made of. */
  readonly origin: string | Uint8Array;
  readonly isText: boolean;
  /** Whether the bytes that it was made of have changed since. */
  hasChanged = false;
  readonly #frame: Uint8Array;

  constructor(origin: string | Uint8Array, isText: boolean) {
    this.size = textSize(origin);
    this.#frame = wholeFrame(origin, this.size, isText);
    this.data = typeof origin === "string" ? origin : part(this.#frame, headerSize(this.size), this.#frame.length);
    this.origin = origin;
    this.isText = isText;
  }

  frame(): Uint8Array {
    return this.#frame;
  }

  prepare(): boolean {
    return true;
  }
}

/**
 * Counts the sends of one message, and gives what is shared of it once it was sent to some. The caller leaves out what
 * is compressed, or not a whole message.
 */
export function sharedFrame(data: string | Uint8Array, isText: boolean): PreparedFrames | undefined {
  if (typeof data !== "string" && data.length <= LONGEST_WITHOUT_BUFFER) return undefined;
  if (last === undefined || !isSame(data, last)) {
    last = data;
    count = 1;
    return undefined;
  }
  count += 1;
  if (count <= ALONE) return undefined;
  if (shared?.origin !== last) {
    shared = new SharedFrame(last, isText);
  } else if (!shared.hasChanged && typeof data !== "string") {
    shared.hasChanged = !areSurelyEqual(data, shared.data as Uint8Array);
  }
  return shared.hasChanged || shared.isText !== isText ? undefined : shared;
}

/** Everything is flushed: what comes is not of the same loop. */
export function forgetRepeated(): void {
  last = undefined;
  shared = undefined;
}

/** Whether it is the same text, or the same memory, whose bytes may have changed. */
function isSame(one: string | Uint8Array, other: string | Uint8Array): boolean {
  if (one === other) return true;
  return typeof one !== "string" && typeof other !== "string" && areOneMemory(one, other);
}
