/**
 * Pings: how long their pongs take, and a peer that does not answer any more.
 *
 * @module
 */

import type { ConnectionSettings } from "../session/options.js";
import { clearTimeout, setWatch } from "../transport/tasks.js";

type Settings = Pick<ConnectionSettings, "pingInterval" | "pongTimeout">;

/** Watches one connection. Whatever comes from the peer is a sign of life, not only a pong. */
export class KeepAlive {
  readonly #settings: Settings;
  readonly #ping: () => void;
  readonly #onDead: () => void;
  #timer: ReturnType<typeof setWatch> | undefined;
  /** `leaving`: a ping waits for the network to take it. `awaited`: it has left, and nothing came since. */
  #state: "none" | "leaving" | "awaited" = "none";

  /**
   * @param ping sends one
   * @param onDead is called when nothing has answered it
   */
  constructor(settings: Settings, ping: () => void, onDead: () => void) {
    this.#settings = settings;
    this.#ping = ping;
    this.#onDead = onDead;
  }

  /** Begins, or goes on after `stop`. */
  start(): void {
    this.stop();
    this.#startTimer(this.#settings.pingInterval);
  }

  /** Begins, unless it has. */
  begin(): void {
    if (this.#timer === undefined) this.start();
  }

  /** Sends no more pings and expects no pongs: the connection is paused, or over. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#state = "none";
  }

  /** Bytes came. */
  received(): void {
    if (this.#state === "none") this.#timer?.refresh();
    else if (this.#timer !== undefined) this.start();
  }

  /** The network has taken bytes, a ping perhaps among them. That says nothing of the peer once a pong is awaited. */
  sent(hasPing: boolean): void {
    if (this.#state === "awaited") return;
    if (this.#state === "leaving" && hasPing) this.#state = "awaited";
    this.#timer?.refresh();
  }

  #startTimer(time: number): void {
    this.#timer = setWatch(this.#onSilence, time);
  }

  readonly #onSilence = (): void => {
    if (this.#state !== "none") {
      this.stop();
      this.#onDead();
      return;
    }
    this.#state = "leaving";
    this.#startTimer(this.#settings.pongTimeout);
    this.#ping();
  };
}

/** Pings that are remembered at most: an endpoint may leave all but the latest without a pong (RFC 6455 §5.5.3). */
const MOST = 16;

/** Pings whose pongs have not come. */
export class Pings {
  /** Made, and not given to the network yet. */
  #made: Uint8Array[] = [];
  #pings: { readonly payload: Uint8Array; readonly at: number }[] = [];
  #count = 0;
  /** Milliseconds from the latest ping that was answered to its pong; `undefined` before there is one. */
  roundTripTime: number | undefined;

  /** A payload that no other ping of these has. */
  next(): Uint8Array {
    this.#count += 1;
    return new Uint8Array(Uint32Array.of(this.#count).buffer);
  }

  /** A ping will leave with what is sent next. */
  made(payload: Uint8Array): void {
    this.#made.push(payload);
  }

  /** Sends the pings that were made. Returns whether there were any. */
  leave(): boolean {
    if (this.#made.length === 0) return false;
    const at = performance.now();
    const leaving = this.#made.map((payload) => ({ payload, at }));
    this.#pings = [...this.#pings, ...leaving].slice(-MOST);
    this.#made = [];
    return true;
  }

  /** A pong came. Returns the milliseconds since its ping, unless it answers none. */
  answered(payload: Uint8Array): number | undefined {
    const index = this.#pings.findLastIndex((ping) => isSame(ping.payload, payload));
    const ping = this.#pings[index];
    if (ping === undefined) return undefined;
    this.#pings.splice(0, index + 1);
    this.roundTripTime = performance.now() - ping.at;
    return this.roundTripTime;
  }
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, index) => byte === other[index]);
}
