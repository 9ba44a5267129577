// Sets the version in every manifest and lock file: `node scripts/version.mjs 0.2.0`. With `--check VERSION`, fails
// where it is another.
import { execFileSync } from "node:child_process";

import { outside, packages, update, versioned } from "./manifests.mjs";

const check = process.argv[2] === "--check";
const version = process.argv[check ? 3 : 2];
if (version === undefined || !/^\d+\.\d+\.\d+(?:-[\w.]+)?$/.test(version)) {
  console.error("usage: node scripts/version.mjs [--check] VERSION");
  process.exit(2);
}

const dependents = ["packages/ws/package.json"]; // it has the version of `ws` that it follows
const own = packages.filter((file) => !dependents.includes(file));
const results = [
  ...own.map((file) => update(file, (text) => text.replace(/^( {2}"version": ")[^"]*/m, `$1${version}`), check)),
  update("packages/jsr/jsr.json", (text) => text.replace(/("version": ")[^"]*/, `$1${version}`), check),
  ...dependents.map((file) =>
    update(file, (text) => text.replace(/("websocket-component": ")\^[^"]*/, `$1^${version}`), check),
  ),
  ...versioned.map((file) =>
    update(file, (text) => text.replace(/^version = "[^"]*"/m, `version = "${version}"`), check),
  ),
];
if (results.includes(false)) process.exit(1);
if (!check) {
  execFileSync("npm", ["install", "--package-lock-only", "--ignore-scripts", "--no-audit", "--no-fund"], {
    stdio: "inherit",
  });
  for (const folder of [".", ...outside]) {
    const manifest = ["--manifest-path", `${folder}/Cargo.toml`];
    execFileSync("cargo", ["update", "--workspace", "--offline", "--quiet", ...manifest], { stdio: "inherit" });
  }
}
