/** A client's ways to its server: unix sockets, streams of the application's, agents, redirects, signals. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { Agent, createServer, type IncomingMessage, type RequestListener } from "node:http";
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Duplex, PassThrough } from "node:stream";
import { type TestContext, test } from "node:test";
import { connect as connectTls, createSecureContext, type TLSSocket } from "node:tls";
import {
  type Destination,
  type ErrorEvent,
  WebSocket,
  type WebSocketOptions,
  WebSocketServer,
} from "websocket-component";

import { certificate as cert, key } from "./certificate.js";
import { closed, nextEvent, once, serve, serveEcho, serveRaw } from "./support.js";

async function roundTrip(url: string, options: WebSocketOptions): Promise<WebSocket> {
  const socket = new WebSocket(url, options);
  socket.onopen = () => socket.send("Hello");
  const message = nextEvent<MessageEvent>(socket, "message");
  const failure = nextEvent<ErrorEvent>(socket, "error").then(({ error }) => assert.fail(error as Error));
  assert.equal((await Promise.race([message, failure])).data, "Hello");
  socket.close();
  await closed(socket);
  return socket;
}

async function failure(
  url: string,
  options: WebSocketOptions,
): Promise<{ code: string; status?: number; cause?: unknown }> {
  const { error } = await nextEvent<ErrorEvent>(new WebSocket(url, options), "error");
  return error as { code: string };
}

/** An HTTP server beside a WebSocket server: the requests that it saw, and its port. */
async function serveHttp(
  t: TestContext,
  listener: RequestListener,
): Promise<{ port: number; requests: IncomingMessage[] }> {
  const requests: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    requests.push(request);
    listener(request, response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return { port: (server.address() as AddressInfo).port, requests };
}

test("a client and a server meet at a unix socket", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "ws-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const socketPath = join(folder, "socket");
  const server = new WebSocketServer({ socketPath });
  server.on("connection", (socket) => {
    socket.onmessage = (event) => socket.send(event.data);
  });
  t.after(() => server.close());
  await once(server, "listening");
  assert.equal(server.address(), socketPath);
  await roundTrip("ws://anything/", { socketPath });
  await roundTrip("ws://anything/", { socketPath, agent: new Agent() });
  assert.equal((await failure("ws://anything/", { socketPath: `${socketPath}-not` })).code, "WS_ERR_CONNECTION");
});

test("a server with a certificate is one of wss, and its clients' streams may be the application's", async (t) => {
  const { server, port } = await serveEcho(t, { tls: { key, cert } });
  const urls: string[] = [];
  server.on("connection", (socket) => urls.push(socket.url));
  const url = `wss://localhost:${port}/`;
  await roundTrip(url, { tls: { ca: cert } });
  assert.equal((await failure(url, {})).code, "WS_ERR_CONNECTION");
  const asked: Destination[] = [];
  const createConnection = (destination: Destination): Duplex => {
    asked.push(destination);
    return connectTls({ host: "127.0.0.1", port, servername: destination.host, ...destination.tls });
  };
  await roundTrip(url, { createConnection, tls: { ca: cert } });
  assert.equal((await failure(url, { createConnection })).code, "WS_ERR_CONNECTION");
  assert.deepEqual(asked[0], { host: "localhost", port, isSecure: true, socketPath: undefined, tls: { ca: cert } });
  assert.deepEqual(urls, [url, url]);
});

/** A proxy that makes tunnels (RFC 9110 §9.3.6), and those that it was asked for. */
async function serveProxy(t: TestContext): Promise<{ port: number; tunnels: string[] }> {
  const tunnels: string[] = [];
  const server = createServer().on("connect", (request, client: Duplex) => {
    tunnels.push(request.url as string);
    const [host, target] = (request.url as string).split(":") as [string, string];
    const upstream = connect(Number(target), host, () => {
      client.write("HTTP/1.1 200 OK\r\n\r\n");
      client.pipe(upstream).pipe(client);
    });
    upstream.on("error", () => client.destroy());
    client.on("error", () => upstream.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  return { port: (server.address() as AddressInfo).port, tunnels };
}

test("at a unix socket too, the certificate must be that of the URL's host", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "ws-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const socketPath = join(folder, "socket");
  const server = new WebSocketServer({ socketPath, tls: { key, cert } });
  server.on("connection", (socket) => {
    socket.onmessage = (event) => socket.send(event.data);
  });
  t.after(() => server.close());
  await once(server, "listening");
  const options = { socketPath, tls: { ca: cert } };
  await roundTrip("wss://127.0.0.1/", options);
  await roundTrip("wss://localhost/", options);
  for (const other of ["wss://127.0.0.2/", "wss://example.com/"]) {
    const { cause } = await failure(other, options);
    assert.equal((cause as NodeJS.ErrnoException).code, "ERR_TLS_CERT_ALTNAME_INVALID");
  }
});

for (const handshakeTimeout of [50, 100_000]) {
  test(`a client that never begins TLS is dropped by ${handshakeTimeout === 50 ? "handshakeTimeout" : "close()"}`, async (t) => {
    const { server, port } = await serve(t, { tls: { key, cert }, handshakeTimeout });
    const idle = connect(port, "127.0.0.1").on("error", () => {});
    const ended = once(idle, "close");
    idle.resume();
    const socket = new WebSocket(`wss://localhost:${port}`, { tls: { ca: cert } });
    await nextEvent(socket, "open"); // the server has accepted the one before too
    if (handshakeTimeout === 50) {
      await ended;
      assert.equal(socket.readyState, WebSocket.OPEN);
    }
    const end = closed(socket);
    await Promise.all([server.close(), ended]);
    assert.equal((await end).code, 1001);
  });
}

test("a stream that is promised leads through a proxy", async (t) => {
  const { url, port } = await serveEcho(t);
  const proxy = await serveProxy(t);
  const createConnection = async ({ host, port }: Destination): Promise<Duplex> => {
    const socket: Socket = connect(proxy.port, "127.0.0.1");
    socket.write(`CONNECT ${host}:${port} HTTP/1.1\r\nHost: ${host}:${port}\r\n\r\n`);
    await once(socket, "data");
    return socket;
  };
  await roundTrip(url, { createConnection });
  assert.deepEqual(proxy.tunnels, [`127.0.0.1:${port}`]);
});

test("an agent makes the connection, and sees the request's fields", async (t) => {
  const { url, server } = await serveEcho(t);
  const agent = new Agent();
  t.after(() => agent.destroy());
  const requests: IncomingMessage[] = [];
  server.on("connection", (_socket, request) => requests.push(request));
  const made: unknown[] = [];
  const original = agent.createConnection.bind(agent);
  agent.createConnection = (...args: Parameters<typeof original>) => {
    made.push(args[0]);
    return original(...args);
  };
  await roundTrip(`${url}/path?query`, {
    agent,
    headers: [
      ["X-One", "1"],
      ["x-one", "2"],
      ["Cookie", "a=b"],
    ],
  });
  assert.equal(made.length, 1);
  assert.equal(requests[0]?.url, "/path?query");
  assert.equal(requests[0]?.headers["x-one"], "1, 2");
  assert.equal(requests[0]?.headers.cookie, "a=b");
  const answer = await serveHttp(t, (_request, response) => response.writeHead(404).end());
  const refused = await failure(`ws://127.0.0.1:${answer.port}`, { agent });
  assert.deepEqual([refused.code, refused.status], ["WS_ERR_UNEXPECTED_RESPONSE", 404]);
  const both = await failure(url, { agent, createConnection: () => assert.fail("made") });
  assert.equal(both.code, "WS_ERR_INVALID_OPTION");
});

test("a stream that cannot be made fails the connection with its cause", async () => {
  const cause = new Error("no way");
  const fail = () => {
    throw cause;
  };
  for (const createConnection of [fail, async () => fail()]) {
    const error = await failure("ws://127.0.0.1:8/", { createConnection });
    assert.deepEqual([error.code, error.cause], ["WS_ERR_CONNECTION", cause]);
  }
});

test("a value that is not a stream, or has ended, fails the connection at once", async () => {
  const over = new PassThrough();
  over.destroy();
  await once(over, "close");
  for (const made of [5, {}, undefined, null, Promise.resolve({}), over]) {
    const error = await failure("ws://127.0.0.1:8/", { createConnection: () => made as Duplex });
    assert.equal(error.code, "WS_ERR_CONNECTION");
  }
});

test("redirects are followed as often as the option says, and none is by default", async (t) => {
  const { url } = await serveEcho(t);
  const paths: string[] = [];
  const { port } = await serveHttp(t, ({ url: path = "" }, response) => {
    paths.push(path);
    const statuses = [301, 302, 303, 307, 308];
    const hop = Number(path.slice(1));
    const location = hop < 5 ? `/${hop + 1}` : url.replace("ws:", "http:");
    response.writeHead(statuses[hop % 5] as number, { Location: location }).end();
  });
  const first = `ws://127.0.0.1:${port}/0`;
  const socket = await roundTrip(first, { maxRedirects: 6 });
  assert.equal(socket.url, first);
  assert.deepEqual(paths.splice(0), ["/0", "/1", "/2", "/3", "/4", "/5"]);
  for (const [options, status] of [[{}, 301] as const, [{ maxRedirects: 2 }, 303] as const]) {
    const error = await failure(first, options);
    assert.deepEqual([error.code, error.status], ["WS_ERR_UNEXPECTED_RESPONSE", status]);
  }
  assert.throws(() => new WebSocket(first, { maxRedirects: 0.5 }), { code: "WS_ERR_INVALID_OPTION" });
});

test("a redirect to another host takes no secrets along, and one to the same host takes all", async (t) => {
  const seen: IncomingMessage[] = [];
  const { url, port } = await serve(t, { verify: (request) => Boolean(seen.push(request)) });
  const headers = { Authorization: "Basic eA==", Cookie: "a=b", "X-Other": "kept" };
  const elsewhere = await serveHttp(t, (_request, response) => response.writeHead(307, { Location: url }).end());
  await nextEvent(new WebSocket(`ws://127.0.0.1:${elsewhere.port}`, { headers, maxRedirects: 1 }), "open");
  const { authorization, cookie, host, "x-other": other } = (seen[0] as IncomingMessage).headers;
  assert.deepEqual([authorization, cookie, host, other], [undefined, undefined, `127.0.0.1:${port}`, "kept"]);
  const same = await serveHttp(t, ({ url: path }, response) =>
    response.writeHead(path === "/" ? 307 : 404, { Location: "/there" }).end(),
  );
  await failure(`ws://user:secret@127.0.0.1:${same.port}/`, { headers: { Cookie: "a=b" }, maxRedirects: 1 });
  assert.deepEqual(
    same.requests.map((request) => request.headers.cookie),
    ["a=b", "a=b"],
  );
});

test("a redirect to another host takes no certificate of the client's along", async (t) => {
  const seen: (string | undefined)[] = [];
  const https = await import("node:https");
  const hosts: number[] = [];
  for (const answer of [() => 404, () => `https://localhost:${hosts[0]}/`]) {
    const server = https.createServer({ key, cert, ca: cert, requestCert: true, rejectUnauthorized: false });
    server.on("upgrade", (request: IncomingMessage, socket: Duplex) => {
      const { subject } = (request.socket as TLSSocket).getPeerCertificate();
      seen.push(subject?.CN as string | undefined);
      const where = answer();
      const head = typeof where === "string" ? `302 Found\r\nLocation: ${where}` : "404 Not Found";
      socket.end(`HTTP/1.1 ${head}\r\nContent-Length: 0\r\n\r\n`);
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    t.after(() => server.close());
    hosts.push((server.address() as AddressInfo).port);
  }
  const secureContext = createSecureContext({ ca: cert, key, cert });
  for (const tls of [
    { ca: cert, key, cert },
    { ca: cert, secureContext },
  ]) {
    assert.equal((await failure(`wss://localhost:${hosts[1]}/`, { tls, maxRedirects: 1 })).status, 404);
    assert.deepEqual(seen.splice(0), ["localhost", undefined], Object.keys(tls).join());
  }
});

test("a redirect from TLS to the open, to another scheme, or to a blocked port is not followed", async (t) => {
  const { url } = await serve(t);
  const server = (await import("node:https")).createServer({ key, cert }, (_request, response) => {
    response.writeHead(302, { Location: url }).end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const secure = `wss://localhost:${(server.address() as AddressInfo).port}`;
  const plain = await failure(secure, { tls: { ca: cert }, maxRedirects: 5 });
  assert.deepEqual([plain.code, plain.status], ["WS_ERR_UNEXPECTED_RESPONSE", 302]);
  for (const Location of ["file:///x", "ws://127.0.0.1:25/"]) {
    const { port } = await serveHttp(t, (_request, response) => response.writeHead(302, { Location }).end());
    assert.equal((await failure(`ws://127.0.0.1:${port}`, { maxRedirects: 5 })).code, "WS_ERR_UNEXPECTED_RESPONSE");
  }
});

test("a signal gives up an opening handshake wherever it is, and no connection that is open", async (t) => {
  const silent = await serveRaw(t, () => {});
  for (const url of [silent, "ws://127.0.0.1:8/"]) {
    for (const isEarly of [true, false]) {
      const controller = new AbortController();
      const reason = new Error("enough");
      if (isEarly) controller.abort(reason);
      const failed = failure(url, { signal: controller.signal });
      controller.abort(reason);
      const error = await failed;
      assert.deepEqual([error.code, error.cause], ["WS_ERR_ABORTED", reason]);
    }
  }
  const controller = new AbortController();
  const { url } = await serveEcho(t);
  const socket = new WebSocket(url, { signal: controller.signal });
  await nextEvent(socket, "open");
  controller.abort();
  socket.send("still here");
  assert.equal((await nextEvent<MessageEvent>(socket, "message")).data, "still here");
});

test("a signal ends the TCP connection of the attempt", async (t) => {
  const controller = new AbortController();
  const server = createTcpServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const arrival = once(server, "connection");
  const failed = failure(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`, { signal: controller.signal });
  const [peer] = (await arrival) as [Socket];
  peer.on("error", () => {});
  peer.resume();
  controller.abort();
  await Promise.all([failed, once(peer, "close")]);
});

test("user and password of the URL, or one of them, are sent as Basic authorization", async (t) => {
  const seen: (string | undefined)[] = [];
  const verify = ({ headers }: IncomingMessage) => seen.push(headers.authorization) > 0;
  const { port } = await serve(t, { verify });
  const credentials = { "user:pass%20word@": "user:pass word", "user@": "user:", ":word@": ":word", "": undefined };
  for (const given of Object.keys(credentials)) {
    const socket = new WebSocket(`ws://${given}127.0.0.1:${port}`);
    await nextEvent(socket, "open");
    socket.close();
  }
  const expected = Object.values(credentials).map((text) => text && `Basic ${Buffer.from(text).toString("base64")}`);
  assert.deepEqual(seen, expected);
});

test("a Host and an Authorization of the caller's take the place of the URL's", async (t) => {
  const seen: IncomingMessage["rawHeaders"][] = [];
  const { port } = await serve(t, { verify: ({ rawHeaders }) => seen.push(rawHeaders) > 0 });
  const url = `ws://user:secret@127.0.0.1:${port}`;
  const headers = { host: "example.com", authorization: "Bearer own" };
  for (const options of [{ headers }, { headers, agent: new Agent() }]) {
    const socket = new WebSocket(url, options);
    await nextEvent(socket, "open");
    socket.close();
    const raw = seen.pop() ?? [];
    const values = (name: string) => raw.filter((_, at) => at % 2 === 1 && raw[at - 1]?.toLowerCase() === name);
    assert.deepEqual([values("host"), values("authorization")], [["example.com"], ["Bearer own"]]);
  }
});
