/**
 * All that `websocket-component/ws` exports: what the package `ws` does, by the same names.
 *
 * @module
 */
import { extension, subprotocol } from "./headers.js";
import { WebSocketServer } from "./server.js";
import { createWebSocketStream } from "./stream.js";
import { WebSocket } from "./websocket.js";

Object.assign(WebSocket, {
  WebSocket,
  WebSocketServer,
  Server: WebSocketServer,
  createWebSocketStream,
  extension,
  subprotocol,
});

export type { CloseEvent, ErrorEvent, Event, EventListener, EventTypes, MessageEvent } from "./events.js";
export type { ExtensionParameters, Extensions, ParametersToFormat, ParameterValue } from "./headers.js";
export type {
  ClientOptions,
  PerMessageDeflateOptions,
  ServerOptions,
  SharedOptions,
  VerifyClient,
  VerifyInfo,
} from "./options.js";
export type { UpgradeCallback, WebSocketServerEvents } from "./server.js";
export type { BinaryType, Data, RawData, SendCallback, SendOptions, WebSocketEvents } from "./websocket.js";
export {
  createWebSocketStream,
  extension,
  subprotocol,
  WebSocket,
  WebSocket as default,
  WebSocketServer,
  WebSocketServer as Server,
};
