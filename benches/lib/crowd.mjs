// Many clients that do as little as can be: they count bytes.
import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { connect } from "node:net";
import { connect as connectSecurely } from "node:tls";
import { deflateRawSync } from "node:zlib";

const ENTERING = 50;
/** Streams of one session of HTTP/2, if nothing else is said. */
const STREAMS = 100;

export class Crowd {
  #sockets = [];
  #sessions = [];
  #session;
  #streams = 0;
  #bytes = 0;
  #each = 0;
  #wanted = Number.POSITIVE_INFINITY;
  #arrived = () => {};

  /** Opens connections, a few at a time. */
  static async open(port, count, options = {}) {
    const crowd = new Crowd();
    for (let at = 0; at < count; at += ENTERING) {
      const group = Array.from({ length: Math.min(ENTERING, count - at) }, () => crowd.#enter(port, options));
      await Promise.all(group);
    }
    return crowd;
  }

  /** A stream is a socket, too: it is written and read in the same way. */
  async #enterStream(port, { isSecure, path = "/", streams = STREAMS }) {
    if (this.#streams % streams === 0) {
      const session = connectHttp2(`${isSecure ? "https" : "http"}://127.0.0.1:${port}`, { rejectUnauthorized: false });
      this.#session = once(session, "remoteSettings").then(() => session);
      this.#sessions.push(session);
    }
    this.#streams += 1;
    const session = await this.#session;
    const stream = session.request(
      {
        ...{ ":method": "CONNECT", ":protocol": "websocket", ":scheme": isSecure ? "https" : "http" },
        ...{ ":path": path, ":authority": "localhost", "sec-websocket-version": "13" },
      },
      { endStream: false },
    );
    await once(stream, "response");
    this.#add(stream);
  }

  async #enter(port, options) {
    if (options.isHttp2) return await this.#enterStream(port, options);
    const { isSecure, isCompressed, isSocketIo, path = "/" } = options;
    const where = { port, host: "127.0.0.1" };
    const socket = isSecure ? connectSecurely({ ...where, rejectUnauthorized: false }) : connect(where);
    await once(socket, isSecure ? "secureConnect" : "connect");
    socket.setNoDelay(true);
    const target = isSocketIo ? "/socket.io/?EIO=4&transport=websocket" : path;
    const extension = isCompressed
      ? ["Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover; server_no_context_takeover"]
      : [];
    const head = [
      `GET ${target} HTTP/1.1`,
      ...["Host: localhost", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"],
      ...["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", ...extension, "", ""],
    ];
    socket.write(head.join("\r\n"));
    await once(socket, "data");
    // the namespace of socket.io is entered by a message
    if (isSocketIo) socket.write(masked(Buffer.from("40"), 0x81));
    this.#add(socket);
  }

  #add(socket) {
    socket.on("data", (chunk) => this.#count(chunk.length));
    socket.on("error", () => {});
    this.#sockets.push(socket);
  }

  #count(length) {
    this.#bytes += length;
    if (this.#bytes >= this.#wanted) this.#arrived();
  }

  /** Counts anew. */
  reset() {
    this.#bytes = 0;
  }

  /** What came since is one message to all. */
  learn() {
    this.#each = this.#bytes;
    if (this.#each === 0) throw new Error("nothing came");
  }

  /** Resolves when `count` messages have come to all. */
  receives(count) {
    this.#bytes = 0;
    this.#wanted = count * this.#each;
    return new Promise((resolve) => {
      this.#arrived = resolve;
    });
  }

  /** Each sends a message when the one before has come back, until all have sent about `count`. Gives their number. */
  async echo({ isCompressed = false, size = 125 }, count) {
    const message = isCompressed ? masked(compressed(size), 0xc1) : masked(Buffer.alloc(size, "x"), 0x81);
    const each = Math.ceil(count / this.#sockets.length);
    await Promise.all(
      this.#sockets.map(async (socket) => {
        for (let index = 0; index < each; index++) {
          socket.write(message);
          await once(socket, "data");
        }
      }),
    );
    return each * this.#sockets.length;
  }

  end() {
    for (const socket of [...this.#sockets, ...this.#sessions]) socket.destroy();
  }
}

/** Letters that compress to about a quarter (RFC 7692 §7.2.1 takes the last four bytes away). */
function compressed(size) {
  const words = Array.from({ length: size / 4 }, (_, index) => `${(index * 7919) % 977}`.padEnd(4, " "));
  const bytes = deflateRawSync(words.join(""), { finishFlush: 2 });
  return bytes.subarray(0, bytes.length - 4);
}

function masked(payload, first) {
  const length =
    payload.length < 126 ? [payload.length | 0x80] : [126 | 0x80, payload.length >> 8, payload.length & 255];
  // a key of zeros leaves the payload as it is
  return Buffer.concat([Buffer.from([first, ...length, 0, 0, 0, 0]), payload]);
}
