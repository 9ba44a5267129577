/**
 * What a socket's two sides have agreed on, by a handshake or without any.
 *
 * @module
 */
import type { HeaderField } from "../engine/http.js";
import { type Agreed, answerHandshake, ClientHandshake } from "../session/handshake.js";
import { type SharedOptions, type SocketSettings, socketSettings } from "./options.js";

/** What a connection begins with. */
export interface Agreement extends Agreed {
  readonly settings: SocketSettings;
}

/**
 * For a stream whose handshake the caller did, as `ws` allows: the engine does one with itself, because only a
 * handshake makes a session.
 */
export function withoutHandshake(options: SharedOptions, isServer: boolean): Agreement {
  const settings = socketSettings({ ...options, perMessageDeflate: false }, isServer);
  const client = new ClientHandshake([], [], settings.session);
  let fields: readonly HeaderField[] = [];
  const keep = (made: readonly HeaderField[]) => {
    fields = made;
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
