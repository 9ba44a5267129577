/**
 * The sockets that a client and a server need. Each entry sets those of its runtime.
 *
 * @module
 */
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import type { ConnectionOptions as TlsClientOptions, TlsOptions as TlsServerOptions } from "node:tls";

import { WebSocketError } from "../engine/errors.js";
import type { Transport } from "./transport.js";
import type { HandshakeRequest } from "./upgrade.js";

export type { TlsClientOptions, TlsServerOptions };

/** Where to connect to. */
export interface Destination {
  /** A name or an address, IPv6 without brackets. */
  readonly host: string;
  /** The URL's, or its scheme's. */
  readonly port: number;
  /** Whether to use TLS. */
  readonly isSecure: boolean;
  /** A unix socket to connect to in place of host and port. */
  readonly socketPath: string | undefined;
  /** By the names of Node's `tls.connect`. */
  readonly tls: TlsClientOptions;
}

/** Makes the stream of a connection, TLS included, in the application's own way; it may be connecting still. */
export type CreateConnection = (destination: Destination) => Duplex | Promise<Duplex>;

/** Receives the outcome of an attempt to connect: one of the two, once, after the call has returned. */
export interface ConnectListener {
  onConnected(transport: Transport): void;
  onFailed(cause: Error): void;
}

/** How to listen on a port, by the names of Node's `server.listen`. */
export interface ListenDetails {
  /**
   * Whether other processes and threads may listen on the same port, so that the system spreads the connections over
   * them: in Node from 22.12 on, on Linux; in Deno with `--unstable-net`; in Bun.
   */
  reusePort?: boolean | undefined;
  /** The most connections that wait to be accepted, as far as the system allows: in Node and Deno; 511 by default. */
  backlog?: number | undefined;
  /** Whether a worker of `node:cluster` listens by itself, and does not share the port of the others: in Node. */
  exclusive?: boolean | undefined;
  /** Whether an IPv6 address takes no IPv4 connections: in Node and Bun. */
  ipv6Only?: boolean | undefined;
}

/**
 * Checks that a runtime has what is asked for.
 *
 * @param where it would be, for the error's text
 * @throws WebSocketError `WS_ERR_INVALID_OPTION`
 */
export function mustSupport(details: ListenDetails, supported: readonly (keyof ListenDetails)[], where: string): void {
  for (const [name, value] of Object.entries(details)) {
    if (value === undefined || value === false || supported.includes(name as keyof ListenDetails)) continue;
    throw new WebSocketError("WS_ERR_INVALID_OPTION", `The option listen.${name} does not exist in ${where}`);
  }
}

/** Where to listen. */
export interface ListenOptions {
  /** 0 for any that is free. */
  readonly port: number | undefined;
  /** The address; all by default. */
  readonly host: string | undefined;
  /** A unix socket to listen on in place of a port. */
  readonly socketPath: string | undefined;
  /** Whether to use TLS, by the names of Node's `tls.createServer`. */
  readonly tls: TlsServerOptions | undefined;
  /** How to listen on the port. */
  readonly details: ListenDetails;
  /** Milliseconds that a client has for its request. */
  readonly handshakeTimeout: number;
}

/** Receives the events of a listening server. */
export interface ListenOwner {
  onListening(): void;
  /** It cannot listen. */
  onError(error: Error): void;
  /** A client asks for an upgrade; the transport is not started. `head` is what came behind the request. */
  onUpgrade(request: HandshakeRequest, transport: Transport, head: Uint8Array): void;
  /** Something else came, and was answered with this status; without a request if it was not one. */
  onRefused(status: number, request: HandshakeRequest | undefined, address: string | undefined): void;
}

/** An HTTP server that offers only upgrades, and answers every other request with 426. */
export interface Listening {
  /** Where it listens; `null` before it does and after. A unix socket's is its path. */
  address(): AddressInfo | string | null;
  /** Stops listening. Connections whose request is not complete go on. */
  stop(): void;
  /** Stops listening, and drops those connections. Others, which were given out, go on. */
  close(): Promise<void>;
}

/** A runtime's sockets. */
export interface Sockets {
  /**
   * Connects, over TLS until that is secure. Returns a function that gives the attempt up: nothing is called after it,
   * and what is connected none the less is closed.
   */
  connect(destination: Destination, create: CreateConnection | undefined, listener: ConnectListener): () => void;
  /** Listens. */
  listen(options: ListenOptions, owner: ListenOwner): Listening;
}

let used: Sockets | undefined;

/** Says whose sockets are used; the first to say so is heard. */
export function useSockets(sockets: Sockets): void {
  used ??= sockets;
}

/**
 * The runtime's sockets.
 *
 * @throws Error if no entry was imported
 */
export function sockets(): Sockets {
  if (used === undefined) throw new Error("There are no sockets: import websocket-component, not its inner modules");
  return used;
}
