/**
 * Ends sessions of HTTP/2 of which Node does not say that they are over.
 *
 * @module
 */
import type { Http2Session } from "node:http2";

import { clearTimeout, setWatch } from "./tasks.js";
import { isSince } from "./versions.js";

/** Milliseconds without a byte until the peer is asked for one, and again until it is given up. */
const QUIET_TIME = 60_000;

/**
 * Where frames break HTTP/2, such as DATA on stream 0, these versions send GOAWAY and read no more. No event follows,
 * not even when the peer has closed TCP. Version 22.11 is known to have the fault, and 22.23 to be without it.
 */
const isNeeded = !isSince(22, 23);

const watched = new WeakSet<Http2Session>();

/** Ends a session that gets nothing any more, and its streams with it. Its timer does not keep the process alive. */
export function watchSession(session: Http2Session | undefined): void {
  if (!isNeeded || session === undefined || session.destroyed || watched.has(session)) return;
  watched.add(session);
  let bytesRead = 0;
  let isAsked = false;
  const look = () => {
    if (session.destroyed) return; // its close may take a while
    const isQuiet = session.socket.bytesRead === bytesRead;
    bytesRead = session.socket.bytesRead;
    if (isQuiet && isAsked) {
      session.destroy();
      return;
    }
    isAsked = isQuiet;
    if (isQuiet) ask(session); // the bytes of the answer count
    timer = setWatch(look, QUIET_TIME);
  };
  let timer = setWatch(look, QUIET_TIME);
  session.once("close", () => clearTimeout(timer));
}

function ask(session: Http2Session): void {
  if (session.closed)
    session.settings({}); // after a GOAWAY, it sends no pings any more
  else session.ping(ignore);
}

function ignore(): void {}
