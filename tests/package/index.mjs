// The packed package, installed into empty projects: `npm run test:package [-- --all]`. With --all, and where CI is
// set, in all versions of Node that we promise; else in this one.
import { statSync } from "node:fs";

import { testBundlers } from "./bundlers.mjs";
import { tarball } from "./project.mjs";
import { testNodes, testOthers } from "./runtimes.mjs";
import { testReadmes, testTypes } from "./types.mjs";

console.log(`-- the package takes ${Math.round(statSync(tarball).size / 1000)} kB, packed`);
testNodes(process.argv.includes("--all") || process.env.CI !== undefined);
testOthers();
testTypes();
testReadmes();
testBundlers();
