// Sets the version in every manifest and lock file: `node scripts/version.mjs 0.2.0`. With `--check VERSION`, fails
// where it is another.
import { execFileSync } from "node:child_process";

import { crates, packages, update } from "./manifests.mjs";

const check = process.argv[2] === "--check";
const version = process.argv[check ? 3 : 2];
if (version === undefined || !/^\d+\.\d+\.\d+(?:-[\w.]+)?$/.test(version)) {
  console.error("usage: node scripts/version.mjs [--check] VERSION");
  process.exit(2);
}

const own = packages.filter((file) => file !== "packages/ws/package.json"); // that one has the version of `ws` that it follows
const results = [
  ...own.map((file) => update(file, (text) => text.replace(/^( {2}"version": ")[^"]*/m, `$1${version}`), check)),
  ...crates.map((file) => update(file, (text) => text.replace(/^version = "[^"]*"/m, `version = "${version}"`), check)),
];
if (results.includes(false)) process.exit(1);
if (!check) {
  execFileSync("npm", ["install", "--package-lock-only", "--ignore-scripts", "--no-audit", "--no-fund"], {
    stdio: "inherit",
  });
  execFileSync("cargo", ["update", "--workspace", "--offline"], { stdio: "inherit" });
}
