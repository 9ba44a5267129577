/** The command `proxy` in front of a small application, whose client is a page in Chromium, over TLS. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import type { Browser, Page } from "playwright-core";
import { WebSocketServer } from "ws";

import { CERTIFICATE, KEY } from "./certificate.js";
import { built, launch, newPage, ROOT, shortcomings, waitForRows } from "./support.js";

/** A chat of one: what the page sends comes back, text and bytes, compressed if the browser offers that. */
const APPLICATION = `<!doctype html><title>Chat</title><p id="state">connecting</p><ol id="log"></ol><script>
  window.socket = new WebSocket(location.href.replace("http", "ws") + "chat?room=7");
  socket.binaryType = "arraybuffer";
  const say = (text) => document.getElementById("log").append(Object.assign(document.createElement("li"), { textContent: text }));
  socket.onopen = () => { document.getElementById("state").textContent = "open"; };
  socket.onclose = ({ code }) => { document.getElementById("state").textContent = "closed with " + code; };
  socket.onmessage = ({ data }) => say(typeof data === "string" ? data : "bytes " + new Uint8Array(data).join(" "));
</script>`;

let browser: Browser;
let folder: string;
let proxy: ChildProcess;
let proxyAddress: string;
let pageAddress: string;
const http = createServer({ cert: CERTIFICATE, key: KEY }, (_request, response) => {
  response.writeHead(200, { "Content-Type": "text/html" }).end(APPLICATION);
});
const server = new WebSocketServer({ server: http, perMessageDeflate: { threshold: 0 } });

before(async () => {
  browser = await launch();
  await mkdir(built("screenshots"), { recursive: true });
  folder = await mkdtemp(join(tmpdir(), "proxy-"));
  await Promise.all([writeFile(join(folder, "cert.pem"), CERTIFICATE), writeFile(join(folder, "key.pem"), KEY)]);
  server.on("connection", (socket) => {
    socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
  });
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  const target = `https://127.0.0.1:${(http.address() as AddressInfo).port}`;
  const certificate = ["--cert", join(folder, "cert.pem"), "--key", join(folder, "key.pem")];
  const command = new URL("dist/bin.js", ROOT).pathname;
  proxy = spawn(process.execPath, [command, "proxy", target, "--port", "0", "--insecure", ...certificate], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let out = "";
  while (!/traffic: \S+\n/.test(out)) out += (await once(proxy.stdout as NodeJS.ReadableStream, "data"))[0];
  proxyAddress = (/proxy on wss(\S+)/.exec(out)?.[1] ?? "").replace(/^/, "https");
  pageAddress = /traffic: (\S+)/.exec(out)?.[1] ?? "";
});

after(async () => {
  await browser?.close();
  proxy?.kill();
  for (const client of server.clients) client.terminate();
  http.close();
  http.closeAllConnections();
  await rm(folder, { recursive: true });
});

/** The application, through the proxy. */
async function openApplication(): Promise<Page> {
  const page = await newPage(browser, { ignoreHTTPSErrors: true }, `${proxyAddress}/`);
  await page.getByText("open", { exact: true }).waitFor();
  return page;
}

function send(page: Page, data: string | number[]): Promise<void> {
  return page.evaluate((given) => {
    const { socket } = globalThis as unknown as { socket: WebSocket };
    socket.send(typeof given === "string" ? given : Uint8Array.from(given));
  }, data);
}

test("an application's traffic is seen as it goes, and each new connection is in the list", async () => {
  const application = await openApplication();
  const page = await newPage(browser, {}, pageAddress);
  await page.getByText("Choose a connection").waitFor();
  await page.getByRole("button", { name: /chat\?room=7/ }).click();
  await waitForRows(page, [/→ request GET \/chat\?room=7/, /← response HTTP\/1.1 101/]);
  await send(application, "Hello, Köln");
  await application.locator("#log li", { hasText: "Köln" }).waitFor();
  await send(application, [1, 2, 255]);
  await waitForRows(page, [
    /request/,
    /response/,
    /→ text Hello, Köln/,
    /← text Hello, Köln/,
    /→ binary 01 02 ff/,
    /← binary 01 02 ff/,
  ]);
  assert.match(await page.locator("#records .record", { hasText: "Köln" }).first().innerText(), /deflate/);
  const second = await openApplication();
  await page.locator(".connection").nth(1).waitFor();
  await second.close();
  await page.locator(".connection", { hasText: "closed" }).waitFor();
  await page.reload();
  await page.locator("#records .record", { hasText: "Köln" }).first().waitFor();
  await page.context().close();
  await application.context().close();
});

test("messages are held, edited, dropped, replayed and injected from the page, and the application sees it", async () => {
  const application = await openApplication();
  const page = await newPage(browser, { viewport: { width: 1440, height: 900 } }, pageAddress);
  await page.locator(".connection").first().click();
  await page.locator("#records .record", { hasText: "101" }).waitFor();
  const row = await page.locator("#records .record").nth(1).boundingBox();
  assert.ok((row?.y ?? 999) <= 200, `the first row is at ${row?.y}`);
  const hold = page.getByRole("button", { name: /^Hold.*to server/ });
  await hold.click();
  await page.locator('button[aria-pressed="true"]').waitFor();
  for (const text of ["let go", "change me", "drop me"]) await send(application, text);
  const held = page.locator(".held > li");
  await held.nth(2).waitFor();
  await held.nth(2).getByRole("button", { name: "Drop" }).click();
  await held.nth(1).getByRole("button", { name: "Edit" }).click();
  await held.nth(1).getByLabel("Text to send instead").fill("changed");
  await held.nth(1).getByRole("button", { name: "Send edited" }).click();
  await held.nth(0).getByRole("button", { name: "Let go" }).click();
  await hold.click();
  const said = application.locator("#log li");
  await said.nth(1).waitFor();
  assert.deepEqual(await said.allInnerTexts(), ["let go", "changed"]);
  await page.locator("#records .record.toClient", { hasText: "changed" }).click();
  await page.getByRole("button", { name: "Replay" }).click();
  await said.nth(2).waitFor();
  await page.locator("summary", { hasText: "Inject" }).click();
  const inject = page.getByRole("form", { name: "Inject a frame" });
  await inject.getByLabel("Payload", { exact: true }).fill("out of nowhere");
  await inject.getByRole("button", { name: "Inject" }).click();
  await said.nth(3).waitFor();
  assert.deepEqual((await said.allInnerTexts()).slice(2), ["changed", "out of nowhere"]);
  await page.locator("summary", { hasText: "Inject" }).click();
  await page.locator("summary", { hasText: "4 interventions" }).click();
  assert.match(await page.locator(".log").innerText(), /dropped.*edited.*injected.*injected/s);
  await page.locator("summary", { hasText: "4 interventions" }).click();
  await page.locator("summary", { hasText: "Close …" }).click();
  await page.getByLabel("Status").fill("4009");
  await page.getByRole("button", { name: "Close both sides" }).click();
  await application.getByText("closed with 4009").waitFor();
  await page.context().close();
  await application.context().close();
});

for (const colorScheme of ["light", "dark"] as const) {
  for (const [size, viewport] of [
    ["wide", { width: 1440, height: 900 }],
    ["middle", { width: 900, height: 800 }],
    ["narrow", { width: 390, height: 844 }],
  ] as const) {
    test(`${colorScheme}, ${size}: a live connection with held messages can be read, has names, and fits`, async () => {
      const application = await openApplication();
      await send(application, JSON.stringify({ type: "order", id: 4711, items: [{ name: "tea", count: 2 }] }));
      await send(application, [1, 2, 255]);
      await application.locator("#log li").nth(1).waitFor();
      const page = await newPage(browser, { colorScheme, viewport }, pageAddress);
      await page.locator(".connection").first().click();
      await page.locator("#records .record", { hasText: "order" }).first().click();
      await page.getByRole("button", { name: /^Hold.*to server/ }).click();
      await page.locator('button[aria-pressed="true"]').waitFor();
      await send(application, "a message that waits");
      await send(application, JSON.stringify({ type: "order", id: 4712 }));
      await page.locator(".held > li").nth(1).getByRole("button", { name: "Edit" }).click();
      assert.deepEqual(await shortcomings(page), []);
      const path = built(`screenshots/proxy-${colorScheme}-${size}.png`);
      await page.screenshot({ path, fullPage: size === "narrow" });
      await page.context().close();
      await application.context().close();
    });
  }
}
