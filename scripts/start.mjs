// Starts an echo server and the inspector's page, which shows what goes over it: `npm start [-- --port N]`. Needs Node
// alone; it installs what it needs from npm first.
import { once } from "node:events";
import { parseArgs } from "node:util";

import { prepare, preparePage } from "./prepare.mjs";

/** How often the echo server pings, in milliseconds: the page shows round trips. */
const PING_INTERVAL = 5000;
/** Ports that are tried, from the first one on. */
const TRIES = 10;

const values = parsed({ options: { port: { type: "string", default: process.env.PORT ?? "8080" } } });
const port = portOf(values.port);

prepare();
preparePage();
const { WebSocketServer } = await import("../dist/entry/node.js");
const { inspectServer } = await import("../dist/entry/inspect-server.js");
const { echo } = await import("../dist/command/echo.js");

const server = await listening(port === 0 ? 0 : port + 1);
server.on("connection", echo);
const page = await inspectServer(server, { port });
console.log(`\n  The inspector:   ${page.url}`);
const echoUrl = `ws://127.0.0.1:${server.address().port}/`;
console.log(`  The echo server: ${echoUrl}`);
console.log(`  A client:        npx websocket-component connect ${echoUrl}\n\n  Ctrl-C ends it.`);
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.once(signal, () => {
    void page.close();
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

/** An echo server on the port, or on the next that is free. */
async function listening(first) {
  for (let next = first; ; next++) {
    const server = new WebSocketServer({ port: next, host: "127.0.0.1", pingInterval: PING_INTERVAL, verify: isLocal });
    try {
      await once(server, "listening");
      return server;
    } catch (error) {
      if (error.code !== "EADDRINUSE" || next === first + TRIES || next >= 65535) {
        console.error(`npm start: ${error.message}`);
        process.exit(1);
      }
    }
  }
}

/** Other sites' pages have nothing to do here, nor have names that were made to lead to this machine. */
function isLocal({ headers: { host, origin } }) {
  const local = /^(?:https?:\/\/)?(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?$/;
  return local.test(host) && (origin === undefined || local.test(origin));
}
