// Faults in src/, by cargo-mutants: in a copy of the sources that keeps what was built for the next time.
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";

const COPY = "build/mutants/rust";
/** Faults for one call, of which none says when it is done. */
const AT_ONCE = 8;
const ENV = {
  ...process.env,
  CARGO_TARGET_DIR: resolve("build/mutants/target"),
  CARGO_PROFILE_DEV_DEBUG: "0",
  // the random ones find a fault soon or hardly at all
  PROPTEST_CASES: "24",
};

function cargoMutants(args, options = {}) {
  return spawnSync("bash", ["scripts/lib/cargo-mutants", ...args], {
    encoding: "utf8",
    maxBuffer: 1 << 26,
    env: ENV,
    ...options,
  });
}

/** All faults that cargo-mutants knows for `.cargo/mutants.toml`. */
export function listRust() {
  const { stdout, stderr } = cargoMutants(["--list", "--json"], { stdio: ["ignore", "pipe", "pipe"] });
  if (stdout === "") throw new Error(stderr);
  return JSON.parse(stdout).map(({ name, file, span }) => {
    const key = name.replace(/:\d+:\d+:/, ":");
    return { name, key, file, line: span.start.line };
  });
}

/** Plants each, and gives what came of it: caught, missed, timeout, or unviable if it does not compile. */
export async function* runRust(mutants, isLate) {
  copySources();
  const build = ["test", "--locked", "--quiet", "--no-run"];
  const how = ["--in-place", "--baseline=skip", "--timeout=90", "-d", COPY, "-o", "build/mutants"];
  execFileSync("cargo", build, { cwd: COPY, stdio: "inherit", env: ENV });
  for (let at = 0; at < mutants.length && !isLate(); at += AT_ONCE) {
    const some = mutants.slice(at, at + AT_ONCE);
    const names = `^(?:${some.map(({ name }) => name.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("|")})$`;
    const files = new Set(some.map(({ file }) => file));
    const where = [...files].flatMap((file) => ["-f", file]);
    cargoMutants([...how, ...where, "-F", names]);
    const { outcomes } = JSON.parse(readFileSync("build/mutants/mutants.out/outcomes.json", "utf8"));
    for (const { scenario, summary } of outcomes) {
      const mutant = some.find(({ name }) => name === scenario.Mutant?.name);
      if (mutant === undefined) continue;
      const outcome = { CaughtMutant: "caught", MissedMutant: "missed", Timeout: "timeout" }[summary] ?? "unviable";
      yield { mutant, outcome };
    }
  }
}

function copySources() {
  rmSync(COPY, { recursive: true, force: true });
  mkdirSync(COPY, { recursive: true });
  const files = execFileSync("git", ["ls-files", "-z", "-co", "--exclude-standard"], { encoding: "utf8" }).split("\0");
  for (const file of files.filter(
    (one) => one !== "" && !/^(?:docs\/site|www|packages|js|pkg)\/|^biome\.json$/.test(one),
  ))
    cpSync(file, join(COPY, file), { force: true, preserveTimestamps: true });
}
