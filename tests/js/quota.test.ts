/** How many connections a server takes, from which addresses, and what it reports of those that it refuses. */
import assert from "node:assert/strict";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { WebSocket, WebSocketServer } from "websocket-component";
import { WebSocketServer as ServerOfWs } from "websocket-component/ws";

import { closed, inner, nextEvent, once, RawPeer, REQUEST, serve, serveEcho } from "./support.js";

interface Refused {
  server: unknown;
  request: IncomingMessage | undefined;
  address: string;
  status: number;
  reason: string;
}

/** What a channel tells until the test's end. */
function told<T>(t: TestContext, name: string): T[] {
  const messages: T[] = [];
  const listener = (message: unknown) => messages.push(message as T);
  subscribe(`websocket-component:${name}`, listener);
  t.after(() => unsubscribe(`websocket-component:${name}`, listener));
  return messages;
}

async function statusOf(port: number, request: string = REQUEST): Promise<[number, RawPeer]> {
  const peer = await RawPeer.connect(port, request);
  return [Number((await peer.head()).split(" ")[1]), peer];
}

/** Opens connections one after another, and says how each was answered. */
async function statuses(port: number, requests: readonly string[]): Promise<number[]> {
  const all: number[] = [];
  for (const request of requests) {
    const [status, peer] = await statusOf(port, request);
    if (status !== 101) peer.socket.destroy();
    all.push(status);
  }
  return all;
}

const forwarded = (addresses: string) => REQUEST.replace("Host:", `X-Forwarded-For: ${addresses}\r\nHost:`);

test("beyond maxConnections a server answers with 503 until one has closed", async (t) => {
  const { server, port } = await serve(t, { maxConnections: 2 });
  const [, first] = await statusOf(port);
  assert.deepEqual(await statuses(port, [REQUEST, REQUEST]), [101, 503]);
  const [socket] = server.clients;
  const end = closed(socket as WebSocket);
  first.socket.destroy();
  await end;
  assert.deepEqual(await statuses(port, [REQUEST, REQUEST]), [101, 503]);
  assert.deepEqual(server.statistics.refused, { connections: 2 });
});

test("each connection of an address that closes makes room for one more", async (t) => {
  const { server, port } = await serve(t, { maxConnectionsPerAddress: 3 });
  const peers: RawPeer[] = [];
  const open = async () => {
    const [status, peer] = await statusOf(port);
    if (status === 101) peers.push(peer);
    else peer.socket.destroy();
    return status;
  };
  for (let count = 0; count < 3; count++) assert.equal(await open(), 101);
  assert.equal(await open(), 429);
  for (const leaving of [1, 2, 3]) {
    for (const peer of peers.splice(0, leaving)) peer.socket.destroy();
    while (server.clients.size > 3 - leaving) await new Promise(setImmediate);
    for (let count = 0; count < leaving; count++) assert.equal(await open(), 101);
    assert.equal(await open(), 429);
  }
  for (const peer of peers) peer.socket.destroy();
});

test("requests that wait for their verdict count as connections, and no longer when they are refused", async (t) => {
  const verdicts: ((verdict: boolean) => void)[] = [];
  const ends: Promise<unknown>[] = [];
  const verify = ({ socket }: IncomingMessage) => {
    ends.push(new Promise((resolve) => socket.once("close", resolve)));
    return new Promise<boolean>((decide) => verdicts.push(decide));
  };
  const { port } = await serve(t, { verify, maxConnections: 1 });
  const waiting = await RawPeer.connect(port);
  while (verdicts.length === 0) await nextTurn();
  assert.deepEqual(await statuses(port, [REQUEST]), [503]);
  verdicts.shift()?.(false);
  assert.match(String(await waiting.rest()), /^HTTP\/1.1 403 /);
  await ends[0];
  const again = await RawPeer.connect(port);
  while (verdicts.length === 0) await nextTurn();
  verdicts.shift()?.(true);
  assert.match(await again.head(), / 101 /);
});

test("a client that leaves before its verdict does not count for its address any more", async (t) => {
  const verify = ({ url }: IncomingMessage) => (url === "/slow" ? new Promise<boolean>(() => {}) : true);
  const { server, port } = await serve(t, { verify, maxConnectionsPerAddress: 1 });
  const slow = await RawPeer.connect(port, REQUEST.replace("GET /", "GET /slow"));
  while (server.pendingHandshakes === 0) await nextTurn();
  assert.deepEqual(await statuses(port, [REQUEST]), [429]);
  slow.socket.resetAndDestroy();
  while (server.pendingHandshakes > 0) await nextTurn();
  assert.deepEqual(await statuses(port, [REQUEST, REQUEST]), [101, 429]);
});

test("a client's address is looked up once, and not at all if nothing asks for it", async (t) => {
  for (const [options, count] of [
    [{ maxConnectionsPerAddress: 5, maxHandshakesPerSecond: 5 }, 1],
    [{}, 0],
  ] as const) {
    const { server, port } = await serve(t, { verify: () => true, ...options });
    const lookUp = t.mock.method(server, "addressOf");
    const connection = once(server, "connection");
    const [, peer] = await statusOf(port);
    const [socket] = (await connection) as [WebSocket];
    const end = closed(socket);
    peer.socket.destroy();
    await end;
    assert.equal(lookUp.mock.callCount(), count);
  }
});

test("clients without an address, as at a unix socket, have no quota of one", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "ws-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const socketPath = join(folder, "socket");
  const server = new WebSocketServer({ socketPath, maxConnectionsPerAddress: 1, maxHandshakesPerSecond: 1 });
  t.after(() => server.close({ timeout: 0 }));
  await once(server, "listening");
  for (let count = 0; count < 3; count++) {
    await nextEvent(new WebSocket("ws://localhost/", { socketPath }), "open");
  }
  assert.equal(server.clients.size, 3);
});

test("a refusal that the client has not taken yet is counted once, also when the server closes", async (t) => {
  const { server, port } = await serve(t, { verify: () => ({ status: 403, body: "x".repeat(30_000_000) }) });
  const peer = await RawPeer.connect(port);
  peer.socket.pause();
  while (server.statistics.refused.verify === undefined) await nextTurn();
  await server.close({ timeout: 0 });
  assert.deepEqual(server.statistics.refused, { verify: 1 });
  peer.socket.destroy();
});

test("one address has maxConnectionsPerAddress, and others have theirs; all behind a trusted proxy", async (t) => {
  const { port } = await serve(t, { maxConnectionsPerAddress: 2, trustedProxies: ["127.0.0.0/8"] });
  const requests = [
    ["192.0.2.1", 101],
    ["192.0.2.1", 101],
    ["192.0.2.1", 429],
    ["192.0.2.2", 101],
    ["2001:db8:1:2:3::1", 101],
    ["2001:db8:1:2:4::9", 101],
    ["2001:db8:1:2::", 429],
    ["2001:db8:1:3::1", 101],
    // what the client itself has written stands before what the proxy has
    ["192.0.2.9, 192.0.2.1", 429],
    ["[2001:db8:1:2::7]:4711", 429],
    ["192.0.2.1:80", 429],
  ] as const;
  const answers = await statuses(
    port,
    requests.map(([address]) => forwarded(address)),
  );
  assert.deepEqual(
    answers,
    requests.map(([, status]) => status),
  );
});

test("X-Forwarded-For is ignored unless a trusted proxy sends it", async (t) => {
  for (const trustedProxies of [undefined, ["10.0.0.0/8", "unix"]]) {
    const { server, port } = await serve(t, { maxConnectionsPerAddress: 1, ...(trustedProxies && { trustedProxies }) });
    const connection = once(server, "connection");
    assert.deepEqual(await statuses(port, [forwarded("192.0.2.1"), forwarded("192.0.2.2")]), [101, 429]);
    const [, request] = (await connection) as [WebSocket, IncomingMessage];
    assert.equal(server.addressOf(request), "127.0.0.1");
  }
});

test("one address begins no more than maxHandshakesPerSecond, whatever becomes of them", async (t) => {
  t.mock.method(performance, "now", () => 5_000); // no second ends within this test
  const { port } = await serve(t, { maxHandshakesPerSecond: 3, origins: ["https://example.com"] });
  const foreign = REQUEST.replace("Host:", "Origin: https://example.org\r\nHost:");
  assert.deepEqual(await statuses(port, [REQUEST, foreign, REQUEST, REQUEST, REQUEST]), [101, 403, 101, 429, 429]);
  t.mock.method(performance, "now", () => 6_000);
  assert.deepEqual(await statuses(port, [REQUEST]), [101]);
});

test("addresses count by their networks: IPv4 whole, also where it is mapped, and the first 64 bits of IPv6", async () => {
  const { networkOf } = await inner<{ networkOf(address: string): string }>("server/quota.js");
  for (const [address, network] of [
    ["192.0.2.1", "192.0.2.1"],
    ["::ffff:192.0.2.1", "192.0.2.1"],
    ["::FFFF:192.0.2.1", "192.0.2.1"],
    ["::1", "0:0:0:0"],
    ["::", "0:0:0:0"],
    ["2001:db8::", "2001:db8:0:0"],
    ["2001:DB8:0:00a::1", "2001:db8:0:a"],
    ["fe80::1%eth0", "fe80:0:0:0"],
    ["1:2:3:4:5:6:7:8", "1:2:3:4"],
    ["1:2:3::5:6:7:8", "1:2:3:0"],
    ["::2:3:4:5:6:7:8", "0:2:3:4"],
    ["64:ff9b::192.0.2.1", "64:ff9b:0:0"],
    ["1::2:3:4:5:192.0.2.1", "1:0:2:3"],
  ] as const) {
    assert.equal(networkOf(address), network, address);
  }
});

test("options of quotas that cannot be are refused", () => {
  for (const options of [
    { maxConnections: 0 },
    { maxConnectionsPerAddress: -1 },
    { maxHandshakesPerSecond: Number.NaN },
    { trustedProxies: "10.0.0.1" },
    { trustedProxies: ["10.0.0.0/33"] },
    { trustedProxies: ["proxy.example.com"] },
    { trustedProxies: ["10.0.0.0/8/8"] },
    { trustedProxies: ["fd00::/129"] },
    { trustedProxies: [7] },
  ]) {
    const all = { noServer: true, ...options } as object;
    assert.throws(() => new WebSocketServer(all), { code: "WS_ERR_INVALID_OPTION" }, JSON.stringify(options));
  }
});

test("each refusal is published on the channel, with its request, status and reason, and counted", async (t) => {
  const refused = told<Refused>(t, "refused");
  const verify = async ({ url }: IncomingMessage) => {
    if (url === "/chat?fail") throw new Error("mine");
    return url === "/chat";
  };
  const options = { origins: ["https://example.com"], path: "/chat", verify, maxConnections: 1 };
  const { server, port } = await serve(t, options);
  server.on("error", () => {});
  const chat = REQUEST.replace("GET / ", "GET /chat ");
  const cases = [
    ["path", 404, REQUEST],
    ["http", 426, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"],
    ["http", 400, "no HTTP\r\n\r\n"],
    ["request", 400, chat.replace("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", "")],
    ["request", 426, chat.replace("Version: 13", "Version: 12")],
    ["request", 400, chat.replace("GET", "POST")],
    ["origin", 403, chat.replace("Host:", "Origin: https://example.org\r\nHost:")],
    ["verify", 403, chat.replace("/chat", "/chat?no")],
    ["failed", 500, chat.replace("/chat", "/chat?fail")],
  ] as const;
  for (const [reason, status, request] of cases) {
    const [answered, peer] = await statusOf(port, request);
    peer.socket.destroy();
    assert.equal(answered, status, request);
    const message = refused.shift();
    assert.deepEqual([message?.reason, message?.status, message?.address], [reason, status, "127.0.0.1"], request);
    assert.equal(message?.server, server);
    const isRequest = request.startsWith("no HTTP") ? undefined : request.split(" ")[1];
    assert.equal(message?.request?.url, isRequest);
    while (server.pendingHandshakes > 0) await nextTurn();
  }
  assert.deepEqual(server.statistics.refused, { path: 1, http: 2, request: 3, origin: 1, verify: 1, failed: 1 });
  assert.deepEqual(refused, []);
});

test("refusals on a shared HTTP server are reported by both of our classes", async (t) => {
  const refused = told<Refused>(t, "refused");
  const http = createServer().listen(0, "127.0.0.1");
  await once(http, "listening");
  t.after(() => http.close());
  new WebSocketServer({ server: http, path: "/chat" });
  const { port } = http.address() as AddressInfo;
  assert.deepEqual(await statuses(port, [REQUEST]), [404]);
  const other = createServer().listen(0, "127.0.0.1");
  await once(other, "listening");
  t.after(() => other.close());
  const verifyClient = ({ req }: { req: IncomingMessage }) => decodeURIComponent(`${req.url}`) !== "/no";
  new ServerOfWs({ server: other, verifyClient });
  const ofOther = (other.address() as AddressInfo).port;
  const warning = once(process, "warning");
  const paths = ["/no", "/%ff"].map((path) => REQUEST.replace("GET / ", `GET ${path} `));
  const bad = REQUEST.replace("Version: 13", "Version: 12");
  assert.deepEqual(await statuses(ofOther, [...paths, bad]), [401, 500, 400]);
  assert.ok(((await warning) as [Error])[0].cause instanceof URIError);
  assert.deepEqual(
    refused.map(({ reason, status }) => [reason, status]),
    [
      ["path", 404],
      ["verify", 401],
      ["failed", 500],
      ["request", 400],
    ],
  );
});

test("open and close of a server's socket are reported with the request, the client's address and the server", async (t) => {
  const opened = told<Record<string, unknown>>(t, "open");
  const ended = told<Record<string, unknown>>(t, "close");
  const { server, url } = await serveEcho(t, { trustedProxies: ["127.0.0.1"] });
  const client = new WebSocket(`${url}/room`, { headers: { "X-Forwarded-For": "192.0.2.7" } });
  await nextEvent(client, "open");
  const [socket] = server.clients;
  const end = closed(socket as WebSocket);
  client.close();
  await end;
  for (const messages of [opened, ended]) {
    const message = messages.find((one) => one.socket === socket);
    assert.equal(message?.server, server);
    assert.equal(message?.address, "192.0.2.7");
    assert.equal((message?.request as IncomingMessage | undefined)?.url, "/room");
  }
});

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
