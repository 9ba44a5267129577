/**
 * The arguments of `WebSocket`'s constructor, checked.
 *
 * @module
 */
import type { Agent } from "node:http";
import type { HeaderFields } from "../engine/http.js";
import { toWebSocketScheme } from "../engine/url.js";
import { deflateSettings, type PerMessageDeflateOptions } from "../session/deflate.js";
import { checkOptions, type Kinds, kind } from "../session/kinds.js";
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
import { exchange } from "./exchange.js";
import type { OpenOptions } from "./opening.js";

/** Options of every connection; sizes in bytes, times in milliseconds. */
export interface SocketOptions extends Partial<Limits>, Partial<ConnectionSettings> {
  /** Time for the handshake; for a server with its own port, until it has a client's request. 30,000 by default. */
  handshakeTimeout?: number;
  /** Whether and how to compress, if the peer agrees (RFC 7692); `true` by default. */
  perMessageDeflate?: boolean | PerMessageDeflateOptions;
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
  protocols?: string | Iterable<string>;
  /** Fields to add to the handshake's request. */
  headers?: HeaderFields;
  /** For `wss:`, by the names of Node's `tls.connect`. */
  tls?: TlsClientOptions;
  /** Connect to this unix socket, or named pipe on Windows, instead of the URL's host and port. */
  socketPath?: string;
  /**
   * Creates the stream of the connection, including TLS: through a proxy, for instance. It may still be connecting, and
   * may be a promise.
   */
  createConnection?: CreateConnection;
  /** An agent of `node:http` or `node:https` that connects, such as one for a proxy. */
  agent?: Agent;
  /** How many redirects to follow, never from `wss:` to `ws:`; 0 by default, as in the standard. */
  maxRedirects?: number;
  /** Aborts the opening handshake. */
  signal?: AbortSignal;
  /** Receives a copy of all bytes in both directions, including the handshake. */
  tap?: Tap;
}

const KINDS: Kinds<WebSocketOptions> = {
  ...socketKinds,
  protocols: kind.any,
  headers: kind.headers,
  tls: kind.object,
  socketPath: kind.text,
  createConnection: kind.call,
  agent: kind.object,
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
  if (!URL.canParse(text)) throw new DOMException(`${text} is not a valid URL`, "SyntaxError");
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
    tls: given.tls ?? {},
    socketPath: given.socketPath,
    createConnection: given.createConnection,
    exchange: given.agent === undefined ? exchange : agentExchange(given.agent),
    tap: given.tap,
    maxRedirects: whole("maxRedirects", given.maxRedirects ?? 0),
    signal: given.signal,
    handshakeTimeout: milliseconds("handshakeTimeout", given.handshakeTimeout),
    deflate: deflateSettings(given.perMessageDeflate, false),
    limits: limits(given),
  };
}
