/**
 * What is sent behind a long message: that is compressed a slice a turn, so that no other connection waits for it.
 *
 * @module
 */
import { Queue } from "../engine/queue.js";
import type { ConnectionFailure } from "./failures.js";
import { isOver, later, spend } from "./work.js";

/** Is called when the network has taken what was sent before, or with the reason why it never will. */
export type Waiter = (failure?: ConnectionFailure) => void;

/** Something to send, in its order. */
export interface Step {
  /** Whether it takes several turns. */
  readonly isLong: boolean;
  /** Bytes of memory that it takes until it is done. */
  readonly held: number;
  /** Bytes of messages that it has still to send. */
  left: number;
  /** Those who wait until the network has taken it. */
  readonly waiters: Waiter[];
  /** Does it, or a slice of it. Tells whether it is done. */
  run(): boolean;
}

/** The work of a slice beside that of what comes in: compressing a byte takes as long as decompressing sixteen. */
const WORK_OF_SLICE = 16 * 64 * 1024;
/** The same of a byte of a step that is not long, as if it was compressed, and of the step itself. */
const WORK_OF_BYTE = 16;
const WORK_OF_STEP = 1024;

/** Those that are not empty; the first is at work. So only one needs a compressor at a time. */
const working: Backlog[] = [];
let isDue = false;

/** The steps of one connection. */
export class Backlog {
  readonly #steps = new Queue<Step>();
  /** Those who wait for what will not be sent. */
  #unsent: Waiter[] = [];
  readonly #onWorked: () => void;
  #isWorking = false;
  #isRunning = false;
  #isDropped = false;
  /** Bytes of memory that the steps take. */
  held = 0;
  /** Bytes of messages that they have still to send. */
  left = 0;

  /** @param onWorked is called when a turn's part was done */
  constructor(onWorked: () => void) {
    this.#onWorked = onWorked;
  }

  /** Whether nothing is to be done. */
  get isEmpty(): boolean {
    return this.#steps.length === 0 || this.#isDropped;
  }

  push(step: Step): void {
    this.#steps.push(step);
    this.held += step.held;
    this.left += step.left;
    if (!this.#isWorking) this.#queue();
  }

  #queue(): void {
    this.#isWorking = true;
    working.push(this);
    workLater();
  }

  /** Does all at once, unless it is a step that asks for this. */
  finish(): void {
    while (!this.isEmpty && !this.#isRunning) this.#run();
  }

  /** Does nothing any more, as nothing can be sent: what was still to be sent stays counted, and is not kept. */
  drop(): void {
    this.#isDropped = true;
    this.held = 0;
    for (let step = this.#steps.shift(); step !== undefined; step = this.#steps.shift())
      this.#unsent.push(...step.waiters.splice(0)); // a step that is at work would call them, too
  }

  /** Gives those who wait for what was dropped. */
  takeUnsent(): Waiter[] {
    const waiters = this.#unsent;
    this.#unsent = [];
    return waiters;
  }

  /** Calls back when what was pushed last has been taken, or will never be. */
  whenTaken(waiter: Waiter): void {
    this.#steps.last?.waiters.push(waiter);
  }

  /** Does a slice of a long message; or, up to the next of them, as much of the others as takes no longer. */
  advance(): void {
    const isDone = this.isEmpty || this.#steps.first?.isLong === false || this.#run();
    let work = 0;
    while (isDone && !this.isEmpty && this.#steps.first?.isLong === false && work < WORK_OF_SLICE) {
      work += WORK_OF_STEP + WORK_OF_BYTE * this.#steps.first.left;
      this.#run();
    }
    if (isDone) this.#leave();
    this.#onWorked();
  }

  /** Another one is at work. This one comes behind all that wait. */
  #leave(): void {
    working.shift();
    this.#isWorking = false;
    if (!this.isEmpty) this.#queue();
  }

  /** Does the first step, or a slice of it. Tells whether it is done. */
  #run(): boolean {
    const step = this.#steps.first as Step;
    const before = step.left;
    this.#isRunning = true;
    const isDone = step.run();
    this.#isRunning = false;
    if (this.isEmpty) return true; // it was dropped meanwhile
    if (isDone) step.left = 0;
    this.left -= before - step.left;
    if (isDone) this.#steps.shift();
    if (isDone) this.held -= step.held;
    return isDone;
  }
}

/** Once a turn, however many there are: those who wait for their turn beside it get theirs in the next one. */
function workLater(): void {
  if (isDue || working.length === 0) return;
  isDue = true;
  later(work);
}

function work(): void {
  isDue = false;
  try {
    do {
      working[0]?.advance();
      spend(WORK_OF_SLICE);
    } while (working.length > 0 && !isOver(WORK_OF_SLICE));
  } finally {
    workLater();
  }
}
