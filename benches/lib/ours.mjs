// Our session without a connection, called as `js/connection/connection.ts` calls it.
import "../../dist/entry/node.js";
import { wasm } from "../../dist/engine/engine.js";
import { giveBack, lentOutput } from "../../dist/engine/output.js";
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

/** A socket whose system takes all at once. */
const network = { takesAtOnce: true };

/** A function that sends a message so often, and writes what that makes. */
export function encoder(isServer, write) {
  const frames = session(isServer);
  return (message, count) => {
    for (let left = count; left > 0; left--) frames.send(message);
    for (const part of frames.takeOutput(network)) write(part);
    const slab = lentOutput();
    if (slab !== undefined) giveBack(slab);
  };
}
