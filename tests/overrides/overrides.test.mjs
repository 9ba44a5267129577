// `ws` is ours by an override alone, in packages as npm has them, by each program that installs packages. The tarballs
// stand for `npm:@websocket-component/ws@^8`, which only a registry can resolve.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";

import { program } from "../../scripts/tools.mjs";

const root = fileURLToPath(new URL("../..", import.meta.url));
const home = mkdtempSync(join(tmpdir(), "websocket-component-overrides-"));
after(() => rmSync(home, { recursive: true, force: true }));

const tarballs = {
  "websocket-component": packed(join(root, "build/package")),
  ws: packed(join(root, "packages/ws")),
};
const dependencies = { jayson: "5.0.0", "socket.io": "4.8.4", "socket.io-client": "4.8.4" };

/** Packs a package, and gives what a manifest calls the tarball. */
function packed(folder) {
  const output = execFileSync("npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", home, folder], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  const [{ filename }] = JSON.parse(output);
  return `file:${join(home, filename)}`;
}

function run(cwd, file, ...args) {
  const env = { ...process.env, NO_COLOR: "1", CI: "", COREPACK_ENABLE_STRICT: "0", YARN_ENABLE_TELEMETRY: "0" };
  delete env.NODE_TEST_CONTEXT;
  try {
    return execFileSync(file, args, { cwd, env, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] }).trim();
  } catch ({ stdout, stderr }) {
    throw new Error(`${file} ${args.join(" ")}\n${stdout}\n${stderr}`);
  }
}

/** For each program: what it calls overrides, how it installs, and how it runs a program. */
const installers = {
  npm: {
    manifest: { overrides: tarballs },
    install: ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
  },
  pnpm: {
    files: { "pnpm-workspace.yaml": `overrides:\n${pairs(tarballs)}` },
    install: [program("pnpm"), "install", "--ignore-scripts", "--silent"],
  },
  "Yarn 1": {
    manifest: { resolutions: tarballs },
    install: [program("yarn-classic"), "install", "--ignore-scripts", "--silent", "--non-interactive"],
  },
  "Yarn 4, Plug'n'Play": {
    manifest: { resolutions: tarballs },
    files: { ".yarnrc.yml": "nodeLinker: pnp\nenableScripts: false\nenableGlobalCache: false\n", "yarn.lock": "" },
    install: [program("yarn"), "install"],
    node: [program("yarn"), "node"],
  },
};

function pairs(values) {
  return Object.entries(values)
    .map(([name, value]) => `  ${name}: "${value}"\n`)
    .join("");
}

for (const [name, { manifest, files = {}, install, node = [process.execPath] }] of Object.entries(installers)) {
  test(`${name}: packages that depend on ws work by an override`, () => {
    const folder = join(home, name.replaceAll(/\W+/g, "-"));
    mkdirSync(folder);
    cpSync(join(root, "tests/overrides/program.cjs"), join(folder, "program.cjs"));
    writeFileSync(join(folder, "package.json"), JSON.stringify({ private: true, dependencies, ...manifest }));
    for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, file), text);
    run(folder, ...install);
    assert.equal(run(folder, ...node, "program.cjs"), "OK");
    assert.equal(readdirSync(folder).includes("node_modules"), !name.includes("Play"));
  });
}
