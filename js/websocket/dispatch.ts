/**
 * Messages as events, without the runtime's own dispatch: to make an event and dispatch it may take longer than all
 * else that is done for a short message.
 *
 * @module
 */
import { getEventListeners } from "node:events";

import { unlessEnded } from "./ends.js";
import type { Listener, ListenerOptions } from "./events.js";
import { NO_PORTS } from "./message-event.js";
import { tellsChanges } from "./node-listeners.js";

type PlainListener = (event: MessageEvent) => unknown;

/** A listener, and whether it was taken out since: perhaps by one before it. */
interface Entry {
  readonly listener: PlainListener;
  isRemoved: boolean;
}

/** How far an event's dispatch is; `Stopped` and what follows it: by what a listener has called. */
const State = { Dispatched: 0, Stopped: 1, StoppedAtOnce: 2, Over: 3 } as const;

/** The values of `eventPhase`. */
const NONE = 0;
const AT_TARGET = 2;

/**
 * A `MessageEvent` by its class and all its members, but none that the runtime has made. Another target may refuse to
 * dispatch it again; `new MessageEvent(event.type, event)` is one that it takes.
 *
 * https://dom.spec.whatwg.org/#interface-event, https://html.spec.whatwg.org/#the-messageevent-interface
 */
class ReceivedMessage {
  readonly #target: EventTarget;
  readonly #data: unknown;
  readonly #origin: string;
  readonly #timeStamp: number;
  #state: number = State.Dispatched;

  constructor(target: EventTarget, data: unknown, origin: string, timeStamp: number) {
    this.#target = target;
    this.#data = data;
    this.#origin = origin;
    this.#timeStamp = timeStamp;
  }

  get type(): string {
    return "message";
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

  get target(): EventTarget {
    return this.#target;
  }

  get srcElement(): EventTarget {
    return this.#target;
  }

  get currentTarget(): EventTarget | null {
    return this.#state === State.Over ? null : this.#target;
  }

  get eventPhase(): number {
    return this.#state === State.Over ? NONE : AT_TARGET;
  }

  composedPath(): EventTarget[] {
    return this.#state === State.Over ? [] : [this.#target];
  }

  get timeStamp(): number {
    return this.#timeStamp;
  }

  get isTrusted(): boolean {
    return false;
  }

  get bubbles(): boolean {
    return false;
  }

  get composed(): boolean {
    return false;
  }

  get cancelable(): boolean {
    return false;
  }

  get defaultPrevented(): boolean {
    return false;
  }

  get returnValue(): boolean {
    return true;
  }

  set returnValue(_value: boolean) {
    // it cannot be cancelled
  }

  preventDefault(): void {
    // it cannot be cancelled
  }

  get cancelBubble(): boolean {
    return this.#state === State.Stopped || this.#state === State.StoppedAtOnce;
  }

  set cancelBubble(value: boolean) {
    if (value) this.stopPropagation();
  }

  stopPropagation(): void {
    if (this.#state === State.Dispatched) this.#state = State.Stopped;
  }

  stopImmediatePropagation(): void {
    if (this.#state !== State.Over) this.#state = State.StoppedAtOnce;
  }

  initEvent(): void {
    // does nothing while the event is dispatched, as the standard says; later it has no use
  }

  initMessageEvent(): void {
    // the same
  }

  /** Node and Bun show it as one of their own. */
  [Symbol.for("nodejs.util.inspect.custom")](): MessageEvent {
    return new MessageEvent(this.type, this as unknown as MessageEventInit);
  }

  static dispatch(event: ReceivedMessage, listeners: MessageListeners): void {
    for (const { listener, isRemoved } of listeners.all) {
      if (isRemoved) continue;
      try {
        const result = listener.call(event.#target, event as unknown as MessageEvent);
        if (typeof result === "object" && result !== null) conclude(() => unlessEnded(event.#target, result));
      } catch (error) {
        conclude(() => {
          throw error;
        });
      }
      if (event.#state === State.StoppedAtOnce) break;
    }
    event.#state = State.Over;
  }
}
Object.setPrototypeOf(ReceivedMessage.prototype, MessageEvent.prototype);
Object.defineProperty(ReceivedMessage.prototype, "constructor", { value: MessageEvent });

const { dispatchEvent } = EventTarget.prototype;

/** A wrapper that was there before us is a `function`, which has a prototype; a method of the runtime's has none. */
const isDispatchWrapped = Object.hasOwn(dispatchEvent, "prototype");

/** Whether anyone listens, however they were added. jsdom's targets do not tell. */
export function hasListeners(target: EventTarget, type: string): boolean {
  return countListeners(target, type) > 0;
}

/** Their number. */
export function countListeners(target: EventTarget, type: string): number {
  return listenersOf(target, type)?.length ?? 0;
}

/** The same, but true if a target does not show its listeners. */
export function mayHaveListeners(target: EventTarget, type: string): boolean {
  return listenersOf(target, type)?.length !== 0;
}

/** Whether it makes a difference to dispatch an event. */
export function mayBeHeard(target: EventTarget, type: string): boolean {
  return isDispatchWrapped || target.dispatchEvent !== dispatchEvent || mayHaveListeners(target, type);
}

/** Whether the runtime shows the listeners of all targets: Bun shows none of those that are not its own. */
const showsListeners = areShown();

function areShown(): boolean {
  const target = new EventTarget();
  target.addEventListener("message", () => {});
  try {
    return getEventListeners(target, "message").length === 1;
  } catch {
    return false; // jsdom's
  }
}

function listenersOf(target: EventTarget, type: string): readonly unknown[] | undefined {
  // it would ask a method of that name, which emitters have
  if (!showsListeners || "listeners" in target) return undefined;
  try {
    return getEventListeners(target, type);
  } catch {
    return undefined;
  }
}

/** The listeners to a socket's messages, which the runtime's list has too: it dispatches what others dispatch. */
export class MessageListeners {
  #all: readonly Entry[] = [];
  #arePlain = !isDispatchWrapped;
  /** When it was last made sure that the runtime has the same listeners, or 1; 0 if they have changed since. */
  #comparedAt = tellsChanges ? 1 : 0; // a new target has none

  /** Those that are functions, in their order. Changes make a new list. */
  get all(): readonly Entry[] {
    return this.#all;
  }

  /** How many the runtime has; `undefined` if it has to be asked. */
  get count(): number | undefined {
    return tellsChanges && this.#comparedAt > 0 && this.#arePlain ? this.#all.length : undefined;
  }

  /**
   * To be called after `addEventListener`. Where that was patched, the target may have another function in its place.
   */
  added(target: EventTarget, listener: Listener<Event> | null, options?: boolean | ListenerOptions): void {
    if (!this.#arePlain) return;
    const isPlain = typeof listener === "function" && (options === undefined || options === false);
    const present = listenersOf(target, "message");
    if (!isPlain || !present?.includes(listener)) this.#arePlain = false;
    else if (this.#find(listener) === undefined) {
      const entry = { listener, isRemoved: false };
      // a spread would leave room for sixteen more, and `concat` takes long
      this.#all = this.#all.length === 0 ? [entry] : this.#all.concat(entry);
    }
    this.#compare(present);
  }

  /** To be called after `removeEventListener`. */
  removed(target: EventTarget, listener: Listener<Event> | null, options?: boolean | ListenerOptions): void {
    const isCapture = typeof options === "object" ? options?.capture : options;
    const entry = this.#find(listener);
    if (isCapture || entry === undefined) return;
    entry.isRemoved = true;
    this.#all = this.#all.filter((one) => one !== entry);
    this.#compare(listenersOf(target, "message"));
  }

  #find(listener: unknown): Entry | undefined {
    return this.#all.find((one) => one.listener === listener);
  }

  /** The runtime's listeners have changed. */
  changed(): void {
    this.#comparedAt = 0;
  }

  #isCompared(timeStamp: number): boolean {
    return tellsChanges ? this.#comparedAt > 0 : this.#comparedAt === timeStamp;
  }

  /** Methods of the class, or of `EventTarget`, may be called on a socket in place of its own, which tell us. */
  #compare(present: readonly unknown[] | undefined): void {
    if (tellsChanges) this.#comparedAt = 1;
    const areSame = present?.length === this.#all.length;
    if (!areSame || this.#all.some(({ listener }, at) => listener !== present?.[at])) this.#arePlain = false;
  }

  /**
   * Calls the listeners as the runtime does. Where there was ever one with options, or an object with `handleEvent`, or
   * one that another method than the socket's has added or removed, the runtime does that, or the code that replaced
   * `dispatchEvent`.
   *
   * @param timeStamp of the event, if the runtime does not make it; one for all messages that are delivered together
   */
  dispatch(target: EventTarget, data: unknown, origin: string, timeStamp: number): void {
    if (this.#arePlain && !this.#isCompared(timeStamp)) {
      this.#compare(listenersOf(target, "message"));
      if (!tellsChanges) this.#comparedAt = timeStamp;
    }
    const isOurs = this.#arePlain && target.dispatchEvent === dispatchEvent;
    if (!isOurs) target.dispatchEvent(new MessageEvent("message", { data, origin }));
    else if (this.#all.length > 0) ReceivedMessage.dispatch(new ReceivedMessage(target, data, origin, timeStamp), this);
  }
}

/**
 * Lets the runtime handle what a listener returned or threw, as after a call of its own. Each runtime reports errors in
 * its own way, and Node also reports rejected promises.
 */
function conclude(outcome: () => unknown): void {
  const target = new EventTarget();
  target.addEventListener("outcome", outcome);
  target.dispatchEvent(new Event("outcome"));
}
