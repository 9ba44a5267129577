// The package in test runners and in bundles: each runs the same round trip by both entries, in a process of its own.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const HOME = fileURLToPath(new URL(".", import.meta.url));
const OUT = join(HOME, "build");
const { DENO, BUN } = process.env;
rmSync(OUT, { recursive: true, force: true });
mkdirSync(OUT);

/** Runs a program to its end, which has to be a good one, and returns what it prints. */
function run(file, ...args) {
  const { status, stdout, stderr } = spawnSync(file, args, { cwd: HOME, encoding: "utf8" });
  assert.equal(status, 0, `${stdout}\n${stderr}`);
  return stdout + stderr;
}

/** Runs a program of a package that is installed here. */
function tool(name, ...args) {
  return run(process.execPath, join(HOME, "node_modules", name), ...args);
}

for (const environment of ["node", "jsdom"]) {
  test(`Jest, ${environment}: a round trip by both entries, and with fake timers`, () => {
    const output = tool("jest/bin/jest.js", "--config", "jest/config.json", "--env", environment);
    assert.match(output, /^Tests: +4 passed, 4 total$/m);
  });
}

for (const environment of ["node", "jsdom", "happy-dom"]) {
  test(`Vitest, ${environment}: a round trip by both entries, and with fake timers`, () => {
    const output = tool("vitest/vitest.mjs", "run", "--root", "vitest", "--environment", environment);
    assert.match(output.replace(/\x1b\[\d+m/g, ""), /^ *Tests +4 passed \(4\)$/m);
  });
}

/** How each bundler makes one file of a program, and how that is run. */
const bundlers = {
  "esbuild, ESM": async (input, file) => {
    const { build } = await import("esbuild");
    const outfile = `${file}.mjs`;
    await build({ ...ESBUILD, entryPoints: [input], outfile, format: "esm", banner: { js: REQUIRE } });
    return [process.execPath, outfile];
  },
  "esbuild, CJS": async (input, file) => {
    const { build } = await import("esbuild");
    const outfile = `${file}.cjs`;
    await build({ ...ESBUILD, entryPoints: [input], outfile, format: "cjs" });
    return [process.execPath, outfile];
  },
  webpack: async (input, file) => {
    const { default: webpack } = await import("webpack");
    const [path, filename] = [join(OUT, "webpack"), `${file.slice(OUT.length + 1)}.cjs`];
    const options = { mode: "production", target: "node20", entry: input, output: { path, filename } };
    await new Promise((resolve, reject) => {
      webpack(options, (error, stats) => (error || stats.hasErrors() ? reject(error ?? stats.toString()) : resolve()));
    });
    return [process.execPath, join(path, filename)];
  },
  rollup: async (input, file) => {
    const { rollup } = await import("rollup");
    const { nodeResolve } = await import("@rollup/plugin-node-resolve");
    const plugins = [roundTripAsModule, nodeResolve({ exportConditions: ["node"] })];
    const bundle = await rollup({ input, plugins, onwarn() {} });
    await bundle.write({ file: `${file}.mjs`, format: "es", inlineDynamicImports: true });
    return [process.execPath, `${file}.mjs`];
  },
  "Vite, by rolldown": async (input, file) => {
    const { build } = await import("vite");
    const outDir = `${file}-vite`;
    const output = { entryFileNames: "[name].mjs" };
    await build({
      logLevel: "error",
      ssr: { noExternal: true },
      build: { ssr: input, outDir, rolldownOptions: { output } },
    });
    return [process.execPath, join(outDir, `${input.slice(input.lastIndexOf("/") + 1)}`)];
  },
  "bun build --compile": async (input, file) => {
    run(BUN, "build", "--compile", input, "--outfile", `${file}-bun`);
    return [`${file}-bun`];
  },
  "deno compile": async (input, file) => {
    run(DENO, "compile", "--quiet", "--allow-all", "--output", `${file}-deno`, input);
    return [`${file}-deno`];
  },
};
/** Rollup takes modules alone, and Jest without transforms takes CommonJS alone. */
const roundTripAsModule = {
  name: "round-trip-as-module",
  transform: (code, id) => (id.endsWith(".cjs") ? code.replace("exports.roundTrip =", "export const roundTrip =") : null),
};
const ESBUILD = { bundle: true, platform: "node", target: "node20", logLevel: "silent" };
const REQUIRE = 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);';
/** Those that put the engine's file beside the bundle by themselves. */
const WITH_FILE = ["webpack"];

/** Deno downloads a runtime of its own for that, from its makers and not from npm. */
const CANNOT_COMPILE = "deno compile cannot download its base binary here";
const canCompile = denoCompiles();

for (const [name, bundle] of Object.entries(bundlers)) {
  test(`${name}: inline entries, a round trip by both`, async (t) => {
    if (name === "deno compile" && !canCompile) return t.skip(CANNOT_COMPILE);
    const [file, ...args] = await bundle(join(HOME, "bundles/inline.mjs"), join(OUT, `${slug(name)}-inline`));
    assert.match(run(file, ...args), /^OK$/m);
  });

  if (name === "deno compile") continue; // Deno links the engine's file by itself, with the modules
  test(`${name}: entries that read the engine's file work, or say which import does`, async () => {
    const [file, ...args] = await bundle(join(HOME, "bundles/file.mjs"), join(OUT, `${slug(name)}-file`));
    const { status, stdout, stderr } = spawnSync(file, args, { cwd: HOME, encoding: "utf8" });
    if (WITH_FILE.includes(name)) {
      assert.deepEqual([status, stdout], [0, "OK\n"], stderr);
      return;
    }
    assert.notEqual(status, 0);
    assert.match(stderr, /import websocket-component\/inline in place of websocket-component/);
  });
}

function denoCompiles() {
  const program = join(OUT, "empty.mjs");
  writeFileSync(program, "");
  const { stderr } = spawnSync(DENO, ["compile", "--output", join(OUT, "empty"), program], { encoding: "utf8" });
  return !stderr.includes("Setting up base binary");
}

function slug(name) {
  return name.replaceAll(/\W+/g, "-");
}
