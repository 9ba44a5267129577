/** The inspector in a page and in a worker of Chromium, from plain files. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";

import { chromium } from "playwright-core";
import { once } from "./support.js";

const root = new URL("../../", import.meta.resolve("websocket-component"));
const TYPES: Record<string, string> = { js: "text/javascript", wasm: "application/wasm" };

const INSPECT = `
  import { inspectConnection, readCapture } from "/dist/entry/inspect-browser.js";
  const { connections } = readCapture(new TextEncoder().encode("818537fa213d7f9f4d5158"));
  const inspector = inspectConnection(connections[0]);
  const [record] = inspector.records();
  const told = [record.opcodeName, new TextDecoder().decode(inspector.payload(record))].join(" ");`;

const FILES: Record<string, string> = {
  "/": `<link rel="icon" href="data:,"><title>t</title><script type="module">
    ${INSPECT}
    const worker = new Worker("/worker.js", { type: "module" });
    worker.onmessage = ({ data }) => { document.title = told + ", " + data; };
  </script>`,
  "/worker.js": `${INSPECT}\n postMessage(told);`,
};

test("a page and its worker read a capture", async (t) => {
  const http = createServer(({ url = "" }, response) => {
    const type = TYPES[url.split(".").at(-1) as string] ?? "text/html";
    response.writeHead(200, { "Content-Type": type });
    response.end(FILES[url] ?? readFileSync(new URL(`.${url}`, root)));
  });
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  const executablePath = process.env.CHROMIUM as string;
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
  t.after(async () => {
    await browser.close();
    http.closeAllConnections();
    http.close();
  });
  const page = await browser.newPage();
  const errors: Error[] = [];
  page.on("pageerror", (error) => errors.push(error));
  await page.goto(`http://127.0.0.1:${(http.address() as AddressInfo).port}/`);
  await page.waitForFunction(() => document.title !== "t", undefined, { timeout: 30_000 }).catch(() => {});
  assert.deepEqual([errors, await page.title()], [[], "text Hello, text Hello"]);
});
