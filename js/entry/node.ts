/**
 * WebSocket client and server for Node.
 *
 * @module websocket-component
 */
import "../load/node.js";

import { nodeSockets } from "../transport/node-sockets.js";
import { useSockets } from "../transport/runtime.js";

useSockets(nodeSockets);

export * from "../index.js";
