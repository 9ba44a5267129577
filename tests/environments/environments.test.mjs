// The package in test runners and in bundles: each runs the same round trip by both entries, in a process of its own.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join, parse } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { stripVTControlCharacters } from "node:util";

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
    assert.match(stripVTControlCharacters(output), /^ *Tests +4 passed \(4\)$/m);
  });
}

for (const order of ["before", "after"]) {
  test(`zone.js, loaded ${order} the package: listeners of both sides run in the zone that added them`, () => {
    const listeners = [
      "client's close",
      "client's listener",
      "server's close",
      "server's handler",
      "server's listener",
    ];
    const output = run(process.execPath, join(HOME, "zone/zones.mjs"), order);
    assert.equal(output.trim(), listeners.map((name) => `${name} in application`).join("\n"));
  });
}

/** How each bundler makes one file of a program, for Node or for a page, and how that is run. */
const bundlers = {
  "esbuild, ESM": async (input, file, forPage) => {
    const { build } = await import("esbuild");
    const outfile = `${file}.mjs`;
    const banner = forPage ? {} : { js: REQUIRE };
    await build({ ...ESBUILD, platform: platformOf(forPage), entryPoints: [input], outfile, format: "esm", banner });
    return [process.execPath, outfile];
  },
  "esbuild, CJS": async (input, file, forPage) => {
    const { build } = await import("esbuild");
    const outfile = `${file}.cjs`;
    await build({ ...ESBUILD, platform: platformOf(forPage), entryPoints: [input], outfile, format: "cjs" });
    return [process.execPath, outfile];
  },
  webpack: async (input, file, forPage) => {
    const { default: webpack } = await import("webpack");
    const [path, filename] = [join(OUT, "webpack"), `${file.slice(OUT.length + 1)}.cjs`];
    const target = forPage ? "web" : "node20";
    const options = { mode: "production", target, entry: input, output: { path, filename } };
    await new Promise((resolve, reject) => {
      webpack(options, (error, stats) => (error || stats.hasErrors() ? reject(error ?? stats.toString()) : resolve()));
    });
    return [process.execPath, join(path, filename)];
  },
  rollup: async (input, file, forPage) => {
    const { rollup } = await import("rollup");
    const { nodeResolve } = await import("@rollup/plugin-node-resolve");
    const { default: commonjs } = await import("@rollup/plugin-commonjs");
    const resolve = forPage ? { browser: true } : { exportConditions: ["node"] };
    const plugins = [nodeResolve({ preferBuiltins: true, ...resolve }), commonjs()];
    const bundle = await rollup({ input, plugins, onwarn() {} });
    await bundle.write({ file: `${file}.mjs`, format: "es", inlineDynamicImports: true });
    return [process.execPath, `${file}.mjs`];
  },
  "Vite, by rolldown": async (input, file, forPage) => {
    const { build } = await import("vite");
    const outDir = `${file}-vite`;
    const output = { entryFileNames: "[name].mjs" };
    const forNode = { ssr: { noExternal: true }, build: { ssr: input, outDir, rolldownOptions: { output } } };
    const options = forPage ? { build: { outDir, rolldownOptions: { input, output } } } : forNode;
    await build({ logLevel: "error", ...options });
    return [process.execPath, join(outDir, `${parse(input).name}.mjs`)];
  },
  "bun build": async (input, file, forPage) => {
    run(BUN, "build", input, "--target", forPage ? "browser" : "node", "--outfile", `${file}-bun.mjs`);
    return [process.execPath, `${file}-bun.mjs`];
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
const ESBUILD = { bundle: true, target: "node20", logLevel: "silent" };
const REQUIRE = 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);';
/** Those that put the engine's file beside the bundle by themselves. */
const WITH_FILE = ["webpack"];

/** Deno downloads a runtime of its own for that, from its makers and not from npm. */
const CANNOT_COMPILE = "deno compile cannot download its base binary here";
const canCompile = denoCompiles();

/** Programs with the engine in their text. */
const programs = {
  "inline entries": "inline.mjs",
  "`ws`, imported": "ws.mjs",
  "`ws`, required": "ws-require.cjs",
  "a page": "page.mjs",
};
const table = new Map();

for (const [name, bundle] of Object.entries(bundlers)) {
  const row = new Map();
  table.set(name, row);
  for (const [what, program] of Object.entries(programs)) {
    const forPage = what === "a page";
    if (forPage && name.endsWith("compile")) continue;
    test(`${name}: ${what}`, async (t) => {
      if (name === "deno compile" && !canCompile) {
        row.set(what, "skipped");
        return t.skip(CANNOT_COMPILE);
      }
      row.set(what, "FAILED");
      const way = join(OUT, `${slug(name)}-${slug(what)}`);
      const [file, ...args] = await bundle(join(HOME, "bundles", program), way, forPage);
      assert.match(run(file, ...args), /^OK$/m);
      row.set(what, "works");
    });
  }

  if (name === "deno compile") continue; // Deno links the engine's file by itself, with the modules
  test(`${name}: entries that read the engine's file work, or say which import does`, async () => {
    const what = "entries with a file";
    row.set(what, "FAILED");
    const [file, ...args] = await bundle(join(HOME, "bundles/file.mjs"), join(OUT, `${slug(name)}-file`));
    const { status, stdout, stderr } = spawnSync(file, args, { cwd: HOME, encoding: "utf8" });
    if (WITH_FILE.includes(name)) {
      assert.deepEqual([status, stdout], [0, "OK\n"], stderr);
      row.set(what, "works");
      return;
    }
    assert.notEqual(status, 0);
    assert.match(stderr, /import websocket-component\/inline in place of websocket-component/);
    row.set(what, "names the import that works");
  });
}

after(() => {
  const columns = [...Object.keys(programs), "entries with a file"];
  console.log(`| Bundler | ${columns.join(" | ")} |\n| --- |${" --- |".repeat(columns.length)}`);
  for (const [name, row] of table)
    console.log(`| ${name} | ${columns.map((what) => row.get(what) ?? "–").join(" | ")} |`);
});

function platformOf(forPage) {
  return forPage ? "browser" : "node";
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
