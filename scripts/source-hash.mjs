// Ties pkg/ to the sources that made it: `--write DIR` records their hash and that of the folder's
// own files in DIR/source-hash, `--check DIR` compares.
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The files of a folder, recursively, sorted by path. */
function filesOf(folder) {
  return readdirSync(folder, { withFileTypes: true })
    .flatMap((entry) => {
      const path = `${folder}/${entry.name}`;
      return entry.isDirectory() ? filesOf(path) : [path];
    })
    .sort();
}

/** SHA-256 over each file's path, length and bytes. */
function hashOf(paths, nameOf) {
  const hash = createHash("sha256");
  for (const path of paths) {
    const bytes = readFileSync(path);
    hash.update(`${nameOf(path)}\n${bytes.length}\n`).update(bytes);
  }
  return hash.digest("hex");
}

process.chdir(fileURLToPath(new URL("..", import.meta.url)));
const [mode, folder] = process.argv.slice(2);
const record = `${folder}/source-hash`;
const sources = ["Cargo.toml", "Cargo.lock", ".cargo/config.toml", ...filesOf("src"), ...filesOf("wasm")];
const made = filesOf(folder).filter((path) => !path.endsWith("/source-hash"));
const expected = [
  `sources ${hashOf(sources, (path) => path)}`,
  `package ${hashOf(made, (path) => path.slice(folder.length + 1))}`,
];

if (mode === "--write") {
  writeFileSync(record, `${expected.join("\n")}\n`);
} else {
  const recorded = existsSync(record) ? readFileSync(record, "utf8").trim().split("\n") : [];
  const stale = expected.filter((line, index) => line !== recorded[index]);
  for (const line of stale)
    console.error(`${folder}: the ${line.split(" ")[0]} changed since it was made; run \`npm run wasm\``);
  if (stale.length > 0) process.exit(1);
  console.log(`${folder} is made of the present sources`);
}
