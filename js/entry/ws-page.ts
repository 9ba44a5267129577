/**
 * Bundles for pages get this in place of the API of `ws`, as from `ws` itself. It can be imported, and throws when
 * called, so programs that choose at run time can be bundled, without the engine.
 *
 * @packageDocumentation
 */

/** @throws Error always */
function WebSocket(): never {
  throw new Error("websocket-component/ws does not work in pages, which have a WebSocket of their own");
}

const name = { parse: WebSocket, format: WebSocket };
const all = { WebSocket, WebSocketServer: WebSocket, Server: WebSocket, createWebSocketStream: WebSocket };
Object.assign(WebSocket, { ...all, extension: name, subprotocol: name });

export {
  name as extension,
  name as subprotocol,
  WebSocket,
  WebSocket as createWebSocketStream,
  WebSocket as default,
  WebSocket as "module.exports",
  WebSocket as Server,
  WebSocket as WebSocketServer,
};
