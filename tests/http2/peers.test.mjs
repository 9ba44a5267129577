// WebSockets over HTTP/2 with the clients and servers of others. A missing program is a skip that says so.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, createSecureServer } from "node:http2";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";

import { WebSocket, WebSocketServer } from "websocket-component";
import { WebSocket as WsSocket } from "websocket-component/ws";

import { env, haproxyArguments, lacksHaproxy } from "../../scripts/lib/haproxy.mjs";
import { freePort } from "../../scripts/lib/ports.mjs";
import { node, packageFolder } from "../../scripts/tools.mjs";
import { authority, certificate, key } from "../runtime/certificate.mjs";
import { reachable } from "../scale/engines.mjs";

/** The first Node whose own WebSocket uses HTTP/2. */
const NODE = "26.10.0";
const UNDICI = "8.13.1";
const SOCKETS = 100;
const tls = { ca: authority };

const folder = mkdtempSync(join(tmpdir(), "http2-"));
after(() => rmSync(folder, { recursive: true }));
const files = { ca: join(folder, "ca.pem"), cert: join(folder, "cert.pem"), key: join(folder, "key.pem") };
writeFileSync(files.ca, authority);
writeFileSync(files.cert, certificate);
writeFileSync(files.key, key);

/** Whether a program can be started. */
function lacks(program, hint, ...args) {
  const { error, status } = spawnSync(program, args, { env, stdio: "ignore" });
  return error || status !== 0 ? `needs ${hint}` : false;
}

/** A process that ends with the test, and its port once that is open. */
async function start(t, program, args, port) {
  const child = spawn(program, args, { env, cwd: fileURLToPath(new URL(".", import.meta.url)), stdio: "ignore" });
  const exit = once(child, "exit");
  t.after(async () => {
    child.kill("SIGKILL");
    await exit;
  });
  await reachable(port, child);
}

/** Our echo over HTTP/2; each connection's request is told. */
async function serve(t, onRequest, page = "") {
  const settings = { enableConnectProtocol: true };
  const http = createSecureServer({ key, cert: certificate, allowHTTP1: true, settings }, (_request, response) => {
    response.writeHead(200, { "content-type": "text/html" }).end(page);
  });
  const server = new WebSocketServer({ server: http, closeTimeout: 1000 });
  const sessions = [];
  http.on("session", (session) => sessions.push(session));
  server.on("connection", (socket, request) => {
    onRequest(request, socket);
    socket.onmessage = ({ data }) => socket.send(data);
  });
  http.listen(0, "localhost");
  await once(http, "listening");
  t.after(async () => {
    await server.close({ timeout: 0 });
    for (const session of sessions) session.destroy();
    http.close();
  });
  return http.address().port;
}

async function opened(url, options, Class = WebSocket) {
  const socket = new Class(url, options);
  await new Promise((resolve, reject) => {
    socket.onopen = resolve;
    socket.onerror = ({ error }) => reject(error);
  });
  return socket;
}

async function echoed(socket, data) {
  const message = new Promise((resolve) => {
    socket.onmessage = resolve;
  });
  socket.send(data);
  assert.deepEqual((await message).data, data);
}

async function closed(socket, code) {
  const end = new Promise((resolve) => {
    socket.onclose = resolve;
  });
  socket.close(code);
  return (await end).code;
}

/** A round trip by a client of others, against our server. */
async function roundTripOf(t, program, ...args) {
  const seen = [];
  let onEnd;
  const end = new Promise((resolve) => {
    onEnd = resolve;
  });
  const port = await serve(t, (request, socket) => {
    seen.push(`${request.method} ${request.httpVersion}`);
    socket.onclose = ({ code, wasClean }) => onEnd({ code, wasClean });
  });
  const child = spawn(
    program,
    [fileURLToPath(new URL("client.mjs", import.meta.url)), `wss://localhost:${port}/`, ...args],
    {
      env: { ...env, NODE_EXTRA_CA_CERTS: files.ca },
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  const lines = [];
  for await (const line of createInterface(child.stdout)) lines.push(JSON.parse(line));
  assert.deepEqual(lines, [
    { data: "Hello", protocol: "chat" },
    { code: 4000, wasClean: true },
  ]);
  assert.deepEqual([seen, await end], [["CONNECT 2.0"], { code: 4000, wasClean: true }]);
}

test(
  `the WebSocket of Node ${NODE} comes over HTTP/2 by itself`,
  { skip: process.arch !== "x64" || process.platform !== "linux" ? "npm has that Node for x64 Linux" : false },
  (t) => roundTripOf(t, node(NODE)),
);

test(
  `undici ${UNDICI} comes over HTTP/2`,
  { skip: process.arch !== "x64" || process.platform !== "linux" ? "npm has a new Node for x64 Linux" : false },
  (t) => roundTripOf(t, node(NODE), pathToFileURL(join(packageFolder("undici", UNDICI), "index.js")).href),
);

const chromium = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(existsSync);
test("Chromium opens many sockets on one session", {
  skip: chromium === undefined ? "needs Chromium" : false,
}, async (t) => {
  const { chromium: launcher } = await import("playwright-core");
  const sessions = new Set();
  const versions = new Set();
  const port = await serve(
    t,
    (request) => {
      versions.add(request.httpVersion);
      sessions.add(request.stream?.session);
    },
    "<!doctype html><title>sockets</title>",
  );
  const args = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
  ];
  const browser = await launcher.launch({ executablePath: chromium, args });
  t.after(() => browser.close());
  const page = await browser.newPage({ ignoreHTTPSErrors: true });
  await page.goto(`https://localhost:${port}/`);
  const answers = await page.evaluate(
    ([url, count]) =>
      Promise.all(
        Array.from(
          { length: count },
          (_, index) =>
            new Promise((resolve, reject) => {
              const socket = new WebSocket(url, ["chat"]);
              const long = "x".repeat(index * 1000);
              socket.onopen = () => socket.send(`${index} ${long}`);
              socket.onmessage = ({ data }) =>
                socket.close(4000 + index, data === `${index} ${long}` ? "same" : "other");
              socket.onerror = () => reject(new Error(`socket ${index} failed`));
              socket.onclose = ({ code, wasClean }) =>
                resolve([code - 4000, wasClean, socket.protocol, socket.extensions]);
            }),
        ),
      ),
    [`wss://localhost:${port}/`, SOCKETS],
  );
  assert.equal(answers.length, SOCKETS);
  for (const [index, [code, wasClean, protocol, extensions]] of answers.entries()) {
    assert.deepEqual([code, wasClean, protocol], [index, true, "chat"]);
    assert.match(extensions, /^permessage-deflate/);
  }
  assert.deepEqual([[...versions], sessions.size], [["2.0"], 1]);
});

test("through HAProxy, HTTP/2 in front of our server of HTTP/1.1", {
  skip: lacksHaproxy(),
}, async (t) => {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1", closeTimeout: 1000 });
  t.after(() => server.close({ timeout: 0 }));
  const versions = [];
  server.on("connection", (socket, request) => {
    versions.push(request.httpVersion);
    socket.onmessage = ({ data }) => (data === "lose me" ? socket.terminate() : socket.send(data));
  });
  await once(server, "listening");
  const port = await freePort();
  const options = { port, to: server.address().port, http2: "in front" };
  await start(t, "haproxy", haproxyArguments(folder, options), port);
  const url = `wss://localhost:${port}/`;
  const session = connect(`https://localhost:${port}`, tls);
  t.after(() => session.destroy());
  for (const options of [{ session }, { session }, { http2: true, tls }, { tls }]) {
    const socket = await opened(url, options);
    await echoed(socket, "Hello");
    await echoed(socket, "long ".repeat(100_000));
    assert.equal(await closed(socket, 4000), 4000);
  }
  const ws = await opened(url, { session }, WsSocket);
  await echoed(ws, "long ".repeat(100_000));
  assert.equal(await closed(ws, 4000), 4000);
  const lost = await opened(url, { session });
  const end = new Promise((resolve) => {
    lost.onclose = resolve;
  });
  lost.onerror = () => {};
  lost.send("lose me");
  assert.equal((await end).code, 1006);
  assert.deepEqual(versions, Array(6).fill("1.1"));
  assert.equal(session.destroyed, false);
});

const hypercorn = process.env.HYPERCORN ?? "";
test("our client and hypercorn", {
  skip: lacks(hypercorn || "hypercorn", "hypercorn from PyPI, in the variable HYPERCORN", "--help"),
}, async (t) => {
  const port = await freePort();
  // in one process, which the test ends; else its workers would outlive it
  const one = ["--workers", "0", "--bind", `127.0.0.1:${port}`];
  const args = [...one, "--certfile", files.cert, "--keyfile", files.key, "hypercorn_app:app"];
  await start(t, hypercorn, args, port);
  const url = `wss://localhost:${port}/`;
  for (const [Class, given] of [
    [WebSocket, { http2: true, tls }],
    [WebSocket, { tls }],
    [WsSocket, {}],
  ]) {
    const session = Class === WsSocket ? connect(`https://localhost:${port}`, tls) : undefined;
    t.after(() => session?.destroy());
    const options = { ...given, ...(session && { session }) };
    const socket = new Class(url, { ...options, protocols: ["chat"] });
    const { data } = await new Promise((resolve, reject) => {
      socket.onmessage = resolve;
      socket.onerror = ({ error }) => reject(error);
    });
    assert.equal(data, options.tls && !options.http2 ? "1.1" : "2");
    assert.equal(socket.protocol, "chat");
    await echoed(socket, "Hello");
    await echoed(socket, "long ".repeat(50_000));
    assert.equal(await closed(socket, 1000), 1000);
  }
});
