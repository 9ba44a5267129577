/**
 * Deno's sockets.
 *
 * @module
 */
import type { AddressInfo } from "node:net";

import { SocketTransport } from "./queued.js";
import { type ConnectListener, type Destination, type ListenOptions, mustSupport, type Sockets } from "./runtime.js";
import { connectStream } from "./streams.js";
import { setTimeout } from "./tasks.js";
import { secureBind } from "./tls.js";
import { type Bind, listenFor, type Peer } from "./upgrade-listener.js";

/** The parts of Deno's API that are used (https://docs.deno.com/api/deno/network). */
declare const Deno: {
  connect(options: DenoAddress & { signal?: AbortSignal }): Promise<DenoConn>;
  listen(options: DenoAddress & { reusePort?: boolean; tcpBacklog?: number }): DenoListener;
  removeSync(path: string): void;
  errors: { BadResource: new () => Error; NotFound: new () => Error };
};

type DenoAddress = { hostname?: string; port: number } | { transport: "unix"; path: string };

interface DenoConn {
  readonly remoteAddr: { readonly hostname?: string; readonly port?: number };
  read(buffer: Uint8Array): Promise<number | null>;
  write(bytes: Uint8Array): Promise<number>;
  closeWrite(): Promise<void>;
  close(): void;
  ref(): void;
  unref(): void;
  /** Only of TCP. */
  setNoDelay?(): void;
}

interface DenoListener {
  readonly addr: { readonly hostname?: string; readonly port?: number };
  accept(): Promise<DenoConn>;
  close(): void;
}

/** Sockets of Deno. TLS is that of `node:tls`. */
export const denoSockets: Sockets = {
  connect(destination, create, listener) {
    if (create !== undefined || destination.isSecure) return connectStream(create, destination, listener);
    const attempt = new AbortController();
    connect(destination, attempt.signal, listener);
    return () => attempt.abort();
  },
  listen(options, owner) {
    const { tls, details } = options;
    // without the flag, Deno ends the process that asks for it
    const hasReusePort = "listenDatagram" in Deno;
    if (tls !== undefined) mustSupport(details, [], "Deno, with tls");
    else if (hasReusePort) mustSupport(details, ["backlog", "reusePort"], "Deno");
    else mustSupport(details, ["backlog"], "Deno without --unstable-net");
    return listenFor(options, owner, tls === undefined ? bindTo(options) : secureBind(options, tls));
  },
};

/** As little as an idle connection needs, and enough for one that is busy. */
const SMALL_READ = 4 * 1024;
const LARGE_READ = 128 * 1024;
/** Small reads in a row after which a connection no longer counts as busy. */
const SMALL_READS = 8;

class DenoTransport extends SocketTransport {
  readonly #conn: DenoConn;
  #buffer = new Uint8Array(SMALL_READ);
  #smallReads = 0;
  #wantsMore = false;
  #isReading = false;

  constructor(conn: DenoConn) {
    super();
    this.#conn = conn;
    try {
      conn.setNoDelay?.();
    } catch {
      // it is closed already, which reading will tell
    }
  }

  protected startReading(): void {
    this.#wantsMore = true;
    if (!this.#isReading) this.#read();
  }

  protected stopReading(): void {
    this.#wantsMore = false;
  }

  async #read(): Promise<void> {
    this.#isReading = true;
    while (this.#wantsMore) {
      const count = await this.#conn.read(this.#buffer).catch((error: Error) => this.gone(error));
      if (typeof count !== "number") {
        if (count === null) this.ended();
        return;
      }
      this.received(this.#buffer.subarray(0, count));
      this.#fit(count);
    }
    this.#isReading = false;
  }

  /** A connection that fills its buffer gets a larger one, until it does not need it. */
  #fit(count: number): void {
    this.#smallReads = count < SMALL_READ ? this.#smallReads + 1 : 0;
    const { length } = this.#buffer;
    if (count === length && length < LARGE_READ) this.#buffer = new Uint8Array(LARGE_READ);
    else if (this.#smallReads >= SMALL_READS && length > SMALL_READ) this.#buffer = new Uint8Array(SMALL_READ);
  }

  protected send(bytes: Uint8Array): void {
    this.#conn.write(bytes).then(
      (count) => this.sent(count),
      (error: Error) => this.gone(error),
    );
  }

  protected closeSide(): void {
    this.#conn.closeWrite().then(
      () => this.sideClosed(),
      (error: Error) => this.gone(error),
    );
  }

  protected keep(isAlive: boolean): void {
    if (isAlive) this.#conn.ref();
    else this.#conn.unref();
  }

  protected close(): void {
    this.#conn.close();
  }
}

async function connect(destination: Destination, signal: AbortSignal, listener: ConnectListener): Promise<void> {
  const { host, port, socketPath: path } = destination;
  let conn: DenoConn;
  try {
    const address: DenoAddress = path === undefined ? { hostname: host, port } : { transport: "unix", path };
    conn = await Deno.connect({ ...address, signal });
  } catch (error) {
    if (!signal.aborted) listener.onFailed(withCode(error as Error));
    return;
  }
  if (signal.aborted) close(conn);
  else listener.onConnected(new DenoTransport(conn));
}

/** Deno's errors of name resolution have no `code`; that of Node is `ENOTFOUND`. */
function withCode(error: Error): Error {
  const isLookup = !("code" in error && error.code) && error.message.startsWith("failed to lookup address");
  return isLookup ? Object.assign(error, { code: "ENOTFOUND" }) : error;
}

/** Closes what may be closed already. */
function close(conn: DenoConn): void {
  try {
    conn.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error;
  }
}

function addressOf({ host, port = 0, socketPath }: ListenOptions): DenoAddress {
  if (socketPath !== undefined) return { transport: "unix", path: socketPath };
  return host === undefined ? { port } : { hostname: host, port };
}

/** After a failure to accept, as for want of file descriptors, in milliseconds. */
const ACCEPT_AGAIN = 100;

function bindTo(options: ListenOptions): Bind {
  return async (onConnection) => {
    const { reusePort, backlog } = options.details;
    const details = { ...(reusePort && { reusePort }), ...(backlog !== undefined && { tcpBacklog: backlog }) };
    const listener = listen({ ...addressOf(options), ...details });
    let isClosed = false;
    const accept = async (): Promise<void> => {
      while (!isClosed) {
        const conn = await listener.accept().catch(ignore);
        if (conn !== undefined && !isClosed) onConnection(new DenoTransport(conn), peerOf(conn));
        else if (conn !== undefined) close(conn);
        else if (!isClosed) await new Promise((next) => setTimeout(next, ACCEPT_AGAIN));
      }
    };
    accept();
    return {
      address: options.socketPath ?? boundTo(listener), // Deno 2.8 has none for an abstract socket
      close: () => {
        isClosed = true;
        listener.close();
        remove(options.socketPath);
      },
    };
  };
}

function listen(address: Parameters<typeof Deno.listen>[0]): DenoListener {
  try {
    return Deno.listen(address);
  } catch (error) {
    throw withCode(error as Error);
  }
}

/** A unix socket that is left behind keeps the next server from its path; Node removes it by itself. */
function remove(path: string | undefined): void {
  if (path === undefined || path.startsWith("\0")) return; // an abstract socket (unix(7)) is not a file
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

function boundTo({ addr: { hostname = "", port = 0 } }: DenoListener): AddressInfo {
  return { address: hostname, family: hostname.includes(":") ? "IPv6" : "IPv4", port };
}

function peerOf({ remoteAddr: { hostname, port } }: DenoConn): Peer {
  return { remoteAddress: hostname, remotePort: port, encrypted: false };
}

function ignore(): undefined {}
