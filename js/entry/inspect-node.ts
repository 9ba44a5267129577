/**
 * Recorded conversations, taken apart; for Node, Deno and Bun.
 *
 * @packageDocumentation
 */
import "../load/inspect-node.js";

export * from "../inspect/index.js";
