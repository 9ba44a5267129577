// Starts the inspector's page and an echo server that it can watch: `npm start [-- --port N]`. Needs Node alone; what
// it needs from npm it installs first.
import { existsSync, readFileSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join } from "node:path";
import { parseArgs } from "node:util";

import { prepare, preparePage, root } from "./prepare.mjs";

const TYPES = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
};
/** Files of the page's folder: no escape in it, no segment that begins with a dot. */
const FILE = /^(?:\/\w[\w.-]*)+$/;
/** How often the echo server pings, in milliseconds: those who watch see round trips. */
const PING_INTERVAL = 5000;
const values = parsed({ options: { port: { type: "string", default: process.env.PORT ?? "8080" } } });
const port = portOf(values.port);

prepare();
preparePage();
const { WebSocketServer } = await import("../dist/entry/node.js");
const { CaptureWriter } = await import("../dist/entry/inspect-node.js");
const { echo } = await import("../dist/command/echo.js");
/** Who watches a connection of the echo server, by the name that both have in their addresses. */
const watchers = new Map();
const page = createServer(answer);
const server = new WebSocketServer({ server: page, pingInterval: PING_INTERVAL, tap });
server.on("connection", (socket, request) => {
  const name = watchedBy(request.url);
  if (name === undefined) echo(socket);
  else watch(name, socket);
});
page.once("listening", printAddresses);
listen(port, 10);
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.once(signal, () => {
    page.close();
    page.closeAllConnections();
    void server.close();
  });
}

/** The program's options; a wrong one ends it with a line that says so. */
function parsed(config) {
  try {
    return parseArgs(config).values;
  } catch (error) {
    return wrongUsage(error.message);
  }
}

function portOf(text) {
  return /^\d+$/.test(text) && Number(text) <= 65535 ? Number(text) : wrongUsage(`${text} is not a port (0 to 65535)`);
}

function wrongUsage(message) {
  console.error(`npm start: ${message}\nUsage: npm start [-- --port N]`);
  process.exit(2);
}

/** The name in a watcher's address, `/tap/NAME`. */
function watchedBy(url) {
  return /^\/tap\/([\w.-]+)$/.exec(url)?.[1];
}

/** Tells a socket, line by line in the format of captures, what goes over the connection `/echo?tap=NAME`. */
function watch(name, socket) {
  watchers.set(name, socket);
  socket.addEventListener("close", () => watchers.delete(name));
}

/** Watches connections for which somebody waits. */
function tap(request) {
  const name = /[?&]tap=([\w.-]+)/.exec(request.url)?.[1];
  const watcher = watchers.get(name);
  return watcher && new CaptureWriter("server", (line) => watcher.readyState === 1 && watcher.send(line)).tap();
}

/** Listens on the port, or on the next that is free. */
function listen(port, tries) {
  page.once("error", (error) => {
    if (error.code !== "EADDRINUSE" || tries === 0 || port === 65535) {
      console.error(`npm start: ${error.message}`);
      process.exit(1);
    }
    console.log(`Port ${port} is taken, trying ${port + 1} …`);
    listen(port + 1, tries - 1);
  });
  page.listen(port, "127.0.0.1");
}

function printAddresses() {
  page.removeAllListeners("error");
  const { port } = page.address();
  console.log(`\n  The inspector:   http://localhost:${port}/`);
  console.log(`  The echo server: ws://localhost:${port}/echo\n\n  Ctrl-C ends it.`);
}

/** The page. */
function answer(request, response) {
  const path = request.url.split("?")[0].replace(/^\/$/, "/index.html");
  const file = join(root, "build/www", path);
  if (!FILE.test(path) || !existsSync(file) || !statSync(file).isFile()) {
    response.writeHead(404, { "Content-Type": "text/plain" }).end("Not found\n");
    return;
  }
  const type = TYPES[extname(file)] ?? "application/octet-stream";
  response.writeHead(200, { "Content-Type": type, "Cache-Control": "no-cache" });
  response.end(readFileSync(file));
}
