/**
 * The component API for Deno.
 *
 * @packageDocumentation
 */
import "../load/deno.js";

export * from "../component/index.js";
