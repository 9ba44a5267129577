/**
 * WebSocket client and server for Node.
 *
 * @packageDocumentation
 */
import "../load/node.js";

export * from "../index.js";
