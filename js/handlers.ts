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
  readonly #handlers = new Map<string, { handler: unknown; listener: (event: Event) => void }>();

  constructor(target: EventTarget) {
    this.#target = target;
  }

  /** The handler of an event type. */
  get<E extends Event>(type: string): Handler<E> | null {
    return (this.#handlers.get(type)?.handler as Handler<E> | undefined) ?? null;
  }

  /** Sets it. What is no object counts as `null`; an object that is no function stays, and is not called. */
  set(type: string, handler: unknown): void {
    const present = this.#handlers.get(type);
    if (typeof handler !== "function" && typeof handler !== "object") {
      this.set(type, null);
    } else if (handler === null) {
      if (present !== undefined) this.#target.removeEventListener(type, present.listener);
      this.#handlers.delete(type);
    } else if (present !== undefined) {
      present.handler = handler;
      this.#target.addEventListener(type, present.listener); // it is there; but asking for messages again counts
    } else {
      const entry = {
        handler: handler as unknown,
        listener: (event: Event): void => {
          if (typeof entry.handler !== "function") return;
          if (entry.handler.call(this.#target, event) === false) event.preventDefault();
        },
      };
      this.#handlers.set(type, entry);
      this.#target.addEventListener(type, entry.listener);
    }
  }
}
