/**
 * How both directions of a session call the engine.
 *
 * @module
 */

/** The parameters and the result of a method of the engine. */
export type EngineMethod<A extends (number | boolean)[], R> = (...args: A) => R;

/** The engine's part of one connection. */
export interface EngineCalls {
  readonly isServer: boolean;
  /**
   * Calls a method of the engine's session. This is the only way into it.
   *
   * @throws WebSocketProtocolError if the answer is a negative number, which stands for an error
   * @throws EngineTrap if the call trapped: this session is lost, and no other
   * @throws TypeError if the session is freed
   */
  enter<A extends (number | boolean)[]>(method: EngineMethod<A, number>, ...args: A): number;
  enter<A extends (number | boolean)[]>(method: EngineMethod<A, void>, ...args: A): void;
}
