/**
 * WebSocket client and server for Bun, on its own sockets.
 *
 * @packageDocumentation
 */
import "../load/node.js";

import { bunSockets } from "../transport/bun.js";
import { useSockets } from "../transport/runtime.js";

useSockets(bunSockets);

export * from "../socket-index.js";
