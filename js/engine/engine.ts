// `Symbol.dispose` is in our types, and in no standard type library that a program would ask for by itself
/// <reference lib="esnext.disposable" preserve="true" />
/**
 * The engine's module and its linear memory. The only file that imports `pkg/`.
 *
 * @module
 */
import * as wasm from "../../pkg/websocket_component.js";

export * as wasm from "../../pkg/websocket_component.js";

/**
 * Whether this engine can compress; that of `@websocket-component/slim`, which `scripts/build.mjs` puts here, cannot.
 */
export const hasDeflate: boolean = "set_deflate" in wasm.Handle.prototype;

/** The memory that all connections share, as typed arrays. Good until the next call into the engine. */
export interface Scratch {
  /** All of linear memory, for the absolute addresses in `events` and `report`. */
  readonly bytes: Uint8Array;
  /** Where a network chunk is written to, … */
  readonly input: Uint8Array;
  /** … and its address: to ask the array for that takes longer. */
  readonly inputStart: number;
  /** Where frames are made. */
  readonly output: Uint8Array;
  /** Received pieces: flags, address, length. */
  readonly events: Uint32Array;
  /** Results of a call besides its return value. */
  readonly report: Uint32Array;
}

let memory: { readonly buffer: ArrayBuffer } | undefined;
let views: Scratch | undefined;

/** Makes the one instance of the engine from its compiled module. Later calls do nothing. */
export function initialise(module: wasm.EngineModule): void {
  memory ??= wasm.initSync({ module }).memory;
}

/**
 * The scratch memory. A view dies when the memory grows, so this makes new ones as needed: keep none over a call into
 * the engine.
 *
 * @throws Error if the engine is not initialised: import the package by one of its entries.
 */
export function scratch(): Scratch {
  // a buffer that the memory has outgrown has length 0
  return views !== undefined && views.bytes.length > 0 ? views : locate();
}

function locate(): Scratch {
  if (memory === undefined) {
    throw new Error("The engine is not initialised: import websocket-component, not its inner modules");
  }
  const { buffer } = memory;
  const inputStart = wasm.input_address();
  views = {
    bytes: new Uint8Array(buffer),
    input: new Uint8Array(buffer, inputStart, wasm.input_capacity()),
    inputStart,
    output: new Uint8Array(buffer, wasm.output_address(), wasm.output_capacity()),
    events: new Uint32Array(buffer, wasm.events_address()),
    report: new Uint32Array(buffer, wasm.report_address(), 16),
  };
  return views;
}

/** Bytes of linear memory that the engine has taken from the system; it never gives any back. */
export function memorySize(): number {
  return memory?.buffer.byteLength ?? 0;
}

let traps = 0;

/** How many calls have trapped. What each worked on is not freed: its memory may be in any state. */
export function trapCount(): number {
  return traps;
}

/**
 * A call into the engine trapped, by a bug in the engine or for lack of memory. The session that it worked on is lost
 * and must not be used again; all others continue.
 */
export class EngineTrap extends Error {
  /** Its class. */
  override readonly name = "EngineTrap";
  /** Stable code. */
  readonly code = "WS_ERR_ENGINE_TRAP";

  constructor(cause: unknown) {
    traps += 1;
    super("The WebSocket engine stopped in the middle of a call; this connection is lost, others are not", { cause });
  }
}
