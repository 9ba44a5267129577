// What the tests of every runtime share. Everything but ours is `node:net`, which Deno and Bun have too.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { connect, createServer } from "node:net";
import { clearTimeout, setTimeout } from "node:timers";
import { connect as connectSecurely } from "node:tls";

import { authority } from "./certificate.mjs";

/** Milliseconds for one thing that a test waits for, on a machine that has much else to do. */
const DEADLINE = 45_000;

/** The promise, until its deadline; then an error that says what was waited for. */
export function within(what, promise) {
  const error = new Error(`waited ${DEADLINE} ms in vain for ${what}`);
  const bounded = new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(error), DEADLINE);
    timer.unref();
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
  bounded.catch(() => {}); // of interest to a test that waits for it
  return bounded;
}

/** A test's means: what it opens is closed at its end. */
export class Scope {
  #cleanups = [];
  /** Why the test does not run here. */
  skipped;

  constructor(ours) {
    this.ours = ours;
  }

  /** Marks the test as one that cannot run here, which is counted apart from those that passed. */
  skip(reason) {
    this.skipped = reason;
  }

  after(cleanup) {
    this.#cleanups.push(cleanup);
  }

  async close() {
    for (const cleanup of this.#cleanups.reverse()) await cleanup();
  }

  /** Our server on a free port. */
  async serve(options = {}, onConnection = () => {}) {
    const place = options.socketPath || options.server || options.noServer ? {} : { port: 0, host: "127.0.0.1" };
    const server = new this.ours.WebSocketServer({ ...place, closeTimeout: 1000, ...options });
    this.after(() => server.close());
    server.on("connection", onConnection);
    if (!options.server && !options.noServer)
      await within("a server that listens", new Promise((resolve) => server.once("listening", resolve)));
    const port = server.address()?.port;
    return { server, port, url: `${options.tls ? "wss" : "ws"}://127.0.0.1:${port}` };
  }

  serveEcho(options) {
    return this.serve(options, (socket) => {
      socket.onmessage = ({ data }) => socket.send(data);
    });
  }

  /** Our client, open. */
  async open(url, options = {}) {
    const socket = this.client(url, options);
    await Promise.race([event(socket, "open"), event(socket, "error").then(({ error }) => Promise.reject(error))]);
    return socket;
  }

  client(url, options = {}) {
    const socket = new this.ours.WebSocket(url, { closeTimeout: 1000, ...options });
    socket.binaryType = "arraybuffer";
    this.after(() => socket.terminate());
    return socket;
  }

  /** A TCP server. */
  async tcp(onConnection) {
    const sockets = new Set();
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      sockets.add(socket);
      socket.on("error", () => {});
      onConnection(new Raw(socket));
    });
    await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
    this.after(() => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    return server.address().port;
  }

  /** A TCP client, or one of TLS. */
  async raw(port, bytes, isSecure = false) {
    const place = { port, host: "127.0.0.1", allowHalfOpen: true };
    const trusted = { ca: authority, servername: "localhost", ALPNProtocols: ["http/1.1"] };
    const socket = isSecure ? connectSecurely({ ...place, ...trusted }) : connect(place);
    this.after(() => socket.destroy());
    const name = isSecure ? "secureConnect" : "connect";
    const connected = new Promise((resolve, reject) => socket.once(name, resolve).once("error", reject));
    await within("a connection", connected);
    socket.on("error", () => {});
    if (bytes !== undefined) socket.write(bytes);
    return new Raw(socket);
  }
}

/** A peer that speaks bytes. */
export class Raw {
  #read = Buffer.alloc(0);
  #isOver = false;
  #wake = () => {};

  constructor(socket) {
    this.socket = socket;
    const over = () => {
      this.#isOver = true;
      this.#wake();
    };
    socket.on("end", over).on("close", over);
    socket.on("data", (chunk) => {
      this.#read = Buffer.concat([this.#read, chunk]);
      this.#wake();
    });
  }

  async bytes(length) {
    await this.#until(`${length} bytes`, () => this.#read.length >= length);
    return this.#take(length);
  }

  async head() {
    await this.#until("an HTTP head", () => this.#read.includes("\r\n\r\n"));
    return this.#take(this.#read.indexOf("\r\n\r\n") + 4).toString("latin1");
  }

  async rest() {
    await this.#until("the peer's end", () => this.#isOver);
    return this.#take(this.#read.length).toString("latin1");
  }

  /** Resets the connection. */
  reset() {
    this.socket.resetAndDestroy();
  }

  async #until(what, isDone) {
    while (!isDone()) {
      assert.ok(!this.#isOver, `the peer closed before ${what} came`);
      const more = new Promise((resolve) => {
        this.#wake = resolve;
      });
      await within(`${what}, with ${this.#read.length} bytes come`, more);
    }
  }

  #take(length) {
    const taken = this.#read.subarray(0, length);
    this.#read = this.#read.subarray(length);
    return taken;
  }
}

const NEEDED = [
  "Host: localhost",
  "Connection: keep-alive, Upgrade",
  "Upgrade: websocket",
  "Sec-WebSocket-Version: 13",
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
];

export const REQUEST = ["GET /path?query HTTP/1.1", ...NEEDED, "", ""].join("\r\n");

/** The head of the answer to a request's head. */
export function answerTo(request) {
  const [, key] = /^sec-websocket-key: *(\S+)/im.exec(request);
  const accept = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
  const head = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"];
  return [...head, `Sec-WebSocket-Accept: ${accept}`, "", ""].join("\r\n");
}

/** A short frame. */
export function frame(first, payload = "") {
  const bytes = Buffer.from(payload);
  return Buffer.concat([Buffer.from([first, bytes.length]), bytes]);
}

/** A short frame masked with zeros. */
export function masked(first, payload = "") {
  const bytes = Buffer.from(payload);
  return Buffer.concat([Buffer.from([first, 0x80 | bytes.length, 0, 0, 0, 0]), bytes]);
}

/** The next event of this type. */
export function event(target, type) {
  const next = new Promise((resolve) => target.addEventListener(type, resolve, { once: true }));
  return within(`the event ${type} of ${target.constructor.name}`, next);
}

/** The data of the next messages. */
export function messages(socket, count) {
  const data = [];
  const all = new Promise((resolve) => {
    socket.addEventListener("message", (event) => {
      data.push(event.data);
      if (data.length === count) resolve(data);
    });
  });
  return within(`${count} messages`, all);
}

/** Bytes that differ from place to place. */
export function pattern(length) {
  return Uint8Array.from({ length }, (_, at) => (at * 31 + (at >> 8)) & 0xff);
}

export function same(actual, expected) {
  assert.equal(Buffer.compare(new Uint8Array(actual), expected), 0);
}
