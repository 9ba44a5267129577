/**
 * Why connections end, if not by close frames both ways.
 *
 * @module
 */
import type { EngineTrap } from "../engine/engine.js";
import { WebSocketError, type WebSocketProtocolError } from "../engine/errors.js";

/** Why a connection ended, if not by close frames both ways. */
export type ConnectionFailure = WebSocketError | WebSocketProtocolError | EngineTrap;

export function full(most: number): WebSocketError {
  return new WebSocketError("WS_ERR_BUFFER_FULL", `The connection would hold more than maxBufferedBytes, ${most}`);
}

export function overBudget(most: number): WebSocketError {
  const message = `All connections together would hold more than ${most} bytes, and this one held most`;
  return new WebSocketError("WS_ERR_BUFFER_FULL", message);
}

export function messageTimedOut(timeout: number): WebSocketError {
  return new WebSocketError("WS_ERR_MESSAGE_TIMEOUT", `The peer did not finish a message within ${timeout} ms`);
}

export function controlsTooMany(): WebSocketError {
  const message = "The peer sent thousands of pings or pongs at once, and no message between them";
  return new WebSocketError("WS_ERR_CONTROL_FLOOD", message);
}

export function pingTimedOut(timeout: number): WebSocketError {
  return new WebSocketError("WS_ERR_PING_TIMEOUT", `Nothing came from the peer within ${timeout} ms after a ping`);
}

export function closeTimedOut(): WebSocketError {
  return new WebSocketError("WS_ERR_CLOSE_TIMEOUT", "The peer did not answer the close frame in time");
}

export function terminated(): WebSocketError {
  return new WebSocketError("WS_ERR_TERMINATED", "The connection was terminated");
}

export function lost(cause: Error | undefined): WebSocketError {
  return cause === undefined
    ? new WebSocketError("WS_ERR_CONNECTION_LOST", "The connection ended without a close frame")
    : new WebSocketError("WS_ERR_CONNECTION", `The connection broke: ${cause.message}`, { cause });
}
