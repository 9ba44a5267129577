/**
 * Memory and sessions that the engine holds for all connections of the process.
 *
 * @module
 */
import { memorySize } from "../engine/engine.js";
import { sessionCount } from "./session.js";

/** Figures about the engine. */
export interface EngineStatistics {
  /** Bytes of linear memory that it has taken from the system. It gives none back, and uses them again. */
  readonly memoryBytes: number;
  /** Connections that have memory of it, of clients and of servers. */
  readonly sessions: number;
}

/** The engine's figures now. The main entry and `websocket-component/ws` share one engine; `slim` has its own. */
export function engineStatistics(): EngineStatistics {
  return { memoryBytes: memorySize(), sessions: sessionCount() };
}
