/**
 * Takes the inspector that Deno has loaded with the modules, for which it needs no permission.
 *
 * @module
 */
import { initialise } from "../inspect/inspector.js";
import engine from "./inspect-source.js";

initialise(engine);
