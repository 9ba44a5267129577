/**
 * The engine's errors by the classes, messages and codes of `ws`.
 *
 * @module
 */
import type { ConnectionFailure } from "../connection/failures.js";
import { WebSocketError, WebSocketProtocolError } from "../engine/errors.js";

/** The code, message and class of the error that `ws` has for a violation. */
type Name = readonly [code: string, message: string, make?: ErrorConstructor];

const FRAME = "Invalid WebSocket frame: ";
const UTF8: Name = ["WS_ERR_INVALID_UTF8", `${FRAME}invalid UTF-8 sequence`, Error];
const OPCODE: Name = ["WS_ERR_INVALID_OPCODE", `${FRAME}invalid opcode`];
const CONTROL_LENGTH: Name = ["WS_ERR_INVALID_CONTROL_PAYLOAD_LENGTH", `${FRAME}invalid payload length`];
const TOO_BIG: Name = ["WS_ERR_UNSUPPORTED_MESSAGE_LENGTH", "Max payload size exceeded"];

/** By the engine's numbers; what `ws` makes is a RangeError, if nothing else is said. */
const violations: { readonly [id: number]: Name } = {
  200: CONTROL_LENGTH, // half a close status
  201: UTF8, // in a close reason
  202: ["WS_ERR_INVALID_CLOSE_CODE", `${FRAME}invalid status code`],
  203: OPCODE, // a continuation of nothing
  204: ["WS_ERR_EXPECTED_FIN", `${FRAME}FIN must be set`],
  205: CONTROL_LENGTH,
  206: ["Z_DATA_ERROR", "invalid compressed data", Error],
  207: ["WS_ERR_TOO_MANY_BUFFERED_PARTS", "Too many message fragments"],
  208: TOO_BIG, // a frame
  210: ["WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH", "Unsupported WebSocket frame: payload length > 2^53 - 1"],
  211: ["WS_ERR_EXPECTED_MASK", `${FRAME}MASK must be set`],
  212: ["WS_ERR_UNEXPECTED_MASK", `${FRAME}MASK must be clear`],
  214: TOO_BIG, // a message
  215: OPCODE, // a message within another
  216: OPCODE,
  217: ["WS_ERR_UNEXPECTED_RSV", `${FRAME}a reserved bit must be clear`],
  218: UTF8, // in a message
};

/** Ends that `ws` tells by the `close` event alone. */
const quiet = new Set(["WS_ERR_TERMINATED", "WS_ERR_CONNECTION", "WS_ERR_CONNECTION_LOST", "WS_ERR_CLOSE_TIMEOUT"]);

/** The error to emit for a connection that failed, with the engine's as its `cause`; none for an ordinary end. */
export function errorOf(failure: ConnectionFailure | undefined): Error | undefined {
  if (failure === undefined || (failure instanceof WebSocketError && quiet.has(failure.code))) return undefined;
  const name = failure instanceof WebSocketProtocolError ? violations[failure.id] : undefined;
  if (name === undefined) return failure;
  const [code, message, make = RangeError] = name;
  return Object.assign(new make(message, { cause: failure }), { code });
}

const ACCEPT = "Invalid Sec-WebSocket-Accept header";
const EXTENSIONS = "Invalid Sec-WebSocket-Extensions header";
const NO_EXTENSION = "Server sent a Sec-WebSocket-Extensions header but no extension was requested";
const OTHER_PROTOCOL = "Server sent an invalid subprotocol";
const NO_PROTOCOL = "Server sent a subprotocol but none was requested";

/** Faults of a server's answer, by the engine's numbers. */
const refusals: { readonly [id: number]: string } = {
  100: ACCEPT,
  101: ACCEPT,
  102: ACCEPT,
  104: EXTENSIONS,
  105: EXTENSIONS,
  106: EXTENSIONS,
  107: EXTENSIONS,
  108: EXTENSIONS,
  109: "Server indicated an extension that was not requested",
  110: EXTENSIONS,
  122: EXTENSIONS, // or the list of subprotocols, which a server does not send
  126: OTHER_PROTOCOL,
  127: "Server sent no subprotocol",
  128: OTHER_PROTOCOL,
  130: "Invalid Upgrade header",
};

/** The error to emit for an answer whose list of extensions is empty. */
export function unreadableExtensions(offered: unknown): Error {
  return new Error(offered === undefined ? NO_EXTENSION : EXTENSIONS);
}

/** The error to emit for an answer that is not a handshake, with the engine's as its `cause`. */
export function handshakeErrorOf(error: unknown, offersProtocols: boolean, offersExtensions: boolean): Error {
  let message = error instanceof WebSocketProtocolError ? refusals[error.id] : undefined;
  if (message === refusals[109] && !offersExtensions) message = NO_EXTENSION;
  if (message === OTHER_PROTOCOL && !offersProtocols) message = NO_PROTOCOL;
  return message === undefined ? (error as Error) : new Error(message, { cause: error });
}
