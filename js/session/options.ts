/**
 * Defaults and checks of options.
 *
 * @module
 */
import { ownOptions } from "../engine/own.js";
import { type Given, invalidOption, type Kinds, kind } from "./kinds.js";

/** Limits of what the peer may send. */
export interface Limits {
  /** The most bytes of payload in one frame; beyond it the connection fails with 1009. No limit by default. */
  maxFrameSize: number;
  /**
   * The most bytes in one message, up to 512 MiB; beyond it the connection fails with 1009. By default 100 MiB, and
   * 16 MiB of a server.
   */
  maxMessageSize: number;
  /** The most frames of one message, empty ones too; beyond it the connection fails with 1008. 131,072 by default. */
  maxFragments: number;
}

/** How an open connection is run. */
export interface ConnectionSettings {
  /** Milliseconds that the peer has to answer a close; 30,000 by default. */
  closeTimeout: number;
  /**
   * The most milliseconds from a message's first byte to its last, over all its fragments; beyond it the connection
   * fails with 1008. 300,000 by default, as for Node's HTTP requests.
   */
  messageTimeout: number;
  /** Milliseconds without a byte in either direction after which a ping is sent. Never by default. */
  pingInterval: number;
  /**
   * Milliseconds without a byte from the peer, after the ping has left, until the connection fails with
   * `WS_ERR_PING_TIMEOUT`. While the ping has not left, it is the time without a finished write. A paused connection
   * does not fail. 30,000 by default.
   */
  pongTimeout: number;
  /**
   * The most bytes held for the connection, including overhead: pieces of an unfinished message, messages that wait
   * while it is paused, and sent data that the network has not taken. A received message that needs more fails the
   * connection with 1009, a sent one with 1011. 256 MiB by default.
   */
  maxBufferedBytes: number;
  /**
   * Milliseconds that messages wait to be claimed: by the first listener of a server's socket, or by another loop after
   * one was left. Then they are dropped, and so are later ones until the application claims them; pings, pongs and a
   * close are handled. 10,000 by default.
   */
  claimTimeout: number;
  /**
   * Whether to deliver each message when it begins, as a {@link MessageStream} of its pieces; `false` by default. A
   * message that is not read holds up those behind it.
   */
  streamMessages: boolean;
}

/**
 * The default of a server's `maxMessageSize`, in bytes: 16 MiB, which Bun's server has too. Chats, JSON-RPC and games
 * stay far below it, and a compressed bomb of a few KiB is stopped there.
 */
export const SERVER_MESSAGE_SIZE = 16 * 1024 * 1024;

/** Times in milliseconds, sizes in bytes. */
const defaults: Record<TimeName, number> & Record<SizeName, number> = {
  handshakeTimeout: 30_000,
  closeTimeout: 30_000,
  messageTimeout: 300_000,
  pingInterval: Number.POSITIVE_INFINITY,
  pongTimeout: 30_000,
  claimTimeout: 10_000,
  maxFrameSize: Number.POSITIVE_INFINITY,
  maxMessageSize: 100 * 1024 * 1024,
  maxFragments: 131_072,
  maxBufferedBytes: 256 * 1024 * 1024,
  maxTotalBufferedBytes: Number.POSITIVE_INFINITY,
  maxTopicBacklog: 1024 * 1024,
  maxConnections: Number.POSITIVE_INFINITY,
  maxConnectionsPerAddress: Number.POSITIVE_INFINITY,
  maxHandshakesPerSecond: Number.POSITIVE_INFINITY,
};

type TimeName = "handshakeTimeout" | Exclude<keyof ConnectionSettings, "maxBufferedBytes" | "streamMessages">;
type SizeName =
  | keyof Limits
  | "maxBufferedBytes"
  | "maxTotalBufferedBytes"
  | "maxTopicBacklog"
  | "maxConnections"
  | "maxConnectionsPerAddress"
  | "maxHandshakesPerSecond";

/** The options of a connection; numbers are checked as their values are taken. */
export const connectionKinds: Kinds<Limits & ConnectionSettings> = {
  maxFrameSize: kind.any,
  maxMessageSize: kind.any,
  maxFragments: kind.any,
  closeTimeout: kind.any,
  messageTimeout: kind.any,
  pingInterval: kind.any,
  pongTimeout: kind.any,
  claimTimeout: kind.any,
  maxBufferedBytes: kind.any,
  streamMessages: kind.flag,
};

/** The longest delay of a timer, in milliseconds: 24 days. It means never. */
export const LONGEST_TIME = 2 ** 31 - 1;

/** The longest text that becomes a string in V8, in bytes of ASCII. */
const LARGEST_MESSAGE = 2 ** 29 - 24;

/**
 * The value of an option that is a time above 0; one that no timer can wait for, such as Infinity, is the longest.
 *
 * @throws WebSocketError `WS_ERR_INVALID_OPTION`
 */
export function milliseconds(name: TimeName, value: number = defaults[name]): number {
  return time(name, value);
}

/**
 * The same of an option without a default.
 *
 * @throws WebSocketError `WS_ERR_INVALID_OPTION`
 */
export function time(name: string, value: number): number {
  return Math.ceil(Math.min(positive(name, value), LONGEST_TIME));
}

/**
 * The limits of a connection; a message is never larger than the longest string.
 *
 * @throws WebSocketError `WS_ERR_INVALID_OPTION`
 */
export function limits(given: Given<Limits>): Limits {
  const own = ownOptions(given);
  return {
    maxFrameSize: size("maxFrameSize", own.maxFrameSize),
    maxMessageSize: Math.min(size("maxMessageSize", own.maxMessageSize), LARGEST_MESSAGE),
    maxFragments: size("maxFragments", own.maxFragments),
  };
}

/**
 * How an open connection is run.
 *
 * @throws WebSocketError `WS_ERR_INVALID_OPTION`
 */
export function connectionSettings(all: Given<ConnectionSettings>): ConnectionSettings {
  const given = ownOptions(all);
  return {
    closeTimeout: milliseconds("closeTimeout", given.closeTimeout),
    messageTimeout: milliseconds("messageTimeout", given.messageTimeout),
    pingInterval: milliseconds("pingInterval", given.pingInterval),
    pongTimeout: milliseconds("pongTimeout", given.pongTimeout),
    claimTimeout: milliseconds("claimTimeout", given.claimTimeout),
    maxBufferedBytes: size("maxBufferedBytes", given.maxBufferedBytes),
    streamMessages: given.streamMessages ?? false,
  };
}

/**
 * The value of an option that is a size or a count above 0.
 *
 * @throws WebSocketError `WS_ERR_INVALID_OPTION`
 */
export function size(name: SizeName, value: number = defaults[name]): number {
  return Math.ceil(positive(name, value));
}

/**
 * The value of an option that must be a number above 0.
 *
 * @throws WebSocketError `WS_ERR_INVALID_OPTION`
 */
function positive(name: string, value: number): number {
  if (typeof value === "number" && value > 0) return value;
  throw invalidOption(name, "a number above 0", value);
}

/**
 * The value of an option that must be a whole number.
 *
 * @throws WebSocketError `WS_ERR_INVALID_OPTION`
 */
export function whole(name: string, value: number, least = 0, most = Number.MAX_SAFE_INTEGER): number {
  if (Number.isSafeInteger(value) && value >= least && value <= most) return value;
  const wanted = `a whole number from ${least}${most < Number.MAX_SAFE_INTEGER ? ` to ${most}` : ""}`;
  throw invalidOption(name, wanted, value);
}
