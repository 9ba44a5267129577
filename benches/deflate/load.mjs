// A client that costs next to nothing, so that the server is what is measured: its frames are made once, and of the
// replies it reads the headers alone.
import { once } from "node:events";
import { connect } from "node:net";
import { constants, createDeflateRaw, inflateRawSync } from "node:zlib";

import { KEY, upgradeRequest } from "../lib/frames.mjs";

const { Z_SYNC_FLUSH } = constants;
const TAIL = Buffer.from([0x00, 0x00, 0xff, 0xff]);
const FIN_RSV1 = 0xc0;
const FIN = 0x80;
const RSV1 = 0x40;
/** The bits that no frame of a message has: RSV2, RSV3, and that of control frames. */
const OTHER = 0x38;
const OPCODE = 0x0f;

// as browsers offer it
const REQUEST = upgradeRequest("Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits");

/** Frames of the messages in one buffer, each message compressed for itself or by those before it. */
export async function frames(messages, isText, takeover) {
  const deflate = createDeflateRaw();
  const made = [];
  for (const message of messages) {
    if (!takeover) deflate.reset();
    made.push(frame(await compressed(deflate, message), isText ? 1 : 2));
  }
  deflate.close();
  return made;
}

async function compressed(deflate, message) {
  if (message.length === 0) return Buffer.from([0x00]); // RFC 7692 §7.2.3.6; zlib may have nothing to flush
  const parts = [];
  const keep = (part) => parts.push(part);
  deflate.on("data", keep);
  deflate.write(message);
  await new Promise((resolve) => deflate.flush(Z_SYNC_FLUSH, resolve));
  deflate.off("data", keep);
  return Buffer.concat(parts).subarray(0, -TAIL.length);
}

function frame(payload, opcode) {
  const header = Buffer.concat([Buffer.from([FIN_RSV1 | opcode, 0]), lengthOf(payload), KEY]);
  header[1] = 0x80 | (payload.length < 126 ? payload.length : payload.length < 65536 ? 126 : 127);
  return Buffer.concat([header, payload.map((byte, at) => byte ^ KEY[at & 3])]);
}

function lengthOf({ length }) {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(length));
  return length < 126 ? bytes.subarray(8) : length < 65536 ? bytes.subarray(6) : bytes;
}

/** Counts messages, and the bytes of their payload. */
class Counter {
  messages = 0;
  bytes = 0;
  /** Gets the payload, in parts, if it is there. */
  kept;
  #left = 0;
  #isLast = true;
  #header = Buffer.alloc(0);

  take(chunk) {
    const input = this.#header.length === 0 ? chunk : Buffer.concat([this.#header, chunk]);
    this.#header = Buffer.alloc(0);
    let at = 0;
    while (at < input.length) {
      if (this.#left === 0) {
        const size = this.#readHeader(input, at);
        if (size === 0) {
          this.#header = Buffer.from(input.subarray(at));
          return;
        }
        at += size;
      }
      const skipped = Math.min(this.#left, input.length - at);
      this.kept?.push(input.subarray(at, at + skipped));
      this.#left -= skipped;
      at += skipped;
      if (this.#left === 0 && this.#isLast) this.messages += 1;
    }
  }

  /** The header's size; 0 if it is not whole. A reply that is not compressed would make figures of nothing. */
  #readHeader(input, at) {
    const short = input[at + 1];
    const size = short === 126 ? 4 : short === 127 ? 10 : 2;
    if (input.length - at < size) return 0;
    // RFC 7692 §6.1: of a fragmented message, as ours are from 128 KiB on, the first frame alone says so
    const first = input[at];
    const isNew = this.#isLast;
    if ((first & OTHER) !== 0 || isNew !== (first & RSV1) > 0 || isNew !== (first & OPCODE) > 0) {
      throw new Error(`a reply begins with 0x${first.toString(16)}`);
    }
    this.#isLast = (first & FIN) > 0;
    this.#left = size === 4 ? input.readUInt16BE(at + 2) : size === 10 ? Number(input.readBigUInt64BE(at + 2)) : short;
    this.bytes += this.#left;
    return size;
  }
}

/** One connection that has agreed on compression. */
export class Client {
  counter = new Counter();
  #socket;
  #onReplies = () => {};

  static async connect(port) {
    const client = new Client();
    client.#socket = connect(port, "127.0.0.1").setNoDelay();
    client.#socket.write(REQUEST);
    const [head] = await once(client.#socket, "data");
    const text = head.toString("latin1");
    if (!text.startsWith("HTTP/1.1 101") || !/permessage-deflate/i.test(text) || !text.endsWith("\r\n\r\n")) {
      throw new Error(`no compression: ${text}`);
    }
    client.#socket.on("data", (chunk) => {
      client.counter.take(chunk);
      client.#onReplies();
    });
    return client;
  }

  /** Sends the bytes of `count` messages, and waits for as many replies. */
  exchange(bytes, count) {
    return this.reach(bytes, this.counter.messages + count);
  }

  /** Sends bytes, and waits until there are `wanted` replies in all. */
  async reach(bytes, wanted) {
    if (this.counter.messages >= wanted) return;
    await new Promise((resolve, reject) => {
      this.#socket.once("close", reject);
      this.#onReplies = () => {
        if (this.counter.messages < wanted) return;
        this.#socket.off("close", reject);
        resolve();
      };
      this.#socket.write(bytes);
    });
  }

  /** The message that comes back for the first frame of this connection. */
  async echo(frame) {
    this.counter.kept = [];
    await this.exchange(frame, 1);
    const payload = Buffer.concat(this.counter.kept);
    this.counter.kept = undefined;
    return inflateRawSync(payload, { finishFlush: Z_SYNC_FLUSH });
  }

  close() {
    this.#socket.removeAllListeners("close").destroy();
  }
}

/** Opens `count` connections, a few at a time: a server drops those beyond its backlog. */
export async function connectAll(port, count) {
  const clients = [];
  while (clients.length < count) {
    const some = Math.min(50, count - clients.length);
    clients.push(...(await Promise.all(Array.from({ length: some }, () => Client.connect(port)))));
  }
  return clients;
}
