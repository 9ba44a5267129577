/**
 * A session of HTTP/2 that the sockets of an origin share.
 *
 * @module
 */
import type { ClientHttp2Session, ClientHttp2Stream } from "node:http2";
import type { TLSSocket } from "node:tls";

import { clearTimeout, setTimeout } from "../transport/tasks.js";
import type { ConnectOptions, ExchangeListener, UpgradeRequest } from "./exchange.js";
import { openStream } from "./http2.js";

/** Milliseconds in which the server may close its side of a connection that is no longer used. */
const LINGER = 2000;

/** A session of the pool's own, which ends with its last stream. */
export class SharedSession {
  readonly session: ClientHttp2Session;
  readonly #socket: TLSSocket;
  readonly #streams = new Set<ClientHttp2Stream>();
  /** Those that keep the process alive. */
  readonly #holding = new Set<ClientHttp2Stream>();
  /** Whether the server left a request without an answer, or refused it, and was not heard of since. */
  #isSilent = false;

  constructor(session: ClientHttp2Session, socket: TLSSocket) {
    this.session = session;
    this.#socket = socket;
  }

  /** Whether it may have one more stream. */
  get isFree(): boolean {
    const { closed, destroyed, remoteSettings } = this.session;
    const { maxConcurrentStreams = Number.POSITIVE_INFINITY } = remoteSettings ?? {};
    return !closed && !destroyed && !this.#isSilent && this.#streams.size < maxConcurrentStreams;
  }

  /** Opens a stream. Returns a function that gives it up. */
  open(request: UpgradeRequest, { tap }: ConnectOptions, listener: ExchangeListener): () => void {
    const onStream = (stream: ClientHttp2Stream) => this.#add(stream);
    return openStream(this.session, request, { tap, onStream, onUnanswered: () => this.probe() }, listener);
  }

  /** Has no new streams until the server shows that it is there. */
  probe(): void {
    if (this.#isSilent || this.session.destroyed) return;
    this.#isSilent = true;
    this.session.ping((error) => {
      this.#isSilent = error !== null;
    });
  }

  /** Ends it if no request of those that waited for it became a stream. */
  endIfUnused(): void {
    if (this.#streams.size === 0) endSession(this.session, this.#socket);
  }

  #add(stream: ClientHttp2Stream): (isHeld: boolean) => void {
    this.#streams.add(stream);
    stream.once("close", () => {
      this.#streams.delete(stream);
      this.#hold(stream, false);
      this.endIfUnused();
    });
    this.#hold(stream, true);
    return (isHeld) => this.#hold(stream, isHeld);
  }

  #hold(stream: ClientHttp2Stream, isHeld: boolean): void {
    if (isHeld) this.#holding.add(stream);
    else this.#holding.delete(stream);
    if (this.session.destroyed) return;
    if (this.#holding.size > 0) this.session.ref();
    else this.session.unref();
  }
}

/**
 * Ends a session without streams, and its connection: a session that was closed waits for the server's side of TCP
 * without end, and so does its `close`.
 */
export function endSession(session: ClientHttp2Session, socket: TLSSocket): void {
  session.close();
  if (socket.destroyed) return;
  socket.on("error", ignore).unref();
  const timer = setTimeout(() => {
    session.destroy();
    socket.destroy();
  }, LINGER);
  timer.unref?.(); // a test's timers may not have it
  socket.once("close", () => clearTimeout(timer));
}

function ignore(): void {}
