/** The client over HTTP/2 (RFC 8441): on a session that it is given, and on those that it shares by itself. */
import assert from "node:assert/strict";
import {
  type ClientHttp2Session,
  connect,
  constants as http2,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import type { AddressInfo } from "node:net";
import process from "node:process";
import { type TestContext, test } from "node:test";
import { createServer as createTlsServer, type TLSSocket } from "node:tls";
import {
  type HandshakeRequest,
  type StreamRequest,
  type Traffic,
  WebSocket,
  type WebSocketError,
  type WebSocketOptions,
  WebSocketStream,
} from "websocket-component";

import { certificate as cert, key } from "./certificate.js";
import {
  failure,
  type Http2,
  listenHttp2,
  opened,
  openSession,
  readySession,
  roundTrip,
  serveEchoHttp2,
  serveHttp2,
  tls,
} from "./sessions.js";
import { closed, messages, once, serveRaw, unmasked, within } from "./support.js";

const DAY = 86_400_000;

/** A server of HTTP/2 whose streams a test answers by hand. */
async function serveStreams(
  t: TestContext,
  onStream: (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void,
  secure = false,
): Promise<Http2> {
  const listening = await listenHttp2(t, {}, secure);
  listening.http.on("stream", (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    stream.on("error", () => {});
    onStream(stream, headers);
  });
  return listening;
}

function refuseStream(stream: ServerHttp2Stream): void {
  stream.on("error", () => {}).close(http2.NGHTTP2_REFUSED_STREAM);
}

test("a socket on a session has all that one over HTTP/1.1 has", async (t) => {
  const { server, origin, url } = await serveEchoHttp2(t, { headers: { "X-Own": "yes" } });
  const session = openSession(t, origin);
  const connection = once(server, "connection");
  const headers = { Authorization: "Bearer x", Connection: "close", "Keep-Alive": "timeout=5", Host: "other.example" };
  const socket = await opened(`${url}/chat?room=1`, { session, headers, protocols: ["chat", "mqtt"] });
  const [accepted, request] = (await connection) as [WebSocket, StreamRequest];
  assert.deepEqual([socket.protocol, socket.extensions.split(";")[0]], ["chat", "permessage-deflate"]);
  const { "sec-websocket-extensions": extensions, ...fields } = { ...request.headers };
  assert.match(extensions as string, /^permessage-deflate/);
  assert.deepEqual(fields, {
    host: "other.example",
    authorization: "Bearer x",
    "sec-websocket-protocol": "chat, mqtt",
    "sec-websocket-version": "13",
  });
  assert.equal(request.url, "/chat?room=1");
  await roundTrip(socket);
  await roundTrip(socket, "long ".repeat(100_000));
  assert.deepEqual([socket.statistics?.messagesSent, socket.statistics?.messagesReceived], [2, 2]);
  const end = closed(accepted);
  const own = closed(socket);
  socket.close(4000, "done");
  assert.equal((await own).code, 4000);
  assert.deepEqual([(await end).code, (await end).reason, (await end).wasClean], [4000, "done", true]);
  assert.equal(session.closed, false, "the session is the caller's");
});

test("many sockets share one session, with listeners for one", async (t) => {
  const { server, origin, url } = await serveEchoHttp2(t);
  const warnings: Error[] = [];
  const warn = (warning: Error) => warnings.push(warning);
  process.on("warning", warn);
  t.after(() => process.off("warning", warn));
  const session = openSession(t, origin);
  // before the session is connected: all of them ask whether it can
  const sockets = await Promise.all(Array.from({ length: 155 }, () => opened(url, { session })));
  await Promise.all(sockets.map((socket, index) => roundTrip(socket, `number ${index}`)));
  assert.equal(server.clients.size, 155);
  for (const event of ["close", "connect", "error", "goaway", "remoteSettings"]) {
    assert.ok(session.listenerCount(event) <= 2, `${session.listenerCount(event)} listeners of ${event}`);
  }
  await Promise.all(
    sockets.map((socket) => {
      const end = closed(socket);
      socket.close();
      return end;
    }),
  );
  assert.deepEqual(warnings, []);
});

test("whether the server can is known only when its SETTINGS have come: a session that connects is not refused", async (t) => {
  const { origin, url } = await serveEchoHttp2(t);
  const session = connect(origin);
  t.after(() => session.destroy());
  assert.ok(session.connecting);
  assert.notEqual(session.remoteSettings?.enableConnectProtocol, true);
  await roundTrip(await opened(url, { session }));
});

test("a server may enable it by its second SETTINGS, on a given session and on a shared one", async (t) => {
  const served = await serveEchoHttp2(t, {}, { settings: {} }, true);
  served.http.on("session", (session: ServerHttp2Session) => session.settings({ enableConnectProtocol: true }));
  const session = connect(served.origin, tls);
  t.after(() => session.destroy());
  await roundTrip(await opened(served.url, { session }));
  await roundTrip(await opened(served.url, { http2: true, tls }));
});

test("a session whose server did not enable it, or that is closed, fails at once and says so", async (t) => {
  const { origin, url } = await listenHttp2(t, { settings: {} });
  const session = openSession(t, origin);
  for (let time = 0; time < 2; time++) {
    const error = await failure(url, { session, handshakeTimeout: DAY });
    assert.equal(error.code, "WS_ERR_CONNECTION");
    assert.match(error.message, /did not enable the extended CONNECT/);
  }
  assert.equal(session.closed, false);
  session.close();
  assert.match((await failure(url, { session })).message, /the session of HTTP\/2 is closed/);
  session.destroy();
  assert.match((await failure(url, { session })).message, /the session of HTTP\/2 is closed/);
  const nowhere = openSession(t, "http://localhost:1");
  assert.match(
    (await failure("ws://localhost:8080", { session: nowhere })).message,
    /the session of HTTP\/2 is closed/,
  );
});

test("a session is asked by one ping, and not again once its server's SETTINGS are known", async (t) => {
  const takes = await serveEchoHttp2(t);
  const session = openSession(t, takes.origin);
  const asked = t.mock.method(session, "ping");
  await Promise.all([opened(takes.url, { session }), opened(takes.url, { session })]);
  await opened(takes.url, { session });
  assert.equal(asked.mock.callCount(), 1);
  const ready = await readySession(t, takes.origin);
  const neverAsked = t.mock.method(ready, "ping");
  await opened(takes.url, { session: ready });
  assert.equal(neverAsked.mock.callCount(), 0);
  const refuses = await listenHttp2(t, { settings: {} });
  const refusing = openSession(t, refuses.origin);
  const askedInVain = t.mock.method(refusing, "ping");
  for (let time = 0; time < 3; time++) await failure(refuses.url, { session: refusing });
  assert.equal(askedInVain.mock.callCount(), 1);
});

test("a session whose owner has as many pings on their way as Node allows is asked all the same", async (t) => {
  const { origin, url } = await serveEchoHttp2(t);
  const session = openSession(t, origin);
  await once(session, "connect");
  for (let count = 0; count < 10; count++) session.ping(() => {});
  await roundTrip(await opened(url, { session }));
});

test("a server that never sends its SETTINGS, or never answers, is given up after handshakeTimeout", async (t) => {
  const silent = await serveRaw(t, () => {});
  const session = openSession(t, silent.replace("ws:", "http:"));
  const error = await failure(silent, { session, handshakeTimeout: 50 });
  assert.equal(error.code, "WS_ERR_HANDSHAKE_TIMEOUT");
  let reset: Promise<unknown> = Promise.resolve();
  const { origin, url } = await serveStreams(t, (stream) => {
    reset = once(stream, "close").then(() => stream.rstCode);
  });
  const stalled = await failure(url, { session: await readySession(t, origin), handshakeTimeout: 50 });
  assert.equal(stalled.code, "WS_ERR_HANDSHAKE_TIMEOUT");
  assert.equal(await reset, http2.NGHTTP2_CANCEL);
});

test("after GOAWAY the open sockets go on, and new ones fail at once", async (t) => {
  const { sessions, origin, url } = await serveEchoHttp2(t);
  const session = openSession(t, origin);
  const socket = await opened(url, { session });
  const goaway = once(session, "goaway");
  (sessions[0] as ServerHttp2Session).goaway(http2.NGHTTP2_NO_ERROR);
  await goaway;
  assert.match((await failure(url, { session, handshakeTimeout: DAY })).message, /closed/);
  await roundTrip(socket);
  const end = closed(socket);
  socket.close();
  assert.equal((await end).code, 1005);
});

test("a refusal is the error of HTTP/1.1: status, fields and body", async (t) => {
  const headers = { "X-Why": "no seat" };
  const { origin, url } = await serveHttp2(t, { verify: () => ({ status: 403, headers, body: "Full" }) });
  const error = await failure(url, { session: openSession(t, origin) });
  assert.equal(error.code, "WS_ERR_UNEXPECTED_RESPONSE");
  assert.deepEqual([error.status, error.headers?.["x-why"], error.body], [403, "no seat", "Full"]);
});

test("interim responses are passed over, redirects are not followed, and every 2xx accepts", async (t) => {
  const { origin, url } = await serveStreams(t, (stream, headers) => {
    const status = Number(headers[":path"]?.slice(1));
    if (status === 103) stream.additionalHeaders({ ":status": 103, link: "</a>" });
    if (status === 199) for (let sent = 0; sent < 20; sent++) stream.additionalHeaders({ ":status": 103 });
    stream.respond({ ":status": Math.max(status, 200), ...(status === 302 ? { location: "/200" } : {}) });
    if (status >= 300) stream.end();
  });
  const session = openSession(t, origin);
  for (const status of [103, 200, 201, 299]) (await opened(`${url}/${status}`, { session })).terminate();
  const redirect = await failure(`${url}/302`, { session });
  assert.deepEqual([redirect.code, redirect.status], ["WS_ERR_UNEXPECTED_RESPONSE", 302]);
  assert.match((await failure(`${url}/199`, { session })).message, /interim responses/);
});

const lies: [what: string, fields: Record<string, string>, code: string][] = [
  ["selects a subprotocol that was not offered", { "sec-websocket-protocol": "other" }, "E_SUBPROTOCOL_NOT_SUPPORTED"],
  ["selects no subprotocol", {}, "E_SUBPROTOCOL_NOT_SUPPORTED"],
  [
    "selects an extension that was not offered",
    { "sec-websocket-protocol": "chat", "sec-websocket-extensions": "x-other" },
    "E_PROTOCOL_EXTENSIONS_NOT_SUPPORTED",
  ],
];
for (const [what, fields, code] of lies) {
  test(`a server that ${what} fails the handshake, and its stream is reset`, async (t) => {
    let reset: Promise<unknown> = Promise.resolve();
    const { origin, url } = await serveStreams(t, (stream) => {
      reset = once(stream, "close").then(() => stream.rstCode);
      stream.respond({ ":status": 200, ...fields });
    });
    const error = await failure(url, { session: openSession(t, origin), protocols: "chat" });
    assert.equal(error.code, code);
    assert.equal(await reset, http2.NGHTTP2_CANCEL);
  });
}

const losses: [what: string, lose: (stream: ServerHttp2Stream) => void][] = [
  ["resets the stream", (stream) => stream.close(http2.NGHTTP2_CANCEL)],
  ["destroys its session", (stream) => stream.session?.destroy()],
  ["breaks the session off", (stream) => stream.session?.destroy(undefined, http2.NGHTTP2_INTERNAL_ERROR)],
];
for (const [what, lose] of losses) {
  test(`a server that ${what} before its answer is a failed connection, behind it 1006`, async (t) => {
    const { origin, url } = await serveStreams(t, (stream, headers) => {
      if (headers[":path"] === "/later") {
        stream.respond({ ":status": 200 });
        stream.write(unmasked(0x81, "Hello"));
        stream.on("data", () => lose(stream));
      } else lose(stream);
    });
    const error = await failure(url, { session: await readySession(t, origin), handshakeTimeout: DAY });
    assert.equal(error.code, "WS_ERR_CONNECTION");
    const socket = await opened(`${url}/later`, { session: await readySession(t, origin) });
    const end = closed(socket);
    socket.onerror = () => {};
    socket.send("lose it");
    assert.deepEqual([(await end).code, (await end).wasClean], [1006, false]);
  });
}

const refusals: [what: string, refuse: (stream: ServerHttp2Stream) => void][] = [
  ["is reset with REFUSED_STREAM", refuseStream],
  ["a GOAWAY leaves out", (stream) => stream.session?.goaway(http2.NGHTTP2_NO_ERROR, (stream.id as number) - 2)],
  [
    "a GOAWAY with an error leaves out",
    (stream) => stream.session?.goaway(http2.NGHTTP2_INTERNAL_ERROR, (stream.id as number) - 2),
  ],
];
for (const [what, refuse] of refusals) {
  test(`a stream that ${what} was not processed: its error says that it may be sent again`, async (t) => {
    const { origin, url } = await serveStreams(t, (stream, headers) => {
      if (headers[":path"] === "/first") stream.respond({ ":status": 200 });
      else refuse(stream);
    });
    const sessions = await Promise.all([readySession(t, origin), readySession(t, origin)]);
    for (const session of sessions) await opened(`${url}/first`, { session });
    const error = await failure(url, { session: sessions[0], handshakeTimeout: DAY });
    assert.equal(error.code, "WS_ERR_REFUSED_STREAM");
    assert.match(error.message, /may be sent again/);
    const stream = new WebSocketStream(url, { session: sessions[1] });
    stream.opened.catch(() => {});
    await assert.rejects(stream.closed, ({ cause }) => (cause as WebSocketError).code === "WS_ERR_REFUSED_STREAM");
  });
}

const wrong: [what: string, headers: WebSocketOptions["headers"], code: string][] = [
  ["a line end in a value", { Cookie: "a\nb" }, "E_INVALIDARG"],
  ["NUL in a value", { "X-Own": "a\0b" }, "E_INVALIDARG"],
  ["a value beyond Latin-1", { "X-Own": "\u20ac" }, "E_INVALIDARG"],
  ["a blank in a name", { "X Own": "1" }, "E_INVALIDARG"],
  ["no name", { "": "1" }, "E_INVALIDARG"],
  ["the name of a pseudo-field", { ":path": "/other" }, "E_INVALIDARG"],
  ["a body", { "Content-Length": "5" }, "WS_ERR_INVALID_OPTION"],
  ["extensions", { "Sec-WebSocket-Extensions": "x-own" }, "WS_ERR_INVALID_OPTION"],
  ["a subprotocol that the server does not choose", { "Sec-WebSocket-Protocol": "x" }, "E_SUBPROTOCOL_NOT_SUPPORTED"],
];
for (const [what, headers = {}, code] of wrong) {
  test(`fields with ${what} are one error over every version of HTTP`, async (t) => {
    const { origin, url } = await serveHttp2(t, { chooseProtocol: () => "x" }, { allowHTTP1: true }, true);
    const plain = await failure(url, { tls, headers });
    assert.equal(plain.code, code);
    for (const way of [{ session: openSession(t, origin) }, { http2: true, tls }]) {
      const { name, message, ...error } = await failure(url, { ...way, headers });
      assert.deepEqual([error.code, name, message], [plain.code, plain.name, plain.message]);
    }
  });
}

const unsendable: [what: string, headers: WebSocketOptions["headers"], path: string][] = [
  [
    "a field twice",
    [
      ["Authorization", "Basic eA=="],
      ["Authorization", "Basic eQ=="],
    ],
    "/",
  ],
  ["a field of 64 KiB", { "X-Own": "x".repeat(64 * 1024) }, "/"],
  ["a path of 64 KiB", {}, `/${"x".repeat(64 * 1024)}`],
];
for (const [what, headers = {}, path] of unsendable) {
  test(`a head with ${what} is a mistake of the caller's over HTTP/2, and its session goes on`, async (t) => {
    const { origin, url } = await serveEchoHttp2(t);
    const session = openSession(t, origin);
    const error = await failure(url + path, { session, headers });
    assert.equal(error.code, "WS_ERR_INVALID_OPTION");
    assert.match(error.message, /^HTTP\/2 cannot have these fields/);
    await roundTrip(await opened(url, { session }));
  });
}

test("a server that ends its side without a close frame is 1006", async (t) => {
  const { origin, url } = await serveStreams(t, (stream) => {
    stream.respond({ ":status": 200 });
    stream.end(unmasked(0x81, "Bye"));
  });
  const socket = new WebSocket(url, { session: openSession(t, origin) });
  const end = closed(socket);
  assert.deepEqual(await messages(socket, 1), ["Bye"]);
  assert.equal((await end).code, 1006);
});

test("a socket that is terminated, aborted or given up resets its stream with CANCEL", async (t) => {
  const codes: Promise<unknown>[] = [];
  let asked = (): void => {};
  const { origin, url } = await serveStreams(t, (stream, headers) => {
    codes.push(once(stream, "close").then(() => stream.rstCode));
    if (headers[":path"] === "/open") stream.respond({ ":status": 200 });
    asked();
  });
  const session = await readySession(t, origin);
  (await opened(`${url}/open`, { session })).terminate();
  const question = (): Promise<void> =>
    new Promise((resolve) => {
      asked = resolve;
    });
  const controller = new AbortController();
  let asking = question();
  const aborted = failure(url, { session, signal: controller.signal });
  await asking;
  controller.abort();
  assert.equal((await aborted).code, "WS_ERR_ABORTED");
  asking = question();
  const socket = new WebSocket(url, { session });
  socket.onerror = () => {};
  const end = closed(socket);
  await asking;
  socket.close();
  assert.equal((await end).code, 1006);
  assert.deepEqual(await Promise.all(codes), Array(3).fill(http2.NGHTTP2_CANCEL));
});

test("one that is given up before the session is ready opens no stream", async (t) => {
  const { server, origin, url } = await serveEchoHttp2(t);
  const session = openSession(t, origin);
  const socket = new WebSocket(url, { session });
  socket.onerror = () => {};
  const end = closed(socket);
  socket.close();
  assert.equal((await end).code, 1006);
  await roundTrip(await opened(url, { session }));
  assert.equal(server.statistics.accepted, 1);
});

test("a server that does not read fills bufferedAmount, and all arrives once it does", async (t) => {
  const { server, origin, url } = await serveHttp2(t, { maxBufferedBytes: DAY });
  const connection = once(server, "connection");
  const socket = await opened(url, { session: openSession(t, origin), perMessageDeflate: false });
  const [accepted] = (await connection) as [WebSocket];
  const chunk = new Uint8Array(64 * 1024);
  for (let sent = 0; sent < 64; sent++) socket.send(chunk);
  await new Promise<void>((resolve) => setImmediate(resolve));
  assert.ok(socket.bufferedAmount > 1024 * 1024, `${socket.bufferedAmount} bytes wait`);
  assert.equal((await messages(accepted, 64)).length, 64);
});

test("a tap sees the heads as the inspector reads them, and all frames", async (t) => {
  const traffic: Traffic[] = [];
  const { origin, url } = await serveEchoHttp2(t);
  const session = openSession(t, origin);
  const socket = await opened(`${url}/chat`, { session, perMessageDeflate: false, tap: (one) => traffic.push(one) });
  await roundTrip(socket);
  const [request, answer, ...frames] = traffic.map(({ direction, bytes }) => [direction, `${Buffer.from(bytes)}`]);
  assert.equal(request?.[0], "sent");
  assert.match(request?.[1] ?? "", /^CONNECT \/chat HTTP\/2\r\n:method: CONNECT\r\n:protocol: websocket\r\n/);
  assert.equal(answer?.[0], "received");
  assert.match(answer?.[1] ?? "", /^HTTP\/2 200\r\n:status: 200\r\n/);
  assert.deepEqual(
    frames.map(([direction]) => direction),
    ["sent", "received"],
  );
});

test("options that exclude each other are typed errors, and so is a wss: URL on a session without TLS", async (t) => {
  const { origin, url } = await serveEchoHttp2(t);
  const session = openSession(t, origin);
  const code = { code: "WS_ERR_INVALID_OPTION" };
  const agent = {} as NonNullable<WebSocketOptions["agent"]>;
  const createConnection = () => assert.fail();
  for (const options of [
    { session, http2: true },
    { session, agent },
    { session, createConnection },
    { session, tls },
    { session, socketPath: "/nowhere" },
    { session, maxRedirects: 1 },
    { http2: true, agent },
    { http2: true, createConnection },
    { session: {} as ClientHttp2Session },
    { http2: "yes" as unknown as boolean },
  ]) {
    assert.throws(() => new WebSocket(url, options), code, JSON.stringify(Object.keys(options)));
  }
  const error = await failure(url.replace("ws:", "wss:"), { session });
  assert.equal(error.code, "WS_ERR_INVALID_OPTION");
  assert.match(error.message, /not encrypted/);
  const body = await failure(url, { session, headers: { "Content-Length": "5" } });
  assert.equal(body.code, "WS_ERR_INVALID_OPTION");
});

test("a WebSocketStream opens on a session", async (t) => {
  const { origin, url } = await serveEchoHttp2(t);
  const session = openSession(t, origin);
  const stream = new WebSocketStream(url, { session, protocols: ["chat"] });
  const { readable, writable, protocol } = await stream.opened;
  assert.equal(protocol, "chat");
  const writer = writable.getWriter();
  await writer.write("Hello");
  const reader = readable.getReader();
  assert.equal((await reader.read()).value, "Hello");
  stream.close({ closeCode: 4000 });
  assert.equal((await stream.closed).closeCode, 4000);
});

// the pool

test("with http2, sockets of an origin share a session, which ends with the last of them", async (t) => {
  const { server, sessions, url } = await serveEchoHttp2(t, {}, { allowHTTP1: true }, true);
  const versions = new Set<string>();
  server.on("connection", (_socket, request) => versions.add(request.httpVersion));
  const sockets = await Promise.all(Array.from({ length: 5 }, () => opened(url, { http2: true, tls })));
  sockets.push(await opened(`${url}/other`, { http2: true, tls }));
  await Promise.all(sockets.map((socket) => roundTrip(socket)));
  assert.deepEqual([...versions], ["2.0"]);
  assert.equal(sessions.length, 1);
  const [session] = sessions as [ServerHttp2Session];
  assert.equal(session.remoteSettings.initialWindowSize, 1024 * 1024);
  assert.equal(Math.ceil((session.state.remoteWindowSize ?? 0) / (1024 * 1024)), 2, "that of the connection");
  const end = once(sessions[0] as ServerHttp2Session, "close");
  for (const socket of sockets) socket.close();
  await end;
  await roundTrip(await opened(url, { http2: true, tls }));
  assert.equal(sessions.length, 2, "a new one");
  const other = await opened(url, { http2: true, tls: { ...tls } });
  assert.equal(sessions.length, 3, "other options of TLS are another client");
  other.terminate();
});

test("with http2, an origin's session is shared whatever other origins come between", async (t) => {
  const [one, other] = [await serveEchoHttp2(t, {}, {}, true), await serveEchoHttp2(t, {}, {}, true)];
  for (const { url } of [one, other, one, other]) await opened(url, { http2: true, tls });
  assert.deepEqual([one.sessions.length, other.sessions.length], [1, 1]);
});

test("with http2, another session is opened when the streams of the first run out", async (t) => {
  const settings = { enableConnectProtocol: true, maxConcurrentStreams: 2 };
  const { server, sessions, url } = await serveEchoHttp2(t, {}, { settings }, true);
  const sockets = await Promise.all(Array.from({ length: 5 }, () => opened(url, { http2: true, tls })));
  await Promise.all(sockets.map((socket) => roundTrip(socket)));
  assert.equal(server.clients.size, 5);
  assert.equal(sessions.length, 3);
});

test("with http2, a session that got GOAWAY has no new sockets", async (t) => {
  const { sessions, url } = await serveEchoHttp2(t, {}, {}, true);
  const first = await opened(url, { http2: true, tls });
  (sessions[0] as ServerHttp2Session).goaway(http2.NGHTTP2_NO_ERROR);
  await roundTrip(first); // it comes behind GOAWAY
  await roundTrip(await opened(url, { http2: true, tls }));
  assert.equal(sessions.length, 2);
  await roundTrip(first);
});

test("with http2, a stream that was refused is opened on another session, and the first one goes on", async (t) => {
  const { http, sessions, url } = await serveEchoHttp2(t, {}, {}, true);
  const first = await opened(url, { http2: true, tls });
  let isRefused = false;
  http.prependListener("stream", (stream: ServerHttp2Stream) => {
    if (isRefused) return;
    isRefused = true;
    refuseStream(stream);
  });
  await roundTrip(await opened(url, { http2: true, tls }));
  assert.equal(sessions.length, 2);
  await roundTrip(first);
});

test("with http2, the only stream of a session may be refused, too", async (t) => {
  const { http, sessions, url } = await serveEchoHttp2(t, {}, {}, true);
  http.prependOnceListener("stream", refuseStream);
  await roundTrip(await opened(url, { http2: true, tls }));
  assert.equal(sessions.length, 2);
});

test("with http2, a server that refuses every stream is asked twice", async (t) => {
  let count = 0;
  const { sessions, url } = await serveStreams(
    t,
    (stream) => {
      count += 1;
      refuseStream(stream);
    },
    true,
  );
  const error = await failure(url, { http2: true, tls, handshakeTimeout: DAY });
  assert.equal(error.code, "WS_ERR_REFUSED_STREAM");
  assert.deepEqual([count, sessions.length], [2, 2]);
});

test("with http2, a server that closes its side of TCP ends the sockets with 1006", async (t) => {
  const { http, url } = await serveEchoHttp2(t, {}, {}, true);
  const connection = once(http, "secureConnection");
  const sockets = [await opened(url, { http2: true, tls }), await opened(url, { http2: true, tls })];
  const ends = sockets.map(closed);
  const [tcp] = (await connection) as [TLSSocket];
  tcp.end();
  for (const { code } of await Promise.all(ends)) assert.equal(code, 1006);
  await roundTrip(await opened(url, { http2: true, tls }));
});

test("with http2, a server without it, or without the extended CONNECT, is reached over HTTP/1.1", async (t) => {
  const versions: string[] = [];
  const { server, sessions, url } = await serveEchoHttp2(t, {}, { allowHTTP1: true, settings: {} }, true);
  server.on("connection", (_socket, request: HandshakeRequest) => versions.push(request.httpVersion));
  await Promise.all([1, 2].map(async () => roundTrip(await opened(url, { http2: true, tls }))));
  await roundTrip(await opened(url, { http2: true, tls }));
  assert.deepEqual(versions, ["1.1", "1.1", "1.1"]);
  assert.equal(sessions.length, 1, "it is asked once");
});

test("with http2, a server of HTTP/1.1 alone is reached by the connection that asked", async (t) => {
  const { WebSocketServer } = await import("websocket-component");
  const server = new WebSocketServer({ port: 0, tls: { key, cert } });
  t.after(() => server.close());
  server.on("connection", (socket) => {
    socket.onmessage = ({ data }) => socket.send(data);
  });
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const socket = await opened(`wss://localhost:${port}/`, { http2: true, tls });
  await roundTrip(socket);
  socket.close();
  await closed(socket);
});

test("with http2, a ws: URL has no TLS to negotiate it by: HTTP/1.1", async (t) => {
  const { WebSocketServer } = await import("websocket-component");
  const server = new WebSocketServer({ port: 0 });
  t.after(() => server.close());
  const connection = once(server, "connection");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const socket = await opened(`ws://localhost:${port}/`, { http2: true });
  assert.equal((await connection)[1].httpVersion, "1.1");
  socket.close();
  await closed(socket);
});

test("with http2, a certificate that is not trusted, and a port that is closed, are typed errors", async (t) => {
  const { url } = await serveEchoHttp2(t, {}, {}, true);
  assert.equal((await failure(url, { http2: true })).code, "WS_ERR_CONNECTION");
  assert.equal((await failure("wss://localhost:1", { http2: true })).code, "WS_ERR_CONNECTION");
  assert.equal((await failure(url, { http2: true, tls: { cert: "no PEM" } })).code, "WS_ERR_INVALID_OPTION");
});

test("with http2, a connection for which no one waits any more is given up", async (t) => {
  const server = createTlsServer({ key, cert, ALPNProtocols: ["h2"] });
  server.listen(0);
  t.after(() => server.close());
  await once(server, "listening");
  const connection = once(server, "secureConnection"); // it speaks TLS, and then nothing
  const url = `wss://localhost:${(server.address() as AddressInfo).port}/`;
  const [first, second] = [new AbortController(), new AbortController()];
  const errors = [first, second].map(({ signal }) => failure(url, { http2: true, tls, signal }));
  const [socket] = (await connection) as [TLSSocket];
  socket.on("error", () => {}).resume(); // a reset, in some versions of Node
  const end = within("the end of the connection", new Promise((resolve) => socket.on("close", resolve)));
  first.abort();
  assert.equal((await errors[0])?.code, "WS_ERR_ABORTED");
  assert.equal(socket.destroyed, false, "another one waits");
  second.abort();
  assert.equal((await errors[1])?.code, "WS_ERR_ABORTED");
  await end;
});
