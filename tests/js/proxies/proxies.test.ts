/** Connections through the real nginx and HAProxy, with the configurations of docs/deployment.md. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import { type AddressInfo, connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import {
  type ErrorEvent,
  WebSocket,
  type WebSocketOptions,
  WebSocketServer,
  type WebSocketServerOptions,
} from "websocket-component";

import { certificate, key } from "../certificate.js";
import { configuration } from "../examples.js";
import { closed, messages, nextEvent, once, serve, serveEcho } from "../support.js";

/** What the configurations give to a silent connection, and what the tests that see it end do. */
const DOCUMENTED = "75s";
const SHORT = 1000;

interface Proxy {
  readonly name: string;
  /** What it answers while its server is away. */
  readonly badGateway: number;
  /** How it names a unix socket. */
  unix(path: string): string;
  /** What starts it in the foreground, once its configuration and the certificate are in the folder. */
  start(folder: string, config: string): ChildProcess;
}

const nginx: Proxy = {
  name: "nginx",
  badGateway: 502,
  unix: (path) => `unix:${path}`,
  start(folder, config) {
    const paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((kind) => `${kind}_temp_path ${folder};`);
    const file = join(folder, "nginx.conf");
    writeFileSync(file, config.replace("http {", `http { access_log off; ${paths.join(" ")}`));
    const settings = `daemon off; master_process off; pid ${folder}/pid;`;
    return run("nginx", "-e", "stderr", "-p", folder, "-c", file, "-g", settings);
  },
};

const haproxy: Proxy = {
  name: "haproxy",
  badGateway: 503,
  unix: (path) => `unix@${path}`,
  start(folder, config) {
    const file = join(folder, "haproxy.cfg");
    writeFileSync(file, config);
    return run("haproxy", "-db", "-q", "-f", file);
  },
};

function run(program: string, ...args: string[]): ChildProcess {
  return spawn(program, args, { stdio: ["ignore", "ignore", "inherit"] });
}

/** A client of the proxy in front of the server that listens there. */
type Client = (options?: WebSocketOptions) => WebSocket;

/** Starts it, as it is documented but for addresses and times. */
async function proxyFor(t: TestContext, proxy: Proxy, upstream: string, timeout = DOCUMENTED): Promise<Client> {
  const folder = mkdtempSync(join(tmpdir(), "proxy-"));
  const port = await freePort();
  writeFileSync(join(folder, "key"), key);
  writeFileSync(join(folder, "certificate"), `${certificate}\n${key}\n`);
  const config = configuration("docs/deployment.md", proxy.name)
    .replace("127.0.0.1:8080", upstream)
    .replace(/(listen |bind :)443/, `$1${port}`)
    .replaceAll(DOCUMENTED, timeout)
    .replace("/etc/ssl/example.com.key", join(folder, "key"))
    .replace("/etc/ssl/example.com.pem", join(folder, "certificate"));
  const child = proxy.start(folder, config);
  t.after(async () => {
    child.kill("SIGKILL");
    await once(child, "close");
    rmSync(folder, { recursive: true });
  });
  await reachable(port, child);
  return (options) => new WebSocket(`wss://localhost:${port}/chat?room=1`, { tls: { ca: certificate }, ...options });
}

/** An echo server, and clients that reach it through the proxy. */
async function echoThrough(
  t: TestContext,
  proxy: Proxy,
  { timeout = DOCUMENTED, ...options }: WebSocketServerOptions & { timeout?: string } = {},
): Promise<[Client, WebSocketServer, number]> {
  const { server, port } = await serveEcho(t, options);
  return [await proxyFor(t, proxy, `127.0.0.1:${port}`, timeout), server, port];
}

async function roundTrip(socket: WebSocket, data: string | Uint8Array<ArrayBuffer>): Promise<void> {
  socket.binaryType = "arraybuffer";
  if (socket.readyState === WebSocket.CONNECTING) await opened(socket);
  const answer = messages(socket, 1);
  socket.send(data);
  const [received] = await answer;
  assert.deepEqual(received, typeof data === "string" ? data : data.buffer);
}

async function opened(socket: WebSocket): Promise<void> {
  const failed = nextEvent<ErrorEvent>(socket, "error").then(({ error }) => assert.fail(error as Error));
  await Promise.race([nextEvent(socket, "open"), failed]);
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address() as AddressInfo;
  await once(probe.close(), "close");
  return port;
}

/** Waits until something listens on the port. */
async function reachable(port: number, child: ChildProcess): Promise<void> {
  while (child.exitCode === null) {
    const socket = connect(port, "127.0.0.1");
    const isReached = await new Promise((resolve) =>
      socket.once("connect", () => resolve(true)).once("error", () => resolve(false)),
    );
    socket.destroy();
    if (isReached) return;
    await wait(20);
  }
  throw new Error(`${child.spawnfile} ended with ${child.exitCode}`);
}

for (const proxy of [nginx, haproxy]) {
  const { name } = proxy;

  test(`${name}: text, compressed and not, and 5 MiB of binary come back as they were sent`, async (t) => {
    const [client] = await echoThrough(t, proxy);
    const socket = client();
    await roundTrip(socket, "Grüße 😀");
    assert.match(socket.extensions, /^permessage-deflate/);
    await roundTrip(socket, "a line of text ".repeat(10_000));
    const { bytesReceived = 0, messageBytesReceived = 0 } = socket.statistics ?? {};
    assert.ok(bytesReceived < messageBytesReceived / 10, "it is compressed on the wire");
    await roundTrip(
      socket,
      Uint8Array.from({ length: 5 << 20 }, (_, index) => index * index),
    );
    const plain = client({ perMessageDeflate: false });
    await roundTrip(plain, "a line of text ".repeat(10_000));
    assert.equal(plain.extensions, "");
  });

  test(`${name}: the server learns the client's address and scheme, its path and its host`, async (t) => {
    const [client, server] = await echoThrough(t, proxy);
    const connection = once(server, "connection");
    const socket = client({ headers: { "X-Forwarded-For": "203.0.113.1", "X-Forwarded-Proto": "forged" } });
    await roundTrip(socket, "Hello");
    const [, { headers, url }] = (await connection) as [WebSocket, IncomingMessage];
    assert.match(String(headers["x-forwarded-for"]), /^(?:::ffff:)?127\.0\.0\.1$|^::1$/);
    assert.equal(headers["x-forwarded-proto"], "https");
    assert.equal(url, "/chat?room=1");
    assert.equal(`wss://${headers.host}${url}`, socket.url);
  });

  test(`${name}: close codes and reasons pass both ways`, async (t) => {
    const [client, server] = await echoThrough(t, proxy);
    for (const [closer, code] of [
      ["client", 4001],
      ["server", 4002],
    ] as const) {
      const connection = once(server, "connection");
      const ours = client();
      const [theirs] = (await connection) as [WebSocket];
      await opened(ours);
      const [one, other] = closer === "client" ? [ours, theirs] : [theirs, ours];
      const ends = Promise.all([closed(one), closed(other)]);
      one.close(code, "because");
      const [first, second] = await ends;
      assert.deepEqual([first.code, first.wasClean], [code, true]);
      assert.deepEqual([second.code, second.reason, second.wasClean], [code, "because", true]);
    }
  });

  test(`${name}: a silent connection is closed by the proxy, with 1006 at both ends`, async (t) => {
    const [client, server] = await echoThrough(t, proxy, { timeout: `${SHORT}ms` });
    const connection = once(server, "connection");
    const ours = client();
    const [theirs] = (await connection) as [WebSocket];
    const ends = await Promise.all([closed(ours), closed(theirs)]);
    assert.deepEqual(
      ends.map(({ code, wasClean }) => [code, wasClean]),
      [
        [1006, false],
        [1006, false],
      ],
    );
  });

  for (const side of ["server", "client"]) {
    test(`${name}: pings of the ${side} keep it open, over the proxy's timeout`, async (t) => {
      const timeout = `${SHORT}ms`;
      const keepAlive = { pingInterval: SHORT / 4, pongTimeout: 60_000 };
      const [client, server] = await echoThrough(t, proxy, side === "server" ? { timeout, ...keepAlive } : { timeout });
      const connection = once(server, "connection");
      const ours = client(side === "client" ? keepAlive : {});
      const [theirs] = (await connection) as [WebSocket];
      await opened(ours);
      const pinged = side === "server" ? ours : theirs;
      const end = closed(pinged).then(({ code }) => assert.fail(`closed with ${code}`));
      // each comes after a quarter of the timeout: together they take more than two of it
      for (let pings = 0; pings < 9; pings++) await Promise.race([nextEvent(pinged, "ping"), end]);
      end.catch(() => {});
      await roundTrip(ours, "still there");
    });
  }

  test(`${name}: 100 connections at once`, async (t) => {
    const [client, server] = await echoThrough(t, proxy);
    const sockets = Array.from({ length: 100 }, () => client());
    await Promise.all(sockets.map((socket, index) => roundTrip(socket, `number ${index}`)));
    assert.equal(server.clients.size, 100);
    const ends = Promise.all(sockets.map(closed));
    for (const socket of sockets) socket.close(1000);
    assert.deepEqual(new Set((await ends).map(({ code }) => code)), new Set([1000]));
  });

  test(`${name}: a server that goes says 1001, one that is gone is ${proxy.badGateway}, one that is back is found`, async (t) => {
    const [client, server, port] = await echoThrough(t, proxy);
    const first = client();
    await roundTrip(first, "Hello");
    const end = closed(first);
    await server.close();
    assert.equal((await end).code, 1001);

    const refused = client();
    const { error } = await nextEvent<ErrorEvent>(refused, "error");
    const { code, status } = error as { code: string; status: number };
    assert.deepEqual([code, status], ["WS_ERR_UNEXPECTED_RESPONSE", proxy.badGateway]);

    await serveEcho(t, { port });
    // HAProxy looks every two seconds whether it is back
    for (;;) {
      const again = client();
      const isOpen = await Promise.race([nextEvent(again, "open").then(() => true), closed(again).then(() => false)]);
      if (!isOpen) await wait(100);
      else {
        await roundTrip(again, "Hello again");
        return;
      }
    }
  });

  test(`${name}: a server that dies is 1006`, async (t) => {
    const [client, server] = await echoThrough(t, proxy);
    const socket = client();
    await roundTrip(socket, "Hello");
    const end = closed(socket);
    for (const one of server.clients) one.terminate();
    const { code, wasClean } = await end;
    assert.deepEqual([code, wasClean], [1006, false]);
  });

  test(`${name}: a refusal passes as it is`, async (t) => {
    const { port } = await serve(t, { origins: ["https://example.com"] });
    const client = await proxyFor(t, proxy, `127.0.0.1:${port}`);
    const { error } = await nextEvent<ErrorEvent>(client({ headers: { Origin: "https://evil.example" } }), "error");
    assert.equal((error as { status: number }).status, 403);
    await opened(client({ headers: { Origin: "https://example.com" } }));
  });

  test(`${name}: the server may be at a unix socket`, async (t) => {
    const folder = mkdtempSync(join(tmpdir(), "ws-"));
    t.after(() => rmSync(folder, { recursive: true }));
    const socketPath = join(folder, "socket");
    const server = new WebSocketServer({ socketPath });
    t.after(() => server.close());
    server.on("connection", (socket) => {
      socket.onmessage = ({ data }) => socket.send(data);
    });
    await once(server, "listening");
    const client = await proxyFor(t, proxy, proxy.unix(socketPath));
    await roundTrip(client(), "Hello");
    assert.equal(server.clients.size, 1);
  });
}
