// The names that programs use with `@types/ws`, where `ws` is ours: checked, not run.
import type { IncomingMessage } from "node:http";

import WebSocket, {
  type ClientOptions,
  createWebSocketStream,
  type RawData,
  WebSocketServer,
} from "@websocket-component/ws";

const options: ClientOptions = { headers: { a: "b" }, perMessageDeflate: false };
export const socket: WebSocket = new WebSocket("ws://localhost", options);
socket.on("message", (data: RawData, isBinary: boolean) => console.log(data, isBinary));
socket.onclose = ({ code }: WebSocket.CloseEvent) => console.log(code);
export const server: WebSocket.Server = new WebSocketServer({ noServer: true });
server.on("connection", (given: WebSocket, request: IncomingMessage) => given.send(request.url));
const verify: WebSocket.VerifyClientCallbackSync = ({ origin }) => origin !== "";
export const options2: WebSocket.ServerOptions = { port: 0, verifyClient: verify };
export const stream = createWebSocketStream(socket, { encoding: "utf8" });
export const inNamespace: WebSocket.RawData | WebSocket.Data = Buffer.alloc(1);
