// The load's parts, as cheap as Node has them: connections write frames that were made before, and count the bytes of
// the replies.
import { createHash } from "node:crypto";
import { connect, createServer } from "node:net";
import { connect as connectSecurely } from "node:tls";

import { upgradeRequest } from "./frames.mjs";

const HOST = "127.0.0.1";
/** What the hash of an accept ends with (RFC 6455 §1.3). */
const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/** A close frame with status 1000, masked by a key of zeros. */
const CLOSE = Buffer.from([0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8]);
/** More connections at once than a server's backlog holds would be dropped. */
const AT_ONCE = 100;
/** All clients read into it: the bytes are used only once. */
const buffer = Buffer.alloc(256 * 1024);

/** One connection after its handshake; `onBytes` gets each piece of what comes. */
export class Connection {
  onBytes = undefined;
  #socket;

  /** @param where the port, whether by TLS, and header fields of the request */
  static open({ port, isSecure = false, fields = [] }) {
    return new Promise((resolve, reject) => {
      const connection = new Connection();
      let head = "";
      connection.onBytes = (bytes) => {
        head += bytes.toString("latin1");
        if (!head.endsWith("\r\n\r\n")) return;
        if (head.startsWith("HTTP/1.1 101")) resolve(connection);
        else reject(new Error(`no WebSocket: ${head}`));
      };
      const socket = isSecure ? connection.#connectSecurely(port) : connection.#connect(port);
      connection.#socket = socket;
      socket.on("error", reject);
      socket.write(upgradeRequest(...fields));
    });
  }

  #connect(port) {
    const callback = (size) => {
      this.onBytes(buffer.subarray(0, size));
      return true;
    };
    return connect({ port, host: HOST, noDelay: true, onread: { buffer, callback } });
  }

  #connectSecurely(port) {
    const socket = connectSecurely({ port, host: HOST, rejectUnauthorized: false });
    return socket.setNoDelay(true).on("data", (bytes) => this.onBytes(bytes));
  }

  /** A server's end, after its answer to the request. */
  static accept(socket, request) {
    const connection = new Connection();
    connection.#socket = socket;
    const [, key] = /^sec-websocket-key: *(\S+)/im.exec(request);
    const accept = createHash("sha1")
      .update(key + GUID)
      .digest("base64");
    const fields = ["Upgrade: websocket", "Connection: Upgrade", `Sec-WebSocket-Accept: ${accept}`];
    socket.on("data", (bytes) => connection.onBytes(bytes));
    socket.write(["HTTP/1.1 101 Switching Protocols", ...fields, "\r\n"].join("\r\n"));
    return connection;
  }

  write(bytes) {
    this.#socket.write(bytes);
  }

  /** Closes as the protocol has it: the server ends the connection. */
  async close() {
    this.onBytes = () => {};
    const closed = new Promise((resolve) => this.#socket.once("close", resolve));
    this.#socket.end(CLOSE);
    await closed;
  }

  drop() {
    this.#socket.destroy();
  }
}

/** Opens `count` connections, some at a time. */
export async function openAll(where, count) {
  const all = [];
  while (all.length < count) {
    const some = Math.min(AT_ONCE, count - all.length);
    all.push(...(await Promise.all(Array.from({ length: some }, () => Connection.open(where)))));
  }
  return all;
}

/** A server, whose port this gives; `take` gets each connection. */
export function listen(take) {
  const server = createServer({ noDelay: true }, (socket) => {
    socket.on("error", () => socket.destroy());
    socket.once("data", (request) => take(Connection.accept(socket, request.toString("latin1"))));
  });
  return new Promise((resolve) => server.listen(0, HOST, () => resolve(server.address().port)));
}

/** Bytes that are sent again and again, each time when all that they make has come back. */
export class Exchange {
  #sender;
  #bytes;
  #size;
  #packet;
  #left = 0;
  #sentAt = 0;
  #run;

  /**
   * @param receivers by which `size` bytes come in all for `bytes` of the first
   * @param packet how many bytes it writes at once, of all that it sends
   */
  constructor(receivers, bytes, size, packet = bytes.length) {
    this.#sender = receivers[0];
    this.#bytes = bytes;
    this.#size = size;
    this.#packet = packet;
    for (const receiver of receivers) receiver.onBytes = (piece) => this.#take(piece.length);
  }

  begin(run) {
    this.#run = run;
    this.#send(performance.now());
  }

  #send(now) {
    this.#sentAt = now;
    this.#left = this.#size;
    this.#write(0);
  }

  #write(start) {
    const end = start + this.#packet;
    this.#sender.write(this.#bytes.subarray(start, end));
    if (end < this.#bytes.length) setImmediate(() => this.#write(end));
  }

  #take(length) {
    this.#left -= length;
    if (this.#left > 0) return;
    if (this.#left < 0) throw new Error("more came back than was sent");
    const now = performance.now();
    this.#run.times.push(now - this.#sentAt);
    if (now < this.#run.end) this.#send(now);
    else this.#run.ended();
  }
}

/** Runs exchanges for this time, and until the last is over; gives the times that they took, sorted. */
export async function exchangeFor(milliseconds, exchanges) {
  const times = [];
  const end = performance.now() + milliseconds;
  await new Promise((resolve) => {
    let running = exchanges.length;
    const ended = () => --running === 0 && resolve();
    for (const exchange of exchanges) exchange.begin({ times, end, ended });
  });
  return times.sort((one, other) => one - other);
}
