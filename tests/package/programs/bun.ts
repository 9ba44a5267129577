// A program for Bun, whose types of streams differ from those of Node and the DOM; it is checked, not run.
import { type HandshakeRequest, type MessageStream, WebSocket, WebSocketServer } from "websocket-component";

const server = new WebSocketServer({ port: 0, streamMessages: true });
server.on("connection", async (socket: WebSocket) => {
  for await (const message of socket) {
    for await (const piece of message as MessageStream) console.log(piece satisfies string | Uint8Array);
  }
});
export const socket: WebSocket<"nodebuffer"> = new WebSocket("ws://localhost");
socket.onmessage = ({ data }) => data satisfies string | Buffer;

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
