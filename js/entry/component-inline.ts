/**
 * The component API for bundles, in browsers too: the engine is part of the bundle, and importing it does not wait.
 *
 * @packageDocumentation
 */
import "../load/inline.js";

export * from "../component/index.js";
