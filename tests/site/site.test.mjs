// The site in build/docs/, in Chromium: axe-core's rules, nothing wider than the window, nothing that fails to load,
// and a search that finds. Pictures are left in build/screenshots-site/.
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { extname, join, normalize } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const SITE = fileURLToPath(new URL("../../build/docs/", import.meta.url));
const PICTURES = fileURLToPath(new URL("../../build/screenshots-site/", import.meta.url));
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const FLAGS = "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking";
const TYPES = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml" };
const PAGES = readdirSync(SITE).filter((name) => name.endsWith(".html") && name !== "404.html");
const LOOKS = [
  { colorScheme: "light", viewport: { width: 1280, height: 900 } },
  { colorScheme: "dark", viewport: { width: 390, height: 844 } },
];

let browser;
let server;
let base;

before(async () => {
  mkdirSync(PICTURES, { recursive: true });
  server = createServer(serveFile).listen(0, "127.0.0.1");
  await once(server, "listening");
  base = `http://127.0.0.1:${server.address().port}`;
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: FLAGS.split(" ") });
});
after(async () => {
  await browser?.close();
  server?.close();
});

for (const page of PAGES) {
  test(`${page} passes axe, fits, and loads, light and dark, wide and narrow`, async (t) => {
    for (const look of LOOKS) {
      const { tab, errors } = await open(t, look);
      await tab.goto(`${base}/${page}`);
      await tab.screenshot({ path: join(PICTURES, `${page}-${look.colorScheme}.png`) });
      assert.deepEqual([...(await findings(tab)), ...errors], []);
    }
  });
}

test("the search finds an option, and leads to its page", async (t) => {
  const { tab } = await open(t, LOOKS[0]);
  await tab.goto(base);
  await tab.getByRole("button", { name: "Search" }).first().click();
  await tab.getByRole("searchbox").fill("maxMessageSize");
  await tab.locator(".result").first().click();
  await tab.getByText("maxMessageSize").first().waitFor();
});

async function open(t, look) {
  const context = await browser.newContext(look);
  t.after(() => context.close());
  const tab = await context.newPage();
  const errors = [];
  tab.on("pageerror", (error) => errors.push(`${error}`));
  tab.on("response", (response) => response.ok() || errors.push(`${response.status()} ${response.url()}`));
  return { tab, errors };
}

async function findings(tab) {
  await tab.evaluate(AXE);
  return tab.evaluate(async () => {
    const { violations } = await globalThis.axe.run(document, { resultTypes: ["violations"] });
    const excess = document.documentElement.scrollWidth - innerWidth;
    const found = violations.map(({ id, nodes }) => `${id} at ${nodes[0].target.join(" ")}`);
    return excess > 0 ? [...found, `${excess} pixels wider than the window`] : found;
  });
}

function serveFile({ url }, response) {
  const name = normalize(decodeURIComponent(url.split("?")[0])).replace(/\/$/, "/index.html");
  for (const file of [name, `${name}.html`]) {
    try {
      const bytes = readFileSync(join(SITE, file));
      response.writeHead(200, { "Content-Type": TYPES[extname(file)] ?? "application/octet-stream" }).end(bytes);
      return;
    } catch {}
  }
  response.writeHead(404).end();
}
