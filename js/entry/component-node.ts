/**
 * The component API for Node.
 *
 * @module websocket-component/component
 */
import "../load/node.js";

export * from "../component/index.js";
