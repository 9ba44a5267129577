/**
 * Loads the engine from its file, at once: Node and Bun.
 *
 * @module
 */
import { readFileSync } from "node:fs";

import { initialise } from "../engine/engine.js";
import { start } from "./start.js";

start(() => readFileSync(new URL("../../pkg/websocket_component_bg.wasm", import.meta.url)), initialise);
