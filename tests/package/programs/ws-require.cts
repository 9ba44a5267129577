// The same in CommonJS, in both of its ways to import.
import WebSocket = require("@websocket-component/ws");

import { type RawData, type ServerOptions, WebSocketServer } from "@websocket-component/ws";

const options: ServerOptions = { noServer: true };
export const server: WebSocket.Server = new WebSocketServer(options);
export const another = new WebSocket.WebSocketServer(options);
server.on("connection", (socket: WebSocket) => socket.on("message", (data: RawData) => socket.send(data)));
export const isOpen = (socket: WebSocket): boolean => socket.readyState === WebSocket.OPEN;
