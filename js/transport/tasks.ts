/**
 * Timers and tasks of the runtime, as they are when the package is loaded. A test's fake timers replace the globals,
 * and must not stop the protocol.
 *
 * @module
 */
import process from "node:process";

// not the globals: some test runners replace those before a module is loaded
export { clearTimeout, setImmediate, setTimeout } from "node:timers";

/** That of the runtime. */
export const queueMicrotask: (callback: () => void) => void = globalThis.queueMicrotask;

/** Node's. */
export const nextTick: typeof process.nextTick = process.nextTick;
