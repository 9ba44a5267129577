// What attacks are made of: connections that speak bytes, and frames.
import { once } from "node:events";
import { connect } from "node:net";

const NEEDED = [
  "Host: localhost",
  "Connection: Upgrade",
  "Upgrade: websocket",
  "Sec-WebSocket-Version: 13",
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
];

/** A request for an upgrade. */
export function request(path = "/", ...fields) {
  return [`GET ${path} HTTP/1.1`, ...NEEDED, ...fields, "", ""].join("\r\n");
}

const COMPRESSING = "Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover";

/**
 * Counts what it sends, as far as the system takes it. Its socket reads and drops what comes, and its errors are
 * the server's right.
 */
export class Peer {
  static sent = 0;

  constructor(socket) {
    this.socket = socket.on("error", () => {});
  }

  static async connect(port, bytes) {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true });
    socket.on("error", () => {});
    await Promise.race([once(socket, "connect"), once(socket, "close")]);
    const peer = new Peer(socket);
    if (bytes !== undefined) await peer.write(bytes);
    return peer;
  }

  /** A connection whose handshake is done. */
  static async open(port, { compresses = false, path = "/" } = {}) {
    const peer = await Peer.connect(port, compresses ? request(path, COMPRESSING) : request(path));
    await Promise.race([once(peer.socket, "data"), once(peer.socket, "close")]);
    peer.socket.resume();
    return peer;
  }

  /** Resolves when the system has taken it, or the server has closed. */
  async write(bytes) {
    if (this.socket.destroyed) return;
    await new Promise((resolve) => {
      this.socket.once("close", resolve);
      this.socket.write(bytes, (error) => {
        if (!error) Peer.sent += bytes.length;
        this.socket.off("close", resolve);
        resolve();
      });
    });
  }

  /** Resolves when the server has done what came before, and says so by a pong; or has closed. */
  async done() {
    const { socket } = this;
    if (socket.destroyed) return;
    const end = new Promise((resolve) => {
      socket.once("close", resolve).once("end", resolve);
      socket.on("data", (chunk) => chunk.includes("\x8a\x04over", 0, "latin1") && resolve());
    });
    await this.write(frame(0x89, Buffer.from("over")));
    await end;
  }

  close() {
    this.socket.destroy();
  }
}

/** A client's frame, with a mask of zeros. */
export function frame(first, payload = Buffer.alloc(0)) {
  const { length } = payload;
  const head =
    length < 126
      ? [first, 0x80 | length]
      : length < 65_536
        ? [first, 0xfe, length >> 8, length & 255]
        : [first, 0xff, 0, 0, 0, 0, ...Buffer.from(Uint32Array.of(length).buffer).reverse()];
  return Buffer.concat([Buffer.from([...head, 0, 0, 0, 0]), payload]);
}

/** Repeats bytes until there are so many. */
export function repeated(bytes, size) {
  return Buffer.concat(Array(Math.ceil(size / bytes.length)).fill(bytes));
}
