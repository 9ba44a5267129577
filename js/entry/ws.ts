/**
 * WebSocket client and server by the API of the package `ws`, for Node.
 *
 * @packageDocumentation
 */
import "../load/node.js";

export * from "../ws/index.js";
export { WebSocket as default, WebSocket as "module.exports" } from "../ws/index.js";
