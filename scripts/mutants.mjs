// Plants faults one by one and counts those that the tests notice: `npm run mutants`.
//   --side rust|js     one side; both by default. Rust by cargo-mutants, JavaScript by scripts/lib/mutants-js.mjs
//   --since REV        only in lines that changed since that commit
//   --change           only in those of the present change, for the gate: in any order, and the command fails only if
//                      of thirty faults or more less than half were noticed. Status 3 if there is nothing to plant
//   --sample N         as many, taken at random by --seed S (1 by default)
//   --from N           begins behind the first N of these, for a sample in pieces
//   --only TEXT        only faults whose name begins with this or another such text: a file, a folder
//   --each N           js: tests of at most N seconds for a fault, the quickest that come by
//   --seconds N        begins no more of them after that time, on each side; says how many were left
// Prints a table by folder. tests/mutants.json has the faults that no test can notice, with a reason each; the command
// fails for others that were not noticed.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import { changedSince, startOfChange } from "./lib/changes.mjs";
import { listRust, runRust } from "./lib/mutants-rust.mjs";

process.chdir(fileURLToPath(new URL("..", import.meta.url)));

const { values } = parseArgs({
  options: {
    side: { type: "string", multiple: true, default: ["rust", "js"] },
    since: { type: "string" },
    change: { type: "boolean", default: false },
    sample: { type: "string" },
    seed: { type: "string", default: "1" },
    from: { type: "string", default: "0" },
    only: { type: "string", multiple: true, default: [""] },
    seconds: { type: "string", default: "1e9" },
    each: { type: "string", default: "1e9" },
    "in-place": { type: "string" }, // this side, in the place that was made for it
  },
});
const FOLDERS = ["connection", "session", "client", "server", "ws", "websocket"].map((name) => `js/${name}/`);
/** What makes a place for a side, keeps others out of it, and runs a command there. */
const PLACES = { rust: ["scripts/lib/alone", "build/mutants"], js: ["scripts/test-js", "--instead"] };
/** A change fails if its tests notice less than this share of its faults, once as many were planted. */
const BAR = 0.5;
const SOME = 30;
/** No fault was planted; scripts/lib/steps.sh counts this as skipped. */
const NOTHING = 3;
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
  const isTouched = ({ file, line, end = line }) =>
    Array.from({ length: end - line + 1 }, (_, at) => `${file}:${line + at}`).some((place) => changed.has(place));
  const touched = changed === undefined ? mutants : mutants.filter(isTouched);
  const wanted = touched.filter(({ name }) => values.only.some((text) => name.startsWith(text)));
  return sampled(wanted).slice(Number(values.from));
}

/** Runs one side, and prints what came of it. Gives the status to end with. */
async function report(side, all, run) {
  const mutants = chosen(all);
  if (mutants.length === 0) return nothing(side);
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
  console.log(`\n${side}: ${done} tried of ${mutants.length} chosen and ${all.length} possible${of}`);
  const sum = print(rows);
  for (const { key, line } of missed) console.log(`not noticed: ${key} (line ${line})`);
  if (!values.change) return missed.length === 0 ? 0 : 1;
  const noticed = sum.caught + sum.timeout;
  const judged = noticed + sum.missed;
  if (judged < SOME) console.log(`${side}: ${judged} planted in the time, too few to judge by`);
  if (judged === 0) return NOTHING;
  return judged >= SOME && noticed / judged < BAR ? 1 : 0;
}

function nothing(side) {
  console.log(`${side}: nothing to plant`);
  return values.change ? NOTHING : 0;
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
  return sum;
}

/** Whether there is a change to see in code of that side. */
function hasChanged(side) {
  if (!values.change) return true;
  const changed = values.since === undefined ? new Set() : changedSince(values.since);
  return [...changed].some((place) => place.startsWith(side === "rust" ? "src/" : "js/"));
}

function inPlace(side) {
  if (!hasChanged(side)) return nothing(side);
  const again = [process.execPath, "scripts/mutants.mjs", ...process.argv.slice(2), "--in-place", side];
  return spawnSync("bash", [...PLACES[side], ...again], { stdio: "inherit" }).status ?? 1;
}

async function plant(side) {
  if (side === "rust") return report(side, listRust(), runRust);
  const { listJs, runJs } = await import("./lib/mutants-js.mjs");
  return report(side, listJs(FOLDERS), runJs);
}

if (values.change) {
  values.since = startOfChange();
  values.sample ??= "Infinity";
}
const only = values["in-place"];
const ends = only === undefined ? values.side.map(inPlace) : [await plant(only)];
const planted = ends.filter((end) => end !== NOTHING);
process.exitCode = planted.length === 0 ? NOTHING : Math.max(...planted);
