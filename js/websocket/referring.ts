/**
 * The methods by which a socket keeps its process alive, or does not.
 *
 * @module
 */
import { defineAdditions } from "./webidl.js";

/** What decides whether a socket keeps its process alive. */
export interface Referring {
  /** Lets the open connection keep the process alive again, which it does by default (an addition to the standard). */
  ref(): void;
  /** Lets the process end although the connection is open (an addition to the standard). */
  unref(): void;
}

/** Gives a class the methods; `holderOf` gives what holds a socket's connection. */
export function defineReferring<S>(
  { prototype }: { prototype: S & object },
  holderOf: (socket: S) => { holdProcess(isHeld: boolean): void },
): void {
  const methods: Referring & ThisType<S> = {
    ref() {
      holderOf(this).holdProcess(true);
    },
    unref() {
      holderOf(this).holdProcess(false);
    },
  };
  defineAdditions(prototype, methods);
}
