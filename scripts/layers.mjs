// Checks that imports go down the layers only, in src/ and in js/.
import { readdirSync, readFileSync } from "node:fs";
import { posix } from "node:path";
import { fileURLToPath } from "node:url";

/** Lowest first; a name is a module of the crate. */
const rustLayers = [
  ["error", "one_thread", "random", "wire"],
  ["deflate", "frame", "http"],
  ["handshake", "session"],
  ["connection", "handle", "inspect"],
  ["wasm"],
];

/** Lowest first; a name is a folder of js/ with all that is in it, or a file. */
const scriptLayers = [
  ["engine/"],
  ["session/", "component/", "inspect/"],
  ["transport/"],
  ["connection/", "client/"],
  ["websocket/", "server/", "ws/"],
  ["index.ts", "socket-index.ts", "load/", "entry/", "command/", "bin.ts"],
];

process.chdir(fileURLToPath(new URL("..", import.meta.url)));
const problems = [
  ...problemsOf("src", ".rs", rustLayers, (file) => file.split("/")[0].replace(/\.rs$/, ""), rustImports),
  ...problemsOf("js", ".ts", scriptLayers, scriptUnit, scriptImports),
];
for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exit(1);
console.log("imports go down the layers only");

/** What is wrong in one tree: a unit without a layer, or an import of a higher or unrelated one. */
function problemsOf(root, extension, layers, unitOf, importsOf) {
  const layerOf = (unit) => layers.findIndex((layer) => layer.includes(unit));
  const files = readdirSync(root, { recursive: true }).filter((file) => file.endsWith(extension) && file !== "lib.rs");
  return files.flatMap((file) => {
    const unit = unitOf(file);
    const own = layerOf(unit);
    if (own < 0) return [`${root}/${file}: in no layer; add it to scripts/layers.mjs`];
    return importsOf(file, readFileSync(`${root}/${file}`, "utf8"))
      .filter((other) => other !== unit && (layerOf(other) < 0 || layerOf(other) > own))
      .map((other) => `${root}/${file}: imports ${other}, which is not in its layer or below`);
  });
}

/** The modules that a Rust file names by `crate::name` or `crate::{name, …}`, comments apart. */
function rustImports(_file, text) {
  const code = text.replace(/^\s*\/\/.*$/gm, "");
  return [...code.matchAll(/\bcrate::(?:(\w+)|\{([^;]*)\})/g)].flatMap(([, name, group]) =>
    name ? [name] : group.replace(/::(\{[^}]*\}|\w+)/g, "").match(/\w+/g),
  );
}

function scriptUnit(file) {
  return file.includes("/") ? `${file.split("/")[0]}/` : file;
}

/** The units of js/ that a TypeScript file imports; packages and pkg/ are outside. */
function scriptImports(file, text) {
  return [...text.matchAll(/\b(?:from|import)\s*\(?\s*"(\.[^"]*)"/g)]
    .map(([, specifier]) => posix.join(posix.dirname(file), specifier).replace(/\.js$/, ".ts"))
    .filter((path) => !path.startsWith(".."))
    .map(scriptUnit);
}
