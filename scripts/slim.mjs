// Makes dist/slim: the modules of dist/ once more, around the engine without compression. A module has its state once in a
// process, and the one engine is such a state: whoever loads both entries needs two of each.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

process.chdir(fileURLToPath(new URL("../dist", import.meta.url)));
rmSync("slim", { recursive: true, force: true });
// what is not about an engine, or has one of its own
const ownOnly = /^(?:bin\.js|echo\.js|command\b|inspect\b|(?:load|entry)\/inspect-)/;
const modules = readdirSync(".", { recursive: true }).filter((file) => file.endsWith(".js") && !ownOnly.test(file));
for (const file of modules) {
  const text = readFileSync(file, "utf8")
    .replace(/(?:\.\.\/)+pkg\/websocket_component/g, "../$&_slim")
    .replace(/^\/\/# sourceMappingURL=.*$/m, "");
  mkdirSync(dirname(`slim/${file}`), { recursive: true });
  writeFileSync(`slim/${file}`, text);
}
