// `capacity-server.mjs NAME [ARGUMENT]`, of Redis its port, of HTTP/2 the window of a stream: a server on a port of its
// own, which it tells. Its sockets echo, and get the texts that it publishes when it is asked for "publish". Runs in
// the runtime that has what it names.
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { join } from "node:path";
import process from "node:process";
import { setImmediate as turn } from "node:timers/promises";
import { pathToFileURL } from "node:url";

import { cpuMicroseconds, memory, serveRequests } from "../lib/requests.mjs";

const HOST = "127.0.0.1";
const [, , name, argument] = process.argv;

/** By name: what makes a server, and gives its port and the function that publishes. */
const servers = {
  ours: () => ours({}),
  "ours, TLS": async () => {
    const { certificate: cert, key } = await import("../../tests/runtime/certificate.mjs");
    return await ours({ tls: { cert, key } });
  },
  "ours, Redis": async () => {
    const { redis } = await import("websocket-component/backplane");
    const { default: Redis } = await installed("ioredis");
    return await ours({ backplane: redis(new Redis({ host: HOST, port: Number(argument) })) });
  },
  "ours, HTTP/2": async () => {
    const { createServer: createHttp2Server } = await import("node:http2");
    return await overHttp2(createHttp2Server({ settings: http2Settings() }));
  },
  "ours, HTTP/2 over TLS": async () => {
    const { certificate: cert, key } = await import("../../tests/runtime/certificate.mjs");
    const { createSecureServer } = await import("node:http2");
    return await overHttp2(createSecureServer({ cert, key, settings: http2Settings() }));
  },
  "ours as ws": async () => {
    const { Topics } = await import("websocket-component");
    const topics = new Topics();
    return await likeWs("websocket-component/ws", {
      join: (socket) => topics.subscribe(socket, "all"),
      publish: (text) => topics.publish("all", text),
    });
  },
  ws: () => {
    const sockets = new Set();
    return likeWs("ws", {
      join: (socket) => sockets.add(socket),
      publish: (text) => {
        for (const socket of sockets) socket.send(text);
      },
    });
  },
  "socket.io": async () => {
    const { Server } = await installed("socket.io");
    const http = createServer();
    const io = new Server(http, { transports: ["websocket"], serveClient: false, pingInterval: 3_600_000 });
    io.on("connection", (socket) => socket.join("all"));
    const publish = (text) => io.to("all").emit("m", text);
    return { port: await portOf(http.listen(0, HOST)), publish };
  },
  "Bun.serve": () => {
    const server = Bun.serve({
      port: 0,
      hostname: HOST,
      fetch: (request, server) => (server.upgrade(request) ? undefined : new Response("", { status: 426 })),
      websocket: {
        backpressureLimit: 256 << 20,
        idleTimeout: 0,
        open: (socket) => socket.subscribe("all"),
        message: (socket, data) => void socket.send(data),
      },
    });
    return { port: server.port, publish: (text) => server.publish("all", text) };
  },
};

async function ours(options) {
  const { WebSocketServer } = await import("websocket-component");
  const server = new WebSocketServer({ port: 0, host: HOST, ...options });
  server.on("connection", async (socket, { url }) => {
    socket.onmessage = ({ data }) => socket.send(data);
    if (url !== "/alone") await socket.subscribe("all");
  });
  const port = options.server === undefined ? await portOf(server) : undefined;
  return { port, publish: (text) => server.publish("all", text) };
}

function http2Settings() {
  return { enableConnectProtocol: true, ...(argument === undefined ? {} : { initialWindowSize: Number(argument) }) };
}

async function overHttp2(server) {
  if (argument !== undefined) server.on("session", (session) => session.setLocalWindowSize(2 * Number(argument)));
  const port = portOf(server.listen(0, HOST));
  return { ...(await ours({ server, port: undefined, host: undefined })), port: await port };
}

async function likeWs(specifier, { join, publish }) {
  const { WebSocketServer } = await import(specifier);
  const server = new WebSocketServer({ port: 0, host: HOST });
  server.on("connection", (socket) => {
    socket.on("error", () => {});
    join(socket);
  });
  return { port: await portOf(server), publish };
}

function portOf(server) {
  return new Promise((resolve) => server.once("listening", () => resolve(server.address().port)));
}

/** A package of tests/scale/clients, which `npm run test:scale` installs. */
async function installed(name) {
  const { resolve } = createRequire(join(process.env.SCALE_CLIENTS, "package.json"));
  return await import(pathToFileURL(resolve(name)));
}

const { port, publish } = await servers[name]();
await serveRequests(
  { port },
  {
    cpu: cpuMicroseconds,
    memory: () => memory(),
    /** Publishes a text of `size` letters `count` times, each in a turn of its own, or `together` in one. */
    publish: async ({ size, count, together = 1 }) => {
      const text = "x".repeat(size);
      for (let sent = 0; sent < count; sent += together) {
        for (let index = 0; index < together; index++) publish(text);
        await turn();
      }
      return count;
    },
  },
);
