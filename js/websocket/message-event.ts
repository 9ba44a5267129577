/**
 * The `message` events that the runtime dispatches.
 *
 * @module
 */
import { tellsChanges } from "./node-listeners.js";

/** Those of a message that is not of a port. */
export const NO_PORTS: readonly MessagePort[] = Object.freeze([]);

/**
 * An event of the runtime's, with the members of a `MessageEvent`. Node's own converts all members of a dictionary as
 * Web IDL has it, which takes longer than the rest of the work for a short message.
 *
 * https://html.spec.whatwg.org/#the-messageevent-interface
 */
class PlainMessageEvent extends Event {
  readonly #data: unknown;
  readonly #origin: string;

  constructor(data: unknown, origin: string) {
    super("message");
    this.#data = data;
    this.#origin = origin;
  }

  get data(): unknown {
    return this.#data;
  }

  get origin(): string {
    return this.#origin;
  }

  get lastEventId(): string {
    return "";
  }

  get source(): null {
    return null;
  }

  get ports(): readonly MessagePort[] {
    return NO_PORTS;
  }

  initMessageEvent(): void {
    // for events of `document.createEvent`
  }
}
Object.setPrototypeOf(PlainMessageEvent.prototype, MessageEvent.prototype);
Object.defineProperty(PlainMessageEvent.prototype, "constructor", { value: MessageEvent });

/**
 * A `MessageEvent` that any target dispatches.
 *
 * @param isNative whether it is the runtime's; elsewhere than in Node it always is: in Deno that is three times faster
 */
export function messageEvent(data: unknown, origin: string, isNative: boolean): MessageEvent {
  return isNative || !tellsChanges
    ? new MessageEvent("message", { data, origin })
    : (new PlainMessageEvent(data, origin) as unknown as MessageEvent);
}
