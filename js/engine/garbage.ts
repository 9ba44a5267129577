/**
 * The memory of long messages, as V8 collects it.
 *
 * V8 collects its whole heap when array buffers have taken 8 to 64 MiB since it last did, and all that an application
 * keeps makes that longer. Those of messages have become garbage by then. Two ways lead around it: to free a buffer by
 * hand, and to collect the young generation in between, which frees the young buffers too and looks at nothing that is
 * old. V8 does that by itself up to Node 22. Since then it does when the young generation is full, and long messages
 * fill it too slowly.
 *
 * @module
 */

/** Node 20 does not have it. */
interface Transferable {
  transfer?(size: number): ArrayBuffer;
}

/** The part of `node:v8` that is used. */
interface V8 {
  getHeapSpaceStatistics(): Space[];
}
interface Process {
  readonly versions?: { readonly v8?: string };
  getBuiltinModule?(name: string): unknown;
}
interface Space {
  readonly space_name: string;
  readonly space_used_size: number;
  readonly space_available_size: number;
}

/** The fewest bytes that are worth a call. */
const LEAST = 4096;
const MIB = 1024 * 1024;
/** Bounds of the bytes of buffers for which the young generation is filled once. */
const LEAST_INTERVAL = 8 * MIB;
const MOST_INTERVAL = 32 * MIB;
/** The most bytes of garbage for a byte of a buffer. */
const MOST_SHARE = 2;
/** The largest young generation that is filled. By default V8's grows to 64 MiB. */
const LARGEST = 96 * MIB;
/** Elements of an array of garbage: 16 KiB. V8 has another place for large ones. */
const ELEMENTS = 2048;
const ELEMENT_SIZE = 8;

/** Pages have none; that of Bun, which has no V8, reports no young generation. */
const { process } = globalThis as { process?: Process };
const isNeeded = Number.parseInt(process?.versions?.v8 ?? "0", 10) >= 13;
const v8 = (isNeeded ? process?.getBuiltinModule?.("node:v8") : undefined) as V8 | undefined;

/** Bytes of garbage for a byte of a buffer. */
let share = 0;
/** The bytes of buffers until the heap is looked at again: it grows and shrinks. */
let left = 0;
/** What was made last: compilers and bundlers leave out what no one could read. */
let garbage: unknown[] = [];

/** Frees an array that has all of its buffer, where the runtime can. The array is empty from then on. */
export function free({ buffer, length }: Uint8Array): void {
  if (length >= LEAST && length === buffer.byteLength) (buffer as Transferable).transfer?.(0);
}

/** Makes its share of garbage for a buffer of this size that a message takes. */
export function bringGarbage(size: number): void {
  if (v8 === undefined || size < LEAST) return;
  left -= size;
  if (left <= 0) look(spacesOf(v8));
  const elements = Math.floor((Math.min(size, MOST_INTERVAL) * share) / ELEMENT_SIZE);
  for (let made = 0; made < elements; made += ELEMENTS) garbage = new Array(Math.min(elements - made, ELEMENTS));
}

/**
 * V8 lets buffers take about as much as all that is old, at least 8 MiB and at most 64, before it collects the whole
 * heap.
 */
function look(spaces: readonly Space[]): void {
  garbage.length = 0;
  let room = 0;
  let old = 0;
  for (const { space_name, space_used_size, space_available_size } of spaces) {
    if (space_name === "new_space") room = space_used_size + space_available_size;
    else old += space_used_size;
  }
  left = Math.min(Math.max(old, LEAST_INTERVAL), MOST_INTERVAL);
  // by the flags of a process it may be so large that to fill it takes longer than to collect all
  share = room > LARGEST ? 0 : Math.min(room / left, MOST_SHARE);
}

/** None where the runtime does not say, as one that is like Node in part. */
function spacesOf({ getHeapSpaceStatistics }: V8): Space[] {
  try {
    return getHeapSpaceStatistics();
  } catch {
    return [];
  }
}
