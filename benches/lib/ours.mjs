// Our session without a connection, called as `js/connection/connection.ts` calls it.
import "../../dist/entry/node.js";
import { wasm } from "../../dist/engine/engine.js";
import { FrameSession } from "../../dist/session/session.js";

/** The limits that a connection has by default. */
const [MAX_FRAME, MAX_MESSAGE, MAX_FRAGMENTS] = [Number.POSITIVE_INFINITY, 100 * 2 ** 20, 131_072];

/** The session of one connection. */
export function session(isServer) {
  return new FrameSession(new wasm.Session(isServer, MAX_FRAME, MAX_MESSAGE, MAX_FRAGMENTS), isServer, MAX_MESSAGE);
}

/** A function that takes a chunk, which is its own from then on, and gives out messages as strings and `Buffer`s. */
export function decoder(isServer, give) {
  const frames = session(isServer);
  return (chunk) => {
    for (let taken = 0; taken < chunk.length; ) {
      const received = [];
      taken += frames.receive(taken === 0 ? chunk : chunk.subarray(taken), received, undefined, true);
      for (const message of received) give(typeof message === "string" ? message : asBuffer(message));
    }
  };
}

function asBuffer(data) {
  return Buffer.isBuffer(data) ? data : Buffer.from(data.buffer, data.byteOffset, data.byteLength);
}

/** A socket whose system takes all at once: `js/transport/node.ts` gives it bytes in memory that is used again. */
const network = {
  slab: Buffer.allocUnsafeSlow(132 * 1024),
  adopt(bytes) {
    if (bytes.length > this.slab.length) return Buffer.from(bytes);
    this.slab.set(bytes);
    return this.slab.subarray(0, bytes.length);
  },
};

/** A function that sends a message so often, and writes what that makes. */
export function encoder(isServer, write) {
  const frames = session(isServer);
  return (message, count) => {
    for (let left = count; left > 0; left--) frames.send(message);
    for (const part of frames.takeOutput(network)) write(part);
  };
}
