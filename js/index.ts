/**
 * All that the main entry exports.
 *
 * @module
 */

export type { SocketOptions, WebSocketOptions } from "./client/arguments.js";
export type { Statistics } from "./connection/connection.js";
export type { ConnectionFailure } from "./connection/failures.js";
export { EngineTrap } from "./engine/engine.js";
export {
  type ProtocolErrorCode,
  WebSocketError,
  type WebSocketErrorCode,
  type WebSocketErrorDetails,
  WebSocketProtocolError,
} from "./engine/errors.js";
export type { HeaderField, HeaderFields } from "./engine/http.js";
export type { CloseOptions, CloseResult } from "./server/drain.js";
export type { Acceptance, Verify, VerifyContext, WebSocketServerOptions } from "./server/options.js";
export { type ServerStatistics, WebSocketServer, type WebSocketServerEvents } from "./server/server.js";
export type { PerMessageDeflateOptions } from "./session/deflate.js";
export type { ConnectionSettings, Limits } from "./session/options.js";
export { PreparedMessage } from "./session/prepared.js";
export { type EngineStatistics, engineStatistics } from "./session/statistics.js";
export type { Backplane, BackplaneEvent, BackplaneListener, BackplaneState } from "./topics/backplane.js";
export type { SlowSubscriber, TopicOptions } from "./topics/options.js";
export type { Subscriber } from "./topics/subscriber.js";
export { type PublishOptions, type TopicData, type TopicStatistics, Topics } from "./topics/topics.js";
export type { StreamRequest } from "./transport/http2.js";
export type {
  CreateConnection,
  Destination,
  ListenDetails,
  TlsClientOptions,
  TlsServerOptions,
} from "./transport/runtime.js";
export type { Tap, Traffic } from "./transport/tap.js";
export type { HandshakeRequest, Rejection } from "./transport/upgrade.js";
export type {
  AcceptedMessage,
  DiagnosticsMessages,
  RefusalReason,
  SocketMessage,
} from "./websocket/diagnostics.js";
export {
  CloseEvent,
  type CloseEventDetails,
  ControlEvent,
  ErrorEvent,
  type ErrorEventDetails,
  type EventDetails,
  type Listener,
  type ListenerOptions,
} from "./websocket/events.js";
export type { Handler } from "./websocket/handlers.js";
export type { IteratorOf } from "./websocket/iterator.js";
export { MessageStream, type Piece } from "./websocket/messages.js";
export type { BinaryType, DataEvent, MessageData } from "./websocket/receiving.js";
export type { MessageSource, SendData } from "./websocket/sending.js";
export type { Subscribing } from "./websocket/subscribing.js";
export { type FailureEvent, WebSocket, type WebSocketEventMap } from "./websocket/websocket.js";
export {
  type WebSocketClosed,
  type WebSocketCloseInfo,
  type WebSocketOpenInfo,
  WebSocketStream,
  WebSocketStreamError,
  type WebSocketStreamOptions,
} from "./websocket/websocketstream.js";
