/**
 * Rules of Web IDL (https://webidl.spec.whatwg.org/) for interfaces that a JavaScript class does not follow by itself.
 *
 * @module
 */
import { isSendableStatus, MAX_CLOSE_REASON_LENGTH } from "../engine/status.js";
import { textSize } from "../engine/text.js";

/**
 * Makes a class the interface of this name: its members are enumerable, and its objects say what they are.
 *
 * @param members the attributes and operations that the interface's definition lists
 */
export function defineInterface(
  target: { readonly prototype: object },
  name: string,
  members: readonly string[],
): void {
  Object.defineProperty(target, "name", { value: name });
  Object.defineProperty(target.prototype, Symbol.toStringTag, { value: name, configurable: true });
  for (const member of members) Object.defineProperty(target.prototype, member, { enumerable: true });
}

/** Gives a class members that its interface does not have: unlike those that it has, they are not enumerable. */
export function defineAdditions(prototype: object, members: object): void {
  for (const [name, descriptor] of Object.entries(Object.getOwnPropertyDescriptors(members))) {
    Object.defineProperty(prototype, name, { ...descriptor, enumerable: false });
  }
}

/**
 * Counts the arguments of a call, as one that is not given differs from `undefined`.
 *
 * @throws TypeError if there are fewer than an operation requires
 */
export function requireArguments(operation: string, required: number, given: number): void {
  if (given < required) throw new TypeError(`${operation} requires ${required} argument, and got ${given}`);
}

/** `unsigned short`: a number modulo 65,536 (https://webidl.spec.whatwg.org/#js-integer-types). */
export function unsignedShort(value: unknown): number {
  return (value as number) & 0xffff;
}

/** `unsigned long`: a number modulo 2³². */
export function unsignedLong(value: unknown): number {
  return (value as number) >>> 0;
}

/** `[Clamp] unsigned short`: the nearest, and of two the even one. */
export function clampedUnsignedShort(value: unknown): number {
  const number = Math.min(Math.max(+(value as number), 0), 65535);
  const floor = Math.floor(number);
  const isUp = number - floor > 0.5 || (number - floor === 0.5 && floor % 2 === 1);
  return (isUp ? floor + 1 : floor) || 0;
}

/** `USVString`: lone surrogates become U+FFFD. */
export function usvString(value: unknown): string {
  return `${value}`.toWellFormed();
}

/** @throws DOMException `SyntaxError` for a close reason over 123 bytes of UTF-8 */
export function checkReason(reason: string): void {
  if (textSize(reason) <= MAX_CLOSE_REASON_LENGTH) return;
  throw new DOMException(`A close reason has at most ${MAX_CLOSE_REASON_LENGTH} bytes of UTF-8`, "SyntaxError");
}

/** Whether an application may close with this status; the standard allows a client fewer than RFC 6455 does. */
export function mayCloseWith(status: number, isServer: boolean): boolean {
  return isServer ? isSendableStatus(status) : status === 1000 || (status >= 3000 && status <= 4999);
}

/** The error for a close code that {@link mayCloseWith} refuses. */
export function invalidCode(code: string): DOMException {
  const allowed = "1000 and 3000 to 4999, and by a server 1001 to 1003 and 1007 to 1014";
  return new DOMException(`${code} is not a close code that may be given: ${allowed}`, "InvalidAccessError");
}

/** Web IDL: what a member that is a promise would throw, of a foreign `this`, it rejects with. */
export function orRejected<T>(get: () => Promise<T>): Promise<T> {
  try {
    return get();
  } catch (error) {
    return Promise.reject(error);
  }
}
