/**
 * The extended CONNECTs of a `node:http2` server that several WebSocket servers, and the application, may take.
 *
 * @module
 */
import type { EventEmitter } from "node:events";
import type { IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";

import { isExtendedConnect, isForWebSocket, StreamRequest, StreamTransport } from "../transport/http2.js";
import { clearTimeout, setTimeout } from "../transport/tasks.js";
import { reject } from "../transport/upgrade.js";
import { CLOSING_TIME, type Takers, takerOf } from "./takers.js";

/** A stream that is left to other listeners. */
interface Left {
  readonly timer: ReturnType<typeof setTimeout>;
  readonly status: number;
}

/** One server's streams: each has an owner who sees that it ends, as the upgrades over HTTP/1.1 have. */
export class Streams {
  readonly #server: EventEmitter;
  readonly #takers: Takers;
  readonly #left = new Map<ServerHttp2Stream, Left>();

  /** Whether a server has streams. To import `node:http2` for its classes would cost everyone who does not use them. */
  static areOf(server: object): boolean {
    return typeof (server as { updateSettings?: unknown }).updateSettings === "function";
  }

  constructor(server: EventEmitter, takers: Takers) {
    this.#server = server;
    this.#takers = takers;
  }

  /** Listens. Without a listener of `connect`, Node answers 405 if there is one of `request`, and ends our streams. */
  listen(): void {
    this.#server.on("stream", this.#onStream).on("connect", ignore);
  }

  /** Streams that wait for another listener lose their owner, and end. */
  stop(): void {
    this.#server.off("stream", this.#onStream).off("connect", ignore);
    for (const [stream, { status }] of this.#left) this.#endUnlessTaken(stream, status, CLOSING_TIME);
  }

  readonly #onStream = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void => {
    if (isTaken(stream)) return;
    if (headers[":method"] !== "CONNECT" && this.#hasPages) return;
    if (isForWebSocket(headers)) {
      const taker = takerOf(this.#takers, { url: headers[":path"] });
      if (taker === undefined) this.#leave(stream, headers, 404);
      else taker.takeStream(stream, headers);
    } else {
      this.#leave(stream, headers, isExtendedConnect(headers) ? 501 : 405);
    }
  };

  /** @param status of the answer, if no other listener takes it */
  #leave(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, status: number): void {
    const [taker] = this.#takers.values();
    if (taker === undefined) return;
    stream.on("error", ignore);
    const request = new StreamRequest(stream, headers); // its address is known now
    const end = () => {
      if (this.#endUnlessTaken(stream, status, taker.timeout) && status === 404) taker.onMissed(request);
    };
    if (!this.#hasOthers) {
      end();
      return;
    }
    const timer = setTimeout(end, taker.timeout);
    this.#left.set(stream, { timer, status });
    stream.once("close", () => {
      clearTimeout(timer);
      this.#left.delete(stream);
    });
  }

  /** Whether other requests than CONNECT are the application's. If not, they have no owner but us. */
  get #hasPages(): boolean {
    return this.#server.listenerCount("request") > 0 || this.#hasOthers;
  }

  /** Whether the application listens, too. Node's own listener, which serves those of `request`, takes no CONNECT. */
  get #hasOthers(): boolean {
    const server = this.#server;
    const ofNode = server.listenerCount("request") > 0 ? 1 : 0;
    return server.listenerCount("stream") - ofNode > 1 || server.listenerCount("connect") > 1;
  }

  #endUnlessTaken(stream: ServerHttp2Stream, status: number, timeout: number): boolean {
    clearTimeout(this.#left.get(stream)?.timer);
    this.#left.delete(stream);
    if (isTaken(stream)) return false;
    refuse(stream, status, timeout);
    return true;
  }
}

/** A listener that takes a stream reads it, or has answered. */
function isTaken(stream: ServerHttp2Stream): boolean {
  const isRead = stream.listenerCount("data") + stream.listenerCount("readable") > 0 || stream.readableFlowing === true;
  return isRead || stream.headersSent || stream.closed || stream.destroyed;
}

function refuse(stream: ServerHttp2Stream, status: number, timeout: number): void {
  reject(new StreamTransport(stream), { status }, timeout);
}

function ignore(): void {}
