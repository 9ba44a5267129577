/** What the tests share: servers on free ports, events as promises, and a peer that writes and reads plain bytes. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { type EventEmitter, once as onceOfNode } from "node:events";
import type { IncomingMessage } from "node:http";
import { syncBuiltinESMExports } from "node:module";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import type { TestContext } from "node:test";
import timers from "node:timers";
import { setImmediate as turn } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

import {
  type CloseEvent,
  engineStatistics,
  WebSocket,
  WebSocketServer,
  type WebSocketServerOptions,
} from "websocket-component";

/** The real clock, which a test's mocks do not touch. */
const { setTimeout: later, clearTimeout: cancel } = timers;
/** Milliseconds that a test waits for one thing, on a machine that has much else to do. */
const DEADLINE = 60_000;

/** The promise, until its deadline; then an error that says what was waited for. */
export function within<T>(what: string, promise: Promise<T>): Promise<T> {
  const error = new Error(`waited ${DEADLINE} ms in vain for ${what}`);
  const bounded = new Promise<T>((resolve, reject) => {
    const timer = later(() => reject(error), DEADLINE);
    timer.unref();
    promise.then(resolve, reject).finally(() => cancel(timer));
  });
  bounded.catch(() => {}); // of interest to a test that waits for it
  return bounded;
}

/** A promise, and what resolves it. */
export function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

/** The connections and prepared messages that the engine has now. */
export function sessionCount(): number {
  return engineStatistics().sessions;
}

/** The next event of an emitter, as `once` of `node:events` has it. */
// biome-ignore lint/suspicious/noExplicitAny: as there
export function once(emitter: EventEmitter | EventTarget, type: string): Promise<any[]> {
  return within(`${type} of ${emitter.constructor.name}`, onceOfNode(emitter as EventEmitter, type));
}

/** A server on a free port that is closed at the test's end. */
export async function serve(
  t: TestContext,
  options: WebSocketServerOptions = {},
  onConnection?: (socket: WebSocket) => void,
): Promise<{ server: WebSocketServer; url: string; port: number }> {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1", closeTimeout: 500, ...options });
  if (onConnection !== undefined) server.on("connection", onConnection);
  await once(server, "listening");
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  return { server, port, url: `ws://127.0.0.1:${port}` };
}

/** A server that sends every message back. */
export function serveEcho(t: TestContext, options: WebSocketServerOptions = {}): ReturnType<typeof serve> {
  return serve(t, options, (socket) => {
    socket.onmessage = (event) => socket.send(event.data);
  });
}

/** The next event of this type. */
export function nextEvent<E extends Event = Event>(target: EventTarget, type: string): Promise<E> {
  const event = new Promise<E>((resolve) => target.addEventListener(type, (one) => resolve(one as E), { once: true }));
  return within(`the event ${type} of ${target.constructor.name}`, event);
}

export function closed(socket: EventTarget): Promise<CloseEvent> {
  return nextEvent<CloseEvent>(socket, "close");
}

/** The data of the next `count` messages. */
export function messages(socket: EventTarget, count: number): Promise<unknown[]> {
  const data: unknown[] = [];
  const all = new Promise<unknown[]>((resolve) => {
    socket.addEventListener("message", (event) => {
      data.push((event as MessageEvent).data);
      if (data.length === count) resolve(data);
    });
  });
  return within(`${count} messages of ${socket.constructor.name}`, all);
}

/** The bytes of hexadecimal digits, blanks ignored. */
export function hex(digits: string): Buffer {
  return Buffer.from(digits.replaceAll(/\s/g, ""), "hex");
}

/** A masked frame, as a client sends it; `first` is its first byte. */
export function masked(first: number, payload: string | Uint8Array = ""): Buffer {
  const key = [0x37, 0xfa, 0x21, 0x3d];
  const bytes = Buffer.from(payload as string);
  const body = bytes.map((byte, index) => byte ^ (key[index % 4] as number));
  return Buffer.concat([header(first, 0x80, bytes.length), Buffer.from(key), body]);
}

/** An unmasked frame, as a server sends it. */
export function unmasked(first: number, payload: string | Uint8Array = ""): Buffer {
  const bytes = Buffer.from(payload as string);
  return Buffer.concat([header(first, 0, bytes.length), bytes]);
}

function header(first: number, mask: number, length: number): Buffer {
  if (length < 126) return Buffer.from([first, mask | length]);
  const bytes = Buffer.alloc(length < 65536 ? 4 : 10);
  bytes[0] = first;
  bytes[1] = mask | (length < 65536 ? 126 : 127);
  if (length < 65536) bytes.writeUInt16BE(length, 2);
  else bytes.writeBigUInt64BE(BigInt(length), 2);
  return bytes;
}

/** What a session makes of a chunk. */
export function take<R>(session: { receive(chunk: Uint8Array, received: R[]): number }, chunk: Uint8Array): R[] {
  const received: R[] = [];
  for (let taken = 0; taken < chunk.length; ) taken += session.receive(chunk.subarray(taken), received);
  return received;
}

export const REQUEST: string = [
  "GET / HTTP/1.1",
  "Host: localhost",
  "Connection: Upgrade",
  "Upgrade: websocket",
  "Sec-WebSocket-Version: 13",
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
  "",
  "",
].join("\r\n");

/** The answer to it. */
export const RESPONSE = [
  "HTTP/1.1 101 Switching Protocols",
  "Upgrade: websocket",
  "Connection: Upgrade",
  "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
  "",
  "",
].join("\r\n");

/** A TCP peer that speaks bytes and remembers all that it read. */
export class RawPeer {
  readonly socket: Socket;
  /** What was read and not taken: one chunk, once someone looks. */
  #chunks: Buffer[] = [];
  #length = 0;
  readonly ended: Promise<unknown>;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on("error", () => {});
    socket.on("data", (chunk: Buffer) => {
      this.#chunks.push(chunk);
      this.#length += chunk.length;
      socket.emit("more");
    });
    this.ended = Promise.race([onceOfNode(socket, "end"), onceOfNode(socket, "close")]);
    this.ended.catch(() => {}); // a reset is of interest to those only who wait for the end
  }

  /** Connects and sends a request's head, with the first bytes of the stream behind it. */
  static async connect(
    port: number,
    request: string | Buffer = REQUEST,
    behind: Uint8Array = Buffer.alloc(0),
  ): Promise<RawPeer> {
    const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    await once(socket, "connect");
    const peer = new RawPeer(socket);
    socket.write(Buffer.concat([Buffer.from(request as string), behind]));
    return peer;
  }

  write(...bytes: Uint8Array[]): void {
    this.socket.write(Buffer.concat(bytes));
  }

  /** The head of the peer's HTTP message. */
  async head(): Promise<string> {
    const end = () => this.#read().indexOf("\r\n\r\n");
    while (end() < 0) await this.#more("an HTTP head");
    return this.take(end() + 4).toString("latin1");
  }

  /** The next `length` bytes. */
  async bytes(length: number): Promise<Buffer> {
    while (this.#length < length) await this.#more(`${length} bytes, of which there are ${this.#length}`);
    return this.take(length);
  }

  /** Whatever comes until the peer closes its side. */
  async rest(): Promise<Buffer> {
    await within(`the peer's end, behind ${this.#length} bytes`, this.ended);
    return this.take(this.#length);
  }

  #read(): Buffer {
    const [all = Buffer.alloc(0)] = this.#chunks.length > 1 ? [Buffer.concat(this.#chunks)] : this.#chunks;
    this.#chunks = [all];
    return all;
  }

  private take(length: number): Buffer {
    const all = this.#read();
    this.#chunks = [all.subarray(length)];
    this.#length -= length;
    return all.subarray(0, length);
  }

  async #more(what: string): Promise<void> {
    if (this.socket.readableEnded || this.socket.destroyed) throw new Error("the peer has closed");
    await within(what, Promise.race([onceOfNode(this.socket, "more"), this.ended]));
  }
}

/** The `Sec-WebSocket-Accept` that answers a request's head. */
export function acceptOf(head: string): string {
  const key = /sec-websocket-key: (.*)\r/i.exec(head)?.[1];
  return createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
}

/** A TCP server on a free port whose connections a test drives by hand. */
export async function serveRaw(t: TestContext, onPeer: (peer: RawPeer) => void): Promise<string> {
  const sockets = new Set<Socket>();
  const server: Server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    onPeer(new RawPeer(socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Our socket, the messages that it has received, and its peer, which speaks bytes. */
export interface RawPair {
  peer: RawPeer;
  socket: WebSocket;
  received: unknown[];
}

/** A raw client whose handshake with our server is done, and our side of its connection. */
export async function rawClient(t: TestContext, options = {}, behind?: Uint8Array): Promise<RawPair> {
  const received: unknown[] = [];
  const { server, port } = await serve(t, options, (socket) => {
    socket.onmessage = (event) => received.push(event.data);
  });
  const connection = once(server, "connection");
  const peer = await RawPeer.connect(port, undefined, behind);
  t.after(() => peer.socket.destroy());
  const [socket] = (await connection) as [WebSocket];
  await peer.head();
  return { peer, socket, received };
}

/** A server's socket that waits for a listener. */
export interface Unclaimed {
  readonly peer: RawPeer;
  readonly socket: WebSocket;
  readonly tcp: Socket;
  readonly close: () => Promise<unknown>;
}

/** A server's socket without message listeners, and its peer, which has sent `behind` along with its request. */
export async function unclaimed(t: TestContext, options = {}, ...behind: Buffer[]): Promise<Unclaimed> {
  const { server, port } = await serve(t, options);
  const connection = once(server, "connection") as Promise<unknown[]>;
  const peer = await RawPeer.connect(port, undefined, Buffer.concat(behind));
  t.after(() => peer.socket.destroy());
  const [socket, request] = (await connection) as [WebSocket, IncomingMessage];
  await peer.head();
  return { peer, socket, tcp: request.socket, close: () => server.close() };
}

/** What the server's side has read when it reads no more. */
export async function settled(tcp: Socket): Promise<number> {
  let before = -1;
  for (let still = 0; still < 50; before = tcp.bytesRead) {
    still = tcp.bytesRead === before ? still + 1 : 0;
    await turn();
  }
  return tcp.bytesRead;
}

/** Our client, connected to a raw server. */
export async function rawServer(t: TestContext, options = {}): Promise<RawPair> {
  let resolve: (peer: RawPeer) => void;
  const connected = new Promise<RawPeer>((done) => {
    resolve = done;
  });
  const url = await serveRaw(t, (peer) => resolve(peer));
  const socket = new WebSocket(url, [], { closeTimeout: 500, ...options });
  const received: unknown[] = [];
  socket.onmessage = (event) => received.push(event.data);
  const peer = await connected;
  await answer(peer);
  await nextEvent(socket, "open");
  return { peer, socket, received };
}

/** Does the server's half of the handshake. */
export async function answer(peer: RawPeer): Promise<void> {
  const fields = `Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${acceptOf(await peer.head())}`;
  peer.write(Buffer.from(`HTTP/1.1 101 Switching Protocols\r\n${fields}\r\n\r\n`));
}

/** Modules of the package that it does not export. */
export async function inner<T>(name: string): Promise<T> {
  return import(new URL(`../${name}`, import.meta.resolve("websocket-component")).href);
}

/**
 * Lets a test's clock stand still until it ticks it, for the package too: that takes its timers from `node:timers`,
 * whose exports follow by `syncBuiltinESMExports` alone.
 */
export function mockTimers(t: TestContext): void {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  syncBuiltinESMExports();
  t.after(() => {
    t.mock.timers.reset();
    syncBuiltinESMExports();
  });
}

/** The same with `performance.now`. Returns what lets both go on, by milliseconds. */
export function mockClock(t: TestContext): (ms: number) => void {
  mockTimers(t);
  let now = performance.now();
  t.mock.method(performance, "now", () => now);
  return (ms) => {
    now += ms;
    t.mock.timers.tick(ms);
  };
}

/** Numbers from 0 to 1, the same every time (a linear congruence). */
export function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** What is thrown and not caught until the test ends, in which nothing else fails by it. */
export function uncaughtErrors(t: TestContext): unknown[] {
  const errors: unknown[] = [];
  const present = process.listeners("uncaughtException");
  process.removeAllListeners("uncaughtException").on("uncaughtException", (error) => errors.push(error));
  t.after(() => {
    process.removeAllListeners("uncaughtException");
    for (const listener of present) process.on("uncaughtException", listener);
  });
  return errors;
}

/**
 * What collects garbage at once, for those who measure memory, or wait for what is collected. Twice, since V8 gives
 * array buffers back on another thread, which the next collection waits for.
 */
export function garbageCollector(): () => void {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  return () => {
    collect();
    collect();
  };
}

/** Nothing may refer to it any more, a hundred turns from now at the latest. */
export async function mustBeCollected(kept: WeakRef<object>): Promise<void> {
  const collect = garbageCollector();
  for (let left = 100; kept.deref() !== undefined && left > 0; left--) {
    await turn();
    collect();
  }
  assert.equal(kept.deref(), undefined);
}
