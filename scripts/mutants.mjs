// Plants faults one by one and counts those that the tests notice: `npm run mutants`.
//   --side rust|js     one side; both by default. Rust by cargo-mutants, JavaScript by scripts/lib/mutants-js.mjs
//   --since REV        only in lines that changed since that commit
//   --sample N         as many, taken at random by --seed S (1 by default)
//   --from N           begins behind the first N of these, for a sample in pieces
//   --only TEXT        only faults whose name begins with this or another such text: a file, a folder
//   --each N           js: tests of at most N seconds for a fault, the quickest that come by
//   --seconds N        begins no more of them after that time, on each side; says how many were left
// Prints a table by folder. tests/mutants.json has the faults that no test can notice, with a reason each; the command
// fails for others that were not noticed.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import { changedSince } from "./lib/changes.mjs";
import { listRust, runRust } from "./lib/mutants-rust.mjs";

process.chdir(fileURLToPath(new URL("..", import.meta.url)));

const { values } = parseArgs({
  options: {
    side: { type: "string", multiple: true, default: ["rust", "js"] },
    since: { type: "string" },
    sample: { type: "string" },
    seed: { type: "string", default: "1" },
    from: { type: "string", default: "0" },
    only: { type: "string", multiple: true, default: [""] },
    seconds: { type: "string", default: "1e9" },
    each: { type: "string", default: "1e9" },
    "in-build": { type: "boolean", default: false }, // within scripts/test-js, which has made build/
  },
});
const FOLDERS = ["connection", "session", "client", "server", "ws", "websocket"].map((name) => `js/${name}/`);
const accepted = JSON.parse(readFileSync("tests/mutants.json", "utf8"));

/** Numbers below 1, the same every time. */
function generator(seed) {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** As many as asked for, in an order that the seed gives; all, and in order, unless asked. */
function sampled(mutants) {
  if (values.sample === undefined) return mutants;
  const random = generator(Number(values.seed));
  const rest = [...mutants];
  const taken = [];
  while (rest.length > 0 && taken.length < Number(values.sample))
    taken.push(...rest.splice(Math.floor(random() * rest.length), 1));
  return taken;
}

function chosen(mutants) {
  const changed = values.since === undefined ? undefined : changedSince(values.since);
  const touched = mutants.filter(({ file, line }) => changed === undefined || changed.has(`${file}:${line}`));
  const wanted = touched.filter(({ name }) => values.only.some((text) => name.startsWith(text)));
  return sampled(wanted).slice(Number(values.from));
}

/** Runs one side, and prints what came of it. Tells whether every fault was noticed, or is accepted. */
async function report(side, all, run) {
  const mutants = chosen(all);
  if (mutants.length === 0) {
    console.log(`${side}: nothing to plant`);
    return true;
  }
  const how = { all, areFew: values.since !== undefined, each: Number(values.each) };
  const until = Date.now() + Number(values.seconds) * 1000;
  const rows = new Map();
  const missed = [];
  let done = 0;
  for await (const { mutant, outcome, by } of run(mutants, () => Date.now() > until, how)) {
    done += 1;
    const folder = mutant.file.split("/").slice(0, 2).join("/");
    const reason = accepted.find(({ name }) => name === mutant.key)?.reason;
    const kind = outcome === "missed" && reason !== undefined ? "accepted" : outcome;
    if (kind === "missed") missed.push(mutant);
    console.log(`${kind}: ${mutant.key}${by === undefined ? "" : ` (${by})`}`);
    if (!rows.has(folder)) rows.set(folder, { caught: 0, timeout: 0, missed: 0, accepted: 0, unviable: 0 });
    rows.get(folder)[kind] += 1;
  }
  const of = values.sample === undefined ? "" : `, a sample by seed ${values.seed}`;
  console.log(`\n${side}: ${done} planted of ${mutants.length} chosen and ${all.length} possible${of}`);
  print(rows);
  for (const { key, line } of missed) console.log(`not noticed: ${key} (line ${line})`);
  return missed.length === 0;
}

function print(rows) {
  const line = (cells) => console.log(`| ${cells.join(" | ")} |`);
  line(["", "planted", "noticed", "of these by time", "accepted", "not noticed", "score"]);
  line(Array(7).fill("---"));
  const sum = { caught: 0, timeout: 0, missed: 0, accepted: 0 };
  const row = (name, { caught, timeout, missed, accepted }) => {
    const planted = caught + timeout + missed + accepted;
    const score = planted > accepted ? `${((100 * (caught + timeout)) / (planted - accepted)).toFixed(1)} %` : "";
    line([name, planted, caught + timeout, timeout, accepted, missed, score]);
  };
  for (const [name, counts] of [...rows].sort()) {
    for (const kind of Object.keys(sum)) sum[kind] += counts[kind];
    row(name, counts);
  }
  row("all", sum);
}

let isGood = true;
if (values.side.includes("rust")) isGood = (await report("rust", listRust(), runRust)) && isGood;
if (values.side.includes("js") && !values["in-build"]) {
  const args = process.argv.slice(2).filter((arg, at, all) => arg !== "--side" && all[at - 1] !== "--side");
  const again = [process.execPath, "scripts/mutants.mjs", "--side", "js", "--in-build", ...args];
  try {
    execFileSync("bash", ["scripts/test-js", "--instead", ...again], { stdio: "inherit" });
  } catch {
    isGood = false;
  }
} else if (values.side.includes("js")) {
  const { listJs, runJs } = await import("./lib/mutants-js.mjs");
  isGood = (await report("js", listJs(FOLDERS), runJs)) && isGood;
}
process.exitCode = isGood ? 0 : 1;
