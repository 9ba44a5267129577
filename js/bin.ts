#!/usr/bin/env node
/**
 * The command line.
 *
 * @module
 */
import { readFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { parseArgs } from "node:util";

import { echo } from "./echo.js";
import { WebSocketServer } from "./entry/node.js";

const USAGE = `Usage: websocket-component serve --echo [--host H] [--port N]

  serve --echo   runs a server that sends every message back
    --host H     the address to listen on; 127.0.0.1
    --port N     the port to listen on, 0 for any that is free; 8080

  --help         shows this
  --version      shows the version

Exit status: 0 done, 1 failed, 2 wrong usage.
`;

/** Wrong usage: the user's mistake, said in one line. */
class UsageError extends Error {}

function main(): void {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      echo: { type: "boolean" },
      host: { type: "string", default: "127.0.0.1" },
      port: { type: "string", default: "8080" },
      help: { type: "boolean", short: "h" },
      version: { type: "boolean" },
    },
  });
  if (values.help) process.stdout.write(USAGE);
  else if (values.version) process.stdout.write(`${version()}\n`);
  else if (positionals.length !== 1 || positionals[0] !== "serve") throw new UsageError("the only command is serve");
  else if (!values.echo) throw new UsageError("serve needs --echo");
  else serveEcho(values.host, portOf(values.port));
}

function serveEcho(host: string, port: number): void {
  const server = new WebSocketServer({ host, port });
  server.on("connection", echo);
  server.on("error", (error) => {
    process.stderr.write(`websocket-component: ${error.message}\n`);
    process.exitCode = 1;
  });
  server.on("listening", () => {
    const { address, family, port: actual } = server.address() as AddressInfo;
    const name = family === "IPv6" ? `[${address}]` : address;
    process.stdout.write(`echo server on ws://${name}:${actual}\n`);
  });
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => void server.close());
}

function portOf(text: string): number {
  const port = Number(text);
  if (/^\d+$/.test(text) && port <= 65535) return port;
  throw new UsageError(`${text} is no port`);
}

function version(): string {
  return JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")).version;
}

try {
  main();
} catch (error) {
  const isUsage = error instanceof UsageError || (error as { code?: string }).code?.startsWith("ERR_PARSE_ARGS");
  if (!isUsage) throw error;
  process.stderr.write(`websocket-component: ${(error as Error).message}\n\n${USAGE}`);
  process.exitCode = 2;
}
