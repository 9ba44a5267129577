/**
 * How a server closes its connections: all at once, or one after the other, so that their clients do not come back in
 * the same moment.
 *
 * @module
 */
import { WebSocketError } from "../engine/errors.js";
import { ownOptions } from "../engine/own.js";
import { CloseStatus, isSendableStatus, MAX_CLOSE_REASON_LENGTH } from "../engine/status.js";
import { textSize } from "../engine/text.js";
import { checkOptions, type Filled, type Kind, type Kinds } from "../session/kinds.js";
import { LONGEST_TIME } from "../session/options.js";
import { attempt, clearTimeout, setTimeout } from "../transport/tasks.js";
import type { WebSocket } from "../websocket/websocket.js";

/** How a server closes. */
export interface CloseOptions {
  /** The status that every client gets; 1001 by default. 1012 says that the server restarts. */
  code?: number | undefined;
  /** The reason beside it, at most 123 bytes of UTF-8; none by default. */
  reason?: string | undefined;
  /** Milliseconds over which the closes are spread evenly; 0 by default. The connections that wait go on meanwhile. */
  spread?: number | undefined;
  /** Milliseconds after which connections that are left are terminated; `spread` and `closeTimeout` by default. */
  timeout?: number | undefined;
}

/** How the connections of a closed server ended. */
export interface CloseResult {
  /** Connections that ended by close frames of both sides. */
  readonly closed: number;
  /** Connections that ended otherwise: terminated, or lost. */
  readonly terminated: number;
}

const TIME: Kind = {
  wanted: "a number of milliseconds from 0",
  is: (value) => typeof value === "number" && value >= 0,
};

const KINDS: Kinds<CloseOptions> = {
  code: {
    wanted: "a status that a server may send, such as 1001, 1012 or 4000",
    is: (value) => Number.isInteger(value) && isSendableStatus(value as number),
  },
  reason: {
    wanted: `text of at most ${MAX_CLOSE_REASON_LENGTH} bytes of UTF-8`,
    is: (value) => typeof value === "string" && textSize(value) <= MAX_CLOSE_REASON_LENGTH,
  },
  spread: TIME,
  timeout: TIME,
};

/**
 * All of the options.
 *
 * @throws WebSocketError `WS_ERR_INVALID_OPTION`
 */
export function closeOptions(given: CloseOptions, closeTimeout: number): Filled<CloseOptions> {
  if (typeof given !== "object" || given === null) {
    throw new WebSocketError("WS_ERR_INVALID_OPTION", "close takes an object of options, and returns a promise");
  }
  const options = ownOptions(given);
  checkOptions(options, KINDS);
  const { code = CloseStatus.EndpointUnavailable, reason = "", spread = 0 } = options;
  const { timeout = spread + closeTimeout } = options;
  if (timeout < spread) {
    throw new WebSocketError("WS_ERR_INVALID_OPTION", "The option timeout must not be less than spread");
  }
  return { code, reason, spread: Math.min(spread, LONGEST_TIME), timeout: Math.min(timeout, LONGEST_TIME) };
}

/** Closes connections. */
export class Drain {
  readonly #sockets: readonly WebSocket[];
  readonly #options: Filled<CloseOptions>;
  readonly #began = performance.now();
  #count = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** When all have ended. */
  readonly done: Promise<CloseResult>;

  constructor(sockets: Iterable<WebSocket>, options: Filled<CloseOptions>) {
    this.#sockets = [...sockets];
    this.#options = options;
    this.done = this.#end();
    this.#closeDue();
  }

  async #end(): Promise<CloseResult> {
    const ends = await Promise.all(this.#sockets.map(ending));
    clearTimeout(this.#timer); // those that were to be closed later have ended by themselves
    const closed = ends.filter(Boolean).length;
    return { closed, terminated: ends.length - closed };
  }

  /** Ends those that are left, at once. */
  terminate(): void {
    clearTimeout(this.#timer);
    for (const socket of this.#sockets) attempt(() => socket.terminate());
  }

  #closeDue(): void {
    const { code, reason, spread } = this.#options;
    const { length } = this.#sockets;
    const elapsed = performance.now() - this.#began;
    const due = spread === 0 ? length : Math.min(length, Math.floor((elapsed / spread) * length) + 1);
    const next = this.#sockets.slice(this.#count, due);
    this.#count = due;
    for (const socket of next) attempt(() => socket.close(code, reason));
    if (due < length) this.#timer = setTimeout(() => this.#closeDue(), spread / length);
  }
}

/** Called with the ends of connections. Listeners of theirs might not be: another one may stop the event. */
const ends = new WeakMap<WebSocket, (wasClean: boolean) => void>();

/** A connection of a server has ended: by close frames of both sides, or otherwise. */
export function ended(socket: WebSocket, wasClean: boolean): void {
  ends.get(socket)?.(wasClean);
}

/** Whether it ended by close frames. */
function ending(socket: WebSocket): Promise<boolean> {
  return new Promise((resolve) => ends.set(socket, resolve));
}
