/**
 * A WebSocket server over `node:http`: its own, or one that others use too.
 *
 * @module
 */
import { EventEmitter } from "node:events";
import { createServer, type IncomingMessage, type Server, STATUS_CODES } from "node:http";
import type { Server as HttpsServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";
import { inspect } from "node:util";

import { type DeflateSettings, deflateSettings, enableDeflate, type PerMessageDeflateOptions } from "./deflate.js";
import { EngineTrap, wasm } from "./engine.js";
import { WebSocketError, WebSocketProtocolError } from "./errors.js";
import {
  flatten,
  type HeaderField,
  type HeaderFields,
  joined,
  offeredSubprotocols,
  pairs,
  writeResponse,
} from "./http.js";
import { type ConnectionSettings, connectionSettings, limits, milliseconds, ownOptions } from "./options.js";
import { FrameSession, guarded, type Limits, release } from "./session.js";
import { NodeTransport } from "./transport/node.js";
import { accept, type BinaryType, type WebSocket } from "./websocket.js";

/** An answer that refuses a handshake. */
export interface Rejection {
  /** HTTP status, 400 to 599. */
  readonly status: number;
  /** Fields of the answer. */
  readonly headers?: HeaderFields;
  /** Plain text; the status's name by default. */
  readonly body?: string;
}

/** Decides whether to accept a handshake. */
export type Verify = (request: IncomingMessage) => boolean | Rejection | Promise<boolean | Rejection>;

/** Options of a server; sizes in bytes, times in milliseconds. One of `port`, `server` and `noServer` is needed. */
export interface WebSocketServerOptions extends Partial<Limits>, Partial<ConnectionSettings> {
  /** Listen on this port with an HTTP server of its own, which answers everything else with 426; 0 for any. */
  port?: number;
  /** The address to listen on; all by default. */
  host?: string;
  /** Take the upgrades of this server. */
  server?: Server | HttpsServer;
  /** Take upgrades only from `handleUpgrade`. */
  noServer?: boolean;
  /**
   * Take upgrades of this path only. Others are left to other listeners of the server's `upgrade` event, and answered
   * with 404 if there are none; with `noServer`, paths are the caller's.
   */
  path?: string;
  /** Selects one of the offered subprotocols, or none with `undefined`; by default the first. */
  chooseProtocol?: (offered: readonly string[], request: IncomingMessage) => string | undefined;
  /** Decides whether to accept a handshake, by its origin for instance; `false` is 403. */
  verify?: Verify;
  /** How the sockets give binary messages out; `"nodebuffer"`. */
  binaryType?: BinaryType;
  /** Whether and how to compress, for clients that offer it (RFC 7692); `true`. */
  perMessageDeflate?: boolean | PerMessageDeflateOptions;
  /** Until a client must have sent its request, with `port`; 30,000. */
  handshakeTimeout?: number;
}

/** The events of a server, with their arguments. */
export interface WebSocketServerEvents {
  /** A handshake is done. Messages are held until whoever awaits this event can have attached listeners. */
  connection: [socket: WebSocket, request: IncomingMessage];
  /** The port is open. */
  listening: [];
  /** The port could not be opened. */
  error: [error: Error];
  /** `close` is done. */
  close: [];
}

/** A WebSocket server. */
export class WebSocketServer extends EventEmitter<WebSocketServerEvents> {
  /** The sockets that are not closed. */
  readonly clients: Set<WebSocket> = new Set();
  readonly #options: WebSocketServerOptions;
  readonly #limits: Limits;
  readonly #settings: ConnectionSettings;
  readonly #deflate: DeflateSettings | undefined;
  readonly #server: Server | HttpsServer | undefined;
  /** Whose verdict is awaited. */
  readonly #undecided = new Set<Duplex>();
  #closing: Promise<void> | undefined;

  /** @throws WebSocketError `WS_ERR_INVALID_OPTION` */
  constructor(given: WebSocketServerOptions) {
    super();
    const options = ownOptions(given);
    const ways = [options.port !== undefined, options.server !== undefined, options.noServer === true];
    if (ways.filter(Boolean).length !== 1) {
      throw new WebSocketError("WS_ERR_INVALID_OPTION", "A server needs exactly one of port, server and noServer");
    }
    this.#options = options;
    this.#limits = limits(options);
    this.#settings = connectionSettings(options);
    this.#deflate = deflateSettings(options.perMessageDeflate, true);
    const handshakeTimeout = milliseconds("handshakeTimeout", options.handshakeTimeout);
    this.#server = options.server ?? (options.port === undefined ? undefined : ownServer(handshakeTimeout));
    this.#server?.on("upgrade", this.#onUpgrade);
    if (options.port !== undefined) {
      this.#server?.on("listening", () => this.emit("listening"));
      this.#server?.on("error", (error) => this.emit("error", error));
      this.#server?.listen(options.port, options.host);
    }
  }

  /** Where the server listens; `null` before it does, and without a server. */
  address(): AddressInfo | string | null {
    return this.#server?.address() ?? null;
  }

  /**
   * Does the handshake of an `upgrade` event of a `node:http` server, and gives out the connection. A request that
   * is no valid handshake is answered with 400, or 426 if it asks for another version than 13.
   *
   * @param head the bytes that came behind the request
   * @param callback instead of the `connection` event
   */
  handleUpgrade(
    request: IncomingMessage,
    socket: Duplex,
    head: Uint8Array,
    callback?: (socket: WebSocket, request: IncomingMessage) => void,
  ): void {
    // until there is a connection that listens, a broken socket has nobody to tell
    socket.on("error", ignore);
    const fail = (error: unknown): never => {
      reject(socket, { status: 500 });
      throw error; // the application's mistake
    };
    const decide = (verdict: boolean | Rejection): void => {
      const refusal = this.#refusal(request) ?? (verdict === false ? { status: 403 } : verdict);
      if (refusal === true) this.#accept(request, socket, head, callback);
      else if (isRejection(refusal)) this.#reject(socket, refusal, fail);
      else fail(invalid("verify", "true, false or a Rejection", refusal));
    };
    const verdict = this.#refusal(request) ?? this.#verdict(request, fail);
    if (isPromise(verdict)) this.#await(verdict, socket, decide, fail);
    else decide(verdict);
  }

  /** A client that leaves, or a server that closes, does not wait for the verdict. */
  #await(
    verdict: Promise<boolean | Rejection>,
    socket: Duplex,
    decide: (verdict: boolean | Rejection) => void,
    fail: (error: unknown) => never,
  ): void {
    const forget = () => this.#undecided.delete(socket);
    const leave = () => socket.destroy();
    this.#undecided.add(socket);
    socket.once("end", leave).once("close", forget);
    const unlessGone = <T>(act: (answer: T) => void) => {
      return (answer: T) => {
        socket.off("end", leave).off("close", forget);
        if (forget() && !socket.readableEnded) act(answer);
      };
    };
    Promise.resolve(verdict).then(unlessGone(decide), unlessGone(fail)).catch(throwUncaught);
  }

  /**
   * Closes the port, closes every connection with 1001, and ends those that take longer than `closeTimeout`. A server
   * that was given goes on without this one.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#server?.off("upgrade", this.#onUpgrade);
    const closed = [...this.clients].map(
      (socket) => new Promise<void>((resolve) => socket.addEventListener("close", () => resolve(), { once: true })),
    );
    for (const socket of this.clients) socket.close(1001, "");
    for (const socket of this.#undecided) reject(socket, { status: 503 });
    this.#undecided.clear();
    const listening = this.#options.port === undefined ? undefined : stop(this.#server);
    await Promise.all([...closed, listening]);
    this.emit("close");
  }

  readonly #onUpgrade = (request: IncomingMessage, socket: Duplex, head: Uint8Array): void => {
    const { path } = this.#options;
    if (path === undefined || resource(request.url)?.split("?", 1)[0] === path)
      this.handleUpgrade(request, socket, head);
    else if (this.#server?.listenerCount("upgrade") === 1) reject(socket.on("error", ignore), { status: 404 });
  };

  #accept(
    request: IncomingMessage,
    socket: Duplex,
    head: Uint8Array,
    callback: ((socket: WebSocket, request: IncomingMessage) => void) | undefined,
  ): void {
    let protocol: string;
    let answer: { session: FrameSession; extensions: string };
    try {
      protocol = this.#protocol(request) ?? "";
      answer = this.#answer(request, socket, protocol);
    } catch (error) {
      const rejection = rejectionOf(error);
      reject(socket, rejection);
      if (error instanceof EngineTrap) process.emitWarning(error);
      else if (rejection.status >= 500) throw error; // the application's mistake
      return;
    }
    const { socket: connected, start } = accept({
      ...answer,
      transport: new NodeTransport(socket, head),
      protocol,
      url: urlOf(request),
      binaryType: this.#options.binaryType ?? "nodebuffer",
      settings: this.#settings,
    });
    this.clients.add(connected);
    connected.addEventListener("close", () => this.clients.delete(connected));
    try {
      if (callback !== undefined) callback(connected, request);
      else this.emit("connection", connected, request);
    } finally {
      start();
      socket.off("error", ignore);
    }
  }

  /** The server's handshake (RFC 6455 §4.2.2). */
  #answer(request: IncomingMessage, socket: Duplex, protocol: string): { session: FrameSession; extensions: string } {
    const { maxFrameSize, maxMessageSize, maxFragments } = this.#limits;
    const handle = wasm.Handle.create_server(undefined, undefined, false, false);
    try {
      return guarded(() => {
        enableDeflate(handle, this.#deflate);
        const fields = handle.begin_server_handshake(protocol || undefined, [], request.rawHeaders);
        const response = wasm.write_response(101, "Switching Protocols", fields);
        const inner = handle.into_session(maxFrameSize, maxMessageSize, maxFragments);
        const session = new FrameSession(inner, true, maxMessageSize, this.#deflate);
        socket.write(response);
        return { session, extensions: joined(pairs(fields), "Sec-WebSocket-Extensions") };
      });
    } catch (error) {
      release(handle, error);
      throw error;
    }
  }

  #verdict(request: IncomingMessage, fail: (error: unknown) => never): ReturnType<Verify> {
    const { verify } = this.#options;
    try {
      return verify === undefined ? true : verify(request);
    } catch (error) {
      return fail(error);
    }
  }

  #reject(socket: Duplex, rejection: Rejection, fail: (error: unknown) => never): void {
    try {
      reject(socket, rejection);
    } catch (error) {
      fail(error);
    }
  }

  #refusal(request: IncomingMessage): Rejection | undefined {
    if (this.#closing !== undefined) return { status: 503 };
    return isPossible(request) ? undefined : { status: 400 };
  }

  #protocol(request: IncomingMessage): string | undefined {
    const offered = offeredSubprotocols(request.rawHeaders);
    const choose = this.#options.chooseProtocol;
    if (choose === undefined || offered.length === 0) return offered.at(0);
    const chosen: unknown = choose(offered, request);
    if (chosen === undefined || typeof chosen === "string") return chosen;
    throw invalid("chooseProtocol", "a string or undefined", chosen);
  }
}

/** The characters of `uri-host [ ":" port ]` (RFC 9112 §3.2). */
const HOST = /^[\w.~%!$&'()*+,;=:[\]-]*$/;

/** What of RFC 6455 §4.2.1 the component does not see: GET, HTTP/1.1, one Host, and no body, which nobody would read. */
function isPossible({ method, url, httpVersion, headers, headersDistinct }: IncomingMessage): boolean {
  const hasBody = headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) !== 0;
  const [host, ...more] = headersDistinct.host ?? [];
  const hasHost = host !== undefined && HOST.test(host) && more.length === 0;
  return method === "GET" && resource(url) !== undefined && httpVersion === "1.1" && hasHost && !hasBody;
}

function isPromise(verdict: ReturnType<Verify>): verdict is Promise<boolean | Rejection> {
  return typeof (verdict as Partial<Promise<unknown>> | null | undefined)?.then === "function";
}

function isRejection(verdict: unknown): verdict is Rejection {
  const status = (verdict as Rejection | null | undefined)?.status;
  return Number.isInteger(status) && (status as number) >= 400 && (status as number) <= 599;
}

/** An answer of the application's that nobody can act on. */
function invalid(name: "verify" | "chooseProtocol", wanted: string, given: unknown): WebSocketError {
  return new WebSocketError("WS_ERR_INVALID_OPTION", `${name} must return ${wanted}, not ${inspect(given)}`);
}

/** 400 for the client's mistakes, 426 for its version, 500 for ours. */
function rejectionOf(error: unknown): Rejection {
  const code = error instanceof WebSocketProtocolError ? error.code : undefined;
  if (code === "E_PROTOCOL_VERSION_NOT_SUPPORTED") {
    const versions = [...wasm.supported_versions()].join(", ");
    return { status: 426, headers: { "Sec-WebSocket-Version": versions, Upgrade: "websocket" } };
  }
  return { status: code === "E_INVALID_PROTOCOL_FORMAT" ? 400 : 500 };
}

function reject(socket: Duplex, { status, headers = [], body = STATUS_CODES[status] ?? "" }: Rejection): void {
  const bytes = Buffer.from(body);
  const fields: HeaderField[] = [
    ...pairs(flatten(headers)),
    ["Connection", "close"],
    ["Content-Type", "text/plain; charset=utf-8"],
    ["Content-Length", String(bytes.length)],
  ];
  socket.write(writeResponse(status, STATUS_CODES[status] ?? "", fields));
  // a client that does not close its side must not keep the socket
  socket.once("finish", () => socket.destroy());
  socket.end(bytes);
}

/** An HTTP server that has nothing but WebSockets to offer. */
function ownServer(handshakeTimeout: number): Server {
  const options = {
    headersTimeout: handshakeTimeout,
    requestTimeout: handshakeTimeout,
    connectionsCheckingInterval: Math.min(handshakeTimeout, 30_000),
  };
  return createServer(options, (_request, response) => {
    const body = "This server speaks WebSocket only\n";
    response.writeHead(426, { Upgrade: "websocket", Connection: "Upgrade", "Content-Type": "text/plain" }).end(body);
  });
}

function stop(server: Server | HttpsServer | undefined): Promise<void> {
  return new Promise((resolve) => {
    server?.close(() => resolve());
    server?.closeAllConnections();
  });
}

function urlOf(request: IncomingMessage): string {
  const scheme = (request.socket as Partial<TLSSocket>).encrypted ? "wss" : "ws";
  return `${scheme}://${request.headers.host}${resource(request.url)}`;
}

/**
 * The path and the query of a request's target, which may be a whole URI (RFC 9112 §3.2.2) but has no fragment; none if
 * it is no such thing.
 */
function resource(target = ""): string | undefined {
  if (!/^[!-~]+$/.test(target) || target.includes("#")) return undefined;
  if (target.startsWith("/")) return target;
  if (!/^(?:https?|wss?):/i.test(target) || !URL.canParse(target)) return undefined;
  const { pathname, search } = new URL(target);
  return pathname + search;
}

/** As it would be without the promise. */
function throwUncaught(error: unknown): void {
  process.nextTick(() => {
    throw error;
  });
}

function ignore(): void {}
