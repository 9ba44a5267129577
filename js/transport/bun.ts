/**
 * Bun's sockets.
 *
 * @module
 */
import { lookup } from "node:dns/promises";
import { type AddressInfo, isIP } from "node:net";
import { SocketTransport } from "./queued.js";
import { type ListenOptions, mustSupport, type Sockets } from "./runtime.js";
import { connectStream } from "./streams.js";
import { secureBind } from "./tls.js";
import { type Bind, listenFor, type Peer } from "./upgrade-listener.js";

/** The parts of Bun's API that are used (https://bun.com/docs/runtime/networking/tcp). */
declare const Bun: {
  listen(options: BunOptions): BunListener;
};

interface BunOptions {
  hostname?: string;
  port?: number;
  unix?: string;
  reusePort?: boolean;
  ipv6Only?: boolean;
  allowHalfOpen: boolean;
  socket: BunHandlers;
}

interface BunHandlers {
  open?(socket: BunSocket): void;
  data(socket: BunSocket, bytes: Uint8Array): void;
  drain(socket: BunSocket): void;
  end(socket: BunSocket): void;
  error(socket: BunSocket, error: Error): void;
  close(socket: BunSocket, error?: Error): void;
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
  ref(): void;
  unref(): void;
  setNoDelay(noDelay: boolean): void;
}

interface BunListener {
  readonly hostname?: string;
  readonly port?: number;
  readonly unix?: string;
  stop(): void;
}

/** Sockets of Bun. TLS is that of `node:tls`, and clients are those of `node:net`. */
export const bunSockets: Sockets = {
  connect(destination, create, listener) {
    // `Bun.connect` gives no attempt up: that would go on, and keep the process alive, until the system ends it
    return connectStream(create, destination, listener);
  },
  listen(options, owner) {
    const { tls, details } = options;
    if (tls === undefined) mustSupport(details, ["reusePort", "ipv6Only"], "Bun");
    else mustSupport(details, [], "Bun, with tls");
    return listenFor(options, owner, tls === undefined ? bindTo(options) : secureBind(options, tls));
  },
};

class BunTransport extends SocketTransport {
  protected override readonly sendsAtOnce = true;
  readonly #socket: BunSocket;
  /** The bytes that the last write took, if not all. */
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
    const count = this.#socket.write(bytes);
    if (count < 0) this.gone(reset());
    else if (count === bytes.length) this.sent(count);
    else this.#taken = count;
  }

  protected closeSide(): void {
    this.#socket.shutdown();
    this.sideClosed();
  }

  protected keep(isAlive: boolean): void {
    if (isAlive) this.#socket.ref();
    else this.#socket.unref();
  }

  protected close(): void {
    this.#socket.close();
  }

  /** @internal Bun makes an array for each. */
  onData(bytes: Uint8Array): void {
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

/** What Bun reports in no other way if a write finds it. */
function reset(): Error {
  return Object.assign(new Error("write ECONNRESET"), { code: "ECONNRESET" });
}

/** Forwards the events of a connected socket to its transport. */
const handlers: BunHandlers = {
  data: (socket, bytes) => socket.data?.onData(bytes),
  drain: (socket) => socket.data?.onDrain(),
  end: (socket) => socket.data?.onEnd(),
  error: (socket, error) => socket.data?.onClose(error),
  close: (socket, error) => socket.data?.onClose(error),
};

function bindTo(options: ListenOptions): Bind {
  return async (onConnection) => {
    const open = (socket: BunSocket): void => {
      socket.data = new BunTransport(socket);
      onConnection(socket.data, peerOf(socket));
    };
    const place = await addressOf(options);
    const { reusePort = false, ipv6Only = false } = options.details;
    const listener = Bun.listen({
      ...{ ...place, reusePort, ipv6Only },
      ...{ allowHalfOpen: true, socket: { ...handlers, open } },
    });
    return { address: boundTo(listener), close: () => listener.stop() };
  };
}

/** A name is looked up, because Bun would report the name as the server's address. */
async function addressOf({ host = "::", port = 0, socketPath }: ListenOptions): Promise<Partial<BunOptions>> {
  if (socketPath !== undefined) return { unix: socketPath };
  return { hostname: isIP(host) === 0 ? (await lookup(host)).address : host, port };
}

function boundTo({ hostname = "", port = 0, unix }: BunListener): AddressInfo | string {
  return unix ?? { address: hostname, family: hostname.includes(":") ? "IPv6" : "IPv4", port };
}

function peerOf({ remoteAddress, remotePort }: BunSocket): Peer {
  return { remoteAddress, remotePort, encrypted: false };
}
