/**
 * Takes the engine out of the program's own text, at once: for bundles of one file, and where no file can be read or
 * fetched. On a page's main thread Chromium compiles that much at once since version 115.
 *
 * @module
 */
import { initialise } from "../engine/engine.js";
import base64 from "./base64.js";
import { start } from "./start.js";
import { unpacked } from "./unpack-inline.js";

start(() => unpacked(base64), initialise);
