// Bundles, and pages in Chromium.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { dirname, extname, join } from "node:path";
import { after } from "node:test";
import { pathToFileURL } from "node:url";

import { build } from "esbuild";
import { chromium } from "playwright-core";

import { program } from "../../scripts/tools.mjs";
import { project, run } from "./project.mjs";
import { cell } from "./table.mjs";

const HELLO = "810548656c6c6f";
const FLAGS =
  "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync";
const TYPES = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".wasm": "application/wasm",
};

let browser;
const cleanups = [];
after(async () => {
  await browser?.close();
  for (const cleanup of cleanups) cleanup();
});

/** Adds the cells of bundlers and of pages without any. */
export function testBundlers() {
  const folder = project("bundles");
  testEsbuild(folder);
  testVite(folder);
  testPages(folder);
}

function testEsbuild(folder) {
  for (const source of ["inline.mjs", "inline.cjs"]) {
    for (const format of ["esm", "cjs"]) {
      cell(`esbuild, ${source} to ${format}, in Node`, "bundle", async () => {
        const file = await bundle(folder, source, format === "esm" ? "mjs" : "cjs", { platform: "node", format });
        return prints(await run(folder, process.execPath, file));
      });
    }
  }
  const forPages = { platform: "browser", format: "iife" };
  cell("esbuild, one file, from a disk", "page", async () => {
    const file = await bundle(folder, "page-inline.mjs", "js", forPages);
    const page = join(dirname(file), "index.html");
    writeFileSync(page, `<!doctype html><script src="${pathToFileURL(file)}"></script>`);
    return shows(pathToFileURL(page).href);
  });
  cell("esbuild, one file, strictest policy", "page", async () => {
    const file = await bundle(folder, "page-inline.mjs", "js", forPages);
    writeFileSync(join(dirname(file), "index.html"), '<!doctype html><script src="./bundle.js"></script>');
    const policy = { "Content-Security-Policy": "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'" };
    return shows(await serve(dirname(file), TYPES, policy));
  });
  cell("esbuild, one file, in a worker", "page", async () => {
    const source = readFileSync(await bundle(folder, "page-inline.mjs", "js", forPages), "utf8");
    const said = await inPage("about:blank", (page) => page.evaluate(inWorker, source));
    assert.equal(said, HELLO);
    return "OK";
  });
}

/** Runs in a page: what a worker of that source says. */
function inWorker(source) {
  const worker = new Worker(URL.createObjectURL(new Blob([source])));
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = ({ message }) => reject(new Error(message));
  });
}

/** A bundle in a folder of its own, where it finds nothing beside it. */
async function bundle(folder, source, extension, options) {
  const alone = mkdtempSync(`${folder}-`);
  const outfile = join(alone, `bundle.${extension}`);
  await build({ entryPoints: [join(folder, source)], bundle: true, outfile, logLevel: "silent", ...options });
  assert.deepEqual(readdirSync(alone), [`bundle.${extension}`]);
  return outfile;
}

function testVite(folder) {
  cell("Vite", "bundle", async () => {
    await run(folder, program("vite"), "build", "--logLevel", "warn", "--target", "es2022");
    const assets = readdirSync(join(folder, "dist/assets")).map((name) => extname(name));
    assert.deepEqual(assets.sort(), [".js", ".wasm"]);
    return "OK";
  });
  cell("Vite", "page", async () => shows(await serve(join(folder, "dist"), TYPES)));
  cell("Vite, its own server", "page", async () => shows(await viteServer(folder)));
}

/** Starts Vite's server for development, and gives its address. */
async function viteServer(folder) {
  const child = spawn(program("vite"), ["--host", "127.0.0.1", "--port", "0"], {
    cwd: folder,
    env: { ...process.env, NO_COLOR: "1" },
  });
  cleanups.push(() => child.kill("SIGKILL"));
  let said = "";
  for await (const chunk of child.stdout) {
    said += chunk;
    const url = /http:\S+/.exec(said);
    if (url !== null) return url[0];
  }
  throw new Error(`Vite has no address: ${said}`);
}

function testPages(folder) {
  const way = "/node_modules/websocket-component/dist/entry/component-browser.js";
  const map = JSON.stringify({ imports: { "websocket-component/component": way } });
  const page = `<!doctype html><script type="importmap">${map}</script><script type="module" src="./page.mjs"></script>`;
  writeFileSync(join(folder, "plain.html"), page);
  const plain = async (types) => `${await serve(folder, types)}plain.html`;
  cell("No bundler", "page", async () => shows(await plain(TYPES)));
  cell("No bundler, wasm of an unknown type", "page", async () => {
    return shows(await plain({ ...TYPES, ".wasm": "application/octet-stream" }));
  });
  cell("No bundler, no wasm", "page", async () => {
    const { ".wasm": _, ...types } = TYPES;
    const url = await plain(types);
    const message = await inPage(url, (page) => page.evaluate(`import("${way}").catch(({ message }) => message)`));
    assert.match(message, /^The engine is not at http.*\.wasm: the server answered 404$/);
    return "an error";
  });
}

/** Serves the files of a folder whose types are given, and gives the address. */
async function serve(folder, types, headers = {}) {
  const server = createServer(({ url }, response) => {
    const path = join(folder, url === "/" ? "index.html" : url);
    const type = types[extname(path)];
    if (type === undefined || !existsSync(path) || !statSync(path).isFile()) response.writeHead(404).end();
    else response.writeHead(200, { ...headers, "Content-Type": type }).end(readFileSync(path));
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  cleanups.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${server.address().port}/`;
}

/** Opens a page that makes a frame. */
async function shows(url) {
  const made = await inPage(url, async (page) => {
    await page.waitForFunction("globalThis.frame !== undefined", undefined, { timeout: 20_000 });
    return page.evaluate("frame");
  });
  assert.equal(made, HELLO);
  return "OK";
}

/** Does something in a new page; a failure has the page's errors. */
async function inPage(url, act) {
  const executablePath = process.env.CHROMIUM;
  assert.ok(executablePath, "CHROMIUM names the browser: scripts/toolchain browser finds it");
  browser ??= await chromium.launch({ executablePath, args: FLAGS.split(" ") });
  const page = await browser.newPage();
  const errors = [];
  page.on("pageerror", ({ message }) => errors.push(message));
  try {
    await page.goto(url);
    return await act(page);
  } catch (error) {
    throw new Error(`${url}: ${errors.join("; ")}`, { cause: error });
  } finally {
    await page.close();
  }
}

function prints(output) {
  assert.equal(output, "OK");
  return output;
}
