/**
 * Recorded conversations, taken apart; for Deno.
 *
 * @packageDocumentation
 */
import "../load/inspect-deno.js";

export * from "../inspect/index.js";
