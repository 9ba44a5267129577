/**
 * All that `websocket-component/ws` exports: what the package `ws` does, by the same names.
 *
 * @module
 */
import type { CloseEvent, ErrorEvent, Event, MessageEvent } from "./events.js";
import { extension, subprotocol } from "./headers.js";
import type {
  AddressInfo,
  CertMeta,
  EventListenerOptions,
  FinishRequestCallback,
  VerifyClientCallbackAsync,
  VerifyClientCallbackSync,
  WebSocketEventMap,
} from "./names.js";
import type { PerMessageDeflateOptions } from "./options.js";
import { type ServerOptions, WebSocketServer } from "./server.js";
import { createWebSocketStream } from "./stream.js";
import { type RawData as Received, type Data as Sent, type ClientOptions as Wanted, WebSocket } from "./websocket.js";

// the exports of the module are those of the class once more, as `require("ws")` and `@types/ws` give them
declare module "./websocket.js" {
  namespace WebSocket {
    /** The export of that name. */
    export {
      type AddressInfo,
      type CertMeta,
      type CloseEvent,
      createWebSocketStream,
      type ErrorEvent,
      type Event,
      type EventListenerOptions,
      extension,
      type FinishRequestCallback,
      type MessageEvent,
      type PerMessageDeflateOptions,
      type Received as RawData,
      type Sent as Data,
      type ServerOptions,
      subprotocol,
      type VerifyClientCallbackAsync,
      type VerifyClientCallbackSync,
      type Wanted as ClientOptions,
      WebSocket,
      type WebSocketEventMap,
      WebSocketServer,
      WebSocketServer as Server,
    };
  }
}

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
  AddressInfo,
  CertMeta,
  EventListenerOptions,
  FinishRequestCallback,
  VerifyClientCallbackAsync,
  VerifyClientCallbackSync,
  WebSocketEventMap,
} from "./names.js";
export type { PerMessageDeflateOptions, SharedOptions } from "./options.js";
export type { ServerOptions, UpgradeCallback, VerifyClient, VerifyInfo, WebSocketServerEvents } from "./server.js";
export type {
  BinaryType,
  ClientOptions,
  Data,
  RawData,
  SendCallback,
  SendOptions,
  WebSocketEvents,
} from "./websocket.js";
export {
  createWebSocketStream,
  extension,
  subprotocol,
  WebSocket,
  WebSocket as default,
  WebSocketServer,
  WebSocketServer as Server,
};
