// Empty projects that have the packed package, and what is done in them.
import { execFile, execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const TIME = 60_000;
const programs = fileURLToPath(new URL("programs", import.meta.url));
/** The repository. */
export const root = fileURLToPath(new URL("../..", import.meta.url));

/** A folder for all of this run; it goes when the process ends. */
const folder = mkdtempSync(join(tmpdir(), "websocket-component-package-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));

/** As they are published: `scripts/pack.mjs` makes them. */
export const [built, builtSlim, builtComponent, builtForJsr] = ["package", "slim", "component", "jsr"].map((name) =>
  join(root, "build", name),
);

const all = [built, builtSlim, builtComponent, join(root, "packages/ws")];
npm(root, "pack", "--ignore-scripts", "--pack-destination", folder, ...all);
/** The packed packages, as they would be published. */
export const [tarball, slimTarball, componentTarball, wsTarball] = [
  /component-\d/,
  /component-slim-/,
  /component-component-/,
  /component-ws-/,
].map((name) =>
  join(
    folder,
    readdirSync(folder).find((file) => name.test(file)),
  ),
);

/** Makes an empty project, installs the tarball into it as a user would, and copies the programs beside. */
export function project(name) {
  const path = join(folder, name);
  mkdirSync(path);
  writeFileSync(join(path, "package.json"), '{ "private": true }\n');
  npm(path, "install", "--ignore-scripts", "--offline", "--no-audit", "--no-fund", tarball, slimTarball, wsTarball);
  cpSync(programs, path, { recursive: true });
  return path;
}

/** Runs a program until it ends, and gives what it printed; what it printed is in the error too, if it failed. */
export async function run(cwd, program, ...args) {
  const env = { ...process.env, NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1", DENO_DIR: join(folder, "deno") };
  // tests in a process of a test would report to this one
  delete env.NODE_TEST_CONTEXT;
  try {
    return (await promisify(execFile)(program, args, { cwd, env, timeout: TIME })).stdout.trim();
  } catch (error) {
    throw new Error(`${program} ${args.join(" ")}: ${error.signal ?? error.code}\n${error.stdout}${error.stderr}`);
  }
}

function npm(cwd, ...args) {
  execFileSync("npm", ["--silent", ...args], { cwd, stdio: ["ignore", "ignore", "inherit"] });
}
