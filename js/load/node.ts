/**
 * Loads the engine from its file, at once: Node and Bun.
 *
 * @module
 */
import { readFileSync } from "node:fs";

import { initialise } from "../engine/engine.js";

initialise(new WebAssembly.Module(readFileSync(new URL("../../pkg/websocket_component_bg.wasm", import.meta.url))));
