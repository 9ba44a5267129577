/**
 * A request for an upgrade and its answer, over the runtime's sockets and the engine's HTTP.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { concat } from "../engine/bytes.js";
import { WebSocketError } from "../engine/errors.js";
import { type HeaderField, parseResponse, type ResponseHead, writeRequest } from "../engine/http.js";
import { guarded } from "../engine/output.js";
import { hostOf } from "../engine/url.js";
import type { Bootstrap } from "../session/handshake.js";
import { HeadBuffer } from "../transport/head.js";
import { type CreateConnection, type Destination, sockets, type TlsClientOptions } from "../transport/runtime.js";
import { type Tap, tapped } from "../transport/tap.js";
import type { Transport, TransportListener } from "../transport/transport.js";
import { type Body, TransportBody } from "./body.js";
import { connectionError } from "./failure.js";
import { InterimResponses, isInterim } from "./interim.js";

/** A request for an upgrade. */
export interface UpgradeRequest {
  /** Has the scheme `ws:` or `wss:`. */
  readonly url: URL;
  /**
   * Begins the handshake, and returns all of its fields. If the server turns out to speak another version of HTTP, it
   * may begin again.
   *
   * @throws WebSocketError `WS_ERR_INVALID_OPTION` for a field that a handshake cannot have
   * @throws WebSocketProtocolError for a field with a character that does not belong there
   */
  fields(bootstrap: Bootstrap): readonly HeaderField[];
}

/** How to reach the server. */
export interface ConnectOptions {
  /** Options of TLS, for `wss:`. */
  readonly tls: TlsClientOptions;
  /** A unix socket to connect to. */
  readonly socketPath: string | undefined;
  /** Makes the stream in place of the runtime's sockets. */
  readonly createConnection: CreateConnection | undefined;
  /** Receives a copy of the connection's bytes. */
  readonly tap: Tap | undefined;
}

/** Receives the outcome of an exchange: one of the three, once, and never within the call. */
export interface ExchangeListener {
  /** The answer was 101, or 2xx over HTTP/2. The listener must start the stream behind it at once. */
  onSwitched(headers: readonly HeaderField[], transport: Transport): void;
  /** Any other answer. The connection stays until the exchange is abandoned. */
  onRefused(status: number, headers: readonly HeaderField[], body: Body): void;
  onFailed(error: Error): void;
}

/** Sends a request and tells its answer. Returns a function that gives it up; nothing is called after that. */
export type Exchange = (request: UpgradeRequest, options: ConnectOptions, listener: ExchangeListener) => () => void;

/** The exchange over a connection of its own. */
export const exchange: Exchange = (request, options, listener) => {
  const { url } = request;
  const own = new OwnExchange(
    writeRequest(url.pathname + url.search, request.fields("upgrade")),
    url.protocol === "wss:",
    options.tap,
    listener,
  );
  own.abandon = sockets().connect(destinationOf(url, options), options.createConnection, own);
  return () => own.abandon();
};

const HTTP = Buffer.from("HTTP/1.");
/** Makes the engine refuse what cannot become an answer at once, and not when the time is over. */
const HEAD_END = Buffer.from("\r\n\r\n");

/** Whether an answer begins so, as far as it came. */
function isHttp(received: Uint8Array): boolean {
  return HTTP.every((byte, at) => at >= received.length || received[at] === byte);
}

class OwnExchange implements TransportListener {
  readonly #request: Uint8Array;
  readonly #isSecure: boolean;
  readonly #tap: Tap | undefined;
  readonly #listener: ExchangeListener;
  #hasReceived = false;
  #transport: Transport | undefined;
  readonly #received = new HeadBuffer();
  readonly #interim = new InterimResponses();
  /** Gives up what is going on. */
  abandon: () => void = ignore;

  constructor(request: Uint8Array, isSecure: boolean, tap: Tap | undefined, listener: ExchangeListener) {
    this.#request = request;
    this.#isSecure = isSecure;
    this.#tap = tap;
    this.#listener = listener;
  }

  onConnected(connected: Transport): void {
    const transport = this.#tap === undefined ? connected : tapped(connected, this.#tap);
    this.#transport = transport;
    this.abandon = () => this.#leave();
    transport.start(this);
    transport.write([this.#request]);
    transport.resume();
  }

  onFailed(cause: Error): void {
    if (cause instanceof WebSocketError)
      this.#fail(cause); // an option of TLS is not valid
    else this.#fail(connectionError(cause));
  }

  onData(chunk: Uint8Array): void {
    this.#hasReceived = true;
    if (this.#received.push(chunk)) this.#attempt(() => this.#readResponse());
  }

  onDrain(): void {}

  /** The reason, such as a TLS alert, comes with the close only. */
  onEnd(): void {
    this.#transport?.end();
  }

  onClose(cause: Error | undefined): void {
    if (cause !== undefined) this.onFailed(cause);
    else this.#fail(this.#closed());
  }

  /** A server of TLS that gets a request in clear often closes without a word. */
  #closed(): WebSocketError {
    const mayBeSecure = !this.#isSecure && !this.#hasReceived;
    const hint = mayBeSecure ? "; it may speak TLS (wss: in place of ws:)" : "";
    return new WebSocketError("WS_ERR_CONNECTION", `The server closed the connection during the handshake${hint}`);
  }

  #attempt(step: () => void): void {
    try {
      guarded(step);
    } catch (error) {
      this.#fail(error as Error);
    }
  }

  /** Passes interim responses over: the answer is still to come. */
  #readResponse(): void {
    for (;;) {
      const { bytes } = this.#received;
      const response = parseResponse(isHttp(bytes) ? bytes : concat(bytes, HEAD_END));
      if (response === undefined) return;
      this.#received.bytes = bytes.subarray(response.length);
      if (!isInterim(response.status)) {
        this.#answered(response);
        return;
      }
      this.#interim.add(response.status);
    }
  }

  #answered({ status, headers }: ResponseHead): void {
    const transport = this.#transport as Transport;
    transport.pause();
    transport.unread(this.#received.bytes);
    if (status === 101) {
      this.abandon = ignore;
      this.#listener.onSwitched(headers, transport);
    } else {
      this.#listener.onRefused(status, headers, new TransportBody(transport, headers));
    }
  }

  #fail(error: Error): void {
    this.#leave();
    this.#listener.onFailed(error);
  }

  #leave(): void {
    this.abandon = ignore;
    this.#transport?.start(DEAF);
    this.#transport?.destroy();
  }
}

/** Ignores all events of an abandoned exchange. */
const DEAF: TransportListener = { onData: ignore, onDrain: ignore, onEnd: ignore, onClose: ignore };

function ignore(): void {}

/** Where a URL leads. */
export function destinationOf(url: URL, { tls, socketPath }: ConnectOptions): Destination {
  const isSecure = url.protocol === "wss:";
  const host = hostOf(url);
  return { host, port: Number(url.port || (isSecure ? 443 : 80)), isSecure, socketPath, tls };
}
