/**
 * The options of `ws`, as the engine and its driver take them.
 *
 * @module
 */

import type { OutgoingHttpHeaders, RequestOptions } from "node:http";
import type { ClientHttp2Session } from "node:http2";
import type { ConnectionOptions } from "node:tls";
import type { ZlibOptions } from "node:zlib";
import { Budget, processBudget, type RunSettings } from "../connection/budget.js";
import { ownOptions } from "../engine/own.js";
import {
  type DeflateSettings,
  deflateSettings,
  type PerMessageDeflateOptions as OwnDeflateOptions,
  ZLIB_LEVEL,
} from "../session/deflate.js";
import type { SessionOptions } from "../session/handshake.js";
import type { Given } from "../session/kinds.js";
import { type ConnectionSettings, connectionSettings, limits } from "../session/options.js";

/** Whether and how to compress. */
export interface PerMessageDeflateOptions {
  /**
   * The server compresses each message for itself; `false`. A client that asks for it accepts nothing else. Unlike in
   * `ws`, a server's `false` declines no offer that asks for it.
   */
  serverNoContextTakeover?: boolean | undefined;
  /**
   * The client compresses each message for itself; `false`. Unlike in `ws`, a client's `false` refuses no answer that
   * asks for it.
   */
  clientNoContextTakeover?: boolean | undefined;
  /** 8 to 15. */
  serverMaxWindowBits?: number | undefined;
  /** 8 to 15; of a client also `false`, so that the server may not limit it. */
  clientMaxWindowBits?: number | boolean | undefined;
  /** `level`, 6 by default as in zlib, and `memLevel`; nothing else has a meaning here. */
  zlibDeflateOptions?: ZlibOptions | undefined;
  /** Has no meaning here. */
  zlibInflateOptions?: ZlibOptions | undefined;
  /** Without context takeover, messages of fewer bytes are not compressed; 1,024. */
  threshold?: number | undefined;
  /** Has no meaning here: nothing is compressed in other threads. */
  concurrencyLimit?: number | undefined;
}

/**
 * Options of both sides, by the names of `ws`. Those of `ConnectionSettings` that `ws` does not have are taken too, by
 * their own names and with their own defaults, but for `streamMessages` and `claimTimeout`.
 */
export interface SharedOptions extends Given<Omit<ConnectionSettings, "streamMessages" | "claimTimeout">> {
  /** `false` lets a task pass after each event of `message`, `ping` and `pong`; `true`. */
  allowSynchronousEvents?: boolean | undefined;
  /** `false` leaves the pongs to the caller; `true`. */
  autoPong?: boolean | undefined;
  /** Has no meaning here: what has come of a message lies in one buffer. */
  maxBufferedChunks?: number | undefined;
  /** Frames of one message; 16,384, and 0 for as many as there are. */
  maxFragments?: number | undefined;
  /** Bytes of one message; 100 MiB, and 0 for as many as a string has at most, 512 MiB. */
  maxPayload?: number | undefined;
  /** Has no meaning here: while the network is full, only the latest ping is answered. */
  maxPendingAutoPongs?: number | undefined;
  /**
   * Whether and how to compress, if the peer agrees; `true` for a client and `false` for a server. A value that is
   * `undefined` or `null` is `false`, as in `ws`.
   */
  perMessageDeflate?: boolean | PerMessageDeflateOptions | undefined;
  /** `true` takes text and close reasons as they are. */
  skipUTF8Validation?: boolean | undefined;
}

/** The names of `SharedOptions`. */
export const SHARED_OPTIONS: readonly (keyof SharedOptions)[] = [
  "allowSynchronousEvents",
  "autoPong",
  "maxBufferedChunks",
  "maxFragments",
  "maxPayload",
  "maxPendingAutoPongs",
  "perMessageDeflate",
  "skipUTF8Validation",
  "closeTimeout",
  "maxBufferedBytes",
  "messageTimeout",
  "pingInterval",
  "pongTimeout",
];

/** Options of a client's opening handshake: those of `ws`, `http.request` and `tls.connect`. */
export interface OpeningOptions
  extends SharedOptions,
    Omit<RequestOptions, "headers" | "protocol">,
    Omit<
      ConnectionOptions,
      "timeout" | "lookup" | "host" | "port" | "path" | "socketPath" | "family" | "hints" | "session"
    > {
  /** Fields of the request, beside those of the handshake. */
  headers?: OutgoingHttpHeaders | undefined;
  /** The value of the field `Origin`. */
  origin?: string | undefined;
  /** Subprotocols to offer, if they are not the second argument. */
  protocols?: string | string[] | undefined;
  /**
   * Milliseconds without a byte of the answer after which the handshake is given up, and over HTTP/2 without all of its
   * head; by default, none.
   */
  handshakeTimeout?: number | undefined;
  /** Whether to follow redirects; `false`. */
  followRedirects?: boolean | undefined;
  /** How many; 10. */
  maxRedirects?: number | undefined;
  /**
   * A session of `node:http2` on which to open a stream (RFC 8441). It excludes the options of a connection, such as
   * `agent` and `ca`, and `finishRequest` and `followRedirects`. A Buffer is a session of TLS, for `tls.connect`.
   */
  session?: ClientHttp2Session | Buffer | undefined;
  /** Only 13. */
  protocolVersion?: number | undefined;
  /** Not called: masks are random, as RFC 6455 asks. */
  generateMask?: ((mask: Buffer) => void) | undefined;
}

/** `SharedOptions` with the defaults filled in. */
export interface SocketSettings {
  readonly connection: RunSettings;
  readonly session: SessionOptions;
  readonly autoPong: boolean;
  readonly isSynchronous: boolean;
}

/** Strangers may not fill the memory here either; what the application sends is its own affair, as with `ws`. */
const receivedBudget = new Budget(Number.POSITIVE_INFINITY, { whole: processBudget, countsSent: false });

/** With the defaults of `ws` for what is not given. */
export function socketSettings(all: SharedOptions, isServer: boolean): SocketSettings {
  const given = ownOptions(all);
  const { maxPayload = 100 * 1024 * 1024, maxFragments = 16 * 1024, closeTimeout = 30_000 } = given;
  return {
    // no option is 0 there, and one millisecond is the least that a timer waits
    connection: {
      ...connectionSettings({
        ...given,
        streamMessages: false,
        claimTimeout: undefined,
        closeTimeout: closeTimeout || 1,
      }),
      budget: isServer ? receivedBudget : undefined,
    },
    session: {
      limits: limits({ maxMessageSize: orNone(maxPayload), maxFragments: orNone(maxFragments) }),
      deflate: deflate("perMessageDeflate" in given ? given.perMessageDeflate : !isServer, isServer),
      skipUtf8Verification: given.skipUTF8Validation ?? false,
    },
    autoPong: given.autoPong ?? true,
    isSynchronous: given.allowSynchronousEvents ?? true,
  };
}

function orNone(limit: number): number {
  return limit > 0 ? limit : Number.POSITIVE_INFINITY;
}

function deflate(
  given: boolean | PerMessageDeflateOptions | undefined,
  isServer: boolean,
): DeflateSettings | undefined {
  if (!given) return undefined;
  const options = ownOptions<PerMessageDeflateOptions>(given === true ? {} : given);
  const { level, memLevel } = ownOptions(options.zlibDeflateOptions ?? {});
  const own: OwnDeflateOptions = {
    threshold: options.threshold,
    // -1 is zlib's name for its default, which is that of `ws` too
    level: level === undefined || level === -1 ? ZLIB_LEVEL : level,
    memoryLevel: memLevel,
    serverNoContextTakeover: options.serverNoContextTakeover ?? false,
    clientNoContextTakeover: options.clientNoContextTakeover ?? false,
    serverMaxWindowBits: options.serverMaxWindowBits,
    clientMaxWindowBits: options.clientMaxWindowBits,
  };
  return deflateSettings(own, isServer);
}
