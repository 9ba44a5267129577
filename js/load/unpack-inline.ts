/**
 * What a program's text has of an engine.
 *
 * @module
 */
// pages have nothing of their own that inflates at once
import { inflateSync } from "fflate/browser";

/** The bytes that `scripts/build.mjs` has deflated and written in base64. */
export function unpacked(base64: string): Uint8Array<ArrayBuffer> {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let index = 0; index < bytes.length; index++) bytes[index] = text.charCodeAt(index);
  return inflateSync(bytes) as Uint8Array<ArrayBuffer>;
}
