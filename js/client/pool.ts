/**
 * Requests over HTTP/2 where the server speaks it, and over HTTP/1.1 elsewhere. Sockets of one origin share a session,
 * as in a browser.
 *
 * @module
 */
import type { ClientHttp2Session } from "node:http2";
import type { TLSSocket } from "node:tls";

import { WebSocketError } from "../engine/errors.js";
import type { TlsClientOptions } from "../transport/runtime.js";
import { connectStream } from "../transport/streams.js";
import { connectSecurely } from "../transport/tls.js";
import type { UpgradeRequest } from "./exchange.js";
import { type ConnectOptions, destinationOf, type Exchange, type ExchangeListener, exchange } from "./exchange.js";
import { connectionError } from "./failure.js";
import { Readiness } from "./readiness.js";
import { endSession, SharedSession } from "./shared-session.js";

/** The protocols that TLS negotiates, the preferred first. */
const PROTOCOLS = ["h2", "http/1.1"];
/** Milliseconds for which an origin that does not take WebSockets over HTTP/2 is not asked again. */
const PLAIN_TIME = 5 * 60_000;
/** Origins that are remembered for one set of TLS options. */
const MOST_ORIGINS = 1000;
/** More than one packet of 64 KiB may be under way: at 50 ms, that alone would be the limit of 1.3 MB/s. */
const WINDOW = 1024 * 1024;

/** The exchange over a shared session, if the server agrees. A `ws:` URL has no TLS to negotiate it: HTTP/1.1. */
export const pooledExchange: Exchange = (request, options, listener) => {
  if (request.url.protocol !== "wss:") return exchange(request, options, listener);
  const pooled = new PooledExchange(request, options, listener);
  pooled.begin();
  return () => pooled.abandon();
};

/** One request, until it has a stream or a connection. */
class PooledExchange {
  readonly #request: UpgradeRequest;
  readonly options: ConnectOptions;
  readonly #listener: ExchangeListener;
  readonly #origin: Origin;
  #abandon: () => void = ignore;
  #isOver = false;
  /** Whether the server has refused a stream for it. */
  #isSecondTry = false;

  constructor(request: UpgradeRequest, options: ConnectOptions, listener: ExchangeListener) {
    this.#request = request;
    this.options = options;
    this.#listener = listener;
    this.#origin = Origin.of(request.url, options);
  }

  get url(): URL {
    return this.#request.url;
  }

  begin(): void {
    const shared = this.#origin.free();
    if (shared !== undefined) this.#open(shared);
    else if (this.#origin.isPlain) this.upgrade(undefined);
    else this.#abandon = this.#origin.wait(this);
  }

  /** If the server refuses the stream, nothing was processed: it is tried once more, by another session. */
  #open(shared: SharedSession): void {
    const onFailed = (error: Error) => {
      const isRefused = error instanceof WebSocketError && error.code === "WS_ERR_REFUSED_STREAM";
      if (!isRefused || this.#isSecondTry) {
        this.fail(error);
        return;
      }
      this.#isSecondTry = true;
      shared.probe();
      this.retry();
    };
    const { onSwitched, onRefused } = this.#listener;
    this.#abandon = shared.open(this.#request, this.options, { onSwitched, onRefused, onFailed });
  }

  abandon(): void {
    this.#isOver = true;
    this.#abandon();
  }

  /** Goes on with HTTP/1.1, over a connection that is there, or one of its own. */
  upgrade(socket: TLSSocket | undefined): void {
    let unclaimed = socket;
    const claim = (): TLSSocket => {
      unclaimed = undefined;
      return socket as TLSSocket;
    };
    const createConnection = socket === undefined ? undefined : claim;
    if (!this.#isOver) {
      this.#attempt(() => {
        this.#abandon = exchange(this.#request, { ...this.options, createConnection }, this.#listener);
      });
    }
    unclaimed?.on("error", ignore).destroy(); // the request has a field that it cannot have
  }

  /** A session was opened. It need not have a stream for everyone. */
  retry(): void {
    if (!this.#isOver) this.#attempt(() => this.begin());
  }

  fail(error: Error): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#listener.onFailed(error);
  }

  #attempt(step: () => void): void {
    try {
      step();
    } catch (error) {
      this.fail(error as Error);
    }
  }
}

/** A host and port, by one set of TLS options: other certificates are other clients. */
class Origin {
  static readonly #all = new WeakMap<TlsClientOptions, Map<string, Origin>>();

  static of({ host }: URL, { tls, socketPath = "" }: ConnectOptions): Origin {
    const origins = Origin.#all.get(tls) ?? new Map<string, Origin>();
    Origin.#all.set(tls, origins);
    const key = `${host} ${socketPath}`;
    const origin = origins.get(key) ?? new Origin();
    if (!origins.has(key) && origins.size >= MOST_ORIGINS) Origin.#forgetOne(origins);
    origins.set(key, origin);
    return origin;
  }

  static #forgetOne(origins: Map<string, Origin>): void {
    for (const key of origins.keys()) {
      origins.delete(key); // its sessions go on, and are not shared from now on
      return;
    }
  }

  readonly #sessions = new Set<SharedSession>();
  #dial: Dial | undefined;
  #plainUntil = 0;

  /** Whether its server was found to take WebSockets over HTTP/1.1 only. */
  get isPlain(): boolean {
    return performance.now() < this.#plainUntil;
  }

  /** A session with a stream to spare. */
  free(): SharedSession | undefined {
    for (const shared of this.#sessions) if (shared.isFree) return shared;
    return undefined;
  }

  /** Waits for the session that is being opened; as a rule one at a time, because it may have room for all. */
  wait(exchange: PooledExchange): () => void {
    this.#dial ??= new Dial(this, exchange);
    return this.#dial.join(exchange);
  }

  /** @internal The next request dials anew. */
  leave(dial: Dial): void {
    if (this.#dial === dial) this.#dial = undefined;
  }

  /** @internal */
  dialled(dial: Dial, outcome: SharedSession | "plain" | undefined): void {
    this.leave(dial);
    if (outcome === "plain") this.#plainUntil = performance.now() + PLAIN_TIME;
    else if (outcome !== undefined) this.#add(outcome);
  }

  #add(shared: SharedSession): void {
    this.#sessions.add(shared);
    shared.session.once("close", () => this.#sessions.delete(shared));
  }
}

/** A connection that is being made, and the requests that wait for it. */
class Dial {
  readonly #origin: Origin;
  readonly #waiting = new Set<PooledExchange>();
  #abandon: () => void = ignore;
  #isOver = false;

  constructor(origin: Origin, { url, options }: PooledExchange) {
    this.#origin = origin;
    const tls = { ALPNProtocols: PROTOCOLS, ...options.tls };
    const destination = { ...destinationOf(url, options), tls };
    void this.#begin(destination, url);
  }

  /** Returns a function that leaves again; without anyone who waits, the connection is given up. */
  join(exchange: PooledExchange): () => void {
    this.#waiting.add(exchange);
    return () => this.#left(exchange);
  }

  /** The connection may have stalled, since it was not there in time for this one. */
  #left(exchange: PooledExchange): void {
    this.#waiting.delete(exchange);
    this.#origin.leave(this);
    if (this.#waiting.size > 0 || this.#isOver) return;
    this.#end(undefined);
    this.#abandon();
  }

  async #begin(destination: ReturnType<typeof destinationOf>, url: URL): Promise<void> {
    let http2: typeof import("node:http2");
    try {
      http2 = await import("node:http2"); // loading it costs those who do not use it
    } catch (cause) {
      const message = "This runtime has no HTTP/2, so the option http2 cannot be used";
      this.#fail(new WebSocketError("WS_ERR_INVALID_OPTION", message, { cause }));
      return;
    }
    if (this.#isOver) return;
    let socket: TLSSocket | undefined;
    const create = () => {
      socket = connectSecurely(destination);
      return socket;
    };
    this.#abandon = connectStream(create, destination, {
      onConnected: () => this.#connected(http2, url, socket as TLSSocket),
      onFailed: (cause) => this.#fail(cause instanceof WebSocketError ? cause : connectionError(cause)),
    });
  }

  #connected(http2: typeof import("node:http2"), url: URL, socket: TLSSocket): void {
    if (socket.alpnProtocol !== "h2") {
      const [first, ...others] = this.#end("plain");
      first?.upgrade(socket);
      for (const exchange of others) exchange.upgrade(undefined);
      return;
    }
    socket.allowHalfOpen = false; // a session has nothing to say to a peer that has closed its side
    const settings = { enablePush: false, initialWindowSize: WINDOW };
    const session = http2.connect(`https://${url.host}`, { createConnection: () => socket, settings });
    session.on("error", ignore); // its streams have it, too
    session.once("connect", () => {
      if (!session.destroyed) session.setLocalWindowSize(2 * WINDOW);
    });
    const stop = Readiness.of(session).ask((error) => this.#asked(session, socket, error));
    this.#abandon = () => {
      stop();
      session.destroy();
      socket.destroy();
    };
  }

  #asked(session: ClientHttp2Session, socket: TLSSocket, error: WebSocketError | undefined): void {
    if (error === undefined) {
      this.#share(new SharedSession(session, socket));
      return;
    }
    const isOver = session.closed || session.destroyed;
    endSession(session, socket);
    if (isOver) this.#fail(error);
    else for (const exchange of this.#end("plain")) exchange.upgrade(undefined);
  }

  #share(shared: SharedSession): void {
    if (shared.isFree) for (const exchange of this.#end(shared)) exchange.retry();
    // another session would be the same, so these requests do not dial again
    else this.#fail(new WebSocketError("WS_ERR_CONNECTION", "The connection failed: the server allows no streams"));
    shared.endIfUnused();
  }

  #fail(error: WebSocketError): void {
    for (const exchange of this.#end(undefined)) exchange.fail(error);
  }

  /** Returns those who waited. */
  #end(outcome: SharedSession | "plain" | undefined): PooledExchange[] {
    if (this.#isOver) return [];
    this.#isOver = true;
    this.#origin.dialled(this, outcome);
    return [...this.#waiting];
  }
}

function ignore(): void {}
