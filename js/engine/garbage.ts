/**
 * The memory of long messages, as V8 collects it.
 *
 * V8 collects its whole heap when array buffers have taken about 64 MiB since it last did, and all that an application
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
/** Bytes of buffers for which the young generation is filled once: V8 counts some for a while after they were freed. */
const INTERVAL = 32 * 1024 * 1024;
/** The largest young generation that is filled. By default V8's grows to 64 MiB. */
const LARGEST = 96 * 1024 * 1024;
/** Elements of an array of garbage: 16 KiB. V8 has another place for large ones. */
const ELEMENTS = 2048;
const ELEMENT_SIZE = 8;

/** Pages have none; that of Bun, which has no V8, reports no young generation. */
const { process } = globalThis as { process?: Process };
const isNeeded = Number.parseInt(process?.versions?.v8 ?? "0", 10) >= 13;
const v8 = (isNeeded ? process?.getBuiltinModule?.("node:v8") : undefined) as V8 | undefined;

/** Bytes of garbage for a byte of a buffer. */
let share = 0;
/** The bytes of buffers until it is looked up again: the young generation grows and shrinks. */
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
  if (left <= 0) look(v8);
  for (let length = Math.floor((Math.min(size, INTERVAL) * share) / ELEMENT_SIZE); length > 0; length -= ELEMENTS) {
    garbage = new Array(Math.min(length, ELEMENTS));
  }
}

function look({ getHeapSpaceStatistics }: V8): void {
  left = INTERVAL;
  garbage.length = 0;
  const young = getHeapSpaceStatistics().find(({ space_name }) => space_name === "new_space");
  const room = (young?.space_used_size ?? 0) + (young?.space_available_size ?? 0);
  // by the flags of a process it may be so large that to fill it takes longer than to collect all
  share = room > LARGEST ? 0 : room / INTERVAL;
}
