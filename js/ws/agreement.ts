/**
 * What a socket's two sides have agreed on, by a handshake or without any.
 *
 * @module
 */
import type { IncomingMessage } from "node:http";

import { WebSocketError } from "../engine/errors.js";
import { fieldsIn, type HeaderField, type HeaderFields, pairs } from "../engine/http.js";
import {
  type Agreed,
  answerHandshake,
  type Bootstrap,
  ClientHandshake,
  type SessionOptions,
} from "../session/handshake.js";
import type { Transport } from "../transport/transport.js";
import { handshakeErrorOf, unreadableExtensions } from "./errors.js";
import { type SharedOptions, type SocketSettings, socketSettings } from "./options.js";

/** What a connection begins with. */
export interface Agreement extends Agreed {
  readonly settings: SocketSettings;
  /** That of the stream, if it has one. */
  readonly transport?: Transport | undefined;
}

/**
 * Begins a client's handshake.
 *
 * @param own the caller's fields, whose names and values are valid
 * @throws SyntaxError for subprotocols that are not valid; WebSocketError `WS_ERR_INVALID_OPTION` for a field that a
 *   handshake cannot have
 */
export function beginHandshake(
  protocols: readonly string[],
  session: SessionOptions,
  own: HeaderFields = [],
  bootstrap: Bootstrap = "upgrade",
): ClientHandshake {
  const message = "An invalid or duplicated subprotocol was specified";
  if (!protocols.every((protocol) => typeof protocol === "string")) throw new SyntaxError(message);
  try {
    return new ClientHandshake(protocols, own, session, bootstrap);
  } catch (cause) {
    if (cause instanceof WebSocketError) throw cause;
    throw new SyntaxError(message, { cause });
  }
}

/**
 * What a server's answer agrees to.
 *
 * @throws Error as `ws` has it, for an answer that is not a WebSocket server's
 */
export function agreedBy(
  handshake: ClientHandshake,
  { headers, rawHeaders }: Pick<IncomingMessage, "headers" | "rawHeaders">,
  protocols: readonly string[],
  { deflate }: SessionOptions,
): Agreed {
  try {
    if (headers["sec-websocket-extensions"] === "") throw unreadableExtensions(deflate);
    const agreed = handshake.finish(pairs(rawHeaders));
    if (protocols.length === 0 || agreed.protocol !== "") return agreed;
    agreed.session.free();
    throw new Error("Server sent no subprotocol");
  } catch (error) {
    throw handshakeErrorOf(error, protocols.length > 0, deflate !== undefined);
  }
}

/**
 * For a stream whose handshake the caller did, as `ws` allows: the engine does one with itself, because only a
 * handshake makes a session.
 */
export function withoutHandshake(options: SharedOptions, isServer: boolean): Agreement {
  const settings = socketSettings({ ...options, perMessageDeflate: false }, isServer);
  const client = new ClientHandshake([], [], settings.session);
  let fields: readonly HeaderField[] = [];
  const keep = (made: string) => {
    fields = fieldsIn(made);
    return [];
  };
  const server = answerHandshake([["Host", "localhost"], ...client.fields], "", keep, settings.session);
  if (isServer) {
    client.abandon();
    return { ...server, settings };
  }
  server.session.free();
  return { ...client.finish(fields), settings };
}
