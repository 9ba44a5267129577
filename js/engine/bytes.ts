/**
 * Byte arrays.
 *
 * @module
 */
import type { Buffer } from "node:buffer";

import { bringGarbage } from "./garbage.js";

/** Makes an array of a part of a buffer. */
type View = new (buffer: ArrayBuffer, offset: number, length: number) => Uint8Array<ArrayBuffer>;

/** Pages do not have this. */
const NodeBuffer = (globalThis as { Buffer?: unknown }).Buffer as
  | {
      allocUnsafe(size: number): Uint8Array<ArrayBuffer>;
      compare(first: Uint8Array, second: Uint8Array): number;
      readonly [Symbol.species]: View;
    }
  | undefined;
// the class of all `Buffer`s, whose constructor is faster than `Buffer.from`
const View: View = NodeBuffer?.[Symbol.species] ?? Uint8Array;

/**
 * The language's own getters of arrays and views, whatever someone has put in the place of a property: by a length that
 * is not its own, the memory of others would be sent.
 */
const arrays = getters<Uint8Array>(Object.getPrototypeOf(Uint8Array.prototype));
const views = getters<DataView>(DataView.prototype);

interface Getters<T> {
  readonly buffer: (this: T) => ArrayBuffer;
  readonly byteOffset: (this: T) => number;
  readonly byteLength: (this: T) => number;
}

function getters<T>(prototype: object): Getters<T> {
  const getter = (name: keyof Getters<T>) => Object.getOwnPropertyDescriptor(prototype, name)?.get;
  return {
    buffer: getter("buffer"),
    byteOffset: getter("byteOffset"),
    byteLength: getter("byteLength"),
  } as Getters<T>;
}

/**
 * `size` uninitialised bytes: a `Buffer` where the runtime has that, and a part of its pool if they are few.
 */
export function allocate(size: number): Uint8Array<ArrayBuffer> {
  return NodeBuffer === undefined ? new Uint8Array(size) : NodeBuffer.allocUnsafe(size);
}

/** A part of an array in memory of {@link allocate}. */
export function allocatedCopy(bytes: Uint8Array, start: number, end: number): Uint8Array<ArrayBuffer> {
  bringGarbage(end - start);
  const copy = allocate(end - start);
  copy.set(part(bytes, start, end)); // which is made faster than by `subarray`
  return copy;
}

/**
 * A part of an array, in the same memory: a `Buffer` where the runtime has that. `subarray` would believe what the
 * array's properties say of that memory.
 */
export function part(bytes: Uint8Array, start: number, end: number): Uint8Array<ArrayBuffer> {
  return new View(arrays.buffer.call(bytes), arrays.byteOffset.call(bytes) + start, end - start);
}

/** The same memory as a `Buffer`, which it may be. */
export function asBuffer(bytes: Uint8Array): Buffer<ArrayBuffer> {
  const isOne = (bytes.constructor as unknown) === NodeBuffer;
  return (isOne ? bytes : part(bytes, 0, bytes.length)) as Buffer<ArrayBuffer>;
}

/** The buffer of an array that has all of it, or else a copy of its part. */
export function bufferOf({ buffer, byteOffset, byteLength }: Uint8Array<ArrayBuffer>): ArrayBuffer {
  if (byteLength === buffer.byteLength) return buffer;
  bringGarbage(byteLength);
  return buffer.slice(byteOffset, byteOffset + byteLength);
}

/** A copy in an array of its own; a `Buffer`'s own `slice` would give the same memory. */
export function copyOf(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(bytes);
}

/** Both, one behind the other, in an array of their own. */
export function concat(first: Uint8Array, second: Uint8Array): Uint8Array {
  return copyOfAll([first, second]);
}

/** A copy of all of them, one behind the other, in an array of its own. */
export function copyOfAll(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((size, { length }) => size + length, 0));
  let at = 0;
  for (const one of parts) {
    all.set(one, at);
    at += one.length;
  }
  return all;
}

/** Whether both are the same memory. */
export function areOneMemory(first: Uint8Array, second: Uint8Array): boolean {
  const { buffer, byteOffset } = arrays;
  if (first.length !== second.length || byteOffset.call(first) !== byteOffset.call(second)) return false;
  return buffer.call(first) === buffer.call(second);
}

/** Whether the bytes are the same. Where the runtime has no fast way to tell, they never are. */
export function areSurelyEqual(first: Uint8Array, second: Uint8Array): boolean {
  return NodeBuffer !== undefined && NodeBuffer.compare(first, second) === 0;
}

/**
 * The bytes of a buffer or a view, not copied, none if it is detached; `undefined` for everything else, which is sent
 * as a string.
 */
export function bytesOf(data: unknown): Uint8Array | undefined {
  if (isBytes(data) && data.length > 0 && isPlain(data)) return data;
  if (ArrayBuffer.isView(data)) return plainView(data);
  const size = bufferSize(data);
  if (size === undefined) return undefined;
  return size === 0 ? new Uint8Array(0) : new Uint8Array(data as ArrayBufferLike);
}

/** The array itself, or, if it tells another length than it has, one of its memory that does not. */
export function honest(bytes: Uint8Array): Uint8Array {
  return tellsItsLength(bytes) ? bytes : plainView(bytes);
}

/** The bytes of a view, as the language knows it. */
function plainView(data: ArrayBufferView): Uint8Array {
  const { buffer, byteOffset, byteLength } = (isArray(data) ? arrays : views) as Getters<ArrayBufferView>;
  const size = byteLength.call(data);
  return size === 0 ? new Uint8Array(0) : new Uint8Array(buffer.call(data), byteOffset.call(data), size);
}

const kindOf = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), Symbol.toStringTag)?.get;

/**
 * Whether it is a `Uint8Array`, of any realm: in a test runner's sandbox, a `Buffer` is not of its own `Uint8Array`.
 */
export function isBytes(data: unknown): data is Uint8Array {
  return kindOf?.call(data) === "Uint8Array";
}

/** Whether a view is an array of numbers, and no `DataView`. */
function isArray(view: ArrayBufferView): boolean {
  return kindOf?.call(view) !== undefined;
}

/** Whether it is a `Blob`, of any realm; a `File` is one. */
export function isBlob(data: unknown): data is Blob {
  // its name takes longer than all else of a short message
  if (typeof data === "string" || ArrayBuffer.isView(data)) return false;
  return /^\[object (?:Blob|File)\]$/.test(Object.prototype.toString.call(data));
}

/** Whether it is of no class of anyone's, which might tell another length, and tells its own. */
function isPlain(bytes: Uint8Array): boolean {
  const { constructor: type } = bytes;
  return (type === Uint8Array || (type as unknown) === NodeBuffer) && tellsItsLength(bytes);
}

function tellsItsLength(bytes: Uint8Array): boolean {
  return bytes.length === arrays.byteLength.call(bytes);
}

const lengths = [ArrayBuffer, globalThis.SharedArrayBuffer]
  .filter((one) => one !== undefined)
  .map((one) => Object.getOwnPropertyDescriptor(one.prototype, "byteLength")?.get);

/** A buffer of any realm, shared or not: its name could be anyone's, but no other object has such a length. */
export function isBuffer(data: unknown): data is ArrayBufferLike {
  return bufferSize(data) !== undefined;
}

function bufferSize(data: unknown): number | undefined {
  if (typeof data !== "object" || data === null) return undefined;
  for (const length of lengths) {
    try {
      return length?.call(data);
    } catch {
      // it is another kind of object
    }
  }
  return undefined;
}
