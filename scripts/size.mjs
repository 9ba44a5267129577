// Prints the sizes of the engines in pkg/, or in the folder that is named, as they are and compressed; exits 1 if one
// is over its budget.
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { sizesOf } from "./lib/sizes.mjs";

/** The most KiB, gzipped. The first two are goals; the others leave room above what the engines have. */
const budgets = {
  websocket_component_bg: 90,
  websocket_component_slim_bg: 42,
  websocket_component_inspect_bg: 80,
  "component/engine.component": 100,
};

process.chdir(fileURLToPath(new URL("..", import.meta.url)));
const folder = process.argv[2] ?? "pkg";
const names = Object.keys(budgets).map((stem) => `${stem}.wasm`);
const rows = names
  .filter((name) => folder === "pkg" || existsSync(`${folder}/${name}`)) // the component is made by itself
  .map((name) => ({ name, ...sizesOf(`${folder}/${name}`), budget: budgets[name.slice(0, -".wasm".length)] * 1024 }));
const columns = ["raw", "gzip", "brotli", "budget"];
console.log(line({ name: "bytes", raw: "raw", gzip: "gzip -9", brotli: "brotli", budget: "gzip budget" }));
for (const row of rows) console.log(line(row));
const over = rows.filter(({ gzip, budget }) => gzip > budget);
for (const { name, gzip, budget } of over) console.error(`${folder}/${name}: ${gzip - budget} bytes over its budget`);
if (over.length > 0) process.exit(1);

function line(row) {
  const cells = columns.map((column) => row[column].toLocaleString("en").padStart(12));
  return row.name.padEnd(34) + cells.join("");
}
