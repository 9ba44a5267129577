// Loaded before files of `node:test`: a test that has no time-out of its own gets one, so that a promise that never
// settles fails the test by its name, and not its whole file.
const { syncBuiltinESMExports } = require("node:module");
const tests = require("node:test");

/** More than what the tests' helpers wait for, as these say what they waited for. */
const DEADLINE = { timeout: Number(process.env.TEST_DEADLINE ?? 90_000) };
const unbounded = tests.test;

function test(name, ...rest) {
  const run = rest.pop();
  return unbounded(name, { ...DEADLINE, ...rest[0] }, run);
}

tests.test = Object.assign(test, unbounded);
syncBuiltinESMExports();
