/**
 * A program: `allocating.js PATH PACKET [PORT]` sends and receives as the path says, with this many messages in a
 * packet: a server, which tells its port, or a client of the port. Asked by a message, it tells how much of its heap is
 * used, and how often its garbage was collected.
 */
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { PerformanceObserver } from "node:perf_hooks";
import { setImmediate as turn } from "node:timers/promises";

import { WebSocket, WebSocketServer, WebSocketStream } from "websocket-component";
import { WebSocketServer as LikeWs, type WebSocket as SocketLikeWs } from "websocket-component/ws";

const [path, packet, port] = process.argv.slice(2);
const PACKET = Number(packet);

const servers: { readonly [path: string]: (socket: WebSocket, server: WebSocketServer) => unknown } = {
  "a listener that sends": (socket) => socket.addEventListener("message", ({ data }) => socket.send(data)),
  "a listener that sends, of binary messages": (socket) =>
    socket.addEventListener("message", ({ data }) => socket.send(data)),
  "a listener that reads bufferedAmount after each send": (socket) =>
    socket.addEventListener("message", ({ data }) => {
      socket.send(data);
      if (socket.bufferedAmount > 1 << 20) socket.pause();
    }),
  "a loop that sends": async (socket) => {
    for await (const data of socket) socket.send(data);
  },
  "a loop that awaits each write": async (socket) => {
    for await (const data of socket) await socket.write(data);
  },
  "a WebSocketStream in a pipe": async (socket) => {
    const { readable, writable } = await new WebSocketStream(socket).opened;
    await readable.pipeTo(writable);
  },
  "a broadcast": (socket, server) => socket.addEventListener("message", ({ data }) => server.broadcast(data)),
  "a loop over all": (socket, server) =>
    socket.addEventListener("message", ({ data }) => {
      for (const one of server.clients) one.send(data);
    }),
  "a loop over all, of binary messages": (socket, server) =>
    socket.addEventListener("message", ({ data }) => {
      for (const one of server.clients) one.send(data);
    }),
};

const clients: { readonly [path: string]: (socket: WebSocket) => void } = {
  "a client's listener": (socket) => {
    let left = PACKET;
    socket.addEventListener("message", () => {
      left -= 1;
      if (left > 0) return;
      left = PACKET;
      socket.send("ok");
    });
  },
  "a client that sends": (socket) =>
    socket.addEventListener("message", ({ data }) => {
      for (let left = PACKET; left > 0; left--) socket.send(data);
    }),
};

async function listen(): Promise<number> {
  const options = { port: 0, host: "127.0.0.1" };
  if (path === "a listener of ws that sends") {
    const server = new LikeWs(options);
    server.on("connection", (socket: SocketLikeWs) => socket.on("message", (data) => socket.send(String(data))));
    await once(server, "listening");
    return (server.address() as AddressInfo).port;
  }
  const server = new WebSocketServer(options);
  server.on("connection", (socket) => servers[path as string]?.(socket, server));
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

if (port === undefined) process.send?.(await listen());
else clients[path as string]?.(new WebSocket(`ws://127.0.0.1:${port}`));

let collections = 0;
new PerformanceObserver((list) => {
  collections += list.getEntries().length;
}).observe({ entryTypes: ["gc"] });

process.on("message", async (what) => {
  if (what === "collect") globalThis.gc?.();
  const heap = process.memoryUsage().heapUsed;
  await turn(); // the observer hears of collections in a turn of its own
  await turn();
  process.send?.({ heap, collections });
});
