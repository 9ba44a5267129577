/**
 * Event handler attributes (https://html.spec.whatwg.org/#event-handlers).
 *
 * @module
 */
import { unlessEnded } from "./ends.js";

/** A handler for `onmessage` and other `on…` attributes. */
export type Handler<E extends Event> = (event: E) => unknown;

/** A handler, and the listener that calls it. */
interface Entry {
  readonly type: string;
  handler: unknown;
  readonly listener: (event: Event) => void;
  next: Entry | undefined;
}

/**
 * The handlers of one target. A handler's turn among the listeners is that of the first time it was set, and setting
 * it to `null` takes it out.
 */
export class EventHandlers {
  readonly #target: EventTarget;
  /** The latest of a chain: there are few, and a `Map` would take more than all that is in it. */
  #latest: Entry | undefined;

  constructor(target: EventTarget) {
    this.#target = target;
  }

  /** The handler of an event type. */
  get<E extends Event>(type: string): Handler<E> | null {
    return (this.#find(type)?.handler as Handler<E> | undefined) ?? null;
  }

  /** Sets it. A value that is not an object counts as `null`; one that is not a function is kept, but not called. */
  set(type: string, handler: unknown): void {
    const present = this.#find(type);
    if (typeof handler !== "function" && typeof handler !== "object") {
      this.set(type, null);
    } else if (handler === null) {
      if (present !== undefined) this.#target.removeEventListener(type, present.listener);
      this.#latest = without(this.#latest, present);
    } else if (present !== undefined) {
      present.handler = handler;
      this.#target.addEventListener(type, present.listener); // it is there; but asking for messages again counts
    } else {
      const entry: Entry = {
        type,
        handler,
        next: this.#latest,
        listener: (event: Event): void => {
          if (typeof entry.handler !== "function") return;
          const result: unknown = entry.handler.call(this.#target, event);
          if (result === false) event.preventDefault();
          else void unlessEnded(this.#target, result);
        },
      };
      this.#latest = entry;
      this.#target.addEventListener(type, entry.listener);
    }
  }

  #find(type: string): Entry | undefined {
    let entry = this.#latest;
    while (entry !== undefined && entry.type !== type) entry = entry.next;
    return entry;
  }
}

function without(chain: Entry | undefined, entry: Entry | undefined): Entry | undefined {
  if (chain === undefined || chain === entry) return chain?.next;
  chain.next = without(chain.next, entry);
  return chain;
}
