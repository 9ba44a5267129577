/**
 * The arguments of `WebSocket`'s constructor, checked.
 *
 * @module
 */
import type { Agent } from "node:http";
import type { ClientHttp2Session } from "node:http2";
import { WebSocketError } from "../engine/errors.js";
import type { HeaderFields } from "../engine/http.js";
import { toWebSocketScheme } from "../engine/url.js";
import { deflateSettings, type PerMessageDeflateOptions } from "../session/deflate.js";
import { checkOptions, type Given, type Kind, type Kinds, kind } from "../session/kinds.js";
import {
  type ConnectionSettings,
  connectionKinds,
  type Limits,
  limits,
  milliseconds,
  whole,
} from "../session/options.js";
import type { CreateConnection, TlsClientOptions } from "../transport/runtime.js";
import type { Tap } from "../transport/tap.js";
import { agentExchange } from "./agent.js";
import { type Exchange, exchange } from "./exchange.js";
import { isSession, sessionExchange } from "./http2.js";
import type { OpenOptions } from "./opening.js";
import { pooledExchange } from "./pool.js";

/** Options of every connection; sizes in bytes, times in milliseconds. */
export interface SocketOptions extends Given<Limits>, Given<ConnectionSettings> {
  /**
   * Of a client: the most time for all of the opening handshake. Of a server, the most time for each of three steps: a
   * client's request, if the server has its own port; the verdict of `verify`; and the delivery of a refusal. 30,000 by
   * default.
   */
  handshakeTimeout?: number | undefined;
  /** Whether and how to compress, if the peer agrees (RFC 7692); `true` by default. */
  perMessageDeflate?: boolean | PerMessageDeflateOptions | undefined;
}

/** The types of these options; both roles share them. */
export const socketKinds: Kinds<SocketOptions> = {
  ...connectionKinds,
  handshakeTimeout: kind.any,
  perMessageDeflate: kind.any,
};

/** Options of a client's connection. */
export interface WebSocketOptions extends SocketOptions {
  /** Subprotocols to offer, the preferred first. */
  protocols?: string | Iterable<string> | undefined;
  /** Fields to add to the handshake's request. */
  headers?: HeaderFields | undefined;
  /** For `wss:`, by the names of Node's `tls.connect`. */
  tls?: TlsClientOptions | undefined;
  /** Connect to this unix socket, or named pipe on Windows, instead of the URL's host and port. */
  socketPath?: string | undefined;
  /**
   * Creates the stream of the connection, including TLS: through a proxy, for instance. It may still be connecting, and
   * may be a promise.
   */
  createConnection?: CreateConnection | undefined;
  /** An agent of `node:http` or `node:https` that connects, such as one for a proxy. */
  agent?: Agent | undefined;
  /**
   * A session of `node:http2` on which to open a stream (RFC 8441). It may still be connecting, and stays yours: the
   * socket neither closes it nor keeps the process alive. It follows no redirects.
   */
  session?: ClientHttp2Session | undefined;
  /**
   * For `wss:`: use HTTP/2 if the server takes WebSockets over it, on a session that sockets of the same origin and the
   * same `tls` object share; else HTTP/1.1. `false` by default.
   */
  http2?: boolean | undefined;
  /** How many redirects to follow, never from `wss:` to `ws:`; 0 by default, as in the standard. */
  maxRedirects?: number | undefined;
  /** Aborts the opening handshake. */
  signal?: AbortSignal | undefined;
  /** Receives a copy of all bytes in both directions, including the handshake. */
  tap?: Tap | undefined;
}

const SESSION: Kind = { wanted: "a client's session of node:http2", is: isSession };

const KINDS: Kinds<WebSocketOptions> = {
  ...socketKinds,
  protocols: kind.any,
  headers: kind.headers,
  tls: kind.object,
  socketPath: kind.text,
  createConnection: kind.call,
  agent: kind.object,
  session: SESSION,
  http2: kind.flag,
  maxRedirects: kind.any,
  signal: kind.signal,
  tap: kind.call,
};

const SUBPROTOCOL = /^[!#$%&'*+\-.^_`|~\w]+$/;

/** Whether the second argument is subprotocols, and not options. Whatever can be iterated is a sequence. */
export function isProtocols(value: string | Iterable<string> | WebSocketOptions): value is string | Iterable<string> {
  return typeof value !== "object" || value === null || Symbol.iterator in value;
}

/** https://websockets.spec.whatwg.org/#get-a-url-record */
export function urlRecord(text: string): URL {
  if (!URL.canParse(text)) throw new DOMException(`"${text}" is not a valid URL`, "SyntaxError");
  const record = toWebSocketScheme(new URL(text));
  if (record.protocol !== "ws:" && record.protocol !== "wss:") {
    throw new DOMException(`The scheme of ${text} is none of ws, wss, http, https`, "SyntaxError");
  }
  if (record.href.includes("#")) throw new DOMException(`${text} has a fragment`, "SyntaxError");
  return record;
}

/** `(DOMString or sequence<DOMString>)` as a sequence. */
export function subprotocols(given: string | Iterable<string>): string[] {
  const isSequence = typeof given === "object" && given !== null;
  return isSequence ? Array.from(given, (protocol) => `${protocol}`) : [`${given}`];
}

/**
 * They must be tokens, each once whatever its case.
 *
 * @throws DOMException `SyntaxError`
 */
export function checkSubprotocols(protocols: readonly string[]): void {
  const different = new Set(protocols.map((protocol) => protocol.toLowerCase()));
  if (different.size !== protocols.length) throw new DOMException("A subprotocol is given twice", "SyntaxError");
  const invalid = protocols.find((protocol) => !SUBPROTOCOL.test(protocol));
  if (invalid !== undefined) throw new DOMException(`"${invalid}" is not a valid subprotocol`, "SyntaxError");
}

/**
 * With defaults for what is not given.
 *
 * @throws WebSocketError `WS_ERR_INVALID_OPTION`
 */
export function clientOptions(given: WebSocketOptions): OpenOptions {
  checkOptions(given, KINDS);
  return {
    headers: given.headers ?? [],
    tls: given.tls ?? NO_TLS,
    socketPath: given.socketPath,
    createConnection: given.createConnection,
    exchange: exchangeOf(given),
    tap: given.tap,
    maxRedirects: whole("maxRedirects", given.maxRedirects ?? 0),
    signal: given.signal,
    handshakeTimeout: milliseconds("handshakeTimeout", given.handshakeTimeout),
    deflate: deflateSettings(given.perMessageDeflate, false),
    limits: limits(given),
  };
}

/** The same object for all, because sockets of one origin share a session by it. */
const NO_TLS: TlsClientOptions = {};

/** Options that say how the connection is made; there is one way. */
const WAYS = ["session", "http2", "agent", "createConnection"] as const;
/** What a session has been made with. */
const OF_SESSION = ["tls", "socketPath", "maxRedirects"] as const;

function exchangeOf(given: WebSocketOptions): Exchange {
  const { session, http2, agent } = given;
  const isGiven = (name: keyof WebSocketOptions) => ![undefined, false, 0].includes(given[name] as undefined);
  if (session !== undefined || http2 === true) {
    const own = session === undefined ? "http2" : "session";
    const others = session === undefined ? WAYS : [...WAYS, ...OF_SESSION];
    const other = others.find((name) => name !== own && isGiven(name));
    if (other !== undefined) {
      throw new WebSocketError("WS_ERR_INVALID_OPTION", `The option ${own} does not go with ${other}`);
    }
  }
  if (session !== undefined) return sessionExchange(session);
  if (http2 === true) return pooledExchange;
  return agent === undefined ? exchange : agentExchange(agent);
}
