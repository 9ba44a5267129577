/**
 * Which messages of other processes have not arrived.
 *
 * @module
 */
import type { Envelope, Travelling } from "./envelope.js";
import { KEPT } from "./numbering.js";

/** What is known of one numbering of a process. */
interface Seen {
  /** The number of the latest message. */
  last: number;
  /** Messages before the first that came, of which it is not known whether they should have come. */
  unknown: number;
  /** When something came, by `performance.now()`. */
  at: number;
}

/** A process counts a topic anew after less than that, so that an older numbering is over; in milliseconds. */
const OVER = 2 * KEPT;

/** The numbers of one topic's messages, by process. */
export class Gaps {
  readonly #seen = new Map<string, Seen>();
  #since = Number.POSITIVE_INFINITY;
  #sweptAt = 0;

  /** Messages should come from now on, by `performance.now()`. Those that came before were early. */
  begin(now: number): void {
    this.#since = now;
  }

  /** The engine is back: while it was away, nothing could come. */
  resume(now: number): void {
    for (const seen of this.#seen.values()) seen.at = now;
  }

  /** Takes what came: the messages that are new, and how many before them did not come. */
  take(envelope: Envelope, now: number): { messages: readonly Travelling[]; missed: number } {
    const taken = this.#take(envelope, now);
    this.#sweep(now); // last: what comes from a process that was away for longer says that it is not over
    return taken;
  }

  #take(envelope: Envelope, now: number): { messages: readonly Travelling[]; missed: number } {
    const { origin, sequence, messages, age } = envelope;
    const last = age === undefined ? sequence + messages.length - 1 : sequence;
    const seen = this.#seen.get(origin);
    if (seen === undefined) {
      const unknown = age === undefined ? sequence - 1 : sequence;
      this.#seen.set(origin, { last, unknown, at: now });
      return { messages, missed: this.#resolve(origin, age, now) };
    }
    const expected = seen.last + 1;
    const missed = Math.max(0, (age === undefined ? sequence : sequence + 1) - expected);
    const fresh = messages.slice(Math.max(0, expected - sequence));
    seen.last = Math.max(seen.last, last);
    seen.at = now;
    return { messages: fresh, missed: missed + this.#resolve(origin, age, now) };
  }

  /** A position says how old the numbering is: younger than the subscription, all of it should have come. */
  #resolve(origin: string, age: number | undefined, now: number): number {
    const seen = this.#seen.get(origin);
    if (seen === undefined || age === undefined) return 0;
    const { unknown } = seen;
    seen.unknown = 0;
    return age < now - this.#since ? unknown : 0;
  }

  #sweep(now: number): void {
    if (now - this.#sweptAt < OVER) return;
    this.#sweptAt = now;
    for (const [origin, { at }] of this.#seen) if (now - at > OVER) this.#seen.delete(origin);
  }
}
