/**
 * The memory of long messages, as V8 collects it.
 *
 * V8 collects its whole heap when array buffers have taken 8 to 64 MiB since it last did, and all that an application
 * keeps makes that longer. Those of messages have become garbage by then. Two ways lead around it: to free a buffer by
 * hand, and to collect the young generation in between, which frees the young buffers too and looks at nothing that is
 * old. V8 12, in Node 22, does that by itself. From V8 13 on it does so only when the young generation is full, and
 * long messages fill it too slowly.
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
  readonly versions?: { readonly v8?: string; readonly bun?: string };
  getBuiltinModule?(name: string): unknown;
}
interface Space {
  readonly space_name: string;
  readonly space_used_size: number;
  readonly space_available_size: number;
}

/** The fewest bytes that are worth a call. */
export const LONG = 4096;
const MIB = 1024 * 1024;
/** Bounds of the bytes of buffers for which the young generation is filled once. */
const LEAST_INTERVAL = 8 * MIB;
const MOST_INTERVAL = 32 * MIB;
/** To fill a young generation this many times as large as what is old takes longer than to collect all of that. */
const MOST_ROOM = 2;
/** Elements of an array of garbage: 16 KiB. V8 has another place for large ones. */
const ELEMENTS = 2048;
const ELEMENT_SIZE = 8;

/** None where nothing is to be done, or the runtime does not report its heap. */
let v8 = v8Of((globalThis as { process?: Process }).process);

/** Bytes of garbage for a byte of a buffer. */
let share = 0;
/** The bytes of buffers for which that holds: the heap grows and shrinks. */
let interval = 0;
/** Those until the heap is looked at again. */
let left = 0;
/** What was made last: compilers and bundlers leave out what no one could read. */
let garbage: unknown[] = [];

/** Bun, which has no V8, has its version, and takes long to report its heap. */
function v8Of(process: Process | undefined): V8 | undefined {
  const { v8: version = "0", bun } = process?.versions ?? {};
  if (bun !== undefined || Number.parseInt(version, 10) < 13) return undefined;
  try {
    return (process?.getBuiltinModule?.("node:v8") ?? undefined) as V8 | undefined;
  } catch {
    return undefined;
  }
}

/** Frees an array that has all of its buffer, where the runtime can. The array is empty from then on. */
export function free({ buffer, length }: Uint8Array): void {
  if (length >= LONG && length === buffer.byteLength) (buffer as Transferable).transfer?.(0);
}

/** Makes the share of garbage for bytes of a message in a buffer of its own. */
export function bringGarbage(size: number): void {
  if (v8 === undefined || size < LONG) return;
  left -= size;
  if (left <= 0) look(v8);
  const elements = Math.floor((Math.min(size, interval) * share) / ELEMENT_SIZE);
  for (let made = 0; made < elements; made += ELEMENTS) garbage = new Array(Math.min(elements - made, ELEMENTS));
}

/**
 * V8 lets buffers take about as much as all that is old, at least 8 MiB and at most 64, before it collects the whole
 * heap.
 */
function look(from: V8): void {
  garbage.length = 0;
  const { room, old } = generations(from);
  interval = left = Math.min(Math.max(old, LEAST_INTERVAL), MOST_INTERVAL);
  share = room > old * MOST_ROOM ? 0 : room / interval;
  if (room === 0) v8 = undefined;
}

/** Bytes that the young generation takes before it is collected, and those of all others. */
function generations({ getHeapSpaceStatistics }: V8): { room: number; old: number } {
  let room = 0;
  let old = 0;
  try {
    for (const { space_name, space_used_size, space_available_size } of getHeapSpaceStatistics()) {
      if (space_name === "new_space") room = space_used_size + space_available_size;
      else old += space_used_size;
    }
  } catch {
    room = 0; // a runtime that is like Node in part
  }
  return { room, old };
}
