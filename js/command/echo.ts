/**
 * The server of the command and the start page.
 *
 * @module
 */
import type { WebSocket } from "../websocket/websocket.js";

/** Bytes, or UTF-16 units, that are sent on a connection before its reading waits for the network. */
const MOST = 1 << 20;
/** What a message without data takes all the same (RFC 6455 §5.2). */
const LEAST_HEADER = 2;

/** Sends every message back. A peer that sends and does not read has to wait, or its messages would fill our memory. */
export function echo(socket: WebSocket<"nodebuffer">): void {
  const goOn = (): void => socket.resume();
  let sent = 0;
  socket.addEventListener("message", ({ data }) => {
    socket.send(data);
    sent += data.length + LEAST_HEADER;
    if (sent < MOST) return;
    sent = 0;
    socket.pause();
    socket.ready.then(goOn, goOn);
  });
}
