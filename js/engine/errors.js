/**
 * Errors, each with a stable `code`.
 *
 * @module
 */
import { wasm } from "./engine.js";
/** An error of the engine: a call that is not allowed, or a peer that broke the protocol. */
export class WebSocketProtocolError extends Error {
  /** Its class. */
  name = "WebSocketProtocolError";
  /** The result code's name. */
  code;
  /** The result code, unsigned. */
  hresult;
  /** What to close the connection with, if the peer's frames are to blame. */
  closeStatus;
  /** The rule that was broken: a section of an RFC, or a function of the component API. */
  section;
  /** @internal The engine's number for the error. */
  id;
  /** @param id the engine's number for the error */
  constructor(id) {
    const [code, hresult, closeStatus, text, section] = wasm.describe_error(id);
    super(`${text} (${section})`);
    this.code = code;
    this.hresult = hresult;
    this.closeStatus = closeStatus || undefined;
    this.section = section;
    this.id = id;
  }
}
/** An error of a driver: of the connection, not of the protocol. */
export class WebSocketError extends Error {
  /** Its class. */
  name = "WebSocketError";
  /** What went wrong. */
  code;
  /** The HTTP status of the server's answer, with `WS_ERR_UNEXPECTED_RESPONSE`. */
  status;
  constructor(code, message, options = {}) {
    super(message, "cause" in options ? { cause: options.cause } : undefined);
    this.code = code;
    this.status = options.status;
  }
}
/** Runs a call that throws the engine's number for an error, and throws the error itself. */
export function withTypedErrors(call) {
  try {
    return call();
  } catch (error) {
    throw typeof error === "number" ? new WebSocketProtocolError(error) : error;
  }
}
//# sourceMappingURL=errors.js.map
