/**
 * Opens a client's connection: from a URL to a session whose handshake is done, over redirects if they are wanted.
 *
 * @module
 */
import { Buffer } from "node:buffer";

import { asError, WebSocketError } from "../engine/errors.js";
import {
  flatten,
  type HeaderField,
  type HeaderFields,
  hasName,
  joined,
  pairs,
  recordOf,
  SECRET_FIELDS,
} from "../engine/http.js";
import { guarded } from "../engine/output.js";
import { toWebSocketScheme } from "../engine/url.js";
import { type Agreed, type Bootstrap, ClientHandshake, type SessionOptions } from "../session/handshake.js";
import type { TlsClientOptions } from "../transport/runtime.js";
import { onAbort } from "../transport/signals.js";
import { clearTimeout, queueMicrotask, setTimeout } from "../transport/tasks.js";
import type { Transport } from "../transport/transport.js";
import { isHost } from "../transport/upgrade.js";
import type { Body } from "./body.js";
import type { ConnectOptions, Exchange } from "./exchange.js";

/** https://fetch.spec.whatwg.org/#bad-port */
const BAD_PORTS = new Set([
  0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104, 109, 110,
  111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514, 515, 526, 530, 531, 532,
  540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061,
  6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080,
]);

/** Whether Fetch blocks the port, as what speaks another protocol there might take a handshake for its own. */
export function hasBadPort(url: URL): boolean {
  return url.port !== "" && BAD_PORTS.has(Number(url.port));
}

/** How to open a connection. */
export interface OpenOptions extends SessionOptions, ConnectOptions {
  /** Fields to add to the request, such as `Origin`, `Authorization` and `Cookie`. */
  readonly headers: HeaderFields;
  /** Milliseconds until the handshake must be done, from the start. */
  readonly handshakeTimeout: number;
  /** How many redirects are followed. */
  readonly maxRedirects: number;
  /** Gives the attempt up. */
  readonly signal: AbortSignal | undefined;
  /** How a request is sent. */
  readonly exchange: Exchange;
}

/** A connection whose handshake is done. */
export interface Opened extends Agreed {
  readonly transport: Transport;
}

/** Receives the outcome of an attempt: one of the two, once, and never within `open` itself. */
export interface OpenListener {
  onOpened(opened: Opened): void;
  onFailed(error: Error): void;
}

/**
 * Connects, and does the client's handshake (RFC 6455 §4.1). Returns a function that gives the attempt up.
 *
 * @param url of the scheme `ws:` or `wss:`
 */
export function open(
  url: URL,
  protocols: readonly string[],
  options: OpenOptions,
  listener: OpenListener,
): (reason: Error) => void {
  const own = pairs(flatten(options.headers)); // before there is a timer: an iterator of the caller's may throw
  const attempt = new Attempt(protocols, options, listener);
  attempt.ask(url, own);
  return (reason) => attempt.fail(reason);
}

class Attempt {
  readonly #options: OpenOptions;
  readonly #listener: OpenListener;
  readonly #protocols: readonly string[];
  readonly #timer: ReturnType<typeof setTimeout>;
  #tls: TlsClientOptions;
  #redirects = 0;
  #handshake: ClientHandshake | undefined;
  #abandon: (() => void) | undefined;
  /** The body of a refusal, while it is read. */
  #body: Body | undefined;
  readonly #ignoreSignal: () => void;
  #isDone = false;

  constructor(protocols: readonly string[], options: OpenOptions, listener: OpenListener) {
    this.#protocols = protocols;
    this.#options = options;
    this.#tls = options.tls;
    this.#listener = listener;
    const { handshakeTimeout, signal } = options;
    this.#timer = setTimeout(() => this.#onTimeout(), handshakeTimeout);
    this.#ignoreSignal = onAbort(signal, () => this.#onAbort());
    if (signal?.aborted) this.#onAbort();
  }

  /** Ends the attempt, if it is not over. */
  fail(error: Error): void {
    if (!this.#end()) return;
    this.#abandon?.();
    this.#handshake?.abandon();
    queueMicrotask(() => this.#listener.onFailed(error));
  }

  /** @param own the caller's fields */
  ask(url: URL, own: readonly HeaderField[]): void {
    this.#attempt(() => {
      this.#abandon = this.#options.exchange(
        { url, fields: (bootstrap) => this.#begin(bootstrap, url, own) },
        { ...this.#options, tls: this.#tls },
        {
          onSwitched: (headers, transport) => this.#attempt(() => this.#onSwitched(headers, transport)),
          onRefused: (status, headers, body) => this.#attempt(() => this.#onRefused(url, own, status, headers, body)),
          onFailed: (error) => this.fail(error),
        },
      );
    });
  }

  /** The fields of a request. */
  #begin(bootstrap: Bootstrap, url: URL, own: readonly HeaderField[]): HeaderField[] {
    this.#handshake?.abandon();
    const handshake = new ClientHandshake(this.#protocols, own, this.#options, bootstrap);
    this.#handshake = handshake;
    const has = (name: string) => handshake.fields.some((field) => hasName(field, name));
    const host: HeaderField[] = hasHost(own) ? [] : [["Host", url.host]];
    const authorization = has("Authorization") ? [] : basicAuthorization(url);
    return [...host, ...authorization, ...handshake.fields];
  }

  #attempt(step: () => void): void {
    if (this.#isDone) return;
    try {
      guarded(step);
    } catch (error) {
      this.fail(asError(error)); // of the tap or the agent, for instance
    }
  }

  #onSwitched(headers: readonly HeaderField[], transport: Transport): void {
    this.#abandon = () => transport.destroy();
    const agreed = (this.#handshake as ClientHandshake).finish(headers);
    this.#end();
    this.#listener.onOpened({ ...agreed, transport });
  }

  #onRefused(url: URL, own: readonly HeaderField[], status: number, headers: readonly HeaderField[], body: Body): void {
    const location = joined(headers, "Location");
    const isFollowed = isRedirect(status) && location !== "" && this.#redirects < this.#options.maxRedirects;
    const target = isFollowed ? redirected(url, location) : undefined;
    if (target === undefined) {
      const what = isFollowed ? ` with a redirect that is not followed, to ${location}` : "";
      this.#body = body;
      body.read((bytes) => this.fail(refused(`The server answered ${status}${what}`, status, headers, bytes)));
      return;
    }
    this.#redirects += 1;
    this.#abandon?.();
    this.#handshake?.abandon();
    this.#follow(target, url, own);
  }

  #follow(target: URL, from: URL, own: readonly HeaderField[]): void {
    if (target.host === from.host) {
      this.ask(target, own);
      return;
    }
    this.#tls = withoutSecrets(this.#tls);
    const harmless = own.filter((field) => !isSecret(field));
    this.ask(target, harmless);
  }

  /** If the answer is known and only its body is late, then the answer is the error. */
  #onTimeout(): void {
    if (this.#body === undefined) this.fail(timedOut(this.#options.handshakeTimeout));
    else this.#body.cut();
  }

  #onAbort(): void {
    const cause: unknown = this.#options.signal?.reason;
    this.fail(new WebSocketError("WS_ERR_ABORTED", "The opening handshake was aborted by its signal", { cause }));
  }

  /** Tells whether the attempt was still going on. */
  #end(): boolean {
    if (this.#isDone) return false;
    this.#isDone = true;
    clearTimeout(this.#timer);
    this.#ignoreSignal();
    return true;
  }
}

/**
 * Whether the caller's fields have `Host`: once, and as RFC 9112 §3.2 wants it.
 *
 * @throws WebSocketError `WS_ERR_INVALID_OPTION`
 */
function hasHost(own: readonly HeaderField[]): boolean {
  const hosts = own.filter((field) => hasName(field, "Host"));
  if (hosts.length > 1 || !hosts.every(([, value]) => isHost(value))) {
    throw new WebSocketError("WS_ERR_INVALID_OPTION", "A request has one field Host, such as example.com:8080");
  }
  return hosts.length === 1;
}

function isRedirect(status: number): boolean {
  return [301, 302, 303, 307, 308].includes(status);
}

/** Where a redirect leads; `undefined` from TLS to the open, and to a port that is blocked. */
function redirected(from: URL, location: string): URL | undefined {
  if (!URL.canParse(location, from.href)) return undefined;
  const target = toWebSocketScheme(new URL(location, from.href));
  target.hash = "";
  const isAllowed = target.protocol === "wss:" || (target.protocol === "ws:" && from.protocol === "ws:");
  return isAllowed && !hasBadPort(target) ? target : undefined;
}

/**
 * Options of TLS by which a client says who it is: as a certificate, within a context, or by a shared secret or
 * session.
 */
const CREDENTIALS = [
  "cert",
  "key",
  "pfx",
  "passphrase",
  "secureContext",
  "privateKeyIdentifier",
  "pskCallback",
  "session",
];

/** Our certificates and keys never go to another host. */
function withoutSecrets(tls: TlsClientOptions): TlsClientOptions {
  return Object.fromEntries(Object.entries(tls).filter(([name]) => !CREDENTIALS.includes(name)));
}

/** Fields that another host must not get, and `Host`. */
function isSecret(field: HeaderField): boolean {
  return [...SECRET_FIELDS, "Host"].some((name) => hasName(field, name));
}

/** User and password of the URL, as HTTP's Basic scheme (RFC 7617). */
function basicAuthorization(url: URL): HeaderField[] {
  if (url.username === "" && url.password === "") return [];
  const credentials = Buffer.concat([percentDecoded(url.username), Buffer.from(":"), percentDecoded(url.password)]);
  return [["Authorization", `Basic ${credentials.toString("base64")}`]];
}

/** A part of a URL record, which is ASCII, as the bytes that it stands for; they need not be UTF-8. */
function percentDecoded(text: string): Buffer {
  const bytes = text.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(bytes, "latin1");
}

function refused(message: string, status: number, headers: readonly HeaderField[], body: Uint8Array): WebSocketError {
  const details = { status, headers: recordOf(headers), body: Buffer.from(body).toString() };
  return new WebSocketError("WS_ERR_UNEXPECTED_RESPONSE", message, details);
}

function timedOut(timeout: number): WebSocketError {
  return new WebSocketError("WS_ERR_HANDSHAKE_TIMEOUT", `The handshake was not done within ${timeout} ms`);
}
