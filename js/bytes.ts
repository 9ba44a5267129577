/**
 * Byte arrays.
 *
 * @module
 */

const { Buffer } = globalThis as { Buffer?: { allocUnsafe(size: number): Uint8Array<ArrayBuffer> } };

/**
 * So many bytes, with anything in them: a `Buffer` where the runtime has that, and if they are few, a part of its pool.
 */
export function allocate(size: number): Uint8Array<ArrayBuffer> {
  return Buffer === undefined ? new Uint8Array(size) : Buffer.allocUnsafe(size);
}

/** A part of an array as an array of {@link allocate}. */
export function allocatedCopy(bytes: Uint8Array, start: number, end: number): Uint8Array<ArrayBuffer> {
  const copy = allocate(end - start);
  copy.set(bytes.subarray(start, end));
  return copy;
}

/** The buffer of an array that has all of it, or else a copy of its part. */
export function bufferOf({ buffer, byteOffset, byteLength }: Uint8Array<ArrayBuffer>): ArrayBuffer {
  return byteLength === buffer.byteLength ? buffer : buffer.slice(byteOffset, byteOffset + byteLength);
}

/** A copy in an array of its own; a `Buffer`'s own `slice` would give the same memory. */
export function copyOf(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(bytes);
}

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

const lengths = [ArrayBuffer, globalThis.SharedArrayBuffer]
  .filter((one) => one !== undefined)
  .map((one) => Object.getOwnPropertyDescriptor(one.prototype, "byteLength")?.get);

/** A buffer of any realm, shared or not: its name could be anyone's, but no other object has such a length. */
function isBuffer(data: unknown): data is ArrayBufferLike {
  if (typeof data !== "object" || data === null) return false;
  return lengths.some((length) => {
    try {
      length?.call(data);
      return true;
    } catch {
      return false;
    }
  });
}
