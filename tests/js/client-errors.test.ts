/** What a client learns of a handshake that failed. */
import assert from "node:assert/strict";
import { Agent, createServer } from "node:http";
import { Agent as SecureAgent } from "node:https";
import { type AddressInfo, connect } from "node:net";
import { type TestContext, test } from "node:test";
import { createServer as createSecureServer } from "node:tls";
import { inspect } from "node:util";

import { WebSocket, type WebSocketError, WebSocketServer } from "websocket-component";

import { certificate, key } from "./certificate.js";
import { nextEvent, once, serve, serveRaw } from "./support.js";

async function failure(url: string, options = {}): Promise<WebSocketError> {
  const event = await nextEvent<ErrorEvent>(new WebSocket(url, options), "error");
  return event.error;
}

/** Answers each request with these bytes. */
function refusing(t: TestContext, parts: readonly string[], isClosed = false): Promise<string> {
  return serveRaw(t, async (peer) => {
    await peer.head();
    for (const part of parts) await new Promise((resolve) => peer.socket.write(part, resolve));
    if (isClosed) peer.socket.end();
  });
}

const LIMIT = 64 * 1024;
const LONG = "x".repeat(LIMIT + 10);

for (const [what, head, parts, body, isClosed] of [
  ["of a known length", "Content-Length: 5", ["na", "y no more than this"], "nay n", false],
  ["of no length", "Content-Length: 0", [""], "", false],
  ["until the end", "X: y", ["slow", " down"], "slow down", true],
  ["in chunks", "Transfer-Encoding: chunked", ["3\r\nabc\r\n", "2;a=b\r", "\nde\r\n0\r\n\r\n"], "abcde", false],
  ["in broken chunks", "Transfer-Encoding: chunked", ["3\r\nabc\r\nnonsense\r\n"], "abc", false],
  ["in a line that never ends", "Transfer-Encoding: chunked", ["1".repeat(5000)], "", false],
  ["longer than 64 KiB", `Content-Length: ${LONG.length}`, [LONG], LONG.slice(0, LIMIT), false],
  ["without an end, longer than 64 KiB", "X: y", [LONG], LONG.slice(0, LIMIT), false],
] as const) {
  test(`an answer that refuses is on the error, with a body ${what}`, async (t) => {
    const lines = ["HTTP/1.1 429 Too Many Requests", "Retry-After: 7", "WWW-Authenticate: a", "www-authenticate: b"];
    const url = await refusing(t, [[...lines, head, "", ""].join("\r\n"), ...parts], isClosed);
    const error = await failure(url);
    assert.deepEqual([error.code, error.status], ["WS_ERR_UNEXPECTED_RESPONSE", 429]);
    assert.deepEqual([error.headers?.["retry-after"], error.headers?.["www-authenticate"]], ["7", "a, b"]);
    assert.equal(error.body, body);
  });
}

test("a body that does not end within handshakeTimeout leaves the answer to be the error, with what came", async (t) => {
  const url = await refusing(t, ["HTTP/1.1 503 Busy\r\nContent-Length: 100\r\n\r\nwait"]);
  const error = await failure(url, { handshakeTimeout: 300 });
  assert.deepEqual([error.code, error.status, error.body], ["WS_ERR_UNEXPECTED_RESPONSE", 503, "wait"]);
});

test("by way of an agent, a refusal's fields and body are on the error too", async (t) => {
  const server = createServer().listen(0, "127.0.0.1");
  server.on("upgrade", (_request, socket) => {
    socket.end(`HTTP/1.1 401 No\r\nWWW-Authenticate: Basic\r\nContent-Length: ${LONG.length}\r\n\r\n${LONG}`);
  });
  await once(server, "listening");
  t.after(() => server.close());
  const agent = new Agent();
  t.after(() => agent.destroy());
  const error = await failure(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`, { agent });
  assert.deepEqual([error.status, error.headers?.["www-authenticate"]], [401, "Basic"]);
  assert.equal(error.body, LONG.slice(0, LIMIT));
});

test("an error has nothing of an answer when there was none, so that Node does not print it", async (t) => {
  const { url, server } = await serve(t);
  await server.close();
  const error = await failure(url);
  assert.doesNotMatch(inspect(error), /status|headers|body|undefined/);
  assert.deepEqual([error.status, error.headers, error.body], [undefined, undefined, undefined]);
});

test("a redirect that is not followed has its fields and body", async (t) => {
  const url = await refusing(t, ["HTTP/1.1 302 Found\r\nLocation: ftp://a\r\nContent-Length: 4\r\n\r\naway"]);
  const error = await failure(url, { maxRedirects: 1 });
  assert.deepEqual([error.status, error.headers?.location, error.body], [302, "ftp://a", "away"]);
});

for (const [what, options] of [
  ["", {}],
  [" by way of an agent", { agent: new SecureAgent() }],
] as const) {
  test(`a server that demands a client certificate is said to, and the alert is the cause${what}`, async (t) => {
    const tls = { key, cert: certificate, ca: certificate, requestCert: true };
    const server = createSecureServer(tls).listen(0, "127.0.0.1");
    server.on("tlsClientError", () => {});
    await once(server, "listening");
    t.after(() => server.close());
    const { port } = server.address() as AddressInfo;
    const error = await failure(`wss://localhost:${port}`, { tls: { ca: certificate }, ...options });
    assert.equal(error.code, "WS_ERR_CONNECTION");
    assert.match(error.message, /requires a client certificate/);
    assert.match(String((error.cause as NodeJS.ErrnoException).code), /ALERT_CERTIFICATE_REQUIRED$/);
  });

  test(`wss: at a port without TLS is said to be so${what}`, async (t) => {
    const { url } = await serve(t);
    const error = await failure(url.replace("ws:", "wss:"), options);
    assert.equal(error.code, "WS_ERR_CONNECTION");
    assert.match(error.message, /does not speak TLS/);
    assert.doesNotMatch(error.message, /openssl|routines/i);
  });
}

test("ws: at a port of TLS is said to be that, perhaps, and not when there was a byte, or TLS", async (t) => {
  const hint = "; it may speak TLS (wss: in place of ws:)";
  const secure = createSecureServer({ key, cert: certificate }).listen(0, "127.0.0.1");
  await once(secure, "listening");
  t.after(() => secure.close());
  const { port } = secure.address() as AddressInfo;
  const wrong = await failure(`ws://127.0.0.1:${port}`);
  assert.equal(wrong.message, `The server closed the connection during the handshake${hint}`);
  secure.on("secureConnection", (socket) => socket.end());
  const interim = await refusing(t, ["HTTP/1.1 103 Early Hints\r\n\r\n"], true);
  for (const error of [
    await failure(interim),
    await failure(`wss://localhost:${port}`, { tls: { ca: certificate } }),
  ]) {
    assert.equal(error.message, "The server closed the connection during the handshake");
  }
});

test("what is not HTTP fails at once", async (t) => {
  const url = await serveRaw(t, (peer) => peer.socket.write("220 mail.example.com ESMTP\r\n"));
  assert.equal((await failure(url)).code, "E_INVALID_PROTOCOL_FORMAT");
});

test("options of TLS that are not valid are WS_ERR_INVALID_OPTION, and the runtime's error is the cause", async (t) => {
  const { url } = await serve(t);
  for (const tls of [{ cert: "nonsense", key }, { cert: certificate, key: "nonsense" }, { ciphers: "NONE" }]) {
    assert.equal((await failure(url.replace("ws:", "wss:"), { tls })).code, "WS_ERR_INVALID_OPTION");
    const make = () => new WebSocketServer({ port: 0, tls: { key, cert: certificate, ...tls } });
    assert.throws(make, { code: "WS_ERR_INVALID_OPTION" });
  }
});

test("a field whose value is undefined is not sent", async (t) => {
  const { server, url } = await serve(t, { headers: { "X-Answer": undefined, "X-Given": "1" } });
  const connection = once(server, "connection");
  const socket = new WebSocket(url, { headers: { "X-Token": undefined, "X-Other": "2" } });
  t.after(() => socket.terminate());
  const [, request] = await connection;
  assert.equal("x-token" in request.headers, false);
  assert.equal(request.headers["x-other"], "2");
});

test("a time-out that was put on a socket for HTTP does not end its WebSocket", async (t) => {
  const http = createServer();
  http.timeout = 100; // Node puts it on each socket
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  t.after(() => http.close());
  const { port } = http.address() as AddressInfo;
  const server = new WebSocketServer({ server: http });
  server.on("connection", (socket) => socket.addEventListener("message", ({ data }) => socket.send(data as string)));
  t.after(() => server.close());
  const stream = connect(port, "127.0.0.1").setTimeout(100);
  const left = { server: false, client: false };
  http.on("timeout", () => (left.server = true));
  stream.on("timeout", () => (left.client = true));
  const socket = new WebSocket(`ws://127.0.0.1:${port}`, { createConnection: () => stream });
  await nextEvent(socket, "open");
  assert.equal(stream.timeout, 0);
  // another connection tells when either has been idle for twice as long as it might
  const other = new URL(await serveRaw(t, () => {}));
  const clock = connect(Number(other.port), "127.0.0.1").setTimeout(200);
  await once(clock, "timeout");
  clock.destroy();
  assert.deepEqual(left, { server: false, client: false });
  socket.send("still");
  assert.equal((await nextEvent<MessageEvent>(socket, "message")).data, "still");
  socket.close();
});

test("a createConnection or an agent that fails without an error is one all the same", async (t) => {
  const url = await refusing(t, ["HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n"]);
  for (const thrown of [undefined, null, "a text", { a: 1 }]) {
    const throwing = () => {
      throw thrown;
    };
    for (const createConnection of [throwing, () => Promise.reject(thrown)]) {
      const { code, cause } = await failure(url, { createConnection });
      assert.deepEqual([code, (cause as Error).cause], ["WS_ERR_CONNECTION", thrown]);
    }
    const { message, cause } = await failure(url, { agent: Object.assign(new Agent(), { addRequest: throwing }) });
    assert.deepEqual([typeof message, cause], ["string", thrown]);
  }
});

test("a request has one Host, whose value can be one", async (t) => {
  const url = await refusing(t, ["HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n"]);
  const twice = [
    ["Host", "a"],
    ["host", "a"],
  ] as const;
  for (const headers of [twice, { Host: "a b" }, { host: "http://a/" }]) {
    for (const options of [{ headers }, { headers, agent: new Agent() }]) {
      const { code } = await failure(url, options);
      assert.equal(code, "WS_ERR_INVALID_OPTION");
    }
  }
  for (const headers of [{ Host: "example.com:8080" }, { host: "[::1]:80" }, { host: "" }]) {
    assert.equal((await failure(url, { headers })).code, "WS_ERR_UNEXPECTED_RESPONSE");
  }
});
