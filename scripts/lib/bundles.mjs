// Bundles modules of dist/ and their declarations: a file for each entry, and chunks of what entries share, so that all
// entries of a form have one engine.
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, resolve } from "node:path";
import { inflateRawSync } from "node:zlib";

import { rolldown } from "rolldown";

import { kept, module } from "../tools.mjs";

const { dts } = await module("rolldown-plugin-dts", "dist/index.mjs");
const NAMES = { class: true, function: true };
/**
 * Names stay readable in stack traces, and `WebSocket.name` is what the standard says. So do lines, for a twentieth of
 * the package: Node prints the whole line that has thrown an error which is not caught, before what it says.
 */
const MINIFY = { compress: { keepNames: NAMES }, mangle: { keepNames: NAMES }, codegen: { removeWhitespace: false } };

/** `import source` stays: only Deno knows it. */
const engineAsModule = {
  name: "engine-as-module",
  resolveId: (id, importer) =>
    /\/(?:inspect-)?source\.js$/.test(id) ? { id: resolve(dirname(importer), id), external: "relative" } : null,
};

/** Engines in base64 are deflated once more, by zopfli: 5 % smaller, after many seconds, and so each result is kept. */
const smallEngines = {
  name: "small-engines",
  async transform(code, id) {
    const [, base64] = (/base64\.js$/.test(id) && /^export default "(.+)";\n$/.exec(code)) || [];
    if (base64 === undefined) return null;
    const { default: zopfli } = await module("@gfx/zopfli", "dist/index.js");
    const engine = inflateRawSync(Buffer.from(base64, "base64"));
    const name = `zopfli-${createHash("sha256").update(engine).digest("hex")}`;
    const deflated = await kept(name, () => zopfli.deflateAsync(engine, { numiterations: 5 }));
    return `export default "${deflated.toString("base64")}";\n`;
  },
};

const MODULE = /declare module "\.\/websocket\.js" \{\s*(namespace WebSocket \{[\s\S]*?\n {2}\})\s*\}/;
/** References that a declaration needs, by what it contains. */
const REFERENCES = [
  ['lib="esnext.disposable"', /\[Symbol\.dispose\]/],
  ['types="node"', / from "node:/], // programs whose tsconfig.json has `"types": []` have them by it
];
/** What is lost on the way: references, and the namespace that a module adds to the class of another. */
const corrected = {
  name: "corrected",
  renderChunk: (code) => {
    const declared = code.includes("export declare class WebSocket ") ? "export declare $1" : "declare $1";
    const merged = code.replace(MODULE, declared);
    const needed = REFERENCES.filter(([, by]) => by.test(merged));
    return `${needed.map(([what]) => `/// <reference ${what} />\n`).join("")}${merged}`;
  },
};

/**
 * Writes the entries `names`, such as `entry/node`, of the modules in `modules`.
 *
 * @param out the package's folder
 * @param folder where in it they go, `dist` or below
 * @param banner gives an entry's first line
 */
export async function bundle(out, folder, { names, modules, format, banner = () => "" }) {
  const input = Object.fromEntries(names.map((name) => [name, resolve(modules, `${name}.js`)]));
  const build = await rolldown({
    input,
    platform: "node",
    plugins: [engineAsModule, smallEngines, engineFiles(folder)],
  });
  await build.write({
    dir: `${out}/${folder}`,
    format,
    exports: "named",
    minify: MINIFY,
    comments: { legal: false, annotation: true, jsdoc: false },
    entryFileNames: "[name].js",
    chunkFileNames: "chunks/[name].js",
    postBanner: banner, // `banner` is minified away
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

/** Writes the declarations of entries into `${out}/dist`, and what they share into its folder `chunks`. */
export async function bundleTypes(out, names, chunks) {
  const input = Object.fromEntries(names.map((name) => [name, resolve("dist", `${name}.d.ts`)]));
  const build = await rolldown({
    input,
    platform: "node",
    external: [/^node:/],
    plugins: [dts({ dtsOnly: true, generator: "oxc", tsconfig: false }), corrected],
    onLog: () => {},
  });
  await build.write({
    dir: `${out}/dist`,
    format: "esm",
    entryFileNames: "[name].d.ts",
    chunkFileNames: `${chunks}/[name].d.ts`,
  });
}

/**
 * Declares once what several entries export that differ in how they load the engine: the others name the first, and
 * that one its CommonJS form. A default would be another thing from there.
 *
 * @param cjs the entries that have that form
 */
export function shareTypes(out, names, cjs) {
  const owners = new Map();
  for (const name of names) {
    const file = `${out}/dist/${name}.d.ts`;
    const [, comment = "", body] = /^(\/\*\*[\s\S]*?\*\/\n)?([\s\S]*)$/.exec(readFileSync(file, "utf8"));
    const lines = body.split("\n").filter((line) => !line.startsWith('import "'));
    const declared = lines.sort().join("\n");
    const hasDefault = / as default\b/.test(declared);
    const owner = owners.get(declared);
    owners.set(declared, owner ?? name);
    const form = cjs.includes(name) && !hasDefault ? `../cjs/${name}` : undefined;
    const other = owner === undefined ? form : `./${basename(owner)}`;
    if (other === undefined || dirname(name) !== "entry") continue;
    const byName = hasDefault ? `export { default } from "${other}.js";\n` : "";
    writeFileSync(file, `${comment}export * from "${other}.js";\n${byName}`);
  }
}
