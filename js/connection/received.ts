/**
 * Questions about what came from the peer.
 *
 * @module
 */
import { copyOf } from "../engine/bytes.js";
import type { Received, TextBytes } from "../session/assembly.js";

/** The rough cost of an array or a string besides its bytes. Each waiting item counts it. */
export const OVERHEAD = 128;

/** A whole message. */
export type Message = string | Uint8Array<ArrayBuffer> | TextBytes;

/** Whether it is one. */
export function isMessage(received: Received): received is Message {
  return typeof received === "string" || ArrayBuffer.isView(received) || received.kind === "text";
}

/** Whether it is a message, or a piece of one. */
export function isOfMessage(received: Received): boolean {
  return isMessage(received) || received.kind === "part";
}

/** Whether it is a message, or the first piece of one. */
export function beginsMessage(received: Received | undefined): boolean {
  return received !== undefined && (isMessage(received) || (received.kind === "part" && received.isFirst));
}

/** Whether it is a message, or the last piece of one. */
export function endsMessage(received: Received): boolean {
  return isMessage(received) || (received.kind === "part" && received.isLast);
}

/** The same in memory of its own: binary messages may be parts of something larger. */
export function compact(received: Received): Received {
  if (typeof received === "string") return received;
  if (ArrayBuffer.isView(received)) return received.length < received.buffer.byteLength ? copyOf(received) : received;
  return received.kind === "text" ? { kind: "text", payload: copyOf(received.payload) } : received;
}

/** The memory of what waits to be delivered, roughly: a string may take two bytes a character. */
export function sizeOf(received: Received): number {
  if (typeof received === "string") return OVERHEAD + received.length * 2;
  if (ArrayBuffer.isView(received)) return OVERHEAD + received.length;
  if (received.kind === "text") return OVERHEAD + received.payload.length;
  if (received.kind === "part") return sizeOf(received.data);
  return OVERHEAD;
}
