/**
 * Messages on `node:diagnostics_channel`. They cost nothing while a channel has no subscriber.
 *
 * @module
 */
import { channel } from "node:diagnostics_channel";

import type { ConnectionFailure } from "../connection/failures.js";
import type { HandshakeRequest } from "../transport/upgrade.js";

/**
 * Channels by what they tell; each message has the `socket`, and what its event has. Of a server's sockets `open` and
 * `close` have `server`, `request` and the client's `address` too, if one of them had a subscriber when it was
 * accepted: a request that is kept takes memory.
 */
export const channels = {
  /** `websocket-component:open`: a handshake is done. */
  open: channel("websocket-component:open"),
  /** `websocket-component:close`, with `code`, `reason`, `wasClean`, and `error` if there was one. */
  close: channel("websocket-component:close"),
  /** `websocket-component:ping`, with `payload`: one came. */
  ping: channel("websocket-component:ping"),
  /** `websocket-component:pong`, with `payload`, and `roundTripTime` in milliseconds if it answers our ping. */
  pong: channel("websocket-component:pong"),
  /**
   * `websocket-component:refused`: a server refused a handshake. Without a socket, but with `server`, `status`,
   * `reason` ({@link RefusalReason}), `address`, and `request` unless what came was not one.
   */
  refused: channel("websocket-component:refused"),
} as const;

/** The fields of every message about a socket. `S` is `WebSocket`; the channels know no classes. */
export interface SocketMessage<S = unknown> {
  /** The socket. */
  readonly socket: S;
  /** The side that the socket is on. */
  readonly side: "client" | "server";
}

/** More fields about a server's socket, if there was a subscriber when it was accepted. */
export interface AcceptedMessage<S = unknown> extends SocketMessage<S> {
  /** The server that accepted it. */
  readonly server?: object;
  /** The request of its handshake. */
  readonly request?: HandshakeRequest;
  /** The client's. */
  readonly address?: string;
}

/** The messages of the channels, by their names. */
export interface DiagnosticsMessages<S = unknown> {
  /** A handshake is done. */
  "websocket-component:open": AcceptedMessage<S>;
  /** A connection ended. */
  "websocket-component:close": AcceptedMessage<S> & {
    /** The code of its close event. */
    readonly code: number;
    /** The reason that the peer gave. */
    readonly reason: string;
    /** Whether close frames went both ways. */
    readonly wasClean: boolean;
    /** Why it ended, if not by close frames. */
    readonly error: ConnectionFailure | undefined;
  };
  /** A ping came. */
  "websocket-component:ping": SocketMessage<S> & {
    /** Its payload, at most 125 bytes. */
    readonly payload: Uint8Array;
  };
  /** A pong came. */
  "websocket-component:pong": SocketMessage<S> & {
    /** Its payload, at most 125 bytes. */
    readonly payload: Uint8Array;
    /** Milliseconds, if it answers our ping. */
    readonly roundTripTime: number | undefined;
  };
  /** A server refused a handshake. */
  "websocket-component:refused": {
    /** The server that refused. */
    readonly server: object;
    /** The HTTP status of its answer. */
    readonly status: number;
    /** Why it refused. */
    readonly reason: RefusalReason;
    /** The client's address. */
    readonly address: string | undefined;
    /** The request, unless what came was not one. */
    readonly request: HandshakeRequest | undefined;
  };
}

/**
 * Why a server refused: `http`, what came was not an upgrade, or not HTTP, or not in time; `request`, an invalid
 * handshake or another version (400, 426); `path` (404); `origin` (403); `verify`, by the application; `timeout`,
 * `verify` took too long (503); `failed`, a hook did (500); `connections` (503), `address`, `rate` (429), the quotas;
 * `closing`, the server closes (503).
 */
export type RefusalReason =
  | "http"
  | "request"
  | "path"
  | "origin"
  | "verify"
  | "timeout"
  | "failed"
  | "connections"
  | "address"
  | "rate"
  | "closing";

/** Whether a channel has a subscriber for a socket that opens now. */
export function isWatched(): boolean {
  return channels.open.hasSubscribers || channels.close.hasSubscribers;
}
