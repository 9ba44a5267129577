/**
 * Bun's sockets.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import type { AddressInfo } from "node:net";
import { markAsUntransferable } from "node:worker_threads";
import { SocketTransport } from "./queued.js";
import type { Destination, ListenOptions, Sockets } from "./runtime.js";
import { connectStream } from "./streams.js";
import { onlyTls } from "./tls.js";
import type { Transport } from "./transport.js";
import { type Bound, listenFor, type Peer } from "./upgrade-listener.js";

/** What of Bun is used (https://bun.com/docs/runtime/networking/tcp). */
declare const Bun: {
  connect(options: BunOptions): Promise<unknown>;
  listen(options: BunOptions): BunListener;
};

interface BunOptions {
  hostname?: string;
  port?: number;
  unix?: string;
  tls?: object;
  allowHalfOpen: boolean;
  socket: BunHandlers;
}

interface BunHandlers {
  open?(socket: BunSocket): void;
  handshake?(socket: BunSocket, isTrusted: boolean, error: Error | null): void;
  data(socket: BunSocket, bytes: Uint8Array): void;
  drain(socket: BunSocket): void;
  end(socket: BunSocket): void;
  error(socket: BunSocket, error: Error): void;
  close(socket: BunSocket, error?: Error): void;
  connectError?(socket: BunSocket, error: Error): void;
}

interface BunSocket {
  data: BunTransport | undefined;
  readonly remoteAddress?: string;
  readonly remotePort?: number;
  /** Returns how many bytes were taken, less than none if the socket is closed. */
  write(bytes: Uint8Array): number;
  pause(): void;
  resume(): void;
  shutdown(): void;
  close(): void;
  /** Closes at once, and says so to the peer by a reset. */
  terminate(): void;
  setNoDelay(noDelay: boolean): void;
}

interface BunListener {
  readonly hostname?: string;
  readonly port?: number;
  readonly unix?: string;
  stop(): void;
}

/** Sockets of Bun. */
export const bunSockets: Sockets = {
  connect(destination, create, listener) {
    if (create !== undefined) return connectStream(create, destination, listener);
    const { isSecure } = destination;
    let isGivenUp = false;
    let opened: BunSocket | undefined;
    let failure = new Error("The socket was closed");
    const connected = (socket: BunSocket) => {
      socket.data = new BunTransport(socket);
      listener.onConnected(socket.data);
    };
    const failed = (error: Error) => {
      if (!isGivenUp) listener.onFailed(error);
      isGivenUp = true;
    };
    const early: Partial<BunHandlers> = {
      open: (socket) => {
        opened = socket;
        if (isGivenUp) socket.close();
        else if (!isSecure) connected(socket);
      },
      handshake: (socket, isTrusted, error) => {
        if (isGivenUp) return;
        if (isTrusted) connected(socket);
        else failure = error ?? failure;
      },
      connectError: (_socket, error) => failed(error),
      close: (socket, error) => (socket.data === undefined ? failed(error ?? failure) : handlers.close(socket, error)),
    };
    const options = { ...placeOf(destination), allowHalfOpen: true, socket: { ...handlers, ...early } };
    Bun.connect(options).catch(failed);
    return () => {
      isGivenUp = true;
      opened?.close(); // the other side may never finish TLS
    };
  },
  listen(options, owner) {
    const tls = options.tls && { tls: onlyTls("Bun", options.tls, SERVER_TLS) };
    return listenFor(options, owner, (onConnection) => bind({ ...addressOf(options), ...tls }, onConnection));
  },
};

class BunTransport extends SocketTransport {
  protected override readonly sendsAtOnce = true;
  readonly #socket: BunSocket;
  /** @internal Whether it is to be TLS, and is not established. */
  isInsecure = false;
  /** What the last write did take of its bytes, if not all. */
  #taken: number | undefined;

  constructor(socket: BunSocket) {
    super();
    socket.setNoDelay(true);
    this.#socket = socket;
  }

  protected startReading(): void {
    this.#socket.resume();
  }

  protected stopReading(): void {
    this.#socket.pause();
  }

  protected send(bytes: Uint8Array): void {
    const count = Math.max(this.#socket.write(bytes), 0);
    if (count === bytes.length) this.sent(count);
    else this.#taken = count;
  }

  protected closeSide(): void {
    this.#socket.shutdown();
    this.sideClosed();
  }

  protected close(): void {
    if (this.isInsecure)
      this.#socket.terminate(); // the other would wait for the peer's part of TLS
    else this.#socket.close();
  }

  /** @internal As `NodeTransport` does; Bun makes an array for each. */
  onData(bytes: Uint8Array): void {
    markAsUntransferable(bytes.buffer);
    this.received(bytes, true);
  }

  /** @internal */
  onDrain(): void {
    const count = this.#taken;
    this.#taken = undefined;
    if (count !== undefined) this.sent(count); // else it tells nothing
  }

  /** @internal */
  onEnd(): void {
    this.ended();
  }

  /** @internal */
  onClose(error: Error | undefined): void {
    this.gone(error);
  }
}

/** What a connected socket tells goes to its transport. */
const handlers: BunHandlers = {
  data: (socket, bytes) => uncaught(() => socket.data?.onData(bytes)),
  drain: (socket) => uncaught(() => socket.data?.onDrain()),
  end: (socket) => uncaught(() => socket.data?.onEnd()),
  error: (socket, error) => uncaught(() => socket.data?.onClose(error)),
  close: (socket, error) => uncaught(() => socket.data?.onClose(error)),
};

/** What a listener throws is no error of the socket, which Bun would make of it. */
function uncaught(call: () => void): void {
  try {
    call();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}

const COMMON_TLS = ["ca", "cert", "ciphers", "key", "passphrase", "rejectUnauthorized", "secureOptions"] as const;
const CLIENT_TLS = [...COMMON_TLS, "servername"] as const;
const SERVER_TLS = [...COMMON_TLS, "requestCert"] as const;

/** Where to connect to, as Bun takes it. */
function placeOf({ host, port, socketPath, isSecure, tls }: Destination): Partial<BunOptions> {
  const place = socketPath === undefined ? { hostname: host, port } : { unix: socketPath };
  if (!isSecure) return place;
  // an address is no server name (RFC 6066 §3)
  const servername = /^[\d.]+$|:/.test(host) ? {} : { servername: host };
  const options = { ...servername, ...onlyTls("Bun", tls, CLIENT_TLS) };
  return { ...place, tls: { ...options, ALPNProtocols: Buffer.from("\x08http/1.1") } };
}

function addressOf({ host = "::", port = 0, socketPath }: ListenOptions): Partial<BunOptions> {
  return socketPath === undefined ? { hostname: host, port } : { unix: socketPath };
}

function bind(options: Partial<BunOptions>, onConnection: (transport: Transport, peer: Peer) => void): Bound {
  const open = (socket: BunSocket): void => {
    socket.data = new BunTransport(socket);
    socket.data.isInsecure = options.tls !== undefined;
    onConnection(socket.data, peerOf(socket, options.tls !== undefined));
  };
  const handshake = ({ data }: BunSocket): void => {
    if (data !== undefined) data.isInsecure = false;
  };
  const listener = Bun.listen({ ...options, allowHalfOpen: true, socket: { ...handlers, open, handshake } });
  return { address: boundTo(listener), close: () => listener.stop() };
}

function boundTo({ hostname = "", port = 0, unix }: BunListener): AddressInfo | string {
  return unix ?? { address: hostname, family: hostname.includes(":") ? "IPv6" : "IPv4", port };
}

function peerOf({ remoteAddress, remotePort }: BunSocket, encrypted: boolean): Peer {
  return { remoteAddress, remotePort, encrypted };
}
