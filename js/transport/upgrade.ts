/**
 * A server's HTTP: what a request for an upgrade must be, and the answers that refuse one.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { wasm } from "../engine/engine.js";
import { WebSocketProtocolError } from "../engine/errors.js";
import { flatten, type HeaderField, type HeaderFields, isName, pairs, writeResponse } from "../engine/http.js";
import { ownOption } from "../engine/own.js";
import { clearTimeout, setTimeout } from "./tasks.js";
import type { Transport } from "./transport.js";

/** A request for an upgrade: Node's `IncomingMessage`, or as much of it. */
export interface HandshakeRequest {
  /** `GET`, if it is a handshake; over HTTP/2 `CONNECT`. */
  readonly method?: string | undefined;
  /** The target: a path with its query, or a whole URI. */
  readonly url?: string | undefined;
  /** `1.1`, if it is a handshake; over HTTP/2 `2.0`. */
  readonly httpVersion: string;
  /** Values by lower-case names; the last, or all joined, where a name comes twice. */
  readonly headers: { readonly [name: string]: string | readonly string[] | undefined };
  /** Names and values in turn, as they came. */
  readonly rawHeaders: string[];
  /** The connection of the request. */
  readonly socket: {
    /** The client's, or its proxy's. */
    readonly remoteAddress?: string | undefined;
    /** The client's, or its proxy's. */
    readonly remotePort?: number | undefined;
    /** Whether it came over TLS. */
    readonly encrypted?: boolean | undefined;
  };
}

/** An answer that refuses a handshake. */
export interface Rejection {
  /** HTTP status, 400 to 599. */
  readonly status: number;
  /** Fields of the answer, without those of its length and of the connection: these are known. */
  readonly headers?: HeaderFields | undefined;
  /** Plain text, unless `headers` has another `Content-Type`; the status's name by default. */
  readonly body?: string | undefined;
}

/** Whether an answer of the application's is one that refuses. */
export function isRejection(verdict: unknown): verdict is Rejection {
  const status = (verdict as Rejection | null | undefined)?.status;
  return Number.isInteger(status) && (status as number) >= 400 && (status as number) <= 599;
}

/** The characters of `uri-host [ ":" port ]` (RFC 9112 §3.2). */
const HOST = /^[\w.~%!$&'()*+,;=:[\]-]*$/;

/** Whether a text can be the value of `Host`. */
export function isHost(text: string): boolean {
  return HOST.test(text);
}

/**
 * The parts of RFC 6455 §4.2.1 that the component does not see: GET, HTTP/1.1, one Host, and no body.
 */
export function isPossible({ method, url, httpVersion, rawHeaders }: HandshakeRequest): boolean {
  let hosts = 0;
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] as string;
    const value = rawHeaders[at + 1] as string;
    if (isName(name, "Transfer-Encoding") || (isName(name, "Content-Length") && !/^0+$/.test(value))) return false;
    if (!isName(name, "Host")) continue;
    hosts += 1;
    if (!isHost(value)) return false;
  }
  return method === "GET" && resource(url) !== undefined && httpVersion === "1.1" && hosts === 1;
}

/** 400 for the client's mistakes, 426 for its version, 500 for ours. HTTP/2 has no upgrades that could be required. */
export function rejectionOf(error: unknown, httpVersion: string): Rejection {
  const code = error instanceof WebSocketProtocolError ? error.code : undefined;
  if (code === "E_PROTOCOL_VERSION_NOT_SUPPORTED") {
    const versions = [...wasm.supported_versions()].join(", ");
    const headers = { "Sec-WebSocket-Version": versions };
    return httpVersion === "2.0"
      ? { status: 400, headers }
      : { status: 426, headers: { ...headers, Upgrade: "websocket" } };
  }
  return { status: code === "E_INVALID_PROTOCOL_FORMAT" ? 400 : 500 };
}

/**
 * What refusals are called (RFC 9110 §15.5 and §15.6, RFC 6585); to load `node:http` for it would take Deno longer than
 * all the rest.
 */
const REASONS = new Map([
  [400, "Bad Request"],
  [401, "Unauthorized"],
  [402, "Payment Required"],
  [403, "Forbidden"],
  [404, "Not Found"],
  [405, "Method Not Allowed"],
  [406, "Not Acceptable"],
  [407, "Proxy Authentication Required"],
  [408, "Request Timeout"],
  [409, "Conflict"],
  [410, "Gone"],
  [411, "Length Required"],
  [412, "Precondition Failed"],
  [413, "Payload Too Large"],
  [414, "URI Too Long"],
  [415, "Unsupported Media Type"],
  [417, "Expectation Failed"],
  [421, "Misdirected Request"],
  [422, "Unprocessable Entity"],
  [426, "Upgrade Required"],
  [428, "Precondition Required"],
  [429, "Too Many Requests"],
  [431, "Request Header Fields Too Large"],
  [451, "Unavailable For Legal Reasons"],
  [500, "Internal Server Error"],
  [501, "Not Implemented"],
  [502, "Bad Gateway"],
  [503, "Service Unavailable"],
  [504, "Gateway Timeout"],
  [505, "HTTP Version Not Supported"],
]);

/** Fields that say where an answer ends, and what becomes of the connection: beside ours, others would contradict. */
const FRAMING = ["Content-Length", "Transfer-Encoding", "Connection"];

const PLAIN_TEXT: HeaderField = ["Content-Type", "text/plain; charset=utf-8"];

/** An answer that accepts. */
export interface AcceptingAnswer {
  readonly fields: readonly HeaderField[];
  /** Its head, as bytes of HTTP/1.1. */
  readonly head: Uint8Array;
}

/**
 * Sends the answer that accepts.
 *
 * @throws WebSocketError `WS_ERR_INVALID_OPTION` if HTTP/2 cannot have such fields; then nothing was sent
 */
export function accept(transport: Transport, answer: AcceptingAnswer): void {
  if (transport.respond === undefined) transport.write([answer.head]);
  else transport.respond(200, answer.fields);
}

/**
 * Answers, and closes: when the client has taken the answer, and after `timeout` milliseconds at the latest. It listens
 * to the transport from now on.
 *
 * @param onClosed is called when the transport is closed
 * @param isHead whether the request's method is HEAD, whose answer has no body (RFC 9110 §9.3.2)
 * @throws WebSocketProtocolError if a field has a character that does not belong there; then nothing was written
 * @throws WebSocketError `WS_ERR_INVALID_OPTION` if HTTP/2 cannot have such fields; then nothing was sent, either
 */
export function reject(
  transport: Transport,
  rejection: Rejection,
  timeout: number,
  onClosed: () => void = ignore,
  isHead = false,
): void {
  const { status } = rejection;
  const [headers = [], body] = [ownOption(rejection, "headers"), ownOption(rejection, "body")];
  const reason = REASONS.get(status) ?? "";
  const bytes = Buffer.from(body ?? reason);
  const own = pairs(flatten(headers)).filter(([name]) => !FRAMING.some((ours) => isName(name, ours)));
  const has = (wanted: string) => own.some(([name]) => isName(name, wanted));
  const fields: HeaderField[] = [
    ...own,
    ["Connection", has("Upgrade") ? "Upgrade, close" : "close"], // RFC 9110 §7.8
    ...(has("Content-Type") ? [] : [PLAIN_TEXT]),
    ["Content-Length", String(bytes.length)],
  ];
  const head = writeResponse(status, reason, fields);
  transport.respond?.(status, fields, bytes); // before the timer, because it may throw
  // a client that neither reads nor closes its side must not keep the socket
  const timer = setTimeout(() => {
    transport.destroy();
    onClosed();
  }, timeout);
  const onClose = () => {
    clearTimeout(timer);
    onClosed();
  };
  transport.start({ onData: ignore, onDrain: ignore, onEnd: ignore, onClose });
  if (transport.respond !== undefined) return;
  const isTaken = transport.write(isHead ? [head] : [head, bytes], { onTaken: () => transport.destroy() });
  transport.end();
  if (isTaken) transport.destroy();
}

function ignore(): void {}

/** The URL of the latest request. */
let latest = "";

/** The address that a client asked for. */
export function urlOf(request: HandshakeRequest): string {
  const scheme = request.socket.encrypted ? "wss" : "ws";
  // joined, it is one string; a template would keep all of its parts
  const url = [scheme, "://", fieldOf(request, "Host"), resource(request.url)].join("");
  if (url !== latest) latest = url; // most requests have the same, and so all sockets one string
  return latest;
}

/** The value of a request's first field with this name. Node makes `headers` when they are read first. */
export function fieldOf({ rawHeaders }: HandshakeRequest, name: string): string | undefined {
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    if (isName(rawHeaders[at] as string, name)) return rawHeaders[at + 1];
  }
  return undefined;
}

/**
 * The path and the query of a request's target, which may be a whole URI (RFC 9112 §3.2.2) but has no fragment; none if
 * it is neither.
 */
export function resource(target = ""): string | undefined {
  if (!/^[!-~]+$/.test(target) || target.includes("#")) return undefined;
  if (target.startsWith("/")) return target;
  if (!/^(?:https?|wss?):/i.test(target) || !URL.canParse(target)) return undefined;
  const { pathname, search } = new URL(target);
  return pathname + search;
}
