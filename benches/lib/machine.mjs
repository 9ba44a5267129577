// What it runs on.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism, cpus, release, totalmem, type } from "node:os";
import process from "node:process";

import { runtimes } from "./servers.mjs";

const require = createRequire(import.meta.url);
const PEERS = ["ws", "bufferutil", "utf-8-validate", "websocket-driver", "undici"];

/** Processor, memory, system, and all versions, by name. */
export function machine() {
  const found = runtimes();
  return {
    processor: `${cpus()[0]?.model.trim()}, ${availableParallelism()} cores`,
    memory: `${(totalmem() / 2 ** 30).toFixed(0)} GiB`,
    system: `${type()} ${release()}`,
    node: process.versions.node,
    "other runtimes": Object.entries(found)
      .filter(([name]) => name !== "node")
      .map(([name, one]) => `${name} ${one.version ?? `not there (${one.problem})`}`)
      .join(", "),
    "our package": process.env.BENCH_PACKAGE === undefined ? "its modules one by one" : "as it is published",
    peers: PEERS.map((name) => `${name} ${versionOf(name)}`).join(", "),
    "ws's native addons": addons(),
  };
}

/** When it runs, and of which commit; "unknown" outside a repository. */
export function moment() {
  const git = (...args) => execFileSync("git", args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  const date = new Date().toISOString().slice(0, 10);
  try {
    const isChanged = git("status", "--porcelain", "--untracked-files=no", "js", "src", "pkg") !== "";
    return { date, commit: `${git("rev-parse", "--short", "HEAD")}${isChanged ? " with changes" : ""}` };
  } catch {
    return { date, commit: "unknown" };
  }
}

function versionOf(name) {
  return JSON.parse(readFileSync(new URL(`../../node_modules/${name}/package.json`, import.meta.url))).version;
}

/** `ws` takes an addon only if the runtime has nothing as good of its own, and says nothing if it does not load. */
function addons() {
  require("ws");
  const { websocketMask } = require("node:http");
  const { isUtf8 } = require("node:buffer");
  return [
    addon("bufferutil", websocketMask, "http.websocketMask"),
    addon("utf-8-validate", isUtf8, "buffer.isUtf8"),
  ].join(", ");
}

function addon(name, own, ownName) {
  if (own !== undefined) return `${name} is not asked for, as this Node has ${ownName} in its place`;
  const isNative = Object.keys(require.cache).some((file) => file.includes(name) && file.endsWith(".node"));
  return isNative ? `${name} loaded` : `${name} did NOT load: its JavaScript ran in its place`;
}
