/**
 * Event handler attributes (https://html.spec.whatwg.org/#event-handlers).
 *
 * @module
 */

/** What `onmessage` and its like take. */
export type Handler<E extends Event> = (event: E) => unknown;

/**
 * The handlers of one target. A handler's turn among the listeners is that of the first time it was set, and setting
 * it to `null` takes it out.
 */
export class EventHandlers {
  readonly #target: EventTarget;
  readonly #handlers = new Map<string, { handler: Handler<never>; listener: (event: Event) => void }>();

  constructor(target: EventTarget) {
    this.#target = target;
  }

  /** The handler of an event type. */
  get<E extends Event>(type: string): Handler<E> | null {
    return (this.#handlers.get(type)?.handler as Handler<E> | undefined) ?? null;
  }

  /** Sets it; what is no function counts as `null`. */
  set<E extends Event>(type: string, handler: Handler<E> | null): void {
    const present = this.#handlers.get(type);
    if (typeof handler !== "function") {
      if (present !== undefined) this.#target.removeEventListener(type, present.listener);
      this.#handlers.delete(type);
    } else if (present !== undefined) {
      present.handler = handler as Handler<never>;
    } else {
      const entry = {
        handler: handler as Handler<never>,
        listener: (event: Event): void => {
          entry.handler.call(this.#target, event as never);
        },
      };
      this.#handlers.set(type, entry);
      this.#target.addEventListener(type, entry.listener);
    }
  }
}
