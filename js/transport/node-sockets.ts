/**
 * Node's `net`, `tls` and `http`.
 *
 * @module
 */
import { createServer, type Server } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { connect as connectTcp, isIP, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { connect as connectTls, type TLSSocket } from "node:tls";

import { NodeTransport } from "./node.js";
import type { ConnectListener, CreateConnection, Destination, ListenOptions, Sockets } from "./sockets.js";

/** Sockets of Node, and of runtimes that have its modules. */
export const nodeSockets: Sockets = {
  connect(destination, create, listener) {
    const attempt = new Attempt(listener);
    attempt.begin(create ?? createConnection, destination);
    return () => attempt.abandon();
  },
  listen(options, owner) {
    const { port, host, socketPath: path } = options;
    const server = httpServer(options);
    server.on("upgrade", (request, socket, head) => owner.onUpgrade(request, new NodeTransport(socket), head));
    server.on("listening", () => owner.onListening());
    server.on("error", (error) => owner.onError(error));
    if (path === undefined) server.listen({ port, host });
    else server.listen({ path });
    return { address: () => server.address(), close: () => stop(server) };
  },
};

function httpServer({ handshakeTimeout, tls }: ListenOptions): Server {
  const options = {
    headersTimeout: handshakeTimeout,
    requestTimeout: handshakeTimeout,
    connectionsCheckingInterval: Math.min(handshakeTimeout, 30_000),
  };
  const server = tls === undefined ? createServer(options) : createSecureServer({ ...options, ...tls });
  return server.on("request", (_request, response) => {
    const body = "This server speaks WebSocket only\n";
    response.writeHead(426, { Upgrade: "websocket", Connection: "Upgrade", "Content-Type": "text/plain" }).end(body);
  });
}

function stop(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
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
      this.#take(made instanceof Promise ? await made : made);
    } catch (error) {
      queueMicrotask(() => this.#fail(error as Error));
    }
  }

  abandon(): void {
    this.#isDone = true;
    this.#socket?.off("close", this.#onClose).off("error", this.#fail).on("error", ignore).destroy();
  }

  #take(socket: Duplex): void {
    this.#socket = socket;
    if (this.#isDone) {
      this.abandon();
      return;
    }
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

/** As Node does it, Happy Eyeballs (RFC 8305) included. */
function createConnection({ host, port, isSecure, socketPath, tls }: Destination): Socket | TLSSocket {
  const address = socketPath === undefined ? { host, port } : { path: socketPath };
  if (!isSecure) return connectTcp(address);
  // an address is no server name (RFC 6066 §3)
  const servername = isIP(host) === 0 ? { servername: host } : {};
  return connectTls({ ...address, ALPNProtocols: ["http/1.1"], ...servername, ...tls });
}

function ignore(): void {}
