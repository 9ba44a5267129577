/**
 * A reverse proxy for one target, which logs what goes over its WebSocket connections.
 *
 * @module
 */
import {
  createServer,
  type IncomingMessage,
  Agent as PlainAgent,
  request as plainRequest,
  type Server,
  type ServerResponse,
} from "node:http";
import { createServer as createSecureServer, Agent as SecureAgent, request as secureRequest } from "node:https";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";

import { hostOf } from "../engine/url.js";
import type { Direction } from "../inspect/records.js";
import { NodeTransport } from "../transport/node.js";
import { sockets, type TlsClientOptions, type TlsServerOptions } from "../transport/runtime.js";
import { reject } from "../transport/upgrade.js";
import type { TrafficLog } from "./log.js";
import { isLoopback } from "./loopback.js";
import { Relay } from "./relay.js";
import type { Rule } from "./rules.js";

/** What to put a proxy before, and how. */
export interface ProxyOptions {
  /** `ws:`, `wss:`, `http:` or `https:`; its path is used where a client asks for `/`. */
  readonly target: URL;
  readonly log: TrafficLog;
  readonly rules: readonly Rule[];
  /** The proxy's own certificate and key, to be reached by `wss:` and `https:`. */
  readonly tls: TlsServerOptions | undefined;
  /** TLS to the target. */
  readonly targetTls: TlsClientOptions;
  /** Makes the recorder of a connection's bytes. */
  readonly record: (() => (direction: Direction, bytes: Uint8Array) => void) | undefined;
}

/** Fields that are about one hop (RFC 9110 §7.6.1). */
const HOP_BY_HOP = ["connection", "keep-alive", "proxy-connection", "te", "trailer", "upgrade"];
/** The token, which may be one of a list (RFC 9110 §7.8). */
const WEBSOCKET = /(?:^|,)[\t ]*websocket[\t ]*(?:,|$)/i;
/** Heads may be as long as applications' cookies make them. */
const MAX_HEADER_SIZE = 256 * 1024;
/** Milliseconds for a client to take a refusal. */
const ANSWER_TIME = 10_000;
const FOREIGN = "This proxy is for this machine: use 127.0.0.1, localhost or the name of --host\n";

/** A proxy before one target. */
export class ReverseProxy {
  readonly #options: ProxyOptions;
  readonly #server: Server;
  readonly #isSecure: boolean;
  readonly #agent: PlainAgent;
  readonly #relays = new Set<Duplex>();
  /** The address to listen on, as the user has named it. */
  #host = "";
  #isPrivate = true;

  constructor(options: ProxyOptions) {
    const { target, tls, targetTls } = options;
    this.#options = options;
    this.#isSecure = target.protocol === "https:" || target.protocol === "wss:";
    this.#agent = this.#isSecure
      ? new SecureAgent({ keepAlive: true, ...targetTls })
      : new PlainAgent({ keepAlive: true });
    const settings = { maxHeaderSize: MAX_HEADER_SIZE, requestTimeout: 0 };
    this.#server = tls === undefined ? createServer(settings) : createSecureServer({ ...settings, ...tls });
    this.#server.on("request", (request, response) => {
      if (this.#isForeign(request)) response.writeHead(403, { "Content-Type": "text/plain" }).end(FOREIGN);
      else this.#passRequest(request, response);
    });
    this.#server.on("upgrade", (request, socket, head) => {
      // another upgrade is left out, which RFC 9110 §7.8 allows: the request goes on as any other does
      if (WEBSOCKET.test(request.headers.upgrade ?? "")) this.#upgrade(request, socket, head);
      else this.#readAgain(request, socket, head);
    });
  }

  /** Resolves once it listens. */
  listen(port: number, host: string): Promise<AddressInfo> {
    this.#host = host;
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen({ port, host }, () => {
        this.#server.off("error", reject);
        const address = this.#server.address() as AddressInfo;
        this.#isPrivate = /^127\.|^::1$/.test(address.address);
        resolve(address);
      });
    });
  }

  /** Stops listening and ends all connections. */
  close(): Promise<void> {
    this.#agent.destroy();
    for (const socket of this.#relays) socket.destroy();
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }

  /** Whether a `Host` is a name of the proxy's own. */
  #isOwnHost({ headers: { host = "" }, socket }: IncomingMessage): boolean {
    const name = host.replace(/:\d+$/, "").toLowerCase();
    const address = (socket.localAddress ?? "").replace(/^::ffff:/, "");
    return isLoopback(host) || name === this.#host.toLowerCase() || name.replace(/^\[|\]$/g, "") === address;
  }

  /** Whether a request comes from a page whose name was made to lead to this machine. */
  #isForeign(request: IncomingMessage): boolean {
    return this.#isPrivate && request.headers.host !== undefined && !this.#isOwnHost(request);
  }

  /** Reads a request once more, without the upgrade that it asks for. */
  #readAgain(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const fields = pairs(request.rawHeaders).filter(([name]) => !/^(?:upgrade|http2-settings)$/i.test(name));
    const lines = fields.map(([name, value]) => `${name}: ${value}\r\n`).join("");
    const start = `${request.method} ${request.url} HTTP/${request.httpVersion}\r\n`;
    socket.unshift(Buffer.concat([Buffer.from(`${start}${lines}\r\n`, "latin1"), head]));
    this.#server.emit(this.#options.tls === undefined ? "connection" : "secureConnection", socket);
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    if (this.#isForeign(request)) {
      reject(new NodeTransport(socket), { status: 403, body: FOREIGN }, ANSWER_TIME);
      return;
    }
    const { log, record, rules, targetTls } = this.#options;
    const path = this.#pathOf(request);
    const client = new NodeTransport(socket);
    this.#relays.add(socket);
    socket.once("close", () => this.#relays.delete(socket));
    const logged = log.open(addressOf(request), this.#urlOf(path));
    const relay = new Relay({ client, log: logged, rules, path, record: record?.() });
    client.unread(head);
    const destination = { ...this.#destination(), socketPath: undefined, tls: targetTls };
    sockets().connect(destination, undefined, {
      onConnected: (server) => relay.connected(server, this.#headOf(request, path)),
      onFailed: (cause) => relay.failed(cause.message || String((cause as NodeJS.ErrnoException).code)),
    });
  }

  #destination(): { host: string; port: number; isSecure: boolean } {
    const { port } = this.#options.target;
    const isSecure = this.#isSecure;
    return { host: hostOf(this.#options.target), port: Number(port || (isSecure ? 443 : 80)), isSecure };
  }

  /** The path and query to ask the target for. */
  #pathOf({ url = "/" }: IncomingMessage): string {
    const { pathname, search } = this.#options.target;
    return url === "/" ? pathname + search : url;
  }

  #urlOf(path: string): string {
    return `${this.#isSecure ? "wss" : "ws"}://${this.#options.target.host}${path}`;
  }

  /** The request's head as it came, with the target's own name in `Host` and `Origin`. */
  #headOf(request: IncomingMessage, path: string): Buffer {
    const lines = [`${request.method} ${path} HTTP/${request.httpVersion}`];
    for (const [name, value] of this.#fieldsOf(request)) lines.push(`${name}: ${value}`);
    return Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1");
  }

  #fieldsOf(request: IncomingMessage): (readonly [string, string])[] {
    const { host } = this.#options.target;
    // the target would take a site for its own whose name was made to lead here
    const own = this.#isOwnHost(request) ? request.headers.host : undefined;
    const targetOrigin = `${this.#isSecure ? "https" : "http"}://${host}`;
    return pairs(request.rawHeaders).map(([name, value]) => {
      if (/^host$/i.test(name)) return [name, host];
      const isOwnOrigin = /^origin$/i.test(name) && value.replace(/^https?:\/\//, "") === own;
      return [name, isOwnOrigin ? targetOrigin : value];
    });
  }

  #passRequest(request: IncomingMessage, response: ServerResponse): void {
    const { host: hostname, port } = this.#destination();
    const headers = this.#fieldsOf(request).filter(isEndToEnd).flat();
    const options = {
      hostname,
      port,
      method: request.method,
      path: this.#pathOf(request),
      headers,
      agent: this.#agent,
    };
    const outgoing = (this.#isSecure ? secureRequest : plainRequest)(options as object);
    outgoing.on("response", (answer) => {
      try {
        this.#passAnswer(answer, request, response);
      } catch (error) {
        outgoing.destroy(error as Error); // a status or a field that Node reads, and does not write
      }
    });
    const fail = (why: string): void => {
      if (response.headersSent) response.destroy();
      else response.writeHead(502, { "Content-Type": "text/plain" }).end(`The proxy's target: ${why}\n`);
    };
    outgoing.on("error", (error) => fail(error.message));
    // an upgrade that was not asked for is neither a response nor an error
    outgoing.on("close", () => response.headersSent || response.destroyed || fail("it gave no response"));
    response.on("close", () => outgoing.destroy());
    request.on("error", () => outgoing.destroy());
    request.pipe(outgoing);
  }

  #passAnswer(answer: IncomingMessage, request: IncomingMessage, response: ServerResponse): void {
    const fields = pairs(answer.rawHeaders)
      .filter(isEndToEnd)
      // HTTP/1.0 has no chunks: there, the end of the connection is that of the body (RFC 9112 §6.1)
      .filter(([name]) => request.httpVersion !== "1.0" || !/^transfer-encoding$/i.test(name))
      .map((field) => this.#located(field, request));
    answer.on("error", () => response.destroy());
    response.sendDate = false;
    response.writeHead(answer.statusCode ?? 502, answer.statusMessage, fields.flat());
    response.flushHeaders(); // the body may be long in coming
    answer.pipe(response);
  }

  /** A redirection to the target itself leads to the proxy. */
  #located([name, value]: readonly [string, string], request: IncomingMessage): readonly [string, string] {
    if (!/^location$/i.test(name) || !URL.canParse(value)) return [name, value];
    const url = new URL(value);
    if (url.host !== this.#options.target.host) return [name, value];
    const scheme = this.#options.tls === undefined ? "http" : "https";
    return [name, `${scheme}://${request.headers.host}${url.pathname}${url.search}${url.hash}`];
  }
}

function pairs(rawHeaders: readonly string[]): [string, string][] {
  const fields: [string, string][] = [];
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    fields.push([rawHeaders[at] as string, rawHeaders[at + 1] as string]);
  }
  return fields;
}

function isEndToEnd([name]: readonly [string, string]): boolean {
  return !HOP_BY_HOP.includes(name.toLowerCase());
}

function addressOf({ socket }: IncomingMessage): string {
  const { remoteAddress = "", remotePort } = socket;
  const host = remoteAddress.replace(/^::ffff:/, "");
  return `${host.includes(":") ? `[${host}]` : host}:${remotePort}`;
}
