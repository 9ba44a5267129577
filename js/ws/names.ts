/**
 * Types by the names that `@types/ws` has for them, and the API has not.
 *
 * @module
 */
import type { IncomingMessage, OutgoingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";

import type { EventTypes } from "./events.js";
import type { VerifyInfo } from "./server.js";
import type { ClientOptions, WebSocket } from "./websocket.js";

export type { AddressInfo };

/** What `ca`, `cert` and `key` take. */
export type CertMeta = string | string[] | Buffer | Buffer[];

/** What `addEventListener` takes last. */
export interface EventListenerOptions {
  /** Whether the listener is called once. */
  once?: boolean | undefined;
}

/** The option `finishRequest`. */
export type FinishRequestCallback = NonNullable<ClientOptions["finishRequest"]>;

/** A `verifyClient` that answers at once. */
export type VerifyClientCallbackSync<R extends IncomingMessage = IncomingMessage> = (info: VerifyInfo<R>) => boolean;

/** A `verifyClient` that answers by its callback. */
export type VerifyClientCallbackAsync<R extends IncomingMessage = IncomingMessage> = (
  info: VerifyInfo<R>,
  callback: (verified: boolean, code?: number, message?: string, headers?: OutgoingHttpHeaders) => void,
) => void;

/** The events of `addEventListener`, by type. */
export type WebSocketEventMap = EventTypes<WebSocket>;
