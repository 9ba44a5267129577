// Makes a fresh clone ready to run: installs the development packages and compiles the TypeScript. Needs Node alone.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

export function prepare() {
  if (!existsSync(join(root, "node_modules/vite"))) {
    console.log("Installing the development packages …");
    npm("ci", "--ignore-scripts");
  }
  console.log("Compiling the TypeScript …");
  npm("run", "--silent", "build");
}

/** Builds the inspector's page into dist/page. */
export function preparePage() {
  console.log("Building the page …");
  npm("run", "--silent", "build:www");
}

function npm(...args) {
  const isWindows = process.platform === "win32";
  const stdio = ["ignore", "inherit", "inherit"];
  const { status } = spawnSync(isWindows ? "npm.cmd" : "npm", args, { cwd: root, stdio, shell: isWindows });
  if (status !== 0) process.exit(status ?? 1);
}
