/**
 * Errors that say that a socket has ended. The socket's own events report that already, so an error of this kind needs
 * no handling.
 *
 * @module
 */

const ends = new WeakMap<object, object>();

/** Marks an error as one that this socket's end has caused. */
export function markAsEnd<E extends Error>(socket: object, error: E): E {
  ends.set(error, socket);
  return error;
}

/** Causes that are looked at: a chain may be a ring. */
const MOST_CAUSES = 8;

/** Whether an error says that this socket has ended: by itself, or by its cause. */
export function isEndOf(socket: EventTarget, error: unknown): boolean {
  for (let cause = error, depth = 0; cause instanceof Error && depth < MOST_CAUSES; cause = cause.cause, depth++) {
    if (ends.get(cause) === socket) return true;
  }
  return false;
}

/**
 * What a listener of the socket's has returned: if it is a promise, one that the socket's end does not reject. A
 * listener that awaits `write` would end the process otherwise, whenever a peer drops its connection.
 */
export function unlessEnded(socket: EventTarget, result: unknown): unknown {
  if (!isPromise(result)) return result;
  return result.then(undefined, (error) => {
    if (!isEndOf(socket, error)) throw error;
  });
}

/** Whether the value can be awaited. */
export function isPromise<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return typeof (value as Partial<PromiseLike<T>> | null | undefined)?.then === "function";
}
