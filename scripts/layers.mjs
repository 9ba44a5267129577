// Checks that imports go down the layers only, and that no files import each other in a circle: in src/, js/ and
// www/src/.
import { fileURLToPath } from "node:url";

import { rustImports, scriptImports, textsOf } from "./lib/imports.mjs";

/** The folders and files of each tree, lowest first. Each may import those before it. */
const TREES = [
  {
    root: "src",
    extension: /\.rs$/,
    importsOf: rustImports,
    layers: `one_thread random wire error frame http deflate session handshake connection handle inspect wasm lib`,
  },
  {
    root: "js",
    extension: /\.ts$/,
    importsOf: scriptImports,
    layers: `engine session transport connection client component inspect websocket topics backplane server ws proxy
      index socket-index load entry command bin`,
  },
  {
    root: "www/src",
    extension: /\.tsx?$/,
    importsOf: scriptImports,
    layers: `format wasm secrets worker state place share inspection samples actions feed live loop decoders views
      theme app main`,
  },
];

process.chdir(fileURLToPath(new URL("..", import.meta.url)));
const problems = TREES.flatMap(problemsOf);
for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exit(1);
console.log("imports go down the layers only, and in no circles");

function problemsOf({ root, extension, importsOf, layers }) {
  const imports = importsOf(textsOf(root, extension));
  const names = layers.split(/\s+/);
  const layerOf = (file) => names.indexOf(/^[^/.]+/.exec(file)[0]);
  const problems = [...imports.keys()]
    .filter((file) => layerOf(file) < 0)
    .map((file) => `${root}/${file}: in no layer; add it to scripts/layers.mjs`);
  for (const [file, others] of imports) {
    for (const other of others.filter((one) => layerOf(one) > layerOf(file))) {
      problems.push(`${root}/${file}: imports ${other}, which is above it`);
    }
  }
  const circle = circleOf(imports);
  return circle === undefined ? problems : [...problems, `${root}: imports in a circle: ${circle.join(" → ")}`];
}

/** One circle of a graph, if there is any. */
function circleOf(graph) {
  const done = new Set();
  const search = (file, path) => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
    if (done.has(file)) return undefined;
    for (const other of graph.get(file)) {
      const circle = search(other, [...path, file]);
      if (circle !== undefined) return circle;
    }
    done.add(file);
    return undefined;
  };
  for (const file of graph.keys()) {
    const circle = search(file, []);
    if (circle !== undefined) return circle;
  }
  return undefined;
}
