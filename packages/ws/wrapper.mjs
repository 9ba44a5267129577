// by `require`, so that modules and CommonJS get the same classes in every version of Node
import WebSocket from "./index.js";

export const { createWebSocketStream, extension, subprotocol, WebSocketServer } = WebSocket;
export { WebSocket, WebSocket as default };
