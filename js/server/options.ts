/**
 * The options of `WebSocketServer`, checked.
 *
 * @module
 */

import type { IncomingMessage, Server } from "node:http";
import type { Http2SecureServer, Http2Server } from "node:http2";
import type { Server as HttpsServer } from "node:https";
import { type SocketOptions, socketKinds } from "../client/arguments.js";
import { WebSocketError } from "../engine/errors.js";
import type { HeaderFields } from "../engine/http.js";
import { ownOptions } from "../engine/own.js";
import { checkOptions, type Kind, type Kinds, kind, listOf } from "../session/kinds.js";
import { size } from "../session/options.js";
import { type TopicOptions, topicKinds } from "../topics/options.js";
import type { ListenDetails, TlsServerOptions } from "../transport/runtime.js";
import type { Tap } from "../transport/tap.js";
import type { HandshakeRequest, Rejection } from "../transport/upgrade.js";
import type { BinaryType } from "../websocket/receiving.js";
import { type Quotas, TrustedProxies } from "./quota.js";

/** The second argument of `verify`. */
export interface VerifyContext {
  /**
   * Aborts when the answer no longer matters: the client left, `handshakeTimeout` passed and the client was answered
   * with 503, or the server closed. Pass it to `fetch` or to a database. Its reason is a `WebSocketError`.
   */
  readonly signal: AbortSignal;
}

/** An answer that accepts a handshake, and says what the socket's `data` is. */
export interface Acceptance<D = unknown> {
  /**
   * What the application knows about the client; `undefined` is the same as `true`. So `D` is inferred without
   * `undefined`, which TypeScript adds where `verify` returns refusals too.
   */
  readonly data: D | undefined;
}

/** Decides whether to accept a handshake: `true`, `false`, which is 403, or an answer with details. */
export type Verify<R extends HandshakeRequest = IncomingMessage, D = unknown> = (
  request: R,
  context: VerifyContext,
) => boolean | Rejection | Acceptance<D> | Promise<boolean | Rejection | Acceptance<D>>;

/** Options of a server. One of `port`, `socketPath`, `server` and `noServer` is needed. */
export interface WebSocketServerOptions<
  R extends HandshakeRequest = IncomingMessage,
  D = unknown,
  // biome-ignore lint/suspicious/noExplicitAny: not known; a server of such options is one of any binaryType
  B extends BinaryType = any,
> extends SocketOptions,
    TopicOptions {
  /** Listen on this port, with an own HTTP server that answers all other requests with 426; 0 means any free port. */
  port?: number | undefined;
  /** The address to listen on. All addresses by default. */
  host?: string | undefined;
  /** How to listen on the port: `reusePort`, `backlog`, `exclusive`, `ipv6Only`. */
  listen?: ListenDetails | undefined;
  /** Listen on this unix socket, or named pipe on Windows, instead of a port. */
  socketPath?: string | undefined;
  /** With `port` or `socketPath`: use TLS. The names are those of `tls.createServer`: `cert`, `key`, and more. */
  tls?: TlsServerOptions | undefined;
  /**
   * Take this HTTP server's upgrades. Several WebSocket servers may share one, each with its own path. Of a server of
   * `node:http2`, which needs `settings: { enableConnectProtocol: true }`, the WebSockets over HTTP/2 (RFC 8441), too.
   */
  server?: Server | HttpsServer | Http2Server | Http2SecureServer | undefined;
  /** Take upgrades only from `handleUpgrade` and `handleStream`. */
  noServer?: boolean | undefined;
  /**
   * Take only upgrades of this path; the query does not count. With `server`, other paths are left to the other
   * listeners of its events `upgrade`, `stream` and `connect`, and answered with 404 if none takes them within
   * `handshakeTimeout`. With `noServer`, the caller checks paths.
   */
  path?: string | undefined;
  /**
   * The origins of the pages that may connect, such as `https://example.com`; others are answered with 403. A client
   * that sends no origin is accepted: it is not a browser.
   */
  origins?: readonly string[] | undefined;
  /**
   * Decides whether to accept a handshake, within `handshakeTimeout`; `false` is 403. `{ data }` accepts it, and is the
   * `data` of its socket.
   */
  verify?: Verify<R, D> | undefined;
  /** Selects one of the offered subprotocols, or none with `undefined`; by default the first. */
  chooseProtocol?: ((offered: readonly string[], request: R) => string | undefined) | undefined;
  /** Fields to add to the answer, such as `Set-Cookie`. */
  headers?: HeaderFields | ((request: R) => HeaderFields) | undefined;
  /** Returns the tap, if any, that receives a copy of all bytes of a connection, including its handshake. */
  tap?: ((request: R) => Tap | undefined) | undefined;
  /** The type of binary messages; `"nodebuffer"` by default. */
  binaryType?: B | undefined;
  /**
   * The most bytes held for all connections of the server together, counted as for `maxBufferedBytes`, and all of the
   * memory in which a few bytes wait for a peer that reads nothing, up to 132 KiB. Beyond it, the connection that holds
   * most is closed with 1013. By default, all servers of the process without this option share 512 MiB.
   */
  maxTotalBufferedBytes?: number | undefined;
  /**
   * The most connections, including undecided requests; others are answered with 503. No limit by default.
   */
  maxConnections?: number | undefined;
  /**
   * The most connections of one address, including undecided requests; others are answered with 429. The first 64 bits
   * of an IPv6 address count as one address. No limit by default.
   */
  maxConnectionsPerAddress?: number | undefined;
  /**
   * The most handshakes that one address may begin within a second; others are answered with 429. No limit by default.
   */
  maxHandshakesPerSecond?: number | undefined;
  /**
   * The proxies before the server: addresses, networks such as `10.0.0.0/8`, or `unix`. Only their `X-Forwarded-For` is
   * believed; by default none is, and a client's address is that of its socket.
   */
  trustedProxies?: readonly string[] | undefined;
}

const PORT: Kind = {
  wanted: "a whole number from 0 to 65535",
  is: (value) => Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 65535,
};

const PATH: Kind = {
  wanted: 'a path such as "/chat", without a query',
  is: (value) => typeof value === "string" && /^\/[!-~]*$/.test(value) && !/[?#]/.test(value),
};

const LISTEN: Kinds<ListenDetails> = {
  reusePort: kind.flag,
  backlog: {
    wanted: "a whole number above 0",
    is: (value) => Number.isInteger(value) && (value as number) > 0,
  },
  exclusive: kind.flag,
  ipv6Only: kind.flag,
};

const ORIGINS = listOf('a list of origins such as "https://example.com", without a path', isOrigin);

const BINARY_TYPE: Kind = {
  wanted: '"nodebuffer", "arraybuffer" or "blob"',
  is: (value) => value === "nodebuffer" || value === "arraybuffer" || value === "blob",
};

const HEADERS: Kind = {
  wanted: `${kind.headers.wanted}, or a function that returns them`,
  is: (value) => typeof value === "function" || kind.headers.is(value),
};

const SERVER: Kind = {
  wanted: "a server of node:http, node:https or node:http2",
  is: (value) => typeof (value as Server | null)?.on === "function" && typeof (value as Server).address === "function",
};

const PROXIES = listOf('a list of addresses, of networks such as "10.0.0.0/8", or of "unix"', TrustedProxies.isProxy);

/** What a server of TLS may prove itself by. Suites without a certificate have to be asked for by `ciphers`. */
const IDENTITIES = ["cert", "pfx", "SNICallback", "secureContext", "pskCallback", "ciphers"] as const;

const KINDS: Kinds<WebSocketServerOptions<never>> = {
  ...socketKinds,
  ...topicKinds,
  port: PORT,
  host: kind.text,
  listen: kind.object,
  socketPath: kind.text,
  tls: kind.object,
  server: SERVER,
  noServer: kind.flag,
  path: PATH,
  origins: ORIGINS,
  verify: kind.call,
  chooseProtocol: kind.call,
  headers: HEADERS,
  tap: kind.call,
  binaryType: BINARY_TYPE,
  maxTotalBufferedBytes: kind.any,
  maxConnections: kind.any,
  maxConnectionsPerAddress: kind.any,
  maxHandshakesPerSecond: kind.any,
  trustedProxies: PROXIES,
};

/**
 * A copy of the caller's options.
 *
 * @throws WebSocketError `WS_ERR_INVALID_OPTION`
 */
export function serverOptions<R extends HandshakeRequest>(given: WebSocketServerOptions<R>): WebSocketServerOptions<R> {
  const options = ownOptions(given);
  if (isFetchServer(options.server)) {
    throw invalid(
      "The servers of Deno.serve and Bun.serve do not expose their connections. " +
        "Give the option port, or a server of node:http, which Deno and Bun have too",
    );
  }
  checkOptions(options as WebSocketServerOptions<never>, KINDS);
  const { port, socketPath, server, noServer, host, tls, listen } = options;
  const ways = [port, socketPath, server, noServer || undefined].filter((way) => way !== undefined);
  if (ways.length !== 1) throw invalid("A server needs exactly one of port, socketPath, server and noServer");
  if (host !== undefined && port === undefined) throw invalid("The option host goes with port");
  if (listen !== undefined && port === undefined) throw invalid("The option listen goes with port");
  if (listen !== undefined) checkOptions(listen, LISTEN, "listen.");
  if (tls !== undefined && port === undefined && socketPath === undefined) {
    throw invalid("The option tls goes with port or socketPath; give server one of node:https");
  }
  if (tls !== undefined && !IDENTITIES.some((name) => tls[name])) {
    throw invalid("The option tls has no certificate: it needs cert and key, pfx, or SNICallback");
  }
  return options;
}

/**
 * How many connections are taken.
 *
 * @throws WebSocketError `WS_ERR_INVALID_OPTION`
 */
export function quotas(given: WebSocketServerOptions<never>): Quotas {
  return {
    maxConnections: size("maxConnections", given.maxConnections),
    maxConnectionsPerAddress: size("maxConnectionsPerAddress", given.maxConnectionsPerAddress),
    maxHandshakesPerSecond: size("maxHandshakesPerSecond", given.maxHandshakesPerSecond),
    trustedProxies: given.trustedProxies && new TrustedProxies(given.trustedProxies),
  };
}

/** Whether it is what `Deno.serve` or `Bun.serve` returns. */
function isFetchServer(server: unknown): boolean {
  const members = (server ?? {}) as { finished?: unknown; shutdown?: unknown; upgrade?: unknown; fetch?: unknown };
  const isOfDeno = "finished" in Object(server) && typeof members.shutdown === "function";
  return isOfDeno || (typeof members.upgrade === "function" && typeof members.fetch === "function");
}

/** As a browser writes it (RFC 6454 §6.2): compared as text, another spelling would never match. */
function isOrigin(value: unknown): boolean {
  if (value === "null") return true; // of sandboxed pages and files
  if (typeof value !== "string" || !/^[a-z][a-z\d+.-]*:\/\/[^/?#@\s\\*]*$/.test(value)) return false;
  const origin = URL.canParse(value) ? new URL(value).origin : "null";
  return origin === "null" || origin === value; // "null" is the origin of schemes that URL does not know
}

function invalid(message: string): WebSocketError {
  return new WebSocketError("WS_ERR_INVALID_OPTION", message);
}
