/** The README's JavaScript examples run, and do what they say. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const readme = readFileSync(new URL("../../README.md", import.meta.url), "utf8");
const [server, client, component, compression, inspect] = [...readme.matchAll(/```js\n([\s\S]*?)```/g)].map(
  ([, code]) => code as string,
);

/** Runs a module beside the tests, where the package's name means the package, until its output matches. */
async function output(name: string, code: string, end: RegExp): Promise<string> {
  const file = new URL(`readme-${name}.mjs`, import.meta.url);
  writeFileSync(file, code);
  const child = spawn(process.execPath, [fileURLToPath(file)], { stdio: ["ignore", "pipe", "pipe"] });
  let out = "";
  for await (const chunk of child.stdout) {
    out += chunk;
    if (end.test(out)) break;
  }
  child.kill("SIGKILL");
  return out;
}

test("the server and the client talk to each other", async () => {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address() as { port: number };
  probe.close();
  await once(probe, "close");
  const both = `${server}\nawait new Promise((listening) => server.once("listening", listening));\n${client}`;
  const out = await output("talk", both.replaceAll("8080", String(port)), /closed with/);
  assert.match(out, /^from .*\nclosed with 1000\n$/);
});

test("the component makes the frame that its comments show", async () => {
  const print =
    "\nconsole.log(action.action === Action.SendToNetwork, Buffer.concat(action.buffers).toString('hex'));\n";
  const code = (component as string).replace("server.completeAction", `${print}server.completeAction`);
  const out = await output("component", code, /true/);
  assert.match(out, /s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=/);
  assert.match(out, /true 810548656c6c6f\n/);
});

test("the server that compresses says what was agreed on", async () => {
  const client = `
    import { WebSocket } from "websocket-component";
    await new Promise((listening) => server.once("listening", listening));
    new WebSocket("ws://localhost:" + server.address().port);`;
  const out = await output("compression", `${(compression as string).replace("8081", "0")}${client}`, /\n/);
  const comment = /console\.log\(socket\.extensions\); \/\/ (.*)/.exec(compression as string);
  assert.equal(out, `${comment?.[1]}\n`);
});

test("the inspector tells of the frame that it is given", async () => {
  assert.equal(await output("inspect", inspect as string, /\n/), "text true Hello\n");
});
