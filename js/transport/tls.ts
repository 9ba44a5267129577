/**
 * TLS by `node:tls`, in every runtime. Deno's own TLS keeps a connection until the peer leaves if the handshake is not
 * done, and Bun's own cannot negotiate a protocol for a server.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { isIP, type Server, type Socket } from "node:net";
import { connect, createServer, type SecureContextOptions, type TLSSocket, type TlsOptions } from "node:tls";

import { WebSocketError } from "../engine/errors.js";
import { NodeTransport } from "./node.js";
import type { Destination, ListenOptions } from "./runtime.js";
import type { Bind } from "./upgrade-listener.js";

/** A WebSocket handshake is HTTP/1.1 (RFC 7301 §6). */
const PROTOCOLS = ["http/1.1"];

/**
 * Connects over TLS.
 *
 * @throws WebSocketError `WS_ERR_INVALID_OPTION`
 */
export function connectSecurely({ host, port, socketPath, tls }: Destination): TLSSocket {
  const address = socketPath === undefined ? { host, port } : { path: socketPath };
  // an address is not a server name (RFC 6066 §3); at a unix socket too, the certificate must be the host's
  const servername = isIP(host) === 0 ? { servername: host } : {};
  const options = { ALPNProtocols: PROTOCOLS, allowHalfOpen: true, ...servername };
  return withValid(tls, () => connect({ host, ...address, ...options, ...tls }));
}

/**
 * Makes a server of TLS, and returns the function that lets it listen.
 *
 * @throws WebSocketError `WS_ERR_INVALID_OPTION`
 */
export function secureBind({ port, host, socketPath, handshakeTimeout }: ListenOptions, tls: TlsOptions): Bind {
  const options = { ALPNProtocols: PROTOCOLS, handshakeTimeout, allowHalfOpen: true, noDelay: true, ...tls };
  const server = withValid(tls, () => createServer(options));
  const insecure = insecureOf(server);
  server.on("tlsClientError", (_error, socket) => socket.destroy());
  return async (onConnection) => {
    server.on("secureConnection", (socket) => onConnection(new NodeTransport(socket), socket));
    await new Promise<void>((resolve, reject) => {
      server.on("error", reject);
      server.listen(socketPath === undefined ? { port, host } : { path: socketPath }, resolve);
    });
    return {
      address: server.address() ?? "",
      close: () => {
        server.close();
        for (const socket of insecure) socket.destroy();
      },
    };
  };
}

/**
 * The connections of a server whose TLS handshake is not done. The server waits for their end, but does not list them.
 */
export function insecureOf(server: Server): Iterable<Socket> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  // Bun has one socket for both; at a unix socket, connections have no addresses to tell them apart
  server.on("secureConnection", (socket: TLSSocket & { _parent?: Socket }) => sockets.delete(socket._parent ?? socket));
  return sockets;
}

/**
 * Calls a function that checks the options of TLS and throws what the runtime says about them.
 *
 * @throws WebSocketError `WS_ERR_INVALID_OPTION`
 */
export function withValid<T>(tls: SecureContextOptions, use: () => T): T {
  // Deno accepts whatever is not PEM, and presents no certificate
  for (const name of ["cert", "key"] as const) {
    if (!isPem(tls[name])) throw new WebSocketError("WS_ERR_INVALID_OPTION", `The option tls.${name} is not PEM`);
  }
  try {
    return use();
  } catch (cause) {
    const message = `The option tls is not valid: ${(cause as Error).message}`;
    throw new WebSocketError("WS_ERR_INVALID_OPTION", message, { cause });
  }
}

/** Whether bytes and strings in it are PEM; the runtime checks everything else. */
function isPem(given: unknown): boolean {
  if (Array.isArray(given)) return given.every(isPem);
  if (typeof given === "string") return given.includes("-----BEGIN ");
  if (!ArrayBuffer.isView(given)) return true;
  return Buffer.from(given.buffer, given.byteOffset, given.byteLength).includes("-----BEGIN ");
}
