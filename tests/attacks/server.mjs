// The server that is attacked, in a process of its own: `server.mjs ours` or `ws`. It echoes, except at /push, where it
// only sends; it takes no other path. When asked, it reports what it has used and what it holds.
import { readdirSync } from "node:fs";
import { createServer } from "node:http";

const http = createServer();
const isOurs = process.argv[2] === "ours";
const { WebSocketServer } = await import(isOurs ? "websocket-component" : "ws");
for (const path of ["/", "/push"]) {
  const place = isOurs ? { server: http, path } : { noServer: true, perMessageDeflate: true };
  const server = new WebSocketServer(place);
  if (!isOurs)
    http.on("upgrade", (...given) => given[0].url === path && server.handleUpgrade(...given, connected(path)));
  else server.on("connection", connected(path));
}
// what `ws` leaves to the application
if (!isOurs)
  http.on("upgrade", ({ url }, socket) => ["/", "/push"].includes(url) || socket.on("error", () => {}).end());

function connected(path) {
  return (socket) => {
    if (!isOurs) socket.on("error", () => {});
    if (path === "/push") socket.send("news");
    else if (isOurs) socket.onmessage = ({ data }) => socket.send(data);
    else socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
  };
}

process.on("message", () => {
  globalThis.gc?.();
  const { user, system } = process.cpuUsage();
  const { rss, heapUsed, external } = process.memoryUsage();
  const descriptors = readdirSync("/proc/self/fd").length;
  process.send({ cpu: (user + system) / 1000, rss, held: heapUsed + external, descriptors });
});
http.listen(0, "127.0.0.1", () => process.send({ port: http.address().port }));
