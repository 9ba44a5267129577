/**
 * Takes the engine that Deno has loaded with the modules, for which it needs no permission.
 *
 * @module
 */
import { initialise } from "../engine/engine.js";
import engine from "./source.js";

initialise(engine);
