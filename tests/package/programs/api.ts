// What a program in strict TypeScript may rely on; it is checked, not run.
import type { IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { WebSocket as SlimWebSocket } from "@websocket-component/slim";
import { Handle as SlimHandle } from "@websocket-component/slim/component";
import {
  type CloseOptions,
  type MessageStream,
  type PerMessageDeflateOptions,
  PreparedMessage,
  WebSocket,
  WebSocketError,
  type WebSocketOptions,
  WebSocketServer,
  type WebSocketServerOptions,
} from "websocket-component";
import { broadcastChannel } from "websocket-component/backplane";
import { Action, ActionQueue, BufferType, Handle } from "websocket-component/component";
import { WebSocketServer as InlineServer } from "websocket-component/inline";
import { Handle as InlineHandle } from "websocket-component/inline/component";

const options: WebSocketServerOptions = { port: 0, maxMessageSize: 1 << 20, perMessageDeflate: { level: 3 } };
export const server = new WebSocketServer(options);
server.on("connection", (socket, request) => {
  const from: string | undefined = request.socket.remoteAddress;
  socket.onmessage = (event) => socket.send(event.data);
  socket.addEventListener("close", (event) => console.log(from, event.code satisfies number, event.wasClean));
  socket.send(new PreparedMessage("to everyone"), { compress: false });
  // @ts-expect-error: nothing but text and bytes can be sent
  socket.send(1);
});
// @ts-expect-error: a server has no such option
new WebSocketServer({ prot: 0 });

// `undefined` is the same as an option that is left out
type Nothing<T> = Record<keyof T, undefined>;
interface Nothings {
  client: Nothing<WebSocketOptions>;
  server: Nothing<WebSocketServerOptions>;
  close: Nothing<CloseOptions>;
  deflate: Nothing<PerMessageDeflateOptions>;
}
export function without({ client, server, close, deflate }: Nothings): void {
  new WebSocket("ws://localhost", { ...client, perMessageDeflate: deflate });
  void new WebSocketServer(server).close(close);
}

export const chat = new WebSocketServer({
  noServer: true,
  backplane: broadcastChannel("chat"),
  slowSubscriber: "skip",
});
export const count: number = chat.publish("room", "hello", { compress: true });
chat.on("backplane", (event) => event.state === "gap" && console.log(event.topic satisfies string, event.missed + 1));

export const port: number = (server.address() as AddressInfo).port;
export const socket: WebSocket = new WebSocket(`ws://localhost:${port}`, ["chat"], { headers: { Origin: "null" } });
socket.onerror = (event) => {
  if (event.error instanceof WebSocketError) console.log(event.error.code satisfies string);
};
export const clients: Set<WebSocket> = server.clients;

export const handle: Handle = Handle.createServer();
handle.send(BufferType.Utf8Message, new Uint8Array([72]));
export const isWrite: boolean = handle.getAction(ActionQueue.Send).action === Action.SendToNetwork;
export const others = [InlineServer, InlineHandle, SlimWebSocket, SlimHandle];

// messages have types by binaryType, where that is known
export async function types(sockets: { bytes: WebSocket<"arraybuffer">; any: WebSocket }): Promise<void> {
  for await (const data of sockets.bytes) data satisfies string | ArrayBuffer;
  for await (const data of sockets.any) data satisfies string | Blob | ArrayBuffer | Buffer | MessageStream;
  sockets.bytes.onmessage = ({ data }) => data satisfies string | ArrayBuffer;
  sockets.bytes.addEventListener("message", ({ data }) => data satisfies string | ArrayBuffer);
  // @ts-expect-error: it may be text
  sockets.bytes.onmessage = ({ data }) => data satisfies ArrayBuffer;
  sockets.any.onmessage = ({ data }) => JSON.parse(data);
  sockets.any = sockets.bytes;
}
new WebSocketServer({ port: 0 }).on("connection", (socket) => {
  socket.onmessage = ({ data }) => data satisfies string | Buffer;
});
export const blobs = new WebSocketServer({ port: 0, binaryType: "blob" });
blobs.on("connection", async (socket) => {
  for await (const data of socket) data satisfies string | Blob;
});
// what verify returns as data is typed
export const users = new WebSocketServer({
  port: 0,
  verify: async ({ url }) => (url === "/" ? { status: 401 } : { data: { name: "ada" } }),
});
users.on("connection", ({ data }) => data.name satisfies string);
// @ts-expect-error: verify gives it no such member
users.on("connection", ({ data }) => data.age);
export const said = new WebSocketServer<IncomingMessage, { id: number }>({ port: 0 });
said.on("connection", (socket, request) => {
  socket.data = { id: (request.socket.remotePort ?? 0) satisfies number };
});
export const given: WebSocket[] = [...server.clients, ...blobs.clients];
