/**
 * The component API for browsers; importing it waits for the engine to be fetched.
 *
 * @packageDocumentation
 */
import "../load/browser.js";

export * from "../component/index.js";
