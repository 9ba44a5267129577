// Faults in src/: cargo-mutants lists them, and each is planted in a copy of the sources, which keeps what was built
// for the next one. The integration tests are one program there, since to link fifteen takes longer than to run them.
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";

const COPY = "build/mutants/rust";
/** Not in the one program: they have an allocator of their own, are programs themselves, or test no code of src/. */
const APART = new Set(["memory", "connection_memory", "wasm", "examples", "tables"]);
/** These two take as long as all others together. */
const LONG = ["--skip=messages_arrive_whole_whatever", "--skip=c22_every_close_status"];
/** What a fault passes one after the other, until a test fails: most are found by what takes little time. */
const STAGES = [
  { target: "--test=all", args: LONG, cases: "6", cpuSeconds: 15 },
  { target: "--lib", args: [], cases: "24", cpuSeconds: 15 },
  { target: "--test=all", args: [], cases: "256", cpuSeconds: 60 },
  { target: "--test=memory", args: [], cases: "256", cpuSeconds: 15 },
  { target: "--test=connection_memory", args: [], cases: "256", cpuSeconds: 15 },
  { target: "--doc", args: [], cases: "256", cpuSeconds: 60 },
];
/** Where these tests spend their time beside this crate is worth a compiler's. */
const FAST = ["zlib-rs", "simdutf8"].map((name) => `--config=profile.dev.package.${name}.opt-level=2`);
const TEST = ["test", ...FAST, "--locked", "--quiet", "--features=http"];
/** A fault may wait for ever, or take all memory; time on the processor does not depend on who else uses it. */
const LIMITS = 'ulimit -S -t "$0" && ulimit -v 4000000 && exec "$@"';
const ENV = {
  ...process.env,
  CARGO_TARGET_DIR: resolve("build/mutants/target"),
  CARGO_PROFILE_DEV_DEBUG: "0",
  PROPTEST_MAX_SHRINK_ITERS: "0",
  PROPTEST_RNG_SEED: "1",
};

/** All faults that cargo-mutants knows for `.cargo/mutants.toml`. */
export function listRust() {
  const list = spawnSync("bash", ["scripts/lib/cargo-mutants", "--list", "--json"], {
    encoding: "utf8",
    maxBuffer: 1 << 26,
    stdio: ["ignore", "pipe", "pipe"],
  });
  if (list.stdout === "") throw new Error(list.stderr);
  return JSON.parse(list.stdout).map(({ name, file, span, replacement }) => {
    const key = name.replace(/:\d+:\d+:/, ":");
    return { name, key, file, line: span.start.line, end: span.end.line, span, replacement };
  });
}

/** Plants each, and gives what came of it: caught, missed, timeout, or unviable if it does not compile. */
export async function* runRust(mutants, isLate) {
  copySources();
  const sound = await outcome();
  if (sound !== "missed") throw new Error(`without a fault, the tests in ${COPY} fail too`);
  for (const mutant of mutants) {
    if (isLate()) return;
    const { file, span, replacement } = mutant;
    const source = readFileSync(file, "utf8");
    const [start, end] = [offset(source, span.start), offset(source, span.end)];
    writeFileSync(join(COPY, file), source.slice(0, start) + replacement + source.slice(end));
    yield { mutant, outcome: await outcome() };
    writeFileSync(join(COPY, file), source);
  }
}

function offset(source, { line, column }) {
  const lines = source.split("\n").slice(0, line);
  const last = [...lines.pop()].slice(0, column - 1).join("");
  return [...lines, last].join("\n").length;
}

async function outcome() {
  for (const stage of STAGES) {
    const command = stage.target === "--doc" ? ["cargo", ...TEST, "--doc"] : build(stage.target);
    if (command === undefined) return "unviable";
    const end = await run(command, stage);
    if (end !== "passed") return end;
  }
  return "missed";
}

/** Compiles it, and gives the program's path, if it compiles. */
function build(target) {
  const { status, stdout } = spawnSync("cargo", [...TEST, "--no-run", "--message-format=json", target], {
    cwd: COPY,
    env: ENV,
    encoding: "utf8",
    maxBuffer: 1 << 26,
  });
  const paths = stdout.split("\n").map((line) => /"executable":"([^"]+)"/.exec(line)?.[1]);
  return status === 0 ? paths.filter((path) => path !== undefined).slice(-1) : undefined;
}

/** Runs it up to the first test that fails. */
async function run(command, { args, cases, cpuSeconds }) {
  const child = spawn("bash", ["-c", LIMITS, String(cpuSeconds), ...command, ...args], {
    cwd: COPY,
    env: { ...ENV, PROPTEST_CASES: cases },
    stdio: ["ignore", "pipe", "ignore"],
  });
  let hasFailed = false;
  child.stdout.setEncoding("utf8").on("data", (text) => {
    hasFailed ||= text.includes("FAILED");
    if (hasFailed) child.kill("SIGKILL");
  });
  const [code, signal] = await once(child, "close");
  if (code === 0) return "passed";
  return signal === "SIGXCPU" && !hasFailed ? "timeout" : "caught";
}

function copySources() {
  rmSync(COPY, { recursive: true, force: true });
  mkdirSync(COPY, { recursive: true });
  const files = execFileSync("git", ["ls-files", "-z", "-co", "--exclude-standard"], { encoding: "utf8" }).split("\0");
  for (const file of files.filter(
    (one) => one !== "" && !/^(?:docs\/site|www|packages|js|pkg)\/|^biome\.json$/.test(one),
  ))
    cpSync(file, join(COPY, file), { force: true, preserveTimestamps: true });
  // Cargo goes by times, and the last fault may have been built later
  utimesSync(join(COPY, "src/lib.rs"), new Date(), new Date());
  const tests = readdirSync(join(COPY, "tests"))
    .filter((name) => name.endsWith(".rs") && !APART.has(basename(name, ".rs")))
    .map((name) => `#[path = "${name}"]\nmod ${basename(name, ".rs")};\n`);
  writeFileSync(join(COPY, "tests/all.rs"), `//! All integration tests.\n${tests.join("")}`);
}
