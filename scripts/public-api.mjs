// Writes the crate's public API to docs/public-api.txt, as rustdoc has it; with --check, says what the file lacks. A
// change of the API shows in the diff of a commit by that.
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

process.chdir(fileURLToPath(new URL("..", import.meta.url)));
const listing = "docs/public-api.txt";
const folder = "target/doc/websocket_component/";
execFileSync("cargo", ["doc", "--quiet", "--locked", "--no-deps", "--lib", "--features", "http"], { stdio: "inherit" });

const all = readFileSync(`${folder}all.html`, "utf8");
const pages = [...all.matchAll(/<li><a href="([^"]+\.html)"/g)].map(([, page]) => page);
const text = `${pages.sort().map(describe).join("\n\n")}\n`;
if (!process.argv.includes("--check")) {
  writeFileSync(listing, text);
} else if (readFileSync(listing, "utf8") !== text) {
  const lines = new Set(readFileSync(listing, "utf8").split("\n"));
  const added = text.split("\n").filter((line) => !lines.delete(line));
  for (const line of added) console.error(`+ ${line}`);
  for (const line of lines) console.error(`- ${line}`);
  console.error(`the public API is not that of ${listing}: if it should be, run node scripts/public-api.mjs`);
  process.exit(1);
}
console.log(`${pages.length} public items, as in ${listing}`);

/** An item's declaration, its methods and its trait implementations, as rustdoc's page shows them. */
function describe(page) {
  const html = readFileSync(folder + page, "utf8").split('id="blanket-implementations"')[0];
  const [own, traits = ""] = html.split('id="trait-implementations"');
  const path = page.replace(/\w+\.(\w+)\.html$/, "$1").replaceAll("/", "::");
  const declaration = plain(/<pre class="rust item-decl">(.*?)<\/pre>/s.exec(own)?.[1] ?? "");
  const methods = [...own.matchAll(/<h4 class="code-header">(.*?)<\/h4>/gs)].map(([, code]) => plain(code));
  const implementations = [...traits.matchAll(/<h3 class="code-header">(.*?)<\/h3>/gs)].map(([, code]) => plain(code));
  return [`${path}: ${declaration}`, ...methods, ...implementations.sort()].join("\n    ");
}

/** Code without its tags, in one line. */
function plain(html) {
  return html
    .replace(/<summary.*?<\/summary>|ⓘ/gs, "")
    .replace(/<\/div>/g, " ")
    .replace(/<[^>]+>/g, "")
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&amp;", "&")
    .replaceAll("&nbsp;", " ")
    .replace(/\s+/g, " ")
    .trim();
}
