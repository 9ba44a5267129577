/**
 * What the constructor of `WebSocket` is given, checked.
 *
 * @module
 */
import type { ConnectionOptions as TlsOptions } from "node:tls";

import type { ClientOptions } from "./client.js";
import { deflateSettings, type PerMessageDeflateOptions } from "./deflate.js";
import type { HeaderFields } from "./http.js";
import { type ConnectionSettings, limits, milliseconds } from "./options.js";
import type { Limits } from "./session.js";

/** Options of a client's connection; sizes in bytes, times in milliseconds. */
export interface WebSocketOptions extends Partial<Limits>, Partial<ConnectionSettings> {
  /** Subprotocols to offer, the preferred first. */
  protocols?: string | readonly string[];
  /** Fields to add to the handshake's request. */
  headers?: HeaderFields;
  /** Options of `tls.connect`, for `wss:`. */
  tls?: TlsOptions;
  /** Until the handshake must be done; 30,000. */
  handshakeTimeout?: number;
  /** Whether and how to offer compression (RFC 7692); `true`. */
  perMessageDeflate?: boolean | PerMessageDeflateOptions;
}

const SUBPROTOCOL = /^[!#$%&'*+\-.^_`|~\w]+$/;

/** Whether the second argument is subprotocols, and not options. */
export function isProtocols(value: string | readonly string[] | WebSocketOptions): value is string | readonly string[] {
  return typeof value === "string" || Array.isArray(value);
}

/** https://websockets.spec.whatwg.org/#get-a-url-record */
export function urlRecord(url: string | URL): URL {
  const text = String(url);
  if (!URL.canParse(text)) throw new DOMException(`${text} is no valid URL`, "SyntaxError");
  const record = new URL(text);
  // "http" and "https" become "ws" and "wss"
  if (record.protocol === "http:") record.protocol = "ws:";
  if (record.protocol === "https:") record.protocol = "wss:";
  if (record.protocol !== "ws:" && record.protocol !== "wss:") {
    throw new DOMException(`The scheme of ${text} is none of ws, wss, http, https`, "SyntaxError");
  }
  if (record.href.includes("#")) throw new DOMException(`${text} has a fragment`, "SyntaxError");
  return record;
}

/** Tokens, each once whatever its case; else a `SyntaxError`. */
export function subprotocols(given: string | readonly string[]): string[] {
  const protocols = typeof given === "string" ? [given] : given.map(String);
  const different = new Set(protocols.map((protocol) => protocol.toLowerCase()));
  if (different.size !== protocols.length) throw new DOMException("A subprotocol is given twice", "SyntaxError");
  const invalid = protocols.find((protocol) => !SUBPROTOCOL.test(protocol));
  if (invalid !== undefined) throw new DOMException(`"${invalid}" is no valid subprotocol`, "SyntaxError");
  return protocols;
}

/** With defaults for what is not given. */
export function clientOptions(given: WebSocketOptions): ClientOptions {
  return {
    headers: given.headers ?? [],
    tls: given.tls ?? {},
    handshakeTimeout: milliseconds("handshakeTimeout", given.handshakeTimeout),
    deflate: deflateSettings(given.perMessageDeflate, false),
    ...limits(given),
  };
}
