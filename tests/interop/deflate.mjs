// permessage-deflate between us and others: `npx tsc -p js && node tests/interop/deflate.mjs [PEER…]` prints a table.
// Deno and Bun come from npm, into a cache. CHROMIUM names the browser, else /usr/bin/chromium.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { connect as connectTcp, createServer as createTcpServer } from "node:net";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

import { chromium } from "playwright-core";
import { WebSocket as Undici } from "undici";
import { WebSocket as Ws, WebSocketServer as WsServer } from "ws";

import { WebSocket, WebSocketServer } from "../../dist/entry/node.js";
import { program } from "../../scripts/tools.mjs";
import { farEnd, messages, nearEnd, sizeOf } from "./peer.mjs";

const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";
const FLAGS = "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking";
const TIME = 30_000;

const TAKEOVER = { serverNoContextTakeover: false, clientNoContextTakeover: false, threshold: 0 };
const NO_TAKEOVER = { serverNoContextTakeover: true, clientNoContextTakeover: true, threshold: 0 };

/** What one side asks for; `ws` has the same names. */
const columns = {
  "takeover both": TAKEOVER,
  "no takeover both": NO_TAKEOVER,
  "server window 9": { ...TAKEOVER, serverMaxWindowBits: 9 },
  "client window 9": { ...TAKEOVER, clientMaxWindowBits: 9 },
};

/** Bun's names of compressor and decompressor for them; its smallest decompressor is said to be of 3 KB. */
const OF_BUN = {
  "takeover both": ["dedicated", "dedicated"],
  "no takeover both": ["shared", "shared"],
  "server window 9": ["3KB", "dedicated"],
  "client window 9": ["dedicated", "3KB"],
};

const PAYLOAD = [...messages(1), ...messages(2)].reduce((sum, data) => sum + sizeOf(data), 0);

const cleanups = [];

/** Peers: each gives a cell's text for the name of a column. */
const peers = {
  "`ws` client, our server asks": (column) => toOurServer(columns[column], wsClient({ threshold: 0 })),
  "`ws` client, it asks": (column) => toOurServer(TAKEOVER, wsClient(columns[column])),
  // to be told `false` for its takeover, it would answer 400 to clients that ask for none
  "`ws` server, our client asks": async (column) => toServer(await wsServer({ threshold: 0 }), columns[column]),
  "`ws` server, it asks": async (column) => toServer(await wsServer(columns[column]), TAKEOVER),
  "undici client, our server asks": (column) => toOurServer(columns[column], undiciClient),
  "Chromium client, our server asks": (column) => toOurServer(columns[column], chromiumClient),
  "Deno client, our server asks": (column) => toOurServer(columns[column], runtimeClient("deno")),
  "Deno server, our client asks": async (column) => toServer(await denoServer(), columns[column]),
  "Bun client, our server asks": (column) => toOurServer(columns[column], runtimeClient("bun")),
  "Bun server, our client asks": async (column) => toServer(await bunServer("takeover both"), columns[column]),
  "Bun server, it asks": async (column) => toServer(await bunServer(column), TAKEOVER),
};

/** Our server, and a client that `connect` starts. */
async function toOurServer(perMessageDeflate, connect) {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1", closeTimeout: 1000, perMessageDeflate });
  await once(server, "listening");
  const connection = once(server, "connection");
  const failed = connect(`ws://127.0.0.1:${server.address().port}/`);
  const [socket, request] = await Promise.race([connection, failed]);
  const verdict = await within(nearEnd(socket));
  const { bytesRead, bytesWritten } = request.socket;
  const offer = request.headers["sec-websocket-extensions"] ?? "nothing";
  socket.close(1000);
  await server.close();
  return cell(socket.extensions, verdict, bytesWritten, bytesRead, `it offers ${offer}`);
}

/** Our client through a proxy that counts, and a server. */
async function toServer(port, perMessageDeflate) {
  let [written, read] = [0, 0];
  const proxy = createTcpServer((near) => {
    const far = connectTcp(port, "127.0.0.1");
    for (const socket of [near, far]) socket.on("error", () => {});
    near.on("data", (chunk) => (written += chunk.length)).pipe(far);
    far.on("data", (chunk) => (read += chunk.length)).pipe(near);
    near.on("close", () => far.destroy());
    far.on("close", () => near.destroy());
  });
  await once(proxy.listen(0, "127.0.0.1"), "listening");
  const socket = new WebSocket(`ws://127.0.0.1:${proxy.address().port}/`, { closeTimeout: 1000, perMessageDeflate });
  socket.binaryType = "arraybuffer";
  const opened = new Promise((resolve) => {
    socket.onopen = () => resolve("");
    socket.onerror = ({ error }) => resolve(`FAIL: ${error.message}`);
  });
  const failure = await within(opened);
  const verdict = failure === "" ? await within(nearEnd(socket)) : failure;
  const { extensions } = socket;
  socket.close();
  proxy.close();
  return cell(extensions, verdict, written, read, "it selects nothing");
}

function cell(extensions, verdict, written, read, why) {
  const agreed = extensions === "" ? `no extension (${why})` : `\`${extensions}\``;
  const share = (bytes) => `${Math.round((bytes / PAYLOAD) * 100)} %`;
  const traffic = verdict === "OK" ? `; on the wire ${share(written)} sent, ${share(read)} received` : "";
  return `${agreed}: ${verdict}${traffic}`;
}

function within(promise) {
  let timer;
  const late = new Promise((resolve) => {
    timer = setTimeout(() => resolve(`FAIL: not done after ${TIME} ms`), TIME);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

function wsClient(perMessageDeflate) {
  return (url) => {
    const ws = new Ws(url, { perMessageDeflate });
    const take = farEnd((data) => ws.send(data));
    ws.on("message", (data, isBinary) => take(isBinary ? data : data.toString()));
    return rejectionOf(ws);
  };
}

function undiciClient(url) {
  const socket = new Undici(url);
  socket.binaryType = "arraybuffer";
  const take = farEnd((data) => socket.send(data));
  socket.onmessage = ({ data }) => take(data);
  return rejectionOf(socket);
}

function rejectionOf(socket) {
  return new Promise((_, reject) => {
    socket.addEventListener("error", ({ error, message }) => reject(error ?? new Error(message)));
  });
}

async function wsServer(perMessageDeflate) {
  const server = new WsServer({ port: 0, host: "127.0.0.1", perMessageDeflate });
  server.on("connection", (ws) => {
    const take = farEnd((data) => ws.send(data));
    ws.on("message", (data, isBinary) => take(isBinary ? data : data.toString()));
    ws.on("error", () => {});
  });
  await once(server, "listening");
  cleanups.push(() => server.close());
  return server.address().port;
}

let page;

async function chromiumClient(url) {
  page ??= await blankPage();
  return page.evaluate(async (url) => {
    const { connect } = await import("/peer.mjs");
    const { code } = await connect(url);
    throw new Error(`closed with ${code}`);
  }, url);
}

async function blankPage() {
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS.split(" ") });
  cleanups.push(() => browser.close());
  const http = createServer((request, response) => {
    if (request.url !== "/peer.mjs") return void response.writeHead(200, { "Content-Type": "text/html" }).end("");
    response.writeHead(200, { "Content-Type": "text/javascript" }).end(readFileSync(path("peer.mjs")));
  });
  await once(http.listen(0, "127.0.0.1"), "listening");
  cleanups.push(() => http.close());
  const blank = await browser.newPage();
  await blank.goto(`http://127.0.0.1:${http.address().port}/`);
  return blank;
}

function runtimeClient(name) {
  return async (url) => {
    const child = run(name, "client.mjs", url);
    let said = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (said += chunk));
    await once(child, "close");
    throw new Error(`${name} ended: ${said.trim()}`);
  };
}

let ofDeno;

function denoServer() {
  ofDeno ??= portOf(run("deno", "deno-server.mjs"));
  return ofDeno;
}

const ofBun = new Map();

function bunServer(column) {
  if (!ofBun.has(column)) ofBun.set(column, portOf(run("bun", "bun-server.mjs", ...OF_BUN[column])));
  return ofBun.get(column);
}

/** Starts a script of this folder in a runtime. */
function run(name, script, ...args) {
  const flags = name === "deno" ? ["run", "--quiet", "--allow-net"] : [];
  const child = spawn(program(name), [...flags, path(script), ...args], { stdio: ["ignore", "pipe", "pipe"] });
  cleanups.push(() => child.kill("SIGKILL"));
  return child;
}

async function portOf(child) {
  let said = "";
  child.stderr.on("data", (chunk) => (said += chunk));
  const line = once(createInterface(child.stdout), "line");
  const ended = once(child, "close").then(() => Promise.reject(new Error(`the server ended: ${said.trim()}`)));
  return Number((await Promise.race([line, ended]))[0]);
}

function path(name) {
  return fileURLToPath(new URL(name, import.meta.url));
}

const wanted = process.argv.slice(2);
const chosen = Object.entries(peers).filter(
  ([name]) => wanted.length === 0 || wanted.some((part) => name.toLowerCase().includes(part.toLowerCase())),
);
let failures = 0;
console.log(`| Peer | ${Object.keys(columns).join(" | ")} |`);
console.log(`|${" --- |".repeat(1 + Object.keys(columns).length)}`);
for (const [name, cellOf] of chosen) {
  const cells = [];
  for (const column of Object.keys(columns)) {
    const text = await cellOf(column).catch((error) => `FAIL: ${error.message.replaceAll(/\s+/g, " ")}`);
    if (text.includes("FAIL")) failures += 1;
    cells.push(text);
  }
  console.log(`| ${name} | ${cells.join(" | ")} |`);
}
for (const cleanup of cleanups) await cleanup();
process.exit(failures === 0 ? 0 : 1);
