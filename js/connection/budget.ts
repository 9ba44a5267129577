/**
 * The memory that the connections of one server may hold together.
 *
 * @module
 */
import type { ConnectionSettings } from "../session/options.js";
import { type ConnectionFailure, overBudget } from "./failures.js";

/** How a connection is run: by its options, and within the budget of its server. */
export interface RunSettings extends ConnectionSettings {
  readonly budget?: Budget | undefined;
}

/** A connection, as its account sees it. */
export interface Holder {
  /** Fails the connection, with a close frame of this status if it is open. */
  fail(error: ConnectionFailure, status: number): void;
  /** Ends it at once. */
  abort(error: ConnectionFailure): void;
}

/** "Try again later". */
const TRY_AGAIN_LATER = 1013;

/** The bytes that one connection holds. */
export class Account {
  readonly #budget: Budget;
  readonly #holder: Holder;
  #held = 0;
  #isSentMost = false;

  constructor(budget: Budget, holder: Holder) {
    this.#budget = budget;
    this.#holder = holder;
  }

  /**
   * @param received bytes that came and wait
   * @param sent bytes that were sent and have not left
   */
  set(received: number, sent: number): void {
    const before = this.#held;
    this.#held = received + sent;
    this.#isSentMost = sent > received;
    if (this.#held !== before) this.#budget.update(this, before, this.#held);
  }

  /** Ends the connection: the budget is exceeded, and no other connection holds more. */
  end(most: number): void {
    // a close frame would wait behind what the peer does not read
    if (this.#isSentMost) this.#holder.abort(overBudget(most));
    else this.#holder.fail(overBudget(most), TRY_AGAIN_LATER);
    this.#budget.update(this, this.#held, 0);
    this.#held = 0;
  }
}

/** Holders of less are not remembered one by one. */
const LARGE = 32 * 1024;

/** Counts what the connections of one server hold, and ends the one that holds most when it is too much. */
export class Budget {
  readonly #most: number;
  #held = 0;
  readonly #large = new Map<Account, number>();
  #isCheckDue = false;

  /** @param most bytes */
  constructor(most: number) {
    this.#most = most;
  }

  /** Bytes that are held now, overhead included. */
  get held(): number {
    return this.#held;
  }

  /** A holder has `now` bytes, after `before`. */
  update(holder: Account, before: number, now: number): void {
    this.#held += now - before;
    if (now >= LARGE) this.#large.set(holder, now);
    else if (before >= LARGE) this.#large.delete(holder);
    if (this.#held <= this.#most || this.#isCheckDue) return;
    this.#isCheckDue = true;
    // not in the midst of what the holder does
    queueMicrotask(() => this.#check());
  }

  #check(): void {
    this.#isCheckDue = false;
    while (this.#held > this.#most) {
      let largest: Account | undefined;
      let most = 0;
      for (const [holder, held] of this.#large) {
        if (held > most) [largest, most] = [holder, held];
      }
      if (largest === undefined) return;
      this.#large.delete(largest);
      largest.end(this.#most);
    }
  }
}
