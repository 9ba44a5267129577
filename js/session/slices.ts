/**
 * Long messages, compressed slice by slice, so that others have their turn in between.
 *
 * @module
 */
import { textBytes } from "../engine/text.js";
import { isPrepared, LONGEST_AT_ONCE, type Outgoing, type SentData } from "./outgoing.js";

/** Bytes of a slice, or UTF-16 units of a text. */
const SLICE = LONGEST_AT_ONCE / 2;

/** Does the next slice of the work. Tells whether that was the last. */
export type Slices = () => boolean;

/** Whether a message takes long to compress, if it is compressed. */
export function isLong(data: SentData): boolean {
  return plainOf(data).length > LONGEST_AT_ONCE;
}

/**
 * The slices of a message that is compressed. Until the last is made, nothing but control frames may be sent.
 *
 * @param data must not change before
 */
export function slicesOf(outgoing: Outgoing, data: SentData, isText?: boolean): Slices {
  const window = isPrepared(data) ? outgoing.preparedWindow : 0;
  if (!isPrepared(data) || window === 0) {
    const plain = plainOf(data);
    return inSlices(outgoing, plain, isText ?? typeof plain === "string");
  }
  return () => {
    const isDone = data.prepare(window);
    if (isDone) outgoing.send(data, true);
    return isDone;
  };
}

function plainOf(data: SentData): string | Uint8Array {
  return isPrepared(data) ? data.data : data;
}

function inSlices(outgoing: Outgoing, data: string | Uint8Array, isText: boolean): Slices {
  let at = 0;
  return () => {
    const start = at;
    at = endOfSlice(data, start);
    const isLast = at === data.length;
    const slice = typeof data === "string" ? textBytes(data.slice(start, at)) : data.subarray(start, at);
    if (outgoing.sendSlice(slice, isText, isLast)) return isLast;
    outgoing.send(data, false, { isText }); // there is no memory to compress it by
    return true;
  };
}

/** A slice of text ends between two characters. */
function endOfSlice(data: string | Uint8Array, start: number): number {
  const end = start + SLICE;
  if (end >= data.length) return data.length;
  return typeof data === "string" && isHighSurrogate(data.charCodeAt(end - 1)) ? end - 1 : end;
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit < 0xdc00;
}
