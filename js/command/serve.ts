/**
 * The command `serve`.
 *
 * @module
 */
import type { AddressInfo } from "node:net";
import { WebSocketServer } from "../entry/node.js";
import { fail } from "./arguments.js";
import { echo } from "./echo.js";
import { type Watching, watcher } from "./frames.js";

/** Runs a server that sends every message back, until it is told to end. */
export function serveEcho(host: string, port: number, watching: Watching): void {
  const tap = watcher("server", watching, (text) => process.stdout.write(text));
  const server = new WebSocketServer({ host, port, tap });
  server.on("connection", echo);
  server.on("error", fail);
  server.on("listening", () => {
    const { address, family, port: actual } = server.address() as AddressInfo;
    const name = family === "IPv6" ? `[${address}]` : address;
    process.stdout.write(`echo server on ws://${name}:${actual}\n`);
  });
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => void server.close());
}
