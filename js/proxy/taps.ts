/**
 * Connections of this process in a log: the tap only looks at bytes, on their way to the library that owns the
 * connection.
 *
 * @module
 */
import { ClientRequest, Server as HttpServer, type IncomingMessage, type Server } from "node:http";
import { Server as HttpsServer } from "node:https";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";

import { copyOf } from "../engine/bytes.js";
import type { Direction } from "../inspect/records.js";
import type { ConnectionLog, TrafficLog } from "./log.js";
import { Lookers } from "./lookers.js";

/** Bytes of a head, at most: what is longer is not shown as one. */
const MAX_HEAD = 256 * 1024;
const END_OF_HEAD = "\r\n\r\n";

/** Servers that are not looked at: what the page is sent about itself would be sent to it again. */
export const untapped: WeakSet<object> = new WeakSet();

/** Puts the bytes of a connection into its log: the two heads, then frames. */
export class TapLog {
  readonly #log: ConnectionLog;
  /** What has come of each head; nothing once it is whole. */
  readonly #heads: Record<Direction, Buffer | undefined> = { toServer: Buffer.alloc(0), toClient: Buffer.alloc(0) };
  /** Bytes of the client behind its request, which are frames only if the server agrees. */
  #early: Uint8Array[] = [];

  constructor(log: ConnectionLog) {
    this.#log = log;
  }

  /** Takes the next bytes; they are not overwritten later. */
  add(direction: Direction, bytes: Uint8Array): void {
    const begun = this.#heads[direction];
    if (begun !== undefined) this.#addToHead(direction, Buffer.concat([begun, bytes]));
    else if (direction === "toServer" && this.#log.state === "opening") this.#early.push(bytes);
    else if (bytes.length > 0) this.#log.add(direction, bytes);
  }

  #addToHead(direction: Direction, all: Buffer): void {
    const end = all.indexOf(END_OF_HEAD);
    if (end < 0 && all.length < MAX_HEAD) {
      this.#heads[direction] = all;
      return;
    }
    this.#heads[direction] = undefined;
    const size = end < 0 ? all.length : end + END_OF_HEAD.length;
    this.#log.addHead(direction, all.subarray(0, size));
    if (direction === "toClient") this.#answered(all.toString("latin1", 0, 64));
    this.add(direction, all.subarray(size));
  }

  #answered(start: string): void {
    const status = /^HTTP\/(?:1\.\d|2) (\d{3})/.exec(start)?.[1] ?? "an answer that is not HTTP";
    const isAccepted = this.#log.http2 ? status.startsWith("2") : status === "101"; // RFC 8441 §4
    if (isAccepted) this.#log.become("open");
    else {
      this.#log.become("refused", status);
      this.close();
    }
    const early = this.#early;
    this.#early = [];
    for (const bytes of early) this.add("toServer", bytes);
  }

  /** Says that the connection is over. */
  close(): void {
    this.#log.become("closed");
  }
}

/** Logs all upgrades of one HTTP server. Returns a function that stops that for later ones. */
export function tapServer(server: Server, log: TrafficLog): () => void {
  return tapUpgrades(server, (request, socket, head) => tapServed(log, request, socket, head));
}

/** Logs all upgrades of this process: of HTTP servers, and of clients by `http.request`. */
export function tapProcess(log: TrafficLog): void {
  for (const { prototype } of [HttpServer, HttpsServer]) {
    tapUpgrades(prototype, (request, socket, head) => tapServed(log, request, socket, head));
  }
  tapUpgrades(ClientRequest.prototype, function (this: ClientRequest, response, socket, head) {
    tapRequested(log, this, response, socket, head);
  });
}

type Upgraded = (message: IncomingMessage, socket: Duplex, head: Buffer) => void;
type Emitting = { emit(event: string | symbol, ...given: unknown[]): boolean };

const upgrades = new Lookers<Upgraded>();

/**
 * Looks at the `upgrade` events of an emitter. As a listener it would count as one that takes them, and change what
 * Node and others do with upgrades that no listener takes.
 */
function tapUpgrades(emitter: object, look: Upgraded): () => void {
  return upgrades.add(emitter, look, (looks) => hookUpgrades(emitter as Emitting, looks));
}

function hookUpgrades(target: Emitting, looks: ReadonlySet<Upgraded>): () => void {
  const own = Object.getOwnPropertyDescriptor(target, "emit");
  const { emit } = target;
  const hooked: Emitting["emit"] = function (this: Emitting, event, ...given) {
    if (event === "upgrade" && !untapped.has(this)) {
      for (const look of looks) look.apply(this as never, given as Parameters<Upgraded>);
    }
    return emit.call(this, event, ...given);
  };
  target.emit = hooked;
  return () => {
    if (target.emit !== hooked) return; // another's is over it
    if (own === undefined) delete (target as Partial<Emitting>).emit;
    else Object.defineProperty(target, "emit", own);
  };
}

function tapServed(log: TrafficLog, request: IncomingMessage, socket: Duplex, head: Buffer): void {
  if (request.headers.upgrade?.toLowerCase() !== "websocket") return;
  const tap = new TapLog(log.open(addressOf(request.socket), urlOf(request)));
  tap.add("toServer", headOf(`${request.method} ${request.url} HTTP/${request.httpVersion}`, request.rawHeaders));
  tap.add("toServer", copyOf(head));
  tapStream(socket, tap, { read: "toServer", written: "toClient" });
}

function tapRequested(
  log: TrafficLog,
  request: ClientRequest,
  response: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): void {
  const scheme = (socket as Partial<{ encrypted: boolean }>).encrypted ? "wss" : "ws";
  const tap = new TapLog(log.open("this process", `${scheme}://${request.getHeader("host")}${request.path}`));
  const fields = request.getRawHeaderNames().flatMap((name) => [name, String(request.getHeader(name))]);
  tap.add("toServer", headOf(`${request.method} ${request.path} HTTP/1.1`, fields));
  const { httpVersion, statusCode, statusMessage, rawHeaders } = response;
  tap.add("toClient", headOf(`HTTP/${httpVersion} ${statusCode} ${statusMessage}`, rawHeaders));
  tap.add("toClient", copyOf(head));
  tapStream(socket, tap, { read: "toClient", written: "toServer" });
}

/** The methods that implement a stream: all that is read and written goes through them. */
interface Implementation {
  push(chunk: Uint8Array | string | null, encoding?: BufferEncoding): boolean;
  _write(chunk: Uint8Array | string, encoding: BufferEncoding, done: () => void): void;
  _writev?(chunks: { chunk: Uint8Array | string; encoding: BufferEncoding }[], done: () => void): void;
}

function tapStream(socket: Duplex, tap: TapLog, names: { read: Direction; written: Direction }): void {
  const stream = socket as unknown as Implementation;
  const { push, _write, _writev } = stream;
  stream.push = function (chunk, encoding) {
    if (chunk !== null) tap.add(names.read, bytesOf(chunk, encoding));
    return push.call(this, chunk, encoding);
  };
  stream._write = function (chunk, encoding, done) {
    tap.add(names.written, bytesOf(chunk, encoding));
    _write.call(this, chunk, encoding, done);
  };
  if (_writev) {
    stream._writev = function (chunks, done) {
      for (const { chunk, encoding } of chunks) tap.add(names.written, bytesOf(chunk, encoding));
      _writev.call(this, chunks, done);
    };
  }
  socket.once("close", () => tap.close());
}

function bytesOf(chunk: Uint8Array | string, encoding: BufferEncoding | undefined): Uint8Array {
  return typeof chunk === "string" ? Buffer.from(chunk, encoding) : copyOf(chunk);
}

function headOf(startLine: string, rawHeaders: readonly string[]): Buffer {
  const fields = rawHeaders.map((text, index) => (index % 2 === 0 ? `${text}: ` : `${text}\r\n`)).join("");
  return Buffer.from(`${startLine}\r\n${fields}\r\n`, "latin1");
}

/** The address that a client asked for. */
export function urlOf({ headers, url, socket }: Pick<IncomingMessage, "headers" | "url" | "socket">): string {
  return `${(socket as Partial<{ encrypted: boolean }>).encrypted ? "wss" : "ws"}://${headers.host}${url}`;
}

/** Address and port of the other side. */
export function addressOf({ remoteAddress = "", remotePort }: Pick<Socket, "remoteAddress" | "remotePort">): string {
  const host = remoteAddress.replace(/^::ffff:/, "");
  return `${host.includes(":") ? `[${host}]` : host}:${remotePort}`;
}
