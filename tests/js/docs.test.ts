/** The documentation: its examples run and do what they say, its links lead somewhere, its lists are whole. */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { dirname, join } from "node:path";
import { before, type TestContext, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import { chromium } from "playwright-core";

import { documents, type Example, examples, pathOf, textOf } from "./examples.js";
import { once } from "./support.js";

/** Beside the tests, where the package's name means the package. */
const FOLDER = fileURLToPath(new URL("examples/", import.meta.url));
const EXTENSIONS: { readonly [language: string]: string } = { js: "mjs", ts: "mts", html: "html" };
const FLAGS = "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking";

const all = documents.flatMap(examples);
/** Those that run, by what runs together. */
const programs = new Map<string, Example[]>();
for (const example of all) {
  const name = example.words.get("run")?.[0];
  if (name === undefined) continue;
  const program = name === "" ? example.place : `${example.place.split(":")[0]}, ${name}`;
  programs.set(program, [...(programs.get(program) ?? []), example]);
}

let typeErrors = "";

before(() => {
  rmSync(FOLDER, { recursive: true, force: true });
  mkdirSync(FOLDER);
  const typed = all.filter(({ language, words }) => language === "ts" && !words.has("config"));
  for (const example of typed) writeFileSync(fileOf(example), example.code);
  const config = { extends: pathOf("tests/js/tsconfig.json"), include: ["*.mts"], exclude: [] };
  const compilerOptions = { rootDir: ".", outDir: ".", sourceMap: false };
  writeFileSync(join(FOLDER, "tsconfig.json"), JSON.stringify({ ...config, compilerOptions }));
  const compiler = pathOf("node_modules/typescript/bin/tsc");
  typeErrors = spawnSync(process.execPath, [compiler, "-p", FOLDER], { encoding: "utf8" }).stdout;
});

test("every example in TypeScript passes the type checker", () => {
  assert.equal(typeErrors, "");
});

test("every example in JavaScript, TypeScript and HTML says how it is tested", () => {
  const silent = all.filter(
    ({ language, words }) => language in EXTENSIONS && !["run", "check", "config"].some((word) => words.has(word)),
  );
  assert.deepEqual(
    silent.map(({ place }) => place),
    [],
  );
  assert.ok(programs.size > 0);
});

for (const [name, parts] of programs) {
  // less than the file has, so that a program that hangs is ended with its test
  test(`the example runs: ${name}`, (t) => (parts[0]?.language === "html" ? runPage(t, parts) : runProgram(t, parts)));
}

test("links between the documents and into the repository lead somewhere", () => {
  const broken = documents.flatMap((document) => {
    const links = [...withoutCode(textOf(document)).matchAll(/\]\((?!\w+:)([^)\s]+)\)/g)].map(
      ([, link]) => link as string,
    );
    return links.filter((link) => !leads(document, link)).map((link) => `${document}: ${link}`);
  });
  assert.deepEqual(broken, []);
});

test("the documents name no script that package.json lacks", () => {
  const { scripts } = JSON.parse(readFileSync(pathOf("package.json"), "utf8"));
  for (const document of documents) {
    for (const [, name] of textOf(document).matchAll(/\bnpm run (?:--\S+ )*([\w:]+)/g)) {
      assert.ok((name as string) in scripts, `${document}: npm run ${name}`);
    }
  }
});

test("every error code has its words, and no other", () => {
  const source = ["engine/errors", "engine/engine", "load/start", "inspect/errors"]
    .map((name) => readFileSync(pathOf(`js/${name}.ts`), "utf8"))
    .join("");
  const codes = new Set(Array.from(source.matchAll(/"((?:WS_ERR|E)_[A-Z_]+)"/g), ([, code]) => code));
  const told = Array.from(textOf("docs/errors.md").matchAll(/^\| `((?:WS_ERR|E)_[A-Z_]+)` \|/gm), ([, code]) => code);
  assert.deepEqual(told.toSorted(), [...codes].toSorted());
});

test("every option that a class accepts is in its table, and no other", () => {
  const text = textOf("docs/options.md");
  for (const name of ["WebSocket", "WebSocketServer"]) {
    const [, table = ""] = text.split(`## Options of \`${name}\`\n`);
    const named = Array.from(table.replace(/\n## [\s\S]*/, "").matchAll(/^\| `(\w+)` \|/gm), ([, option]) => option);
    const accepted = optionsOf(new RegExp(`: Kinds<${name}Options\\b`));
    assert.ok(accepted.length > 20);
    assert.deepEqual(named.toSorted(), accepted.toSorted());
  }
});

/** The names in the list of kinds that is declared so, and in the lists that it takes in. */
function optionsOf(declaration: RegExp): string[] {
  const lists = sourcesOf(["js"]).flatMap((source) => [
    ...source.matchAll(/^(?:export )?const (.*) = \{\n([\s\S]*?)^\};/gm),
  ]);
  const [, , body = ""] = lists.find(([, head = ""]) => declaration.test(head)) ?? [];
  const others = Array.from(body.matchAll(/^ {2}\.\.\.(\w+),/gm), ([, name]) =>
    optionsOf(new RegExp(`^${name}: Kinds<`)),
  );
  return [...Array.from(body.matchAll(/^ {2}(\w+):/gm), ([, name = ""]) => name), ...others.flat()];
}

test("every message that troubleshooting quotes is one that our code gives", () => {
  const texts = sourcesOf(["js", "src"]).flatMap((source) =>
    Array.from(source.matchAll(/"([^"\n]{10,})"|`([^`\n]{10,})`/g), words),
  );
  const given = texts.filter(isSpecific).map((text) => ({ text, pattern: patternOf(text) }));
  const quoted = [...textOf("docs/troubleshooting.md").matchAll(/^\| ([^|]*) \|/gm)]
    .flatMap(([, cell = ""]) => [...cell.matchAll(/`([^`]*)`/g)].map(([, text = ""]) => text))
    .filter((text) => text.split(" ").length > 2);
  assert.ok(quoted.length > 25);
  const unknown = quoted.filter(
    (quote) => !given.some(({ text, pattern }) => text.startsWith(quote) || pattern.test(quote)),
  );
  assert.deepEqual(unknown, []);
});

function sourcesOf(folders: readonly string[]): string[] {
  return folders.flatMap((folder) =>
    readdirSync(pathOf(folder), { recursive: true, encoding: "utf8" })
      .filter((name) => /\.(?:ts|rs)$/.test(name))
      .map((name) => readFileSync(pathOf(`${folder}/${name}`), "utf8")),
  );
}

function words([, plain, template]: RegExpMatchArray): string {
  return plain ?? template ?? "";
}

/** Whether a text has words of its own, and not only what a template inserts. */
function isSpecific(template: string): boolean {
  return template.replaceAll(/\$\{[^}]*\}/g, "").length >= 15;
}

/** Matches a text with anything in place of what a template inserts. */
function patternOf(template: string): RegExp {
  const fixed = template.split(/\$\{[^}]*\}/).map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${fixed.join(".*")}`);
}

/** Runs blocks in one process, until all that they promise is printed, or to their end if they promise nothing. */
async function runProgram(t: TestContext, parts: readonly Example[]): Promise<void> {
  const ports = await freePorts(parts);
  const files = parts.map((part) => {
    const file = fileOf(part).replace(/\.mts$/, ".mjs");
    const code = part.language === "ts" ? readFileSync(file, "utf8") : part.code;
    writeFileSync(file, withPorts(code, ports));
    return file;
  });
  const runner = fileURLToPath(new URL("run-examples.js", import.meta.url));
  const child = spawn(process.execPath, [runner, ...files], { cwd: FOLDER, stdio: ["ignore", "pipe", "pipe"] });
  t.after(() => child.kill("SIGKILL"));
  const exit = once(child, "exit");
  let out = "";
  const expected = promised(parts, ports);
  const done = new Promise<void>((resolve) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk) => {
        out += chunk;
        if (expected.length > 0 && expected.every((text) => out.includes(text))) resolve();
      });
    }
  });
  const missing = () => expected.filter((text) => !out.includes(text)).join('", "');
  const givenUp = wait(20_000, undefined, { ref: false }).then(() => assert.fail(`no "${missing()}" in:\n${out}`));
  const status = await Promise.race([done, exit, givenUp]);
  if (status === undefined) return;
  assert.equal(status[0], 0, out);
  assert.equal(missing(), "", out);
}

/** Opens a page in Chromium, on a server that has the package where npm would put it. */
async function runPage(t: TestContext, parts: readonly Example[]): Promise<void> {
  const page = parts.map(({ code }) => code).join("");
  const server = await serveFiles(page);
  t.after(() => server.close());
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM as string, args: FLAGS.split(" ") });
  t.after(() => browser.close());
  const tab = await browser.newPage();
  const failed = new Promise<never>((_, reject) => tab.on("pageerror", reject));
  const [expected] = promised(parts, new Map()) as [string];
  const printed = tab.waitForEvent("console", (message) => message.text().includes(expected));
  await tab.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  await Promise.race([printed, failed]);
}

async function serveFiles(page: string): Promise<Server> {
  const types: { [extension: string]: string } = { js: "text/javascript", wasm: "application/wasm" };
  const server = createServer(({ url = "/" }, response) => {
    const name = url.replace("/node_modules/websocket-component/", "build/");
    const isFile = name.startsWith("build/") && existsSync(pathOf(name));
    const type = types[name.split(".").at(-1) as string] ?? "text/html";
    response.writeHead(url === "/" || isFile ? 200 : 404, { "Content-Type": type });
    response.end(isFile ? readFileSync(pathOf(name)) : page);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}

function fileOf({ place, language, words }: Example): string {
  const extension = words.has("commonjs") ? "cjs" : EXTENSIONS[language];
  return join(FOLDER, `${place.replaceAll(/[/.:]/g, "-")}.${extension}`);
}

function promised(parts: readonly Example[], ports: ReadonlyMap<string, string>): string[] {
  return parts.flatMap(({ words }) => words.get("prints") ?? []).map((text) => withPorts(text, ports));
}

const PORT = /\b80[89]\d\b/g;

function withPorts(text: string, ports: ReadonlyMap<string, string>): string {
  return text.replaceAll(PORT, (port) => ports.get(port) ?? port);
}

/** A free port for each that the examples name. */
async function freePorts(parts: readonly Example[]): Promise<Map<string, string>> {
  const named = new Set(parts.flatMap(({ code }) => code.match(PORT) ?? []));
  const probes = [...named].map((port) => ({ port, probe: createTcpServer().listen(0, "127.0.0.1") }));
  await Promise.all(probes.map(({ probe }) => once(probe, "listening")));
  const ports = new Map(probes.map(({ port, probe }) => [port, String((probe.address() as AddressInfo).port)]));
  await Promise.all(probes.map(({ probe }) => once(probe.close(), "close")));
  return ports;
}

function withoutCode(text: string): string {
  return text.replaceAll(/^```[\s\S]*?^```$/gm, "").replaceAll(/`[^`\n]*`/g, "");
}

function leads(from: string, link: string): boolean {
  const [path = "", anchor] = link.split("#");
  const target = path === "" ? from : join(dirname(from), path);
  if (!existsSync(pathOf(target))) return false;
  return anchor === undefined || anchors(target).includes(anchor);
}

/** As GitHub makes them of headings. */
function anchors(document: string): string[] {
  return Array.from(textOf(document).matchAll(/^#+ (.*)$/gm), ([, heading = ""]) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
      .replaceAll(" ", "-"),
  );
}
