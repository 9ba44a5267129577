// The examples of docs/scale.md over Redis and PostgreSQL, in two processes.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";

import { WebSocket } from "websocket-component";

import { freePort } from "../../scripts/lib/ports.mjs";
import { lacks, reachable, startPostgres, startRedis } from "./engines.mjs";

const guide = readFileSync(new URL("../../docs/scale.md", import.meta.url), "utf8");
const { resolve } = createRequire(join(process.env.SCALE_CLIENTS, "package.json"));

/** The example of that name with the ports of this test, beside the clients' packages. */
async function run(t, name, engine, port) {
  const [, example] = new RegExp(`\`\`\`js config=${name}\n([\\s\\S]*?)\`\`\``).exec(guide);
  const code = example
    .replaceAll(/"(websocket-component[\w/]*)"/g, (_all, module) => `"${import.meta.resolve(module)}"`)
    .replace(/"(ioredis|pg)"/, (_all, module) => `"${pathToFileURL(resolve(module))}"`)
    .replace(/6379|5432/, `${engine}`)
    .replace("8080", `${port}`);
  const file = join(process.env.SCALE_CLIENTS, `example-${port}.mjs`);
  writeFileSync(file, code);
  const child = spawn(process.execPath, [file], { env: { ...process.env, PGUSER: "postgres" }, stdio: "inherit" });
  const exit = once(child, "exit");
  t.after(async () => {
    child.kill();
    await exit;
  });
  await reachable(port, child);
  return { exit };
}

test("a chat over Redis spans two processes", { skip: lacks("redis-server") }, async (t) => {
  const engine = await startRedis();
  const ports = [await freePort(), await freePort()];
  for (const port of ports) await run(t, "redis", engine.port, port);
  t.after(() => engine.kill());
  const [one, two] = ports.map((port) => new WebSocket(`ws://127.0.0.1:${port}`));
  await Promise.all([one.ready, two.ready]);
  const answer = once(two, "message");
  const again = setInterval(() => one.send("hello"), 50); // until the other one's subscription is in force
  const [{ data }] = await answer;
  clearInterval(again);
  assert.equal(data, "hello");
  one.close();
  two.close();
});

test("prices over PostgreSQL span two processes, which end with their database", {
  skip: lacks("initdb"),
}, async (t) => {
  const engine = await startPostgres();
  t.after(() => engine.kill());
  const ports = [await freePort(), await freePort()];
  const servers = [];
  for (const port of ports) servers.push(await run(t, "postgres", engine.port, port));
  const prices = ports.map(() => new Set());
  // a price is random: one that both clients get has come from one process to the other
  await new Promise((both) => {
    for (const [index, port] of ports.entries()) {
      new WebSocket(`ws://127.0.0.1:${port}`).onmessage = ({ data }) => {
        prices[index].add(data);
        if (prices[1 - index].has(data)) both();
      };
    }
  });
  await engine.kill();
  for (const { exit } of servers) assert.deepEqual(await exit, [1, null]);
});
