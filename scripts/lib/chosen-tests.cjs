// Loaded before a file of `node:test`, for scripts/lib/reached.mjs.
//   TESTS=1,5       runs these alone, by their order in the file from 0 on
//   COMES_BY=FILE   writes the time that each takes, and what of V8's ranges it comes by; the first row is the import
const { writeFileSync } = require("node:fs");
const { Session } = require("node:inspector");
const { syncBuiltinESMExports } = require("node:module");
const tests = require("node:test");

const chosen = process.env.TESTS?.split(",").map(Number);
const rows = [];
const session = new Session();
const all = tests.test;
let registered = 0;

/** What came since the last time. */
function take() {
  session.post("Profiler.takePreciseCoverage", (_, { result }) => {
    const ours = result.filter(({ url }) => url.includes("/build/dist/"));
    rows.push({ time: performance.now(), ran: ours.map(({ url, functions }) => ({ url, functions })) });
  });
}

function test(name, ...rest) {
  const run = rest.pop();
  const index = registered++;
  if (chosen !== undefined && !chosen.includes(index)) return Promise.resolve();
  return all(name, ...rest, (t) => {
    // what the hooks behind a test do counts as its own
    if (process.env.COMES_BY !== undefined) take();
    return run(t);
  });
}

if (process.env.COMES_BY !== undefined) {
  session.connect();
  session.post("Profiler.enable");
  session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: true });
  process.on("exit", () => {
    take();
    writeFileSync(process.env.COMES_BY, JSON.stringify(rows));
  });
}
tests.test = Object.assign(test, all);
syncBuiltinESMExports();
