// Makes dist/load/source.js, by syntax that TypeScript does not know, and dist/slim: the modules of dist/ once more, around
// the engine without compression. A module has its state once in a process, and the one engine is such a state: whoever
// loads both entries needs two of each.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

process.chdir(fileURLToPath(new URL("../dist", import.meta.url)));
const source = 'import source engine from "../../pkg/websocket_component_bg.wasm";\nexport default engine;\n';
writeFileSync("load/source.js", source);
rmSync("slim", { recursive: true, force: true });
const modules = readdirSync(".", { recursive: true }).filter((file) => /(?<!bin|echo)\.js$/.test(file));
for (const file of modules) {
  const text = readFileSync(file, "utf8")
    .replace(/(?:\.\.\/)+pkg\/websocket_component/g, "../$&_slim")
    .replace(/^\/\/# sourceMappingURL=.*$/m, "");
  mkdirSync(dirname(`slim/${file}`), { recursive: true });
  writeFileSync(`slim/${file}`, text);
}
