/**
 * Errors, each with a stable `code`.
 *
 * @module
 */
import { wasm } from "./engine.js";
import { ownOptions } from "./own.js";

/** The component API's result codes. */
export type ProtocolErrorCode =
  | "E_INVALIDARG"
  | "E_FAIL"
  | "E_OUTOFMEMORY"
  | "E_INVALID_PROTOCOL_OPERATION"
  | "E_INVALID_PROTOCOL_FORMAT"
  | "E_PROTOCOL_EXTENSIONS_NOT_SUPPORTED"
  | "E_SUBPROTOCOL_NOT_SUPPORTED"
  | "E_PROTOCOL_VERSION_NOT_SUPPORTED";

/** An error of the engine: a call that is not allowed, or a peer that broke the protocol. */
export class WebSocketProtocolError extends Error {
  /** Its class. */
  override readonly name = "WebSocketProtocolError";
  /** The result code's name. */
  readonly code: ProtocolErrorCode;
  /** The result code, unsigned. */
  readonly hresult: number;
  /** The status to close the connection with, if the peer's frames are to blame. */
  readonly closeStatus: number | undefined;
  /** The rule that was broken: a section of an RFC, or a function of the component API. */
  readonly section: string;
  /** @internal The engine's number for the error. */
  readonly id: number;

  /** @param id the engine's number for the error */
  constructor(id: number) {
    const [code, hresult, closeStatus, text, section] = wasm.describe_error(id) as unknown as [
      ProtocolErrorCode,
      number,
      number,
      string,
      string,
    ];
    super(`${text} (${section})`);
    this.code = code;
    this.hresult = hresult;
    this.closeStatus = closeStatus || undefined;
    this.section = section;
    this.id = id;
  }
}

/** Failures of a connection other than violations of the protocol. */
export type WebSocketErrorCode =
  /** The connection could not be made, or broke; `cause` is the runtime's error. */
  | "WS_ERR_CONNECTION"
  /** The server refused a stream of HTTP/2 before it processed the request, which may be sent again (RFC 9113 §8.7). */
  | "WS_ERR_REFUSED_STREAM"
  /** The connection ended without a close frame. */
  | "WS_ERR_CONNECTION_LOST"
  /** The opening handshake took longer than `handshakeTimeout`. */
  | "WS_ERR_HANDSHAKE_TIMEOUT"
  /** The server did not answer 101; `status` is its answer. */
  | "WS_ERR_UNEXPECTED_RESPONSE"
  /** The peer did not finish the closing handshake within `closeTimeout`. */
  | "WS_ERR_CLOSE_TIMEOUT"
  /** A message, or a frame, was not finished within `messageTimeout`. */
  | "WS_ERR_MESSAGE_TIMEOUT"
  /** Nothing came from the peer within `pongTimeout` after a ping. */
  | "WS_ERR_PING_TIMEOUT"
  /** The peer sent thousands of pings or pongs at once, and no message between them. */
  | "WS_ERR_CONTROL_FLOOD"
  /** The connection would have held more than `maxBufferedBytes`. */
  | "WS_ERR_BUFFER_FULL"
  /** The opening handshake was given up by its `signal`; `cause` is the signal's reason. */
  | "WS_ERR_ABORTED"
  /** The connection was ended by `terminate()`, or while it was opening by `close()`. */
  | "WS_ERR_TERMINATED"
  /** The connection ended, or the peer closed it, before the network had taken a message; `cause` is what ended it. */
  | "WS_ERR_NOT_SENT"
  /** The source of a message failed, and the connection with it; `cause` is its error. */
  | "WS_ERR_SOURCE"
  /** What carries topics between processes failed; `cause` is its error. */
  | "WS_ERR_BACKPLANE"
  /** A method was called at a time when it cannot work. */
  | "WS_ERR_INVALID_STATE"
  /** An option, or a combination of options, is not valid. */
  | "WS_ERR_INVALID_OPTION";

/** Details of a `WebSocketError` besides its code and message. */
export interface WebSocketErrorDetails {
  /** The error behind it. */
  cause?: unknown;
  /** The HTTP status of the server's answer. */
  status?: number | undefined;
  /** The answer's fields, by lower-case names. */
  headers?: Readonly<Record<string, string>> | undefined;
  /** The beginning of the answer's body. */
  body?: string | undefined;
}

/**
 * A failure of a connection or a wrong call, not a violation of the protocol. Of an answer it has as its own only what
 * there is, because Node prints all that an error has.
 */
export class WebSocketError extends Error {
  /** Its class. */
  override readonly name = "WebSocketError";
  /** The kind of error. */
  readonly code: WebSocketErrorCode;
  /** The HTTP status of the server's answer, with `WS_ERR_UNEXPECTED_RESPONSE`. */
  declare readonly status: number | undefined;
  /** The answer's fields with it, such as `retry-after`: values by lower-case names. */
  declare readonly headers: Readonly<Record<string, string>> | undefined;
  /** The answer's body with it: the first 64 KiB as UTF-8, or what came of them within `handshakeTimeout`. */
  declare readonly body: string | undefined;

  constructor(code: WebSocketErrorCode, message: string, details: WebSocketErrorDetails = {}) {
    const options = ownOptions(details);
    super(message, "cause" in options ? { cause: options.cause } : undefined);
    this.code = code;
    const { status, headers, body } = options;
    if (status !== undefined) this.status = status;
    if (headers !== undefined) this.headers = headers;
    if (body !== undefined) this.body = body;
  }
}

/** What was thrown, as an error. What is not an error, of this realm or another one, is the `cause` of one. */
export function asError(thrown: unknown): Error {
  if (thrown instanceof Error || Object.prototype.toString.call(thrown) === "[object Error]") return thrown as Error;
  const what = thrown === null ? "null" : typeof thrown;
  const message = typeof thrown === "string" ? thrown : `${what} was thrown, which is not an Error`;
  return new Error(message, { cause: thrown });
}

/** What the engine threw as an error: it throws the number of one. */
export function typed(error: unknown): unknown {
  return typeof error === "number" ? new WebSocketProtocolError(error) : error;
}

/** Runs a call that throws the engine's number for an error, and throws the error itself. */
export function withTypedErrors<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw typed(error);
  }
}
