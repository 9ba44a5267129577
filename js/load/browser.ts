/**
 * Fetches the engine. Modules that import this one wait for it.
 *
 * @module
 */
import { initialise } from "../engine/engine.js";

const url = new URL("../../pkg/websocket_component_bg.wasm", import.meta.url);
initialise(await compile(await fetch(url)));

/** @throws Error if the server does not have the engine */
async function compile(response: Response): Promise<WebAssembly.Module> {
  if (!response.ok) throw new Error(`The engine is not at ${url}: the server answered ${response.status}`);
  // browsers compile what still comes only if the server gives it this type, and not all servers know it
  const isTyped = response.headers.get("Content-Type") === "application/wasm";
  return isTyped ? WebAssembly.compileStreaming(response) : WebAssembly.compile(await response.arrayBuffer());
}
