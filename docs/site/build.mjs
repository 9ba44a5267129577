// Builds the guides in build/docs/: copies the pages to build/site/ with their links corrected, runs VitePress on them,
// and fails on a link that leads nowhere. typedoc and rustdoc have written their parts before.
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, posix } from "node:path";
import { fileURLToPath } from "node:url";

import { build } from "vitepress";

import { cReference } from "./c.mjs";
import { files, pageOf } from "./pages.mjs";

const root = fileURLToPath(new URL("../..", import.meta.url));
const stage = join(root, "build/site");
const out = join(root, "build/docs");

const missing = readdirSync(join(root, "docs")).filter(
  (name) => name.endsWith(".md") && !files.includes(`docs/${name}`),
);
if (missing.length > 0)
  throw new Error(`pages.mjs has no place for ${missing.map((name) => `docs/${name}`).join(", ")}`);

rmSync(stage, { recursive: true, force: true });
mkdirSync(join(stage, ".vitepress"), { recursive: true });
for (const file of ["config.mjs", "pages.mjs"]) {
  cpSync(new URL(file, import.meta.url), join(stage, ".vitepress", file));
}
symlinkSync(join(root, "docs/node_modules"), join(stage, "node_modules"), "dir");
cpSync(join(root, "docs/pictures"), join(stage, "pictures"), { recursive: true });
for (const file of files) writeFileSync(join(stage, `${pageOf(file)}.md`), staged(file));
const header = readFileSync(join(root, "bindings/c/include/websocket.h"), "utf8");
writeFileSync(join(stage, "c.md"), cReference(header));

await build(stage);
cpSync(join(stage, ".vitepress/dist"), out, { recursive: true });

const broken = htmlFiles().flatMap(brokenLinks);
for (const link of broken) console.error(link);
if (broken.length > 0) process.exit(1);
console.log(`${files.length} pages, and every link leads somewhere`);

/** A page's text as VitePress takes it: links lead to pages, pictures, or copies of the repository's files. */
function staged(file) {
  const parts = readFileSync(join(root, file), "utf8").split(/(^```[\s\S]*?^```$|`[^`\n]+`)/m);
  const text = parts.map((part, index) => (index % 2 === 1 ? part : withLinks(file, escaped(part)))).join("");
  return file === "docs/benchmarks.md" ? `---\noutline: 2\n---\n${text}` : text;
}

/** Vue reads angle brackets and double braces in text; ours mean themselves. */
function escaped(text) {
  return text
    .replace(/<(?!!--|\/?(?:br|sub|sup|details|summary)\b)(?=[A-Za-z/])/g, "&lt;")
    .replaceAll("{{", "{&#8203;{");
}

function withLinks(file, text) {
  return text.replace(/\]\((?!\w+:|#)([^)\s#]+)(#[^)\s]+)?\)/g, (_, path, anchor = "") => {
    const target = posix.join(posix.dirname(file), path);
    if (files.includes(target)) return `](./${pageOf(target)}.md${anchor})`;
    if (target.startsWith("docs/pictures/")) return `](./${target.slice("docs/".length)})`;
    return `](${copied(target)}){target="_self"}`;
  });
}

/** The address of a copy of a file; of a folder, that of its README or of the list of its files. */
function copied(target) {
  const from = join(root, target);
  const name = statSync(from).isDirectory() ? `${target.replace(/\/$/, "")}/index.txt` : `${target}.txt`;
  const copy = join(stage, "public/source", name);
  mkdirSync(dirname(copy), { recursive: true });
  writeFileSync(copy, statSync(from).isDirectory() ? listing(from) : readFileSync(from));
  return `/source/${name}`;
}

function listing(folder) {
  const readme = join(folder, "README.md");
  return existsSync(readme) ? readFileSync(readme) : `${readdirSync(folder).join("\n")}\n`;
}

function htmlFiles() {
  return readdirSync(out).filter((name) => name.endsWith(".html"));
}

function brokenLinks(page) {
  const links = Array.from(
    readFileSync(join(out, page), "utf8").matchAll(/<a\b[^>]*\bhref="([^"]*)"/g),
    ([, at]) => at,
  );
  return [...new Set(links)].filter((link) => !leads(page, link)).map((link) => `${page}: ${link} leads nowhere`);
}

function leads(page, link) {
  if (/^\w+:/.test(link)) return true;
  const [path, anchor] = link.split("#");
  const target = path === "" ? page : posix.join("/", path.endsWith("/") ? `${path}index.html` : path).slice(1);
  const file = [target, `${target}.html`].map((name) => join(out, name)).find((name) => existsSync(name));
  if (file === undefined) return false;
  return anchor === undefined || readFileSync(file, "utf8").includes(`id="${decodeURIComponent(anchor)}"`);
}
