/**
 * The work that all connections of the process may do in one turn of the event loop. A flood of frames, or a chunk that
 * takes long to decompress, makes its own connection wait, and no other.
 *
 * @module
 */
import { Queue } from "../engine/queue.js";
import { afterNetwork } from "../transport/tasks.js";

/** Work as `FrameSession.work` counts it, after which heavy connections wait for the next turn: about 10 ms. */
const TURN = 2 * 1024 * 1024;
/** A connection whose last chunk took more waits when the turn is over; others, whose messages are ordinary, do not. */
const HEAVY = 128 * 1024;

let spent = 0;
let isDue = false;
const waiting = new Queue<() => void>();

/** Counts work that was done. Little work takes several turns to add up, so that most turns need no timer. */
export function spend(work: number): void {
  spent += work;
  if (spent >= TURN) startTurn();
}

/** Whether a connection has to wait whose last chunk took this much work. */
export function isOver(work: number): boolean {
  return work > HEAVY && spent >= TURN;
}

/** Calls back in a later turn, in the order of the calls. */
export function later(goOn: () => void): void {
  waiting.push(goOn);
  startTurn();
}

function startTurn(): void {
  if (isDue) return;
  isDue = true;
  afterNetwork(() => {
    isDue = false;
    spent = 0;
    try {
      for (let count = waiting.length; count > 0 && spent < TURN; count--) waiting.shift()?.();
    } finally {
      if (waiting.length > 0) startTurn();
    }
  });
}
