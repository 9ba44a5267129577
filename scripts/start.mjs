// Starts the echo server and a page that talks to it: `npm start [-- --port N]`. Needs Node alone; what it needs from
// npm it installs first.
import { existsSync, readFileSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join } from "node:path";
import { parseArgs } from "node:util";

import { prepare, root } from "./prepare.mjs";

const TYPES = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".wasm": "application/wasm",
};
/** Files of three folders and nothing else: no escape in it, no segment that begins with a dot. */
const FILE = /^\/(?:www|dist|pkg)(?:\/\w[\w.-]*)+$/;
const { values } = parseArgs({ options: { port: { type: "string", default: process.env.PORT ?? "8080" } } });

prepare();
const { WebSocketServer } = await import("../dist/entry/node.js");
const { echo } = await import("../dist/echo.js");
const page = createServer(answer);
const server = new WebSocketServer({ server: page });
server.on("connection", echo);
listen(Number(values.port), 10);
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.once(signal, () => {
    page.close();
    page.closeAllConnections();
    void server.close();
  });
}

/** Listens on the port, or on the next that is free. */
function listen(port, tries) {
  page.once("error", (error) => {
    if (error.code !== "EADDRINUSE" || tries === 0) throw error;
    console.log(`Port ${port} is taken, trying ${port + 1} …`);
    listen(port + 1, tries - 1);
  });
  page.listen(port, "127.0.0.1", () => {
    page.removeAllListeners("error");
    const { port: actual } = page.address();
    console.log(`\n  The page:        http://localhost:${actual}/`);
    console.log(`  The echo server: ws://localhost:${actual}/echo\n\n  Ctrl-C ends it.`);
  });
}

/** The page, and the engine that it runs. */
function answer(request, response) {
  const path = request.url.split("?")[0].replace(/^\/$/, "/www/index.html");
  const file = join(root, path);
  if (!FILE.test(path) || !existsSync(file) || !statSync(file).isFile()) {
    response.writeHead(404, { "Content-Type": "text/plain" }).end("Not found\n");
    return;
  }
  const type = TYPES[extname(file)] ?? "application/octet-stream";
  response.writeHead(200, { "Content-Type": type, "Cache-Control": "no-cache" });
  response.end(readFileSync(file));
}
