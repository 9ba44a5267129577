// Which tests come by a place of build/dist/: one run of each test file with V8's coverage, test by test. Kept in
// build/ for as long as neither the package nor the tests change.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const KEPT = "build/reached.json";
const PRELOADED = ["deadline.cjs", "chosen-tests.cjs"].map((file) => fileURLToPath(new URL(file, import.meta.url)));
const REPORTER = new URL("first-failure.mjs", import.meta.url).href;

/** Test files that start commands, bundlers, browsers and benchmarks, or are about other folders than these. */
const ASIDE = new RegExp(
  `^(?:${[
    ...["allocations", "backplane", "bench", "bin", "blemishes", "browser", "captures", "component.*", "decoders"],
    ...["docs", "inspect.*", "loading", "proxy", "report", "samples", "scripts", "slim", ".*-command"],
  ].join("|")})$`,
);

/** The test files of each folder that see most in little time. */
const LIKELY = {
  connection: "connection isolation flushes endings keepalive survivors data inbox quota messages sending losses",
  session: "session options prepared isolation connection survivors data messages",
  client: "client client-errors ws-client survivors http2-pool http2-client mistakes-handshake",
  server: "server quota drain options observe survivors http2-server strangers",
  ws: "ws ws-members ws-endings ws-client ws-turns ws-wire survivors",
  websocket: "websocket iteration events whatwg dispatch instrumentation data websocketstream",
};

function allTests() {
  return readdirSync("build/tests")
    .filter((file) => file.endsWith(".test.js"))
    .map((file) => file.replace(".test.js", ""))
    .filter((name) => !ASIDE.test(name));
}

/** Runs these tests of a file until one fails: passed, caught, or timeout. `ms` is what they take when all is well. */
export function run({ name, tests, ms }, env = {}) {
  const preloaded = PRELOADED.flatMap((file) => ["--require", file]);
  const { status, error, pid } = spawnSync(
    process.execPath,
    [...preloaded, `--test-reporter=${REPORTER}`, `build/tests/${name}.test.js`],
    {
      stdio: "ignore",
      timeout: 45_000 + 10 * ms,
      killSignal: "SIGKILL",
      env: { ...process.env, TEST_DEADLINE: String(Math.round(10_000 + 5 * ms)), TESTS: tests.join(), ...env },
      detached: true,
    },
  );
  try {
    process.kill(-pid, "SIGKILL"); // what the tests began
  } catch {}
  if (error !== undefined || status === 3) return "timeout";
  return status === 0 ? "passed" : "caught";
}

/** Gives the tests that come by a place, `{ path, at }`, as `{ name, tests, ms }` by file, the quickest first. */
export function reached(places) {
  const names = allTests();
  const state = stateOf(names);
  let kept;
  try {
    kept = JSON.parse(readFileSync(KEPT, "utf8"));
  } catch {}
  if (kept?.state !== state) {
    kept = { state, files: names.map((name) => comesBy(name, places)) };
    writeFileSync(KEPT, JSON.stringify(kept));
  }
  return (place) =>
    kept.files
      .map((file) => testsAt(file, place))
      .filter(({ tests }) => tests.length > 0)
      .sort((one, other) => one.ms - other.ms);
}

/** The same for a few places in `js/`: of the likely files alone, of which each runs when it is first asked for. */
export function reachedOfLikely(places) {
  const known = new Map();
  return function* (place) {
    for (const name of LIKELY[place.file.split("/")[1]].split(" ")) {
      if (!known.has(name)) known.set(name, comesBy(name, places));
      const tests = testsAt(known.get(name), place);
      if (tests.tests.length > 0) yield tests;
    }
  };
}

function testsAt({ name, start, times, by }, { path, at }) {
  const tests = by[`${path}:${at}`] ?? [];
  return { name, tests, ms: tests.reduce((sum, test) => sum + times[test], start) };
}

function stateOf(names) {
  const hash = createHash("sha256").update(names.join());
  for (const folder of ["build/dist", "build/tests"])
    for (const file of readdirSync(folder, { recursive: true }).sort())
      if (/\.[cm]?js$/.test(file)) hash.update(file).update(readFileSync(join(folder, file)));
  return hash.digest("hex");
}

/** A test file's times, and the tests that come by each place; no tests if it fails as it is. */
function comesBy(name, places) {
  const folder = mkdtempSync(join(tmpdir(), "reached-"));
  const written = join(folder, "rows.json");
  try {
    const outcome = run({ name, tests: [], ms: 60_000 }, { COMES_BY: written, TESTS: undefined });
    if (outcome !== "passed") {
      console.log(`${name}.test.js is of no use here: ${outcome} without a fault`);
      return { name, start: 0, times: [], by: {} };
    }
    const [first, ...rows] = JSON.parse(readFileSync(written, "utf8"));
    const times = rows.map(({ time }, index) => Math.round(time - (index === 0 ? first : rows[index - 1]).time));
    console.log(`${name}.test.js: ${rows.length} tests, ${times.reduce((sum, time) => sum + time, 0)} ms`);
    return { name, start: Math.round(first.time), times, by: testsBy(places, first, rows) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function testsBy(places, first, rows) {
  const isBy = [first, ...rows].map(reader);
  const by = {};
  for (const { path, at } of places) {
    const tests = rows.map((_, index) => index).filter((index) => isBy[0](path, at) || isBy[index + 1](path, at));
    if (tests.length > 0) by[`${path}:${at}`] = tests;
  }
  return by;
}

/** Tells of a place whether it ran: the innermost of V8's ranges has counted that. */
function reader({ ran }) {
  const root = pathToFileURL("build/dist/").href;
  const painted = new Map();
  for (const { url, functions } of ran.filter(({ url }) => url.startsWith(root))) {
    const ranges = functions.flatMap(({ ranges }) => ranges);
    ranges.sort((one, other) => other.endOffset - other.startOffset - (one.endOffset - one.startOffset));
    const places = new Uint8Array(Math.max(...ranges.map(({ endOffset }) => endOffset)));
    for (const { startOffset, endOffset, count } of ranges) places.fill(count > 0 ? 1 : 0, startOffset, endOffset);
    painted.set(`build/dist/${url.slice(root.length)}`, places);
  }
  return (path, at) => painted.get(path)?.[at] === 1;
}
