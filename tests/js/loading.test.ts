/** Where the engine cannot start, importing the package says why. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const ENTRIES = [
  "",
  "/ws",
  "/component",
  "/slim",
  "/inspect",
  "/inline",
  "/inline/ws",
  "/inline/slim",
  "/inline/inspect",
];

const major = Number.parseInt(process.versions.node, 10);

/** Runs Node with these flags on the import of an entry; the error's code and message come back, or nothing. */
function importing(entry: string, flags: readonly string[], limit?: number): string {
  const url = import.meta.resolve(`websocket-component${entry}`);
  const program = `await import("${url}").catch(({ code, message }) => console.log(code, message))`;
  const command = [process.execPath, ...flags, "--input-type=module", "-e", program];
  const [file = "", ...args] =
    limit === undefined ? command : ["bash", "-c", `ulimit -v ${limit}; exec "$@"`, "", ...command];
  const { stdout, status } = spawnSync(file, args, { encoding: "utf8" });
  assert.equal(status, 0);
  return stdout;
}

for (const entry of ENTRIES) {
  test(`websocket-component${entry} under --jitless names the flag`, () => {
    assert.match(importing(entry, ["--jitless"]), /^WS_ERR_ENGINE_UNAVAILABLE .*--jitless/);
  });
}

test("with little address space, the error names the flag that helps, and the flag does", (t) => {
  if (process.platform !== "linux") return t.skip("only Linux limits addresses by ulimit -v");
  const gibibytes4 = 4 * 1024 * 1024;
  const told = importing("", [], gibibytes4);
  if (told === "" && major > 20) return t.skip("this Node does without the flag");
  assert.match(told, /^WS_ERR_ENGINE_UNAVAILABLE .*--disable-wasm-trap-handler/);
  assert.equal(importing("", ["--disable-wasm-trap-handler"], gibibytes4), "");
});

test("without the engine's file, the error names the import for bundles", () => {
  const dist = fileURLToPath(new URL("../", import.meta.resolve("websocket-component")));
  const folder = mkdtempSync(join(tmpdir(), "loading-"));
  cpSync(dist, join(folder, "dist"), { recursive: true });
  cpSync(join(dist, "../package.json"), join(folder, "package.json"));
  cpSync(join(dist, "../pkg"), join(folder, "pkg"), { recursive: true, filter: (file) => !file.endsWith(".wasm") });
  for (const entry of [
    "entry/node.js",
    "entry/ws.js",
    "slim/entry/node.js",
    "entry/inspect-node.js",
    "cjs/entry/node.js",
  ]) {
    const program = `import("${join(folder, "dist", entry)}").catch(({ code, message }) => console.log(code, message))`;
    const { stdout } = spawnSync(process.execPath, ["-e", program], { encoding: "utf8" });
    assert.match(stdout, /^WS_ERR_ENGINE_UNAVAILABLE .*websocket-component\/inline/, entry);
  }
  rmSync(folder, { recursive: true });
});
