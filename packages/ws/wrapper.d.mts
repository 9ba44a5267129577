export * from "websocket-component/ws";
export { WebSocket as default } from "websocket-component/ws";
