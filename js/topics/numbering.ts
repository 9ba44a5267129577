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
/** Between looks at what is due, in milliseconds. */
const STEP = 500;
const NUMBERINGS = 65_536;

/** One topic's. */
class Numbering implements Origin {
  readonly process: Uint8Array;
  readonly numbering: number;
  readonly #began = performance.now();
  sequence = 0;
  #sentAt = 0;
  #repeated = 0;

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

  isDue(now: number): boolean {
    const isDue = now - this.#sentAt >= (REPEATED[this.#repeated] as number);
    if (isDue) this.#repeated += 1;
    return isDue;
  }

  position(): Uint8Array {
    return packPosition(this, this.sequence, performance.now() - this.#began);
  }
}

/** The numberings of all topics to which this process has published of late. */
export class Numberings {
  readonly #process: Uint8Array;
  readonly #send: (topic: string, bytes: Uint8Array) => void;
  readonly #topics = new Map<string, Numbering>();
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
      numbering = new Numbering(this.#process, this.#count);
      this.#count = (this.#count + 1) % NUMBERINGS;
      this.#topics.set(topic, numbering);
      this.#wait();
    }
    return numbering;
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
  }

  #wait(): void {
    this.#timer ??= setTimeout(() => this.#look(), STEP).unref();
  }

  #look(): void {
    this.#timer = undefined;
    const now = performance.now();
    if (!this.isDown) this.#repeat(now);
    if (this.#topics.size > 0) this.#wait();
  }

  #repeat(now: number): void {
    for (const [topic, numbering] of this.#topics) {
      if (numbering.isDue(now)) this.#send(topic, numbering.position());
      if (numbering.isOver) this.#topics.delete(topic);
    }
  }
}
