/**
 * What carries messages of topics between processes; for Node, Deno and Bun. It needs no engine.
 *
 * @packageDocumentation
 */
export * from "../backplane/index.js";
