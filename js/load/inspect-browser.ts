/**
 * Fetches the inspector. Modules that import this one wait for it.
 *
 * @module
 */
import { initialise } from "../inspect/inspector.js";

const url = new URL("../../pkg/websocket_component_inspect_bg.wasm", import.meta.url);
initialise(await WebAssembly.compileStreaming(fetch(url)));
