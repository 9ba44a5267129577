/**
 * The server of the command and the start page.
 *
 * @module
 */
import type { WebSocket } from "../websocket/websocket.js";

/** Bytes that may wait to be sent on a connection before its reading stops. */
const MAX_BUFFERED = 1 << 20;

/** Sends every message back. */
export function echo(socket: WebSocket): void {
  socket.addEventListener("message", (event) => {
    socket.send(event.data);
    // a peer that sends and does not read has to wait, or its messages would fill our memory
    if (socket.bufferedAmount > MAX_BUFFERED) socket.pause();
  });
  socket.addEventListener("drain", () => socket.resume());
}
