// Which lines changed.
import { execFileSync } from "node:child_process";

/** The lines that the working tree has and the commit has not, as `file:line`. */
export function changedSince(commit) {
  const lines = new Set();
  let file = "";
  for (const line of execFileSync("git", ["diff", "-U0", commit, "--", "src", "js"], { encoding: "utf8" }).split(
    "\n",
  )) {
    if (line.startsWith("+++ ")) file = line.slice("+++ b/".length);
    const [, first, count = "1"] = /^@@ -\S+ \+(\d+)(?:,(\d+))? @@/.exec(line) ?? [];
    for (let at = 0; first !== undefined && at < Number(count); at++) lines.add(`${file}:${Number(first) + at}`);
  }
  return lines;
}
