// Prints what `cargo llvm-cov --json` found, by folder: `node scripts/lib/coverage-rust.mjs FILE`.
import { readFileSync } from "node:fs";
import { dirname, relative } from "node:path";

const { files } = JSON.parse(readFileSync(process.argv[2], "utf8")).data[0];
const folderOf = ({ filename }) => `${relative(process.cwd(), dirname(filename))}/`;
const KINDS = ["lines", "functions", "branches"];

function row(name, files) {
  const shares = KINDS.map((kind) => {
    const sum = (what) => files.reduce((total, { summary }) => total + summary[kind][what], 0);
    return sum("count") === 0 ? "" : `${((100 * sum("covered")) / sum("count")).toFixed(1)} % of ${sum("count")}`;
  });
  line([name, ...shares]);
}

function line(cells) {
  console.log(`| ${cells.join(" | ")} |`);
}

line(["", ...KINDS]);
line(["---", "---", "---", "---"]);
for (const folder of [...new Set(files.map(folderOf))].sort()) {
  const inFolder = files.filter((file) => folderOf(file) === folder);
  row(folder, inFolder);
}
row("all", files);
