// `server.mjs NAME echo`, or `NAME loop` or `NAME broadcast`, which send each message to all clients: a server on a
// port of its own, which it tells. Asked for "cpu" and "memory" it says what it has used. Runs in the runtime that has
// what it names.
import { createServer } from "node:net";

import { cpuMicroseconds, memory, serveRequests } from "../lib/requests.mjs";

const HOST = "127.0.0.1";
const [, , name, mode] = process.argv;

/** By name: what makes a server, and gives its port. */
const servers = {
  async ours() {
    const { WebSocketServer } = await import("websocket-component");
    const server = new WebSocketServer({ port: 0, host: HOST });
    const sendToAll = (data) => {
      for (const client of server.clients) client.send(data);
    };
    const take = {
      echo: (data, socket) => socket.send(data),
      loop: sendToAll,
      broadcast: (data) => server.broadcast(data),
    }[mode];
    server.on("connection", (socket) => {
      socket.onmessage = ({ data }) => take(data, socket);
    });
    return portOf(server);
  },
  "ours as ws": () => likeWs("websocket-component/ws"),
  ws: () => likeWs("ws"),
  /** No protocol but an answer to the upgrade: what a socket alone can do. */
  net() {
    const sockets = new Set();
    const server = createServer({ noDelay: true }, (socket) => {
      socket.on("error", () => socket.destroy());
      socket.once("close", () => sockets.delete(socket));
      socket.once("data", () => {
        sockets.add(socket);
        socket.write(ANSWER);
        socket.on("data", (chunk) => {
          if (mode === "echo") socket.write(chunk);
          else for (const one of sockets) one.write(chunk);
        });
      });
    });
    return portOf(server.listen(0, HOST));
  },
  "Bun.serve": () => {
    const server = Bun.serve({
      port: 0,
      hostname: HOST,
      fetch: (request, server) => (server.upgrade(request) ? undefined : new Response("", { status: 426 })),
      websocket: {
        // its limit of bytes that wait would drop messages
        backpressureLimit: 256 << 20,
        idleTimeout: 0,
        open: (socket) => socket.subscribe("all"),
        message: (socket, data) => void (mode === "echo" ? socket.send(data) : server.publish("all", data)),
      },
    });
    return server.port;
  },
  "Deno.serve": () =>
    new Promise((resolve) => {
      const sockets = new Set();
      Deno.serve({ port: 0, hostname: HOST, onListen: ({ port }) => resolve(port) }, (request) => {
        const { socket, response } = Deno.upgradeWebSocket(request, { idleTimeout: 0 });
        socket.binaryType = "arraybuffer";
        socket.onopen = () => sockets.add(socket);
        socket.onclose = () => sockets.delete(socket);
        socket.onmessage = ({ data }) => {
          if (mode === "echo") socket.send(data);
          else for (const one of sockets) one.send(data);
        };
        return response;
      });
    }),
};

const ANSWER = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade", "\r\n"].join("\r\n");

async function likeWs(specifier) {
  const { WebSocketServer } = await import(specifier);
  const server = new WebSocketServer({ port: 0, host: HOST });
  server.on("connection", (socket) => {
    // without a listener a broken connection would end the program
    socket.on("error", () => {});
    socket.on("message", (bytes, isBinary) => {
      const data = isBinary ? bytes : bytes.toString();
      if (mode === "echo") socket.send(data);
      else for (const one of server.clients) one.send(data);
    });
  });
  return portOf(server);
}

function portOf(server) {
  return new Promise((resolve) => server.once("listening", () => resolve(server.address().port)));
}

await serveRequests({ port: await servers[name]() }, { cpu: cpuMicroseconds, memory: () => memory() });
