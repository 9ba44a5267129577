/**
 * Whether a session's server takes WebSockets over HTTP/2: it says so in its SETTINGS (RFC 8441 §3).
 *
 * @module
 */
import type { ClientHttp2Session } from "node:http2";

import { WebSocketError } from "../engine/errors.js";
import { queueMicrotask } from "../transport/tasks.js";

/** Receives the outcome: nothing if streams can be opened. Never called within `ask`. */
type Asker = (error: WebSocketError | undefined) => void;

/**
 * What is known of a session. Before the SETTINGS have come, `remoteSettings` has the defaults, and does not say so: a
 * ping is answered behind them. All who ask share one ping and one set of listeners, however many they are. A ping that
 * fails says nothing of an open session: its owner may have too many on their way.
 */
export class Readiness {
  static readonly #all = new WeakMap<ClientHttp2Session, Readiness>();

  /** That of this session. */
  static of(session: ClientHttp2Session): Readiness {
    let readiness = Readiness.#all.get(session);
    if (readiness === undefined) {
      readiness = new Readiness(session);
      Readiness.#all.set(session, readiness);
    }
    return readiness;
  }

  readonly #session: ClientHttp2Session;
  readonly #askers = new Set<Asker>();
  /** Whether the server's SETTINGS have come. */
  #isKnown = false;
  /** Whether the ping is under way, or the SETTINGS are awaited. */
  #isAsked = false;
  /** Whether no ping shows that all SETTINGS have come: the next to come decide. */
  #isWithoutPing = false;
  /** The last stream that the server may have processed, by its GOAWAY. */
  #lastStream = Number.POSITIVE_INFINITY;

  private constructor(session: ClientHttp2Session) {
    this.#session = session;
    session.on("goaway", (_code, lastStream) => {
      this.#lastStream = lastStream;
    });
  }

  /** Whether a GOAWAY, of any code, says that the server has not processed a stream (RFC 9113 §6.8). */
  isLeftOut(stream: number): boolean {
    return stream > this.#lastStream;
  }

  /** Asks. Returns a function that stops asking. */
  ask(asker: Asker): () => void {
    this.#askers.add(asker);
    if (this.#isDecided) queueMicrotask(this.#tell);
    else if (!this.#isAsked) this.#find();
    return () => this.#askers.delete(asker);
  }

  get #isDecided(): boolean {
    const { closed, destroyed, remoteSettings } = this.#session;
    return this.#isKnown || closed || destroyed || remoteSettings?.enableConnectProtocol === true;
  }

  #find(): void {
    const session = this.#session;
    this.#isAsked = true;
    if (session.connecting) session.once("connect", this.#ping);
    else this.#ping();
    session.on("remoteSettings", this.#onSettings).once("close", this.#tell);
  }

  readonly #ping = (): void => {
    try {
      this.#session.ping((error) => {
        if (error === null) this.#isKnown = true;
        else this.#isWithoutPing = true;
        this.#tellIfDecided();
      });
    } catch {
      this.#tell(); // it has ended
    }
  };

  /** A server may allow WebSockets by its second SETTINGS, as one of `node:http2` does in its `session` event. */
  readonly #onSettings = (): void => {
    if (this.#isWithoutPing) this.#isKnown = true;
    this.#tellIfDecided();
  };

  /** Later, because Deno crashes where a session is closed within its own event. */
  #tellIfDecided(): void {
    if (this.#isDecided) queueMicrotask(this.#tell);
  }

  readonly #tell = (): void => {
    this.#isAsked = false;
    this.#session.off("connect", this.#ping).off("remoteSettings", this.#onSettings).off("close", this.#tell);
    const error = this.#error();
    const askers = [...this.#askers];
    this.#askers.clear();
    for (const asker of askers) asker(error);
  };

  #error(): WebSocketError | undefined {
    const { closed, destroyed, remoteSettings } = this.#session;
    if (closed || destroyed) return failed("the session of HTTP/2 is closed");
    if (remoteSettings?.enableConnectProtocol === true) return undefined;
    return failed("the server does not take WebSockets over HTTP/2: it did not enable the extended CONNECT");
  }
}

function failed(why: string): WebSocketError {
  return new WebSocketError("WS_ERR_CONNECTION", `The connection failed: ${why}`);
}
