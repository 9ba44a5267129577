/**
 * WebSocket client and server for bundles that run in Node, Deno or Bun: the engine is part of the bundle.
 *
 * @packageDocumentation
 */
import "../load/inline.js";

export * from "../index.js";
