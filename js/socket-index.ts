/**
 * The exports for Deno and Bun: those for Node, except that a server's requests are always `HandshakeRequest`s.
 *
 * @module
 */
import type * as options from "./server/options.js";
import * as server from "./server/server.js";
import type { HandshakeRequest } from "./transport/upgrade.js";

export * from "./index.js";

/** Decides whether to accept a handshake. */
export type Verify = options.Verify<HandshakeRequest>;
/** Options of a server. One of `port`, `socketPath`, `server` and `noServer` is needed. */
export type WebSocketServerOptions = options.WebSocketServerOptions<HandshakeRequest>;
/** The events of a server, with their arguments. */
export type WebSocketServerEvents = server.WebSocketServerEvents<HandshakeRequest>;
/** A WebSocket server. */
export type WebSocketServer = server.WebSocketServer<HandshakeRequest>;
/** A WebSocket server. */
export const WebSocketServer: typeof server.WebSocketServer<HandshakeRequest> = server.WebSocketServer;
