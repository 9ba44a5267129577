import { WebSocket } from "websocket-component/ws";

export = WebSocket;
