// Makes the package as it is published, in build/package/: of the modules in dist/, one file for each entry and form.
// What entries share is in chunks, so that all entries of a form still have one engine. `npm pack ./build/package`
// packs it.
import { copyFileSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

import { rolldown } from "rolldown";

import { module } from "./tools.mjs";

process.chdir(fileURLToPath(new URL("..", import.meta.url)));
const manifest = JSON.parse(readFileSync("package.json", "utf8"));
const { dts } = await module("rolldown-plugin-dts", "dist/index.mjs");
const OUT = "build/package";
const NAMES = { class: true, function: true };
/** Names stay readable in stack traces, and `WebSocket.name` is what the standard says. */
const MINIFY = { compress: { keepNames: NAMES }, mangle: { keepNames: NAMES }, codegen: { removeWhitespace: true } };

/** What `exports` names, by form. */
const targets = [...new Set(strings([manifest.exports, manifest.bin]))].filter((path) => path.startsWith("./dist/"));
const FORMS = [
  { folder: "dist", format: "esm" },
  { folder: "dist/slim", format: "esm" },
  { folder: "dist/cjs", modules: "dist", format: "cjs" },
  { folder: "dist/cjs/slim", modules: "dist/slim", format: "cjs" },
];

/** `import source` stays: only Deno knows it. */
const engineAsModule = {
  name: "engine-as-module",
  resolveId: (id, importer) =>
    /\/(?:inspect-)?source\.js$/.test(id) ? { id: resolve(dirname(importer), id), external: "relative" } : null,
};

const MODULE = /declare module "\.\/websocket\.js" \{\s*(namespace WebSocket \{[\s\S]*?\n {2}\})\s*\}/;
/** What is lost on the way: a reference, and the namespace that a module adds to the class of another. */
const corrected = {
  name: "corrected",
  renderChunk: (code) => {
    const declared = code.includes("export declare class WebSocket ") ? "export declare $1" : "declare $1";
    const merged = code.replace(MODULE, declared);
    return merged.includes("[Symbol.dispose]") ? `/// <reference lib="esnext.disposable" />\n${merged}` : merged;
  },
};

rmSync(OUT, { recursive: true, force: true });
for (const { folder, modules = folder, format } of FORMS) await bundle(folder, modules, format);
for (const folder of ["dist", "dist/cjs"]) await bundleTypes(folder);
for (const name of ["source", "inspect-source"]) copy(`dist/load/${name}.js`);
copy("dist/slim/load/source.js");
copy("dist/cjs/package.json");
if (existsSync("dist/page")) cpSync("dist/page", `${OUT}/dist/page`, { recursive: true });
for (const file of readdirSync("pkg")) if (file.endsWith(".wasm")) copy(`pkg/${file}`);
for (const file of ["engine.component.wasm", "engine.wit"]) copy(`pkg/component/${file}`);
for (const file of ["CHANGELOG.md", "LICENSE-APACHE", "LICENSE-MIT", "THIRD-PARTY-NOTICES", "sbom.cdx.json"])
  copy(file);
writeFileSync(`${OUT}/README.md`, absolute(readFileSync("README.md", "utf8")));
writeFileSync(`${OUT}/package.json`, `${JSON.stringify(published(manifest), null, 2)}\n`);

/** The entries of one folder: `entry/node`, `bin`. */
function entries(folder, extension) {
  const own = targets.filter((path) => path.endsWith(extension) && dirname(dirname(path)) === `./${folder}`);
  if (folder === "dist") own.push(...targets.filter((path) => path === `./dist/bin${extension}`));
  return own.map((path) => path.slice(`./${folder}/`.length, -extension.length));
}

async function bundle(folder, modules, format) {
  const input = Object.fromEntries(entries(folder, ".js").map((name) => [name, resolve(modules, `${name}.js`)]));
  const build = await rolldown({ input, platform: "node", plugins: [engineAsModule, engineFiles(folder)] });
  await build.write({
    dir: `${OUT}/${folder}`,
    format,
    exports: "named",
    minify: MINIFY,
    comments: { legal: false, annotation: true, jsdoc: false },
    entryFileNames: "[name].js",
    chunkFileNames: "chunks/[name].js",
    // what `require` gives
    footer: ({ exports }) =>
      format === "cjs" && exports.includes("module.exports")
        ? 'module.exports = module.exports["module.exports"];'
        : "",
  });
}

/** Every file's way to pkg/ and to load/: all are one folder below `folder`. */
function engineFiles(folder) {
  const pkg = `${"../".repeat(folder.split("/").length + 1)}pkg/`;
  return {
    name: "engine-files",
    renderChunk: (code) =>
      code
        .replace(/(?<=["'`])(?:\.\.\/)+pkg\/(?=\w+\.wasm["'`])/g, pkg)
        .replace(/(?<=["'`])(?:\.\.\/)+(?=load\/[\w-]*source\.js["'`])/g, "../"),
    // bundlers look for a string there, and the minifier prefers templates
    generateBundle(_, chunks) {
      for (const chunk of Object.values(chunks)) chunk.code = chunk.code?.replace(/`([./]+pkg\/\w+\.wasm)`/g, '"$1"');
    },
  };
}

async function bundleTypes(folder) {
  const names = [...new Set(targets.map((path) => path.replace("/slim/", "/")))]
    .filter((path) => path.startsWith(`./${folder}/entry/`) && existsSync(path.replace(/\.js$/, ".d.ts")))
    .map((path) => path.replace(/(?:\.d\.ts|\.js)$/, "").slice(`./${folder}/`.length));
  const input = Object.fromEntries(names.map((name) => [name, resolve("dist", `${name}.d.ts`)]));
  const build = await rolldown({
    input,
    platform: "node",
    external: [/^node:/],
    plugins: [dts({ dtsOnly: true, generator: "oxc", tsconfig: false }), corrected],
    onLog: () => {},
  });
  await build.write({
    dir: `${OUT}/${folder}`,
    format: "esm",
    entryFileNames: "[name].d.ts",
    chunkFileNames: "chunks/[name].d.ts",
  });
}

/** Registries show the README, and have no files beside it. */
function absolute(markdown) {
  const url = manifest.repository.url.replace(/^git\+|\.git$/g, "");
  return markdown.replace(/(\]\(|src(?:set)?=")(?!https?:|#|mailto:)([^)"]+)/g, (_, before, path) => {
    const kind = /\.(?:png|svg|jpg|gif)$/.test(path) ? "raw" : "blob";
    return `${before}${url}/${kind}/v${manifest.version}/${path}`;
  });
}

function published({ scripts, devDependencies, private: _, ...rest }) {
  // a chunk starts an engine, or gives a class its statics; bundlers still drop what is not used of it
  return {
    ...rest,
    sideEffects: true,
    files: ["dist", "pkg", "CHANGELOG.md", "LICENSE-*", "THIRD-PARTY-NOTICES", "sbom.cdx.json"],
  };
}

function copy(file) {
  mkdirSync(dirname(join(OUT, file)), { recursive: true });
  copyFileSync(file, join(OUT, file));
}

function strings(value) {
  return typeof value === "string" ? [value] : Object.values(value).flatMap(strings);
}
