/**
 * The events that `ws` gives to `addEventListener` and to `onopen` and its like: plain objects, made for those
 * listeners only. Everyone else listens to the `EventEmitter`.
 *
 * @module
 */

import type { EventEmitter } from "node:events";
import { ownOptions } from "../engine/own.js";

/** Something happened; `open`, and what the other events have in common. */
export class Event<T = unknown> {
  readonly #type: string;
  readonly #target: T;

  constructor(type: string, target: T) {
    this.#type = type;
    this.#target = target;
  }

  /** The event's name. */
  get type(): string {
    return this.#type;
  }

  /** The socket of the event. */
  get target(): T {
    return this.#target;
  }
}

/** A message came: text as a string, and binary as `binaryType` has it. */
export class MessageEvent<T = unknown> extends Event<T> {
  readonly #data: unknown;

  constructor(target: T, data: unknown) {
    super("message", target);
    this.#data = data;
  }

  /** The message. */
  get data(): unknown {
    return this.#data;
  }
}

/** The connection has ended. */
export class CloseEvent<T = unknown> extends Event<T> {
  readonly #code: number;
  readonly #reason: string;
  readonly #wasClean: boolean;

  constructor(target: T, code: number, reason: string, wasClean: boolean) {
    super("close", target);
    this.#code = code;
    this.#reason = reason;
    this.#wasClean = wasClean;
  }

  /** The status in the peer's close frame: 1005 if it had none, 1006 if there was no close frame. */
  get code(): number {
    return this.#code;
  }

  /** The reason in the peer's close frame. */
  get reason(): string {
    return this.#reason;
  }

  /** Whether close frames went both ways. */
  get wasClean(): boolean {
    return this.#wasClean;
  }
}

/** Something went wrong. */
export class ErrorEvent<T = unknown> extends Event<T> {
  readonly #error: Error;

  constructor(target: T, error: Error) {
    super("error", target);
    this.#error = error;
  }

  /** The error. */
  get error(): Error {
    return this.#error;
  }

  /** The error's own message. */
  get message(): string {
    return this.#error.message;
  }
}

for (const [event, names] of [
  [Event, ["type", "target"]],
  [MessageEvent, ["data"]],
  [CloseEvent, ["code", "reason", "wasClean"]],
  [ErrorEvent, ["error", "message"]],
] as const) {
  for (const name of names) Object.defineProperty(event.prototype, name, { enumerable: true });
}

/** A listener for `addEventListener`. */
export type EventListener<E> =
  | ((event: E) => unknown)
  | {
      /** Called with the event, on the object. */
      handleEvent(event: E): unknown;
    };

/** The types that `addEventListener` knows; it ignores others, as `ws` does. */
export interface EventTypes<T> {
  /** The connection is open. */
  open: Event<T>;
  /** A message came. */
  message: MessageEvent<T>;
  /** The connection has ended. */
  close: CloseEvent<T>;
  /** The handshake or the connection failed. */
  error: ErrorEvent<T>;
}

/** Maps an emitter's listener to the event listener that it stands for. */
interface Origin {
  readonly handler: unknown;
  readonly isAttribute: boolean;
}
const origins = new WeakMap<object, Origin>();

/**
 * Adds a listener, unless it is there already.
 *
 * @param makers make an event of each type from the emitter and what it emits
 */
export function addListener(
  emitter: EventEmitter,
  type: string,
  handler: EventListener<never>,
  makers: { readonly [type: string]: (...args: never[]) => unknown },
  options: { once?: boolean | undefined; isAttribute?: boolean },
): void {
  const { once = false, isAttribute = false } = ownOptions(options);
  if (!Object.hasOwn(makers, type)) return;
  if (!isAttribute && find(emitter, type, (origin) => origin.handler === handler && !origin.isAttribute)) return;
  const make = makers[type] as (...args: unknown[]) => unknown;
  const listener = (...args: unknown[]) => {
    const event = make(emitter, ...args) as never;
    if (typeof handler === "function") handler.call(emitter as never, event);
    else handler.handleEvent(event);
  };
  origins.set(listener, { handler, isAttribute });
  if (once) emitter.once(type, listener);
  else emitter.on(type, listener);
}

/** Takes out what `addListener` added. */
export function removeListener(emitter: EventEmitter, type: string, handler: unknown): void {
  const listener = find(emitter, type, (origin) => origin.handler === handler && !origin.isAttribute);
  if (listener !== undefined) emitter.removeListener(type, listener);
}

/** The handler that an attribute such as `onmessage` has. */
export function attribute(emitter: EventEmitter, type: string): ((event: never) => unknown) | null {
  const listener = find(emitter, type, (origin) => origin.isAttribute);
  return (listener && (origins.get(listener)?.handler as (event: never) => unknown)) ?? null;
}

/** Takes out the handler of an attribute. */
export function clearAttribute(emitter: EventEmitter, type: string): void {
  const listener = find(emitter, type, (origin) => origin.isAttribute);
  if (listener !== undefined) emitter.removeListener(type, listener);
}

function find(
  emitter: EventEmitter,
  type: string,
  isWanted: (origin: Origin) => boolean,
): ((...args: unknown[]) => void) | undefined {
  return (emitter.listeners(type) as ((...args: unknown[]) => void)[]).find((listener) => {
    const origin = origins.get(listener);
    return origin !== undefined && isWanted(origin);
  });
}
