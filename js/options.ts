/**
 * Defaults and checks of options, the same for every entry.
 *
 * @module
 */
import { WebSocketError } from "./errors.js";
import type { Limits } from "./session.js";

/** Times in milliseconds, sizes in bytes. */
const defaults: {
  readonly handshakeTimeout: number;
  readonly closeTimeout: number;
  readonly maxFrameSize: number;
  readonly maxMessageSize: number;
} = {
  handshakeTimeout: 30_000,
  closeTimeout: 30_000,
  maxFrameSize: Number.POSITIVE_INFINITY,
  maxMessageSize: 104_857_600, // 100 MiB
};

/** What a timer can wait for at most, in milliseconds: 24 days. */
const LONGEST_TIME = 2 ** 31 - 1;

/** The longest text that becomes a string in V8, in bytes of ASCII. */
const LARGEST_MESSAGE = 2 ** 29 - 24;

/**
 * The value of an option that is a time above 0; one that no timer can wait for, such as Infinity, is the longest.
 *
 * @throws WebSocketError `WS_ERR_INVALID_OPTION`
 */
export function milliseconds(name: "handshakeTimeout" | "closeTimeout", value: number = defaults[name]): number {
  return Math.ceil(Math.min(positive(name, value), LONGEST_TIME));
}

/**
 * The limits of a connection; a message is never larger than the longest string.
 *
 * @throws WebSocketError `WS_ERR_INVALID_OPTION`
 */
export function limits(given: Partial<Limits>): Limits {
  const { maxFrameSize = defaults.maxFrameSize, maxMessageSize = defaults.maxMessageSize } = given;
  return {
    maxFrameSize: positive("maxFrameSize", maxFrameSize),
    maxMessageSize: Math.min(positive("maxMessageSize", maxMessageSize), LARGEST_MESSAGE),
  };
}

/**
 * The value of an option that must be a number above 0.
 *
 * @throws WebSocketError `WS_ERR_INVALID_OPTION`
 */
function positive(name: string, value: number): number {
  if (typeof value === "number" && value > 0) return value;
  throw new WebSocketError("WS_ERR_INVALID_OPTION", `The option ${name} must be a number above 0, not ${value}`);
}
