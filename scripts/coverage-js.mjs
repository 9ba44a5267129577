// How much of js/ the tests in Node run, by folder: `npm run coverage`, or `-- --side js NAME…` for some test files.
// Within scripts/test-js, which has made build/. V8 counts (NODE_V8_COVERAGE); monocart-coverage-reports reads that:
// c8 takes no map whose source lies outside its folder, and Node's own --experimental-test-coverage does not end.
// Counted is what Node runs from build/dist/ as it is: not the forms that scripts/build.mjs makes of it.
import { spawnSync } from "node:child_process";
import { readdirSync, rmSync, symlinkSync } from "node:fs";

import { module } from "./tools.mjs";

const RAW = "build/v8";
const MADE = /\/build\/dist\/(?!slim\/|cjs\/|load\/.*(?:base64|source)\.)/;

const { CoverageReport } = await module("monocart-coverage-reports", "lib/index.mjs");
const names = process.argv.slice(2);
const files = readdirSync("build/tests").filter((file) => file.endsWith(".test.js"));
const chosen = files.filter((file) => names.length === 0 || names.includes(file.replace(".test.js", "")));

rmSync(RAW, { recursive: true, force: true });
const args = ["--require", "./scripts/lib/deadline.cjs", "--test", "--test-timeout=900000", "--test-reporter=dot"];
const { status } = spawnSync(process.execPath, [...args, ...chosen.map((file) => `build/tests/${file}`)], {
  env: { ...process.env, NODE_V8_COVERAGE: RAW },
  stdio: "inherit",
});
symlinkSync("../js", "build/js"); // where the maps of build/dist/ say that the sources are
try {
  await report();
} finally {
  rmSync("build/js");
}
process.exitCode = status ?? 1;

async function report() {
  const report = new CoverageReport({
    dataDir: RAW,
    outputDir: "build/coverage-js",
    clean: false,
    logging: "error",
    reports: ["v8"],
    entryFilter: ({ url }) => MADE.test(url),
    sourcePath: (path) => path.replace(/^.*?(?=js\/)/, ""),
  });
  const { files } = await report.generate();
  const folderOf = ({ sourcePath }) => sourcePath.split("/").slice(0, -1).join("/");
  const folders = [...new Set(files.map(folderOf))].sort();
  line(["", "lines", "functions", "branches"]);
  line(["---", "---", "---", "---"]);
  for (const folder of folders) {
    const inFolder = files.filter((file) => folderOf(file) === folder);
    row(`${folder}/`, inFolder);
  }
  row("all", files);
  console.log("line by line: build/coverage-js/index.html");
}

function row(name, files) {
  const share = (kind) => {
    const sum = (what) => files.reduce((total, { summary }) => total + summary[kind][what], 0);
    if (sum("total") === 0) return "";
    return `${((100 * sum("covered")) / sum("total")).toFixed(1)} % of ${sum("total")}`;
  };
  line([name, share("lines"), share("functions"), share("branches")]);
}

function line(cells) {
  console.log(`| ${cells.join(" | ")} |`);
}
