/**
 * Options without what others may have put on `Object.prototype`: a library that merges a stranger's JSON into an
 * object may let the stranger do so.
 *
 * @module
 */

/** A copy of the caller's own options. */
export function ownOptions<T extends object>(given: T): T {
  return { __proto__: null, ...given };
}

/**
 * One option, without a copy of all: it costs as much as reading it, unless something else has put it there. `null` has
 * none, as in Web IDL.
 */
export function ownOption<T extends object, K extends keyof T>(given: T | null, name: K): T[K] | undefined {
  const value = given?.[name];
  return value === undefined || !(name in Object.prototype) || Object.hasOwn(given as T, name) ? value : undefined;
}
