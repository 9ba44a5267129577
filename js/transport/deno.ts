/**
 * Deno's sockets.
 *
 * @module
 */
import type { AddressInfo } from "node:net";

import { WebSocketError } from "../engine/errors.js";
import { SocketTransport } from "./queued.js";
import type { ConnectListener, Destination, ListenOptions, Sockets } from "./runtime.js";
import { connectStream } from "./streams.js";
import { onlyTls, pem } from "./tls.js";
import type { Transport } from "./transport.js";
import { type Bound, listenFor, type Peer } from "./upgrade-listener.js";

/** What of Deno is used (https://docs.deno.com/api/deno/network). */
declare const Deno: {
  connect(options: DenoAddress & { signal?: AbortSignal }): Promise<DenoConn>;
  connectTls(options: ClientTls & Certified & { port: number }): Promise<DenoConn>;
  startTls(conn: DenoConn, options: ClientTls): Promise<DenoConn>;
  listen(options: DenoAddress): DenoListener;
  listenTls(options: DenoAddress & Certified & { alpnProtocols: string[] }): DenoListener;
  removeSync(path: string): void;
  errors: { BadResource: new () => Error; NotFound: new () => Error };
};

type DenoAddress = { hostname?: string; port: number } | { transport: "unix"; path: string };

/** In PEM. */
interface Certified {
  readonly key: string;
  readonly cert: string;
}

interface ClientTls {
  readonly hostname: string;
  readonly caCerts: string[];
  readonly alpnProtocols: string[];
}

interface DenoConn {
  readonly remoteAddr: { readonly hostname?: string; readonly port?: number };
  read(buffer: Uint8Array): Promise<number | null>;
  write(bytes: Uint8Array): Promise<number>;
  closeWrite(): Promise<void>;
  close(): void;
  /** Of TCP alone. */
  setNoDelay?(): void;
  /** Of TLS alone. */
  handshake?(): Promise<unknown>;
}

interface DenoListener {
  readonly addr: { readonly hostname?: string; readonly port?: number; readonly path?: string };
  accept(): Promise<DenoConn>;
  close(): void;
}

/** Sockets of Deno. Its TLS takes certificates and keys in PEM. */
export const denoSockets: Sockets = {
  connect(destination, create, listener) {
    if (create !== undefined) return connectStream(create, destination, listener);
    const attempt = new AbortController();
    const tls = destination.isSecure ? clientTls(destination) : undefined;
    settle(connect(destination, tls, attempt.signal), attempt.signal, listener);
    return () => attempt.abort();
  },
  listen(options, owner) {
    const listen = options.tls === undefined ? Deno.listen : secureListen(options.tls);
    return listenFor(options, owner, (onConnection) => bind(listen(addressOf(options)), options, onConnection));
  },
};

/** As little as an idle connection needs, and enough for one that is busy. */
const SMALL_READ = 4 * 1024;
const LARGE_READ = 128 * 1024;
/** So many small reads, one behind the other, show that a connection is not busy any more. */
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

  protected close(): void {
    this.#conn.close();
  }
}

/** Connects, over TLS until that is secure. */
async function connect(destination: Destination, tls: Tls | undefined, signal: AbortSignal): Promise<DenoConn> {
  if (tls === undefined) return connectPlainly(destination, signal);
  const conn = await connectSecurely(destination, tls, signal);
  signal.addEventListener("abort", () => close(conn));
  await conn.handshake?.();
  return conn;
}

function connectPlainly({ host, port, socketPath }: Destination, signal: AbortSignal): Promise<DenoConn> {
  if (socketPath !== undefined) return Deno.connect({ transport: "unix", path: socketPath });
  return Deno.connect({ hostname: host, port, signal });
}

async function connectSecurely(destination: Destination, tls: Tls, signal: AbortSignal): Promise<DenoConn> {
  const { certified, ...common } = tls;
  if (certified !== undefined) return Deno.connectTls({ ...common, ...certified, port: destination.port });
  // only a plain connection can be told not to wait for more to write; then it becomes a secure one
  const conn = await connectPlainly(destination, signal);
  conn.setNoDelay?.();
  return Deno.startTls(conn, common);
}

interface Tls extends ClientTls {
  /** The client's own. */
  readonly certified: Certified | undefined;
}

/** @throws WebSocketError `WS_ERR_INVALID_OPTION` */
function clientTls({ host, socketPath, tls: given }: Destination): Tls {
  const tls = onlyTls("Deno", given, CLIENT_TLS);
  if (tls.rejectUnauthorized === false) {
    const message = "Deno trusts unknown certificates by its flag --unsafely-ignore-certificate-errors only";
    throw new WebSocketError("WS_ERR_INVALID_OPTION", message);
  }
  const hostname = tls.servername ?? host;
  const certified = tls.key === undefined ? undefined : certifiedBy(tls);
  if (certified !== undefined && (socketPath !== undefined || hostname !== host)) {
    const message = "With a certificate of the client's, Deno connects to the URL's host only";
    throw new WebSocketError("WS_ERR_INVALID_OPTION", message);
  }
  return { hostname, caCerts: pem("ca", tls.ca), alpnProtocols: PROTOCOLS, certified };
}

function certifiedBy({ key, cert }: { key?: unknown; cert?: unknown }): Certified {
  return { key: pem("key", key).join("\n"), cert: pem("cert", cert).join("\n") };
}

const PROTOCOLS = ["http/1.1"];
const CLIENT_TLS = ["ca", "cert", "key", "servername", "rejectUnauthorized"] as const;

async function settle(connecting: Promise<DenoConn>, signal: AbortSignal, listener: ConnectListener): Promise<void> {
  let conn: DenoConn;
  try {
    conn = await connecting;
  } catch (error) {
    if (!signal.aborted) listener.onFailed(error as Error);
    return;
  }
  if (signal.aborted) close(conn);
  else listener.onConnected(new DenoTransport(conn));
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

function secureListen(given: NonNullable<ListenOptions["tls"]>): (address: DenoAddress) => DenoListener {
  const tls = onlyTls("Deno", given, ["cert", "key"]);
  const certified = certifiedBy(tls);
  return (address) => Deno.listenTls({ ...address, ...certified, alpnProtocols: PROTOCOLS });
}

/** After a failure to accept, as for want of file descriptors, in milliseconds. */
const ACCEPT_AGAIN = 100;

function bind(
  listener: DenoListener,
  { tls }: ListenOptions,
  onConnection: (transport: Transport, peer: Peer) => void,
): Bound {
  let isClosed = false;
  const accept = async (): Promise<void> => {
    while (!isClosed) {
      const conn = await listener.accept().catch(ignore);
      if (conn !== undefined && !isClosed) onConnection(new DenoTransport(conn), peerOf(conn, tls !== undefined));
      else if (conn !== undefined) close(conn);
      else if (!isClosed) await new Promise((next) => setTimeout(next, ACCEPT_AGAIN));
    }
  };
  accept();
  return {
    address: boundTo(listener),
    close: () => {
      isClosed = true;
      listener.close();
      if (listener.addr.path !== undefined) remove(listener.addr.path);
    },
  };
}

/** A unix socket that is left behind keeps the next server from its path; Node removes it by itself. */
function remove(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

function boundTo({ addr: { hostname = "", port = 0, path } }: DenoListener): AddressInfo | string {
  return path ?? { address: hostname, family: hostname.includes(":") ? "IPv6" : "IPv4", port };
}

function peerOf({ remoteAddr: { hostname, port } }: DenoConn, encrypted: boolean): Peer {
  return { remoteAddress: hostname, remotePort: port, encrypted };
}

function ignore(): undefined {}
