/** Faults that the other tests did not notice when they were planted, each with the test that does. */
import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { createServer as createHttpServer, type IncomingHttpHeaders } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { type AddressInfo, createServer as createTcpServer, type Socket } from "node:net";
import { type TestContext, test } from "node:test";

import { type CloseEvent, type ErrorEvent, WebSocket, WebSocketServer } from "websocket-component";
import { WebSocketServer as ServerOfWs, WebSocket as WebSocketOfWs } from "websocket-component/ws";

import { certificate as cert, key } from "./certificate.js";
import { connector, FRAME, frames, ROLES, statusBytes, summary } from "./ends.js";
import { closed, mockTimers, nextEvent, once, RawPeer, REQUEST, serve, serveEcho } from "./support.js";

/** The status line's number of the answer to a request for this target. */
async function statusOf(t: TestContext, port: number, target: string): Promise<number> {
  const peer = await RawPeer.connect(port, REQUEST.replace("GET /", `GET ${target}`));
  t.after(() => peer.socket.destroy());
  return Number(/^HTTP\/1\.1 (\d+)/.exec(await peer.head())?.[1]);
}

/** A TCP server on a free port. */
async function listening(t: TestContext, onSocket: (socket: Socket) => void): Promise<number> {
  const server = createTcpServer(onSocket).listen(0, "localhost");
  await once(server, "listening");
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

test("path is the whole path, and a query does not count", async (t) => {
  const targets = { "/chat": 101, "/chat?x": 101, "/chatx": 404, "/chat/": 404, "/cha": 404, "/CHAT": 404, "/": 404 };
  const own = await serve(t, { path: "/chat" });
  const http = createHttpServer().listen(0, "127.0.0.1");
  await once(http, "listening");
  t.after(() => http.close());
  const shared = new WebSocketServer({ server: http, path: "/chat", closeTimeout: 100 });
  t.after(() => shared.close());
  for (const port of [own.port, (http.address() as AddressInfo).port]) {
    for (const [target, status] of Object.entries(targets)) {
      assert.equal(await statusOf(t, port, target), status, target);
    }
  }
});

test("exactly maxRedirects redirects are followed", async (t) => {
  const { url } = await serveEcho(t);
  const http = createHttpServer(({ url: path = "" }, response) => {
    const hop = Number(path.slice(1));
    const location = hop > 1 ? `/${hop - 1}` : url.replace("ws:", "http:");
    response.writeHead(302, { Location: location }).end();
  }).listen(0, "127.0.0.1");
  await once(http, "listening");
  t.after(() => http.close());
  for (const hops of [1, 3]) {
    const first = `ws://127.0.0.1:${(http.address() as AddressInfo).port}/${hops}`;
    const followed = new WebSocket(first, { maxRedirects: hops });
    await nextEvent(followed, "open");
    followed.close();
    const refused = new WebSocket(first, { maxRedirects: hops - 1 });
    const { error } = await nextEvent<ErrorEvent>(refused, "error");
    assert.deepEqual([(error as { status: number }).status], [302]);
  }
});

test("a redirect to another host takes no Proxy-Authorization along", async (t) => {
  const seen: IncomingHttpHeaders[] = [];
  const { url } = await serve(t, { verify: ({ headers }) => Boolean(seen.push(headers)) });
  const http = createHttpServer((_, response) => response.writeHead(302, { Location: url }).end());
  await once(http.listen(0, "127.0.0.1"), "listening");
  t.after(() => http.close());
  const headers = { "Proxy-Authorization": "Basic eA==", "X-Other": "kept" };
  const address = `ws://127.0.0.1:${(http.address() as AddressInfo).port}`;
  await nextEvent(new WebSocket(address, { headers, maxRedirects: 1 }), "open");
  assert.deepEqual([seen[0]?.["proxy-authorization"], seen[0]?.["x-other"]], [undefined, "kept"]);
});

test("websocket-component/ws: a redirect from wss: to ws: on the same host takes no secrets along", async (t) => {
  const server = new ServerOfWs({ noServer: true });
  const [open, secure] = [createHttpServer(), createHttpsServer({ key, cert })];
  // one port for both, as they are the same host only so
  const port = await listening(t, (socket) => {
    socket.once("readable", () => {
      const chunk = socket.read() as Buffer;
      socket.unshift(chunk);
      (chunk[0] === 0x16 ? secure : open).emit("connection", socket);
    });
  });
  secure.on("upgrade", (_, stream) => stream.end(`HTTP/1.1 302 Found\r\nLocation: ws://localhost:${port}/\r\n\r\n`));
  open.on("upgrade", (request, stream, head) => {
    server.handleUpgrade(request, stream, head, (socket) => server.emit("connection", socket, request));
  });
  const secrets = { Authorization: "Bearer secret", Cookie: "secret=1", "Proxy-Authorization": "Basic eA==" };
  const connection = once(server, "connection");
  const client = new WebSocketOfWs(`wss://localhost:${port}/`, {
    ca: cert,
    followRedirects: true,
    headers: { ...secrets, "X-Plain": "1" },
  });
  client.on("error", () => {}); // it is ended while it connects still
  t.after(() => client.terminate());
  const [, { headers }] = (await connection) as [unknown, { headers: IncomingHttpHeaders }];
  const { authorization, cookie, "proxy-authorization": proxy, "x-plain": plain } = headers;
  assert.deepEqual([authorization, cookie, proxy, plain], [undefined, undefined, undefined, "1"]);
});

for (const role of ROLES) {
  const frame = FRAME[role];

  test(`a ${role} answers a ping after its own close, until the peer's close has come`, async (t) => {
    const { socket, peer } = await (await connector(t, role, { closeTimeout: 60_000 }))();
    const end = closed(socket);
    socket.close(1000, "");
    const size = role === "client" ? 8 : 4;
    assert.equal(frames(await peer.bytes(size))[0]?.first, 0x88);
    peer.write(frame(0x89, "are you there?"));
    const pong = frames(await peer.bytes(size - 2 + "are you there?".length))[0];
    assert.deepEqual([pong?.first, String(pong?.payload)], [0x8a, "are you there?"]);
    peer.write(frame(0x88, statusBytes(1000)), frame(0x89, "and now?"));
    peer.socket.end();
    assert.deepEqual([(await end).code, (await end).wasClean], [1000, true]);
    assert.equal((await peer.rest()).length, 0);
  });

  test(`a ${role} gives a close that is not answered up at closeTimeout, and not before`, async (t) => {
    mockTimers(t);
    const { socket, peer } = await (await connector(t, role, { closeTimeout: 100 }))();
    const end = closed(socket);
    socket.close(1000, "");
    await peer.bytes(role === "client" ? 8 : 4);
    t.mock.timers.tick(99);
    for (let turns = 0; turns < 20; turns++) await new Promise(setImmediate);
    assert.equal(peer.socket.destroyed || peer.socket.readableEnded, false);
    assert.equal(socket.readyState, WebSocket.CLOSING);
    socket.close(); // in CLOSING: it does nothing, and does not begin the time anew
    t.mock.timers.tick(1);
    const { code, wasClean } = await end;
    assert.deepEqual([code, wasClean], [1006, false]);
    assert.equal((await peer.rest()).length, 0);
  });

  test(`a ${role}'s close in CLOSING sends no second close frame, and keeps the first one's status`, async (t) => {
    const { socket, peer } = await (await connector(t, role))();
    socket.close(3001, "first");
    socket.close(3002, "second");
    const bytes = await peer.bytes(role === "client" ? 13 : 9);
    assert.deepEqual(summary(bytes), [[0x88, `${statusBytes(3001).toString("latin1")}first`]]);
    peer.write(frame(0x88, statusBytes(3001)));
    peer.socket.end();
    assert.equal((await peer.rest()).length, 0);
  });

  test(`a ${role} puts text together whose first pieces are not ASCII and whose last is`, async (t) => {
    const { socket, peer, received } = await (await connector(t, role, { perMessageDeflate: false }))();
    const message = nextEvent(socket, "message");
    peer.write(frame(0x01, "ä€"), frame(0x00, "😀"), frame(0x80, "plain"));
    await message;
    const long = ["ü".repeat(70_000), "plain".repeat(20_000)] as const;
    const next = nextEvent(socket, "message");
    peer.write(frame(0x01, long[0]), frame(0x80, long[1]));
    await next;
    assert.deepEqual(received, ["ä€😀plain", long.join("")]);
  });
}

test("a server's close takes the statuses that may be sent, and one that it refuses leaves the socket open", async (t) => {
  const { server, port } = await serve(t);
  const connection = once(server, "connection");
  const peer = await RawPeer.connect(port);
  t.after(() => peer.socket.destroy());
  const [socket] = (await connection) as [WebSocket];
  const maySend = (code: number) =>
    (code >= 1000 && code <= 1014 && ![1004, 1005, 1006].includes(code)) || (code >= 3000 && code <= 4999);
  const range = (first: number, last: number) => Array.from({ length: last - first + 1 }, (_, at) => first + at);
  const codes = [...range(0, 1016), 2999, 3000, 3999, 4000, 4999, 5000, 65_535];
  for (const code of codes.filter((one) => !maySend(one))) {
    assert.throws(() => socket.close(code), { name: "InvalidAccessError" }, `${code}`);
    assert.equal(socket.readyState, WebSocket.OPEN, `${code}`);
  }
  await peer.head();
  for (const code of codes.filter(maySend)) {
    const arrival = once(server, "connection");
    const other = await RawPeer.connect(port);
    await other.head();
    const [one] = (await arrival) as [WebSocket];
    one.close(code);
    assert.deepEqual([...(await other.bytes(4))], [0x88, 2, code >> 8, code & 255]);
    other.socket.destroy();
  }
  socket.send("still open");
  assert.equal(String((await peer.bytes(12)).subarray(2)), "still open");
});

test("a client waits for the server to close TCP (RFC 6455 §7.1.1)", async (t) => {
  mockTimers(t);
  const { socket, peer } = await (await connector(t, "client", { closeTimeout: 1000 }))();
  const end = closed(socket) as Promise<CloseEvent>;
  peer.write(FRAME.client(0x88, statusBytes(1000)));
  assert.equal(frames(await peer.bytes(8))[0]?.first, 0x88);
  let isEnded = false;
  peer.ended.then(() => (isEnded = true)).catch(() => {});
  for (let turns = 0; turns < 20; turns++) await new Promise(setImmediate);
  t.mock.timers.tick(999);
  for (let turns = 0; turns < 20; turns++) await new Promise(setImmediate);
  assert.equal(isEnded, false);
  peer.socket.end(); // the server closes: now the client does
  await peer.ended;
  assert.deepEqual([(await end).code, (await end).wasClean], [1000, true]);
});

test("a handshake that is over, in whatever way, leaves no listener on its signal", async (t) => {
  const { url } = await serveEcho(t);
  const { signal } = new AbortController();
  const count = () => getEventListeners(signal, "abort").length;
  const open = new WebSocket(url, { signal });
  assert.equal(count(), 1);
  await nextEvent(open, "open");
  assert.equal(count(), 0);
  const refused = new WebSocket("ws://127.0.0.1:8/", { signal });
  await nextEvent(refused, "close");
  assert.equal(count(), 0);
  const closedEarly = new WebSocket(url, { signal });
  closedEarly.close();
  await closed(closedEarly);
  assert.equal(count(), 0);
  open.close();
});
