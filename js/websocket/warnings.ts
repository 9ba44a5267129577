/**
 * Warnings of the process, for what has no other place to be told.
 *
 * @module
 */
import { inspect } from "node:util";

/**
 * Warns that an application's hook or listener failed. Node prints no more of a warning than its message, so that has
 * the place where it failed, too.
 *
 * @param error what was thrown, which can be anything
 */
export function warnOfFailure(error: unknown): void {
  const hint = 'Without server.on("error", …), only this first failure is shown';
  const message = `A hook or a listener of a WebSocketServer failed. ${hint}:\n${inspect(error)}`;
  const warning = new Error(message, { cause: error });
  warning.name = "WebSocketServerWarning";
  process.emitWarning(warning);
}
