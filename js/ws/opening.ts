/**
 * What a client's opening handshake tells its socket, whichever way it goes.
 *
 * @module
 */
import type { ClientRequest, IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";

import type { Agreed, SessionOptions } from "../session/handshake.js";
import type { Transport } from "../transport/transport.js";
import type { OpeningOptions } from "./options.js";

/** The events of an opening, with their arguments. */
export interface OpeningEvents {
  /**
   * The answer to the handshake's request. Over HTTP/2 it has `statusCode`, `headers`, `rawHeaders`, `httpVersion` and
   * `socket`.
   */
  upgrade: [response: IncomingMessage];
  /**
   * The answer is not an upgrade. A listener has to end the request. Over HTTP/2 both are the stream, which has the
   * members of the answer that `upgrade` names, too.
   */
  "unexpected-response": [request: ClientRequest, response: IncomingMessage];
  /** A redirect is followed; the request can be changed. */
  redirect: [url: string, request: ClientRequest];
}

/** Emits the events of an opening. */
export interface OpeningEmitter {
  emit<K extends keyof OpeningEvents>(event: K, ...args: OpeningEvents[K]): boolean;
  listenerCount(event: keyof OpeningEvents): number;
}

/** Receives the course of an opening: requests, then one of the two others, once, and perhaps within a call. */
export interface OpeningListener {
  /** A request is made, and has to be ended. */
  onRequest(request: ClientRequest): void;
  /** The handshake is done; what came behind the answer is `head`. The stream may have a transport already. */
  onOpened(stream: Duplex, head: Uint8Array, agreed: Agreed, transport?: Transport): void;
  onFailed(error: Error): void;
}

/** What an opening is made of. */
export interface OpeningRequest {
  /** The socket. */
  readonly emitter: OpeningEmitter;
  readonly address: string | URL;
  /** Subprotocols to offer. */
  readonly protocols: readonly string[];
  readonly options: OpeningOptions;
  readonly session: SessionOptions;
  readonly listener: OpeningListener;
}

/** One client's opening handshake. */
export interface Opening {
  /** The URL, as it was resolved, and as the latest redirect has it. */
  readonly url: string;
  /**
   * Sends the request.
   *
   * @throws SyntaxError for a subprotocol that is not valid, and what a field that is not
   */
  begin(): void;
  /** Gives up. */
  abort(message: string): void;
}
