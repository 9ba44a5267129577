// for bundles: the engine is part of them
export {
  createWebSocketStream,
  extension,
  subprotocol,
  WebSocket,
  WebSocket as default,
  WebSocketServer,
} from "websocket-component/inline/ws";
