// A session of ours without a connection: what the driver has for each.
import "../../dist/entry/node.js";
import { wasm } from "../../dist/engine.js";
import { FrameSession } from "../../dist/session.js";

/** With the limits that a connection has by default. */
const [MAX_FRAME, MAX_MESSAGE, MAX_FRAGMENTS] = [Number.POSITIVE_INFINITY, 100 * 2 ** 20, 131_072];

/** The session of one connection. */
export function session(isServer) {
  return new FrameSession(new wasm.Session(isServer, MAX_FRAME, MAX_MESSAGE, MAX_FRAGMENTS), isServer, MAX_MESSAGE);
}
