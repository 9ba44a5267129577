/**
 * Timers and tasks of the runtime, as they are when the package is loaded. A test's fake timers replace the globals,
 * and must not stop the protocol.
 *
 * @module
 */
import process from "node:process";
import { setImmediate, setTimeout } from "node:timers";

import { isDeno } from "./versions.js";

// not the globals: some test runners replace those before a module is loaded
export { clearTimeout, setImmediate, setTimeout } from "node:timers";

/** That of the runtime. */
export const queueMicrotask: (callback: () => void) => void = globalThis.queueMicrotask;

/** Calls back once the network has had its turn, for which Deno's `setImmediate` does not wait. */
export const afterNetwork: (callback: () => void) => unknown = isDeno
  ? (callback) => setTimeout(callback, 0)
  : setImmediate;

/** Says whether a timer keeps the process alive; it does at first. A test's timers may not have that. */
export function holdBy(timer: ReturnType<typeof setTimeout> | undefined, isHeld: boolean): void {
  if (isHeld) timer?.ref?.();
  else timer?.unref?.();
}

/** A timer that watches a connection: whether the process lives is that one's to say, by `ref` and `unref`. */
export function setWatch(callback: () => void, time: number): ReturnType<typeof setTimeout> {
  const timer = setTimeout(callback, time);
  holdBy(timer, false);
  return timer;
}

/** Node's. */
export const nextTick: typeof process.nextTick = process.nextTick;

/** An error of a callback's, where others are still to be called: it is uncaught in a task of its own. */
export function throwLater(error: unknown): void {
  nextTick(() => {
    throw error;
  });
}

/** Calls what others must not be kept from by what it throws. */
export function attempt(call: () => void): void {
  try {
    call();
  } catch (error) {
    throwLater(error);
  }
}

/** What all copies of the package that the process has loaded, as test runners do, have to do at its end. */
const AT_EXIT = Symbol.for("websocket-component.atExit");

/**
 * Calls back when the process exits of itself; what it does then has to be done when it returns. The callback is kept
 * only as long as someone else keeps it: a copy of the package that is loaded anew is not.
 */
export function onceAtExit(callback: () => void): void {
  const shared = process as { [AT_EXIT]?: Set<WeakRef<() => void>> };
  if (shared[AT_EXIT] === undefined) {
    const all = new Set<WeakRef<() => void>>();
    shared[AT_EXIT] = all;
    process.once("exit", () => {
      for (const one of all) one.deref()?.();
    });
  }
  shared[AT_EXIT].add(new WeakRef(callback));
}
