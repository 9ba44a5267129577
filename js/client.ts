/**
 * Opens a client's connection over TCP or TLS: from a URL to a session whose handshake is done.
 *
 * @module
 */
import { connect as connectTcp, isIP, type Socket } from "node:net";
import { connect as connectTls, type ConnectionOptions as TlsOptions } from "node:tls";

import { concat } from "./bytes.js";
import { type DeflateSettings, enableDeflate } from "./deflate.js";
import { wasm } from "./engine.js";
import { WebSocketError } from "./errors.js";
import {
  flatten,
  type HeaderField,
  type HeaderFields,
  hasName,
  joined,
  pairs,
  parseResponse,
  writeRequest,
} from "./http.js";
import { FrameSession, guarded, type Limits, release } from "./session.js";
import { NodeTransport } from "./transport/node.js";

/** How to open a connection. */
export interface ClientOptions extends Limits {
  /** Fields to add to the request, such as `Origin`, `Authorization` and `Cookie`. */
  readonly headers: HeaderFields;
  /** Milliseconds until the handshake must be done, from the start. */
  readonly handshakeTimeout: number;
  /** Options of `tls.connect`, for `wss:`. */
  readonly tls: TlsOptions;
  /** Whether and how to offer permessage-deflate. */
  readonly deflate: DeflateSettings | undefined;
}

/** A connection whose handshake is done. */
export interface Opened {
  readonly session: FrameSession;
  readonly transport: NodeTransport;
  /** The subprotocol that the server selected, or `""`. */
  readonly protocol: string;
  /** The extensions that the server selected, or `""`. */
  readonly extensions: string;
}

/** What becomes of an attempt; one of the two, once, and never within `open` itself. */
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
  options: ClientOptions,
  listener: OpenListener,
): (reason: Error) => void {
  const attempt = new Attempt(url, protocols, options, listener);
  return (reason) => attempt.fail(reason);
}

const LINE_FEED = 0x0a;
/** The engine refuses longer ones. */
const MAX_HEAD_SIZE = 16 * 1024;

class Attempt {
  readonly #url: URL;
  readonly #options: ClientOptions;
  readonly #listener: OpenListener;
  readonly #protocols: readonly string[];
  readonly #handle = wasm.Handle.create_client(undefined, undefined, false, false);
  readonly #socket: Socket;
  readonly #timer: ReturnType<typeof setTimeout>;
  #received: Uint8Array = new Uint8Array(0);
  #isDone = false;

  constructor(url: URL, protocols: readonly string[], options: ClientOptions, listener: OpenListener) {
    this.#url = url;
    this.#protocols = protocols;
    this.#options = options;
    this.#listener = listener;
    this.#socket = url.protocol === "wss:" ? secureSocket(url, options.tls) : plainSocket(url);
    this.#socket.setNoDelay(true);
    this.#socket.once(url.protocol === "wss:" ? "secureConnect" : "connect", () => this.#attempt(() => this.#ask()));
    this.#socket.on("data", this.#onData);
    this.#socket.on("error", this.#onError);
    this.#socket.on("close", this.#onClose);
    this.#timer = setTimeout(() => this.fail(timedOut(options.handshakeTimeout)), options.handshakeTimeout);
  }

  /** Ends the attempt, if it is not over. */
  fail(error: Error): void {
    if (!this.#end()) return;
    this.#socket.on("error", () => {}); // what comes of giving up is of no interest
    this.#socket.destroy();
    release(this.#handle, error);
    queueMicrotask(() => this.#listener.onFailed(error));
  }

  #attempt(step: () => void): void {
    try {
      guarded(step);
    } catch (error) {
      this.fail(error as Error);
    }
  }

  #ask(): void {
    const own = pairs(flatten(this.#options.headers));
    const body = own.find((field) => hasName(field, "Content-Length") || hasName(field, "Transfer-Encoding"));
    if (body !== undefined) {
      // what comes behind the head would be frames to the server, and a body to a proxy before it
      throw new WebSocketError("WS_ERR_INVALID_OPTION", `A handshake has no body, and no field ${body[0]}`);
    }
    if (own.some((field) => hasName(field, "Sec-WebSocket-Extensions"))) {
      throw new WebSocketError("WS_ERR_INVALID_OPTION", "Extensions are offered by the option perMessageDeflate");
    }
    enableDeflate(this.#handle, this.#options.deflate);
    const added = pairs(this.#handle.begin_client_handshake([...this.#protocols], [], flatten(own)));
    const kept = own.filter((field) => !added.some(([name]) => hasName(field, name)));
    const host: HeaderField[] = kept.some((field) => hasName(field, "Host")) ? [] : [["Host", this.#url.host]];
    const authorization = kept.some((field) => hasName(field, "Authorization")) ? [] : basicAuthorization(this.#url);
    const target = this.#url.pathname + this.#url.search;
    this.#socket.write(writeRequest(target, [...host, ...authorization, ...kept, ...added]));
  }

  readonly #onData = (chunk: Uint8Array): void => {
    const isFirst = this.#received.length === 0;
    this.#received = isFirst ? chunk : concat(this.#received, chunk);
    // byte by byte, a pass over the head for each would take quadratic time; only a line's end makes a difference
    if (isFirst || chunk.includes(LINE_FEED) || this.#received.length > MAX_HEAD_SIZE) {
      this.#attempt(() => this.#readResponse());
    }
  };

  #readResponse(): void {
    const response = parseResponse(this.#received);
    if (response === undefined) return;
    const { status, headers, length } = response;
    this.#received = this.#received.subarray(length);
    if (status >= 100 && status < 200 && status !== 101) {
      this.#readResponse(); // informational: the answer is still to come
      return;
    }
    if (status !== 101)
      throw new WebSocketError("WS_ERR_UNEXPECTED_RESPONSE", `The server answered ${status}`, { status });
    const [subprotocol = -1] = this.#handle.end_client_handshake(flatten(headers), false);
    const { maxFrameSize, maxMessageSize, maxFragments } = this.#options;
    const inner = this.#handle.into_session(maxFrameSize, maxMessageSize, maxFragments);
    const session = new FrameSession(inner, false, maxMessageSize, this.#options.deflate);
    this.#end();
    this.#listener.onOpened({
      session,
      transport: new NodeTransport(this.#socket, this.#received),
      protocol: this.#protocols[subprotocol] ?? "",
      extensions: joined(headers, "Sec-WebSocket-Extensions"),
    });
  }

  readonly #onError = (cause: Error): void => {
    this.fail(new WebSocketError("WS_ERR_CONNECTION", `The connection failed: ${cause.message}`, { cause }));
  };

  readonly #onClose = (): void => {
    this.fail(new WebSocketError("WS_ERR_CONNECTION", "The server closed the connection during the handshake"));
  };

  /** Lets go of socket and timer; tells whether the attempt was still going on. */
  #end(): boolean {
    if (this.#isDone) return false;
    this.#isDone = true;
    clearTimeout(this.#timer);
    this.#socket.off("data", this.#onData).off("error", this.#onError).off("close", this.#onClose);
    this.#socket.pause();
    return true;
  }
}

function plainSocket(url: URL): Socket {
  return connectTcp({ host: hostOf(url), port: Number(url.port || 80) });
}

function secureSocket(url: URL, options: TlsOptions): Socket {
  const host = hostOf(url);
  // an address is no server name (RFC 6066 §3)
  const servername = isIP(host) === 0 ? { servername: host } : {};
  return connectTls({ host, port: Number(url.port || 443), ALPNProtocols: ["http/1.1"], ...servername, ...options });
}

function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, "");
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

function timedOut(timeout: number): WebSocketError {
  return new WebSocketError("WS_ERR_HANDSHAKE_TIMEOUT", `The handshake was not done within ${timeout} ms`);
}
