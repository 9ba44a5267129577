/**
 * A WebSocket as a stream of `node:stream`.
 *
 * @module
 */
import { Duplex, type DuplexOptions } from "node:stream";

import type { RawData, WebSocket } from "./websocket.js";

/**
 * A stream that reads the messages of a socket and sends what is written to it, each chunk as a message. A reader that
 * does not keep up makes the peer wait, and a peer that does not keep up the writer. To end the stream closes the
 * socket, and to destroy it ends the connection at once.
 *
 * @param options of the stream; with `readableObjectMode` text comes as strings
 */
export function createWebSocketStream(socket: WebSocket, options: DuplexOptions = {}): Duplex {
  const stream = new Duplex({
    ...options,
    autoDestroy: true,
    emitClose: true,
    objectMode: false,
    writableObjectMode: false,
    read: () => socket.resume(),
    write: (chunk: Uint8Array, _encoding, done) => whenOpen(socket, () => socket.send(chunk, done)),
    final: (done) => whenOpen(socket, () => finish(socket, done)),
    destroy: (error, done) => {
      let failure = error;
      whenClosed(socket, () => done(failure));
      if (hasFailed) return; // the peer is being told why
      socket.once("error", (later: Error) => {
        failure = later;
      });
      socket.terminate();
    },
  });
  let hasFailed = false;
  socket.on("message", (data: RawData, isBinary: boolean) => {
    const isString = !isBinary && stream.readableObjectMode;
    if (!stream.destroyed && !stream.push(isString ? String(data) : data)) socket.pause();
  });
  socket.once("error", (error: Error) => {
    if (stream.destroyed) return;
    hasFailed = true;
    stream.destroy(error);
  });
  socket.once("close", () => {
    if (!stream.destroyed) stream.push(null);
  });
  return stream;
}

/** Runs a step when the socket can send; not at all if it never can. */
function whenOpen(socket: WebSocket, step: () => void): void {
  if (socket.readyState === socket.CONNECTING) socket.once("open", step);
  else step();
}

/** Closes, and tells when all is written. A socket that was never open tells by its error. */
function finish(socket: WebSocket, done: () => void): void {
  const raw = socket._socket;
  if (raw === null) return;
  const end = () => {
    raw.off("finish", end);
    socket.off("close", end);
    done();
  };
  raw.on("finish", end);
  whenClosed(socket, end);
  socket.close();
}

function whenClosed(socket: WebSocket, step: () => void): void {
  if (socket.readyState === socket.CLOSED) step();
  else socket.once("close", step);
}
