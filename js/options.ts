/**
 * Defaults and checks of options, the same for every entry.
 *
 * @module
 */
import { WebSocketError } from "./errors.js";

/** Times in milliseconds, sizes in bytes. */
export const defaults: {
  readonly handshakeTimeout: number;
  readonly closeTimeout: number;
  readonly maxFrameSize: number;
  readonly maxMessageSize: number;
} = {
  handshakeTimeout: 30_000,
  closeTimeout: 30_000,
  maxFrameSize: Number.POSITIVE_INFINITY,
  maxMessageSize: 104_857_600, // 100 MiB
};

/**
 * The value of an option that must be a number above 0.
 *
 * @throws WebSocketError `WS_ERR_INVALID_OPTION`
 */
export function positive(name: string, value: number): number {
  if (typeof value === "number" && value > 0) return value;
  throw new WebSocketError("WS_ERR_INVALID_OPTION", `The option ${name} must be a number above 0, not ${value}`);
}
