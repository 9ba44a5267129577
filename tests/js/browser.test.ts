/** Chromium's own WebSocket against our server, and what the server of the start page gives out. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { createServer, get } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";

import { type Browser, chromium } from "playwright-core";
import { WebSocket as Client, WebSocketServer } from "websocket-component";
import { once } from "./support.js";

const start = fileURLToPath(new URL("../../scripts/start.mjs", import.meta.url));
const FLAGS =
  "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync";

let browser: Browser;
const children: ChildProcess[] = [];

before(async () => {
  const { CHROMIUM } = process.env;
  assert.ok(CHROMIUM, "CHROMIUM names the browser: scripts/toolchain browser finds it");
  browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS.split(" ") });
});

after(async () => {
  await browser?.close();
  for (const child of children) child.kill("SIGKILL");
});

test("Chromium gets back from our server what it sends, and closes with codes both ways", async (t) => {
  const http = createServer((_request, response) =>
    response.writeHead(200, { "Content-Type": "text/html" }).end("<title>t</title>"),
  );
  const server = new WebSocketServer({ server: http, chooseProtocol: (offered) => offered[1] });
  const closes: [number, string, boolean][] = [];
  server.on("connection", (socket) => {
    socket.onmessage = ({ data }) => (data === "close me" ? socket.close(3456, "as you like") : socket.send(data));
    socket.onclose = ({ code, reason, wasClean }) => closes.push([code, reason, wasClean]);
  });
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  t.after(async () => {
    await server.close();
    http.closeAllConnections();
    http.close();
  });
  const page = await browser.newPage();
  await page.goto(`http://127.0.0.1:${(http.address() as AddressInfo).port}/`);
  const outcome = await page.evaluate(async () => {
    const url = location.origin.replace("http", "ws");
    const open = (): Promise<WebSocket> =>
      new Promise((resolve, reject) => {
        const socket = new WebSocket(url, ["first", "second"]);
        socket.binaryType = "arraybuffer";
        socket.onopen = () => resolve(socket);
        socket.onerror = () => reject(new Error("no connection"));
      });
    const closed = (socket: WebSocket): Promise<CloseEvent> => new Promise((resolve) => (socket.onclose = resolve));
    const socket = await open();
    const texts = ["", "Hello", "größe 😀", "x".repeat(125), "x".repeat(126), "x".repeat(70_000)];
    const sizes = [0, 1, 125, 126, 65_535, 65_536, 1_048_576];
    const same: boolean[] = [];
    for (const text of texts) {
      socket.send(text);
      same.push((await new Promise<MessageEvent>((resolve) => (socket.onmessage = resolve))).data === text);
    }
    for (const size of sizes) {
      const bytes = new Uint8Array(size).map((_, index) => index * 7);
      socket.send(bytes);
      const { data } = await new Promise<MessageEvent>((resolve) => (socket.onmessage = resolve));
      same.push(data.byteLength === size && new Uint8Array(data).every((byte, index) => byte === bytes[index]));
    }
    const mine = closed(socket);
    socket.close(4000, "mine");
    const second = await open();
    const theirs = closed(second);
    second.send("close me");
    const details = ({ code, reason, wasClean }: CloseEvent) => [code, reason, wasClean];
    return { same, protocol: socket.protocol, mine: details(await mine), theirs: details(await theirs) };
  });
  assert.deepEqual(new Set(outcome.same), new Set([true]));
  assert.equal(outcome.same.length, 13);
  assert.equal(outcome.protocol, "second");
  assert.deepEqual(outcome.mine, [4000, "", true]);
  assert.deepEqual(outcome.theirs, [3456, "as you like", true]);
  assert.deepEqual(closes[0], [4000, "mine", true]);
  await page.close();
});

/** The addresses of the page and of the echo server. */
async function startPage(port: string): Promise<{ page: URL; echo: URL }> {
  const child = spawn(process.execPath, [start, "--port", port], { stdio: ["ignore", "pipe", "inherit"] });
  children.push(child);
  let out = "";
  for await (const chunk of child.stdout) {
    out += chunk;
    const address = /http:\S+/.exec(out)?.[0];
    if (address === undefined || !out.includes("Ctrl-C")) continue;
    return { page: new URL(address), echo: new URL(/websocket-component connect (ws:\S+)/.exec(out)?.[1] as string) };
  }
  throw new Error(`npm start ended: ${out}`);
}

test("the start page's server gives out its own files, and no request leads out of them or ends it", async () => {
  const { page: first } = await startPage("0");
  const { origin } = (await startPage(first.port)).page;
  assert.notEqual(origin, first.origin, "the port of the first is taken");
  const status = async (target: string): Promise<number | undefined> => {
    const [response] = await once(get(origin, { path: target }), "response");
    response.resume();
    return response.statusCode;
  };
  for (const target of ["/", "/?a=b", "/index.html", "/index.js"]) {
    assert.equal(await status(target), 200, target);
  }
  const outside = [
    "/../package.json",
    "/../../package.json",
    "/x/../../../package.json",
    "/%2e%2e/%2e%2e/package.json",
    "/..%2f..%2fpackage.json",
    "/..%5c..%5cpackage.json",
    "/..\\..\\package.json",
    "/..%5c..%5c..%5c..%5c..%5cetc/passwd",
    "/scripts/start.mjs",
  ];
  const odd = ["//", "/%E0", "/%00", "*", "http://[/", `/${"a".repeat(9000)}`, "/dist", "/index.html/", "/none"];
  for (const target of [...outside, ...odd]) assert.equal(await status(target), 404, target);
});

test("the start page has a policy that lets in no script of others, and its echo server no page of others", async () => {
  const { page, echo } = await startPage("0");
  const html = await (await fetch(page)).text();
  const policy = /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(html)?.[1] ?? "";
  assert.match(policy, /default-src 'none'/);
  const scripts = /script-src ([^;]*)/.exec(policy)?.[1] ?? "";
  assert.doesNotMatch(scripts, /unsafe-inline|'unsafe-eval'|https?:|\*|data:|blob:/);
  const statusOf = async (headers: Record<string, string>) => {
    const socket = new Client(echo, { headers });
    return await new Promise((resolve) => {
      socket.onopen = () => resolve(101);
      socket.onerror = (event) => resolve((event as unknown as { error: { status: number } }).error.status);
    }).finally(() => socket.close());
  };
  assert.equal(await statusOf({}), 101);
  assert.equal(await statusOf({ Origin: page.origin }), 101);
  assert.equal(await statusOf({ Origin: "https://evil.example" }), 403);
  assert.equal(await statusOf({ Origin: "null" }), 403);
  assert.equal(await statusOf({ Host: "evil.example" }), 403);
});
