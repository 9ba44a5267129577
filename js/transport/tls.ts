/**
 * Options of TLS for runtimes that have fewer than Node, or other shapes of them.
 *
 * @module
 */
import { Buffer } from "node:buffer";

import { WebSocketError } from "../engine/errors.js";

/**
 * The options, if a runtime can do all that are set.
 *
 * @throws WebSocketError `WS_ERR_INVALID_OPTION`
 */
export function onlyTls<T extends object, K extends keyof T>(
  runtime: string,
  options: T,
  possible: readonly K[],
): Pick<T, K> {
  const impossible = Object.entries(options).find(
    ([name, value]) => value !== undefined && !possible.includes(name as K),
  );
  if (impossible === undefined) return options;
  const message = `${runtime} cannot do the option tls.${impossible[0]}, only ${possible.join(", ")}`;
  throw new WebSocketError("WS_ERR_INVALID_OPTION", message);
}

/**
 * Certificates or keys in PEM.
 *
 * @throws WebSocketError `WS_ERR_INVALID_OPTION`
 */
export function pem(name: string, given: unknown): string[] {
  if (given === undefined) return [];
  if (Array.isArray(given)) return given.flatMap((one) => pem(name, one));
  if (typeof given === "string") return [given];
  if (given instanceof Uint8Array) return [Buffer.from(given).toString()];
  throw new WebSocketError("WS_ERR_INVALID_OPTION", `The option tls.${name} must be PEM, as a string or bytes`);
}
