// It is checked, not run.
import { type HandshakeRequest, type WebSocket, WebSocketServer } from "npm:websocket-component";
import { Handle } from "npm:websocket-component/component";

const server = new WebSocketServer({ port: 0 });
server.on("connection", (socket: WebSocket) => socket.close(1000));
export const size: number = server.clients.size;
export const handle: Handle = Handle.createServer();
// @ts-expect-error: a server has no such option
new WebSocketServer({ prot: 0 });

// what verify returns as data is typed
const users = new WebSocketServer({
  port: 0,
  verify: async ({ url }) => (url === "/" ? { status: 401 } : { data: { name: "ada" } }),
});
users.on("connection", ({ data }) => data.name satisfies string);
// @ts-expect-error: verify gives it no such member
users.on("connection", ({ data }) => data.age);
const said = new WebSocketServer<HandshakeRequest, { id: number }>({ port: 0 });
said.on("connection", (socket, request) => {
  socket.data = { id: (request.socket.remotePort ?? 0) satisfies number };
});
