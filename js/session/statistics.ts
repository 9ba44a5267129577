/**
 * Memory and sessions that the engine holds for all connections of the process.
 *
 * @module
 */
import { memorySize, trapCount } from "../engine/engine.js";
import { sessionCount } from "./session.js";

/** Figures about the engine. */
export interface EngineStatistics {
  /** Bytes of linear memory that it has taken from the system. It gives none back, and uses them again. */
  readonly memoryBytes: number;
  /** Connections that have memory of it, of clients and of servers. */
  readonly sessions: number;
  /** Calls that trapped, by a bug or for want of memory. Each has lost a connection, and up to 420 KiB of memory. */
  readonly traps: number;
}

/** The engine's figures now. The main entry and `websocket-component/ws` share one engine; `slim` has its own. */
export function engineStatistics(): EngineStatistics {
  return { memoryBytes: memorySize(), sessions: sessionCount(), traps: trapCount() };
}
