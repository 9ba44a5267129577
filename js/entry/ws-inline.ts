/**
 * WebSocket client and server by the API of the package `ws`, for bundles: the engine is part of the bundle.
 *
 * @packageDocumentation
 */
import "../load/inline.js";

export * from "../ws/index.js";
// what `require` gives, of this module and of its CommonJS form
export { WebSocket as default, WebSocket as "module.exports" } from "../ws/index.js";
