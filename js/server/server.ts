/**
 * A WebSocket server: with a port of its own, or behind an HTTP server that others use too.
 *
 * @module
 */
import { EventEmitter, on } from "node:events";
import type { IncomingMessage, Server } from "node:http";
import type { Server as HttpsServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { inspect } from "node:util";

import type { SocketOptions } from "../client/arguments.js";
import { EngineTrap } from "../engine/engine.js";
import { WebSocketError } from "../engine/errors.js";
import { type HeaderFields, offeredSubprotocols } from "../engine/http.js";
import { type DeflateSettings, deflateSettings } from "../session/deflate.js";
import { type Answer, answerHandshake } from "../session/handshake.js";
import {
  type ConnectionSettings,
  connectionSettings,
  type Limits,
  limits,
  milliseconds,
  ownOptions,
} from "../session/options.js";
import { PreparedMessage } from "../session/prepared.js";
import { NodeTransport } from "../transport/node.js";
import { type Listener, sockets, type TlsServerOptions } from "../transport/runtime.js";
import { type Tap, tapHead, tapped } from "../transport/tap.js";
import type { Transport, TransportListener } from "../transport/transport.js";
import {
  type HandshakeRequest,
  isPossible,
  isRejection,
  type Rejection,
  reject,
  rejectionOf,
  resource,
  urlOf,
} from "../transport/upgrade.js";
import type { BinaryType } from "../websocket/receiving.js";
import { accept, type WebSocket } from "../websocket/websocket.js";

/** Decides whether to accept a handshake. */
export type Verify<R extends HandshakeRequest = IncomingMessage> = (
  request: R,
) => boolean | Rejection | Promise<boolean | Rejection>;

/** Options of a server. One of `port`, `socketPath`, `server` and `noServer` is needed. */
export interface WebSocketServerOptions<R extends HandshakeRequest = IncomingMessage> extends SocketOptions {
  /** Listen on this port with an HTTP server of its own, which answers everything else with 426; 0 for any. */
  port?: number;
  /** The address to listen on; all by default. */
  host?: string;
  /** Listen on this unix socket, or on Windows this named pipe, in place of a port. */
  socketPath?: string;
  /** With `port` or `socketPath`: use TLS, with a certificate and a key by the names of `tls.createServer`. */
  tls?: TlsServerOptions;
  /** Take the upgrades of this server. */
  server?: Server | HttpsServer;
  /** Take upgrades only from `handleUpgrade`. */
  noServer?: boolean;
  /**
   * Take upgrades of this path only. Others are left to other listeners of the server's `upgrade` event, and answered
   * with 404 if there are none; with `noServer`, paths are the caller's.
   */
  path?: string;
  /**
   * The origins of the pages that may connect, such as `https://example.com`; others are answered with 403. Clients
   * that are no browsers send none, and are let in.
   */
  origins?: readonly string[];
  /** Decides whether to accept a handshake; `false` is 403. */
  verify?: Verify<R>;
  /** Selects one of the offered subprotocols, or none with `undefined`; by default the first. */
  chooseProtocol?: (offered: readonly string[], request: R) => string | undefined;
  /** Fields to add to the answer, such as `Set-Cookie`. */
  headers?: HeaderFields | ((request: R) => HeaderFields);
  /** Says who, if anyone, is told of all bytes of a connection both ways, its handshake included. */
  tap?: (request: R) => Tap | undefined;
  /** How the sockets give binary messages out; `"nodebuffer"`. */
  binaryType?: BinaryType;
}

/** The events of a server, with their arguments. */
export interface WebSocketServerEvents<R extends HandshakeRequest = IncomingMessage> {
  /**
   * A handshake is done. Messages wait for the first who asks for them, however late: a listener of `message`, a loop over
   * the socket, a `WebSocketStream`, or `resume()`. Pings are answered meanwhile, and a close too; from 64 KiB on nothing
   * more is read, so that a socket that only sends, to peers that talk, should call `resume()`. If the peer has left, and
   * nobody has asked for a second, the messages are given up, and the `close` event comes.
   */
  connection: [socket: WebSocket, request: R];
  /** The port is open. */
  listening: [];
  /** The port could not be opened; or one of the hooks failed, whose client was answered with 500. */
  error: [error: Error];
  /** `close` is done. */
  close: [];
}

/** A WebSocket server. */
export class WebSocketServer<R extends HandshakeRequest = IncomingMessage> extends EventEmitter<
  WebSocketServerEvents<R>
> {
  /** The sockets that are not closed. */
  readonly clients: Set<WebSocket> = new Set();
  readonly #options: WebSocketServerOptions<R>;
  readonly #limits: Limits;
  readonly #settings: ConnectionSettings;
  readonly #deflate: DeflateSettings | undefined;
  readonly #listener: Listener | undefined;
  /** Whose verdict is awaited. */
  readonly #undecided = new Set<Transport>();
  #closing: Promise<void> | undefined;

  /** @throws WebSocketError `WS_ERR_INVALID_OPTION` */
  constructor(given: WebSocketServerOptions<R>) {
    super();
    const options = ownOptions(given);
    const { port, host, socketPath, tls, server } = options;
    const ways = [port, socketPath, server, options.noServer || undefined].filter((way) => way !== undefined);
    if (ways.length !== 1) {
      const message = "A server needs exactly one of port, socketPath, server and noServer";
      throw new WebSocketError("WS_ERR_INVALID_OPTION", message);
    }
    this.#options = options;
    this.#limits = limits(options);
    this.#settings = connectionSettings(options);
    this.#deflate = deflateSettings(options.perMessageDeflate, true);
    const handshakeTimeout = milliseconds("handshakeTimeout", options.handshakeTimeout);
    server?.on("upgrade", this.#onUpgrade);
    if (port === undefined && socketPath === undefined) return;
    this.#listener = sockets().listen(
      { port, host, socketPath, tls, handshakeTimeout },
      {
        onListening: () => this.emit("listening"),
        onError: (error) => this.emit("error", error),
        onUpgrade: (request, transport, head) => this.#route(request as R, transport, head),
      },
    );
  }

  /** Where the server listens; `null` before it does, and without a server. */
  address(): AddressInfo | string | null {
    return (this.#listener ?? this.#options.server)?.address() ?? null;
  }

  /**
   * Does the handshake of an `upgrade` event of a `node:http` server, and gives out the connection. A request that
   * is no valid handshake is answered with 400, or 426 if it asks for another version than 13.
   *
   * @param head the bytes that came behind the request
   * @param callback instead of the `connection` event
   */
  handleUpgrade(
    request: R,
    socket: Duplex,
    head: Uint8Array,
    callback?: (socket: WebSocket, request: R) => void,
  ): void {
    this.#upgrade(request, new NodeTransport(socket), head, callback);
  }

  /** Sends a message to all clients that are open; it is framed, and compressed, once. */
  broadcast(
    data: string | ArrayBufferLike | ArrayBufferView | PreparedMessage,
    { except, compress }: { except?: WebSocket | undefined; compress?: boolean | undefined } = {},
  ): void {
    const message = data instanceof PreparedMessage ? data : new PreparedMessage(data);
    const options = compress === undefined ? {} : { compress };
    for (const socket of this.clients) {
      if (socket !== except && socket.readyState === socket.OPEN) socket.send(message, options);
    }
  }

  /** The connections from now on, until the server closes. */
  [Symbol.asyncIterator](): AsyncIterableIterator<[socket: WebSocket, request: R]> {
    return on(this, "connection", { close: ["close"] }) as AsyncIterableIterator<[WebSocket, R]>;
  }

  /**
   * Closes the port, closes every connection with 1001, and ends those that take longer than `closeTimeout`. A server
   * that was given goes on without this one.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** The same as `close`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    this.#options.server?.off("upgrade", this.#onUpgrade);
    const closed = [...this.clients].map(
      (socket) => new Promise<void>((resolve) => socket.addEventListener("close", () => resolve(), { once: true })),
    );
    for (const socket of this.clients) socket.close(1001, "");
    for (const transport of this.#undecided) reject(transport, { status: 503 });
    this.#undecided.clear();
    // a close waits behind a message whose source has stalled
    const timer = setTimeout(() => {
      for (const socket of this.clients) socket.terminate();
    }, this.#settings.closeTimeout);
    await Promise.all([...closed, this.#listener?.close()]);
    clearTimeout(timer);
    this.emit("close");
  }

  readonly #onUpgrade = (request: IncomingMessage, socket: Duplex, head: Uint8Array): void => {
    if (this.#isOfPath(request) || this.#options.server?.listenerCount("upgrade") === 1) {
      this.#route(request as HandshakeRequest as R, new NodeTransport(socket), head);
    }
  };

  #isOfPath(request: HandshakeRequest): boolean {
    const { path } = this.#options;
    return path === undefined || resource(request.url)?.split("?", 1)[0] === path;
  }

  #route(request: R, transport: Transport, head: Uint8Array): void {
    if (this.#isOfPath(request)) this.#upgrade(request, transport, head);
    else {
      transport.start(new Waiting(transport));
      reject(transport, { status: 404 });
    }
  }

  #upgrade(request: R, raw: Transport, head: Uint8Array, callback?: (socket: WebSocket, request: R) => void): void {
    // until there is a connection that listens, a broken transport has nobody to tell
    const waiting = new Waiting(raw);
    raw.start(waiting);
    const transport = this.#guard(raw, () => this.#tapped(request, raw, head));
    if (transport === FAILED) return;
    const decide = (verdict: boolean | Rejection): void => {
      if (this.#closing !== undefined) reject(transport, { status: 503 });
      else if (verdict === true) this.#accept(request, transport, head, callback);
      else if (verdict === false) reject(transport, { status: 403 });
      else if (isRejection(verdict)) this.#guard(transport, () => reject(transport, verdict));
      else this.#fail(transport, invalid("verify", "true, false or a Rejection", verdict));
    };
    const refusal = this.#refusal(request);
    const { verify = () => true } = this.#options;
    const verdict = refusal ?? this.#guard(transport, () => verify(request));
    if (verdict === FAILED) return;
    if (isPromise(verdict)) this.#await(verdict, transport, waiting, decide);
    else decide(verdict);
  }

  #tapped(request: R, transport: Transport, head: Uint8Array): Transport {
    const tap = this.#options.tap?.(request);
    if (tap === undefined) return transport;
    const { method, url, httpVersion, rawHeaders } = request;
    tapHead(tap, "received", `${method} ${url} HTTP/${httpVersion}`, rawHeaders, head);
    return tapped(transport, tap);
  }

  /** A client that leaves, or a server that closes, does not wait for the verdict. */
  #await(
    verdict: Promise<boolean | Rejection>,
    transport: Transport,
    waiting: Waiting,
    decide: (verdict: boolean | Rejection) => void,
  ): void {
    this.#undecided.add(transport);
    waiting.onGone = () => this.#undecided.delete(transport);
    const unlessGone = <T>(act: (answer: T) => void) => {
      return (answer: T) => {
        waiting.onGone = ignore;
        if (this.#undecided.delete(transport)) act(answer);
      };
    };
    const fail = (error: unknown) => this.#fail(transport, error);
    Promise.resolve(verdict).then(unlessGone(decide), unlessGone(fail)).catch(throwUncaught);
  }

  /** Runs what is the application's; its mistakes are answered with 500, and told by the `error` event. */
  #guard<T>(transport: Transport, call: () => T): T | typeof FAILED {
    try {
      return call();
    } catch (error) {
      this.#fail(transport, error);
      return FAILED;
    }
  }

  #fail(transport: Transport, error: unknown): void {
    reject(transport, { status: 500 });
    this.emit("error", error as Error);
  }

  #accept(request: R, transport: Transport, head: Uint8Array, callback = this.#emitConnection): void {
    let answer: Answer;
    try {
      answer = this.#answer(request);
    } catch (error) {
      const rejection = rejectionOf(error);
      if (rejection.status < 500) reject(transport, rejection);
      else if (error instanceof EngineTrap) {
        reject(transport, rejection);
        process.emitWarning(error);
      } else this.#fail(transport, error);
      return;
    }
    transport.write([answer.head], ignore);
    transport.unread(head);
    const { socket, start } = accept({
      ...answer,
      transport,
      url: urlOf(request),
      binaryType: this.#options.binaryType ?? "nodebuffer",
      settings: this.#settings,
      clients: this.clients,
    });
    try {
      callback(socket, request);
    } finally {
      start();
    }
  }

  readonly #emitConnection = (socket: WebSocket, request: R): void => {
    this.emit("connection", socket, request);
  };

  /** The server's handshake (RFC 6455 §4.2.2). */
  #answer(request: R): Answer {
    const { headers = [] } = this.#options;
    const add = () => (typeof headers === "function" ? headers(request) : headers);
    const options = { limits: this.#limits, deflate: this.#deflate };
    return answerHandshake(request.rawHeaders, this.#protocol(request) ?? "", add, options);
  }

  #refusal(request: R): Rejection | undefined {
    if (this.#closing !== undefined) return { status: 503 };
    if (!isPossible(request)) return { status: 400 };
    const { origins } = this.#options;
    const { origin } = request.headers;
    return origins === undefined || origin === undefined || origins.includes(origin as string)
      ? undefined
      : { status: 403 };
  }

  #protocol(request: R): string | undefined {
    if (request.headers["sec-websocket-protocol"] === undefined) return undefined;
    const offered = offeredSubprotocols(request.rawHeaders);
    const choose = this.#options.chooseProtocol;
    if (choose === undefined || offered.length === 0) return offered.at(0);
    const chosen: unknown = choose(offered, request);
    if (chosen === undefined || typeof chosen === "string") return chosen;
    throw invalid("chooseProtocol", "a string or undefined", chosen);
  }
}

/** The outcome of a hook that failed. */
const FAILED = Symbol("failed");

/** Listens to a transport that is paused until its handshake is decided. A client that leaves gets no answer. */
class Waiting implements TransportListener {
  readonly #transport: Transport;
  onGone: () => void = ignore;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  onData(): void {}

  onDrain(): void {}

  onEnd(): void {
    this.onGone();
    this.#transport.destroy();
  }

  onClose(): void {
    this.onGone();
  }
}

function isPromise(verdict: unknown): verdict is Promise<boolean | Rejection> {
  return typeof (verdict as Partial<Promise<unknown>> | null | undefined)?.then === "function";
}

/** An answer of the application's that nobody can act on. */
function invalid(name: "verify" | "chooseProtocol", wanted: string, given: unknown): WebSocketError {
  return new WebSocketError("WS_ERR_INVALID_OPTION", `${name} must return ${wanted}, not ${inspect(given)}`);
}

/** As it would be without the promise. */
function throwUncaught(error: unknown): void {
  process.nextTick(() => {
    throw error;
  });
}

function ignore(): void {}
