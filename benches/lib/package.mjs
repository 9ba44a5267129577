// Our package as programs import it: of this repository, or of the folder in BENCH_PACKAGE, where it has fewer modules.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";

const NAME = "websocket-component";
const CONDITION = "Deno" in globalThis ? "deno" : "Bun" in globalThis ? "bun" : "module-sync";

/** Imports a module by its name: an entry of our package, or any other. */
export function importModule(specifier) {
  const folder = process.env.BENCH_PACKAGE;
  const isOurs = specifier === NAME || specifier.startsWith(`${NAME}/`);
  return import(folder && isOurs ? locate(folder, specifier.slice(NAME.length)) : specifier);
}

/** `npm run package` makes the slim package beside the main one. */
function locate(folder, path) {
  if (path === "/slim") return locate(join(folder, "..", "slim"), "");
  const { exports } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const conditions = exports[`.${path}`];
  const found = conditions[CONDITION] ?? conditions.default;
  return pathToFileURL(join(folder, found.default ?? found)).href;
}

/** Whether there is a package in this folder. */
export function isPackage(folder) {
  return existsSync(join(folder, "package.json")) && existsSync(join(folder, "dist"));
}
