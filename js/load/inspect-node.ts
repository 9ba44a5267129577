/**
 * Loads the inspector from its file, at once: Node, Deno and Bun.
 *
 * @module
 */
import { readFileSync } from "node:fs";

import { initialise } from "../inspect/inspector.js";
import { start } from "./start.js";

start(() => readFileSync(new URL("../../pkg/websocket_component_inspect_bg.wasm", import.meta.url)), initialise);
