/**
 * WebSocket client and server for bundles that run in Node, Deno or Bun: the engine is part of the bundle.
 *
 * @packageDocumentation
 */
import "../load/inline.js";

import { nodeSockets } from "../transport/node-sockets.js";
import { useSockets } from "../transport/runtime.js";

useSockets(nodeSockets);

export * from "../index.js";
