// The blocks of the guides that need packages of others, each run as its reader would run it: servers under frameworks,
// with clients that talk and that drop TCP; sessions, tokens, metrics and logs.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { transformSync } from "esbuild";
import { SignJWT } from "jose";
import { WebSocket as OurWebSocket } from "websocket-component";
import { WebSocket as TheirWebSocket } from "ws-original";

const HOME = fileURLToPath(new URL(".", import.meta.url));
const { DOCS } = process.env;
const TEXT = readdirSync(DOCS)
  .filter((name) => name.endsWith(".md"))
  .map((name) => readFileSync(join(DOCS, name), "utf8"))
  .join("\n");
const PATIENCE = 60_000;
const CLOSING = { headers: { Connection: "close" } };

/** How each block is run: its file, what is built before, the command; and what a client says and gets. */
const GUIDES = {
  express: { file: "express/server.mjs" },
  fastify: { file: "fastify/server.mjs" },
  hono: { file: "hono/server.mjs" },
  nest: { file: "nest/main.ts", said: '{"event":"say","data":"hello"}', told: '{"event":"said","data":"hello"}' },
  next: {
    file: "next/server.mjs",
    build: ["next/dist/bin/next", "build"],
    environment: { NODE_ENV: "production", NEXT_TELEMETRY_DISABLED: "1" },
  },
  h3: { file: "h3/server.mjs" },
  nitro: {
    file: "nitro/server.mjs",
    build: ["../nitro/node_modules/nitropack/dist/cli/index.mjs", "build"],
    command: () => ["../nitro/.output/server/index.mjs"],
  },
  vite: {
    file: "vite/vite.config.mjs",
    command: (port) => ["vite/bin/vite.js", "--port", port, "--host", "127.0.0.1"],
  },
  sveltekit: { file: "sveltekit/server.mjs", build: ["vite/bin/vite.js", "build"] },
};

for (const [name, guide] of Object.entries(GUIDES)) {
  test(`${name}: pages and messages on one port, clients that vanish, and an end`, { timeout: 300_000 }, async (t) => {
    const program = await start(t, name, guide);
    const { said = "hello", told = "hello" } = guide;
    for (const WebSocket of [OurWebSocket, TheirWebSocket]) {
      const socket = await connect(WebSocket, program.address);
      assert.equal(await answer(socket, said), told);
      await drop(program.address);
      assert.equal(await answer(socket, said), told, "others go on");
      socket.close();
      await once(socket, "close");
    }
    assert.match(await page(program.address), /hello/, program.output.text);

    const open = await connect(OurWebSocket, program.address);
    program.child.kill("SIGTERM");
    const closed = once(open, "close");
    const [code, signal] = await Promise.race([program.exit, wait(20_000, ["still running"], { ref: false })]);
    assert.notEqual(code, "still running", program.output.text);
    assert.ok(code === 0 || code === 143 || signal === "SIGTERM", `${code} ${signal}\n${program.output.text}`);
    await closed;
  });
}

test("vite: hot reload works beside the WebSocket", async (t) => {
  const { address } = await start(t, "vite", GUIDES.vite);
  const client = await (await fetch(`${address}/@vite/client`)).text();
  const token = /wsToken = "([^"]+)"/.exec(client)?.[1];
  const socket = new OurWebSocket(`${address.replace("http", "ws")}/?token=${token}`, "vite-hmr");
  const [{ data }] = await once(socket, "message");
  assert.deepEqual(JSON.parse(data), { type: "connected" });
  socket.close();
});

test("next: hot reload works beside the WebSocket", { timeout: 120_000 }, async (t) => {
  const environment = { NODE_ENV: "development", NEXT_TELEMETRY_DISABLED: "1" };
  const { address } = await start(t, "next", { ...GUIDES.next, build: undefined, environment });
  const chat = await connect(OurWebSocket, address);
  assert.equal(await answer(chat, "hello"), "hello");
  const reload = new OurWebSocket(`${address.replace("http", "ws")}/_next/hmr?id=test`);
  const [{ data }] = await once(reload, "message");
  assert.match(typeof data === "string" ? data : Buffer.from(data).toString("latin1"), /"type":"/);
  chat.close();
  reload.close();
});

test("a session of Express decides who may connect, and says who it is", async (t) => {
  const environment = { SESSION_SECRET: "a secret of the test" };
  const { address } = await start(t, "session", { file: "express/session.mjs", path: "/login", environment });
  assert.equal((await refusal(address)).status, 401);
  const login = await fetch(`${address}/login`);
  const [cookie] = login.headers.get("set-cookie").split(";");
  assert.equal(await greeting(address, { Cookie: cookie }), "hello ada");
});

test("a JSON Web Token decides who may connect, and ends the connection when it expires", async (t) => {
  const environment = { JWT_SECRET: "a secret of the test, which has to be long" };
  const secret = new TextEncoder().encode(environment.JWT_SECRET);
  const tokenUntil = (seconds) =>
    new SignJWT({ sub: "ada" }).setProtectedHeader({ alg: "HS256" }).setExpirationTime(seconds).sign(secret);
  const { address } = await start(t, "jwt", { file: "jwt/server.mjs", status: 426, environment });
  const now = Math.floor(Date.now() / 1000);
  for (const token of [undefined, "nonsense", await tokenUntil(now - 60)]) {
    assert.equal((await refusal(address, { Authorization: `Bearer ${token}` })).status, 401);
  }
  const headers = { Authorization: `Bearer ${await tokenUntil(now + 2)}` };
  assert.equal(await greeting(address, headers), "hello ada");
  const socket = await connect(OurWebSocket, address, { headers });
  const [{ code, reason }] = await once(socket, "close");
  assert.deepEqual([code, reason], [4001, "token expired"]);
});

test("prom-client shows connections and refusals", async (t) => {
  const { address } = await start(t, "prom", { file: "metrics/server.mjs", path: "/metrics" });
  await connect(OurWebSocket, address);
  assert.equal((await refusal(address, { Origin: "https://evil.example" })).status, 403);
  const metrics = await page(`${address}/metrics`);
  assert.match(metrics, /^websocket_connections 1$/m);
  assert.match(metrics, /^websocket_refused_total\{reason="origin"\} 1$/m);
  assert.match(metrics, /^process_cpu_seconds_total /m);
});

test("pino logs what opens, what is refused, and what ends without a close frame", async (t) => {
  writeFileSync(join(HOME, "log.mjs"), block("pino"));
  const { address, output } = await start(t, "express", {
    file: "express/logged.mjs",
    before: 'import "../log.mjs";\n',
  });
  await drop(address);
  await refusal(address.concat("/elsewhere"));
  for (const end = Date.now() + 10_000; !/"msg":"refused"/.test(output.text) && Date.now() < end; ) await wait(20);
  assert.match(output.text, /"side":"server".*"msg":"open"/);
  assert.match(output.text, /"code":1006.*WS_ERR_CONNECTION.*"msg":"closed"/);
  assert.match(output.text, /"status":404.*"msg":"refused"/);
});

test("the guide's test passes under vitest", () => {
  mkdirSync(join(HOME, "vitest"), { recursive: true });
  writeFileSync(join(HOME, "vitest/server.test.mjs"), block("vitest"));
  const args = program(["vitest/vitest.mjs", "run", "--root", "vitest"]);
  const env = { ...process.env, NO_COLOR: "1" };
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: HOME, encoding: "utf8", env });
  assert.equal(status, 0, stdout + stderr);
  assert.match(stdout, /Tests +1 passed/);
});

/** The code of a block of the guides. */
function block(name) {
  const [, code] = new RegExp(`^\`\`\`\\w+ config=${name}\\n([\\s\\S]*?)^\`\`\`$`, "m").exec(TEXT);
  return code;
}

/** Writes the block into its file, with a free port in place of 8080, builds what has to be built, and runs it. */
async function start(t, name, { file, build, command, environment, before = "", path = "/", status = 200 }) {
  const port = await freePort();
  const target = join(HOME, file.replace(/\.ts$/, ".mjs"));
  const cwd = dirname(target);
  mkdirSync(cwd, { recursive: true });
  writeFileSync(target, before + javascript(file, block(name).replaceAll("8080", `${port}`)));
  if (build !== undefined) {
    const { status, stdout, stderr } = spawnSync(process.execPath, program(build), { cwd, encoding: "utf8" });
    assert.equal(status, 0, `${stdout}\n${stderr}`);
  }
  const args = command === undefined ? [target] : program(command(`${port}`));
  const child = spawn(process.execPath, args, { cwd, env: { ...process.env, ...environment } });
  t.after(() => child.kill("SIGKILL"));
  const exit = once(child, "exit");
  const output = { text: "" };
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output.text += chunk));
  const address = `http://127.0.0.1:${port}`;
  await answering(`${address}${path}`, status, child, output);
  return { address, child, exit, output };
}

function javascript(file, code) {
  if (!file.endsWith(".ts")) return code;
  const tsconfigRaw = { compilerOptions: { experimentalDecorators: true } };
  return transformSync(code, { loader: "ts", format: "esm", tsconfigRaw }).code;
}

function program([file, ...args]) {
  return [join(HOME, "node_modules", file), ...args];
}

async function freePort() {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address();
  await once(probe.close(), "close");
  return port;
}

/** Waits for the first page. */
async function answering(url, status, child, output) {
  for (const end = Date.now() + PATIENCE; Date.now() < end; await wait(100)) {
    assert.equal(child.exitCode, null, output.text);
    const response = await fetch(url, CLOSING).catch(() => undefined);
    await response?.text();
    if (response?.status === status) return;
  }
  assert.fail(`no page came\n${output.text}`);
}

async function page(url) {
  return (await fetch(url, CLOSING)).text();
}

async function connect(WebSocket, address, options) {
  const socket = new WebSocket(`${address.replace("http", "ws")}/chat`, options);
  await once(socket, "open");
  return socket;
}

/** The error of a client that is refused. */
async function refusal(address, headers) {
  const socket = new OurWebSocket(`${address.replace("http", "ws")}/chat`, { headers });
  const [{ error }] = await once(socket, "error");
  return error;
}

/** What the server says first. */
async function greeting(address, headers) {
  const socket = new OurWebSocket(`${address.replace("http", "ws")}/chat`, { headers });
  const [{ data }] = await once(socket, "message");
  socket.close();
  return data;
}

async function answer(socket, text) {
  const reply = new Promise((resolve) => socket.addEventListener("message", resolve, { once: true }));
  socket.send(text);
  return `${(await reply).data}`;
}

/** Two clients that leave in the middle of a frame: one with a reset, one with a FIN. */
async function drop(address) {
  for (const end of ["resetAndDestroy", "end"]) {
    const socket = await connect(TheirWebSocket, address);
    socket.on("error", () => {});
    socket._socket.write(Buffer.from([0x81, 0xff, 0, 0]));
    socket._socket[end]();
    await once(socket, "close");
  }
}
