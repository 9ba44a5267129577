/**
 * Builds the page into dist/page, which the package has: one folder of static files that works from any place, also
 * from file://, where browsers load no module, no worker and no wasm from files. So there is one classic script, with
 * both engines and the worker in it.
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { deflateRawSync } from "node:zlib";

import { defineConfig, type Plugin } from "vite";

export default defineConfig({
  root: fileURLToPath(new URL(".", import.meta.url)),
  base: "./",
  plugins: [classicScript(), deflatedEngines(), noWasmFiles()],
  worker: { format: "iife", plugins: () => [deflatedEngines(), noWasmFiles()] },
  build: {
    outDir: "../dist/page",
    emptyOutDir: true,
    modulePreload: false,
    target: "es2023",
    chunkSizeWarningLimit: 1500,
    rolldownOptions: {
      output: { format: "iife", entryFileNames: "[name].js", assetFileNames: "[name][extname]" },
    },
  },
});

/** Vite loads its script as a module; this one need not be one. */
function classicScript(): Plugin {
  return {
    name: "classic-script",
    transformIndexHtml: {
      order: "post",
      handler: (html) => html.replaceAll(' type="module"', " defer").replaceAll(" crossorigin", ""),
    },
  };
}

/** `?deflated` gives a file's bytes deflated, in base64: little more than half as much. */
function deflatedEngines(): Plugin {
  return {
    name: "deflated-engines",
    enforce: "pre",
    load: (id) => {
      const [file = "", query] = id.split("?");
      if (query !== "deflated") return undefined;
      return `export default "${deflateRawSync(readFileSync(file), { level: 9 }).toString("base64")}";`;
    },
  };
}

/** The engines' modules name the wasm files beside them, which this page does not load. */
function noWasmFiles(): Plugin {
  return {
    name: "no-wasm-files",
    generateBundle(_options, bundle) {
      for (const name of Object.keys(bundle)) if (name.endsWith(".wasm")) delete bundle[name];
    },
  };
}
