/** The benchmarks give figures of all that they name; no test looks at how good these are. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";

import { temporaryFolder } from "./shell.js";

interface Spread {
  median: number;
  least: number;
  greatest: number;
}

interface Cell {
  table: string;
  labels: Record<string, string | number>;
  measures: Record<string, { figures: Record<string, Spread>; ratios: (Spread & { one: string; other: string })[] }>;
}

interface Report {
  machine: Record<string, string>;
  suites: Record<string, { notes: string[]; contenders: Record<string, string>; cells: Cell[] }>;
}

const benches = new URL("../../benches/", import.meta.url);
const SHORTEST = ["--quick", "--rounds", "1", "--milliseconds", "1"];

const OTHER = ["--node", process.execPath];

interface Ended {
  code: number | string | null | undefined;
  out: string;
  error: string;
}

function run({ signal }: TestContext, script: string, ...args: string[]): Promise<Ended> {
  const file = fileURLToPath(new URL(script, benches));
  return new Promise((resolve) => {
    execFile(process.execPath, [file, ...args], { maxBuffer: 2 ** 24, signal }, (failure, out, error) =>
      resolve({ code: failure === null ? 0 : failure.code, out, error }),
    );
  });
}

/** The contenders measured in all cells, by suite. */
function measuredIn(cells: Cell[]): Set<string> {
  return new Set(
    cells.flatMap(({ measures }) => Object.values(measures).flatMap(({ figures }) => Object.keys(figures))),
  );
}

/** Of each suite that lists its contenders; one whose runtime is not there must be missing, which the notes say. */
function everyContenderIsMeasured({ suites }: Report): void {
  for (const [name, { contenders, notes, cells }] of Object.entries(suites)) {
    const measured = measuredIn(cells);
    for (const [contender, runtime] of Object.entries(contenders)) {
      const isAbsent = notes.some((note) => note.startsWith(`${runtime} is not there`));
      assert.ok(isAbsent !== measured.has(contender), `${name}: ${contender} was measured, or it is said why not`);
    }
  }
}

function isOrdered({ median, least, greatest }: Spread): boolean {
  return least > 0 && least <= median && median <= greatest && Number.isFinite(greatest);
}

test("decode, encode and echo give figures and ratios of every contender as JSON, and nothing else on stdout", async (t) => {
  const suites = ["decode", "encode", "echo"];
  const { code, out, error } = await run(t, "index.mjs", ...SHORTEST, "--sizes", "16", "--json");
  assert.equal(code, 0, error);
  const report: Report = JSON.parse(out);
  assert.deepEqual(Object.keys(report.suites), suites);
  assert.match(report.machine.peers as string, /ws \d.*bufferutil \d.*websocket-driver \d.*undici \d/);
  for (const [name, { cells }] of Object.entries(report.suites)) {
    for (const { labels, measures } of cells) {
      const { figures, ratios } = measures["messages/s"] as Cell["measures"][string];
      assert.ok(Object.values(figures).every(isOrdered), `${name} ${JSON.stringify(labels)}`);
      assert.ok(ratios.every(isOrdered) && ratios.some(({ one, other }) => one === "ours" && other === "ws"), name);
    }
  }
  const everybody = Object.entries(report.suites).map(([name, { cells }]) => [name, measuredIn(cells)] as const);
  for (const [name, measured] of everybody) assert.ok(measured.has("ours") && measured.has("ws"), name);
  everyContenderIsMeasured(report);
});

for (const name of ["idioms", "client", "churn", "broadcast", "publish", "tls", "stall"]) {
  test(`the suite ${name} gives figures of every contender, with its processor time`, async (t) => {
    const file = join(temporaryFolder(t), "bench.json");
    const { code, error } = await run(t, "index.mjs", ...SHORTEST, "--suite", name, "--json", file);
    assert.equal(code, 0, error);
    const report: Report = JSON.parse(readFileSync(file, "utf8"));
    assert.deepEqual(Object.keys(report.suites), [name]);
    everyContenderIsMeasured(report);
    for (const { labels, measures } of report.suites[name]?.cells ?? []) {
      const what = `${name} ${JSON.stringify(labels)}`;
      for (const { figures } of Object.values(measures)) assert.ok(Object.values(figures).every(isOrdered), what);
      const hasCpu = Object.keys(measures).some((measure) => measure.includes("CPU, µs a "));
      assert.ok(hasCpu || name === "stall", what);
    }
  });
}

test("another Node runs it all, and is named", async (t) => {
  const { code, out, error } = await run(
    t,
    "index.mjs",
    ...SHORTEST,
    "--suite",
    "encode",
    "--sizes",
    "16",
    ...OTHER,
    "--json",
  );
  assert.equal(code, 0, error);
  assert.equal((JSON.parse(out) as Report).machine.node, process.versions.node);
  const { code: failed, error: reason } = await run(t, "index.mjs", "--node", "/nonsense");
  assert.equal(failed, 1);
  assert.match(reason, /cannot run \/nonsense/);
});

test("servers and clients import the package of a folder, which is said; one that is none is refused", async (t) => {
  const root = fileURLToPath(new URL("../build", benches));
  const suite = [...SHORTEST, "--suite", "client", "--json", "--package"];
  const { code, out, error } = await run(t, "index.mjs", ...suite, root);
  assert.equal(code, 0, error);
  const report: Report = JSON.parse(out);
  assert.equal(report.machine["our package"], "as it is published");
  everyContenderIsMeasured(report);
  const { code: failed, error: reason } = await run(t, "index.mjs", ...suite, benches.pathname);
  assert.deepEqual([failed, reason], [1, `bench: ${benches.pathname} has no package\n`]);
});

test("tables are made of the JSON, with a row for each cell", async (t) => {
  const file = join(temporaryFolder(t), "bench.json");
  const bench = await run(t, "index.mjs", ...SHORTEST, "--suite", "encode", "--sizes", "16,125", "--json", file);
  assert.equal(bench.code, 0, bench.error);
  const report = await run(t, "report.mjs", file);
  assert.equal(report.code, 0, report.error);
  const { cells } = (JSON.parse(readFileSync(file, "utf8")) as Report).suites.encode as Report["suites"][string];
  const rows = (text: string) => text.split("\n").filter((line) => /^\| (?:server|client) \|/.test(line));
  assert.equal(rows(report.out).length, cells.length * 2, "one with figures, one with ratios");
  assert.deepEqual(rows(bench.out), rows(report.out));
});

test("a suite, a number or an option that there is not is refused", async (t) => {
  for (const args of [["--suite", "decode,nonsense"], ["--sizes", "16,many"], ["--rounds", "0"], ["--nonsense"]]) {
    const { code, out, error } = await run(t, "index.mjs", ...args);
    assert.equal(code, 1, args.join(" "));
    assert.match(error, /nonsense|many|0 is not/);
    assert.equal(out, "");
  }
});
