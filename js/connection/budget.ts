/**
 * The memory that the connections of a server, or of the process, may hold together.
 *
 * @module
 */
import { ownOptions } from "../engine/own.js";
import type { ConnectionSettings } from "../session/options.js";
import { type ConnectionFailure, overBudget } from "./failures.js";

/** How a connection is run: by its options, and within the budget of its server. */
export interface RunSettings extends ConnectionSettings {
  readonly budget?: Budget | undefined;
}

/** A connection, as its budget sees it. */
export interface BudgetMember {
  /** Frees everything and reports that it holds nothing: a budget is exceeded, and no other holds more. */
  letGo(failure: ConnectionFailure): void;
}

/** Members with less are not remembered one by one. */
const LARGE = 32 * 1024;

/** What a budget belongs to, and what it counts. */
interface BudgetOptions {
  /** Counts the same, with its own limit. */
  readonly whole?: Budget;
  /** Whether what was sent and has not left counts too; it does by default. */
  readonly countsSent?: boolean;
}

/** Counts what connections hold, and ends the one that holds most when it is too much. */
export class Budget {
  readonly #most: number;
  readonly #whole: Budget | undefined;
  /** @internal */
  readonly countsSent: boolean;
  #held = 0;
  /** Members that have, or once had, so much. To take one out after each message would make a new table for a few. */
  readonly #large = new Map<BudgetMember, number>();
  #isCheckDue = false;

  /** @param most bytes */
  constructor(most: number, options: BudgetOptions = {}) {
    const { whole, countsSent = true } = ownOptions(options);
    this.#most = most;
    this.#whole = whole;
    this.countsSent = countsSent;
  }

  /** Bytes that are held now, overhead included. */
  get held(): number {
    return this.#held;
  }

  /** A member has `now` bytes, after `before`. */
  update(member: BudgetMember, before: number, now: number): void {
    this.#whole?.update(member, before, now);
    this.#held += now - before;
    if (now >= LARGE || before >= LARGE) this.#large.set(member, now);
    if (this.#held <= this.#most || this.#isCheckDue) return;
    this.#isCheckDue = true;
    // not in the midst of what the member does
    queueMicrotask(() => this.#check());
  }

  /** A member with nothing will not hold anything again. */
  forget(member: BudgetMember): void {
    this.#whole?.forget(member);
    this.#large.delete(member);
  }

  #check(): void {
    this.#isCheckDue = false;
    while (this.#held > this.#most) {
      let largest: BudgetMember | undefined;
      let most = 0;
      for (const [member, held] of this.#large) {
        if (held < LARGE) this.#large.delete(member);
        else if (held > most) [largest, most] = [member, held];
      }
      if (largest === undefined) return;
      this.#large.delete(largest);
      largest.letGo(overBudget(this.#most));
    }
  }
}

/** What all servers of the process may hold together that have no budget of their own: 512 MiB. */
export const processBudget = new Budget(512 * 1024 * 1024);
