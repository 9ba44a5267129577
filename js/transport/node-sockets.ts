/**
 * Node's `net`, `tls` and `http`.
 *
 * @module
 */
import { createServer, type Server } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { Socket } from "node:net";
import process from "node:process";
import type { Duplex } from "node:stream";

import { NodeTransport } from "./node.js";
import { type ListenOptions, type ListenOwner, mustSupport, type Sockets } from "./runtime.js";
import { connectStream } from "./streams.js";
import { insecureOf, withValid } from "./tls.js";
import { isSince } from "./versions.js";

const DETAILS = ["backlog", "exclusive", "ipv6Only"] as const;
/** Others ignore it. */
const hasReusePort = isSince(23, 1) || (isSince(22, 12) && !isSince(23));

/** Sockets of Node, and of runtimes that have its modules. */
export const nodeSockets: Sockets = {
  connect(destination, create, listener) {
    return connectStream(create, destination, listener);
  },
  listen(options, owner) {
    const { port, host, socketPath: path, details } = options;
    mustSupport(details, hasReusePort ? [...DETAILS, "reusePort"] : DETAILS, `Node ${process.versions.node}`);
    const server = httpServer(options, owner);
    const insecure = options.tls === undefined ? [] : insecureOf(server);
    server.on("upgrade", (request, socket, head) => owner.onUpgrade(request, new NodeTransport(socket), head));
    server.on("listening", () => owner.onListening());
    server.on("error", (error) => owner.onError(error));
    if (path === undefined) server.listen({ ...details, port, host });
    else server.listen({ path });
    const closed = new Promise<void>((resolve) => server.once("close", resolve));
    return {
      address: () => server.address(),
      stop: () => server.close(),
      async close() {
        if (server.listening) server.close();
        server.closeAllConnections();
        for (const socket of insecure) socket.destroy();
        await closed;
      },
    };
  },
};

function httpServer({ handshakeTimeout, tls }: ListenOptions, owner: ListenOwner): Server {
  const options = {
    headersTimeout: handshakeTimeout,
    requestTimeout: handshakeTimeout,
    connectionsCheckingInterval: Math.min(handshakeTimeout, 30_000),
  };
  const server =
    tls === undefined
      ? createServer(options)
      : withValid(tls, () => createSecureServer({ ...options, handshakeTimeout, ...tls }));
  // a head has 16 KiB at most: by default, Node 24 refuses the 1,000th field, and older versions hide later ones
  server.maxHeadersCount = 0;
  server.on("clientError", (error: NodeJS.ErrnoException, socket: Duplex) => refuse(error, socket, owner));
  return server.on("request", (request, response) => {
    const body = "This server speaks WebSocket only\n";
    response.writeHead(426, {
      Upgrade: "websocket",
      Connection: "Upgrade, close", // as everywhere else: no further request may come
      "Content-Type": "text/plain",
      "Content-Length": body.length,
    });
    response.end(body);
    owner.onRefused(426, request, request.socket.remoteAddress);
  });
}

/** Heads of answers to what is not a request, as Node has them. */
const ANSWERS: { readonly [code: string]: [status: number, reason: string] | undefined } = {
  HPE_HEADER_OVERFLOW: [431, "Request Header Fields Too Large"],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: [413, "Payload Too Large"],
  ERR_HTTP_REQUEST_TIMEOUT: [408, "Request Timeout"],
};

/** Does what Node does by default, and reports it. The failure of a socket is not a refused request. */
function refuse({ code = "" }: NodeJS.ErrnoException, socket: Duplex, owner: ListenOwner): void {
  if (code.startsWith("HPE_") || code === "ERR_HTTP_REQUEST_TIMEOUT") {
    const [status, reason] = ANSWERS[code] ?? [400, "Bad Request"];
    owner.onRefused(status, undefined, (socket as Partial<Socket>).remoteAddress);
    if (socket.writable) socket.write(`HTTP/1.1 ${status} ${reason}\r\nConnection: close\r\n\r\n`);
  }
  socket.destroy();
}
