/**
 * The names of a class's options, and the values that each may have. A misspelt name or a value of the wrong kind is an
 * error when the object is created, not a check that silently never happens.
 *
 * @module
 */
import { WebSocketError } from "../engine/errors.js";

/** The type of an option; `undefined` is always allowed. */
export interface Kind {
  /** For the error's text: "must be …". */
  readonly wanted: string;
  is(value: unknown): boolean;
  /** Of a list: whether this may be one of its items. */
  readonly isItem?: (item: unknown) => boolean;
}

/** Options as they are given: each may be left out, or be `undefined`. */
export type Given<T> = { [K in keyof T]?: T[K] | undefined };

/** Options with a default for what was not given. */
export type Filled<T> = { [K in keyof T]-?: Exclude<T[K], undefined> };

/** The options of a class by their names. */
export type Kinds<T> = { readonly [K in keyof Required<T>]: Kind };

/** Kinds that several classes need. */
export const kind = {
  /** Checked where it is used, with limits of its own. */
  any: { wanted: "anything", is: () => true },
  flag: { wanted: "true or false", is: (value) => typeof value === "boolean" },
  number: { wanted: "a number", is: (value) => typeof value === "number" },
  text: { wanted: "a string that is not empty", is: (value) => typeof value === "string" && value !== "" },
  call: { wanted: "a function", is: (value) => typeof value === "function" },
  object: { wanted: "an object", is: (value) => typeof value === "object" && value !== null },
  headers: { wanted: "header fields: an object, Headers, or pairs", is: isHeaders },
  signal: { wanted: "an AbortSignal", is: isSignal },
} as const satisfies Record<string, Kind>;

/** The kind of a list whose items are all of a kind. */
export function listOf(wanted: string, isItem: (item: unknown) => boolean): Kind {
  return { wanted, is: (value) => Array.isArray(value) && value.every(isItem), isItem };
}

function isHeaders(value: unknown): boolean {
  if (typeof value !== "object" || value === null || nameOf(value) === "RegExp") return false;
  return typeof (value as { then?: unknown }).then !== "function"; // a promise of fields is not awaited
}

/** By its name: one of another realm, such as jsdom's, is not an instance of this one's class. */
function isSignal(value: unknown): boolean {
  return nameOf(value) === "AbortSignal";
}

function nameOf(value: unknown): string {
  return Object.prototype.toString.call(value).slice("[object ".length, -1);
}

/**
 * Checks names and kinds.
 *
 * @param given a copy of the caller's own properties
 * @param of what the options are of, for the error's text: `perMessageDeflate.`, or nothing
 * @throws WebSocketError `WS_ERR_INVALID_OPTION`
 */
export function checkOptions<T extends object>(given: T, kinds: Kinds<T>, of = ""): void {
  for (const [name, value] of Object.entries(given)) {
    if (!Object.hasOwn(kinds, name)) throw unknownOption(name, Object.keys(kinds), of);
    const one: Kind = kinds[name as keyof T];
    if (value !== undefined && !one.is(value)) throw invalidValue(`${of}${name}`, one, value);
  }
}

/** The error for an option with an invalid value. */
export function invalidOption(name: string, wanted: string, value: unknown): WebSocketError {
  return new WebSocketError("WS_ERR_INVALID_OPTION", `The option ${name} must be ${wanted}, not ${shown(value)}`);
}

/** Of a list, the first item that is wrong. */
function invalidValue(name: string, { wanted, isItem }: Kind, value: unknown): WebSocketError {
  const place = isItem !== undefined && Array.isArray(value) ? value.findIndex((item) => !isItem(item)) : -1;
  if (place === -1) return invalidOption(name, wanted, value);
  const item = shown((value as unknown[])[place]);
  const message = `The option ${name} must be ${wanted}, but ${name}[${place}] is ${item}`;
  return new WebSocketError("WS_ERR_INVALID_OPTION", message);
}

/** Options of `ws`, Bun, uWebSockets.js and Node, and what they are called here, of a server or a client. */
const NAMES_ELSEWHERE: readonly (readonly [theirs: string, ours: string])[] = [
  ["ca", "tls"],
  ["cert", "tls"],
  ["compression", "perMessageDeflate"],
  ["followRedirects", "maxRedirects"],
  ["handleProtocols", "chooseProtocol"],
  ["heartbeat", "pingInterval"],
  ["hostname", "host"],
  ["idleTimeout", "pingInterval"],
  ["key", "tls"],
  ["maxPayload", "maxMessageSize"],
  ["maxPayloadLength", "maxMessageSize"],
  ["origin", "origins"],
  ["origin", "headers"],
  ["rejectUnauthorized", "tls"],
  ["ssl", "tls"],
  ["timeout", "handshakeTimeout"],
  ["verifyClient", "verify"],
];

function unknownOption(name: string, known: readonly string[], of: string): WebSocketError {
  const meant = meantBy(name, known);
  const message = `There is no option ${of}${name}.${meant === undefined ? "" : ` Did you mean ${of}${meant}?`}`;
  return new WebSocketError("WS_ERR_INVALID_OPTION", message);
}

/** The known name that the caller probably meant: two thirds of its letters are right. */
function meantBy(name: string, known: readonly string[]): string | undefined {
  const translated = NAMES_ELSEWHERE.find(([theirs, ours]) => theirs === name && known.includes(ours));
  if (translated !== undefined) return translated[1];
  const nearest = known.reduce((best, one) => (distance(name, one) < distance(name, best) ? one : best));
  return distance(name, nearest) <= Math.max(name.length, nearest.length) / 3 ? nearest : undefined;
}

/** A value in an error's text: no function's source, and no secret of an object. */
function shown(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (nameOf(value) === "RegExp") return `${value}`;
  if (typeof value === "function") return "a function";
  if (typeof value !== "object" || value === null) return String(value);
  return Array.isArray(value) ? "a list" : "an object";
}

/** Letters to change, add or leave out, whatever their case (Levenshtein). */
function distance(one: string, other: string): number {
  const [from, to] = [one.toLowerCase(), other.toLowerCase()];
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 1; i <= from.length; i++) {
    const next = [i];
    for (let j = 1; j <= to.length; j++) {
      const replaced = (row[j - 1] as number) + (from[i - 1] === to[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] as number) + 1, (next[j - 1] as number) + 1));
    }
    row = next;
  }
  return row[to.length] as number;
}
