/**
 * Starts an engine, and says what is wrong where that cannot work.
 *
 * @module
 */

/** The engine cannot start, so that importing the package fails; `cause` is the runtime's error. */
class EngineUnavailableError extends Error {
  override readonly name = "EngineUnavailableError";
  /** Stable code. */
  readonly code = "WS_ERR_ENGINE_UNAVAILABLE";
}

/**
 * Compiles an engine and gives it to `initialise`.
 *
 * @param read gives the bytes of its file
 * @throws EngineUnavailableError
 */
export function start(
  read: () => ArrayBufferView<ArrayBuffer>,
  initialise: (module: WebAssembly.Module) => void,
): void {
  if (typeof WebAssembly === "undefined") {
    throw new EngineUnavailableError("This process has no WebAssembly; Node's flag --jitless turns it off");
  }
  const bytes = attempt(read, BUNDLED);
  attempt(() => initialise(new WebAssembly.Module(bytes)), NO_MEMORY);
}

const BUNDLED =
  "The engine's file is not beside the package's modules. If this is a bundle, import websocket-component/inline in place " +
  "of websocket-component (and inline/ws, inline/component, inline/inspect): they have the engine in their text";
const NO_MEMORY =
  "WebAssembly cannot start here. If the process may use little address space (ulimit -v), give Node 20.15 and newer the " +
  "flag --disable-wasm-trap-handler: without it, Node reserves about 10 GiB of addresses for each engine";

function attempt<T>(step: () => T, message: string): T {
  try {
    return step();
  } catch (cause) {
    throw new EngineUnavailableError(message, { cause });
  }
}
