// One port for all cores, in Node 24.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { node } from "../../scripts/tools.mjs";

const NODE = "24.21.0";
const skip = (process.platform !== "linux" || process.arch !== "x64") && "Node 24 comes from npm, for x64 Linux";

function outputOf(program) {
  const file = fileURLToPath(new URL(program, import.meta.url));
  return JSON.parse(execFileSync(node(NODE), [file], { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] }));
}

test("threads share a port by reusePort, and topics by broadcastChannel", { skip }, (t) => {
  const { first, second, reached } = outputOf("cores-threads.mjs");
  assert.ok(first > 0 && second > 0, `${first} and ${second} connections`);
  assert.equal(reached, first + second);
  t.diagnostic(`${first} and ${second} connections; all ${reached} got what one thread published`);
});

test("workers of node:cluster share a port, unless one wants it for itself", { skip }, () => {
  const { first, second, shared, late } = outputOf("cores-cluster.mjs");
  assert.deepEqual([first, second, shared], [10, 10, true]);
  assert.equal(late, "EADDRINUSE");
});
