// Autobahn's program, wstest: how it is started, and what it printed when it ends early.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Starts wstest in the folder. What it prints goes to a file there, of which `printed` returns the end. */
export function startSuite(program, mode, folder, specification) {
  const file = join(folder, "specification.json");
  writeFileSync(file, JSON.stringify(specification));
  const log = openSync(logOf(folder), "w");
  // Without `--webport 0`, a fuzzing server also serves web pages on port 8080, and ends if that port is taken.
  const args = ["--mode", mode, "--spec", file, "--webport", "0"];
  const suite = spawn(program, args, { cwd: folder, stdio: ["ignore", log, log] });
  closeSync(log);
  return suite;
}

/** Rejects when the program ends, with what it printed. */
export async function ended(suite, folder) {
  const [code, signal] = suite.exitCode === null ? await once(suite, "exit") : [suite.exitCode];
  throw new Error(`Autobahn's wstest ended early (${signal ?? `status ${code}`}); it printed:\n${printed(folder)}`);
}

/** The last 4,000 characters of what the program printed. */
export function printed(folder) {
  return readFileSync(logOf(folder), "utf8").slice(-4000);
}

function logOf(folder) {
  return join(folder, "wstest.log");
}
