/**
 * Takes the inspector out of the program's own text, at once: for bundles of one file.
 *
 * @module
 */
import { initialise } from "../inspect/inspector.js";
import base64 from "./inspect-base64.js";
import { start } from "./start.js";
import { unpacked } from "./unpack-inline.js";

start(() => unpacked(base64), initialise);
