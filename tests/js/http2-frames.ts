/** Frames of HTTP/2 for tests, as bytes: for what `node:http2` does not send. */
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import type { TestContext } from "node:test";

import { once, within } from "./support.js";

const [DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY] = [0, 1, 3, 4, 6, 7];
const ACK = 1;
const END_STREAM = 1;
const END_HEADERS = 4;
/** What a client sends first (RFC 9113 §3.4). */
export const PREFACE: Buffer = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

type Fields = readonly (readonly [name: string, value: string])[];

/** The request of a handshake. */
export const REQUEST: Fields = [
  [":method", "CONNECT"],
  [":protocol", "websocket"],
  [":scheme", "http"],
  [":path", "/"],
  [":authority", "example.com"],
  ["sec-websocket-version", "13"],
];
/** Settings that allow it. */
const CONNECT_PROTOCOL = Buffer.from([0, 8, 0, 0, 0, 1]);

export function frame(type: number, flags: number, stream: number, payload: Uint8Array | string = ""): Buffer {
  const body = Buffer.from(payload as string);
  const head = Buffer.alloc(9);
  head.writeUIntBE(body.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, body]);
}

/** Fields that no table has, as literals (RFC 7541 §6.2.2). */
export function literals(fields: Fields): Buffer {
  const texts = fields.flatMap((field) => [
    Buffer.of(0),
    ...field.flatMap((text) => [Buffer.of(text.length), Buffer.from(text)]),
  ]);
  return Buffer.concat(texts);
}

/** A frame with a head. */
export function head(stream: number, fields: Fields): Buffer {
  return frame(HEADERS, END_HEADERS, stream, literals(fields));
}

export function data(stream: number, payload: Uint8Array | string, isLast = false): Buffer {
  return frame(DATA, isLast ? END_STREAM : 0, stream, Buffer.from(payload));
}

export function reset(stream: number, code: number): Buffer {
  return frame(RST_STREAM, 0, stream, uint32(code));
}

export function goaway(lastStream: number, code: number): Buffer {
  return frame(GOAWAY, 0, 0, Buffer.concat([uint32(lastStream), uint32(code)]));
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** One side of a session that a test drives by hand. It acknowledges settings and pings. */
export class RawSession {
  readonly socket: Socket;
  /** Of the frames that came: the type, its flags and its stream. */
  readonly #came = new Set<string>();
  #wake: () => void = () => {};
  #bytes: Buffer = Buffer.alloc(0);
  /** How many settings and pings have come. */
  asked = 0;

  constructor(socket: Socket, preface: number) {
    this.socket = socket.on("error", () => {});
    socket.setNoDelay(true);
    let rest = preface;
    socket.on("data", (chunk: Buffer) => {
      this.#bytes = Buffer.concat([this.#bytes, chunk.subarray(rest)]);
      rest = Math.max(0, rest - chunk.length);
      this.#read();
    });
    this.send(frame(SETTINGS, 0, 0, preface > 0 ? CONNECT_PROTOCOL : undefined));
  }

  send(...frames: Uint8Array[]): void {
    this.socket.write(Buffer.concat(frames));
  }

  /** The head of a stream has come. */
  async head(stream: number): Promise<void> {
    await this.#until("HEADERS", (came) => came.has(`${HEADERS} ${stream}`));
  }

  /** The other side has ended the session, with an error or without. */
  async goaway(): Promise<void> {
    await this.#until("GOAWAY", (came) => came.has(`${GOAWAY} 0`));
  }

  /** The other side has sent settings and pings as often as this. */
  async askedFor(count: number): Promise<void> {
    await this.#until("SETTINGS or PING", () => this.asked >= count);
  }

  /** The other side has read all that was sent. */
  async round(): Promise<void> {
    this.#came.delete(`${PING} ack`);
    this.send(frame(PING, 0, 0, Buffer.alloc(8)));
    await this.#until("the answer to a ping", (came) => came.has(`${PING} ack`));
  }

  async #until(what: string, isSo: (came: ReadonlySet<string>) => boolean): Promise<void> {
    while (!isSo(this.#came)) {
      await within(what, new Promise<void>((resolve) => (this.#wake = resolve)));
    }
  }

  #read(): void {
    while (this.#bytes.length >= 9 && this.#bytes.length >= 9 + this.#bytes.readUIntBE(0, 3)) {
      const length = 9 + this.#bytes.readUIntBE(0, 3);
      this.#handle(this.#bytes.subarray(0, length));
      this.#bytes = this.#bytes.subarray(length);
    }
    this.#wake();
  }

  #handle(bytes: Buffer): void {
    const [type, flags, stream] = [bytes[3] as number, bytes[4] as number, bytes.readUInt32BE(5)];
    const isAck = (type === SETTINGS || type === PING) && (flags & ACK) !== 0;
    this.#came.add(`${type} ${isAck ? "ack" : stream}`);
    if (isAck) return;
    if (type === SETTINGS) this.send(frame(SETTINGS, ACK, 0));
    if (type === PING) this.send(frame(PING, ACK, 0, bytes.subarray(9)));
    if (type === SETTINGS || type === PING) this.asked += 1;
  }
}

/** A client's session over TCP. */
export async function rawSession(t: TestContext, port: number): Promise<RawSession> {
  const socket = connect(port, "127.0.0.1");
  t.after(() => socket.destroy());
  await once(socket, "connect");
  socket.write(PREFACE);
  return new RawSession(socket, 0);
}

/** A server over TCP; returns its port. */
export async function serveSessions(t: TestContext, onSession: (session: RawSession) => void): Promise<number> {
  const server = createServer((socket) => {
    t.after(() => socket.destroy());
    onSession(new RawSession(socket, PREFACE.length));
  });
  server.listen(0, "127.0.0.1");
  t.after(() => server.close());
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}
