// The types, for strict programs; and what is said of the package by those that look at packages.
import assert from "node:assert/strict";
import { cpSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { publint } from "publint";

import { built, builtComponent, builtSlim, project, root, run, slimTarball, tarball, wsTarball } from "./project.mjs";
import { cell } from "./table.mjs";

const STRICT =
  "--noEmit --ignoreConfig --strict --exactOptionalPropertyTypes --noUncheckedIndexedAccess --skipLibCheck false";
const NODE = "--target es2022 --types node --lib es2022";

export function testTypes() {
  const folder = project("types");
  cpSync(join(folder, "api.ts"), join(folder, "api-esm.mts"));
  cpSync(join(folder, "api.ts"), join(folder, "api-cjs.cts"));
  mkdirSync(join(folder, "node_modules/@types"));
  for (const name of ["@types/node", "undici-types", "@types/bun", "bun-types"]) {
    cpSync(join(root, "node_modules", name), join(folder, "node_modules", name), { recursive: true });
  }
  const types =
    (flags, ...files) =>
    async () => {
      await run(folder, join(root, "node_modules/.bin/tsc"), ...`${STRICT} ${flags}`.split(" "), ...files);
      return "OK";
    };
  cell("TypeScript, NodeNext, a module", "types", types(`--module nodenext ${NODE}`, "api-esm.mts"));
  cell("TypeScript, NodeNext, CommonJS", "types", types(`--module nodenext ${NODE}`, "api-cjs.cts"));
  cell("TypeScript, Node16, both", "types", types(`--module node16 ${NODE}`, "api-esm.mts", "api-cjs.cts"));
  // the default of `types` is none, and so is what `tsc --init` writes
  cell("TypeScript, NodeNext, no types named", "types", types("--module nodenext --target es2022", "api-esm.mts"));
  const bundler = "--module esnext --moduleResolution bundler";
  cell("TypeScript, bundler", "types", types(`${bundler} ${NODE}`, "api.ts"));
  cell("TypeScript, bundler, with the DOM", "types", types(`${bundler} ${NODE},dom`, "api.ts", "dom.ts"));
  const bun = `${bundler} --target esnext --lib esnext --types bun`;
  cell("TypeScript, @types/bun", "types", async () => {
    // Bun's types and those of the oldest Node declare some things twice; only errors in our files count
    const found = await types(bun, "bun.ts", "api.ts")().catch((error) => error.message);
    const ours = found.split("\n").filter((line) => /^(?:bun|api)\.ts|^node_modules\/websocket-component/.test(line));
    assert.deepEqual(ours, []);
    return "OK";
  });
  const page = `${bundler} --customConditions browser --target es2022 --lib es2022,dom`;
  cell("TypeScript, bundler, a page", "types", types(page, "page.ts"));

  cell("TypeScript, ws by an override", "types", types(`--module nodenext ${NODE}`, "ws-import.mts", "ws-require.cts"));
  cell("TypeScript, ws by an override, bundler", "types", types(`${bundler} ${NODE}`, "ws-import.mts"));

  cell("publint", "types", async () => {
    const { messages } = await publint({ pkgDir: built, strict: true });
    assert.deepEqual(messages, []);
    return "OK";
  });
  for (const [name, pkgDir] of Object.entries({ slim: builtSlim, component: builtComponent })) {
    cell(`publint, ${name}`, "types", async () => {
      assert.deepEqual((await publint({ pkgDir, strict: true })).messages, []);
      return "OK";
    });
  }
  cell("publint, packages/ws", "types", async () => {
    const { messages } = await publint({ pkgDir: join(root, "packages/ws"), level: "warning" });
    // `require` in a bundle must give the class, and that of a module gives a namespace
    const codes = messages.map(({ code }) => code);
    assert.deepEqual(codes, ["EXPORTS_MODULE_SHOULD_BE_ESM"]);
    return "OK";
  });
  cell("Are the types wrong?, packages/ws", "types", async () => {
    await run(folder, join(root, "node_modules/.bin/attw"), "--no-emoji", wsTarball);
    return "OK";
  });
  cell("Are the types wrong?, slim", "types", async () => {
    await run(folder, join(root, "node_modules/.bin/attw"), "--no-emoji", slimTarball);
    return "OK";
  });
  cell("Are the types wrong?", "types", async () => {
    // a module for `node --import` alone: it has no types and no other form
    const untyped = ["--exclude-entrypoints", "inspect/register"];
    await run(root, join(root, "node_modules/.bin/attw"), "--no-emoji", tarball, ...untyped);
    return "OK";
  });
}

/** The links that registries show must lead to files that the repository has. */
export function testReadmes() {
  for (const [name, folder] of Object.entries({ package: built, slim: builtSlim, component: builtComponent })) {
    cell(`README, ${name}`, "links", () => {
      const { repository, version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
      const home = repository.url.replace(/^git\+|\.git$/g, "");
      const links = readFileSync(join(folder, "README.md"), "utf8").matchAll(/\]\(([^)#]+)|\bsrc(?:set)?="([^"#]+)/g);
      const paths = [...links].map(([, link, source]) => link ?? source).filter((link) => link.startsWith(home));
      for (const path of paths) {
        const [, file] = new RegExp(`^/(?:blob|raw)/v${version}/(.+)$`).exec(path.slice(home.length)) ?? [];
        assert.ok(file !== undefined && existsSync(join(root, file)), path);
      }
      const all = readFileSync(join(folder, "README.md"), "utf8").match(/\]\((?!https:|#)[^)]*/g);
      assert.deepEqual([all, paths.length > 0], [null, true]);
      return `${paths.length}`;
    });
  }
}
