// The packed package, installed into empty projects: `npm run test:package [-- --all]`. With --all, and where CI is set,
// in all versions of Node that we promise; else in this one.
import { testBundlers } from "./bundlers.mjs";
import { testNodes, testOthers } from "./runtimes.mjs";
import { testTypes } from "./types.mjs";

testNodes(process.argv.includes("--all") || process.env.CI !== undefined);
testOthers();
testTypes();
testBundlers();
