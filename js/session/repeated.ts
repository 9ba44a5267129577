/**
 * What a loop sends to many connections, one by one: once some were sent it in a turn, the others share one frame.
 *
 * @module
 */
import { areEqual, part } from "../engine/bytes.js";
import { textSize } from "../engine/text.js";
import { headerSize, wholeFrame } from "./frames.js";
import type { PreparedFrames } from "./outgoing.js";

/** How often a message is framed for its connection alone: for fewer receivers, what is shared would not pay. */
const ALONE = 3;
/** Up to this many bytes, V8 makes an array's buffer when someone asks for it, which takes longer than to copy them. */
const LONGEST_WITHOUT_BUFFER = 64;

/** What was sent last in this turn, and how often. */
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

  constructor(data: string | Uint8Array, origin: string | Uint8Array, isText: boolean) {
    this.size = textSize(data);
    this.#frame = wholeFrame(data, this.size, isText);
    this.data = typeof data === "string" ? data : part(this.#frame, headerSize(this.size), this.#frame.length);
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

/** Whether the same was sent in this turn several times before, not as a part, and not compressed. Remembers it. */
export function isRepeated(data: string | Uint8Array): boolean {
  if (typeof data !== "string" && data.length <= LONGEST_WITHOUT_BUFFER) return false;
  if (isLast(data)) {
    count += 1;
    return count > ALONE;
  }
  last = data;
  count = 1;
  return false;
}

/** What is shared of such data, if that did not change meanwhile. */
export function sharedOf(data: string | Uint8Array, isText: boolean): PreparedFrames | undefined {
  if (shared === undefined || shared.origin !== last) {
    shared = new SharedFrame(data, last as string | Uint8Array, isText);
  } else if (!shared.hasChanged && typeof data !== "string") {
    shared.hasChanged = !areEqual(data, shared.data as Uint8Array);
  }
  return shared.hasChanged || shared.isText !== isText ? undefined : shared;
}

/** The turn is over. */
export function forgetRepeated(): void {
  last = undefined;
  shared = undefined;
}

/** Whether it is the last text, or the memory of the last bytes. */
function isLast(data: string | Uint8Array): boolean {
  if (typeof data === "string" || typeof last !== "object" || data.length !== last.length) return data === last;
  return data === last || (data.buffer === last.buffer && data.byteOffset === last.byteOffset);
}
