// `server.mjs NAME MODE [FLAGS]`: a server on a port of its own, which it tells. The mode is what it does with a
// connection, see ../lib/answers.mjs; the flags are JSON: `isSecure`, `isCompressed`, `keepsMuch`. Asked for "cpu" and
// "memory" it says what it has used, and for "kept" how many objects it keeps. Runs in the runtime that has what it
// names.
import { createServer as createSecureServer } from "node:https";
import { createServer } from "node:net";
import { createServer as createTlsServer } from "node:tls";

import { bun, deno, ours, prepareBig, ws } from "../lib/answers.mjs";
import { importModule } from "../lib/package.mjs";
import { cpuMicroseconds, memory, serveRequests } from "../lib/requests.mjs";

const HOST = "127.0.0.1";
const [, , name, mode, flags = "{}"] = process.argv;
const { isSecure = false, isCompressed = false, keepsMuch = false } = JSON.parse(flags);
const identity = isSecure ? await readIdentity() : undefined;
const compression = isCompressed ? { perMessageDeflate: true } : {};
if (mode === "big") prepareBig();
/** What the program has beside its connections: about 150 MB. */
const kept = Array.from({ length: keepsMuch ? 1e6 : 0 }, (_, id) => ({ id, name: `entry ${id}`, parts: [id, id + 1] }));

async function readIdentity() {
  const { certificate, key } = await import("../../tests/runtime/certificate.mjs");
  return { cert: certificate, key };
}

/** By name: what makes a server, and gives its port. */
const servers = {
  async ours() {
    const entry = await importModule("websocket-component");
    const options = { port: 0, host: HOST, ...compression, ...(isSecure && { tls: identity }) };
    const server = new entry.WebSocketServer(options);
    server.on("connection", (socket) => ours[mode](socket, server, entry));
    return portOf(server);
  },
  "ours as ws": () => likeWs("websocket-component/ws"),
  ws: () => likeWs("ws"),
  /** No protocol but an answer to the upgrade: what a socket alone can do. */
  net() {
    const sockets = new Set();
    const take = (socket) => {
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
    };
    const server = isSecure
      ? createTlsServer({ ...identity, noDelay: true }, take)
      : createServer({ noDelay: true }, take);
    return portOf(server.listen(0, HOST));
  },
  "Bun.serve": () => {
    const server = Bun.serve({
      port: 0,
      hostname: HOST,
      tls: identity,
      fetch: (request, server) => (server.upgrade(request) ? undefined : new Response("", { status: 426 })),
      websocket: {
        ...compression,
        // its limit of bytes that wait would drop messages
        backpressureLimit: 256 << 20,
        idleTimeout: 0,
        open: (socket) => socket.subscribe("all"),
        message: (socket, data) => bun[mode](socket, data, server),
      },
    });
    return server.port;
  },
  "Deno.serve": () =>
    new Promise((resolve) => {
      const sockets = new Set();
      Deno.serve({ ...identity, port: 0, hostname: HOST, onListen: ({ port }) => resolve(port) }, (request) => {
        const { socket, response } = Deno.upgradeWebSocket(request, { idleTimeout: 0 });
        socket.binaryType = "arraybuffer";
        socket.onopen = () => sockets.add(socket);
        socket.onclose = () => sockets.delete(socket);
        deno[mode](socket, sockets);
        return response;
      });
    }),
};

const ANSWER = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade", "\r\n"].join("\r\n");

async function likeWs(specifier) {
  const entry = await importModule(specifier);
  const http = isSecure ? createSecureServer(identity).listen(0, HOST) : undefined;
  const where = isSecure ? { server: http } : { port: 0, host: HOST };
  const server = new entry.WebSocketServer({ ...where, ...compression });
  server.on("connection", (socket) => {
    // without a listener a broken connection would end the program
    socket.on("error", () => {});
    ws[mode](socket, server, entry);
  });
  return portOf(http ?? server);
}

function portOf(server) {
  return new Promise((resolve) => server.once("listening", () => resolve(server.address().port)));
}

await serveRequests(
  { port: await servers[name]() },
  { cpu: cpuMicroseconds, memory: () => memory(), kept: () => kept.length },
);
