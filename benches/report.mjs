// Writes docs/benchmarks.md from what `npm run bench -- --json FILE` wrote, perhaps suite by suite and of several
// Nodes, and from what the native benches printed: node benches/report.mjs FILE… [NATIVE.md] > docs/benchmarks.md
// `--note TEXT` says what else is to be known of the machine.
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";

import { machineLines, suiteText } from "./lib/tables.mjs";

const HEAD = `# Benchmarks

Ours against others, side by side: contenders run in turns, A B C A B C, and a ratio is made of two neighbours in
time, so that whatever else the machine does hits both. Cells have medians and, in parentheses, the least and the
greatest; of ratios too. \`a : b\` is a divided by b: over 1 ours is ahead where messages a second are counted, and under
1 where time or memory is. Nothing is left out where ours is behind.

\`\`\`sh
npm run bench -- --json bench.json                 # all of it: half an hour
npm run bench -- --node 24.21.0 --json bench24.json   # the same in another Node, by version or path
npm run bench -- --quick                           # a first look, in less than a minute
npm run bench -- --suite decode --sizes 125,1024   # a part; --help lists the options
cargo bench --manifest-path benches/native/Cargo.toml -- --quick > native.md
node benches/report.mjs bench.json bench24.json native.md > docs/benchmarks.md
\`\`\`

On another machine, and on one that is busy, the figures are others; the ratios are what to compare.
`;

const NATIVE = `
## native

The crate alone, against other crates on the same bytes, and what it is made of against \`memcpy\` and \`simdutf8\`: medians of
ratios, with their quartiles; over 1 ours is ahead. A second is one of processor time. \`memcpy\` copies to other memory, where
masking writes to what it has just read.`;

const { positionals, values } = parseArgs({ allowPositionals: true, options: { note: { type: "string" } } });
const texts = positionals.map((file) => [file, readFileSync(file, "utf8")]);
const reports = texts.filter(([file]) => !file.endsWith(".md")).map(([, text]) => JSON.parse(text));
const natives = texts.filter(([file]) => file.endsWith(".md")).map(([, text]) => text.trimEnd());
if (reports.length === 0) fail("name the files that `npm run bench -- --json FILE` wrote");
/** What is the same in all files, and what each Node has of its own. */
const [common] = reports.map(({ machine }) => shared(machine));
if (reports.some(({ machine }) => JSON.stringify(shared(machine)) !== JSON.stringify(common))) {
  fail("the files are of different machines or versions");
}
const nodes = [...new Set(reports.map(({ machine }) => machine.node))];

const addons = Object.fromEntries(
  reports.map(({ machine }) => [`node ${machine.node}, and in it the addons of ws`, machine["ws's native addons"]]),
);
const lines = [HEAD, "## What it ran on", "", ...machineLines({ ...common, ...addons })];
if (reports.some(({ settings }) => settings.quick)) {
  lines.push("", "**A first look**, by `--quick`: fewer cells and rounds than there are.");
}
if (values.note !== undefined) lines.push("", values.note);
const names = new Set(reports.flatMap(({ suites }) => Object.keys(suites)));
for (const name of names) {
  for (const { machine, suites } of reports) {
    if (!(name in suites)) continue;
    const title = nodes.length > 1 ? `${name}, Node ${machine.node}` : name;
    lines.push(...suiteText(title, suites[name]));
  }
}
for (const native of natives) lines.push(NATIVE, native);
console.log(lines.join("\n"));

/** Addons are asked for or not by the version of Node. */
function shared({ node: _node, "ws's native addons": _addons, ...others }) {
  return others;
}

function fail(message) {
  console.error(`report: ${message}`);
  process.exit(1);
}
