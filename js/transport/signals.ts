/**
 * Signals that end what is waited for.
 *
 * @module
 */

import type { WebSocketError } from "../engine/errors.js";
import { invalidOption, kind } from "../session/kinds.js";

/** Whom a signal's one listener calls. */
interface Watch {
  readonly callbacks: Set<() => void>;
  readonly listener: () => void;
}

const watches = new WeakMap<AbortSignal, Watch>();

/** The error for an option that is not a signal. */
export function invalidSignal(given: unknown): WebSocketError | undefined {
  const { wanted, is } = kind.signal;
  return given === undefined || is(given) ? undefined : invalidOption("signal", wanted, given);
}

/**
 * Calls back when the signal is aborted, until the returned function is called. All callbacks of a signal share one
 * listener, because Node takes more than ten for a leak, and warns.
 *
 * @throws WebSocketError `WS_ERR_INVALID_OPTION` if it is not a signal
 */
export function onAbort(signal: AbortSignal | undefined, callback: () => void): () => void {
  if (signal === undefined) return ignore;
  const invalid = invalidSignal(signal);
  if (invalid !== undefined) throw invalid;
  const { callbacks, listener } = watches.get(signal) ?? watch(signal);
  callbacks.add(callback);
  return () => {
    if (!callbacks.delete(callback) || callbacks.size > 0) return;
    signal.removeEventListener("abort", listener);
    watches.delete(signal);
  };
}

function watch(signal: AbortSignal): Watch {
  const callbacks = new Set<() => void>();
  const listener = () => {
    for (const callback of [...callbacks]) if (callbacks.has(callback)) callback();
  };
  const made = { callbacks, listener };
  watches.set(signal, made);
  signal.addEventListener("abort", listener);
  return made;
}

function ignore(): void {}
