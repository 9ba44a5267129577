/**
 * Node's `net`, `tls` and `http`.
 *
 * @module
 */
import { createServer, type Server } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { connect as connectTcp, isIP, type Socket } from "node:net";
import { connect as connectTls, type TLSSocket } from "node:tls";

import { NodeTransport } from "./node.js";
import type { Destination, ListenOptions, Sockets } from "./runtime.js";
import { connectStream } from "./streams.js";

/** Sockets of Node, and of runtimes that have its modules. */
export const nodeSockets: Sockets = {
  connect(destination, create, listener) {
    return connectStream(create ?? createConnection, destination, listener);
  },
  listen(options, owner) {
    const { port, host, socketPath: path } = options;
    const server = httpServer(options);
    const insecure = options.tls === undefined ? new Map<string, Socket>() : insecureOf(server);
    server.on("upgrade", (request, socket, head) => owner.onUpgrade(request, new NodeTransport(socket), head));
    server.on("listening", () => owner.onListening());
    server.on("error", (error) => owner.onError(error));
    if (path === undefined) server.listen({ port, host });
    else server.listen({ path });
    return { address: () => server.address(), close: () => stop(server, insecure.values()) };
  },
};

function httpServer({ handshakeTimeout, tls }: ListenOptions): Server {
  const options = {
    headersTimeout: handshakeTimeout,
    requestTimeout: handshakeTimeout,
    connectionsCheckingInterval: Math.min(handshakeTimeout, 30_000),
  };
  const server =
    tls === undefined ? createServer(options) : createSecureServer({ ...options, handshakeTimeout, ...tls });
  return server.on("request", (_request, response) => {
    const body = "This server speaks WebSocket only\n";
    response.writeHead(426, { Upgrade: "websocket", Connection: "Upgrade", "Content-Type": "text/plain" }).end(body);
  });
}

/** The connections of a server whose TLS is not established; it does not know them yet, and yet waits for their end. */
function insecureOf(server: Server): Map<string, Socket> {
  const sockets = new Map<string, Socket>();
  server.on("connection", (socket: Socket) => {
    const name = nameOf(socket);
    sockets.set(name, socket);
    socket.once("close", () => sockets.delete(name));
  });
  server.on("secureConnection", (socket: TLSSocket) => sockets.delete(nameOf(socket)));
  return sockets;
}

function nameOf({ localAddress, remoteAddress, remotePort }: Socket): string {
  return [localAddress, remoteAddress, remotePort].join(" ");
}

function stop(server: Server, insecure: Iterable<Socket>): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
    for (const socket of insecure) socket.destroy();
  });
}

/** As Node does it, Happy Eyeballs (RFC 8305) included. */
function createConnection({ host, port, isSecure, socketPath, tls }: Destination): Socket | TLSSocket {
  const address = socketPath === undefined ? { host, port } : { path: socketPath };
  if (!isSecure) return connectTcp(address);
  // an address is no server name (RFC 6066 §3); the certificate must be the host's at a unix socket too
  const servername = isIP(host) === 0 ? { servername: host } : {};
  return connectTls({ host, ...address, ALPNProtocols: ["http/1.1"], ...servername, ...tls });
}
