// Benchmarks, ours against others: `npm run bench`, or after `npm run build` this file. `--help` lists the options.
import { spawnSync } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import { node } from "../scripts/tools.mjs";
import { machine, moment } from "./lib/machine.mjs";
import { isPackage } from "./lib/package.mjs";
import { machineLines, suiteText, summary } from "./lib/tables.mjs";

const SUITES = [
  ...["decode", "encode", "echo", "long", "idioms", "client", "churn", "broadcast", "publish"],
  ...["tls", "deflate", "stall", "memory", "start"],
];
const QUICK_SUITES = ["decode", "encode", "echo"];
const SIZES = [16, 125, 1024, 16 * 1024, 64 * 1024, 1024 * 1024];
const QUICK_SIZES = [125, 1024, 64 * 1024];

const HELP = `npm run bench -- [OPTION…]

Contenders run in turns, A B C A B C; tables have medians and, of neighbours in time, ratios, with the least and the
greatest. On a machine that does other things too, only ratios mean something.

  --suite NAME,…      of ${SUITES.join(", ")}; all, and with --quick the first three
  --sizes BYTES,…     of messages, in decode and encode: ${SIZES.join(",")}
  --quick             fewer sizes, cells, rounds and connections: less than a minute
  --rounds N          how often each contender has its turn: 11, with --quick 5
  --milliseconds N    how long a turn takes at least: 30, with --quick 10; on sockets more
  --node PATH         the Node that runs it all, or a version that comes from npm, such as 24.21.0
  --package DIR       servers and clients import our package of this folder, such as build/package (\`npm run bench\`
                      does); else, and in decode and encode, the modules of dist/
  --json [FILE]       writes JSON to the file, beside the tables; without one to stdout, in their place
                      (\`npm run --silent bench\`, as npm prints a line of its own)
  --help              prints this
`;

const args = process.argv.slice(2);
// `parseArgs` knows no option whose value may be missing
const jsonAt = args.indexOf("--json");
const jsonOnly = jsonAt >= 0 && (args[jsonAt + 1] ?? "--").startsWith("--");
const { values: flags } = parseArgs({
  args: jsonOnly ? args.toSpliced(jsonAt, 1) : args,
  options: {
    suite: { type: "string" },
    sizes: { type: "string" },
    quick: { type: "boolean", default: false },
    rounds: { type: "string" },
    milliseconds: { type: "string" },
    node: { type: "string" },
    package: { type: "string" },
    json: { type: "string" },
    help: { type: "boolean", default: false },
  },
});

if (flags.help) process.stdout.write(HELP);
else if (flags.node !== undefined) runIn(flags.node);
else if (existsSync(new URL("../dist/entry/node.js", import.meta.url))) await main();
else fail("dist/ is not there: run `npm run build` first, or this by `npm run bench`");

/** The same in another Node. */
function runIn(which) {
  const path = /^\d+\.\d+\.\d+$/.test(which) ? node(which) : which;
  const at = args.findIndex((one) => one === "--node" || one.startsWith("--node="));
  const rest = args.toSpliced(at, args[at] === "--node" ? 2 : 1);
  const { status, error } = spawnSync(path, [fileURLToPath(import.meta.url), ...rest], { stdio: "inherit" });
  if (error !== undefined) fail(`cannot run ${path}: ${error.message}`);
  process.exitCode = status ?? 1;
}

async function main() {
  const { quick } = flags;
  const names = flags.suite?.split(",") ?? (quick ? QUICK_SUITES : SUITES);
  const unknown = names.find((name) => !SUITES.includes(name));
  if (unknown !== undefined) return fail(`there is no suite ${unknown}, but ${SUITES.join(", ")}`);
  const settings = {
    quick,
    sizes: flags.sizes?.split(",").map(wholeNumber) ?? (quick ? QUICK_SIZES : SIZES),
    pace: paceOf(quick),
  };
  if (flags.package !== undefined && !isPackage(flags.package)) return fail(`${flags.package} has no package`);
  if (flags.package !== undefined) process.env.BENCH_PACKAGE = resolve(flags.package);
  const report = { machine: machine(), settings, suites: {} };
  save(report); // that a file cannot be written is to be known before it all
  print(["# Benchmarks", "", ...machineLines(report.machine)]);
  for (const name of names) {
    report.suites[name] = await runSuite(name, settings);
    save(report);
    print(suiteText(name, report.suites[name]));
  }
  if (jsonOnly) process.stdout.write(jsonOf(report));
}

function save(report) {
  if (flags.json !== undefined) writeFileSync(flags.json, jsonOf(report));
}

function jsonOf(report) {
  return `${JSON.stringify(report, undefined, 1)}\n`;
}

/** How long a turn takes, at least, how many there are for each figure, and how long each contender runs before. */
function paceOf(quick) {
  const rounds = wholeNumber(flags.rounds ?? (quick ? 5 : 11));
  const milliseconds = wholeNumber(flags.milliseconds ?? (quick ? 10 : 30));
  return { rounds, milliseconds, warmUp: 4 * milliseconds };
}

async function runSuite(name, settings) {
  const { about, notes, contenders = {}, how, run } = await import(`./suites/${name}.mjs`);
  const started = performance.now();
  const cells = [];
  for await (const cell of run(settings)) {
    cells.push(summary(cell));
    process.stderr.write("."); // it takes minutes
  }
  process.stderr.write("\n");
  const seconds = Math.round((performance.now() - started) / 1000);
  const runtimes = Object.fromEntries(Object.entries(contenders).map(([one, [runtime]]) => [one, runtime]));
  return { about, notes, contenders: runtimes, ...moment(), how: how(settings), seconds, cells };
}

function print(lines) {
  if (!jsonOnly) console.log(lines.join("\n"));
}

function wholeNumber(text) {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1) fail(`${text} is not a whole number above 0`);
  return number;
}

function fail(message) {
  console.error(`bench: ${message}`);
  process.exit(1);
}
