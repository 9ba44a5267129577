/**
 * Connections over streams of Node's kind: Node's own sockets, and in every runtime what an application makes.
 *
 * @module
 */
import { connect, type Socket } from "node:net";
import type { Duplex } from "node:stream";

import { NodeTransport } from "./node.js";
import type { ConnectListener, CreateConnection, Destination } from "./runtime.js";
import { queueMicrotask } from "./tasks.js";
import { connectSecurely } from "./tls.js";

/**
 * Makes a stream, by default a socket of `node:net` or `node:tls`, and waits until it is connected. Returns a function
 * that gives the attempt up.
 */
export function connectStream(
  create: CreateConnection = createConnection,
  destination: Destination,
  listener: ConnectListener,
): () => void {
  const attempt = new Attempt(listener);
  attempt.begin(create, destination);
  return () => attempt.abandon();
}

/** As Node does it, Happy Eyeballs (RFC 8305) included. */
function createConnection(destination: Destination): Socket {
  const { host, port, isSecure, socketPath } = destination;
  if (isSecure) return connectSecurely(destination);
  // our close may still be owed when the peer has closed its side
  return connect({ ...(socketPath === undefined ? { host, port } : { path: socketPath }), allowHalfOpen: true });
}

class Attempt {
  readonly #listener: ConnectListener;
  #socket: Duplex | undefined;
  #isDone = false;

  constructor(listener: ConnectListener) {
    this.#listener = listener;
  }

  async begin(create: CreateConnection, destination: Destination): Promise<void> {
    try {
      const made = create(destination);
      this.#take(isStream(made) ? made : await made);
    } catch (error) {
      queueMicrotask(() => this.#fail(error as Error));
    }
  }

  abandon(): void {
    this.#isDone = true;
    this.#socket?.off("close", this.#onClose).off("error", this.#fail).on("error", ignore).destroy();
  }

  #take(socket: Duplex): void {
    if (!isStream(socket)) throw new TypeError("createConnection must return a stream, or promise one");
    this.#socket = socket;
    if (this.#isDone) {
      this.abandon();
      return;
    }
    if (socket.destroyed) throw socket.errored ?? new Error("The socket was closed");
    (socket as Partial<Socket>).setNoDelay?.(true);
    socket.on("error", this.#fail).on("close", this.#onClose);
    const { secureConnecting, connecting } = socket as Partial<Socket> & { secureConnecting?: boolean };
    if (secureConnecting) socket.once("secureConnect", this.#connected);
    else if (connecting) socket.once("connect", this.#connected);
    else queueMicrotask(this.#connected);
  }

  readonly #connected = (): void => {
    if (this.#isDone) return;
    this.#isDone = true;
    const socket = this.#socket as Duplex;
    this.#listener.onConnected(new NodeTransport(socket));
    socket.off("error", this.#fail).off("close", this.#onClose);
  };

  readonly #onClose = (): void => this.#fail(new Error("The socket was closed"));

  readonly #fail = (cause: Error): void => {
    if (this.#isDone) return;
    this.abandon();
    this.#listener.onFailed(cause);
  };
}

function isStream(made: unknown): made is Duplex {
  const { on, write, pause } = (made ?? {}) as Partial<Duplex>;
  return [on, write, pause].every((method) => typeof method === "function"); // other emitters have `on`
}

function ignore(): void {}
