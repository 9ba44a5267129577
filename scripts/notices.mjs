// Writes THIRD-PARTY-NOTICES and sbom.cdx.json: whose code is in the WebAssembly of pkg/ and in the inspector's page,
// and on what terms. With `--check`, fails if they are not what the lock files ask for.
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

process.chdir(fileURLToPath(new URL("..", import.meta.url)));
const check = process.argv[2] === "--check";
const target = ["--locked", "--filter-platform", "wasm32-unknown-unknown", "--format-version", "1"];
const features = ["--manifest-path", "wasm/Cargo.toml", "--features", "deflate,engine,inspector"];
const metadata = JSON.parse(
  execFileSync("cargo", ["metadata", ...target, ...features], { encoding: "utf8", maxBuffer: 1 << 28 }),
);
const nodes = new Map(metadata.resolve.nodes.map((node) => [node.id, node]));
const byId = new Map(metadata.packages.map((crate) => [crate.id, crate]));
const crates = [...linked(metadata.resolve.root)]
  .map((id) => byId.get(id))
  .filter((crate) => crate.source !== null)
  .sort((one, other) => one.name.localeCompare(other.name, "en"));

/** Terms that several have in the same words, whatever their lines: each is written once, at the end. */
const terms = new Map();

/** What the bundles of the entries and the inspector's page contain, and its dependencies. */
const bundled = dependenciesOf(["fflate", "preact", "@msgpack/msgpack", "pbf", "socket.io-parser", "engine.io-parser"]);

const made = {
  "THIRD-PARTY-NOTICES": notices(),
  "sbom.cdx.json": `${JSON.stringify(bill(), null, 2)}\n`,
};
for (const [file, text] of Object.entries(made)) {
  if (!check) writeFileSync(file, text);
  else if (!existsSync(file) || readFileSync(file, "utf8") !== text) fail(`${file} is stale: run \`npm run notices\``);
}
console.log(`${crates.length} crates, the standard library, ${bundled.length} packages of npm`);

/** What is linked: normal dependencies, without what runs at compile time. */
function linked(id, seen = new Set()) {
  if (seen.has(id)) return seen;
  seen.add(id);
  for (const { pkg, dep_kinds } of nodes.get(id).deps) {
    const isMacro = byId.get(pkg).targets.some(({ kind }) => kind.includes("proc-macro"));
    if (!isMacro && dep_kinds.some(({ kind }) => kind === null)) linked(pkg, seen);
  }
  return seen;
}

function notices() {
  const head = [
    "The WebAssembly in this package contains code of the crates below, and of Rust's standard library (core, alloc and",
    "compiler_builtins; MIT OR Apache-2.0, https://github.com/rust-lang/rust). The entries for bundles contain fflate,",
    "and the inspector's page the other npm packages that follow them. This project uses each under MIT where its authors",
    "offer that, and otherwise under the licence that is named. Texts that several have in the same words are at the end.",
  ];
  const parts = [head.join("\n"), ...crates.map(notice), ...bundled.map(packageNotice)];
  const texts = [...terms.values()].map(({ name, text }) => `${name}\n\n${text}`);
  return `${[...parts, ...texts].join(`\n\n${"-".repeat(8)}\n\n`)}\n`;
}

/** A licence without the terms that others have too, and the name of those. */
function withoutTerms(licence) {
  const start = licence.search(/^ *Permission is hereby granted/m);
  if (start < 0) return licence;
  const text = licence.slice(start).trim();
  const words = text.toLowerCase().replace(/[^a-z]+/g, " ");
  if (!terms.has(words)) terms.set(words, { name: `Terms ${terms.size + 1}`, text });
  return `${licence.slice(0, start).trim()}\n\n${terms.get(words).name}, below.`;
}

function notice(crate) {
  const folder = dirname(crate.manifest_path);
  const files = readdirSync(folder).filter((name) => /^(?:licen[cs]e|copying|notice|unlicense)/i.test(name));
  // the Apache licence is in the package already, as LICENSE-APACHE
  const chosen = files.filter((name) => !/apache/i.test(name) || files.length === 1);
  const isApache = chosen.length === 0 && crate.license === "Apache-2.0";
  if (chosen.length === 0 && !isApache && !/\bMIT\b/.test(crate.license))
    fail(`${crate.name} has no licence file, and is not under MIT`);
  const texts = chosen.map((name) => withoutTerms(readFileSync(join(folder, name), "utf8").trim()));
  if (isApache) texts.push("Under the Apache License, Version 2.0, whose text is in LICENSE-APACHE.");
  const authors = crate.authors.length > 0 ? `\nby ${crate.authors.join(", ")}` : "";
  return [`${crate.name} ${crate.version} (${crate.license})${authors}\n${crate.repository ?? ""}`, ...texts].join(
    "\n\n",
  );
}

function dependenciesOf(names, seen = new Map()) {
  for (const name of names) {
    if (seen.has(name)) continue;
    const manifest = JSON.parse(readFileSync(`node_modules/${name}/package.json`, "utf8"));
    seen.set(name, manifest);
    dependenciesOf(Object.keys(manifest.dependencies ?? {}), seen);
  }
  return [...seen.values()].sort((one, other) => one.name.localeCompare(other.name, "en"));
}

function packageNotice({ name, version, license }) {
  const folder = `node_modules/${name}`;
  const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
  if (file === undefined) fail(`the package ${name} has no licence file`);
  return `${name} ${version} (${license})\n\n${withoutTerms(readFileSync(join(folder, file), "utf8").trim())}`;
}

/** A bill of materials by CycloneDX 1.5. */
function bill() {
  const { name, version, license } = JSON.parse(readFileSync("package.json", "utf8"));
  return {
    bomFormat: "CycloneDX",
    specVersion: "1.5",
    version: 1,
    metadata: {
      component: {
        type: "library",
        name,
        version,
        purl: `pkg:npm/${name}@${version}`,
        licenses: [{ expression: license }],
      },
    },
    components: [...crates.map(crateComponent), ...bundled.map(packageComponent)],
  };
}

function crateComponent(crate) {
  return {
    type: "library",
    name: crate.name,
    version: crate.version,
    purl: `pkg:cargo/${crate.name}@${crate.version}`,
    licenses: [{ expression: crate.license.replaceAll("/", " OR ") }],
    hashes: hashes(crate),
  };
}

function packageComponent({ name, version, license }) {
  const purl = `pkg:npm/${name.replace("@", "%40")}@${version}`;
  return { type: "library", name, version, purl, licenses: [{ expression: license }] };
}

function hashes({ name, version }) {
  const entry = readFileSync("Cargo.lock", "utf8")
    .split("[[package]]")
    .find((text) => text.includes(`name = "${name}"`) && text.includes(`version = "${version}"`));
  const content = /^checksum = "(\w+)"$/m.exec(entry)?.[1];
  return content === undefined ? [] : [{ alg: "SHA-256", content }];
}

function fail(message) {
  console.error(`notices: ${message}`);
  process.exit(1);
}
