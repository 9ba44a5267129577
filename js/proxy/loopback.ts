/**
 * Names of this machine. A site whose name is made to lead here, by DNS rebinding, says its own name.
 *
 * @module
 */

/** Whether a `Host` names this machine alone. */
export function isLoopback(host = ""): boolean {
  return /^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?$/i.test(host);
}
