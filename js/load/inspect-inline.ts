/**
 * Takes the inspector out of the program's own text, at once: for bundles of one file.
 *
 * @module
 */
import { initialise } from "../inspect/inspector.js";
import base64 from "./inspect-base64.js";
import { start } from "./start.js";

start(() => Uint8Array.from(atob(base64), (character) => character.charCodeAt(0)), initialise);
