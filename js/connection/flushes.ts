/**
 * When what was sent is given to the network: once the running code is done, and that of promises which it has settled.
 * A loop that awaits one message after the other, and answers each, so makes one write of all its answers.
 *
 * @module
 */
import { forgetRepeated } from "../session/repeated.js";
import { nextTick, onceAtExit, throwLater } from "../transport/tasks.js";

/** Something that holds what was sent. */
export interface Flushable {
  /** Gives it to the network now. */
  onFlushDue(): void;
}

let due: Flushable[] | undefined;
/** Those that are flushed now. */
let flushing: readonly Flushable[] = [];
/** The one that answers what is delivered to it now. */
let answering: Flushable | undefined;
let isExitAwaited = false;

/** Calls back soon, all in the order in which they have asked: to ask twice calls back twice. */
export function flushSoon(one: Flushable): void {
  if (due !== undefined) {
    due.push(one);
    return;
  }
  due = [one];
  nextTick(flushAll);
  flushAtExit();
}

/** Something flushes what it answers when the delivery ends, and says so then. */
export function beginAnswer(one: Flushable): void {
  if (answering !== undefined) flushSoon(answering); // its delivery has led to this one
  answering = one;
  flushAtExit();
}

/** What one has answered is flushed. */
export function endAnswer(one: Flushable): void {
  if (answering === one) answering = undefined;
}

/** What was sent is given to the network also if the code that has sent it ends the process. */
function flushAtExit(): void {
  if (isExitAwaited) return;
  isExitAwaited = true;
  onceAtExit(atExit);
}

/** A flush or a delivery may have called the code that ends the process. */
function atExit(): void {
  due = [...flushing, ...(answering === undefined ? [] : [answering]), ...(due ?? [])];
  flushAll();
}

function flushAll(): void {
  flushing = due ?? [];
  due = undefined;
  forgetRepeated();
  for (const one of flushing) {
    try {
      one.onFlushDue();
    } catch (error) {
      throwLater(error); // the others are flushed all the same
    }
  }
  flushing = [];
}
