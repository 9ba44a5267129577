/** The server over HTTP/2 (RFC 8441), against streams that a test drives by hand. */
import assert from "node:assert/strict";
import { constants as http2, type IncomingHttpHeaders, type ServerHttp2Stream } from "node:http2";
import process from "node:process";
import { test } from "node:test";
import { connect as connectTls } from "node:tls";
import {
  type CloseEvent,
  type HandshakeRequest,
  type StreamRequest,
  type Traffic,
  WebSocket,
  WebSocketServer,
  type WebSocketServerOptions,
} from "websocket-component";

import { listenHttp2, opened, RawStream, readySession, serveEchoHttp2, serveHttp2, tls } from "./sessions.js";
import { closed, masked, messages, nextEvent, once, REQUEST, sessionCount, unmasked, within } from "./support.js";

const DAY = 86_400_000;
const CLOSE = masked(0x88, Buffer.from([0x03, 0xe8]));

/** The own fields of an answer's head. */
function fieldsOf(headers: IncomingHttpHeaders): Record<string, unknown> {
  const { date: _, ...fields } = headers;
  return Object.fromEntries(Object.entries(fields)); // without its symbols
}

test("a stream is a WebSocket: messages and the closing handshake, and the stream ends without an error", async (t) => {
  const { server, origin } = await serveEchoHttp2(t);
  const peer = new RawStream(await readySession(t, origin));
  const connection = once(server, "connection");
  assert.deepEqual(fieldsOf(await peer.answer), { ":status": 200 }, "an empty list of fields accepts");
  const [socket] = await connection;
  const end = closed(socket);
  peer.stream.write(masked(0x81, "Hello"));
  assert.deepEqual(await peer.bytes(7), unmasked(0x81, "Hello"));
  peer.stream.end(CLOSE);
  assert.deepEqual(await peer.bytes(4), unmasked(0x88, Buffer.from([0x03, 0xe8])));
  assert.equal(await peer.ended, http2.NGHTTP2_NO_ERROR);
  assert.deepEqual([(await end).code, (await end).wasClean], [1000, true]);
});

test("the request says that it came over HTTP/2, and its Host is :authority", async (t) => {
  const { server, origin } = await serveHttp2(t);
  const connection = once(server, "connection");
  const session = await readySession(t, origin);
  const peer = new RawStream(session, { ":path": "/chat?room=1", cookie: "a=1", "x-list": ["1", "2"] });
  await peer.answer;
  const [socket, request] = (await connection) as [WebSocket, StreamRequest];
  assert.deepEqual([request.method, request.httpVersion, request.url], ["CONNECT", "2.0", "/chat?room=1"]);
  assert.deepEqual(
    { ...request.headers },
    {
      host: "example.com",
      "sec-websocket-version": "13",
      cookie: "a=1",
      "x-list": "1, 2",
    },
  );
  assert.deepEqual(request.rawHeaders.slice(0, 2), ["host", "example.com"]);
  assert.ok(!request.rawHeaders.some((text) => text.startsWith(":")));
  assert.equal(request.stream.id, peer.stream.id);
  assert.equal(socket.url, "ws://example.com/chat?room=1");
  assert.equal(request.socket.remoteAddress, "127.0.0.1");
  session.destroy();
  await closed(socket);
  assert.equal(request.socket.remoteAddress, "127.0.0.1", "it is known after the session's end, too");
  assert.equal(server.addressOf(request), "127.0.0.1");
});

test("over TLS, the request's socket is that of TLS, and the URL is one of wss", async (t) => {
  const { server, origin } = await serveHttp2(t, {}, {}, true);
  const connection = once(server, "connection");
  await new RawStream(await readySession(t, origin)).answer;
  const [socket, request] = (await connection) as [WebSocket, StreamRequest];
  assert.equal(socket.url, "wss://example.com/");
  assert.equal(request.socket.encrypted, true);
  assert.equal(typeof (request.socket as { getPeerCertificate?: unknown }).getPeerCertificate, "function");
});

test("the answer has what was agreed, and no field of HTTP/1.1 alone, the application's neither", async (t) => {
  const headers = [
    ["Set-Cookie", "a=1"],
    ["Set-Cookie", "b=2"],
    ["Connection", "keep-alive, X-Hop"],
    ["X-Hop", "not for HTTP/2"],
    ["Keep-Alive", "timeout=5"],
    ["Upgrade", "websocket"],
    ["X-Own", "yes"],
  ] as const;
  const { origin } = await serveHttp2(t, { headers });
  const peer = new RawStream(await readySession(t, origin), {
    "sec-websocket-protocol": "chat, mqtt",
    "sec-websocket-extensions": "permessage-deflate",
  });
  const { "sec-websocket-extensions": extensions, ...fields } = fieldsOf(await peer.answer);
  assert.match(extensions as string, /^permessage-deflate/);
  assert.deepEqual(fields, {
    ":status": 200,
    "sec-websocket-protocol": "chat",
    "set-cookie": ["a=1", "b=2"],
    "x-own": "yes",
  });
});

test("a client that sends a key, as Node's own WebSocket does, gets the accept that it wants", async (t) => {
  const { origin } = await serveHttp2(t);
  const session = await readySession(t, origin);
  const answer = await new RawStream(session, { "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==" }).answer;
  assert.deepEqual(fieldsOf(answer), { ":status": 200, "sec-websocket-accept": "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" });
});

test("the application's requests go on, other protocols get 501, and another CONNECT 405", async (t) => {
  const { http, server, origin } = await serveEchoHttp2(t);
  http.on("request", (_request, response) => response.end("page"));
  const session = await readySession(t, origin);
  const get = session.request({ ":path": "/" });
  get.setEncoding("utf8");
  assert.deepEqual([(await once(get, "response"))[0][":status"], (await once(get, "data"))[0]], [200, "page"]);
  const peer = new RawStream(session);
  assert.equal((await peer.answer)[":status"], 200, "Node's own listener does not answer 405");
  peer.stream.write(masked(0x81, "Hello"));
  assert.deepEqual(await peer.bytes(7), unmasked(0x81, "Hello"));
  const other = new RawStream(session, { ":protocol": "connect-udp" });
  assert.equal((await other.answer)[":status"], 501);
  assert.equal(await other.body(), "Not Implemented");
  const tunnel = session.request({ ":method": "CONNECT", ":authority": "example.com:80" }, { endStream: false });
  assert.equal((await once(tunnel, "response"))[0][":status"], 405);
  assert.deepEqual(server.statistics.refused, {}, "neither is a WebSocket");
});

test("other protocols get 501 without a listener of request, too", async (t) => {
  const { origin } = await serveHttp2(t);
  const other = new RawStream(await readySession(t, origin), { ":protocol": "connect-udp" });
  assert.equal((await other.answer)[":status"], 501);
  assert.equal(await other.body(), "Not Implemented");
  assert.equal(await other.ended, http2.NGHTTP2_NO_ERROR);
});

test("the application takes other protocols and paths by its own listener of stream", async (t) => {
  const { http, origin } = await serveHttp2(t, { path: "/chat", handshakeTimeout: DAY });
  http.on("stream", (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    if (headers[":protocol"] === "websocket" && headers[":path"] === "/chat") return;
    stream.respond({ ":status": 200, "x-taken": headers[":path"] });
  });
  const session = await readySession(t, origin);
  assert.equal((await new RawStream(session, { ":protocol": "other", ":path": "/a" }).answer)["x-taken"], "/a");
  assert.equal((await new RawStream(session, { ":path": "/b" }).answer)["x-taken"], "/b");
  assert.equal((await new RawStream(session, { ":path": "/chat" }).answer)["x-taken"], undefined);
});

test("streams of paths that no server has get 404, at once or when no listener took them in time", async (t) => {
  const { http, server, origin } = await serveHttp2(t, { path: "/chat", handshakeTimeout: 50 });
  http.on("request", (_request, response) => response.end("page"));
  const session = await readySession(t, origin);
  const missed = new RawStream(session, { ":path": "/other" });
  assert.equal((await missed.answer)[":status"], 404);
  assert.equal(await missed.body(), "Not Found");
  assert.deepEqual(server.statistics.refused, { path: 1 });
  http.on("stream", () => {}); // someone who might take it
  const late = new RawStream(session, { ":path": "/other" });
  assert.equal((await late.answer)[":status"], 404);
  assert.deepEqual(server.statistics.refused, { path: 2 });
});

test("streams that wait for another listener end when the server closes, as they would have", async (t) => {
  const { http, server, origin } = await serveHttp2(t, { path: "/chat", handshakeTimeout: DAY });
  http.on("stream", () => {}); // someone who might take it
  const session = await readySession(t, origin);
  const missed = new RawStream(session, { ":path": "/other" });
  const other = new RawStream(session, { ":protocol": "other" });
  for (let came = 0; came < 2; came++) await once(http, "stream");
  void server.close();
  assert.deepEqual([(await missed.answer)[":status"], (await other.answer)[":status"]], [404, 501]);
});

/** How an application takes a stream that it will answer later. */
const TAKINGS: { readonly [how: string]: (stream: ServerHttp2Stream) => void } = {
  "listens to data and pauses": (stream) => void stream.on("data", () => {}).pause(),
  "listens to readable": (stream) => void stream.on("readable", () => {}),
  "lets it flow": (stream) => void stream.resume(),
};

for (const [how, take] of Object.entries(TAKINGS)) {
  test(`a stream is another listener's as soon as that ${how}`, async (t) => {
    const { http, server, origin } = await serveHttp2(t, { path: "/chat", handshakeTimeout: DAY });
    const arrival = once(http, "stream");
    http.on("stream", take);
    const peer = new RawStream(await readySession(t, origin), { ":path": "/other" });
    const [stream] = (await arrival) as [ServerHttp2Stream];
    await server.close(); // ends the streams that no one has taken
    stream.respond({ ":status": 200, "x-taken": "yes" });
    assert.equal((await peer.answer)["x-taken"], "yes");
  });
}

test("several servers share one of HTTP/2 by their paths, and the last one takes its listeners along", async (t) => {
  const { http, server, origin } = await serveHttp2(t, { path: "/one" });
  const second = new WebSocketServer<HandshakeRequest>({ server: http, path: "/two" });
  const session = await readySession(t, origin);
  for (const [one, path] of [
    [server, "/one"],
    [second, "/two"],
  ] as const) {
    const connection = once(one, "connection");
    await new RawStream(session, { ":path": path }).answer;
    assert.equal((await connection)[1].url, path);
  }
  await Promise.all([server.close({ timeout: 0 }), second.close({ timeout: 0 })]);
  assert.deepEqual(
    [http.listenerCount("stream"), http.listenerCount("connect"), http.listenerCount("upgrade")],
    [0, 0, 0],
  );
});

test("a topic has subscribers over both versions", async (t) => {
  const { server, origin, url } = await serveHttp2(t, {}, { allowHTTP1: true }, true);
  server.on("connection", (socket) => void socket.subscribe("news"));
  const session = await readySession(t, origin);
  const sockets = [await opened(url, { tls }), await opened(url, { session }), await opened(url, { session })];
  const received = Promise.all(sockets.map((socket) => messages(socket, 1)));
  const text = "a line of text ".repeat(1000);
  assert.equal(server.publish("news", text), 3);
  assert.deepEqual(await received, [[text], [text], [text]]);
});

test("a server of HTTP/2 that allows HTTP/1.1 has WebSockets over both", async (t) => {
  const { server, origin, url } = await serveEchoHttp2(t, {}, { allowHTTP1: true }, true);
  const requests: string[] = [];
  server.on("connection", (_socket, request) => requests.push(`${request.method} ${request.httpVersion}`));
  const socket = new WebSocket(url, { tls });
  await nextEvent(socket, "open");
  const answer = messages(socket, 1);
  socket.send("Hello");
  assert.deepEqual(await answer, ["Hello"]);
  await new RawStream(await readySession(t, origin)).answer;
  assert.deepEqual(requests, ["GET 1.1", "CONNECT 2.0"]);
  assert.equal(server.clients.size, 2);
  socket.close();
  await closed(socket);
});

const refusals: [
  what: string,
  options: WebSocketServerOptions<HandshakeRequest>,
  fields: object,
  expected: object,
  body: string,
][] = [
  ["verify says no", { verify: () => false }, {}, { ":status": 403 }, "Forbidden"],
  [
    "verify says why",
    { verify: () => ({ status: 401, headers: { "WWW-Authenticate": "Basic", Connection: "x" }, body: "Who?" }) },
    {},
    { ":status": 401, "www-authenticate": "Basic" },
    "Who?",
  ],
  [
    "the origin is another",
    { origins: ["https://a.example"] },
    { origin: "https://b.example" },
    { ":status": 403 },
    "Forbidden",
  ],
  [
    "the version is another",
    {},
    { "sec-websocket-version": "8" },
    { ":status": 400, "sec-websocket-version": "13" },
    "Bad Request",
  ],
  ["the version comes twice", {}, { "sec-websocket-version": ["13", "13"] }, { ":status": 400 }, "Bad Request"],
  ["the subprotocols are malformed", {}, { "sec-websocket-protocol": "a b" }, { ":status": 400 }, "Bad Request"],
  ["Host is another than :authority", {}, { host: "other.example" }, { ":status": 400 }, "Bad Request"],
  ["it announces a body", {}, { "content-length": "5" }, { ":status": 400 }, "Bad Request"],
];
for (const [what, options, fields, expected, body] of refusals) {
  test(`a request is refused as over HTTP/1.1: ${what}`, async (t) => {
    const { server, origin } = await serveHttp2(t, options);
    const peer = new RawStream(await readySession(t, origin), fields as Record<string, string>).resume();
    const { "content-type": type, "content-length": length, ...answer } = fieldsOf(await peer.answer);
    assert.deepEqual([answer, type, length], [expected, "text/plain; charset=utf-8", `${body.length}`]);
    assert.equal(await peer.body(), body);
    assert.equal(await peer.ended, http2.NGHTTP2_NO_ERROR, "the answer is whole, so that it is not an abort");
    assert.equal(server.clients.size, 0);
    assert.equal(Object.values(server.statistics.refused)[0], 1);
  });
}

test("a stream that was refused does not count any more when it has ended", async (t) => {
  const { server, origin } = await serveHttp2(t, { maxConnections: 1, verify: () => false, handshakeTimeout: DAY });
  const session = await readySession(t, origin);
  for (let time = 0; time < 3; time++) {
    const peer = new RawStream(session).resume();
    assert.equal((await peer.answer)[":status"], 403);
    await peer.ended;
    await new Promise<void>((resolve) => session.ping(() => resolve()));
  }
  assert.deepEqual(server.statistics.refused, { verify: 3 });
});

const quotas: [name: string, fields: object][] = [
  ["maxConnections", { ":status": 503 }],
  ["maxConnectionsPerAddress", { ":status": 429 }],
  ["maxHandshakesPerSecond", { ":status": 429, "retry-after": "1" }],
];
for (const [name, expected] of quotas) {
  test(`${name} counts streams, not sessions`, async (t) => {
    const { server, origin } = await serveHttp2(t, { [name]: 1 });
    const session = await readySession(t, origin);
    let answer: Record<string, unknown> = {};
    // the second of the two may fall into the next second
    for (let tries = 0; tries < 3 && answer[":status"] !== 429 && answer[":status"] !== 503; tries++) {
      answer = fieldsOf(await new RawStream(session).resume().answer);
    }
    const { "content-type": _type, "content-length": _length, ...fields } = answer;
    assert.deepEqual(fields, expected);
    assert.equal(Object.values(server.statistics.refused)[0], 1);
  });
}

test("a hook that fails is answered with 500 and reported, and so are fields that HTTP/2 cannot have", async (t) => {
  const hooks: WebSocketServerOptions<HandshakeRequest>[] = [
    { verify: () => assert.fail("a mistake") },
    { verify: async () => assert.fail("a mistake") },
    {
      headers: [
        ["Content-Type", "a/b"],
        ["Content-Type", "c/d"],
      ],
    },
    { headers: { "X-Line": "a\r\nb" } },
    { headers: { "X-Large": "x".repeat(64 * 1024) } },
  ];
  for (const options of hooks) {
    const { server, origin } = await serveHttp2(t, options);
    const error = once(server, "error");
    const session = await readySession(t, origin);
    const before = sessionCount();
    const peer = new RawStream(session).resume();
    assert.equal((await peer.answer)[":status"], 500);
    assert.ok((await error)[0] instanceof Error);
    assert.equal(server.clients.size, 0);
    assert.ok(sessionCount() <= before, "the engine's part is freed");
    await peer.ended;
    assert.equal(session.closed, false, "the others on the session are not to blame");
  }
});

test("a client that leaves, or a verdict that does not come, ends the wait of verify", async (t) => {
  const signals: AbortSignal[] = [];
  let asked = (): void => {};
  const verify: WebSocketServerOptions<HandshakeRequest>["verify"] = (_request, { signal }) => {
    signals.push(signal);
    asked();
    return new Promise<boolean>(() => {});
  };
  const { server, origin } = await serveHttp2(t, { verify, handshakeTimeout: 100 });
  const session = await readySession(t, origin);
  for (const leave of [
    (peer: RawStream) => peer.stream.close(http2.NGHTTP2_CANCEL),
    (peer: RawStream) => peer.stream.end(),
  ]) {
    const question = new Promise<void>((resolve) => {
      asked = resolve;
    });
    const peer = new RawStream(session);
    await within("verify", question);
    const signal = signals.at(-1) as AbortSignal;
    const aborted = once(signal, "abort");
    leave(peer);
    await aborted;
    assert.equal((signal.reason as { code: string }).code, "WS_ERR_CONNECTION_LOST");
    assert.equal(server.pendingHandshakes, 0);
  }
  assert.equal((await new RawStream(session).answer)[":status"], 503, "after handshakeTimeout");
});

test("what a client sends before its answer is not lost", async (t) => {
  let decide: (verdict: boolean) => void = () => {};
  const verdict = new Promise<boolean>((resolve) => {
    decide = resolve;
  });
  const { origin } = await serveEchoHttp2(t, { verify: () => verdict });
  const peer = new RawStream(await readySession(t, origin));
  peer.stream.write(masked(0x81, "early"));
  await new Promise<void>((resolve) => peer.stream.session?.ping(() => resolve()));
  decide(true);
  assert.deepEqual(await peer.bytes(7), unmasked(0x81, "early"));
});

const losses: [what: string, lose: (peer: RawStream) => void][] = [
  ["resets its stream with CANCEL", ({ stream }) => stream.close(http2.NGHTTP2_CANCEL)],
  ["resets its stream with an error", ({ stream }) => stream.close(http2.NGHTTP2_INTERNAL_ERROR)],
  ["resets its stream without an error", ({ stream }) => stream.close(http2.NGHTTP2_NO_ERROR)],
  ["ends its side without a close frame", ({ stream }) => stream.end()],
  ["destroys its session", ({ stream }) => stream.session?.destroy()],
  ["breaks its session off", ({ stream }) => stream.session?.destroy(undefined, http2.NGHTTP2_PROTOCOL_ERROR)],
];
for (const [what, lose] of losses) {
  test(`a client that ${what} is 1006`, async (t) => {
    const { server, origin } = await serveHttp2(t);
    const connection = once(server, "connection");
    const peer = new RawStream(await readySession(t, origin)).resume();
    await peer.answer;
    const end = closed((await connection)[0]);
    lose(peer);
    assert.deepEqual([(await end).code, (await end).wasClean], [1006, false]);
    assert.equal(server.clients.size, 0);
  });
}

test("a socket that is terminated resets its stream with CANCEL, even if its peer does not read", async (t) => {
  const { server, origin } = await serveHttp2(t);
  for (const isRead of [true, false]) {
    const connection = once(server, "connection");
    const peer = new RawStream(await readySession(t, origin));
    if (isRead) peer.resume();
    await peer.answer;
    const [socket] = (await connection) as [WebSocket];
    socket.send(new Uint8Array(1024 * 1024));
    const end = closed(socket);
    socket.terminate();
    if (!isRead) peer.resume();
    assert.equal(await peer.ended, http2.NGHTTP2_CANCEL);
    assert.equal((await end).code, 1006);
  }
});

test("a client that breaks the protocol gets the close code that RFC 6455 demands", async (t) => {
  const { server, origin } = await serveHttp2(t);
  server.on("connection", (socket) => socket.addEventListener("error", () => {}));
  const peer = new RawStream(await readySession(t, origin));
  await peer.answer;
  peer.stream.write(unmasked(0x81, "Hello"));
  const [first, length, high, low] = await peer.bytes(4);
  assert.deepEqual([first, ((high as number) << 8) | (low as number)], [0x88, 1002]);
  await peer.bytes((length as number) - 2);
  peer.stream.end();
  await peer.ended;
});

test("a peer that never answers the close is reset after closeTimeout", async (t) => {
  const { server, origin } = await serveHttp2(t, { closeTimeout: 50 });
  const connection = once(server, "connection");
  const peer = new RawStream(await readySession(t, origin)).resume();
  await peer.answer;
  const [socket] = (await connection) as [WebSocket];
  const end = closed(socket);
  socket.close(1001);
  assert.equal(await peer.ended, http2.NGHTTP2_CANCEL);
  assert.equal((await end).code, 1006);
});

test("a server that drains closes its streams with 1001, and answers new ones with 503", async (t) => {
  const { server, origin } = await serveHttp2(t, { closeTimeout: DAY });
  const session = await readySession(t, origin);
  const connection = once(server, "connection");
  const open = new RawStream(session);
  await open.answer;
  const end = closed((await connection)[0]);
  const done = server.close();
  assert.deepEqual(await open.bytes(4), unmasked(0x88, Buffer.from([0x03, 0xe9])));
  const late = new RawStream(session).resume();
  assert.equal((await late.answer)[":status"], 503);
  open.stream.end(masked(0x88, Buffer.from([0x03, 0xe9])));
  assert.deepEqual(await done, { closed: 1, terminated: 0 });
  assert.equal((await end).code, 1001);
  assert.equal(session.closed, false, "the session is the application's");
});

test("a client that does not read fills its stream only: send says so, and all arrives once it reads", async (t) => {
  const { server, origin } = await serveHttp2(t);
  const session = await readySession(t, origin);
  const connections: WebSocket[] = [];
  server.on("connection", (socket) => connections.push(socket));
  const stalled = new RawStream(session);
  await stalled.answer;
  const other = new RawStream(session);
  await other.answer;
  const [slow, fast] = connections as [WebSocket, WebSocket];
  const size = 4 * 1024 * 1024;
  slow.send(new Uint8Array(size));
  fast.send("past it");
  assert.deepEqual(await other.bytes(9), unmasked(0x81, "past it"));
  assert.ok(slow.bufferedAmount > size / 2, `${slow.bufferedAmount} bytes wait`);
  await stalled.bytes(size + 10);
  fast.send("again");
  await other.bytes(7);
  assert.equal(slow.bufferedAmount, 0);
});

test("a socket that is not read holds its client back, and no other of the session", async (t) => {
  const { server, origin } = await serveHttp2(t, { maxBufferedBytes: DAY });
  const session = await readySession(t, origin);
  const connections: WebSocket[] = [];
  server.on("connection", (socket) => connections.push(socket));
  const held = new RawStream(session);
  await held.answer;
  const other = new RawStream(session);
  await other.answer;
  const [unread, read] = connections as [WebSocket, WebSocket];
  const payload = Buffer.alloc(1024);
  for (let sent = 0; sent < 1024; sent++) held.stream.write(masked(0x82, payload));
  const arrived = messages(read, 1);
  other.stream.write(masked(0x81, "past it"));
  assert.deepEqual(await arrived, ["past it"]);
  assert.ok(held.stream.writableLength > 0, "the window of its stream is full");
  const all = messages(unread, 1024);
  assert.equal((await all).length, 1024);
});

test("a session beyond maxSessionMemory refuses new streams, and the open ones go on", async (t) => {
  const { server, origin } = await serveHttp2(t, {}, { maxSessionMemory: 1 });
  const session = await readySession(t, origin);
  const connection = once(server, "connection");
  const slow = new RawStream(session);
  await slow.answer;
  const [socket] = (await connection) as [WebSocket];
  const size = 3 * 1024 * 1024;
  socket.send(new Uint8Array(size));
  const refused = new RawStream(session);
  assert.equal(await refused.ended, http2.NGHTTP2_ENHANCE_YOUR_CALM);
  await slow.bytes(size + 10);
  assert.equal((await new RawStream(session).answer)[":status"], 200);
});

test("a tap sees the heads as the inspector reads them, and all frames", async (t) => {
  const traffic: Traffic[] = [];
  const tap = () => (one: Traffic) => traffic.push(one);
  const { origin } = await serveEchoHttp2(t, { tap });
  const peer = new RawStream(await readySession(t, origin), { "sec-websocket-protocol": "chat" });
  await peer.answer;
  peer.stream.write(masked(0x81, "Hello"));
  await peer.bytes(7);
  const [request, answer, ...frames] = traffic.map(({ direction, bytes }) => [
    direction,
    Buffer.from(bytes).toString("latin1"),
  ]);
  assert.equal(request?.[0], "received");
  assert.match(
    request?.[1] ?? "",
    /^CONNECT \/ HTTP\/2\r\nhost: example.com\r\n(?:.*\r\n)*sec-websocket-protocol: chat\r\n\r\n$/,
  );
  assert.deepEqual(answer, ["sent", "HTTP/2 200\r\nsec-websocket-protocol: chat\r\n\r\n"]);
  assert.deepEqual(
    frames.map(([direction]) => direction),
    ["received", "sent"],
  );
});

test("without a server, handleStream takes a stream, and refuses what is not a WebSocket", async (t) => {
  const { http, origin } = await listenHttp2(t);
  const server = new WebSocketServer<HandshakeRequest>({ noServer: true });
  const sockets: WebSocket[] = [];
  http.on("connect", () => {});
  http.on("stream", (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    server.handleStream(stream, headers, (socket, request) => {
      sockets.push(socket);
      socket.send(`${request.httpVersion} ${request.url}`);
    });
  });
  const session = await readySession(t, origin);
  const peer = new RawStream(session, { ":path": "/here" });
  assert.deepEqual(await peer.bytes(11), unmasked(0x81, "2.0 /here"));
  assert.equal((await new RawStream(session, { ":protocol": "other" }).answer)[":status"], 400);
  const end: Promise<CloseEvent> = closed(sockets[0] as WebSocket);
  peer.stream.close(http2.NGHTTP2_CANCEL);
  assert.equal((await end).code, 1006);
});

test("a stream that another listener has answered is left to it", async (t) => {
  const { http, origin } = await listenHttp2(t);
  http.on("stream", (stream: ServerHttp2Stream) => stream.respond({ ":status": 204 }));
  const server = new WebSocketServer<HandshakeRequest>({ server: http });
  t.after(() => server.close());
  assert.equal((await new RawStream(await readySession(t, origin)).answer)[":status"], 204);
  assert.equal(server.statistics.accepted, 0);
});

async function decided(server: WebSocketServer<HandshakeRequest>): Promise<void> {
  while (server.pendingHandshakes > 0) await new Promise(setImmediate);
}

for (const [name, verdict] of [
  ["accepts", async () => true],
  ["refuses", async () => false],
  ["never decides", () => new Promise<boolean>(() => {})],
] as const) {
  test(`a stream that another listener answers while verify waits is left to it: it ${name}`, async (t) => {
    const { http, origin } = await listenHttp2(t);
    const reached = new Promise<ServerHttp2Stream>((resolve) => http.on("stream", resolve));
    let decide = () => {};
    const answered = new Promise<void>((resolve) => (decide = resolve));
    const verify = () => answered.then(verdict);
    const server = new WebSocketServer<HandshakeRequest>({ server: http, verify, handshakeTimeout: 200 });
    const told: unknown[] = [];
    server.on("error", (error) => told.push((error as { code?: string }).code));
    const peer = new RawStream(await readySession(t, origin));
    const stream = await reached;
    stream.respond({ ":status": 404 });
    decide();
    assert.equal((await peer.answer)[":status"], 404);
    await within("the verdict", decided(server));
    assert.deepEqual([told, stream.destroyed], [name === "accepts" ? ["WS_ERR_INVALID_OPTION"] : [], false]);
    stream.end("theirs");
    assert.equal(await peer.body(), "theirs");
    await server.close();
  });
}

test("a stream that is given to handleStream twice keeps its first socket, and that is reported", async (t) => {
  const { http, origin } = await listenHttp2(t);
  const server = new WebSocketServer<HandshakeRequest>({ noServer: true });
  const error = once(server, "error");
  http.on("connect", () => {});
  http.on("stream", (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    for (let time = 0; time < 2; time++) {
      server.handleStream(stream, headers, (socket) => {
        socket.onmessage = ({ data }) => socket.send(data as string);
      });
    }
  });
  const peer = new RawStream(await readySession(t, origin));
  assert.equal(((await error)[0] as { code?: string }).code, "WS_ERR_INVALID_OPTION");
  peer.stream.write(masked(0x81, "Hello"));
  assert.deepEqual(await peer.bytes(7), unmasked(0x81, "Hello"));
});

test("a request without a listener gets 405, and a client that resets it ends no process", async (t) => {
  const { origin } = await serveHttp2(t);
  const session = await readySession(t, origin);
  const get = { ":method": "GET", ":protocol": undefined };
  const reset = new RawStream(session, get);
  reset.stream.close(http2.NGHTTP2_INTERNAL_ERROR);
  await reset.ended;
  const peer = new RawStream(session, get).resume();
  assert.equal((await peer.answer)[":status"], 405);
  await peer.ended;
});

test("a refusal has the application's type of content, and the length that is true", async (t) => {
  const headers = { "Content-Type": "application/json", "Content-Length": "99" };
  const { origin } = await serveHttp2(t, { verify: () => ({ status: 403, headers, body: "{}" }) });
  const peer = new RawStream(await readySession(t, origin)).resume();
  const { ":status": status, "content-type": type, "content-length": length } = await peer.answer;
  assert.deepEqual([status, type, length], [403, "application/json", "2"]);
  assert.equal(await peer.body(), "{}");
});

test("the protocol's name is one in any case of letters, as HAProxy passes it on", async (t) => {
  const { origin } = await serveHttp2(t);
  const peer = new RawStream(await readySession(t, origin), { ":protocol": "WebSocket" });
  assert.equal((await peer.answer)[":status"], 200);
});

test("a stream that is terminated when it is accepted has its answer, and what was sent", async (t) => {
  const { server, origin } = await serveHttp2(t);
  server.on("connection", (socket) => {
    socket.send("too many");
    socket.terminate();
  });
  const peer = new RawStream(await readySession(t, origin));
  assert.equal((await peer.answer)[":status"], 200);
  assert.deepEqual(await peer.bytes(10), unmasked(0x81, "too many"));
  await peer.ended;
});

test("a refusal with fields that HTTP/2 cannot have is answered with 500, and leaves no timer", async (t) => {
  const headers = [
    ["Location", "/a"],
    ["Location", "/b"],
  ] as const;
  const verify = () => ({ status: 401, headers });
  const { server, origin } = await serveHttp2(t, { verify, handshakeTimeout: DAY });
  const error = once(server, "error");
  const timers = () => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
  const session = await readySession(t, origin);
  const before = timers();
  const streams = Array.from({ length: 10 }, () => new RawStream(session).resume());
  for (const stream of streams) assert.equal((await stream.answer)[":status"], 500);
  assert.equal(((await error)[0] as { code: string }).code, "WS_ERR_INVALID_OPTION");
  for (const stream of streams) await stream.ended;
  await new Promise<void>((resolve) => session.ping(() => resolve()));
  assert.ok(timers() <= before + 1, `${timers() - before} more`);
});

test("a refusal says where it ends, and that the connection does, and the application nothing else", async (t) => {
  const headers = { "Transfer-Encoding": "chunked", "Content-Length": "99", Connection: "keep-alive", "X-Own": "yes" };
  const { port } = await serveHttp2(t, { verify: () => ({ status: 401, headers }) }, { allowHTTP1: true }, true);
  const peer = connectTls({ port, host: "127.0.0.1", ...tls, servername: "localhost", ALPNProtocols: ["http/1.1"] });
  peer.write(REQUEST);
  let text = "";
  for await (const chunk of peer) text += chunk;
  const fields = text.split("\r\n\r\n")[0]?.split("\r\n").slice(1);
  assert.deepEqual(fields, [
    "X-Own: yes",
    "Connection: close",
    "Content-Type: text/plain; charset=utf-8",
    "Content-Length: 12",
  ]);
});

test("a request that announces even an empty body is refused, because its messages would end the session", async (t) => {
  const { origin } = await serveEchoHttp2(t);
  const session = await readySession(t, origin);
  const other = new RawStream(session);
  await other.answer;
  const peer = new RawStream(session, { "content-length": "0" }).resume();
  assert.equal((await peer.answer)[":status"], 400);
  await peer.ended;
  other.stream.write(masked(0x81, "Hello"));
  assert.deepEqual(await other.bytes(7), unmasked(0x81, "Hello"));
});
