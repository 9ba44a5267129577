export * from "websocket-component/ws";
export { default } from "websocket-component/ws";
