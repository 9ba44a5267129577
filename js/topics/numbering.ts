/**
 * The numbers that this process gives to its messages.
 *
 * @module
 */
import { clearTimeout, setTimeout } from "../transport/tasks.js";
import { type Origin, packPosition } from "./envelope.js";

/**
 * Milliseconds after a topic's latest message, or after the engine came back, when its number is sent once more:
 * without that, a lost message that no other follows would not be missed.
 */
const REPEATED: readonly number[] = [1000, 10_000];
/**
 * Milliseconds between positions of a topic that is never silent: without them, it would not be known whether a process
 * has missed messages before the first that came to it.
 */
const BUSY = 10_000;
/** Between looks at what is due, in milliseconds. */
const STEP = 500;
/** Positions that a look sends to answer a question. */
const ANSWERED = 1000;

/** Milliseconds for which the number of a topic that is silent is kept: its next message has the next number. */
export const KEPT = 600_000;
/** Of how many topics, the latest. */
const MOST_KEPT = 10_000;

/** One topic's. */
class Numbering implements Origin {
  readonly process: Uint8Array;
  readonly numbering: number;
  readonly #began = performance.now();
  sequence = 0;
  #sentAt = this.#began;
  #repeated = 0;
  /** When the position was sent, or everything began. */
  #statedAt = this.#began;

  constructor(process: Uint8Array, numbering: number) {
    this.process = process;
    this.numbering = numbering;
  }

  /** The number of the first of `count` messages. */
  next(count: number): number {
    const first = this.sequence + 1;
    this.sequence += count;
    this.restart();
    return first;
  }

  restart(): void {
    this.#sentAt = performance.now();
    this.#repeated = 0;
  }

  /** Whether all repetitions were made. */
  get isOver(): boolean {
    return this.#repeated === REPEATED.length;
  }

  /** Whether its next message may have another number. */
  isForgotten(now: number): boolean {
    return now - this.#sentAt > KEPT;
  }

  isDue(now: number): boolean {
    const isRepetition = now - this.#sentAt >= (REPEATED[this.#repeated] as number);
    if (isRepetition) this.#repeated += 1;
    return isRepetition || now - this.#statedAt >= BUSY;
  }

  position(): Uint8Array {
    this.#statedAt = performance.now();
    return packPosition(this, this.sequence, this.#statedAt - this.#began);
  }
}

/** The numberings of all topics to which this process has published of late. */
export class Numberings {
  readonly #process: Uint8Array;
  readonly #send: (topic: string, bytes: Uint8Array) => void;
  readonly #topics = new Map<string, Numbering>();
  /** Those whose repetitions were made, the oldest first. */
  readonly #silent = new Map<string, Numbering>();
  /** Whether another process has asked for all positions since the last look, and topics still to be answered. */
  #isAsked = false;
  readonly #asked = new Set<string>();
  #count = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** While the engine is lost, nothing that is sent is sure to arrive, and no numbering ends. */
  isDown = false;

  constructor(process: Uint8Array, send: (topic: string, bytes: Uint8Array) => void) {
    this.#process = process;
    this.#send = send;
  }

  /** The numbering of a topic. */
  of(topic: string): Numbering {
    let numbering = this.#topics.get(topic);
    if (numbering === undefined) {
      this.#forget();
      numbering = this.#silent.get(topic) ?? new Numbering(this.#process, this.#count++);
      this.#silent.delete(topic);
      this.#topics.set(topic, numbering);
      this.#wait();
    }
    return numbering;
  }

  /**
   * Sends the positions of all topics, those that are silent too, a part of them at a time. When an engine returns,
   * many processes ask within a second: all topics are gone through once for all who asked before a look.
   */
  answer(): void {
    this.#isAsked = true;
    this.#wait();
  }

  /** Sends the positions of all topics, now and again later. */
  announce(): void {
    for (const [topic, numbering] of this.#topics) {
      numbering.restart();
      this.#send(topic, numbering.position());
    }
  }

  /** Sends them for the last time. */
  close(): void {
    this.announce();
    clearTimeout(this.#timer);
    this.#topics.clear();
    this.#silent.clear();
    this.#asked.clear();
  }

  #wait(): void {
    this.#timer ??= setTimeout(() => this.#look(), STEP).unref();
  }

  #look(): void {
    this.#timer = undefined;
    const now = performance.now();
    if (!this.isDown) {
      this.#repeat(now);
      this.#answerSome();
    }
    if (this.#isAsked || this.#topics.size + this.#asked.size > 0) this.#wait();
  }

  #repeat(now: number): void {
    for (const [topic, numbering] of this.#topics) {
      if (numbering.isDue(now)) this.#send(topic, numbering.position());
      if (!numbering.isOver) continue;
      this.#topics.delete(topic);
      this.#silent.set(topic, numbering);
    }
    this.#forget();
  }

  #answerSome(): void {
    if (this.#isAsked) {
      for (const topics of [this.#topics, this.#silent]) for (const topic of topics.keys()) this.#asked.add(topic);
    }
    this.#isAsked = false;
    let left = ANSWERED;
    for (const topic of this.#asked) {
      if (left-- === 0) return;
      this.#asked.delete(topic);
      const numbering = this.#topics.get(topic) ?? this.#silent.get(topic);
      if (numbering !== undefined) this.#send(topic, numbering.position());
    }
  }

  #forget(): void {
    const now = performance.now();
    for (const [topic, numbering] of this.#silent) {
      if (this.#silent.size <= MOST_KEPT && !numbering.isForgotten(now)) return;
      this.#silent.delete(topic);
    }
  }
}
