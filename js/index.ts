/**
 * All that the main entry exports.
 *
 * @module
 */

export type { SocketOptions, WebSocketOptions } from "./arguments.js";
export type { Statistics } from "./connection.js";
export type { PerMessageDeflateOptions } from "./deflate.js";
export { EngineTrap } from "./engine.js";
export {
  type ProtocolErrorCode,
  WebSocketError,
  type WebSocketErrorCode,
  WebSocketProtocolError,
} from "./errors.js";
export {
  CloseEvent,
  type CloseEventDetails,
  ControlEvent,
  ErrorEvent,
  type ErrorEventDetails,
  type EventDetails,
  type Listener,
  type ListenerOptions,
} from "./events.js";
export type { Handler } from "./handlers.js";
export type { HeaderField, HeaderFields } from "./http.js";
export type { ConnectionSettings } from "./options.js";
export { PreparedMessage } from "./prepared.js";
export {
  type Verify,
  WebSocketServer,
  type WebSocketServerEvents,
  type WebSocketServerOptions,
} from "./server.js";
export { type Limits, sessionCount } from "./session.js";
export type { Tap, Traffic } from "./tap.js";
export type { CreateConnection, Destination, TlsClientOptions, TlsServerOptions } from "./transport/sockets.js";
export type { HandshakeRequest, Rejection } from "./upgrade.js";
export {
  type BinaryType,
  type SendData,
  WebSocket,
  type WebSocketEventMap,
} from "./websocket.js";
