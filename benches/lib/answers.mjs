// What a server does with a connection, by library and mode: the ways in which programs read and write. All but the
// broadcasts send back what came; asked for "big", the mode of that name sends a long message in its place.
import { on } from "node:events";

import { messages } from "../deflate/messages.mjs";

/** Bytes that may wait before a program that looks at them stops reading. */
const MAX_BUFFERED = 1 << 20;
const BIG_SIZE = Math.round(7.6 * 2 ** 20);
let bigText;

/** The long message, which is made before the server listens. */
export function prepareBig() {
  bigText = messages("JSON", BIG_SIZE, 1)[0].toString();
}

/** The text that answers a message in the mode "big". */
function bigFor(data) {
  return data === "big" ? bigText : data;
}

function sendAll(sockets, data) {
  for (const one of sockets) one.send(data);
}

/** Sockets of our main entry: each answer gets the socket, its server, and the package. */
export const ours = {
  echo: (socket) => listen(socket, (data) => socket.send(data)),
  big: (socket) => listen(socket, (data) => socket.send(bigFor(data))),
  loop: (socket, { clients }) => listen(socket, (data) => sendAll(clients, data)),
  broadcast: (socket, server) => listen(socket, (data) => server.broadcast(data)),
  async "for await, send"(socket) {
    for await (const data of socket) socket.send(data);
  },
  async "for await, await write"(socket) {
    for await (const data of socket) await socket.write(data);
  },
  async "WebSocketStream, pipeTo"(socket, _server, { WebSocketStream }) {
    const { readable, writable } = await new WebSocketStream(socket).opened;
    await readable.pipeTo(writable);
  },
  async "WebSocketStream, await write"(socket, _server, { WebSocketStream }) {
    const { readable, writable } = await new WebSocketStream(socket).opened;
    const writer = writable.getWriter();
    for await (const data of readable) await writer.write(data);
  },
  "bufferedAmount after each send": (socket) =>
    listen(socket, (data) => {
      socket.send(data);
      if (socket.bufferedAmount > MAX_BUFFERED) socket.pause();
    }),
  async "echo command"(socket) {
    const { echo } = await import("../../dist/command/echo.js");
    echo(socket);
  },
};

function listen(socket, take) {
  socket.onmessage = ({ data }) => take(data);
}

/** Sockets of `ws`, and of our entry that has its API. */
export const ws = {
  echo: (socket) => listenLikeWs(socket, (data) => socket.send(data)),
  big: (socket) => listenLikeWs(socket, (data) => socket.send(bigFor(data))),
  loop: (socket, { clients }) => listenLikeWs(socket, (data) => sendAll(clients, data)),
  async "for await, send"(socket) {
    for await (const message of on(socket, "message")) socket.send(dataOf(...message));
  },
  async "for await, await write"(socket) {
    for await (const message of on(socket, "message")) {
      await new Promise((resolve) => socket.send(dataOf(...message), resolve));
    }
  },
  "WebSocketStream, pipeTo"(socket, _server, { createWebSocketStream }) {
    const stream = createWebSocketStream(socket, STREAM);
    stream.on("error", () => {}).pipe(stream);
  },
  async "WebSocketStream, await write"(socket, _server, { createWebSocketStream }) {
    const stream = createWebSocketStream(socket, STREAM);
    for await (const data of stream) await new Promise((resolve) => stream.write(data, resolve));
  },
  "bufferedAmount after each send": (socket) =>
    listenLikeWs(socket, (data) => {
      socket.send(data);
      if (socket.bufferedAmount > MAX_BUFFERED) socket.pause();
    }),
};

/** A stream of `ws` whose texts remain texts, and whose messages remain apart. */
const STREAM = { readableObjectMode: true, decodeStrings: false };

function listenLikeWs(socket, take) {
  socket.on("message", (bytes, isBinary) => take(dataOf(bytes, isBinary)));
}

function dataOf(bytes, isBinary) {
  return isBinary ? bytes : bytes.toString();
}

/** Sockets of `Bun.serve`. */
export const bun = {
  echo: (socket, data) => void socket.send(data),
  big: (socket, data) => void socket.send(bigFor(data), true),
  broadcast: (_socket, data, server) => void server.publish("all", data),
  "bufferedAmount after each send": (socket, data) => {
    socket.send(data);
    if (socket.getBufferedAmount() > MAX_BUFFERED) throw new Error("Bun cannot pause");
  },
};

/** Sockets of `Deno.serve`, each with all of them. */
export const deno = {
  echo: (socket) => listen(socket, (data) => socket.send(data)),
  big: (socket) => listen(socket, (data) => socket.send(bigFor(data))),
  loop: (socket, all) => listen(socket, (data) => sendAll(all, data)),
};
