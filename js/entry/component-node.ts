/**
 * The component API for Node.
 *
 * @packageDocumentation
 */
import "../load/node.js";

export * from "../component-index.js";
