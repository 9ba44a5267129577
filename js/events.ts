/**
 * The events of the WHATWG standard that not every runtime has.
 *
 * @module
 */

/** What any event may be made with: `EventInit`, which only type libraries of the DOM have. */
export interface EventDetails {
  bubbles?: boolean;
  cancelable?: boolean;
  composed?: boolean;
}

/** An event listener: a function, or an object that has it. */
export type Listener<E extends Event> = ((event: E) => void) | { handleEvent(event: E): void };

/** What `addEventListener` takes: `AddEventListenerOptions`, which only type libraries of the DOM have. */
export interface ListenerOptions {
  capture?: boolean;
  once?: boolean;
  passive?: boolean;
  signal?: AbortSignal;
}

/** What a `CloseEvent` tells. */
export interface CloseEventDetails extends EventDetails {
  wasClean?: boolean;
  code?: number;
  reason?: string;
}

/** What an `ErrorEvent` tells. */
export interface ErrorEventDetails extends EventDetails {
  message?: string;
  error?: unknown;
}

class OwnCloseEvent extends Event {
  readonly wasClean: boolean;
  readonly code: number;
  readonly reason: string;

  constructor(type: string, details: CloseEventDetails = {}) {
    super(type, details);
    this.wasClean = details.wasClean ?? false;
    this.code = details.code ?? 0;
    this.reason = details.reason ?? "";
  }

  get [Symbol.toStringTag](): string {
    return "CloseEvent";
  }
}

class OwnErrorEvent extends Event {
  readonly message: string;
  readonly error: unknown;

  constructor(type: string, details: ErrorEventDetails = {}) {
    super(type, details);
    this.message = details.message ?? "";
    this.error = details.error;
  }

  get [Symbol.toStringTag](): string {
    return "ErrorEvent";
  }
}

/** A connection has ended. */
export type CloseEvent = Event & { readonly wasClean: boolean; readonly code: number; readonly reason: string };
/** The runtime's own `CloseEvent`, or one of the same shape. */
export const CloseEvent: new (type: string, details?: CloseEventDetails) => CloseEvent =
  globalThis.CloseEvent ?? OwnCloseEvent;

/** A connection has failed; `error` says why. */
export type ErrorEvent = Event & { readonly message: string; readonly error: unknown };
/** The runtime's own `ErrorEvent`, or one of the same shape. */
export const ErrorEvent: new (type: string, details?: ErrorEventDetails) => ErrorEvent =
  globalThis.ErrorEvent ?? OwnErrorEvent;

/** A ping or a pong came, with its payload of at most 125 bytes. */
export class ControlEvent extends Event {
  /** The payload. */
  readonly data: Uint8Array;
  /** Of a pong that answers one of our pings: milliseconds since that was sent. */
  readonly roundTripTime: number | undefined;

  constructor(type: "ping" | "pong", data: Uint8Array, roundTripTime?: number) {
    super(type);
    this.data = data;
    this.roundTripTime = roundTripTime;
  }
}
