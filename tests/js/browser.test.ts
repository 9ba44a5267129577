/** Chromium's own WebSocket against our server, and the start page end to end. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, get } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";

import { type Browser, chromium, type Page } from "playwright-core";
import { WebSocketServer } from "websocket-component";

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

async function startPage(): Promise<{ page: Page; origin: string; out: string }> {
  const child = spawn(process.execPath, [start, "--port", "18080"], { stdio: ["ignore", "pipe", "inherit"] });
  children.push(child);
  let out = "";
  for await (const chunk of child.stdout) {
    out += chunk;
    const address = /http:\S+/.exec(out)?.[0];
    if (address === undefined || !out.includes("Ctrl-C")) continue;
    const page = await browser.newPage();
    page.on("pageerror", (error) => assert.fail(error));
    await page.goto(address);
    return { page, origin: new URL(address).origin, out };
  }
  throw new Error(`npm start ended: ${out}`);
}

test("the start page talks to the echo server and runs the engine itself", async () => {
  const { page } = await startPage();
  await page.waitForSelector('#state[data-state="open"]');
  await page.fill("#text", "Grüße");
  await page.keyboard.press("Enter");
  await page.click('[data-bytes="1048576"]');
  await page.waitForFunction(() => document.querySelectorAll("#log li").length === 4);
  const log = await page.locator("#log li").allInnerTexts();
  assert.match(
    log.reverse().join(" | ").replaceAll(/\s+/g, " "),
    /→ Grüße .*← Grüße [\d.]+ ms .*← 1,048,576 bytes [\d.]+ ms/,
  );
  await page.fill("#payload", "Hi");
  const actions = await page.locator("#actions tr").allInnerTexts();
  assert.equal(actions.length, 4);
  assert.match(actions[0] ?? "", /client\s+SendToNetwork\s+81 82( [0-9a-f]{2}){6}$/);
  assert.match(actions[3] ?? "", /server\s+IndicateReceiveComplete\s+48 69$/);
  await page.click("#toggle");
  await page.waitForSelector('#state[data-state="closed"]');
  assert.match(String(await page.locator("#log li").first().textContent()), /closed with 1000/);
  await page.click("#toggle");
  await page.waitForSelector('#state[data-state="open"]');
  await page.close();
});

test("the start page's server gives out its own files, and no request leads out of them or ends it", async () => {
  const { origin, out, page } = await startPage();
  assert.match(out, /^Port 18080 is taken, trying 18081/m, "by the test before this");
  const status = async (target: string): Promise<number | undefined> => {
    const [response] = await once(get(origin, { path: target }), "response");
    response.resume();
    return response.statusCode;
  };
  for (const target of ["/", "/?a=b", "/www/style.css", "/pkg/websocket_component_bg.wasm"]) {
    assert.equal(await status(target), 200, target);
  }
  const outside = [
    "/../package.json",
    "/www/../package.json",
    "/www/%2e%2e/package.json",
    "/www/..%2fpackage.json",
    "/www/..%5cpackage.json",
    "/www/..\\package.json",
    "/www/..%5c..%5c..%5c..%5c..%5cetc/passwd",
    "/scripts/start.mjs",
  ];
  const odd = ["//", "/%E0", "/www/%00", "*", "http://[/", `/www/${"a".repeat(9000)}`, "/dist", "/www/", "/www/none"];
  for (const target of [...outside, ...odd]) assert.equal(await status(target), 404, target);
  await page.close();
});
