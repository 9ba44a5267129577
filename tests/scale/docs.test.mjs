// The example of docs/scale.md over Redis, in two processes.
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
import { lacks, reachable, startRedis } from "./engines.mjs";

const [, example] = /```js config=redis\n([\s\S]*?)```/.exec(
  readFileSync(new URL("../../docs/scale.md", import.meta.url), "utf8"),
);
const { resolve } = createRequire(join(process.env.SCALE_CLIENTS, "package.json"));

/** The example with the ports of this test, beside the clients' packages. */
async function run(t, redis, port) {
  const code = example
    .replaceAll(/"(websocket-component[\w/]*)"/g, (_all, name) => `"${import.meta.resolve(name)}"`)
    .replace('"ioredis"', `"${pathToFileURL(resolve("ioredis"))}"`)
    .replace("6379", `${redis}`)
    .replace("8080", `${port}`);
  const file = join(process.env.SCALE_CLIENTS, `example-${port}.mjs`);
  writeFileSync(file, code);
  const child = spawn(process.execPath, [file], { stdio: "inherit" });
  t.after(async () => {
    child.kill();
    await once(child, "exit");
  });
  await reachable(port, child);
}

test("a chat over Redis spans two processes", { skip: lacks("redis-server") }, async (t) => {
  const engine = await startRedis();
  const ports = [await freePort(), await freePort()];
  for (const port of ports) await run(t, engine.port, port);
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
