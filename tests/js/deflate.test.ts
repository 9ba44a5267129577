/** permessage-deflate (RFC 7692): what is agreed on, what is compressed, and what a peer can do with it. */
import assert from "node:assert/strict";
import type { IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { constants, deflateRawSync, inflateRawSync } from "node:zlib";

import {
  type ErrorEvent,
  type PerMessageDeflateOptions,
  type SendData,
  type SocketOptions,
  WebSocket,
  type WebSocketProtocolError,
  WebSocketServer,
} from "websocket-component";
import { WebSocket as Ws, type ClientOptions as WsOptions, WebSocketServer as WsServer } from "ws";

import {
  connector,
  type Ends,
  FRAME,
  frames,
  type Parsed,
  ROLES,
  type Role,
  statusBytes,
  switching,
  trickle,
} from "./ends.js";
import {
  closed,
  deferred,
  garbageCollector,
  generator,
  hex,
  inner,
  messages,
  nextEvent,
  once,
  RawPeer,
  REQUEST,
  serve,
  serveEcho,
  serveRaw,
} from "./support.js";

type Deflate = boolean | PerMessageDeflateOptions | undefined;

const NAME = "permessage-deflate";
const NO_TAKEOVER = "server_no_context_takeover; client_no_context_takeover";

/** First bytes of frames that end a message, those of compressed messages with RSV1. */
const TEXT = 0x81;
const BINARY = 0x82;
const COMPRESSED_TEXT = 0xc1;
const COMPRESSED_BINARY = 0xc2;

const MIB = 1 << 20;
/** Lines that are alike, with more to find the longer one looks. */
const LINES = Array.from({ length: 300 }, (_, at) => `${(at * at) % 97} of ${at % 7}, ${(at * 7919) % 1009}\n`).join(
  "",
);
const ZEROS = Buffer.alloc(16 * MIB);

/** The header field that offers or selects this. */
function field(extensions: string): string {
  return `Sec-WebSocket-Extensions: ${extensions}`;
}

/** The value of that field of a head, or `undefined`. */
function extensionsOf(head: string): string | undefined {
  return /^sec-websocket-extensions: (.*)\r$/im.exec(head)?.[1];
}

/** A request with these fields. */
function requestWith(...fields: string[]): string {
  return REQUEST.replace("Host:", `${fields.map((line) => `${line}\r\n`).join("")}Host:`);
}

/** §7.2.1: what a message's payload becomes. */
function deflated(payload: string | Uint8Array): Buffer {
  const all = deflateRawSync(payload, { finishFlush: constants.Z_SYNC_FLUSH });
  return all.subarray(0, -4);
}

/** §7.2.2, for a message that does not refer to another. */
function inflated(payload: Uint8Array): Buffer {
  const all = Buffer.concat([payload, hex("0000ffff")]);
  return inflateRawSync(all, { finishFlush: constants.Z_SYNC_FLUSH });
}

/** Our end of a connection on which this was agreed, and its peer, which speaks bytes. */
async function agreed(t: TestContext, role: Role, options: SocketOptions = {}, terms = NAME): Promise<Ends> {
  const { socket, peer } = await (role === "server" ? acceptRaw(t, options, terms) : connectRaw(t, options, terms));
  assert.ok(socket.extensions.startsWith(NAME));
  const received: unknown[] = [];
  socket.binaryType = "nodebuffer";
  socket.onmessage = (event) => received.push(event.data);
  return { socket, peer, received };
}

async function acceptRaw(t: TestContext, options: SocketOptions, terms: string) {
  const { server, port } = await serve(t, options);
  const connection = once(server, "connection") as Promise<[WebSocket]>;
  const peer = await RawPeer.connect(port, requestWith(field(terms)));
  t.after(() => peer.socket.destroy());
  const [socket] = await connection;
  await peer.head();
  return { socket, peer };
}

async function connectRaw(t: TestContext, options: SocketOptions, terms: string) {
  const { promise, resolve } = deferred<RawPeer>();
  const socket = new WebSocket(await serveRaw(t, resolve), { closeTimeout: 500, ...options });
  const peer = await promise;
  peer.write(switching(await peer.head(), field(terms)));
  await nextEvent(socket, "open");
  return { socket, peer };
}

/** Our client, open. */
async function connect(url: string, perMessageDeflate?: Deflate): Promise<WebSocket> {
  const socket = new WebSocket(url, perMessageDeflate === undefined ? {} : { perMessageDeflate });
  socket.binaryType = "nodebuffer";
  await nextEvent(socket, "open");
  return socket;
}

/** The next frame that our end sent. */
async function nextFrame(peer: RawPeer): Promise<Parsed> {
  const start = await peer.bytes(2);
  const short = start.readUInt8(1) & 0x7f;
  const extended = await peer.bytes(short === 126 ? 2 : short === 127 ? 8 : 0);
  const length = short === 126 ? extended.readUInt16BE() : short === 127 ? Number(extended.readBigUInt64BE()) : short;
  const rest = await peer.bytes((start.readUInt8(1) >> 7) * 4 + length);
  return frames(Buffer.concat([start, extended, rest]))[0] as Parsed;
}

/** What a connection that fails tells: its error, and the status of its close frame. */
async function failure({ socket, peer }: Ends): Promise<{ code: string; status: number; closed: number }> {
  const [{ error }, { code }] = await Promise.all([nextEvent<ErrorEvent>(socket, "error"), closed(socket)]);
  const frame = await nextFrame(peer);
  assert.equal(frame.first, 0x88);
  return { code: (error as WebSocketProtocolError).code, status: frame.payload.readUInt16BE(), closed: code };
}

const offers: [options: Deflate, offer: string | undefined][] = [
  [undefined, `${NAME}; client_max_window_bits`],
  [true, `${NAME}; client_max_window_bits`],
  [{}, `${NAME}; client_max_window_bits`],
  [false, undefined],
  [{ threshold: 0, level: 9, memoryLevel: 1 }, `${NAME}; client_max_window_bits`],
  [{ clientMaxWindowBits: true }, `${NAME}; client_max_window_bits`],
  [{ clientMaxWindowBits: false }, NAME],
  [{ clientMaxWindowBits: 8 }, `${NAME}; client_max_window_bits=8`],
  [{ clientMaxWindowBits: 15 }, `${NAME}; client_max_window_bits=15`],
  [{ serverMaxWindowBits: 15 }, `${NAME}; client_max_window_bits`],
  [{ serverMaxWindowBits: 8 }, `${NAME}; server_max_window_bits=8; client_max_window_bits`],
  [{ serverNoContextTakeover: true }, `${NAME}; server_no_context_takeover; client_max_window_bits`],
  [{ clientNoContextTakeover: true, clientMaxWindowBits: false }, `${NAME}; client_no_context_takeover`],
  [
    { serverNoContextTakeover: true, clientNoContextTakeover: true, serverMaxWindowBits: 9, clientMaxWindowBits: 10 },
    `${NAME}; ${NO_TAKEOVER}; server_max_window_bits=9; client_max_window_bits=10`,
  ],
];

test("a client offers what its options ask for (§7.1)", async (t) => {
  const heads: Promise<string>[] = [];
  const url = await serveRaw(t, (peer) => {
    heads.push(peer.head());
    peer.socket.end();
  });
  for (const [perMessageDeflate, offer] of offers) {
    const options = perMessageDeflate === undefined ? {} : { perMessageDeflate };
    await closed(new WebSocket(url, options));
    assert.equal(extensionsOf((await heads.shift()) as string), offer, JSON.stringify(perMessageDeflate));
  }
});

const takeover = { serverNoContextTakeover: false, clientNoContextTakeover: false };

const answers: [options: Deflate, offer: string, answer: string | undefined][] = [
  [undefined, NAME, `${NAME}; ${NO_TAKEOVER}`],
  [true, `${NAME}; client_max_window_bits`, `${NAME}; ${NO_TAKEOVER}`],
  [false, NAME, undefined],
  [true, "x-webkit-deflate-frame", undefined],
  [true, "PerMessage-Deflate; Server_Max_Window_Bits=9", `${NAME}; ${NO_TAKEOVER}; server_max_window_bits=9`],
  [takeover, NAME, NAME],
  [takeover, `${NAME}; client_max_window_bits`, NAME],
  [takeover, `${NAME}; server_no_context_takeover`, `${NAME}; server_no_context_takeover`],
  [takeover, `${NAME}; client_no_context_takeover`, `${NAME}; client_no_context_takeover`],
  [takeover, `${NAME}; server_max_window_bits=15`, `${NAME}; server_max_window_bits=15`],
  [takeover, `${NAME}; server_max_window_bits="8"`, `${NAME}; server_max_window_bits=8`],
  [takeover, `${NAME}; client_max_window_bits=8`, `${NAME}; client_max_window_bits=8`],
  [takeover, `${NAME}; client_max_window_bits=15`, NAME],
  [{ ...takeover, serverMaxWindowBits: 10 }, NAME, `${NAME}; server_max_window_bits=10`],
  [{ ...takeover, serverMaxWindowBits: 10 }, `${NAME}; server_max_window_bits=9`, `${NAME}; server_max_window_bits=9`],
  [{ ...takeover, serverMaxWindowBits: 9 }, `${NAME}; server_max_window_bits=10`, `${NAME}; server_max_window_bits=9`],
  [{ ...takeover, clientMaxWindowBits: 10 }, `${NAME}; client_max_window_bits`, `${NAME}; client_max_window_bits=10`],
  [{ ...takeover, clientMaxWindowBits: 10 }, `${NAME}; client_max_window_bits=9`, `${NAME}; client_max_window_bits=9`],
  // §7.1.2.2: a client that does not offer it cannot be limited
  [{ ...takeover, clientMaxWindowBits: 10 }, NAME, NAME],
  [{ ...takeover, serverNoContextTakeover: true }, NAME, `${NAME}; server_no_context_takeover`],
  [{ ...takeover, clientNoContextTakeover: true }, NAME, `${NAME}; client_no_context_takeover`],
  // §5.1: the client lists by preference
  [takeover, `${NAME}; server_max_window_bits=9, ${NAME}`, `${NAME}; server_max_window_bits=9`],
  [takeover, `foo, ${NAME}; foo, ${NAME}; server_max_window_bits=11`, `${NAME}; server_max_window_bits=11`],
];

test("a server answers the first offer that it can accept, by its options (§7.1)", async (t) => {
  for (const [perMessageDeflate, offer, answer] of answers) {
    const options = perMessageDeflate === undefined ? {} : { perMessageDeflate };
    const { server, port } = await serve(t, options);
    const connection = once(server, "connection") as Promise<[WebSocket]>;
    const peer = await RawPeer.connect(port, requestWith(field(offer)));
    const what = `${JSON.stringify(perMessageDeflate)}, offered ${offer}`;
    assert.equal(extensionsOf(await peer.head()), answer, what);
    assert.equal((await connection)[0].extensions, answer ?? "", what);
    peer.socket.destroy();
  }
});

test("offers in several fields are one list", async (t) => {
  const { port } = await serve(t, { perMessageDeflate: takeover });
  const peer = await RawPeer.connect(
    port,
    requestWith(field(`foo, ${NAME}; foo`), field(`${NAME}; server_max_window_bits=12`)),
  );
  assert.equal(extensionsOf(await peer.head()), `${NAME}; server_max_window_bits=12`);
  peer.socket.destroy();
});

/** §7.1: parameters that no offer and no response can have. */
const malformed: readonly string[] = [
  "foo",
  "server_no_context_takeover; foo=1",
  "server_no_context_takeover; server_no_context_takeover",
  "client_max_window_bits=10; client_max_window_bits=10",
  "server_no_context_takeover=1",
  "client_no_context_takeover=true",
  "server_max_window_bits",
  "server_max_window_bits=7",
  "server_max_window_bits=16",
  "server_max_window_bits=09",
  'client_max_window_bits="+9"',
  "client_max_window_bits=7",
  "client_max_window_bits=16",
];

test("a malformed offer is declined: the connection opens, and nothing is compressed", async (t) => {
  const { server, port } = await serve(t, { perMessageDeflate: { threshold: 0 } });
  for (const parameters of malformed) {
    const connection = once(server, "connection") as Promise<[WebSocket]>;
    const peer = await RawPeer.connect(port, requestWith(field(`${NAME}; ${parameters}`)));
    const head = await peer.head();
    assert.match(head, /^HTTP\/1.1 101 /, parameters);
    assert.equal(extensionsOf(head), undefined, parameters);
    const [socket] = await connection;
    assert.equal(socket.extensions, "", parameters);
    socket.send("a".repeat(100), { compress: true });
    assert.deepEqual(await peer.bytes(102), Buffer.from(`\x81\x64${"a".repeat(100)}`, "latin1"), parameters);
    peer.socket.destroy();
  }
});

const refused: [options: Deflate, response: string][] = [
  ...malformed.map((parameters): [Deflate, string] => [true, `${NAME}; ${parameters}`]),
  [false, NAME],
  [true, "foo"],
  [true, `${NAME}, ${NAME}`],
  [true, `${NAME}, foo`],
  // §7.1.2.2: the response has a value, and is only for those who offer it
  [true, `${NAME}; client_max_window_bits`],
  [{ clientMaxWindowBits: false }, `${NAME}; client_max_window_bits=10`],
  // what was offered is to be granted
  [{ serverNoContextTakeover: true }, NAME],
  [{ serverMaxWindowBits: 10 }, NAME],
  [{ serverMaxWindowBits: 10 }, `${NAME}; server_max_window_bits=11`],
];

test("a response that is malformed, or does not answer the offer, fails the connection (§7.1)", async (t) => {
  for (const [perMessageDeflate, response] of refused) {
    const url = await serveRaw(t, async (peer) => peer.write(switching(await peer.head(), field(response))));
    const socket = new WebSocket(url, { perMessageDeflate: perMessageDeflate ?? true });
    const close = closed(socket);
    const { error } = await nextEvent<ErrorEvent>(socket, "error");
    const what = `${JSON.stringify(perMessageDeflate)}, answered ${response}`;
    assert.equal((error as WebSocketProtocolError).code, "E_PROTOCOL_EXTENSIONS_NOT_SUPPORTED", what);
    assert.equal((await close).code, 1006, what);
    assert.equal(socket.extensions, "", what);
  }
});

const responses: [options: Deflate, response: string | undefined][] = [
  [true, undefined],
  [true, NAME],
  [true, `${NAME}; ${NO_TAKEOVER}; server_max_window_bits=8; client_max_window_bits=8`],
  [true, `${NAME}; client_max_window_bits=15`],
  [{ clientMaxWindowBits: 10 }, NAME],
  [{ clientMaxWindowBits: 10 }, `${NAME}; client_max_window_bits=12`],
  [{ clientNoContextTakeover: true }, NAME],
  [{ serverMaxWindowBits: 10 }, `${NAME}; server_max_window_bits=9`],
  [{ serverMaxWindowBits: 10, serverNoContextTakeover: true }, undefined],
];

test("a client takes every response that keeps to its offer, none too, and shows it", async (t) => {
  for (const [perMessageDeflate, response] of responses) {
    const fields = response === undefined ? [] : [field(response)];
    const url = await serveRaw(t, async (peer) => peer.write(switching(await peer.head(), ...fields)));
    const socket = await connect(url, perMessageDeflate);
    assert.equal(socket.extensions, response ?? "");
    socket.terminate();
  }
});

const agreements: [client: Deflate, server: Deflate, extensions: string][] = [
  [undefined, undefined, `${NAME}; ${NO_TAKEOVER}`],
  [false, true, ""],
  [true, false, ""],
  [true, takeover, NAME],
  [{ serverNoContextTakeover: true }, takeover, `${NAME}; server_no_context_takeover`],
  [{ serverMaxWindowBits: 9 }, takeover, `${NAME}; server_max_window_bits=9`],
  [{ clientMaxWindowBits: 9 }, takeover, `${NAME}; client_max_window_bits=9`],
  [{ clientMaxWindowBits: false }, { ...takeover, clientMaxWindowBits: 9 }, NAME],
  [true, { ...takeover, clientMaxWindowBits: 9 }, `${NAME}; client_max_window_bits=9`],
  [
    { serverMaxWindowBits: 12, clientMaxWindowBits: 9 },
    { ...takeover, serverMaxWindowBits: 9, clientMaxWindowBits: 12 },
    `${NAME}; server_max_window_bits=9; client_max_window_bits=9`,
  ],
];

test("our client and our server show the same extensions", async (t) => {
  for (const [client, perMessageDeflate, extensions] of agreements) {
    const { server, url } = await serve(t, perMessageDeflate === undefined ? {} : { perMessageDeflate });
    const connection = once(server, "connection") as Promise<[WebSocket]>;
    const socket = await connect(url, client);
    const what = JSON.stringify([client, perMessageDeflate]);
    assert.equal(socket.extensions, extensions, what);
    assert.equal((await connection)[0].extensions, extensions, what);
    socket.terminate();
  }
});

const invalid: readonly object[] = [
  { threshold: -1 },
  { threshold: 1.5 },
  { threshold: Number.NaN },
  { threshold: "1024" },
  { level: -1 },
  { level: 10 },
  { level: 5.5 },
  { level: Number.NaN },
  { memoryLevel: 0 },
  { memoryLevel: 10 },
  { serverMaxWindowBits: 7 },
  { serverMaxWindowBits: 16 },
  { serverMaxWindowBits: 8.5 },
  { serverMaxWindowBits: "9" },
  { serverMaxWindowBits: true },
  { clientMaxWindowBits: 7 },
  { clientMaxWindowBits: 16 },
  { clientMaxWindowBits: "9" },
];

test("options that are not valid throw WS_ERR_INVALID_OPTION in both constructors", () => {
  for (const perMessageDeflate of invalid) {
    const expected = { name: "WebSocketError", code: "WS_ERR_INVALID_OPTION" };
    const what = JSON.stringify(perMessageDeflate);
    assert.throws(() => new WebSocketServer({ noServer: true, perMessageDeflate }), expected, what);
    assert.throws(() => new WebSocket("ws://127.0.0.1:1", { perMessageDeflate }), expected, what);
  }
});

/** Data, the caller's word, and the first byte of the frame that it makes with a threshold of 100 bytes. */
const sends: [name: string, data: SendData, compress: boolean | undefined, first: number][] = [
  ["text below the threshold", "a".repeat(99), undefined, TEXT],
  ["text at it", "a".repeat(100), undefined, COMPRESSED_TEXT],
  ["50 letters of two bytes", "é".repeat(50), undefined, COMPRESSED_TEXT],
  ["49 of them", "é".repeat(49), undefined, TEXT],
  ["binary below it", Buffer.alloc(99), undefined, BINARY],
  ["binary at it", Buffer.alloc(100), undefined, COMPRESSED_BINARY],
  ["a buffer", new ArrayBuffer(100), undefined, COMPRESSED_BINARY],
  ["a view", new DataView(new ArrayBuffer(200), 50, 100), undefined, COMPRESSED_BINARY],
  ["small text, if the caller says so", "a", true, COMPRESSED_TEXT],
  ["empty text, if the caller says so", "", true, COMPRESSED_TEXT],
  ["empty binary, if the caller says so", Buffer.alloc(0), true, COMPRESSED_BINARY],
  ["an empty message", "", undefined, TEXT],
  ["large text, unless the caller says so", "a".repeat(70_000), false, TEXT],
  ["large binary, unless the caller says so", Buffer.alloc(70_000), false, BINARY],
  ["large text", "a".repeat(70_000), undefined, COMPRESSED_TEXT],
  ["half a surrogate pair", "\ud800".repeat(50), undefined, COMPRESSED_TEXT],
  ["a Blob below it", new Blob(["a".repeat(99)]), undefined, BINARY],
  ["a Blob at it", new Blob(["a".repeat(100)]), undefined, COMPRESSED_BINARY],
  ["text behind a Blob", "b".repeat(100), undefined, COMPRESSED_TEXT],
  ["an empty Blob, if the caller says so", new Blob([]), true, COMPRESSED_BINARY],
  ["a large Blob, unless the caller says so", new Blob(["a".repeat(70_000)]), false, BINARY],
  ["small text behind a Blob, if the caller says so", "b", true, COMPRESSED_TEXT],
  ["large binary behind a Blob, unless the caller says so", Buffer.alloc(70_000), false, BINARY],
];

async function bytesOf(data: SendData): Promise<Buffer> {
  if (data instanceof Blob) return Buffer.from(await data.arrayBuffer());
  if (ArrayBuffer.isView(data)) return Buffer.from(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
  return Buffer.from(data as string);
}

for (const role of ROLES) {
  test(`a ${role} sets RSV1 on messages of threshold bytes, and on others by the caller's word (§6.1)`, async (t) => {
    const terms = `${NAME}; ${NO_TAKEOVER}`;
    const { socket, peer } = await agreed(t, role, { perMessageDeflate: { threshold: 100 } }, terms);
    for (const [, data, compress] of sends) socket.send(data, compress === undefined ? {} : { compress });
    for (const [name, data, , first] of sends) {
      const { first: actual, payload } = await nextFrame(peer);
      assert.equal(actual, first, name);
      const content = first >= COMPRESSED_TEXT ? inflated(payload) : payload;
      assert.ok(content.equals(await bytesOf(data)), name);
    }
    socket.terminate();
  });
}

test("without an agreement, the caller's word compresses nothing", async (t) => {
  const url = await serveRaw(t, async (peer) => {
    peer.write(switching(await peer.head()));
    const { first, payload } = await nextFrame(peer);
    peer.write(FRAME.client(first, payload));
  });
  const socket = await connect(url);
  const back = messages(socket, 1);
  socket.send("a".repeat(2000), { compress: true });
  assert.deepEqual(await back, ["a".repeat(2000)]);
  socket.terminate();
});

for (const role of ROLES) {
  test(`what a ${role} sends after a close is neither compressed nor sent`, async (t) => {
    const ends = await agreed(t, role, { perMessageDeflate: { ...takeover, threshold: 0 } });
    const { socket, peer } = ends;
    const close = closed(socket);
    socket.send("before");
    socket.close(1000);
    socket.send("x".repeat(2000), { compress: true });
    socket.send(new Blob(["x".repeat(2000)]), { compress: true });
    assert.equal(inflated((await nextFrame(peer)).payload).toString(), "before");
    assert.equal((await nextFrame(peer)).first, 0x88);
    peer.write(FRAME[role](0x88, statusBytes(1000)));
    peer.socket.end();
    assert.equal((await close).wasClean, true);
    assert.deepEqual(await peer.rest(), Buffer.alloc(0));
    assert.equal(socket.bufferedAmount, 4000);
  });

  test(`a ${role} keeps its window from one message to the next, or not, as was agreed (§7.1.1)`, async (t) => {
    const message = "the same again and again ".repeat(10);
    const options = { perMessageDeflate: { ...takeover, threshold: 0 } };
    const kept = await agreed(t, role, options);
    const dropped = await agreed(t, role, options, `${NAME}; ${NO_TAKEOVER}`);
    for (const { socket } of [kept, dropped]) for (let count = 0; count < 3; count++) socket.send(message);
    const lengths = async ({ peer }: Ends) => {
      const all = [await nextFrame(peer), await nextFrame(peer), await nextFrame(peer)];
      return all.map(({ payload }) => payload.length);
    };
    const [first = 0, second = 0, third] = await lengths(kept);
    assert.ok(second < first / 2, `${second} bytes after ${first}`);
    assert.equal(third, second);
    assert.deepEqual(await lengths(dropped), [first, first, first]);
    for (const { socket } of [kept, dropped]) socket.terminate();
  });

  test(`a ${role} compresses by level 2, with takeover by 6, unless its options say otherwise`, async (t) => {
    const length = async (terms: string, level?: number) => {
      const { socket, peer } = await agreed(
        t,
        role,
        { perMessageDeflate: { ...takeover, ...(level && { level }) } },
        terms,
      );
      socket.send(LINES);
      const { payload } = await nextFrame(peer);
      assert.equal(inflated(payload).toString(), LINES);
      socket.terminate();
      return payload.length;
    };
    for (const [terms, level] of [[`${NAME}; ${NO_TAKEOVER}`, 2] as const, [NAME, 6] as const]) {
      assert.equal(await length(terms), await length(terms, level), terms);
      assert.ok((await length(terms, 6)) < (await length(terms, 2)), "the levels differ");
    }
  });

  test(`a ${role} takes compressed messages in fragments, with control frames between, cut anywhere`, async (t) => {
    const ends = await agreed(t, role, { perMessageDeflate: takeover });
    const frame = FRAME[role];
    const payload = deflated("Grüße ".repeat(20));
    const parts = [payload.subarray(0, 3), Buffer.alloc(0), payload.subarray(3, 4), payload.subarray(4)];
    const stream = Buffer.concat([
      frame(0x41, parts[0]),
      frame(0x89, "ping"),
      frame(0x00, parts[1]),
      frame(0x00, parts[2]),
      frame(0x80, parts[3]),
      frame(TEXT, "as it is"),
      frame(COMPRESSED_BINARY, hex("00")), // §7.2.3.6
      frame(COMPRESSED_TEXT, hex("f248cdc9c90700")), // §7.2.3.1
      frame(COMPRESSED_TEXT, hex("f200110000")), // §7.2.3.2: by reference to it
    ]);
    const back = messages(ends.socket, 5);
    await trickle(
      ends.peer,
      Array.from(stream, (byte) => Buffer.of(byte)),
    );
    assert.deepEqual(await back, ["Grüße ".repeat(20), "as it is", Buffer.alloc(0), "Hello", "Hello"]);
    ends.socket.terminate();
  });

  test(`a ${role} closes with 1002 if RSV1 is set where no extension allows it (§6)`, async (t) => {
    const frame = FRAME[role];
    const hello = deflated("Hello");
    const rows: [name: string, perMessageDeflate: Deflate, frames: Buffer[]][] = [
      ["a message without an agreement", false, [frame(COMPRESSED_TEXT, hello)]],
      ["a ping", true, [frame(0xc9, "x")]],
      ["a pong", true, [frame(0xca, "x")]],
      ["a close", true, [frame(0xc8, statusBytes(1000))]],
      ["a fragment that is not the first", true, [frame(0x41, hello.subarray(0, 2)), frame(0xc0, hello.subarray(2))]],
      ["a fragment of a message that is not compressed", true, [frame(0x01, "Hel"), frame(0xc0, "lo")]],
      ["RSV2 beside it", true, [frame(0xe1, hello)]],
      ["RSV3 alone", true, [frame(0x91, "Hello")]],
    ];
    for (const [name, perMessageDeflate, bytes] of rows) {
      const ends = perMessageDeflate === false ? await plain(t, role) : await agreed(t, role);
      const failed = failure(ends);
      ends.peer.write(...bytes);
      ends.peer.socket.end();
      assert.deepEqual(await failed, { code: "E_INVALID_PROTOCOL_FORMAT", status: 1002, closed: 1006 }, name);
      assert.deepEqual(ends.received, [], name);
    }
  });

  test(`a ${role} closes with 1007 on data that is corrupt, after what came before it (§7.2.2)`, async (t) => {
    const rows: [name: string, payload: string, first?: number][] = [
      ["nothing at all", ""],
      ["a block type that does not exist", "06 00"],
      ["lengths of a stored block that do not agree", "00 05 00 fa fe 48"],
      ["a stored block that is cut off", "00 05 00 fa ff 48"],
      ["a fixed block that is cut off", "f2 48 cd"],
      ["a reference to what never was", "f2 00 11 00 00"],
      ["the four octets that had to be taken off", "00 00 00 ff ff"],
      ["half a block after a final one", "f3 48 cd c9 c9 07 00 f2 48"],
      ["text that is not UTF-8", deflated(hex("c3 28")).toString("hex"), COMPRESSED_TEXT],
      ["text that ends within a character", deflated(hex("e2 82")).toString("hex"), COMPRESSED_TEXT],
    ];
    for (const terms of [NAME, `${NAME}; ${NO_TAKEOVER}`]) {
      for (const [name, payload, first = COMPRESSED_BINARY] of rows) {
        const ends = await agreed(t, role, { perMessageDeflate: takeover }, terms);
        const failed = failure(ends);
        ends.peer.write(FRAME[role](TEXT, "before"), FRAME[role](first, hex(payload)), FRAME[role](TEXT, "after"));
        ends.peer.socket.end();
        assert.deepEqual(await failed, { code: "E_INVALID_PROTOCOL_FORMAT", status: 1007, closed: 1006 }, name);
        assert.deepEqual(ends.received, ["before"], name);
      }
    }
  });

  test(`a bomb costs a ${role} no more than maxMessageSize, and closes with 1009`, async (t) => {
    const collect = garbageCollector();
    const { scratch } = await inner<{ scratch(): { bytes: Uint8Array } }>("engine/engine.js");
    const bomb = deflated(ZEROS);
    assert.ok(bomb.length < 20_000);
    const third = Math.floor(bomb.length / 3);
    const frame = FRAME[role];
    const rows: [name: string, frames: Buffer[]][] = [
      ["one frame", [frame(COMPRESSED_BINARY, bomb)]],
      ["text", [frame(COMPRESSED_TEXT, bomb)]],
      ["fragments", [frame(0x42, bomb.subarray(0, third)), frame(0x80, bomb.subarray(third))]],
    ];
    for (const terms of [NAME, `${NAME}; ${NO_TAKEOVER}`]) {
      for (const [name, bytes] of rows) {
        const options = { maxMessageSize: MIB, perMessageDeflate: takeover };
        const ends = await agreed(t, role, options, terms);
        collect();
        const before = [process.memoryUsage().arrayBuffers, scratch().bytes.buffer.byteLength];
        const after = nextEvent(ends.socket, "error").then(() => [
          process.memoryUsage().arrayBuffers,
          scratch().bytes.buffer.byteLength,
        ]);
        const failed = failure(ends);
        ends.peer.write(...bytes);
        ends.peer.socket.end();
        assert.deepEqual(await failed, { code: "E_INVALID_PROTOCOL_FORMAT", status: 1009, closed: 1006 }, name);
        const grown = (await after).map((size, index) => size - (before[index] as number));
        for (const size of grown) assert.ok(size < 4 * MIB, `${name}: grown by ${grown}`);
        assert.deepEqual(ends.received, [], name);
      }
    }
  });

  test(`a ${role} takes a message of maxMessageSize bytes whatever its compressed size, and no larger one`, async (t) => {
    for (const [size, isTaken] of [
      [MIB, true],
      [MIB + 1, false],
    ] as const) {
      const ends = await agreed(t, role, { maxMessageSize: MIB });
      const [message, failed] = [nextEvent<MessageEvent>(ends.socket, "message"), failure(ends)];
      ends.peer.write(FRAME[role](COMPRESSED_BINARY, deflated(ZEROS.subarray(0, size))));
      if (isTaken) {
        assert.ok(ZEROS.subarray(0, size).equals((await message).data as Buffer));
        failed.catch(() => {});
        ends.peer.socket.destroy();
      } else {
        ends.peer.socket.end();
        assert.equal((await failed).status, 1009);
        assert.deepEqual(ends.received, []);
      }
    }
  });
}

/** The same without an agreement. */
async function plain(t: TestContext, role: Role): Promise<Ends> {
  return (await connector(t, role, { perMessageDeflate: false }))();
}

/** Bytes that compress to nearly nothing, and bytes that do not compress at all. */
function contents(size: number): [compressible: Buffer, incompressible: Buffer] {
  const next = generator(size + 1);
  const noise = Buffer.from(Uint8Array.from({ length: size }, () => next() * 256));
  return [Buffer.from(Uint8Array.from({ length: size }, (_, at) => (at >> 8) & 0x7f)), noise];
}

/** Text of about `size` bytes, with letters of each UTF-8 length. */
function letters(size: number): string {
  return "größe € 😀 ".repeat(Math.ceil(size / 20)).slice(0, size);
}

const SIZES = [0, 1, 125, 126, 1023, 1024, 4096, 32_767, 32_768, 65_536, 131_073, 300_000];
const ALL = SIZES.flatMap((size) => [...contents(size), letters(size)]);
const LARGEST = [...contents(5 * MIB), letters(2 * MIB)];

/** A client's socket, and what its server has selected. */
interface Client {
  readonly socket: Pick<WebSocket, "send" | "close"> & EventTarget;
  readonly extensions: string;
}

/** Sends every message, and checks that each comes back. */
async function echo(socket: Client["socket"], all: readonly (string | Buffer)[], what: string): Promise<void> {
  const back = messages(socket, all.length);
  for (const data of all) socket.send(data);
  for (const [index, data] of (await back).entries()) {
    const sent = all[index] as string | Buffer;
    const isSame = typeof sent === "string" ? sent === data : sent.equals(data as Buffer);
    assert.ok(isSame, `${what}: message ${index}, ${typeof sent} of ${sent.length}`);
  }
}

async function ourServer(t: TestContext, perMessageDeflate: PerMessageDeflateOptions) {
  return (await serveEcho(t, { perMessageDeflate })).url;
}

async function wsServer(t: TestContext, perMessageDeflate: PerMessageDeflateOptions) {
  const server = new WsServer({ port: 0, host: "127.0.0.1", perMessageDeflate: perMessageDeflate as object });
  server.on("connection", (ws) => ws.on("message", (data, binary) => ws.send(data, { binary })));
  await once(server, "listening");
  t.after(() => server.close());
  return `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function ourClient(url: string, perMessageDeflate: PerMessageDeflateOptions): Promise<Client> {
  const socket = await connect(url, perMessageDeflate);
  return { socket, extensions: socket.extensions };
}

/** That of `ws`, whose own `extensions` has no parameters. */
async function wsClient(url: string, perMessageDeflate: PerMessageDeflateOptions): Promise<Client> {
  const ws = new Ws(url, { perMessageDeflate: perMessageDeflate as Exclude<WsOptions["perMessageDeflate"], boolean> });
  const [[response]] = (await Promise.all([once(ws, "upgrade"), once(ws, "open")])) as [[IncomingMessage], unknown];
  return { socket: ws as unknown as Client["socket"], extensions: response.headers["sec-websocket-extensions"] ?? "" };
}

const pairs = {
  "our client and our server": { client: ourClient, server: ourServer },
  "the client of ws and our server": { client: wsClient, server: ourServer },
  "our client and the server of ws": { client: ourClient, server: wsServer },
};

for (const [name, { client, server }] of Object.entries(pairs)) {
  test(`${name} echo every size and kind, for every window, with takeover and without`, async (t) => {
    for (const isKept of [true, false]) {
      for (const bits of [8, 9, 10, 11, 12, 13, 14, 15]) {
        const options = {
          serverNoContextTakeover: !isKept,
          clientNoContextTakeover: !isKept,
          serverMaxWindowBits: bits,
          clientMaxWindowBits: bits,
          threshold: 0,
        };
        const { socket, extensions } = await client(await server(t, options), options);
        const what = `${name}, ${extensions}`;
        assert.equal(parameter(extensions, "server_max_window_bits"), bits, what);
        assert.equal(parameter(extensions, "client_max_window_bits"), bits, what);
        assert.equal(extensions.includes(NO_TAKEOVER), !isKept, what);
        await echo(socket, ALL, what);
        if (bits === 8 || bits === 15) await echo(socket, LARGEST, what);
        socket.close();
      }
    }
  });
}

/** The window that these extensions agree on. */
function parameter(extensions: string, name: string): number {
  return Number(new RegExp(`${name}=(\\d+)`).exec(extensions)?.[1] ?? 15);
}

test("connections with and without takeover, of every window, share compressors and mix nothing", async (t) => {
  const kinds: PerMessageDeflateOptions[] = [8, 9, 12, 15].flatMap((bits) =>
    [true, false].map((isKept) => ({
      serverNoContextTakeover: isKept,
      clientNoContextTakeover: isKept,
      serverMaxWindowBits: bits,
      clientMaxWindowBits: bits,
      threshold: 0,
    })),
  );
  const urls = await Promise.all(kinds.map((perMessageDeflate) => ourServer(t, perMessageDeflate)));
  const sockets = await Promise.all(
    Array.from({ length: 40 }, (_, index) => connect(urls[index % urls.length] as string, { threshold: 0 })),
  );
  const rounds = 30;
  const sent = (index: number, round: number) => [
    `socket ${index}, round ${round}; `.repeat((round * 7 + index) % 400),
    Buffer.alloc((round * 1999) % 40_000, `${index} `),
  ];
  const received = sockets.map((socket) => messages(socket, rounds * 2));
  for (let round = 0; round < rounds; round++) {
    for (const [index, socket] of sockets.entries()) for (const data of sent(index, round)) socket.send(data);
    if (round % 3 === 0) await turn();
  }
  for (const [index, all] of received.entries()) {
    assert.deepEqual(await all, Array.from({ length: rounds }, (_, round) => sent(index, round)).flat());
  }
  for (const socket of sockets) socket.close();
});

for (const role of ROLES) {
  test(`messages that many peers of a ${role} leave unfinished, break off or corrupt spoil no others`, async (t) => {
    const frame = FRAME[role];
    const terms = `${NAME}; ${NO_TAKEOVER}`;
    const all = await Promise.all(Array.from({ length: 24 }, () => agreed(t, role, {}, terms)));
    const text = (index: number) => `message of peer ${index}, `.repeat(200 + index);
    const payloads = all.map((_, index) => deflated(text(index)));
    const cut = (index: number) => Math.floor(((payloads[index] as Buffer).length * (index + 1)) / 26);
    // a context for each, more than the pool has
    await Promise.all(
      all.map(({ peer }, index) => trickle(peer, [frame(0x41, payloads[index]?.subarray(0, cut(index)))])),
    );
    const whole = all.filter((_, index) => index % 4 === 0);
    const ends = all.filter((_, index) => index % 4 !== 0).map(({ socket }) => closed(socket));
    for (const [index, { peer, socket }] of all.entries()) {
      if (index % 4 === 1) peer.write(frame(0x80, Buffer.alloc(100, 6)));
      if (index % 4 === 1) peer.socket.end();
      if (index % 4 === 2) peer.socket.destroy();
      if (index % 4 === 3) socket.terminate();
    }
    await Promise.all(ends);
    const expected = whole.map(({ socket }) => messages(socket, 2));
    for (const [index, { peer }] of all.entries()) {
      if (index % 4 !== 0) continue;
      peer.write(frame(0x80, payloads[index]?.subarray(cut(index))), frame(COMPRESSED_TEXT, payloads[index]));
    }
    for (const [nth, data] of expected.entries()) assert.deepEqual(await data, [text(nth * 4), text(nth * 4)]);
    // the next message must not see what the others left in the window
    const fresh = await Promise.all(Array.from({ length: 8 }, () => agreed(t, role, {}, terms)));
    const failed = fresh.map(failure);
    for (const { peer } of fresh) {
      peer.write(frame(COMPRESSED_TEXT, hex("f200110000")));
      peer.socket.end();
    }
    for (const { status } of await Promise.all(failed)) assert.equal(status, 1007);
    for (const { socket } of whole) socket.terminate();
  });

  test(`a ${role} that pauses again and again loses nothing of a flood of compressed messages`, async (t) => {
    const frame = FRAME[role];
    for (const terms of [NAME, `${NAME}; ${NO_TAKEOVER}`]) {
      const { socket, peer, received } = await agreed(t, role, { perMessageDeflate: takeover }, terms);
      const count = 5000;
      const text = (index: number) => `${index} `.repeat(index % 500);
      // small ones, thousands to a chunk, and among them some that come out larger than a chunk
      const data = (index: number) => (index % 1000 === 999 ? ZEROS.subarray(0, MIB + index) : text(index));
      const done = deferred<void>();
      socket.addEventListener("message", () => {
        if (received.length === count) done.resolve();
        if (received.length % 97 !== 0) return;
        socket.pause();
        setImmediate(() => socket.resume());
      });
      const flood = Array.from({ length: count }, (_, index) => {
        const first = index % 1000 === 999 ? COMPRESSED_BINARY : COMPRESSED_TEXT;
        return frame(first, deflated(data(index)));
      });
      peer.write(...flood);
      await done.promise;
      for (const [index, actual] of received.entries()) {
        const sent = data(index);
        assert.ok(typeof sent === "string" ? sent === actual : sent.equals(actual as Buffer), `message ${index}`);
      }
      socket.terminate();
    }
  });

  test(`a ${role} delivers large compressed messages wherever among small ones a batch of deliveries ends`, async (t) => {
    const frame = FRAME[role];
    const { socket, peer } = await agreed(t, role);
    const zeros = (size: number) => frame(COMPRESSED_BINARY, deflated(ZEROS.subarray(0, size)));
    const deliver = async (sizes: number[]) => {
      const back = messages(socket, sizes.length);
      const chunk = Buffer.concat(sizes.map((size) => (size === 1 ? small : zeros(size))));
      assert.ok(chunk.length < 65_536);
      peer.write(chunk);
      const actual = (await back).map((data) => (data as string | Buffer).length);
      assert.deepEqual(actual, sizes);
    };
    const small = zeros(1);
    const ones = (count: number) => Array<number>(count).fill(1);
    // a batch is 1024 messages
    for (const count of [1021, 1022, 1023, 1024, 2046, 2047]) {
      await deliver([...ones(count), 200_000, 200_000, 200_000, 1, 200_000, 1]);
    }
    // the engine's 64 KiB of room end a few bytes before the last message does: all of its payload is taken, and
    // nothing follows that would bring out the rest
    for (let size = 64_300; size < 64_700; size += 5) await deliver([...ones(1023), 65_536, size]);
    socket.terminate();
  });
}

test("our client and our server, both pausing, exchange floods of compressed messages in order", async (t) => {
  const perMessageDeflate = { ...takeover, threshold: 0 };
  const pausing = (socket: WebSocket) => {
    let count = 0;
    socket.addEventListener("message", () => {
      if (++count % 101 !== 0) return;
      socket.pause();
      setImmediate(() => socket.resume());
    });
  };
  const { url } = await serve(t, { perMessageDeflate }, (socket) => {
    socket.onmessage = (event) => socket.send(event.data);
    pausing(socket);
  });
  const socket = await connect(url, perMessageDeflate);
  pausing(socket);
  const all = Array.from({ length: 3000 }, (_, index) => `${index} `.repeat((index * 13) % 1000));
  const back = messages(socket, all.length);
  for (const data of all) socket.send(data);
  assert.deepEqual(await back, all);
  socket.close();
});

test("what a pause holds of compressed messages is bounded by what they decompress to", async (t) => {
  const { socket, peer, received } = await agreed(t, "server", { maxMessageSize: MIB });
  const first = nextEvent(socket, "message");
  socket.addEventListener("message", () => socket.pause(), { once: true });
  const before = process.memoryUsage().arrayBuffers;
  peer.write(...Array<Buffer>(60).fill(FRAME.server(COMPRESSED_BINARY, deflated(ZEROS.subarray(0, MIB)))));
  await first;
  const held = process.memoryUsage().arrayBuffers - before;
  assert.ok(held < 8 * MIB, `${held} bytes`);
  socket.resume();
  while (received.length < 60) await new Promise((turn) => setImmediate(turn));
  assert.ok(received.every((data) => (data as Buffer).length === MIB));
  peer.socket.destroy();
});

test("a bomb is reported once, however much of it was valid", async (t) => {
  const { socket, peer } = await agreed(t, "server", { maxMessageSize: 100_000 });
  const errors: unknown[] = [];
  socket.addEventListener("error", (event) => errors.push(event));
  const end = closed(socket);
  peer.write(FRAME.server(COMPRESSED_BINARY, deflated(ZEROS.subarray(0, 300_000))));
  peer.socket.end();
  await end;
  assert.equal(errors.length, 1);
});
