/**
 * Byte arrays.
 *
 * @module
 */

/** Both, one behind the other, in an array of their own. */
export function concat(first: Uint8Array, second: Uint8Array): Uint8Array {
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}
