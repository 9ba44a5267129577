// The manifests of everything that is published, for the scripts that set a version or an address in all of them.
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

process.chdir(fileURLToPath(new URL("..", import.meta.url)));

/** The package.json files that are published. */
export const packages = ["package.json", ...inside("packages").map((name) => `packages/${name}/package.json`)].filter(
  existsSync,
);

/** The Cargo.toml files of crates that are published. */
export const crates = ["Cargo.toml", ...inside("bindings").map((name) => `bindings/${name}/Cargo.toml`)].filter(
  (file) => existsSync(file) && !/^publish = false$/m.test(readFileSync(file, "utf8")),
);

/** The Cargo.toml files that have the project's version: the crate's, the C library's and the component's. */
export const versioned = ["Cargo.toml", ...inside("bindings").map((name) => `bindings/${name}/Cargo.toml`)].filter(
  existsSync,
);

/** The folders of crates outside the workspace that use ours by its path, each with a Cargo.lock. */
export const outside = ["benches/native", "fuzz", ...inside("examples").map((name) => `examples/${name}`)].filter(
  (name) => existsSync(`${name}/Cargo.lock`),
);

/** Replaces a file's text by what `change` makes of it; with `check`, only says whether they differ. */
export function update(file, change, check) {
  const text = readFileSync(file, "utf8");
  const changed = change(text);
  if (changed === text) return true;
  if (check) console.error(`${file} is not as it should be`);
  else writeFileSync(file, changed);
  return !check;
}

function inside(folder) {
  return existsSync(folder) ? readdirSync(folder) : [];
}
