/** Clients of `websocket-component/ws` on a session of HTTP/2 (RFC 8441). */
import assert from "node:assert/strict";
import { Agent, type IncomingMessage } from "node:http";
import {
  type ClientHttp2Session,
  constants as http2,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import { type TestContext, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import type { WebSocket as ServerSocket, StreamRequest } from "websocket-component";
import { type ClientOptions, createWebSocketStream, WebSocket } from "websocket-component/ws";

import { type Http2, listenHttp2, openSession, readySession, serveEchoHttp2, serveHttp2 } from "./sessions.js";
import { inner, once, unmasked, within } from "./support.js";

const DAY = 86_400_000;

/** A server of HTTP/2 whose streams a test answers by hand. */
async function serveStreams(
  t: TestContext,
  onStream: (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void,
): Promise<Http2> {
  const listening = await listenHttp2(t);
  listening.http.on("stream", (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    stream.on("error", () => {});
    onStream(stream, headers);
  });
  return listening;
}

async function opened(url: string, options: ClientOptions): Promise<WebSocket> {
  const client = new WebSocket(url, options);
  await once(client, "open");
  return client;
}

/** The error of a client that does not open, which closes with 1006. */
async function failure(client: WebSocket): Promise<Error & { code?: string }> {
  const [error, code] = await within(
    "error and close",
    new Promise<[error: Error, code: number]>((resolve) => {
      client.once("error", (error) => client.once("close", (code) => resolve([error, code])));
    }),
  );
  assert.deepEqual([code, client.readyState], [1006, WebSocket.CLOSED]);
  return error;
}

async function echoes(client: WebSocket, text: string): Promise<void> {
  const answer = once(client, "message");
  client.send(text);
  assert.deepEqual((await answer).map(String), [text, "false"]);
}

test("a client opens on a session, with its fields, subprotocols, compression and events", async (t) => {
  const { server, origin, url } = await serveEchoHttp2(t, { headers: { "X-Own": "yes", "Set-Cookie": "a=1" } });
  const session = openSession(t, origin);
  const connection = once(server, "connection");
  const client = new WebSocket(`${url.replace("ws://", "ws://user:secret@")}/chat?room=1`, ["chat", "mqtt"], {
    session,
    origin: "https://example.com",
    headers: { "X-Number": 1, Cookie: ["b=2", "c=3"], Origin: "https://other.example", Connection: "close" },
  });
  assert.equal(client.readyState, WebSocket.CONNECTING);
  const events: string[] = [];
  for (const event of ["upgrade", "open", "error", "redirect", "unexpected-response"]) {
    client.on(event as "open", () => events.push(event));
  }
  const [[answer]] = (await Promise.all([once(client, "upgrade"), once(client, "open")])) as [[IncomingMessage], []];
  assert.deepEqual([answer.statusCode, answer.httpVersion], [200, "2.0"]);
  assert.deepEqual([answer.headers["x-own"], answer.headers["set-cookie"]], ["yes", ["a=1"]]);
  assert.equal(answer.rawHeaders[answer.rawHeaders.indexOf("x-own") + 1], "yes");
  assert.equal(answer.socket.remotePort, Number(new URL(url).port));
  assert.deepEqual([client.protocol, client.extensions], ["chat", "permessage-deflate"]);
  const [, request] = (await connection) as [ServerSocket, StreamRequest];
  const { "sec-websocket-extensions": offer, ...fields } = { ...request.headers };
  assert.match(offer as string, /^permessage-deflate/);
  assert.deepEqual(fields, {
    host: new URL(url).host,
    authorization: `Basic ${Buffer.from("user:secret").toString("base64")}`,
    cookie: "b=2; c=3",
    origin: "https://example.com",
    "sec-websocket-protocol": "chat, mqtt",
    "sec-websocket-version": "13",
    "x-number": "1",
  });
  assert.deepEqual([request.url, request.httpVersion], ["/chat?room=1", "2.0"]);
  await echoes(client, "Hello");
  await echoes(client, "long ".repeat(100_000));
  assert.deepEqual(events, ["upgrade", "open"]);
  client.terminate();
});

test("close codes and reasons go both ways, and the session is the caller's", async (t) => {
  const { server, origin, url } = await serveHttp2(t);
  const session = openSession(t, origin);
  for (const isClients of [true, false]) {
    const connection = once(server, "connection");
    const client = await opened(url, { session });
    const [accepted] = (await connection) as [ServerSocket];
    const ends = Promise.all([once(client, "close"), once(accepted as never, "close")]);
    (isClients ? client : accepted).close(4000, "done");
    const [[code, reason], [event]] = (await ends) as [[number, Buffer], [CloseEvent]];
    assert.deepEqual([code, event.code, event.wasClean], [4000, 4000, true]);
    assert.equal(isClients ? event.reason : String(reason), "done");
    assert.equal(client.readyState, WebSocket.CLOSED);
  }
  assert.equal(session.closed, false);
});

test("compression is as perMessageDeflate says", async (t) => {
  const { server, origin, url } = await serveEchoHttp2(t);
  const session = openSession(t, origin);
  const connection = once(server, "connection");
  const client = await opened(url, { session, perMessageDeflate: false });
  const [, request] = (await connection) as [ServerSocket, StreamRequest];
  assert.equal(request.headers["sec-websocket-extensions"], undefined);
  assert.equal(client.extensions, "");
  await echoes(client, "plain");
  client.terminate();
});

test("an answer that is not 2xx is an error, or the listener's of unexpected-response", async (t) => {
  const { origin, url } = await serveHttp2(t, {
    verify: () => ({ status: 401, body: "who are you?", headers: { "WWW-Authenticate": "Basic" } }),
  });
  const session = openSession(t, origin);
  assert.equal((await failure(new WebSocket(url, { session }))).message, "Unexpected server response: 401");
  const client = new WebSocket(url, { session, handshakeTimeout: DAY });
  const [request, response] = (await once(client, "unexpected-response")) as [IncomingMessage, IncomingMessage];
  assert.deepEqual([response.statusCode, response.headers["www-authenticate"]], [401, "Basic"]);
  let body = "";
  for await (const chunk of response) body += chunk;
  assert.equal(body, "who are you?");
  assert.equal(client.readyState, WebSocket.CONNECTING);
  request.destroy();
  const end = failure(client);
  client.terminate();
  assert.match((await end).message, /closed before the connection was established/);
  assert.equal(session.closed, false);
});

test("a redirect is an answer as any other", async (t) => {
  const { origin, url } = await serveStreams(t, (stream) => {
    stream.respond({ ":status": 302, location: "/elsewhere" }, { endStream: true });
  });
  const client = new WebSocket(url, { session: openSession(t, origin), followRedirects: false });
  client.on("redirect", () => assert.fail("followed"));
  assert.equal((await failure(client)).message, "Unexpected server response: 302");
});

const lies: [what: string, fields: Record<string, string>, message: string][] = [
  ["no subprotocol", {}, "Server sent no subprotocol"],
  ["another subprotocol", { "sec-websocket-protocol": "x" }, "Server sent an invalid subprotocol"],
  [
    "an extension that was not offered",
    { "sec-websocket-protocol": "chat", "sec-websocket-extensions": "x" },
    "Server indicated an extension that was not requested",
  ],
  [
    "an empty list of extensions",
    { "sec-websocket-protocol": "chat", "sec-websocket-extensions": "" },
    "Invalid Sec-WebSocket-Extensions header",
  ],
];
for (const [what, fields, message] of lies) {
  test(`a server that answers with ${what} gets a reset, and the error is that of ws`, async (t) => {
    let reset: Promise<unknown> = Promise.resolve();
    const { origin, url } = await serveStreams(t, (stream) => {
      reset = once(stream, "close").then(() => stream.rstCode);
      stream.respond({ ":status": 200, ...fields });
    });
    const error = await failure(new WebSocket(url, "chat", { session: openSession(t, origin) }));
    assert.equal(error.message, message);
    assert.equal(await reset, http2.NGHTTP2_CANCEL);
  });
}

test("a client that is closed, terminated, aborted or timed out while it connects resets its stream", async (t) => {
  const streams: ServerHttp2Stream[] = [];
  const { http, origin, url } = await serveStreams(t, (stream) => void streams.push(stream));
  const session = await readySession(t, origin);
  const controller = new AbortController();
  const ways: [options: ClientOptions, giveUp: (client: WebSocket) => void, message: RegExp][] = [
    [{}, (client) => client.close(), /closed before the connection was established/],
    [{}, (client) => client.terminate(), /closed before the connection was established/],
    [{ signal: controller.signal }, () => controller.abort(), /The operation was aborted/],
    [{ handshakeTimeout: 50 }, () => {}, /^Opening handshake has timed out$/],
  ];
  for (const [options, giveUp, message] of ways) {
    const stream = once(http, "stream");
    const client = new WebSocket(url, { session, ...options });
    const end = failure(client);
    await stream;
    giveUp(client);
    assert.match((await end).message, message);
    const last = streams.at(-1) as ServerHttp2Stream;
    if (!last.closed) await once(last, "close");
    assert.equal(last.rstCode, http2.NGHTTP2_CANCEL);
  }
  const aborted = new WebSocket(url, { session, signal: AbortSignal.abort() });
  assert.equal((await failure(aborted)).name, "AbortError");
});

test("a client that a listener of upgrade terminates does not open", async (t) => {
  const { origin, url } = await serveHttp2(t);
  const client = new WebSocket(url, { session: openSession(t, origin) });
  client.on("upgrade", () => client.terminate());
  client.on("open", () => assert.fail("open"));
  assert.match((await failure(client)).message, /closed before the connection was established/);
});

test("one that is given up before the session is ready opens no stream", async (t) => {
  const { http, origin, url } = await serveEchoHttp2(t);
  let streams = 0;
  http.on("stream", () => {
    streams += 1;
  });
  const session = openSession(t, origin);
  const client = new WebSocket(url, { session });
  const end = failure(client);
  client.terminate();
  await end;
  const other = await opened(url, { session });
  await echoes(other, "Hello");
  assert.equal(streams, 1);
  other.terminate();
});

test("a session that ended, or cannot, and a stream that was refused are the errors of the main entry", async (t) => {
  const without = await listenHttp2(t, { settings: {} });
  const cannot = await failure(new WebSocket(without.url, { session: openSession(t, without.origin) }));
  assert.equal(cannot.code, "WS_ERR_CONNECTION");
  assert.match(cannot.message, /did not enable the extended CONNECT/);
  const { origin, url } = await serveStreams(t, (stream) => stream.close(http2.NGHTTP2_REFUSED_STREAM));
  const session = await readySession(t, origin);
  assert.equal((await failure(new WebSocket(url, { session }))).code, "WS_ERR_REFUSED_STREAM");
  session.close();
  assert.match((await failure(new WebSocket(url, { session }))).message, /the session of HTTP\/2 is closed/);
  const secure = new WebSocket(url.replace("ws:", "wss:"), { session: openSession(t, origin) });
  assert.equal((await failure(secure)).code, "WS_ERR_INVALID_OPTION");
});

test("a stream that the server resets, ends or loses with its session is 1006", async (t) => {
  const losses: ((stream: ServerHttp2Stream) => void)[] = [
    (stream) => stream.close(http2.NGHTTP2_INTERNAL_ERROR),
    (stream) => stream.end(),
    (stream) => stream.session?.destroy(),
  ];
  for (const lose of losses) {
    const { origin, url } = await serveStreams(t, (stream) => {
      stream.respond({ ":status": 200 });
      stream.write(unmasked(0x81, "Hello"));
      stream.on("data", () => lose(stream));
    });
    const client = await opened(url, { session: openSession(t, origin) });
    const end = once(client, "close");
    client.send("lose it");
    assert.equal((await end)[0], 1006);
  }
});

test("after GOAWAY an open client goes on", async (t) => {
  const { sessions, origin, url } = await serveEchoHttp2(t);
  const session = openSession(t, origin);
  const client = await opened(url, { session });
  const goaway = once(session, "goaway");
  (sessions[0] as ServerHttp2Session).goaway(http2.NGHTTP2_NO_ERROR);
  await goaway;
  await echoes(client, "still here");
  const end = once(client, "close");
  client.close();
  assert.equal((await end)[0], 1005);
});

test("terminate resets the stream with CANCEL, and leaves the session to the others", async (t) => {
  const { http, origin, url } = await serveEchoHttp2(t);
  const session = openSession(t, origin);
  const other = await opened(url, { session });
  const stream = once(http, "stream");
  const client = await opened(url, { session });
  const [served] = (await stream) as [ServerHttp2Stream];
  const end = once(client, "close");
  client.terminate();
  assert.equal((await end)[0], 1006);
  if (!served.closed) await once(served, "close");
  assert.equal(served.rstCode, http2.NGHTTP2_CANCEL);
  await echoes(other, "Hello");
  other.terminate();
});

test("terminate gives out what came during a pause, or before a close, when it has returned", async (t) => {
  for (const isClosing of [false, true]) {
    let stream: ServerHttp2Stream | undefined;
    const { origin, url } = await serveStreams(t, (opened) => {
      stream = opened;
      opened.respond({ ":status": 200 });
    });
    const client = await opened(url, { session: openSession(t, origin) });
    const told: string[] = [];
    client.on("message", (data) => told.push(String(data)));
    client.pause();
    stream?.write(unmasked(0x81, "late"));
    while (client._socket?.readableLength === 0) await turn();
    const end = once(client, "close");
    if (isClosing) client.close();
    client.terminate();
    told.push("returned");
    await end;
    assert.deepEqual(told, ["returned", "late"]);
  }
});

test("a paused client holds its server back, and gets all once it reads", async (t) => {
  const { server, origin, url } = await serveHttp2(t);
  const connection = once(server, "connection");
  const client = await opened(url, { session: openSession(t, origin), perMessageDeflate: false });
  const [accepted] = (await connection) as [ServerSocket];
  client.pause();
  const size = 200_000; // more than the window of 64 KiB
  accepted.send(new Uint8Array(size));
  const received = once(accepted as never, "message");
  client.send("while it is paused");
  await received;
  assert.ok(accepted.bufferedAmount > 0);
  const message = once(client, "message");
  client.resume();
  assert.equal(((await message)[0] as Buffer).length, size);
  client.terminate();
});

test("a server that does not read fills bufferedAmount, and callbacks come once it does", async (t) => {
  let stream: ServerHttp2Stream | undefined;
  const { origin, url } = await serveStreams(t, (opened) => {
    stream = opened;
    opened.respond({ ":status": 200 });
  });
  const session = openSession(t, origin);
  const client = await opened(url, { session, perMessageDeflate: false });
  let isTaken = false;
  const taken = new Promise<void>((resolve) => {
    client.send(new Uint8Array(200_000), () => {
      isTaken = true;
      resolve();
    });
  });
  await new Promise((resolve) => session.ping(resolve)); // the answer comes behind all that the windows allow
  assert.ok(client.bufferedAmount > 0);
  assert.equal(isTaken, false);
  stream?.resume();
  await taken;
  assert.equal(client.bufferedAmount, 0);
  client.terminate();
});

test("createWebSocketStream carries more than the windows over a session", async (t) => {
  const { origin, url } = await serveEchoHttp2(t);
  const client = new WebSocket(url, { session: openSession(t, origin) });
  const duplex = createWebSocketStream(client);
  const chunk = Buffer.alloc(100_000, "x");
  const count = 10;
  (async () => {
    for (let sent = 0; sent < count; sent++) {
      if (!duplex.write(chunk)) await once(duplex, "drain");
    }
  })();
  let received = 0;
  for await (const part of duplex) {
    received += (part as Buffer).length;
    if (received === count * chunk.length) duplex.end();
  }
  assert.equal(received, count * chunk.length);
  if (client.readyState !== WebSocket.CLOSED) await once(client, "close");
});

test("options of a connection do not go with a session, and mistakes are thrown at once", async (t) => {
  const { origin, url } = await serveEchoHttp2(t);
  const session = openSession(t, origin);
  const refused: ClientOptions[] = [
    { agent: new Agent() },
    { agent: false },
    { createConnection: () => assert.fail() },
    { socketPath: "/nowhere" },
    { finishRequest: () => assert.fail() },
    { followRedirects: true },
    { ca: "" },
    { rejectUnauthorized: false },
    { localAddress: "127.0.0.1" },
  ];
  for (const options of refused) {
    const [name] = Object.keys(options);
    const message = `The option session does not go with ${name}`;
    assert.throws(() => new WebSocket(url, { session, ...options }), { code: "WS_ERR_INVALID_OPTION", message });
  }
  const invalid = { code: "WS_ERR_INVALID_OPTION" };
  assert.throws(() => new WebSocket("ws+unix:///tmp/none", { session }), invalid);
  assert.throws(() => new WebSocket(url, { session: {} as ClientHttp2Session }), invalid);
  assert.throws(() => new WebSocket(url, { session, handshakeTimeout: -1 }), invalid);
  assert.throws(() => new WebSocket(url, { session, headers: { "Content-Length": 5 } }), invalid);
  assert.throws(() => new WebSocket(url, { http2: true } as ClientOptions), { ...invalid, message: /open a session/ });
  for (const options of [{}, { session }]) {
    assert.throws(() => new WebSocket(url, { ...options, headers: { Cookie: "a\nb" } }), { code: "ERR_INVALID_CHAR" });
    assert.throws(() => new WebSocket(url, { ...options, headers: { "a b": "" } }), { code: "ERR_INVALID_HTTP_TOKEN" });
    assert.throws(() => new WebSocket(url, ["a", "a"], options), SyntaxError);
    assert.throws(() => new WebSocket(`${url}#part`, options), SyntaxError);
    assert.throws(() => new WebSocket(url, { ...options, protocolVersion: 8 }), RangeError);
  }
  const own = { session, followRedirects: false, maxPayload: 1, pingInterval: DAY, origin: undefined };
  (await opened(url, own)).terminate();
});

test("an opening whose signal is not one keeps nothing of the engine", async (t) => {
  const { origin, url } = await serveEchoHttp2(t);
  const options = { session: openSession(t, origin), signal: {} as AbortSignal };
  const { wasm } = await inner<{ wasm: { Handle: { prototype: { free(): void } } } }>("engine/engine.js");
  const freed = t.mock.method(wasm.Handle.prototype, "free");
  assert.throws(() => new WebSocket(url, options), { code: "WS_ERR_INVALID_OPTION" });
  assert.equal(freed.mock.callCount(), 1);
});
