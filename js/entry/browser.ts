/**
 * A browser gives pages no sockets, and a WebSocket of its own: here the package is the component API.
 *
 * @packageDocumentation
 */
export * from "./component-browser.js";
