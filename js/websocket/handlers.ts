/**
 * Event handler attributes (https://html.spec.whatwg.org/#event-handlers).
 *
 * @module
 */
import { unlessEnded } from "./ends.js";

/** A handler for `onmessage` and other `on…` attributes. */
export type Handler<E extends Event> = (event: E) => unknown;

/**
 * A handler, and those that were set before. There are few: a `Map` of them would take more than all that is in it.
 */
export interface Handlers {
  readonly type: string;
  handler: unknown;
  next: Handlers | undefined;
}

/** Calls the handler of an event's type. */
export function callHandler(handlers: Handlers | undefined, event: Event): void {
  const target = event.target as EventTarget; // Node says no `currentTarget` to the last listener
  const handler = find(handlers, event.type)?.handler;
  if (typeof handler !== "function") return;
  const result: unknown = handler.call(target, event);
  if (result === false) event.preventDefault();
  else void unlessEnded(target, result);
}

/** The handler of an event type. */
export function handlerOf<E extends Event>(handlers: Handlers | undefined, type: string): Handler<E> | null {
  return (find(handlers, type)?.handler as Handler<E> | undefined) ?? null;
}

/**
 * Sets the handler of a target's event type, and returns the handlers with it. Its turn among the listeners is that of
 * the first time it was set, and setting it to `null` takes it out. A value that is not an object counts as `null`; one
 * that is not a function is kept, but not called.
 *
 * @param listener calls `callHandler`; one for all targets, because a closure for each would take memory
 */
export function setHandler(
  target: EventTarget,
  handlers: Handlers | undefined,
  type: string,
  handler: unknown,
  listener: (event: Event) => void,
): Handlers | undefined {
  const present = find(handlers, type);
  if (handler === null || (typeof handler !== "function" && typeof handler !== "object")) {
    if (present !== undefined) target.removeEventListener(type, listener);
    return without(handlers, present);
  }
  const entry = present ?? { type, handler, next: handlers };
  entry.handler = handler;
  target.addEventListener(type, listener); // it may be there; but asking for messages again counts
  return present === undefined ? entry : handlers;
}

function find(handlers: Handlers | undefined, type: string): Handlers | undefined {
  let entry = handlers;
  while (entry !== undefined && entry.type !== type) entry = entry.next;
  return entry;
}

function without(handlers: Handlers | undefined, entry: Handlers | undefined): Handlers | undefined {
  if (handlers === undefined || handlers === entry) return handlers?.next;
  handlers.next = without(handlers.next, entry);
  return handlers;
}
