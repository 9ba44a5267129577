// Writes docs/benchmarks.md from what `npm run bench -- --json FILE` wrote, perhaps suite by suite:
//   node benches/report.mjs FILE… > docs/benchmarks.md
import { readFileSync } from "node:fs";

import { machineLines, suiteText } from "./lib/tables.mjs";

const HEAD = `# Benchmarks

Ours against others, side by side: contenders run in turns, A B C A B C, and a ratio is made of two neighbours in time, so
that whatever else the machine does hits both. Cells have medians and, in parentheses, the least and the greatest; of ratios
too. \`a : b\` is a divided by b: over 1 ours is ahead where messages a second are counted, and under 1 where time or memory
is. Nothing is left out where ours is behind.

\`\`\`sh
npm run bench -- --json bench.json                 # all of it: about half an hour
npm run bench -- --quick                           # a first look, in less than a minute
npm run bench -- --suite decode --sizes 125,1024   # a part; --help lists the options
node benches/report.mjs bench.json > docs/benchmarks.md
\`\`\`

On another machine, and on one that is busy, the figures are others; the ratios are what to compare.
`;

const reports = process.argv.slice(2).map((file) => JSON.parse(readFileSync(file, "utf8")));
const [first] = reports;
if (first === undefined) fail("name the files that `npm run bench -- --json FILE` wrote");
if (reports.some(({ machine }) => JSON.stringify(machine) !== JSON.stringify(first.machine))) {
  fail("the files are of different machines or versions");
}

const lines = [HEAD, "## What it ran on", "", ...machineLines(first.machine)];
if (reports.some(({ settings }) => settings.quick)) {
  lines.push("", "**A first look**, by `--quick`: fewer cells and rounds than there are.");
}
for (const { settings, suites } of reports) {
  for (const [name, suite] of Object.entries(suites)) lines.push(...suiteText(name, suite, settings));
}
console.log(lines.join("\n"));

function fail(message) {
  console.error(`report: ${message}`);
  process.exit(1);
}
