// A rolling deploy behind HAProxy: two servers are replaced one after the other while clients talk to them.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import { WebSocket } from "websocket-component";

import { freePort } from "../../scripts/lib/ports.mjs";
import { lacks, reachable } from "./engines.mjs";

const CLIENTS = 40;
const SPREAD = 2000;
const SERVER = fileURLToPath(new URL("deploy-server.mjs", import.meta.url));

/** A server in a process of its own; `stop` drains it, and gives the result of its `close`. */
async function startServer(port) {
  const child = spawn(process.execPath, [SERVER, `${port}`, `${SPREAD}`], { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface(child.stdout);
  const [line] = await once(lines, "line");
  assert.equal(line, "listening");
  return {
    async stop() {
      const result = once(lines, "line");
      const exit = once(child, "exit");
      child.kill("SIGTERM");
      const [text] = await result;
      await exit;
      return JSON.parse(text);
    },
    kill: () => child.kill("SIGKILL"),
  };
}

async function startProxy(t, ports) {
  const folder = mkdtempSync(join(tmpdir(), "deploy-"));
  const port = await freePort();
  const file = join(folder, "haproxy.cfg");
  const servers = ports.map((one, index) => `  server s${index} 127.0.0.1:${one} check inter 100ms`);
  const config = [
    "defaults",
    "  mode http",
    "  timeout connect 1s",
    "  timeout client 60s",
    "  timeout server 60s",
    "  retries 3",
    "  option redispatch",
    "  retry-on conn-failure empty-response 503",
    "listen ws",
    `  bind 127.0.0.1:${port}`,
    "  balance leastconn",
    ...servers,
    "",
  ];
  writeFileSync(file, config.join("\n"));
  const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` };
  const child = spawn("haproxy", ["-db", "-q", "-f", file], { env, stdio: ["ignore", "ignore", "ignore"] });
  t.after(async () => {
    const exit = once(child, "exit");
    child.kill("SIGKILL");
    await exit;
    rmSync(folder, { recursive: true });
  });
  await reachable(port, child);
  return port;
}

/** A client that numbers its messages, sends again what was not acknowledged, and comes back when it is closed. */
class Client {
  acknowledged = 0;
  codes = [];
  reconnects = [];
  #sent = 0;
  #url;
  #socket;
  #isOver = false;

  constructor(url) {
    this.#url = url;
    this.#connect();
  }

  send() {
    this.#sent += 1;
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(`${this.#sent}`);
  }

  get isDone() {
    return this.acknowledged === this.#sent;
  }

  end() {
    this.#isOver = true;
    this.#socket.close();
  }

  #connect() {
    const socket = new WebSocket(this.#url);
    this.#socket = socket;
    socket.onopen = () => {
      for (let number = this.acknowledged + 1; number <= this.#sent; number++) socket.send(`${number}`);
    };
    socket.onmessage = ({ data }) => {
      // the server answers in order, so that an answer out of order would be a lost message
      if (Number(data) <= this.acknowledged) return;
      assert.equal(Number(data), this.acknowledged + 1);
      this.acknowledged = Number(data);
    };
    socket.onclose = ({ code }) => {
      if (this.#isOver) return;
      this.codes.push(code);
      this.reconnects.push(performance.now());
      setTimeout(() => this.#connect(), 10 + Math.random() * 40);
    };
  }
}

test("two servers are replaced under load: every message is acknowledged, and reconnects are spread", {
  skip: lacks("haproxy"),
}, async (t) => {
  const ports = [await freePort(), await freePort()];
  const servers = [await startServer(ports[0]), await startServer(ports[1])];
  t.after(() => {
    for (const server of servers) server.kill();
  });
  const proxy = await startProxy(t, ports);
  const clients = Array.from({ length: CLIENTS }, () => new Client(`ws://127.0.0.1:${proxy}/`));
  let isLoaded = true;
  const load = (async () => {
    for (; isLoaded; await wait(20)) for (const client of clients) client.send();
  })();
  const results = [];
  for (const [index, port] of ports.entries()) {
    await wait(500); // HAProxy sees by its checks that the server before is there again
    results.push(await servers[index].stop());
    servers[index] = await startServer(port);
  }
  isLoaded = false;
  await load;
  while (!clients.every((client) => client.isDone)) await wait(20);
  for (const client of clients) client.end();

  const codes = clients.flatMap((client) => client.codes);
  const terminated = results.reduce((sum, result) => sum + result.terminated, 0);
  assert.equal(terminated, 0);
  assert.deepEqual([...new Set(codes)], [1012]);
  const drained = results.reduce((sum, result) => sum + result.closed, 0);
  assert.equal(codes.length, drained);
  const times = clients.flatMap((client) => client.reconnects).sort((a, b) => a - b);
  const first = times.slice(0, results[0].closed);
  const most = Math.max(...first.map((from) => first.filter((at) => at >= from && at < from + SPREAD / 10).length));
  assert.ok(most <= first.length / 2, `${most} of ${first.length} came back within a tenth of the time`);
  const messages = clients.reduce((sum, client) => sum + client.acknowledged, 0);
  t.diagnostic(`${messages} messages acknowledged, ${drained} connections drained, ${terminated} terminated`);
});
