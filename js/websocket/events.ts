/**
 * The events of the WHATWG standard that not every runtime has.
 *
 * @module
 */
import { defineInterface, requireArguments, unsignedLong, unsignedShort, usvString } from "./webidl.js";

/** `EventInit`, which only type libraries of the DOM have. */
export interface EventDetails {
  /** `false`. */
  bubbles?: boolean;
  /** `false`. */
  cancelable?: boolean;
  /** `false`. */
  composed?: boolean;
}

/** An event listener: a function, or an object that has it. */
export type Listener<E extends Event> =
  | ((event: E) => void)
  | {
      /** Is called with each event. */
      handleEvent(event: E): void;
    };

/** `AddEventListenerOptions`, which only type libraries of the DOM have. */
export interface ListenerOptions {
  /** Has no effect: a socket has no parents. */
  capture?: boolean;
  /** Listen to one event only. */
  once?: boolean;
  /** Has no effect: these events cannot be cancelled. */
  passive?: boolean;
  /** Ends the listening. */
  signal?: AbortSignal;
}

/** The properties of a `CloseEvent`. */
export interface CloseEventDetails extends EventDetails {
  /** `false`. */
  wasClean?: boolean;
  /** 0. */
  code?: number;
  /** `""`. */
  reason?: string;
}

/** The properties of an `ErrorEvent`. */
export interface ErrorEventDetails extends EventDetails {
  /** `""`. */
  message?: string;
  /** `""`. */
  filename?: string;
  /** 0. */
  lineno?: number;
  /** 0. */
  colno?: number;
  /** `undefined`. */
  error?: unknown;
}

/** https://websockets.spec.whatwg.org/#the-closeevent-interface */
class OwnCloseEvent extends Event {
  readonly #wasClean: boolean;
  readonly #code: number;
  readonly #reason: string;

  constructor(type: string, details: CloseEventDetails = {}) {
    // biome-ignore lint/complexity/noArguments: Web IDL counts them
    requireArguments("CloseEvent", 1, arguments.length);
    super(type, details);
    // a dictionary's members in the order of their names; `null` is an empty one
    const { code = 0, reason = "", wasClean = false } = details ?? {};
    this.#code = unsignedShort(code);
    this.#reason = usvString(reason);
    this.#wasClean = Boolean(wasClean);
  }

  get wasClean(): boolean {
    return this.#wasClean;
  }

  get code(): number {
    return this.#code;
  }

  get reason(): string {
    return this.#reason;
  }
}
defineInterface(OwnCloseEvent, "CloseEvent", ["wasClean", "code", "reason"]);

/** https://html.spec.whatwg.org/#the-errorevent-interface */
class OwnErrorEvent extends Event {
  readonly #message: string;
  readonly #filename: string;
  readonly #lineno: number;
  readonly #colno: number;
  readonly #error: unknown;

  constructor(type: string, details: ErrorEventDetails = {}) {
    // biome-ignore lint/complexity/noArguments: Web IDL counts them
    requireArguments("ErrorEvent", 1, arguments.length);
    super(type, details);
    const { colno = 0, error, filename = "", lineno = 0, message = "" } = details ?? {};
    this.#colno = unsignedLong(colno);
    this.#error = error;
    this.#filename = usvString(filename);
    this.#lineno = unsignedLong(lineno);
    this.#message = `${message}`;
  }

  get message(): string {
    return this.#message;
  }

  get filename(): string {
    return this.#filename;
  }

  get lineno(): number {
    return this.#lineno;
  }

  get colno(): number {
    return this.#colno;
  }

  get error(): unknown {
    return this.#error;
  }
}
defineInterface(OwnErrorEvent, "ErrorEvent", ["message", "filename", "lineno", "colno", "error"]);

/** A connection has ended. */
export type CloseEvent = Event & {
  /** Whether both sides said goodbye. */
  readonly wasClean: boolean;
  /** The peer's close status; 1005 if it gave none, 1006 if there was no close frame. */
  readonly code: number;
  /** The peer's words. */
  readonly reason: string;
};
/** The runtime's own `CloseEvent`, or one of the same shape. */
export const CloseEvent: new (type: string, details?: CloseEventDetails) => CloseEvent =
  globalThis.CloseEvent ?? OwnCloseEvent;

/** A connection has failed; `error` says why. */
export type ErrorEvent = Event & {
  /** The error's. */
  readonly message: string;
  /** `""`: no script is to blame. */
  readonly filename: string;
  /** 0. */
  readonly lineno: number;
  /** 0. */
  readonly colno: number;
  /** A `WebSocketError` or a `WebSocketProtocolError`. */
  readonly error: unknown;
};
/** The runtime's own `ErrorEvent`, or one of the same shape. */
export const ErrorEvent: new (type: string, details?: ErrorEventDetails) => ErrorEvent =
  globalThis.ErrorEvent ?? OwnErrorEvent;

/** The event of an error. */
export function errorEvent(error: Error): ErrorEvent {
  return new ErrorEvent("error", { message: error.message, error });
}

/** A ping or a pong came, with its payload of at most 125 bytes. */
export class ControlEvent extends Event {
  /** The payload. */
  readonly data: Uint8Array;
  /** Milliseconds since our ping was sent, if this pong answers it. */
  readonly roundTripTime: number | undefined;

  constructor(type: "ping" | "pong", data: Uint8Array, roundTripTime?: number) {
    super(type);
    this.data = data;
    this.roundTripTime = roundTripTime;
  }
}
