// Ties pkg/ to the sources that made it: `--write DIR` records their hash, that of the folder's own files, and the
// compiler in DIR/source-hash; `--check DIR` compares the hashes. These only say that the folder claims the present
// sources: `--same DIR OTHER` compares every byte with a build of one's own, and exits with 3 if another compiler made
// it.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The files of a folder, recursively, sorted by path; pkg/component/ is made, and has a hash, by itself. */
function filesOf(folder) {
  return readdirSync(folder, { withFileTypes: true })
    .filter(
      (entry) => !(entry.isDirectory() && entry.name === "component" && existsSync(`${folder}/component/source-hash`)),
    )
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
const [mode, folder, other] = process.argv.slice(2);
const record = `${folder}/source-hash`;
const crate = folder.endsWith("component") ? "bindings/component" : "wasm";
const sources = ["Cargo.toml", "Cargo.lock", ".cargo/config.toml", ...filesOf("src"), ...filesOf(crate)];
if (crate === "wasm") sources.push("scripts/glue.mjs");
const made = filesOf(folder).filter((path) => !path.endsWith("/source-hash"));
const expected = [
  `sources ${hashOf(sources, (path) => path)}`,
  `package ${hashOf(made, (path) => path.slice(folder.length + 1))}`,
];

if (mode === "--write") {
  const compiler = execFileSync(process.env.RUSTC ?? "rustc", ["--version"], { encoding: "utf8" }).trim();
  writeFileSync(record, `${[...expected, `compiler ${compiler}`].join("\n")}\n`);
} else if (mode === "--same") {
  const [committed, built] = [folder, other].map(
    (name) => /^compiler (.*)$/m.exec(readFileSync(`${name}/source-hash`, "utf8"))?.[1],
  );
  if (committed !== built) {
    console.log(`${folder} was made by ${committed}, ${other} by ${built}`);
    process.exit(3);
  }
  const names = (name) => filesOf(name).map((path) => path.slice(name.length + 1));
  const all = [...new Set([...names(folder), ...names(other)])];
  const differ = all.filter((name) => !sameBytes(`${folder}/${name}`, `${other}/${name}`));
  for (const name of differ) console.error(`${folder}/${name} is not what its sources make: ${other}/${name} differs`);
  if (differ.length > 0) process.exit(1);
  console.log(`${folder} is, byte for byte, what its sources make`);
} else {
  const recorded = existsSync(record) ? readFileSync(record, "utf8").trim().split("\n") : [];
  const stale = expected.filter((line, index) => line !== recorded[index]);
  for (const line of stale)
    console.error(
      `${folder}: the ${line.split(" ")[0]} changed since it was made; run \`npm run ${crate === "wasm" ? "wasm" : "component"}\``,
    );
  if (stale.length > 0) process.exit(1);
  console.log(`${folder} is made of the present sources`);
}

function sameBytes(one, other) {
  return existsSync(one) && existsSync(other) && readFileSync(one).equals(readFileSync(other));
}
