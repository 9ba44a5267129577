/**
 * Recorded conversations, taken apart; for bundles: the inspector is part of the bundle, and importing it does not
 * wait.
 *
 * @packageDocumentation
 */
import "../load/inspect-inline.js";

export * from "../inspect/index.js";
