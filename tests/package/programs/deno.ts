// It is checked, not run.
import { type WebSocket, WebSocketServer } from "npm:websocket-component";
import { Handle } from "npm:websocket-component/component";

const server = new WebSocketServer({ port: 0 });
server.on("connection", (socket: WebSocket) => socket.close(1000));
export const size: number = server.clients.size;
export const handle: Handle = Handle.createServer();
// @ts-expect-error: a server has no such option
new WebSocketServer({ prot: 0 });
