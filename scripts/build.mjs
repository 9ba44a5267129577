// Makes the other forms of the modules that tsc wrote to dist/:
//   dist/slim/           around the engine without compression, which is another state and so needs modules of its own
//   dist/cjs/, cjs/slim/ as CommonJS with its types, for Node that cannot require a module
//   dist/load/*base64.js the engines as text, deflated, for bundles
//   dist/load/*source.js the engines as modules, by syntax that TypeScript does not know, for Deno
// Each is a file for a file: nothing is bundled, so that all entries of one form share one engine.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, posix } from "node:path";
import { fileURLToPath } from "node:url";
import { deflateRawSync } from "node:zlib";

import { transformSync } from "esbuild";

/** The address of a CommonJS file, which has no `import.meta`. */
const MODULE_EXPORTS = 'module.exports = module.exports["module.exports"];';
const FILE_URL = 'const file_url = require("node:url").pathToFileURL(__filename).href;';
/** What only the command and pages import, and what is made here. */
const APART = /^bin\.|(?:base64|inspect-register)\.|^(?:cjs|slim|command|page)\//;
/** What only bundles import, which take modules. */
const BUNDLED = /inline\./;
/** What has an engine of its own, or none. */
const INSPECT = /\binspect\b|^proxy\//;
/** What only those import that have modules. */
const NOT_NODE = /\b(?:browser|bun|deno|socket-index|source)\./;

process.chdir(fileURLToPath(new URL("../dist", import.meta.url)));
for (const folder of ["slim", "cjs"]) rmSync(folder, { recursive: true, force: true });

write("load/source.js", source("websocket_component"));
write("load/inspect-source.js", source("websocket_component_inspect"));

const files = readdirSync(".", { recursive: true }).map((file) => file.replaceAll("\\", "/"));
const shared = files.filter((file) => /(?:\.js|\.d\.ts)$/.test(file) && !APART.test(file));
const modules = shared.filter((file) => file.endsWith(".js"));
const inNode = shared.filter((file) => !NOT_NODE.test(file) && !BUNDLED.test(file));

for (const file of modules.filter((file) => !INSPECT.test(file))) write(`slim/${file}`, slim(read(file)));
for (const file of inNode) write(`cjs/${file}`, commonJs(file, read(file)));
for (const file of inNode.filter((file) => file.endsWith(".js") && !INSPECT.test(file)))
  write(`cjs/slim/${file}`, commonJs(file, slim(read(file))));
for (const name of ["websocket_component", "websocket_component_slim", "websocket_component_inspect"]) {
  write(`cjs/pkg/${name}.js`, commonJs(`${name}.js`, read(`../pkg/${name}.js`)));
  if (!name.endsWith("slim")) write(`cjs/pkg/${name}.d.ts`, read(`../pkg/${name}.d.ts`));
}
write("cjs/package.json", '{ "type": "commonjs" }\n');
write("load/base64.js", base64("websocket_component"));
write("load/inspect-base64.js", base64("websocket_component_inspect"));
write("slim/load/base64.js", base64("websocket_component_slim"));

function base64(name) {
  return `export default "${deflateRawSync(readFileSync(`../pkg/${name}_bg.wasm`), { level: 9 }).toString("base64")}";\n`;
}

function source(name) {
  return `import source engine from "../../pkg/${name}_bg.wasm";\nexport default engine;\n`;
}

/** A file's text without the name of its map: what is made of it has other lines. */
function read(file) {
  return readFileSync(file, "utf8").replace(/^\/\/# sourceMappingURL=.*\n?/m, "");
}

function slim(text) {
  return text.replace(/\/pkg\/websocket_component/g, "$&_slim");
}

function commonJs(file, text) {
  if (!file.endsWith(".js")) return text;
  const banner = text.includes("import.meta.url") ? FILE_URL : undefined;
  // the name by which a module says what `require` gives of it
  const footer = text.includes('as "module.exports"') ? MODULE_EXPORTS : undefined;
  const define = { "import.meta.url": "file_url" };
  return transformSync(text, { format: "cjs", target: "node20", define, banner, footer }).code;
}

/** Writes a file, and corrects the ways to pkg/ in it: the CommonJS forms have the code of pkg/ in theirs. */
function write(file, text) {
  const corrected = text.replace(/(["'])(?:\.\.?\/)+pkg\/(\w+\.(js|wasm))\1/g, (_, quote, name, kind) => {
    const target = file.startsWith("cjs/") && kind === "js" ? `cjs/pkg/${name}` : `../pkg/${name}`;
    const way = posix.relative(posix.dirname(file), target);
    return `${quote}${way.startsWith(".") ? way : `./${way}`}${quote}`;
  });
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, corrected);
}
