/**
 * The inspector's page for a server of one's own.
 *
 * @module
 */

import type { Server } from "node:http";
import type { Server as HttpsServer } from "node:https";
import { WebSocketError } from "../engine/errors.js";
import { ownOptions } from "../engine/own.js";
import { WebSocketServer } from "../server/server.js";
import { StreamRequest } from "../transport/http2.js";
import { onEndOf, type Tap } from "../transport/tap.js";
import type { HandshakeRequest } from "../transport/upgrade.js";
import { TrafficLog } from "./log.js";
import { Lookers } from "./lookers.js";
import { PageServer } from "./page.js";
import { addressOf, TapLog, tapProcess, tapServer, urlOf } from "./taps.js";

/** How to serve the page. */
export interface InspectServerOptions {
  /** The page's port on 127.0.0.1, or the next one that is free; 0 for any. 8081 by default. */
  port?: number | undefined;
  /** MiB of traffic to remember, about: the oldest is dropped first. 64 by default. */
  memory?: number | undefined;
}

/** A page that shows a server's connections as they go. */
export interface LivePage {
  /** Where it is: on this machine only, because what it shows is private. */
  readonly url: string;
  /** Closes the page. Connections go on, and later ones are not looked at. */
  close(): Promise<void>;
}

const DEFAULT_PORT = 8081;
const DEFAULT_MEMORY = 64;
const MEBIBYTE = 1 << 20;

/**
 * Serves the inspector's page for a server: each connection from now on is shown there as it goes, byte by byte. The
 * page does not keep the process alive. In Node.
 *
 * @param server a `WebSocketServer` of this package, or the `http.Server` or `https.Server` of any other
 * @throws WebSocketError `WS_ERR_INVALID_OPTION`
 * @throws Error if no port is free
 */
export async function inspectServer(
  server: WebSocketServer | Server | HttpsServer,
  options: InspectServerOptions = {},
): Promise<LivePage> {
  const { log, port } = checked(options);
  const stop = server instanceof WebSocketServer ? tapOwn(server, log) : tapServer(server as Server, log);
  return serve(log, port, () => addressIn(server.address()), stop);
}

/**
 * @internal The same for all of the process: HTTP servers, and clients by `http.request`.
 *
 * @throws Error if no port is free
 */
export async function inspectProcess(options: InspectServerOptions = {}): Promise<LivePage> {
  const { log, port } = checked(options);
  tapProcess(log);
  return serve(
    log,
    port,
    () => "",
    () => {},
  );
}

function checked(options: InspectServerOptions): { log: TrafficLog; port: number } {
  const { port = DEFAULT_PORT, memory = DEFAULT_MEMORY } = ownOptions(options);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw invalid("port", "a port from 0 to 65535");
  if (!(memory >= 1 && memory <= 4096)) throw invalid("memory", "from 1 to 4096 (MiB)");
  return { log: new TrafficLog(memory * MEBIBYTE), port };
}

function invalid(name: string, wanted: string): WebSocketError {
  return new WebSocketError("WS_ERR_INVALID_OPTION", `The option ${name} must be ${wanted}`);
}

async function serve(log: TrafficLog, port: number, address: () => string, stop: () => void): Promise<LivePage> {
  const page = new PageServer(log, () => ({
    type: "hello",
    kind: "server",
    title: process.argv[1]?.split(/[\\/]/).at(-1) ?? "this process",
    address: address(),
    limit: log.limit,
    rules: [],
  }));
  const url = await page.listen(port).catch((error: unknown) => {
    stop(); // no one would see it
    throw error;
  });
  page.unref();
  return {
    url,
    close: () => {
      stop();
      return page.close();
    },
  };
}

/** Gives where the bytes of a request's connection go. */
type Look = (request: HandshakeRequest) => TapLog;

const servers = new Lookers<Look>();

/** Of our own servers, the option `tap` sees the bytes. */
function tapOwn(server: WebSocketServer, log: TrafficLog): () => void {
  const look: Look = (request) => {
    const logged = log.open(addressOf(request.socket as never), urlOf(request as never));
    logged.http2 = request instanceof StreamRequest;
    return new TapLog(logged);
  };
  return servers.add(server, look, (looks) => hookTap(server, looks));
}

function hookTap(server: WebSocketServer, looks: ReadonlySet<Look>): () => void {
  const { tap: before } = server;
  const hooked: typeof before = (request: HandshakeRequest) => {
    const taps = Array.from(looks, (look) => look(request));
    const other = before?.(request as never);
    if (taps.length === 0) return other;
    const all: Tap = (traffic) => {
      for (const tap of taps) tap.add(traffic.direction === "received" ? "toServer" : "toClient", traffic.bytes);
      other?.(traffic);
    };
    onEndOf(all, () => {
      for (const tap of taps) tap.close();
    });
    return all;
  };
  server.tap = hooked;
  return () => {
    if (server.tap === hooked) server.tap = before; // else another's is over it
  };
}

function addressIn(address: ReturnType<Server["address"]>): string {
  if (address === null || typeof address === "string") return address ?? "";
  const { port } = address;
  return `ws://127.0.0.1:${port}`;
}
