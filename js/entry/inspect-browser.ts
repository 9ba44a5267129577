/**
 * Recorded conversations, taken apart; for pages and workers. Importing it waits for the inspector to be fetched.
 *
 * @packageDocumentation
 */
import "../load/inspect-browser.js";

export * from "../inspect/index.js";
