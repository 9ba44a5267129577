/**
 * WebSocket client and server by the API of the package `ws`, for Deno.
 *
 * @packageDocumentation
 */
import "../load/deno.js";

export * from "../ws/index.js";
// what `require` gives, of this module and of its CommonJS form
export { WebSocket as default, WebSocket as "module.exports" } from "../ws/index.js";
