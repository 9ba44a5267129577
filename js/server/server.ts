/**
 * A WebSocket server: with a port of its own, or behind an HTTP server that others use too.
 *
 * @module
 */
import { captureRejectionSymbol, EventEmitter } from "node:events";
import type { IncomingMessage } from "node:http";
import type { IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { inspect } from "node:util";

import { Budget, processBudget, type RunSettings } from "../connection/budget.js";
import { asError, WebSocketError } from "../engine/errors.js";
import { flatten, type HeaderFields, hasName, offeredSubprotocols, pairs } from "../engine/http.js";
import { ownOption, ownOptions } from "../engine/own.js";
import { CloseStatus } from "../engine/status.js";
import { deflateSettings } from "../session/deflate.js";
import { type Answer, answerHandshake, type SessionOptions } from "../session/handshake.js";
import { type Filled, kind } from "../session/kinds.js";
import { connectionSettings, limits, milliseconds, SERVER_MESSAGE_SIZE, size } from "../session/options.js";
import { PreparedMessage } from "../session/prepared.js";
import type { BackplaneEvent } from "../topics/backplane.js";
import { sendTo } from "../topics/subscriber.js";
import { type PublishOptions, type TopicData, type TopicStatistics, Topics } from "../topics/topics.js";
import { acceptFor, StreamRequest, StreamTransport } from "../transport/http2.js";
import { NodeTransport } from "../transport/node.js";
import { type Listening, type ListenOptions, sockets } from "../transport/runtime.js";
import { type Tap, tapHead, tapped } from "../transport/tap.js";
import { clearTimeout, queueMicrotask, setTimeout } from "../transport/tasks.js";
import type { Transport } from "../transport/transport.js";
import {
  accept as acceptBy,
  fieldOf,
  type HandshakeRequest,
  isPossible,
  isRejection,
  type Rejection,
  reject,
  rejectionOf,
  urlOf,
} from "../transport/upgrade.js";
import { deferred } from "../websocket/deferred.js";
import { channels, isWatched, type RefusalReason } from "../websocket/diagnostics.js";
import { isEndOf, isPromise } from "../websocket/ends.js";
import type { BinaryType } from "../websocket/receiving.js";
import { warnOfFailure } from "../websocket/warnings.js";
import { accept, type Members, start, WebSocket } from "../websocket/websocket.js";
import { type CloseOptions, type CloseResult, closeOptions, Drain, ended } from "./drain.js";
import { Loops } from "./loops.js";
import { type Acceptance, quotas, serverOptions, type WebSocketServerOptions } from "./options.js";
import { Pending, type PendingOwner } from "./pending.js";
import { type Exceeded, Quota } from "./quota.js";
import { pathOf, type Taker } from "./takers.js";
import { Upgrades } from "./upgrades.js";

/** What `verify` may answer. */
type Verdict = boolean | Rejection | Acceptance;

/** Receives a socket whose handshake is done. */
type OnAccepted<R, D, B extends BinaryType> = (socket: WebSocket<B, D>, request: R) => void;

/** The events of a server, with their arguments. */
export interface WebSocketServerEvents<
  R extends HandshakeRequest = IncomingMessage,
  D = unknown,
  B extends BinaryType = "nodebuffer",
> {
  /**
   * A handshake is done. Messages wait until they are claimed: by a listener of `message`, a loop over the socket, a
   * `WebSocketStream`, or `resume()`. Pings and a close are answered meanwhile; from 64 KiB on nothing more is read.
   * After `claimTimeout`, unclaimed messages are dropped, so that a server may only send. If the peer has left, they
   * are dropped after one second, and the `close` event follows.
   */
  connection: [socket: WebSocket<B, D>, request: R];
  /** The port is open. */
  listening: [];
  /**
   * The port could not be opened. Or a hook failed, and its client was answered with 500. Or a `connection` listener
   * threw or rejected, and its socket was closed with 1011. Without a listener of this event, the first failure of a
   * hook or a listener is a warning of the process.
   */
  error: [error: Error];
  /** The option `backplane` is lost or there again, has lost messages, or failed. */
  backplane: [event: BackplaneEvent];
  /** `close` is done. */
  close: [];
}

/** The counters of a server. */
export interface ServerStatistics {
  /** Sockets that are not closed. */
  readonly connections: number;
  /** Requests whose verdict is awaited. */
  readonly pendingHandshakes: number;
  /** Bytes that are held for all connections, as `maxTotalBufferedBytes` counts them. */
  readonly bufferedBytes: number;
  /** Handshakes that were accepted, since the server was made. */
  readonly accepted: number;
  /** Handshakes that were refused, by reason. */
  readonly refused: Readonly<Partial<Record<RefusalReason, number>>>;
  /** Topics, subscriptions, and what became of subscribers that were too slow. */
  readonly topics: TopicStatistics;
}

/**
 * A WebSocket server. `R` is the type of requests, `D` that of its sockets' `data`, which `verify` returns, and `B` is
 * the option `binaryType`.
 */
export class WebSocketServer<
  R extends HandshakeRequest = IncomingMessage,
  D = unknown,
  B extends BinaryType = "nodebuffer",
> extends EventEmitter<WebSocketServerEvents<R, D, B>> {
  /** The sockets that are not closed. */
  readonly clients: Set<WebSocket<B, D>> = new Set();
  /** The topics of its sockets. */
  readonly topics: Topics<WebSocket>;
  /** The option `tap`; another one is for connections from then on. */
  tap: WebSocketServerOptions<R>["tap"];
  readonly #options: WebSocketServerOptions<R>;
  readonly #agreement: SessionOptions;
  readonly #budget: Budget;
  readonly #settings: RunSettings;
  readonly #listener: Listening | undefined;
  readonly #handshakeTimeout: number;
  readonly #quota: Quota;
  /** Requests that are not decided, and those whose refusal is on its way. */
  readonly #pending = new Map<Pending, R>();
  #undecided = 0;
  readonly #pendingOwner: PendingOwner = {
    onDecided: () => {
      this.#undecided -= 1;
    },
    onGone: (pending) => {
      this.#pending.delete(pending);
      if (pending.isCounted) this.#quota.leave(pending);
    },
  };
  /** Its place among those that share an HTTP server. */
  readonly #taker: Taker;
  /** The set that accepted sockets join. */
  readonly #members: Members;
  /** The addresses of sockets, if those are counted. */
  readonly #addresses: WeakMap<WebSocket, string | undefined> | undefined;
  #accepted = 0;
  readonly #refusals = new Map<RefusalReason, number>();
  #hasWarned = false;
  readonly #loops = new Loops<[socket: WebSocket<B, D>, request: R]>(this);
  #closing: Promise<CloseResult> | undefined;

  /** @throws WebSocketError `WS_ERR_INVALID_OPTION` */
  constructor(given: WebSocketServerOptions<R, D, B>) {
    super({ captureRejections: true });
    const options = serverOptions(given);
    const { port, host, socketPath, tls, server, listen: details = {} } = options;
    this.#options = options;
    this.tap = options.tap;
    const { maxMessageSize = SERVER_MESSAGE_SIZE } = options;
    const limited = limits({ ...options, maxMessageSize });
    this.#budget = budgetOf(options.maxTotalBufferedBytes);
    this.#settings = { ...connectionSettings(options), budget: this.#budget };
    this.#agreement = { limits: limited, deflate: deflateSettings(options.perMessageDeflate, true) };
    const handshakeTimeout = milliseconds("handshakeTimeout", options.handshakeTimeout);
    this.#handshakeTimeout = handshakeTimeout;
    this.#quota = new Quota(quotas(options as WebSocketServerOptions<never>));
    if (options.maxConnectionsPerAddress !== undefined) this.#addresses = new WeakMap();
    const { slowSubscriber, maxTopicBacklog, backplane } = options;
    this.topics = new Topics({ slowSubscriber, maxTopicBacklog, backplane }, (event) => this.emit("backplane", event));
    this.#members = this.#makeMembers();
    this.#taker = this.#makeTaker();
    try {
      if (server !== undefined) Upgrades.of(server).add(this.#taker);
      if (port === undefined && socketPath === undefined) return;
      this.#listener = this.#listen({ port, host, socketPath, tls, details, handshakeTimeout });
    } catch (error) {
      this.topics.close().catch(() => {}); // what the backplane has made, no one else could free
      throw error;
    }
  }

  #listen(where: ListenOptions): Listening {
    return sockets().listen(where, {
      onListening: () => this.emit("listening"),
      onError: (error) => this.#loops.fail(error),
      onUpgrade: (request, transport, head) => this.#route(request as R, transport, head),
      onRefused: (status, request, address) => this.#count("http", status, request as R | undefined, address),
    });
  }

  /** Where the server listens; `null` before it does, and without a server. */
  address(): AddressInfo | string | null {
    return (this.#listener ?? this.#options.server)?.address() ?? null;
  }

  /** Requests whose verdict is awaited, from `verify`. */
  get pendingHandshakes(): number {
    return this.#undecided;
  }

  /** Counts of the requests so far, and of what is held now. */
  get statistics(): ServerStatistics {
    return {
      connections: this.clients.size,
      pendingHandshakes: this.#undecided,
      bufferedBytes: this.#budget.held,
      accepted: this.#accepted,
      refused: Object.fromEntries(this.#refusals),
      topics: this.topics.statistics,
    };
  }

  /** The client's address: from `X-Forwarded-For` if `trustedProxies` allow it, else of the request's socket. */
  addressOf(request: R): string | undefined {
    return this.#quota.addressOf(request);
  }

  /**
   * Does the handshake for an `upgrade` event of a `node:http` server, and emits the connection. A request that
   * is not a valid handshake is answered with 400, or 426 if it asks for another version than 13.
   *
   * @param head the bytes that came after the request
   * @param callback called instead of the `connection` event
   */
  handleUpgrade(
    request: R,
    socket: Duplex,
    head: Uint8Array,
    callback?: (socket: WebSocket<B, D>, request: R) => void,
  ): void {
    // without a head, what follows would fail once the answer is sent
    if (!socket.destroyed) this.#upgrade(request, new NodeTransport(socket), head ?? NOTHING, callback);
  }

  /**
   * Does the handshake for a `stream` event of a `node:http2` server (RFC 8441), and emits the connection. Call it for
   * requests whose `:protocol` is `websocket`; others are answered with 400. The request of the events, and of
   * `verify`, is a {@link StreamRequest}.
   *
   * @param headers of the request
   * @param callback called instead of the `connection` event
   */
  handleStream(
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    callback?: (socket: WebSocket<B, D>, request: R) => void,
  ): void {
    if (stream.destroyed) return;
    const request: HandshakeRequest = new StreamRequest(stream, headers);
    this.#upgrade(request as R, new StreamTransport(stream), NOTHING, callback);
  }

  /** Sends a message to all open clients, as a {@link PreparedMessage}. */
  broadcast(data: TopicData, given: PublishOptions<WebSocket> = {}): void {
    const { except, compress } = ownOptions(given);
    const message = data instanceof PreparedMessage ? data : new PreparedMessage(data);
    const options = compress === undefined ? {} : { compress };
    for (const socket of [...this.clients]) {
      if (socket !== except && socket.readyState === socket.OPEN) sendTo(socket, message, options);
    }
  }

  /**
   * Sends a message to all sockets that subscribe to a topic, those of other processes too if there is a `backplane`;
   * it is framed, and compressed, once. A subscriber that is too slow is dealt with as `slowSubscriber` says.
   *
   * @returns how many sockets of this process it was sent to
   * @throws WebSocketError `WS_ERR_INVALID_OPTION` for a topic that is not a well-formed string of 1 to 256 bytes
   */
  publish(topic: string, data: TopicData, options?: PublishOptions<WebSocket>): number {
    return this.topics.publish(topic, data, options);
  }

  /** How many sockets of this process subscribe to a topic. */
  subscribers(topic: string): number {
    return this.topics.subscribers(topic);
  }

  /** The connections from now on, until the server closes. If its port cannot be opened, the loop throws the error. */
  [Symbol.asyncIterator](): AsyncIterableIterator<[socket: WebSocket<B, D>, request: R], undefined, void> {
    return this.#loops.begin(this.#closing);
  }

  /**
   * Closes the port, closes every connection with 1001, and ends those that take longer than `closeTimeout`. Handshakes
   * that come meanwhile are answered with 503. A server that was given goes on without this one. Another call changes
   * nothing, and returns the same.
   *
   * @throws (as a rejection) WebSocketError `WS_ERR_INVALID_OPTION`; then the server goes on. `WS_ERR_BACKPLANE` if all
   *   is closed but the backplane, whose `close` fails or takes longer than 2 seconds
   */
  async close(options: CloseOptions = {}): Promise<CloseResult> {
    if (this.#closing === undefined) {
      const filled = closeOptions(options, this.#settings.closeTimeout);
      const { promise, resolve } = deferred<CloseResult>();
      this.#closing = promise;
      resolve(this.#close(filled)); // only now: those who hear of it may call `close`, too
    }
    return await this.#closing;
  }

  /** Calls `close`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(options: Filled<CloseOptions>): Promise<CloseResult> {
    this.#listener?.stop();
    const drain = new Drain(this.clients, options);
    for (const [pending, request] of this.#pending) {
      this.#refuse(request, pending, "closing", { status: 503 }, terminated("The server closes"));
    }
    // a close waits behind a message whose source has stalled, and a refusal for a client that does not read
    const timer = setTimeout(() => {
      drain.terminate();
      for (const pending of this.#pending.keys()) pending.drop();
    }, options.timeout);
    const result = await drain.done;
    if (this.#options.server !== undefined) Upgrades.of(this.#options.server).remove(this.#taker);
    const unlistened = this.#listener?.close();
    try {
      await this.topics.close();
    } finally {
      await unlistened;
      clearTimeout(timer);
      this.emit("close"); // also when the backplane fails
    }
    return result;
  }

  #makeMembers(): Members {
    return {
      topics: this.topics,
      add: (socket) => this.clients.add(socket as WebSocket<B, D>),
      delete: (socket, wasClean) => {
        this.clients.delete(socket as WebSocket<B, D>);
        queueMicrotask(() => this.topics.forget(socket)); // after its listeners, which may end the event
        ended(socket, wasClean);
        this.#quota.leave({ address: this.#addresses?.get(socket) });
      },
    };
  }

  #makeTaker(): Taker {
    return {
      path: this.#options.path,
      timeout: this.#handshakeTimeout,
      isLeaving: () => this.#closing !== undefined,
      take: (request, socket, head) => this.handleUpgrade(request as HandshakeRequest as R, socket, head),
      takeStream: (stream, headers) => this.handleStream(stream, headers),
      onMissed: (request) => {
        const missed = request as R;
        this.#count("path", 404, missed, this.addressOf(missed));
      },
    };
  }

  #route(request: R, transport: Transport, head: Uint8Array): void {
    const { path } = this.#options;
    if (path === undefined || path === pathOf(request)) this.#upgrade(request, transport, head);
    else {
      this.#count("path", 404, request, this.addressOf(request));
      reject(transport, { status: 404 }, this.#handshakeTimeout, undefined, request.method === "HEAD");
    }
  }

  #upgrade(request: R, raw: Transport, head: Uint8Array, callback?: OnAccepted<R, D, B>): void {
    if (raw.isTaken) {
      const message = "The connection was answered, or given to a server, before: a listener must not go on then";
      this.#tell(new WebSocketError("WS_ERR_INVALID_OPTION", message));
      return;
    }
    // until there is a connection that listens, a broken transport has no one to report to
    const pending = this.#begin(request, raw);
    const exceeded = this.#quota.enter(pending);
    if (exceeded !== undefined) {
      this.#refuse(request, pending, exceeded, OVER_QUOTA[exceeded]);
      return;
    }
    pending.isCounted = true;
    this.#guard(request, pending, () => {
      const transport = lookedAt(this.tap?.(request), request, raw, head);
      pending.goBy(transport);
      const refusal = this.#refusal(request);
      if (refusal !== undefined) return this.#refuse(request, pending, ...refusal);
      const { verify = () => true } = this.#options;
      const verdict = verify(request, pending);
      if (!isPromise(verdict)) return this.#decide(verdict, request, pending, transport, head, callback);
      this.#await(verdict, request, pending, (answer) =>
        this.#decide(answer, request, pending, transport, head, callback),
      );
    });
  }

  #begin(request: R, transport: Transport): Pending {
    const pending = new Pending(transport, () => this.addressOf(request), this.#pendingOwner);
    pending.isHead = request.method === "HEAD";
    this.#pending.set(pending, request);
    this.#undecided += 1;
    return pending;
  }

  #decide(
    verdict: Verdict,
    request: R,
    pending: Pending,
    transport: Transport,
    head: Uint8Array,
    callback: OnAccepted<R, D, B> | undefined,
  ): void {
    if (this.#closing !== undefined) this.#refuse(request, pending, "closing", { status: 503 });
    else if (verdict === true) this.#accept(request, pending, transport, head, undefined, callback);
    else if (verdict === false) this.#refuse(request, pending, "verify", { status: 403 });
    else if (isRejection(verdict)) this.#refuse(request, pending, "verify", withFields(verdict));
    else if (isAcceptance(verdict)) this.#accept(request, pending, transport, head, verdict.data, callback);
    else throw invalid("verify", "true, false, { data } or a Rejection", verdict);
  }

  /** A client that leaves, or a server that closes, does not wait for the verdict, and no client waits for ever. */
  #await(verdict: PromiseLike<Verdict>, request: R, pending: Pending, decide: (verdict: Verdict) => void): void {
    pending.wait(this.#handshakeTimeout, () => {
      const message = `verify did not decide within ${this.#handshakeTimeout} ms`;
      const error = new WebSocketError("WS_ERR_HANDSHAKE_TIMEOUT", message);
      this.#refuse(request, pending, "timeout", { status: 503 }, error);
    });
    Promise.resolve(verdict).then(
      (answer) => pending.isUndecided && this.#guard(request, pending, () => decide(answer)),
      (error) => pending.isUndecided && this.#fail(request, pending, error),
    );
  }

  /** Runs the application's hooks. A failure is answered with 500, and reported. */
  #guard(request: R, pending: Pending, call: () => void): void {
    try {
      call();
    } catch (error) {
      this.#fail(request, pending, error);
    }
  }

  #fail(request: R, pending: Pending, error: unknown): void {
    this.#refuse(request, pending, "failed", { status: 500 });
    this.#tell(error);
  }

  #refuse(request: R, pending: Pending, reason: RefusalReason, rejection: Rejection, why?: WebSocketError): void {
    if (!pending.isUndecided) return;
    const { address } = pending; // before it is gone
    pending.refuse(rejection, this.#handshakeTimeout, why);
    this.#count(reason, rejection.status, request, address);
  }

  /** Counts a refusal, and publishes it to the diagnostics channel. */
  #count(reason: RefusalReason, status: number, request: R | undefined, address: string | undefined): void {
    this.#refusals.set(reason, (this.#refusals.get(reason) ?? 0) + 1);
    if (channels.refused.hasSubscribers) channels.refused.publish({ server: this, request, address, status, reason });
  }

  /**
   * Reports a mistake of the application that a client's request has revealed. Without a listener it is a warning,
   * because a stranger's request must not end the process; and only one, because it must not fill a log either.
   */
  #tell(error: unknown): void {
    if (this.listenerCount("error") > 0) this.emit("error", asError(error));
    else this.#warn(error);
  }

  #warn(error: unknown): void {
    if (!this.#hasWarned) warnOfFailure(error);
    this.#hasWarned = true;
  }

  /** A promise that a listener returned was rejected: `EventEmitter` calls this. */
  override [captureRejectionSymbol](error: Error, event: unknown, ...[socket]: unknown[]): void {
    if (event === "connection" && socket instanceof WebSocket) this.#failed(socket, error);
    else if (event === "error")
      this.#warn(error); // the listener would fail again, and again
    else this.#tell(error);
  }

  /** A listener of `connection` failed; often because its socket has ended, which the socket's own events report. */
  #failed(socket: WebSocket, error: unknown): void {
    if (isEndOf(socket, error)) return;
    socket.close(CloseStatus.ServerError);
    this.#tell(error);
  }

  #accept(
    request: R,
    pending: Pending,
    transport: Transport,
    head: Uint8Array,
    data: unknown,
    callback = this.#emitConnection,
  ): void {
    const url = urlOf(request);
    let answer: Answer | undefined;
    try {
      answer = this.#answer(request);
      if (!pending.isUndecided) {
        answer.session.free(); // a hook has closed the server
        return;
      }
      acceptBy(transport, answer);
    } catch (error) {
      answer?.session.free();
      const rejection = rejectionOf(error, request.httpVersion);
      if (rejection.status < 500) this.#refuse(request, pending, "request", rejection);
      else this.#fail(request, pending, error);
      return;
    }
    pending.release();
    this.#pending.delete(pending);
    this.#accepted += 1;
    transport.unread(head);
    const socket = accept<B, D>({
      agreed: answer, // a spread would take many times as long
      transport,
      url,
      binaryType: this.#options.binaryType ?? "nodebuffer",
      settings: this.#settings,
      members: this.#members,
      data,
      about: isWatched() ? { server: this, request, address: pending.address } : undefined,
    });
    this.#addresses?.set(socket, pending.address);
    try {
      const result: unknown = callback(socket, request);
      if (isPromise(result)) result.then(undefined, (error) => this.#failed(socket, error));
    } catch (error) {
      this.#failed(socket, error);
    }
    start(socket);
  }

  readonly #emitConnection: OnAccepted<R, D, B> = (socket, request) => {
    this.emit("connection", socket, request);
  };

  /** The server's handshake (RFC 6455 §4.2.2). */
  #answer(request: R): Answer {
    const protocol = protocolFor(request, this.#options.chooseProtocol) ?? "";
    return answerHandshake(
      request.rawHeaders,
      protocol,
      () => fieldsFor(request, protocol, this.#options.headers),
      this.#agreement,
      request instanceof StreamRequest ? "connect" : "upgrade",
    );
  }

  #refusal(request: R): [reason: RefusalReason, rejection: Rejection] | undefined {
    if (this.#closing !== undefined) return ["closing", { status: 503 }];
    if (!(request instanceof StreamRequest ? request.isPossible : isPossible(request)))
      return ["request", { status: 400 }];
    const { origins } = this.#options;
    return origins === undefined || isFrom(origins, request) ? undefined : ["origin", { status: 403 }];
  }
}

/** Whether it says no origin but one of these. */
function isFrom(origins: readonly string[], { headers: { origin } }: HandshakeRequest): boolean {
  return origin === undefined || origins.includes(origin as string);
}

function lookedAt(tap: Tap | undefined, request: HandshakeRequest, transport: Transport, head: Uint8Array): Transport {
  if (tap === undefined) return transport;
  const { method, url, rawHeaders } = request;
  const version = request instanceof StreamRequest ? "2" : request.httpVersion; // as the inspector reads it
  tapHead(tap, "received", `${method} ${url} HTTP/${version}`, rawHeaders, head);
  return tapped(transport, tap);
}

/** The fields to add to the answer. */
function fieldsFor<R extends HandshakeRequest>(
  request: R,
  protocol: string,
  headers: WebSocketServerOptions<R>["headers"] = [],
): HeaderFields {
  const own = typeof headers === "function" ? headers(request) : headers;
  if (!kind.headers.is(own)) throw invalid("headers", kind.headers.wanted, own);
  const fields = pairs(flatten(own));
  if (protocol === "" && fields.some((field) => hasName(field, "Sec-WebSocket-Protocol"))) {
    throw new WebSocketError("WS_ERR_INVALID_OPTION", "An answer names only the subprotocol that was selected");
  }
  return request instanceof StreamRequest ? [...fields, ...acceptFor(request)] : fields;
}

function protocolFor<R extends HandshakeRequest>(
  request: R,
  choose: WebSocketServerOptions<R>["chooseProtocol"],
): string | undefined {
  if (fieldOf(request, "Sec-WebSocket-Protocol") === undefined) return undefined;
  const offered = offeredSubprotocols(request.rawHeaders);
  if (choose === undefined || offered.length === 0) return offered.at(0);
  const chosen: unknown = choose(offered, request);
  if (chosen === undefined || typeof chosen === "string") return chosen;
  throw invalid("chooseProtocol", "a string or undefined", chosen);
}

/** Behind a head of HTTP/2 is nothing. */
const NOTHING = new Uint8Array(0);

/** A budget of the server's own, or its part of what the process may hold. */
function budgetOf(most: number | undefined): Budget {
  if (most === undefined) return new Budget(Number.POSITIVE_INFINITY, { whole: processBudget });
  return new Budget(size("maxTotalBufferedBytes", most));
}

/** A refusal, whose fields can be sent. */
function withFields(rejection: Rejection): Rejection {
  const headers = ownOption(rejection, "headers") ?? [];
  if (kind.headers.is(headers)) return rejection;
  throw invalid("verify", `a Rejection whose headers are ${kind.headers.wanted}`, headers);
}

function isAcceptance(verdict: unknown): verdict is Acceptance {
  return typeof verdict === "object" && verdict !== null && "data" in verdict && !("status" in verdict);
}

/** The error for an invalid answer of the application. */
function invalid(name: "verify" | "chooseProtocol" | "headers", wanted: string, given: unknown): WebSocketError {
  return new WebSocketError("WS_ERR_INVALID_OPTION", `${name} must return ${wanted}, not ${inspect(given)}`);
}

/** The answers to requests beyond a quota. */
const OVER_QUOTA: { readonly [reason in Exceeded]: Rejection } = {
  connections: { status: 503 },
  address: { status: 429 },
  rate: { status: 429, headers: { "Retry-After": "1" } },
};

function terminated(message: string): WebSocketError {
  return new WebSocketError("WS_ERR_TERMINATED", message);
}
