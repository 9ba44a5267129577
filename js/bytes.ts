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

/**
 * The bytes of a buffer or a view, not copied, none if it is detached; `undefined` for everything else, which is sent as
 * a string.
 */
export function bytesOf(data: unknown): Uint8Array | undefined {
  if ((ArrayBuffer.isView(data) || isBuffer(data)) && data.byteLength === 0) return new Uint8Array(0);
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return isBuffer(data) ? new Uint8Array(data) : undefined;
}

/** A buffer of any realm, shared or not. */
function isBuffer(data: unknown): data is ArrayBufferLike {
  const name = Object.prototype.toString.call(data);
  return name === "[object ArrayBuffer]" || name === "[object SharedArrayBuffer]";
}
