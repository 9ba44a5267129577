/**
 * Node's own part of a target: what it keeps there, and a notice of each change of the listeners, because asking the
 * runtime for them takes longer than delivering a short message.
 *
 * @module
 */

/** What Node calls on a target whose listeners have changed, by whichever method. */
type Hook = (this: EventTarget, size: number, type: string, listener: unknown, ...options: unknown[]) => void;
type Hooked = Record<symbol, Hook>;

const hooks = ["kNewListener", "kRemoveListener"]
  .map((name) => Object.getOwnPropertySymbols(EventTarget.prototype).find(({ description }) => description === name))
  .filter((symbol) => symbol !== undefined);

/** Whether targets report all changes. Elsewhere than in Node they do not. */
export const tellsChanges = hooks.length === 2;

/** Where Node keeps the handlers of the attributes that it defines itself, a map in each target. A socket has none. */
const HANDLERS = Object.getOwnPropertySymbols(new EventTarget()).find(({ description }) => description === "kHandlers");

/** Does without that map, which takes 200 bytes. */
export function leaveHandlers(target: EventTarget): void {
  if (HANDLERS !== undefined) (target as unknown as Record<symbol, unknown>)[HANDLERS] = undefined;
}

/** Calls back when a listener was added to a target of this class, or removed, and says whether with options. */
export function onListenersChanged<S extends EventTarget>(
  { prototype }: { prototype: S & object },
  changed: (target: S, type: string, hasOptions: boolean) => void,
): void {
  for (const hook of hooks) {
    const inherited = (EventTarget.prototype as unknown as Hooked)[hook];
    const value: Hook = function (size, type, listener, ...options) {
      inherited?.call(this, size, type, listener, ...options);
      changed(this as S, type, options.includes(true));
    };
    Object.defineProperty(prototype, hook, { value, configurable: true, writable: true });
  }
}
