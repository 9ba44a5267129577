// Which lines changed.
import { execFileSync, spawnSync } from "node:child_process";

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

/**
 * The commit that the present change began from: where its branch left the remote's main; on main itself what was there
 * before the last merge, or else before the last commit. `undefined` where history does not reach that far.
 */
export function startOfChange() {
  const head = git("rev-parse", "HEAD");
  const left = git("merge-base", "HEAD", "origin/main");
  if (left !== undefined && left !== head) return left;
  const merge = git("rev-list", "--first-parent", "--merges", "--max-count=1", "HEAD");
  return git("rev-parse", "--verify", "--quiet", `${merge ?? "HEAD"}^1`);
}

/** What it prints, unless it fails or prints nothing. */
function git(...args) {
  const { status, stdout } = spawnSync("git", args, { encoding: "utf8" });
  return status === 0 && stdout.trim() !== "" ? stdout.trim() : undefined;
}
