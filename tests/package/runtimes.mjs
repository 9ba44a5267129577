// Round trips in Node, Deno and Bun.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { node, program } from "../../scripts/tools.mjs";
import { builtForJsr, project, root, run } from "./project.mjs";
import { cell } from "./table.mjs";

/** The first and the last of each major version, and the last ones that cannot require a module. */
const NODES = ["20.0.0", "20.18.3", "20.20.2", "22.0.0", "22.11.0", "22.23.3", "24.21.0", "26.10.0"];

/** Adds the cells of this Node, or of all that npm has programs for. */
export function testNodes(all) {
  const folder = project("node");
  const hasOthers = process.platform === "linux" && process.arch === "x64";
  if (all && !hasOthers) console.log(`-- npm has other versions of Node for x64 Linux only: ${process.version} alone`);
  const others = all && hasOthers ? NODES.filter((version) => `v${version}` !== process.version) : [];
  testNode(folder, process.version.slice(1), () => process.execPath);
  for (const version of others) testNode(folder, version, () => node(version));
  cell("The command's page", "import", () => page(folder));
  cell("The command", "import", async () => {
    const version = await run(folder, join(folder, "node_modules/.bin/websocket-component"), "--version");
    assert.equal(version, JSON.parse(readFileSync(join(root, "package.json"), "utf8")).version);
    return "OK";
  });
}

/** The package has the page's script in parts; it is served as it was built. */
async function page(folder) {
  const command = join(folder, "node_modules/.bin/websocket-component");
  const child = spawn(command, ["proxy", "ws://127.0.0.1:9", "--port", "0"], { cwd: folder });
  try {
    let said = "";
    for await (const chunk of child.stdout) {
      said += chunk;
      const [, url] = /its traffic: (\S+)\n/.exec(said) ?? [];
      if (url === undefined) continue;
      const response = await fetch(new URL("index.js", url));
      assert.match(response.headers.get("content-type"), /javascript/);
      assert.equal(await response.text(), readFileSync(join(root, "dist/page/index.js"), "utf8"));
      return "OK";
    }
    throw new Error(`the proxy ended: ${said}`);
  } finally {
    child.kill();
  }
}

function testNode(folder, version, path) {
  const row = `Node ${version}`;
  cell(row, "import", () => prints("OK", folder, path(), "import.mjs"));
  cell(row, "require", () => prints("OK", folder, path(), "require.cjs"));
  const engines = canRequireModules(version) ? "1 engine" : "2 engines";
  cell(row, "both", () => prints(engines, folder, path(), "both.cjs"));
  // before, V8 collects the young generation first by itself, most of the time
  if (Number.parseInt(version, 10) >= 24)
    cell(row, "long messages", () => prints("OK", folder, path(), "collections.mjs"));
}

function canRequireModules(version) {
  const [major, minor] = version.split(".").map(Number);
  return major > 22 || (major === 22 && minor >= 12) || (major === 20 && minor >= 19);
}

/** Adds the cells of Deno and of Bun. */
export function testOthers() {
  const folder = project("others");
  const deno = (...args) => [folder, program("deno"), "run", "--no-prompt", "--allow-net=127.0.0.1", ...args];
  // its own `require` asks for the project's folder
  cell("Deno", "import", () => prints("OK", ...deno("import.mjs")));
  cell("Deno", "require", () => prints("OK", ...deno("--allow-read=.", "require.cjs")));
  cell("Deno", "both", () => prints("1 engine", ...deno("--allow-read=.", "both.cjs")));
  cell("Deno, nothing to be read", "import", () => prints("OK", ...deno("inline.mjs")));
  cell("Deno, npm:", "import", () => prints("OK", ...deno("deno.mjs")));
  cell("Deno, npm:", "types", async () => {
    await run(folder, program("deno"), "check", "deno.ts");
    return "OK";
  });
  cell("Deno, for JSR", "import", () => {
    const entry = (name) => pathToFileURL(join(builtForJsr, "dist/entry", name)).href;
    const imports = { "npm:websocket-component": entry("deno.js") };
    imports["npm:websocket-component/component"] = entry("component-deno.js");
    writeFileSync(join(folder, "jsr.json"), JSON.stringify({ imports }));
    return prints("OK", ...deno("--import-map=jsr.json", "deno.mjs"));
  });
  cell("Deno, for JSR", "types", async () => {
    await run(builtForJsr, program("deno"), "publish", "--dry-run", "--allow-dirty"); // checks its types, and their speed
    return "OK";
  });
  cell("Bun", "import", () => prints("OK", folder, program("bun"), "import.mjs"));
  cell("Bun", "require", () => prints("OK", folder, program("bun"), "require.cjs"));
  cell("Bun", "both", () => prints("1 engine", folder, program("bun"), "both.cjs"));
}

async function prints(expected, ...command) {
  const output = await run(...command);
  assert.equal(output, expected);
  return output;
}
