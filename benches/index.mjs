// Benchmarks, ours against others (`npm run bench`).
//
//   npm run bench -- [--suite NAME,…] [--sizes BYTES,…] [--quick] [--json [FILE]]
//
// Contenders run in turns, A B C A B C; the tables have medians and, for each other, the ratio of ours to it: its median
// and, in parentheses, the least and the greatest. On a machine that does other things too, only ratios mean something.
import { writeFileSync } from "node:fs";
import { availableParallelism, cpus } from "node:os";
import { parseArgs } from "node:util";

import { median, ratios } from "./lib/compare.mjs";

const SUITES = ["decode", "encode", "echo"];
const SIZES = [16, 125, 1024, 16 * 1024, 64 * 1024, 1024 * 1024];
const QUICK_SIZES = [125, 1024, 64 * 1024];

const { values: flags } = parseArgs({
  options: {
    suite: { type: "string", default: SUITES.join(",") },
    sizes: { type: "string" },
    quick: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
    out: { type: "string" },
  },
});

const sizes = flags.sizes?.split(",").map(Number) ?? (flags.quick ? QUICK_SIZES : SIZES);
const settings = { sizes, quick: flags.quick, rounds: flags.quick ? 3 : 7, milliseconds: flags.quick ? 20 : 100 };
const report = { machine: machine(), settings, suites: {} };

for (const name of flags.suite.split(",")) {
  if (!SUITES.includes(name)) throw new Error(`there is no suite ${name}, but ${SUITES.join(", ")}`);
  const { run, unit } = await import(`./suites/${name}.mjs`);
  const rows = [];
  for await (const row of run(settings)) {
    rows.push(row);
    if (!flags.json) process.stderr.write(".");
  }
  report.suites[name] = { unit, rows: rows.map(summary) };
  if (!flags.json) print(name, unit, rows);
}
if (flags.json) process.stdout.write(`${JSON.stringify(report, undefined, 2)}\n`);
if (flags.out !== undefined) writeFileSync(flags.out, `${JSON.stringify(report, undefined, 2)}\n`);

function machine() {
  return {
    node: process.version,
    processor: cpus()[0]?.model,
    cores: availableParallelism(),
    platform: process.platform,
  };
}

/** A row with medians, and ratios to ours, in place of all figures. */
function summary({ figures, ...of }) {
  const medians = Object.fromEntries(Object.entries(figures).map(([name, all]) => [name, median(all)]));
  const others = Object.keys(figures).filter((name) => name !== "ours");
  return {
    ...of,
    medians,
    ratios: Object.fromEntries(others.map((name) => [name, ratios(figures.ours, figures[name])])),
  };
}

function print(name, unit, rows) {
  const others = [...new Set(rows.flatMap(({ figures }) => Object.keys(figures)))].filter((one) => one !== "ours");
  const labels = Object.keys(rows[0]).filter((key) => key !== "figures");
  const lines = rows
    .map(summary)
    .map((row) => [
      ...labels.map((label) => (label === "size" ? sizeName(row.size) : row[label])),
      amount(row.medians.ours),
      ...others.map((other) => (row.ratios[other] === undefined ? "–" : ratioText(row.ratios[other]))),
    ]);
  const head = [...labels, `ours, ${unit}`, ...others.map((other) => `ours : ${other}`)];
  console.log(`\n## ${name}\n`);
  console.log([head, head.map(() => "---"), ...lines].map((line) => `| ${line.join(" | ")} |`).join("\n"));
}

function ratioText({ median: middle, least, greatest }) {
  return `${middle.toFixed(2)} (${least.toFixed(2)}–${greatest.toFixed(2)})`;
}

function amount(figure) {
  return figure >= 1000 ? Math.round(Number(figure.toPrecision(3))).toLocaleString("en-US") : figure.toPrecision(3);
}

function sizeName(size) {
  if (size >= 1024 * 1024) return `${size / 1024 / 1024} MiB`;
  return size >= 1024 ? `${size / 1024} KiB` : `${size} B`;
}
