/**
 * The exports for Deno and Bun: those for Node, except that a server's requests are always `HandshakeRequest`s.
 *
 * @module
 */
import type * as options from "./server/options.js";
import * as server from "./server/server.js";
import type { HandshakeRequest } from "./transport/upgrade.js";
import type { BinaryType } from "./websocket/receiving.js";

export * from "./index.js";

/** Decides whether to accept a handshake. */
export type Verify<R extends HandshakeRequest = HandshakeRequest, D = unknown> = options.Verify<R, D>;
/** Options of a server. One of `port`, `socketPath`, `server` and `noServer` is needed. */
export type WebSocketServerOptions<
  R extends HandshakeRequest = HandshakeRequest,
  D = unknown,
  // biome-ignore lint/suspicious/noExplicitAny: as for Node
  B extends BinaryType = any,
> = options.WebSocketServerOptions<R, D, B>;
/** The events of a server, with their arguments. */
export type WebSocketServerEvents<
  R extends HandshakeRequest = HandshakeRequest,
  D = unknown,
  B extends BinaryType = "nodebuffer",
> = server.WebSocketServerEvents<R, D, B>;
/** A WebSocket server. */
export type WebSocketServer<
  R extends HandshakeRequest = HandshakeRequest,
  D = unknown,
  B extends BinaryType = "nodebuffer",
> = server.WebSocketServer<R, D, B>;
/** A WebSocket server. */
export const WebSocketServer: new <
  R extends HandshakeRequest = HandshakeRequest,
  D = unknown,
  B extends BinaryType = "nodebuffer",
>(
  options: WebSocketServerOptions<R, D, B>,
) => WebSocketServer<R, D, B> = server.WebSocketServer;
