/**
 * WebSocket client and server for Deno, on its own sockets.
 *
 * @packageDocumentation
 */
import "../load/deno.js";

import { denoSockets } from "../transport/deno.js";
import { useSockets } from "../transport/runtime.js";

useSockets(denoSockets);

export * from "../socket-index.js";
