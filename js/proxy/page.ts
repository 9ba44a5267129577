/**
 * Serves the inspector's page to this machine, live: what it shows is private.
 *
 * @module
 */
import { existsSync, readFileSync, statSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { extname } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { brotliDecompressSync, deflateRawSync } from "node:zlib";

import { WebSocketServer } from "../server/server.js";
import { feed } from "./feed.js";
import type { Hello } from "./feed-protocol.js";
import type { TrafficLog } from "./log.js";
import { isLoopback } from "./loopback.js";
import { untapped } from "./taps.js";

const TYPES: Readonly<Record<string, string>> = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
};
/** Files of the page's folder: no escape in it, and no folder above. */
const FILE = /^\/\w[\w.-]*$/;
/** Where the page connects to. */
const FEED = "/live";
/** Bytes of a message that was edited at the page, as Base64. */
const MAX_MESSAGE = 128 << 20;
/** Where the built page is, from the modules and from their CommonJS form. */
const FOLDERS = ["../page/", "../../page/"];

/** A live page. */
export class PageServer {
  readonly #server: Server;
  readonly #feeds: WebSocketServer;
  readonly #folder: string | undefined = pageFolder();

  constructor(log: TrafficLog, hello: () => Hello) {
    this.#server = createServer((request, response) => this.#answer(request, response));
    untapped.add(this.#server);
    this.#feeds = new WebSocketServer({
      server: this.#server,
      path: FEED,
      maxMessageSize: MAX_MESSAGE,
      verify: (request: IncomingMessage) => isOwn(request),
    });
    this.#feeds.on("connection", (socket) => feed(socket, log, hello()));
  }

  /** Listens on loopback, on this port or the next one that is free; resolves with the page's address. */
  async listen(port: number): Promise<string> {
    for (let next = port; ; next++) {
      try {
        await this.#listen(next);
        return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE" || next >= port + 20 || next >= 65_535) throw error;
      }
    }
  }

  #listen(port: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen({ port, host: "127.0.0.1" }, () => {
        this.#server.off("error", reject);
        resolve();
      });
    });
  }

  /** Does not keep the process alive. */
  unref(): void {
    this.#server.unref();
    this.#server.on("connection", (socket) => socket.unref());
  }

  async close(): Promise<void> {
    for (const socket of this.#feeds.clients) socket.terminate();
    await this.#feeds.close();
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    if (!isLoopback(request.headers.host)) {
      response.writeHead(403, { "Content-Type": "text/plain" }).end("This page is for this machine: use 127.0.0.1\n");
      return;
    }
    if (this.#folder === undefined) {
      response.writeHead(503, { "Content-Type": "text/plain" }).end("The page is not built: npm run build:www\n");
      return;
    }
    const path = (request.url ?? "/").split("?", 1)[0]?.replace(/^\/$/, "/index.html") ?? "";
    const file = this.#folder + path.slice(1);
    const content = request.method === "GET" && FILE.test(path) ? contentOf(file) : undefined;
    if (content === undefined) {
      response.writeHead(404, { "Content-Type": "text/plain" }).end("Not found\n");
      return;
    }
    response.writeHead(200, {
      "Content-Type": TYPES[extname(file)] ?? "application/octet-stream",
      "Cache-Control": "no-cache",
      "Cross-Origin-Resource-Policy": "same-origin",
      "X-Frame-Options": "DENY",
    });
    // the same page from elsewhere, or from a file, has no process to ask
    response.end(path === "/index.html" ? content.toString().replace("<html ", `<html data-feed="${FEED}" `) : content);
  }
}

/** A file of the page. */
function contentOf(file: string): Buffer | string | undefined {
  if (existsSync(file)) return statSync(file).isFile() ? readFileSync(file) : undefined;
  return existsSync(`${file}.br`) ? unpacked(file) : undefined;
}

/** Files that were put together: it takes tens of milliseconds, in which the process of the application waits. */
const whole = new Map<string, string>();

/** The package has the page's script compressed, and the engines, which are in it, apart. */
function unpacked(file: string): string {
  let text = whole.get(file);
  if (text !== undefined) return text;
  text = brotliDecompressSync(readFileSync(`${file}.br`))
    .toString()
    .replace(/@(\w+_bg\.wasm)@/g, (_, name) => {
      const engine = readFileSync(new URL(`../../pkg/${name}`, pathToFileURL(file)));
      return deflateRawSync(engine, { level: 9 }).toString("base64");
    });
  whole.set(file, text);
  return text;
}

/** The built page; in the repository there may be none. */
function pageFolder(): string | undefined {
  return FOLDERS.map((folder) => fileURLToPath(new URL(folder, import.meta.url))).find((folder) => {
    return existsSync(`${folder}index.html`);
  });
}

/** Whether a request comes from the page, or from a program: other sites' pages say where they are from. */
function isOwn({ headers: { host, origin } }: IncomingMessage): boolean {
  return isLoopback(host) && (origin === undefined || origin === `http://${host}`);
}
