/** Handshakes that must be refused, by either side, and what the refusal says: RFC 6455 §4. */
import assert from "node:assert/strict";
import { Agent, createServer, get } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";

import { type ErrorEvent, WebSocket, WebSocketServer } from "websocket-component";

import { acceptOf, closed, nextEvent, once, RawPeer, REQUEST, serve, serveEcho, serveRaw } from "./support.js";

const requests: [string, string, number][] = [
  ["has no Upgrade", REQUEST.replace("Upgrade: websocket\r\n", ""), 426],
  ["upgrades to something else", REQUEST.replace("Upgrade: websocket", "Upgrade: h2c"), 400],
  ["has no key", REQUEST.replace(/Sec-WebSocket-Key.*\r\n/, ""), 400],
  ["has a key that is too short", REQUEST.replace("dGhlIHNhbXBsZSBub25jZQ==", "c2hvcnQ="), 400],
  ["has two keys", REQUEST.replace(/(Sec-WebSocket-Key.*\r\n)/, "$1$1"), 400],
  ["has no version", REQUEST.replace("Sec-WebSocket-Version: 13\r\n", ""), 400],
  ["is a POST", REQUEST.replace("GET", "POST"), 400],
  ["has no Host", REQUEST.replace("Host: localhost\r\n", ""), 400],
  ["has two Hosts", REQUEST.replace("Host:", "Host: other\r\nHost:"), 400],
  ["has a Host that is none", REQUEST.replace("Host: localhost", "Host: user@a/b"), 400],
  ["has a body", REQUEST.replace("Host:", "Content-Length: 5\r\nHost:"), 400],
  ["has a malformed list of subprotocols", REQUEST.replace("Host:", "Sec-WebSocket-Protocol: a b\r\nHost:"), 400],
  ["has a malformed list of extensions", REQUEST.replace("Host:", 'Sec-WebSocket-Extensions: a; b="\r\nHost:'), 400],
];

for (const [name, request, status] of requests) {
  test(`a request that ${name} is answered with ${status}`, async (t) => {
    const { port, server } = await serveEcho(t);
    server.on("connection", () => assert.fail("no connection"));
    const peer = await RawPeer.connect(port, request);
    t.after(() => peer.socket.destroy());
    assert.match(await peer.head(), new RegExp(`^HTTP/1.1 ${status} `));
  });
}

test("a request for another version is answered with 426 and the version that there is", async (t) => {
  const { port } = await serveEcho(t);
  const peer = await RawPeer.connect(port, REQUEST.replace("Version: 13", "Version: 8"));
  const head = await peer.head();
  assert.match(head, /^HTTP\/1.1 426 /);
  assert.match(head, /\r\nSec-WebSocket-Version: 13\r\n/i);
  assert.match(head, /\r\nConnection: Upgrade, close\r\n/, "RFC 9110 §7.8");
  peer.socket.destroy();
});

test("the answer to RFC 6455's own request has RFC 6455's own accept", async (t) => {
  const { port } = await serveEcho(t);
  const peer = await RawPeer.connect(
    port,
    REQUEST.replace("Upgrade: websocket", "uPGRADE: WebSocket").replace(
      "Connection: Upgrade",
      "connection: keep-alive, UPGRADE",
    ),
  );
  const head = await peer.head();
  assert.match(head, /^HTTP\/1.1 101 /);
  assert.match(head, /\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r\n/i);
  peer.socket.destroy();
});

test("a server's verdict refuses a handshake, with its own status, fields and text", async (t) => {
  const verdicts = [false, { status: 401, headers: { "WWW-Authenticate": "Basic" }, body: "who?" }] as const;
  for (const verdict of verdicts) {
    const { port } = await serve(t, { verify: () => Promise.resolve(verdict) });
    const peer = await RawPeer.connect(port);
    const answer = String(await peer.rest());
    if (verdict === false) assert.match(answer, /^HTTP\/1.1 403 Forbidden\r\n/);
    else assert.match(answer, /^HTTP\/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic\r\n[\s\S]*\r\n\r\nwho\?$/);
    peer.socket.destroy();
  }
});

test("a verdict that throws is answered with 500, and reported by the error event", async (t) => {
  const reported: unknown[] = [];
  const { server, port } = await serve(t, {
    verify: () => {
      throw new Error("no verdict");
    },
  });
  server.on("error", (error) => reported.push(error));
  const peer = await RawPeer.connect(port);
  assert.match(String(await peer.rest()), /^HTTP\/1.1 500 /);
  assert.deepEqual(reported.map(String), ["Error: no verdict"]);
});

test("a path of its own is the only one that a server takes", async (t) => {
  const { url } = await serveEcho(t, { path: "/chat" });
  const right = new WebSocket(`${url}/chat?room=1`);
  await nextEvent(right, "open");
  right.close();
  const wrong = new WebSocket(`${url}/elsewhere`);
  const { error } = await nextEvent<ErrorEvent>(wrong, "error");
  assert.deepEqual(
    [(error as { code: string }).code, (error as { status: number }).status],
    ["WS_ERR_UNEXPECTED_RESPONSE", 404],
  );
});

test("a server without a port takes upgrades by hand, and HTTP goes on beside it", async (t) => {
  const http = createServer((_request, response) => response.end("page"));
  const server = new WebSocketServer({ noServer: true });
  http.on("upgrade", (request, socket, head) => {
    server.handleUpgrade(request, socket, head, (connected) => connected.send("by hand"));
  });
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  t.after(async () => {
    await server.close();
    http.close();
  });
  const { port } = http.address() as AddressInfo;
  const socket = new WebSocket(`ws://127.0.0.1:${port}`);
  assert.equal((await nextEvent<MessageEvent>(socket, "message")).data, "by hand");
  const [response] = await once(get(`http://127.0.0.1:${port}`), "response");
  assert.equal(response.statusCode, 200);
  response.resume();
  socket.close();
  await closed(socket);
});

const ACCEPT = "Sec-WebSocket-Accept: %accept%";
const responses: [string, string, string][] = [
  ["does not switch protocols", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "WS_ERR_UNEXPECTED_RESPONSE"],
  [
    "is a redirect",
    "HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: ws://elsewhere\r\n\r\n",
    "WS_ERR_UNEXPECTED_RESPONSE",
  ],
  ["has no accept", "HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", "E_INVALID_PROTOCOL_FORMAT"],
  [
    "has a wrong accept",
    "HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
    "E_INVALID_PROTOCOL_FORMAT",
  ],
  ["has no Upgrade", `HTTP/1.1 101 X\r\nConnection: Upgrade\r\n${ACCEPT}\r\n\r\n`, "E_INVALID_PROTOCOL_FORMAT"],
  ["has no Connection", `HTTP/1.1 101 X\r\nUpgrade: websocket\r\n${ACCEPT}\r\n\r\n`, "E_INVALID_PROTOCOL_FORMAT"],
  [
    "selects what was not offered",
    `HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Protocol: other\r\n${ACCEPT}\r\n\r\n`,
    "E_SUBPROTOCOL_NOT_SUPPORTED",
  ],
  [
    "selects no subprotocol",
    `HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n${ACCEPT}\r\n\r\n`,
    "E_SUBPROTOCOL_NOT_SUPPORTED",
  ],
  [
    "selects an extension",
    `HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Extensions: foo\r\n${ACCEPT}\r\n\r\n`,
    "E_PROTOCOL_EXTENSIONS_NOT_SUPPORTED",
  ],
  [
    "is of HTTP/1.0",
    `HTTP/1.0 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n${ACCEPT}\r\n\r\n`,
    "E_INVALID_PROTOCOL_FORMAT",
  ],
  ["is not HTTP", "SSH-2.0-OpenSSH\r\n\r\n", "E_INVALID_PROTOCOL_FORMAT"],
  ["never ends", `HTTP/1.1 101 X\r\n${"X-Filler: yes\r\n".repeat(1200)}`, "E_INVALID_PROTOCOL_FORMAT"],
];

for (const [name, response, code] of responses) {
  test(`our client refuses a response that ${name}`, async (t) => {
    const url = await serveRaw(t, async (peer) => {
      peer.write(Buffer.from(response.replace("%accept%", acceptOf(await peer.head()))));
    });
    const socket = new WebSocket(url, ["chat"]);
    const end = closed(socket);
    const { error } = await nextEvent<ErrorEvent>(socket, "error");
    assert.equal((error as { code: string }).code, code, String(error));
    const event = await end;
    assert.deepEqual([event.code, event.wasClean, socket.readyState], [1006, false, WebSocket.CLOSED]);
  });
}

test("a handshake that never ends fails after handshakeTimeout", async (t) => {
  const url = await serveRaw(t, () => {});
  const socket = new WebSocket(url, { handshakeTimeout: 50 });
  const { error } = await nextEvent<ErrorEvent>(socket, "error");
  assert.equal((error as { code: string }).code, "WS_ERR_HANDSHAKE_TIMEOUT");
});

test("a server that cannot be reached is a connection error", async (t) => {
  const { server, url } = await serve(t);
  await server.close();
  const socket = new WebSocket(url);
  const { error } = await nextEvent<ErrorEvent>(socket, "error");
  assert.equal((error as { code: string }).code, "WS_ERR_CONNECTION");
});

test("closing while connecting fails the connection with an error and 1006", async (t) => {
  const url = await serveRaw(t, () => {});
  const socket = new WebSocket(url);
  const error = nextEvent(socket, "error");
  const end = closed(socket);
  socket.close();
  assert.equal(socket.readyState, WebSocket.CLOSING);
  await error;
  assert.equal((await end).code, 1006);
});

test("headers of the caller go into the request, and cannot smuggle a line", async (t) => {
  const { server, url } = await serve(t);
  const connection = once(server, "connection");
  const socket = new WebSocket(url.replace("//", "//user:pa%20ss@"), {
    headers: { Origin: "http://example.com", Cookie: ["a=1"], "Sec-WebSocket-Key": "mine" },
  });
  await nextEvent(socket, "open");
  const [, request] = await connection;
  assert.equal(request.headers.origin, "http://example.com");
  assert.equal(request.headers.cookie, "a=1");
  assert.equal(request.headers.authorization, `Basic ${Buffer.from("user:pa ss").toString("base64")}`);
  assert.notEqual(request.headers["sec-websocket-key"], "mine");
  socket.close();
  await closed(socket);
  const smuggler = new WebSocket(url, { headers: [["X", "a\r\nY: b"]] });
  const { error } = await nextEvent<ErrorEvent>(smuggler, "error");
  assert.equal((error as { code: string }).code, "E_INVALIDARG");
});

test("an informational response before the answer is passed over", async (t) => {
  const url = await serveRaw(t, async (peer) => {
    const accept = acceptOf(await peer.head());
    peer.write(
      Buffer.from(
        `HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\nHTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
      ),
    );
  });
  const socket = new WebSocket(url);
  await nextEvent(socket, "open");
  socket.terminate();
});

for (const [name, agent] of [
  ["sockets of its own", undefined],
  ["an agent", new Agent()],
] as const) {
  test(`a client by ${name} gives up a server that sends interim responses without end`, async (t) => {
    let isGone: Promise<unknown> | undefined;
    const url = await serveRaw(t, async (peer) => {
      await peer.head();
      peer.socket.on("error", () => {}); // a reset, which is how it is given up
      isGone = new Promise((resolve) => peer.socket.once("close", resolve));
      const flood = Buffer.from("HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n".repeat(100_000));
      peer.write(flood);
    });
    const socket = new WebSocket(url, agent && { agent });
    const { error } = await nextEvent<ErrorEvent>(socket, "error");
    const { code, status, message } = error as { code: string; status: number; message: string };
    assert.deepEqual([code, status], ["WS_ERR_UNEXPECTED_RESPONSE", 103]);
    assert.match(message, /more than 16 interim responses/);
    await isGone;
  });
}
