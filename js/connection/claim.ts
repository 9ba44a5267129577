/**
 * The time in which messages have to be claimed.
 *
 * @module
 */
import { clearTimeout, holdBy, setTimeout } from "../transport/tasks.js";

/** Milliseconds to the first look; each further one comes after twice the time, up to the longest. */
const FIRST_LOOK = 50;
const LONGEST_LOOK = 60_000;

/** How long to wait, and for whom. */
interface ClaimSettings {
  /** In milliseconds. */
  readonly time: number;
  /** Whether the peer has gone. */
  readonly isSenderGone: boolean;
  /** Whether the waiting keeps the process alive. */
  readonly isHeld: boolean;
}

/**
 * Waits until the messages are claimed, or time is up. A listener that was not added by the socket's own methods goes
 * unnoticed, so the claim looks for one now and then.
 */
export class Claim {
  /** Whether the peer has gone. */
  readonly isSenderGone: boolean;
  readonly #isClaimed: () => boolean;
  readonly #onEnd: (isClaimed: boolean) => void;
  readonly #timer: ReturnType<typeof setTimeout>;
  #lookTimer: ReturnType<typeof setTimeout> | undefined;
  #isHeld: boolean;

  constructor(
    { time, isSenderGone, isHeld }: ClaimSettings,
    isClaimed: () => boolean,
    onEnd: (isClaimed: boolean) => void,
  ) {
    this.isSenderGone = isSenderGone;
    this.#isHeld = isHeld;
    this.#isClaimed = isClaimed;
    this.#onEnd = onEnd;
    this.#timer = setTimeout(() => this.#over(isClaimed()), time);
    holdBy(this.#timer, isHeld);
    this.#lookIn(FIRST_LOOK);
  }

  /** Whether the waiting keeps the process alive. */
  holdProcess(isHeld: boolean): void {
    this.#isHeld = isHeld;
    for (const timer of [this.#timer, this.#lookTimer]) holdBy(timer, isHeld);
  }

  #lookIn(time: number): void {
    this.#lookTimer = setTimeout(() => {
      if (this.#isClaimed()) this.#over(true);
      else this.#lookIn(Math.min(2 * time, LONGEST_LOOK));
    }, time);
    holdBy(this.#lookTimer, this.#isHeld);
  }

  #over(isClaimed: boolean): void {
    this.end();
    this.#onEnd(isClaimed);
  }

  /** Ends the waiting. */
  end(): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#lookTimer);
  }
}
