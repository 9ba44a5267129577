// Ours in Node, Deno and Bun: `npm run test:runtimes [RUNTIME…]` runs suite.mjs in each, then our clients and servers
// there with those of others, and prints a table of how many tests passed. Deno and Bun come from npm.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";

import { WebSocket, WebSocketServer } from "websocket-component";

import { freePort } from "../../scripts/lib/ports.mjs";
import { program } from "../../scripts/tools.mjs";
import { certificate, key } from "./certificate.mjs";

const RUNTIMES = ["node", "deno", "bun"];
const wanted = RUNTIMES.filter((name) => process.argv.length < 3 || process.argv.includes(name));
const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const OURS = "program.mjs";
const folder = mkdtempSync(join(tmpdir(), "runtime-"));
/** All that Deno is allowed to do: for a unix socket it is asked thrice. */
const PERMISSIONS = [
  `--allow-net=127.0.0.1,localhost,no.such.name.invalid,unix:${join(folder, "socket")}`,
  `--allow-read=${folder}`,
  `--allow-write=${folder}`,
];
const cleanups = [() => rmSync(folder, { recursive: true })];
const rows = new Map(wanted.map((name) => [name, new Map()]));

/** Servers of others: runtime, script, arguments. */
const servers = {
  "`ws` server": ["node", "ws-server.mjs"],
  "Deno's server": ["deno", "../interop/deno-server.mjs"],
  "Bun's server": ["bun", "../interop/bun-server.mjs", "shared", "shared"],
};

/** Clients of others; the address is added. */
const clients = {
  "`ws` client": ["node", "ws-client.mjs"],
  "Node's client": ["node", "../interop/client.mjs"],
  "Deno's client": ["deno", "../interop/client.mjs"],
  "Bun's client": ["bun", "../interop/client.mjs"],
};

if (!("WebSocket" in globalThis)) delete clients["Node's client"];

for (const name of wanted) {
  const { lines, code } = await outputOf(start(name, OURS, "suite", folder));
  const { entry } = lines.shift();
  test(`${name}: the entry is its own`, () => assert.match(entry, new RegExp(`/dist/entry/${name}\\.js$`)));
  test(`${name}: the tests come to their end`, () => assert.equal(code, 0));
  for (const { column, name: what, error, skipped } of lines) {
    cell(name, column, `${name}, ${column}: ${what}`, () => assert.ok(error === undefined, error), skipped);
  }
  for (const waitsFor of ["ping", "close", "claim"]) {
    const what = `after unref, a connection that waits for a ${waitsFor} does not keep the process alive`;
    cell(name, "process", `${name}: ${what}`, async () => {
      const server = new WebSocketServer({ port: 0, host: "127.0.0.1", closeTimeout: 1000 });
      cleanups.push(() => server.close());
      server.on("connection", (socket) => {
        const answer = (data) => {
          for (const message of [data, data]) socket.send(message);
          socket.ping();
          socket.pause(); // and answers no close
        };
        socket.onmessage = ({ data }) => setTimeout(() => answer(data), 20); // which the process has to wait for
      });
      await once(server, "listening");
      const url = `ws://127.0.0.1:${server.address().port}/${waitsFor}`;
      const { lines, code } = await outputOf(start(name, "unref.mjs", url));
      assert.deepEqual([lines[0], lines.at(-1), code], [{ data: "ready" }, { data: "ready" }, 0]);
    });
  }
  for (const [scheme, tls] of [["ws"], ["wss", { key, cert: certificate }]]) {
    cell(
      name,
      "process",
      `${name}: after unref, the process ends once all has left that was sent by ${scheme}`,
      async () => {
        const server = new WebSocketServer({ port: 0, host: "127.0.0.1", tls });
        cleanups.push(() => server.close());
        const sizes = [];
        server.on("connection", (socket) => {
          socket.pause();
          socket.onmessage = ({ data }) => sizes.push(data.byteLength);
        });
        await once(server, "listening");
        const client = start(name, "unref.mjs", `${scheme}://127.0.0.1:${server.address().port}/left`);
        assert.deepEqual(JSON.parse(await first(client)), { data: "sent" });
        const [socket] = server.clients;
        const ended = once(client, "close");
        socket.resume();
        await once(socket, "close");
        assert.deepEqual([sizes, await ended], [[16 << 20], [0, null]]);
      },
    );
  }
  cell(
    name,
    "process",
    `${name}: an attempt to connect that was given up does not keep the process alive`,
    async () => {
      const server = start("node", "full.mjs");
      const port = await first(server);
      // as many as wait to be accepted; what comes then has no answer
      for (let count = 0; count < 2; count++) {
        const waiting = connect(port, "127.0.0.1").on("error", () => {});
        cleanups.push(() => waiting.destroy());
        await once(waiting, "connect");
      }
      const output = await outputOf(start(name, "unref.mjs", `ws://127.0.0.1:${port}/given-up`));
      assert.deepEqual(output, { lines: [{ code: "WS_ERR_HANDSHAKE_TIMEOUT" }], code: 0 });
      server.kill("SIGKILL");
    },
  );
  for (const [peer, [runtime, ...script]] of Object.entries(servers)) {
    cell(name, peer, `${name}: our client and ${peer}`, async () => {
      const server = start(runtime, ...script);
      const port = await first(server);
      const output = await outputOf(start(name, OURS, "client", `ws://127.0.0.1:${port}/`));
      assert.deepEqual(output, { lines: [{ verdict: "OK" }], code: 0 });
      server.kill();
    });
  }
  for (const [peer, [runtime, ...script]] of Object.entries(clients)) {
    cell(name, peer, `${name}: our server and ${peer}`, async () => {
      const server = start(name, OURS, "server");
      const lines = createInterface(server.stdout)[Symbol.asyncIterator]();
      const { port } = JSON.parse((await lines.next()).value);
      const clientEnded = once(start(runtime, ...script, `ws://127.0.0.1:${port}/`), "close");
      assert.deepEqual(JSON.parse((await lines.next()).value), { verdict: "OK" });
      await clientEnded;
      server.stdin.end();
      await once(server, "close");
    });
  }
}

if (wanted.includes("bun")) {
  test("bun --hot: a program that closes its old server first gets its port again", async () => {
    const port = await freePort();
    const entry = new URL("../../dist/entry/bun.js", import.meta.url).href;
    const file = join(folder, "hot.mjs");
    const source = (version) => `
      import { WebSocketServer } from ${JSON.stringify(entry)};
      await globalThis.server?.close();
      globalThis.server = new WebSocketServer({ port: ${port}, host: "127.0.0.1" });
      globalThis.server.on("connection", (socket) => socket.send("${version}"));
      globalThis.server.on("error", ({ code }) => console.log(code));
      globalThis.server.on("listening", () => console.log("${version}"));
    `;
    writeFileSync(file, source("first"));
    const child = spawn(program("bun"), ["--hot", file], { stdio: ["ignore", "pipe", "inherit"] });
    cleanups.push(() => child.kill("SIGKILL"));
    const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
    assert.equal((await lines.next()).value, "first");
    writeFileSync(file, source("second"));
    assert.equal((await lines.next()).value, "second");
    const [{ data }] = await once(new WebSocket(`ws://127.0.0.1:${port}`), "message");
    assert.equal(data, "second");
    child.kill();
  });
}

if (wanted.includes("deno")) {
  test("deno: unix sockets with all permissions, abstract ones too", async () => {
    const script = fileURLToPath(new URL(OURS, import.meta.url));
    const child = spawn(program("deno"), ["run", "--quiet", "-A", script, "suite", folder, "unix socket"]);
    const { lines, code } = await outputOf(child);
    assert.deepEqual(
      lines.slice(1).filter(({ error, skipped }) => error !== undefined || skipped !== undefined),
      [],
    );
    assert.deepEqual([lines.length, code], [3, 0]);
  });
  test("deno: the README's example runs, allowed no more than it says", async () => {
    const guide = readFileSync(new URL("../../docs/runtimes.md", import.meta.url), "utf8");
    const [, example] = /```ts config=deno\n([\s\S]*?)```/.exec(guide);
    const [flag] = /--allow-net=127\.0\.0\.1:8080/.exec(guide);
    const port = await freePort();
    const code = `${example}server.on("listening", () => console.log("listening"));`.replace("npm:", "");
    const flags = ["run", "--quiet", "--no-prompt", flag.replace("8080", port), "-"];
    const child = spawn(program("deno"), flags, { cwd: ROOT, stdio: ["pipe", "pipe", "inherit"] });
    cleanups.push(() => child.kill("SIGKILL"));
    child.stdin.end(code.replace("8080", port));
    assert.equal(await first(child), "listening");
    const socket = new WebSocket(`ws://127.0.0.1:${port}`);
    socket.onopen = () => socket.send("Hello");
    const [{ data }] = await once(socket, "message");
    assert.equal(data, "Hello");
    socket.close();
  });
}

after(async () => {
  for (const cleanup of cleanups) await cleanup();
});

process.on("exit", () => {
  const columns = [...new Set([...rows.values()].flatMap((cells) => [...cells.keys()]))];
  const line = (cells) => console.log(`| ${cells.join(" | ")} |`);
  line(["", ...columns]);
  line(["", ...columns].map(() => "---"));
  for (const [name, cells] of rows) line([name, ...columns.map((column) => countOf(cells.get(column)))]);
});

/** A test, and its part of the table's count. @param skip why it does not run */
function cell(row, column, name, run, skip) {
  const cells = rows.get(row);
  const count = cells.get(column) ?? cells.set(column, { good: 0, skipped: 0, all: 0 }).get(column);
  count.all += 1;
  if (skip !== undefined) count.skipped += 1;
  test(name, { timeout: 120_000, skip }, async () => {
    await run();
    count.good += 1;
  });
}

function countOf({ good, skipped, all } = { good: 0, skipped: 0, all: 0 }) {
  const counted = good + skipped === all ? `${good}` : `${good} of ${all}`;
  return skipped === 0 ? counted : `${counted}, ${skipped} skipped`;
}

/** Starts a script of this folder in a runtime, with no more than it needs. */
function start(runtime, script, ...args) {
  const flags = runtime === "deno" ? ["run", "--quiet", "--no-prompt", ...PERMISSIONS] : [];
  const path = runtime === "node" ? process.execPath : program(runtime);
  const command = [...flags, fileURLToPath(new URL(script, import.meta.url)), ...args];
  const child = spawn(path, command, { stdio: ["pipe", "pipe", "inherit"] });
  cleanups.push(() => child.kill("SIGKILL"));
  return child;
}

async function first(child) {
  const [line] = await once(createInterface(child.stdout), "line");
  return line;
}

/** All that a program prints, and how it ends. */
async function outputOf(child) {
  const ended = once(child, "close");
  const lines = [];
  for await (const line of createInterface(child.stdout)) lines.push(JSON.parse(line));
  return { lines, code: (await ended)[0] };
}
