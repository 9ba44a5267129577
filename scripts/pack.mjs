// Makes the packages as they are published: of the modules in dist/, one file for each entry and form.
//   build/package/    websocket-component
//   build/slim/       @websocket-component/slim: the entries around the engine without compression
//   build/component/  @websocket-component/component: the engine as a WebAssembly component
//   build/jsr/        the entries for Deno, for JSR
// `npm pack ./build/package` packs one. `--out FOLDER` makes them elsewhere.
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join, posix } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { brotliCompressSync, deflateRawSync } from "node:zlib";

import { bundle, bundleTypes, shareTypes } from "./lib/bundles.mjs";

process.chdir(fileURLToPath(new URL("..", import.meta.url)));
const { out: OUT } = parseArgs({ options: { out: { type: "string", default: "build" } } }).values;
const manifest = read("package.json");
const TERMS = ["LICENSE-APACHE", "LICENSE-MIT", "THIRD-PARTY-NOTICES"];
const BILL = "sbom.cdx.json";
const FILES = ["dist", "pkg", "LICENSE-*", "THIRD-PARTY-NOTICES", BILL];
/** Where the declarations are that entries share: those of CommonJS can be imported by modules too. */
const SHARED = "cjs/chunks";
const isSlim = (name) => name.includes("slim");

await packFull();
await packSlim();
packComponent();
await packForJsr();

async function packFull() {
  const out = emptied("package");
  const exports = only(manifest.exports, (name) => !isSlim(name));
  const typesVersions = { "*": only(manifest.typesVersions["*"], (name) => !isSlim(name)) };
  await packModules(out, "dist", { ...exports, bin: manifest.bin });
  for (const name of ["source", "inspect-source"]) copy(`dist/load/${name}.js`, out);
  for (const file of readdirSync("pkg").filter((name) => /component(?:_inspect)?_bg\.wasm$/.test(name)))
    copy(`pkg/${file}`, out);
  packPage(out);
  finish(out, { ...manifest, exports, typesVersions, files: FILES }, "README.md");
}

async function packSlim() {
  const out = emptied("slim");
  const own = (entries) =>
    Object.fromEntries(
      Object.entries(only(entries, isSlim)).map(([name, target]) => [
        name.replace(/\/?slim\/?/, (found) => (found === "/slim/" ? "/" : "")),
        JSON.parse(JSON.stringify(target).replaceAll("/slim/", "/")),
      ]),
    );
  const exports = { ...own(manifest.exports), "./package.json": "./package.json" };
  const typesVersions = { "*": own(manifest.typesVersions["*"]) };
  delete typesVersions["*"][""];
  await packModules(out, "dist/slim", exports);
  mkdirSync(`${out}/dist/load`);
  const source = readFileSync("dist/slim/load/source.js", "utf8").replace("../../../pkg/", "../../pkg/");
  writeFileSync(`${out}/dist/load/source.js`, source);
  copy("pkg/websocket_component_slim_bg.wasm", out);
  const { type, engines, main, types } = manifest;
  const rest = { type, engines, main, types, exports, typesVersions, files: FILES };
  finish(out, { ...read("packages/slim/package.json"), ...rest }, "packages/slim/README.md");
}

function packComponent() {
  const out = emptied("component");
  for (const file of ["engine.component.wasm", "engine.wit"]) copy(`pkg/component/${file}`, out, file);
  finish(out, read("packages/component/package.json"), "packages/component/README.md");
}

async function packForJsr() {
  const out = emptied("jsr");
  const config = read("packages/jsr/jsr.json");
  const names = namesOf(config.exports, "dist");
  const banner = ({ isEntry, name }) => (isEntry ? `/* @ts-self-types="./${basename(name)}.d.ts" */` : "");
  await bundle(out, "dist", { names, modules: "dist", format: "esm", banner });
  await bundleTypes(out, names, "chunks");
  for (const file of readdirSync(out, { recursive: true }).filter((name) => name.endsWith(".d.ts"))) {
    // Deno takes a name as it is, and has all of the library's types
    const declared = readFileSync(join(out, file), "utf8").replace(/^\/\/\/ <reference (?:lib|types)=.*\n/gm, "");
    writeFileSync(join(out, file), declared.replace(/(?<=(?:from|import) "\.[^"]+)\.js(?=")/g, ".d.ts"));
  }
  for (const name of ["source", "inspect-source"]) copy(`dist/load/${name}.js`, out);
  for (const name of ["websocket_component", "websocket_component_inspect"]) copy(`pkg/${name}_bg.wasm`, out);
  copyTerms(out);
  copy("packages/jsr/jsr.json", out, "jsr.json");
  writeFileSync(`${out}/README.md`, absolute("README.md"));
}

/** Both forms of the entries that `exports` names, of the modules in a folder, and their declarations. */
async function packModules(out, modules, exports) {
  const [esm, cjs] = ["dist", "dist/cjs"].map((folder) => namesOf(exports, folder));
  await bundle(out, "dist", { names: esm, modules, format: "esm" });
  await bundle(out, "dist/cjs", { names: cjs, modules, format: "cjs" });
  const typed = [...new Set([...esm, ...cjs])].filter((name) => name.startsWith("entry/"));
  const declaring = typed.filter((name) => existsSync(`dist/${name}.d.ts`));
  await bundleTypes(out, declaring, SHARED);
  for (const name of cjs) {
    const declared = readFileSync(`${out}/dist/${name}.d.ts`, "utf8");
    writeFileSync(`${out}/dist/cjs/${name}.d.ts`, declared.replaceAll(`"../${SHARED}/`, '"../chunks/'));
  }
  shareTypes(out, declaring, cjs);
  copy("dist/cjs/package.json", out);
}

/** The page's script, compressed, without the engines, which `js/proxy/page.ts` puts there. */
function packPage(out) {
  if (!existsSync("dist/page")) return;
  let script = readFileSync("dist/page/index.js", "utf8");
  for (const name of ["websocket_component_bg.wasm", "websocket_component_inspect_bg.wasm"]) {
    const text = deflateRawSync(readFileSync(`pkg/${name}`), { level: 9 }).toString("base64");
    if (!script.includes(text)) {
      console.error(`-- the page has another ${name}, so the package has no page: npm run build:www`);
      return;
    }
    script = script.replaceAll(text, `@${name}@`);
  }
  copy("dist/page/index.html", out);
  writeFileSync(`${out}/dist/page/index.js.br`, brotliCompressSync(script));
}

/** What is beside the modules. */
function finish(out, { scripts, devDependencies, private: _, ...rest }, readme) {
  copyTerms(out);
  writeFileSync(`${out}/README.md`, absolute(readme));
  // a chunk starts an engine, or gives a class its statics; bundlers still drop what is not used of it
  writeFileSync(`${out}/package.json`, `${JSON.stringify({ ...rest, sideEffects: true }, null, 2)}\n`);
}

function copyTerms(out) {
  for (const file of TERMS) copy(file, out);
  writeFileSync(join(out, BILL), JSON.stringify(read(BILL))); // programs read it
}

/** Registries show a README, and have no files beside it. */
function absolute(readme) {
  const url = manifest.repository.url.replace(/^git\+|\.git$/g, "");
  return readFileSync(readme, "utf8").replace(
    /(\]\(|src(?:set)?=")(?!https?:|#|mailto:)([^)"]+)/g,
    (_, before, path) => {
      const kind = /\.(?:png|svg|jpg|gif)$/.test(path) ? "raw" : "blob";
      return `${before}${url}/${kind}/v${manifest.version}/${posix.join(posix.dirname(readme), path)}`;
    },
  );
}

/** The modules that `exports` names in a folder, without the slim ones: `entry/node`, `bin`. */
function namesOf(exports, folder) {
  const paths = [...new Set(strings(exports))].filter((path) => /\.js$/.test(path) && path.startsWith(`./${folder}/`));
  return paths
    .map((path) => path.slice(`./${folder}/`.length, -".js".length))
    .filter((name) => /^(?:entry\/|bin$)/.test(name));
}

function emptied(name) {
  const out = join(OUT, name);
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  return out;
}

function copy(file, out, to = file) {
  mkdirSync(dirname(join(out, to)), { recursive: true });
  copyFileSync(file, join(out, to));
}

function read(file) {
  return JSON.parse(readFileSync(file, "utf8"));
}

function only(entries, is) {
  return Object.fromEntries(Object.entries(entries).filter(([name]) => is(name)));
}

function strings(value) {
  return typeof value === "string" ? [value] : Object.values(value).flatMap(strings);
}
