/**
 * Fetches the engine; whoever imports this waits for it.
 *
 * @module
 */
import { initialise } from "../engine.js";

const url = new URL("../../pkg/websocket_component_bg.wasm", import.meta.url);
initialise(await WebAssembly.compileStreaming(fetch(url)));
