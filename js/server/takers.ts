/**
 * Servers that take the upgrades of an HTTP server, by their paths.
 *
 * @module
 */
import type { IncomingMessage } from "node:http";
import type { IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";
import type { Duplex } from "node:stream";

import { type HandshakeRequest, resource } from "../transport/upgrade.js";

/** Takes upgrades of one path, or of all paths that have no other taker. */
export interface Taker {
  readonly path: string | undefined;
  /** Milliseconds after which an upgrade that was not taken is answered with 404. */
  readonly timeout: number;
  /** Whether it refuses all upgrades from now on; another one may have its path. */
  isLeaving(): boolean;
  take(request: IncomingMessage, socket: Duplex, head: Uint8Array): void;
  /** The same over HTTP/2. */
  takeStream(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void;
  /** An upgrade of a path without a taker was answered with 404. */
  onMissed(request: HandshakeRequest): void;
}

/** Milliseconds that a client has to take its refusal when the server closes. */
export const CLOSING_TIME = 1000;

/** Takers by their paths. */
export type Takers = ReadonlyMap<string | undefined, Taker>;

/** The path of a request's target; none if it is not a target. */
export function pathOf({ url }: Pick<HandshakeRequest, "url">): string | undefined {
  return resource(url)?.split("?", 1)[0];
}

/** The one of the request's path, or the one of all others. */
export function takerOf(takers: Takers, request: Pick<HandshakeRequest, "url">): Taker | undefined {
  return takers.get(pathOf(request)) ?? takers.get(undefined);
}
