/**
 * The upgrades of an HTTP server that several WebSocket servers, and the application, may take.
 *
 * @module
 */
import type { EventEmitter } from "node:events";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";

import { WebSocketError } from "../engine/errors.js";
import { NodeTransport } from "../transport/node.js";
import { clearTimeout, setTimeout } from "../transport/tasks.js";
import { reject } from "../transport/upgrade.js";
import { Streams } from "./streams.js";
import { CLOSING_TIME, type Taker, takerOf } from "./takers.js";

/**
 * One HTTP server's upgrades: each has an owner, who listens to its errors and sees that it ends. An upgrade that
 * reaches a listener and finds none would keep its socket for ever, and a reset of it would end the process.
 */
export class Upgrades {
  static readonly #all = new WeakMap<EventEmitter, Upgrades>();

  /** Those of this server. */
  static of(server: EventEmitter): Upgrades {
    const upgrades = Upgrades.#all.get(server) ?? new Upgrades(server);
    Upgrades.#all.set(server, upgrades);
    return upgrades;
  }

  readonly #server: EventEmitter;
  readonly #takers = new Map<string | undefined, Taker>();
  /** Those of HTTP/2, if the server has it. */
  readonly #streams: Streams | undefined;
  /** Left to other listeners, with the timers that end those that no listener takes. */
  readonly #left = new Map<Duplex, ReturnType<typeof setTimeout>>();

  private constructor(server: EventEmitter) {
    this.#server = server;
    if (Streams.areOf(server)) this.#streams = new Streams(server, this.#takers);
  }

  /** @throws WebSocketError `WS_ERR_INVALID_OPTION` if the path has a taker: both would answer */
  add(taker: Taker): void {
    if (this.#takers.get(taker.path)?.isLeaving() === false) {
      const what = taker.path === undefined ? "without a path" : `for the path ${taker.path}`;
      const message = `This HTTP server has a WebSocketServer ${what} already; give each one a path of its own`;
      throw new WebSocketError("WS_ERR_INVALID_OPTION", message);
    }
    if (this.#takers.size === 0) {
      this.#server.on("upgrade", this.#onUpgrade);
      this.#streams?.listen();
    }
    this.#takers.set(taker.path, taker);
  }

  /** It takes no more. Sockets that wait for another listener lose their owner with the last taker, and end. */
  remove(taker: Taker): void {
    if (this.#takers.get(taker.path) !== taker) return;
    this.#takers.delete(taker.path);
    if (this.#takers.size > 0) return;
    this.#server.off("upgrade", this.#onUpgrade);
    this.#streams?.stop();
    for (const socket of this.#left.keys()) this.#endUnlessTaken(socket);
  }

  readonly #onUpgrade = (request: IncomingMessage, socket: Duplex, head: Uint8Array): void => {
    const taker = takerOf(this.#takers, request);
    if (taker !== undefined) taker.take(request, socket, head);
    else this.#leave(request, socket);
  };

  #leave(request: IncomingMessage, socket: Duplex): void {
    const [taker] = this.#takers.values();
    if (taker === undefined) return;
    socket.on("error", ignore);
    if (this.#server.listenerCount("upgrade") === 1) {
      refuse(socket, taker.timeout);
      taker.onMissed(request);
      return;
    }
    const timer = setTimeout(() => {
      if (this.#endUnlessTaken(socket)) taker.onMissed(request);
    }, taker.timeout);
    this.#left.set(socket, timer);
    socket.once("close", () => {
      clearTimeout(timer);
      this.#left.delete(socket);
    });
  }

  /** Returns whether it was not taken. A listener that takes a socket reads it, or has written to it. */
  #endUnlessTaken(socket: Duplex): boolean {
    clearTimeout(this.#left.get(socket));
    this.#left.delete(socket);
    const isRead =
      socket.listenerCount("data") + socket.listenerCount("readable") > 0 || socket.readableFlowing === true;
    const { bytesWritten = 0 } = socket as { bytesWritten?: number };
    if (isRead || bytesWritten > 0 || socket.destroyed) return false;
    refuse(socket, CLOSING_TIME);
    return true;
  }
}

function refuse(socket: Duplex, timeout: number): void {
  reject(new NodeTransport(socket), { status: 404 }, timeout);
}

function ignore(): void {}
