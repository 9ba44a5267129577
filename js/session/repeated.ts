/**
 * What a loop sends to many connections, one by one: once some were sent it in a turn, it is prepared for the others.
 *
 * @module
 */
import { areEqual } from "../engine/bytes.js";
import type { Framing, SentData } from "./outgoing.js";
import { type PreparedMessage, prepared } from "./prepared.js";

/** How often a message is sent as it is: to prepare it takes about as long. */
const ALONE = 3;
/** Up to this many bytes, V8 makes an array's buffer when someone asks for it, which takes longer than to send them. */
const LONGEST_WITHOUT_BUFFER = 64;

/** What was sent last in this turn, how often, and whether its bytes have changed meanwhile. */
let last: string | Uint8Array | undefined;
let isLastText = false;
let count = 0;
let hasChanged = false;
/** The same, once it was sent too often. */
let message: PreparedMessage | undefined;

/** The data that is sent, or the same prepared. */
export function repeated(data: string | Uint8Array, framing?: Framing): SentData {
  if (framing?.isLast === false) return data;
  return preparedOf(data, framing?.isText ?? typeof data === "string") ?? data;
}

/** The turn is over. */
export function forgetRepeated(): void {
  last = undefined;
  message = undefined;
}

function preparedOf(data: string | Uint8Array, isText: boolean): PreparedMessage | undefined {
  if (isText !== isLastText || !isSame(data)) {
    begin(data, isText);
    return undefined;
  }
  count += 1;
  if (count <= ALONE || hasChanged) return undefined;
  message ??= prepared(data, isText);
  if (typeof data !== "string" && !areEqual(data, message.data as Uint8Array)) {
    message = undefined;
    hasChanged = true;
  }
  return message;
}

function begin(data: string | Uint8Array, isText: boolean): void {
  last = data;
  isLastText = isText;
  count = 1;
  hasChanged = false;
  message = undefined;
}

/** Whether it is the last text, or the memory of the last bytes. */
function isSame(data: string | Uint8Array): boolean {
  if (data === last || typeof data === "string" || typeof last !== "object") return data === last;
  const { length } = data;
  if (length !== last.length || length <= LONGEST_WITHOUT_BUFFER) return false;
  return data.buffer === last.buffer && data.byteOffset === last.byteOffset;
}
