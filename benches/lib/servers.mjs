// Programs of benches/programs/ in Node, Bun and Deno, each in a process of its own, which are asked and answer by
// lines of JSON: a request is [what, argument].
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

import { program } from "../../scripts/tools.mjs";

const FLAGS = {
  node: ["--expose-gc"],
  bun: [],
  deno: ["run", "--quiet", "--no-prompt", "--allow-all", "--v8-flags=--expose-gc"],
};

/** Servers that echo, by name: runtime, server and mode. */
export const ECHO_SERVERS = {
  ours: ["node", "ours", "echo"],
  "ours as ws": ["node", "ours as ws", "echo"],
  ws: ["node", "ws", "echo"],
  net: ["node", "net", "echo"],
  "ours in Bun": ["bun", "ours", "echo"],
  "Bun.serve": ["bun", "Bun.serve", "echo"],
  "ours in Deno": ["deno", "ours", "echo"],
  "Deno.serve": ["deno", "Deno.serve", "echo"],
};

/** Which of them are compared. */
export const ECHO_PAIRS = [
  ["ours", "ws"],
  ["ours", "net"],
  ["ours", "Bun.serve"],
  ["ours as ws", "ws"],
  ["ours in Bun", "Bun.serve"],
  ["ours in Deno", "Deno.serve"],
];

/** Clients, by name: runtime, and what is imported. */
export const CLIENTS = {
  ours: ["node", "websocket-component"],
  "ours as ws": ["node", "websocket-component/ws"],
  ws: ["node", "ws"],
  undici: ["node", "undici"],
  "ours in Bun": ["bun", "websocket-component"],
  "Bun's own": ["bun", "own"],
  "ours in Deno": ["deno", "websocket-component"],
  "Deno's own": ["deno", "own"],
};

/** Which of them are compared. */
export const CLIENT_PAIRS = [
  ["ours", "ws"],
  ["ours", "undici"],
  ["ours as ws", "ws"],
  ["ours in Bun", "Bun's own"],
  ["ours in Deno", "Deno's own"],
];

let found;

/** Each runtime's path and version; or the problem, if it is not there and does not come from npm. */
export function runtimes() {
  found ??= Object.fromEntries(Object.keys(FLAGS).map((name) => [name, findRuntime(name)]));
  return found;
}

function findRuntime(name) {
  if (name === "node") return { path: process.execPath, version: process.versions.node };
  try {
    const path = program(name);
    const [version] = /\d+\.\d+\.\d+\S*/.exec(execFileSync(path, ["--version"], { encoding: "utf8" }));
    return { path, version };
  } catch (error) {
    return { problem: error.message.split("\n")[0] };
  }
}

/** What to say of those that are not there. */
export function absent() {
  return Object.entries(runtimes())
    .filter(([, { problem }]) => problem !== undefined)
    .map(([name, { problem }]) => `${name} is not there, and its servers are left out: ${problem}`);
}

/** Those of `contenders`, by name: [runtime, …], whose runtime is there. */
export function present(contenders) {
  const entries = Object.entries(contenders).filter(([, [runtime]]) => runtimes()[runtime].path !== undefined);
  return Object.fromEntries(entries);
}

/** Starts a program of benches/programs/, and waits for the first line that it prints, `greeting`. */
export async function start(runtime, script, ...args) {
  const file = fileURLToPath(new URL(`../programs/${script}`, import.meta.url));
  const command = [...FLAGS[runtime], file, ...args];
  const child = spawn(runtimes()[runtime].path, command, { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const next = async () => {
    const { value, done } = await lines.next();
    if (done) throw new Error(`${runtime} ${script} ${args.join(" ")} has ended`);
    return JSON.parse(value);
  };
  const greeting = await next();
  const ask = (...request) => {
    child.stdin.write(`${JSON.stringify(request)}\n`);
    return next();
  };
  const stop = async () => {
    child.stdin.end();
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  };
  return { greeting, ask, stop };
}
