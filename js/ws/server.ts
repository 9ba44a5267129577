/**
 * The `WebSocketServer` of `ws` over our engine.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { EventEmitter } from "node:events";
import {
  createServer,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type Server,
  type ServerResponse,
  STATUS_CODES,
} from "node:http";
import type { Server as HttpsServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { inspect } from "node:util";

import { asError, WebSocketError, WebSocketProtocolError } from "../engine/errors.js";
import { flatten, type HeaderField, type HeaderFields, hasName, writeResponse } from "../engine/http.js";
import { type Answer, answerHandshake } from "../session/handshake.js";
import { nextTick } from "../transport/tasks.js";
import { channels, type RefusalReason } from "../websocket/diagnostics.js";
import { isPromise } from "../websocket/ends.js";
import { warnOfFailure } from "../websocket/warnings.js";
import { type Extensions, extension, subprotocol } from "./headers.js";
import { type SharedOptions, type SocketSettings, socketSettings } from "./options.js";
import { prepare, WebSocket } from "./websocket.js";

/** What a server's `verifyClient` learns about a request. */
export interface VerifyInfo<R extends IncomingMessage = IncomingMessage> {
  /** The value of the field `Origin`; `undefined` of a request without one, whatever the type says, as in `ws`. */
  origin: string;
  /** Whether it came over TLS. */
  secure: boolean;
  /** The handshake's request. */
  req: R;
}

/** Decides whether to accept a handshake; with two parameters, by the callback. */
export type VerifyClient<R extends IncomingMessage = IncomingMessage> =
  | ((info: VerifyInfo<R>) => boolean)
  | ((
      info: VerifyInfo<R>,
      callback: (verified: boolean, code?: number, message?: string, headers?: OutgoingHttpHeaders) => void,
    ) => void);

/** Options of a server. One of `port`, `server` and `noServer` is needed. */
export interface ServerOptions<W extends typeof WebSocket = typeof WebSocket> extends SharedOptions {
  /** The address to listen at, with `port`; by default every one of the machine. */
  host?: string | undefined;
  /** Listen here, with an HTTP server of its own; 0 for any port that is free. */
  port?: number | undefined;
  /** How many connections may wait to be taken, with `port`; Node's default is 511. */
  backlog?: number | undefined;
  /** Take the upgrades of this server. */
  server?: Server | HttpsServer | undefined;
  /** Take upgrades only from `handleUpgrade`. */
  noServer?: boolean | undefined;
  /** Requests of other paths are answered with 400. */
  path?: string | undefined;
  /** Asked before a handshake is answered; one that it does not accept gets 401, or the status that it names. */
  verifyClient?: VerifyClient | undefined;
  /** Selects one of the offered subprotocols, or none; by default the first. */
  handleProtocols?: ((protocols: Set<string>, request: IncomingMessage) => string | false | undefined) | undefined;
  /** Whether `clients` has the open sockets; `true`. */
  clientTracking?: boolean | undefined;
  /** The class of the sockets: `WebSocket`, or one that extends it. */
  WebSocket?: W | undefined;
}

/** The events of a server, with their arguments. */
export interface WebSocketServerEvents<W extends typeof WebSocket = typeof WebSocket> {
  /** A handshake is done. */
  connection: [socket: InstanceType<W>, request: IncomingMessage];
  /** The answer to a handshake is about to leave; lines can be added to its head. */
  headers: [lines: string[], request: IncomingMessage];
  /** A request is not a valid handshake. A listener has to answer it. */
  wsClientError: [error: Error, stream: Duplex, request: IncomingMessage];
  /** The HTTP server listens. */
  listening: [];
  /** The HTTP server failed. */
  error: [error: Error];
  /** `close` is done, and no client is left. */
  close: [];
}

/** Called with the socket of a handshake that is done, and its request. */
export type UpgradeCallback<W extends typeof WebSocket = typeof WebSocket> = (
  socket: InstanceType<W>,
  request: IncomingMessage,
) => void;

/** What `options` has for what is not given. */
const DEFAULTS = {
  allowSynchronousEvents: true,
  autoPong: true,
  maxBufferedChunks: 256 * 1024,
  maxFragments: 16 * 1024,
  maxPayload: 100 * 1024 * 1024,
  maxPendingAutoPongs: 60,
  skipUTF8Validation: false,
  perMessageDeflate: false,
  handleProtocols: null,
  clientTracking: true,
  closeTimeout: 30_000,
  verifyClient: null,
  noServer: false,
  backlog: null,
  server: null,
  host: null,
  path: null,
  port: null,
  WebSocket,
};

const DEFLATE = "permessage-deflate";
const KEY = /^[+/0-9A-Za-z]{22}==$/;

/** Milliseconds that `verifyClient` has for its verdict, and a client to take a refusal; `ws` has no limit. */
const ANSWER_TIME = 30_000;

/** Streams that were given to a server. */
const upgraded = new WeakSet<Duplex>();

/** A WebSocket server, as `ws` has it. */
export class WebSocketServer<W extends typeof WebSocket = typeof WebSocket> extends EventEmitter<
  WebSocketServerEvents<W>
> {
  /** As they were given, with defaults for the rest. */
  readonly options: ServerOptions<W>;
  /** The sockets that are not closed, if `clientTracking` is not `false`. */
  declare clients: Set<InstanceType<W>>;
  readonly #settings: SocketSettings;
  #server: Server | HttpsServer | null | undefined;
  #state: "running" | "closing" | "closed" = "running";
  #hasWarned = false;

  /**
   * @param onListening is added to `listening`, if the server has a port
   * @throws TypeError if not exactly one of `port`, `server` and `noServer` is given
   */
  constructor(options: ServerOptions<W>, onListening?: () => void) {
    super();
    this.options = { ...DEFAULTS, ...options } as ServerOptions<W>;
    const { port, server, noServer, host, backlog } = this.options;
    if (
      [port ?? undefined, server || undefined, noServer || undefined].filter((way) => way !== undefined).length !== 1
    ) {
      throw new TypeError('One and only one of the "port", "server", or "noServer" options must be specified');
    }
    requireHooks(this.options);
    if (this.options.perMessageDeflate === true) this.options.perMessageDeflate = {};
    this.#settings = socketSettings(this.options, true);
    if (this.options.clientTracking) this.clients = new Set();
    this.#server = server || undefined;
    if (port !== undefined && port !== null) this.#server = createServer(upgradeRequired);
    this.#server?.on("listening", this.#onListening).on("error", this.#onError).on("upgrade", this.#onUpgrade);
    if (port !== undefined && port !== null) (this.#server as Server).listen(port, host, backlog, onListening);
  }

  readonly #onListening = () => this.emit("listening");
  readonly #onError = (error: Error) => this.emit("error", error);
  readonly #onUpgrade = (request: IncomingMessage, stream: Duplex, head: Buffer) => {
    this.handleUpgrade(request, stream, head, (socket) => this.emit("connection", socket, request));
  };

  /** The HTTP server whose upgrades it takes, until it is closed. */
  get _server(): Server | HttpsServer | null | undefined {
    return this.#server;
  }

  /**
   * Where the server listens; `null` before it does, and after it was closed.
   *
   * @throws Error without a server
   */
  address(): AddressInfo | string | null {
    if (this.options.noServer) throw new Error('The server is operating in "noServer" mode');
    return this.#server?.address() ?? null;
  }

  /** Takes no more clients; those that there are stay. A server that was given goes on without this one. */
  close(callback?: (error?: Error) => void): void {
    if (this.#state === "closed") {
      if (callback) this.once("close", () => callback(new Error("The server is not running")));
      nextTick(() => this.emit("close"));
      return;
    }
    if (callback) this.once("close", callback);
    if (this.#state === "closing") return;
    this.#state = "closing";
    const server = this.#server;
    server?.off("listening", this.#onListening).off("error", this.#onError).off("upgrade", this.#onUpgrade);
    if (server) this.#server = null;
    if (!this.options.server && !this.options.noServer) server?.close(() => this.#closed());
    else if (!this.clients?.size) nextTick(() => this.#closed());
  }

  #closed(): void {
    this.#state = "closed";
    this.emit("close");
  }

  /** Whether a request is for this server, by its path; it may be overridden. */
  shouldHandle(request: IncomingMessage): boolean | Promise<boolean> {
    const { path } = this.options;
    return !path || request.url?.split("?", 1)[0] === path;
  }

  /**
   * Does the handshake of an `upgrade` event of a `node:http` server.
   *
   * @param head the bytes that came behind the request
   * @param callback gets the socket
   * @throws Error if the stream was given before
   */
  handleUpgrade(request: IncomingMessage, stream: Duplex, head: Uint8Array, callback: UpgradeCallback<W>): void {
    stream.on("error", destroy);
    const refusal = refusalOf(request);
    if (refusal !== undefined) {
      this.#refuse(request, stream, refusal);
    } else if (this.#handles(request, stream)) {
      this.#negotiate(request, stream, (extensions, protocols) => {
        const key = request.headers["sec-websocket-key"] as string;
        this.completeUpgrade(extensions, key, protocols, request, stream, head, callback);
      });
    }
  }

  /** Whether it is for this server; if it is not, it was answered. */
  #handles(request: IncomingMessage, stream: Duplex): boolean {
    try {
      if (this.shouldHandle(request)) return true;
      this.#answer(request, stream, "path", { status: 400 });
    } catch (error) {
      this.#failed(request, stream, error);
    }
    return false;
  }

  /** Reads what the client offers, and asks the application. */
  #negotiate(
    request: IncomingMessage,
    stream: Duplex,
    onVerified: (extensions: Extensions, protocols: Set<string>) => void,
  ): void {
    const { "sec-websocket-protocol": protocols, "sec-websocket-extensions": extensions } = request.headers;
    const offered = parsed(protocols, subprotocol.parse, new Set());
    const offers = this.options.perMessageDeflate ? parsed(extensions, extension.parse, {}) : {};
    if (offered === undefined) {
      this.#refuse(request, stream, invalid("Invalid Sec-WebSocket-Protocol header"));
    } else if (offers === undefined) {
      this.#refuse(request, stream, invalid("Invalid or unacceptable Sec-WebSocket-Extensions header"));
    } else {
      this.#verify(request, stream, () => onVerified(offers, offered));
    }
  }

  /** Answers with a refusal, or with 500 if that cannot be sent, and publishes it to the diagnostics channel. */
  #answer(request: IncomingMessage, stream: Duplex, reason: RefusalReason, refusal: Refusal): void {
    let bytes: Uint8Array;
    try {
      bytes = bytesOf(refusal);
    } catch (error) {
      this.#failed(request, stream, error);
      return;
    }
    send(stream, bytes);
    const { status } = refusal;
    if (!channels.refused.hasSubscribers) return;
    const address = request.socket?.remoteAddress; // a request that the caller made need not have a socket
    channels.refused.publish({ server: this, request, address, status, reason });
  }

  /** Asks the application. */
  #verify(request: IncomingMessage, stream: Duplex, onVerified: () => void): void {
    const { verifyClient } = this.options;
    if (!verifyClient) {
      onVerified();
      return;
    }
    const { encrypted = false, authorized = false } = request.socket as { encrypted?: boolean; authorized?: boolean };
    const info = { origin: request.headers.origin as string, secure: encrypted || authorized, req: request };
    let isDecided = false;
    const once = (act: () => void) => {
      if (isDecided) return;
      isDecided = true;
      clearTimeout(timer);
      act();
    };
    const decide = (verified: unknown, status?: number, message?: string, headers?: OutgoingHttpHeaders) =>
      once(() => {
        if (verified) onVerified();
        else this.#answer(request, stream, "verify", { status: status || 401, message, headers });
      });
    // a verdict that never comes must not keep the socket
    const timer = setTimeout(() => once(() => this.#answer(request, stream, "timeout", { status: 503 })), ANSWER_TIME);
    const fail = (error: unknown) => {
      if (isDecided) throw error; // by a listener of `connection`
      once(() => this.#failed(request, stream, error));
    };
    try {
      const isAsync = verifyClient.length === 2;
      const ask = verifyClient as (this: unknown, given: typeof info, callback?: typeof decide) => unknown;
      const returned = isAsync ? ask.call(this.options, info, decide) : ask.call(this.options, info);
      if (isPromise(returned)) {
        returned.then(undefined, (error) => (isDecided ? this.#tell(error) : fail(error)));
      }
      if (!isAsync) decide(returned); // a promise accepts, as in `ws`
    } catch (error) {
      fail(error);
    }
  }

  /** A hook failed. A stranger's request must not end the process; with `ws` it does. */
  #failed(request: IncomingMessage, stream: Duplex, error: unknown): void {
    this.#answer(request, stream, "failed", { status: 500 });
    this.#tell(error);
  }

  #tell(error: unknown): void {
    if (this.listenerCount("error") > 0) this.emit("error", asError(error));
    else if (!this.#hasWarned) {
      this.#hasWarned = true;
      warnOfFailure(error);
    }
  }

  /**
   * Answers a handshake whose request was found good; `handleUpgrade` calls it when the application has agreed.
   *
   * @param extensions that the client offers, as `extension.parse` gives them; without its offer, nothing is compressed
   * @param key the value of the field `Sec-WebSocket-Key`
   * @param protocols that the client offers
   * @param head the bytes that came behind the request
   * @param callback gets the socket
   * @throws Error if the stream was given before
   */
  completeUpgrade(
    extensions: Extensions,
    key: string,
    protocols: Set<string>,
    request: IncomingMessage,
    stream: Duplex,
    head: Uint8Array,
    callback: UpgradeCallback<W>,
  ): void {
    if (!stream.readable || !stream.writable) {
      stream.destroy();
      return;
    }
    if (upgraded.has(stream)) {
      const message = "server.handleUpgrade() was called more than once with the same socket";
      throw new Error(`${message}, possibly due to a misconfiguration`);
    }
    if (this.#state !== "running") {
      this.#answer(request, stream, "closing", { status: 503 });
      return;
    }
    const made = this.#handshake(extensions, key, protocols, request, stream);
    if (made === undefined) return;
    const socket = this.#make(made, stream);
    upgraded.add(stream);
    stream.write(made.head);
    stream.removeListener("error", destroy);
    socket.setSocket(stream, head, this.options);
    this.#track(socket);
    callback(socket, request);
  }

  /** A socket of the application's class, whose constructor may throw. */
  #make(made: Answer, stream: Duplex): InstanceType<W> {
    try {
      const socket = new (this.options.WebSocket ?? (WebSocket as W))(null, undefined, this.options);
      prepare(socket, { ...made, settings: this.#settings });
      return socket as InstanceType<W>;
    } catch (error) {
      made.session.free();
      stream.destroy(); // in a process that lives on, no one else would
      throw error;
    }
  }

  /** The answer of the engine, or none if the request was refused. */
  #handshake(
    extensions: Extensions,
    key: string,
    protocols: Set<string>,
    request: IncomingMessage,
    stream: Duplex,
  ): Answer | undefined {
    try {
      const protocol = this.#protocol(protocols, request);
      const add = (made: string) => {
        const own = this.#added(made, request);
        if (protocol === "") mustBeOffered(own, protocols);
        return own;
      };
      return answerHandshake(fieldsOf(key, protocols, extensions), protocol, add, this.#settings.session);
    } catch (error) {
      if (!isOfRequest(error)) {
        this.#failed(request, stream, error);
        return undefined;
      }
      // a subprotocol that was not offered is the choice of `handleProtocols`
      const status = error.code === "E_SUBPROTOCOL_NOT_SUPPORTED" ? 500 : 400;
      this.#refuse(request, stream, { status, message: error.message });
      return undefined;
    }
  }

  #protocol(offered: Set<string>, request: IncomingMessage): string {
    if (offered.size === 0) return "";
    const { options } = this;
    const chosen: unknown =
      (options.handleProtocols ? options.handleProtocols(offered, request) : [...offered][0]) || "";
    if (typeof chosen === "string") return chosen;
    const message = `handleProtocols must return a string or false, not ${inspect(chosen)}`;
    throw new WebSocketError("WS_ERR_INVALID_OPTION", message);
  }

  /** The lines that listeners of `headers` add. */
  #added(made: string, request: IncomingMessage): HeaderField[] {
    // most have no listener; but `emit` may be another's
    if (this.emit === EventEmitter.prototype.emit && this.listenerCount("headers") === 0) return [];
    const lines = ["HTTP/1.1 101 Switching Protocols", ...made.split("\r\n").slice(0, -1)];
    const own = new Set(lines);
    this.emit("headers", lines, request);
    return lines.filter((line) => !own.has(line)).map(fieldOf);
  }

  #track(socket: InstanceType<W>): void {
    const { clients } = this;
    if (clients === undefined) return;
    clients.add(socket);
    socket.on("close", () => {
      clients.delete(socket);
      const isLast = clients.size === 0 && this.#state === "closing";
      if (isLast && (this.options.server || this.options.noServer)) nextTick(() => this.#closed());
    });
  }

  /** Answers a request that is not a valid handshake, if there is no listener that does. */
  #refuse(request: IncomingMessage, stream: Duplex, refusal: Refusal): void {
    if (this.listenerCount("wsClientError") === 0) this.#answer(request, stream, "request", refusal);
    else this.emit("wsClientError", new Error(refusal.message), stream, request);
  }
}

/** @throws TypeError for a hook that cannot be called: it would fail at a request, and end the process */
function requireHooks({
  verifyClient,
  handleProtocols,
}: Pick<ServerOptions, "verifyClient" | "handleProtocols">): void {
  for (const [name, hook] of Object.entries({ verifyClient, handleProtocols })) {
    if (hook && typeof hook !== "function") throw new TypeError(`The option "${name}" must be a function`);
  }
}

/** An answer that refuses a handshake. */
interface Refusal {
  readonly status: number;
  /** The answer's text; the status's name by default. */
  readonly message?: string | undefined;
  readonly headers?: OutgoingHttpHeaders | undefined;
}

/** The fault of a request, if it has one; the engine checks the rest. */
function refusalOf({ method, headers }: IncomingMessage): Refusal | undefined {
  if (method !== "GET") return { status: 405, message: "Invalid HTTP method" };
  if (headers.upgrade?.toLowerCase() !== "websocket") return invalid("Invalid Upgrade header");
  if (!KEY.test(headers["sec-websocket-key"] ?? "")) return invalid("Missing or invalid Sec-WebSocket-Key header");
  // a request that the caller made may have a number
  if (Number(headers["sec-websocket-version"]) !== 13) {
    return {
      ...invalid("Missing or invalid Sec-WebSocket-Version header"),
      headers: { "Sec-WebSocket-Version": "13" },
    };
  }
  const hasBody = headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) !== 0;
  return hasBody ? invalid("A handshake has no body") : undefined;
}

function invalid(message: string): Refusal {
  return { status: 400, message };
}

/** What a field says; `undefined` if it is malformed. */
function parsed<T>(field: string | undefined, parse: (field: string) => T, nothing: T): T | undefined {
  if (field === undefined) return nothing;
  try {
    return parse(field);
  } catch {
    return undefined;
  }
}

function isOfRequest(error: unknown): error is WebSocketProtocolError {
  return error instanceof WebSocketProtocolError && error.code !== "E_INVALIDARG" && error.code !== "E_FAIL";
}

/** The fields of a request for the engine: those checked here as the caller sent them, all others valid. */
function fieldsOf(key: string, protocols: Set<string>, extensions: Extensions): HeaderFields {
  const { [DEFLATE]: deflate } = extensions;
  return [
    ["Host", "localhost"],
    ["Upgrade", "websocket"],
    ["Connection", "Upgrade"],
    ["Sec-WebSocket-Version", "13"],
    ["Sec-WebSocket-Key", key],
    ...(protocols.size === 0 ? [] : [["Sec-WebSocket-Protocol", [...protocols].join(", ")] as const]),
    ...(deflate === undefined ? [] : [["Sec-WebSocket-Extensions", extension.format({ [DEFLATE]: deflate })] as const]),
  ];
}

function fieldOf(line: string): HeaderField {
  const colon = line.indexOf(":");
  return [line.slice(0, colon), line.slice(colon + 1).trim()];
}

/**
 * A listener of `headers` may name a subprotocol that the client offers.
 *
 * @throws WebSocketError `WS_ERR_INVALID_OPTION` if it names another: the client would fail
 */
function mustBeOffered(own: readonly HeaderField[], offered: Set<string>): void {
  const other = own.find((field) => hasName(field, "Sec-WebSocket-Protocol") && !offered.has(field[1]));
  if (other === undefined) return;
  throw new WebSocketError("WS_ERR_INVALID_OPTION", `The client does not offer the subprotocol ${other[1]}`);
}

/** @throws what cannot be sent; then nothing was */
function bytesOf({ status, message, headers }: Refusal): Uint8Array {
  const reason = STATUS_CODES[status] ?? "";
  const body = Buffer.from(message || reason);
  const fields = { Connection: "close", "Content-Type": "text/html", "Content-Length": body.length, ...headers };
  const given = Object.entries(fields).filter(([, value]) => value !== undefined);
  const head = writeResponse(status, reason, flatten(Object.fromEntries(given) as { [name: string]: string }));
  return Buffer.concat([head, body]);
}

/** Answers, and closes. */
function send(stream: Duplex, bytes: Uint8Array): void {
  // a client that neither reads nor closes its side must not keep the socket
  const timer = setTimeout(() => stream.destroy(), ANSWER_TIME);
  stream.once("close", () => clearTimeout(timer)).once("finish", destroy);
  stream.end(bytes);
}

function upgradeRequired(_request: unknown, response: ServerResponse): void {
  const body = STATUS_CODES[426] ?? "";
  response.writeHead(426, { "Content-Length": body.length, "Content-Type": "text/plain" });
  response.end(body);
}

function destroy(this: Duplex): void {
  this.destroy();
}
