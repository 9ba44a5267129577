// Runs Autobahn's test suite, the real one, against our server and client, and those of the crate's examples.
// `npm run autobahn -- [OPTION]…`:
//   --role R           server, client, native-server, native-client, c-server or c-client; all of them by default. Or
//                      h2-server, h2-client: over HTTP/2, with HAProxy before the suite, which speaks HTTP/1.1 only;
//                      without HAProxy they are skipped
//   --cases PATTERN    such as 7.*; may be given again
//   --quick            leaves out most cases of compression (12, 13), which take most of the time
//   --whole R          has all cases of this role in spite of --quick; may be given again
//   --runtime PROGRAM  runs our JavaScript: this Node by default, `deno` or `bun` from npm, or a program
// Prints a table by category, leaves the HTML reports in build/autobahn/, and exits with 1 on anything but OK and
// INFORMATIONAL, with 3 if the suite, or a role, cannot run here. Cases of extensions that we do not have yet are
// counted as unimplemented.
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { homedir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { env, haproxyArguments, lacksHaproxy } from "./lib/haproxy.mjs";
import { freePort } from "./lib/ports.mjs";
import { ended, printed, startSuite } from "./lib/wstest.mjs";
import { prepare, root } from "./prepare.mjs";
import { program } from "./tools.mjs";

const AGENT = "websocket-component";
const SUITE = "autobahntestsuite==0.8.2";
const { values } = parseArgs({
  options: {
    role: {
      type: "string",
      multiple: true,
      default: ["server", "client", "native-server", "native-client", "c-server", "c-client"],
    },
    cases: { type: "string", multiple: true },
    quick: { type: "boolean", default: false },
    whole: { type: "string", multiple: true, default: [] },
    runtime: { type: "string", default: process.execPath },
  },
});
const CANNOT_RUN = 3;
const QUICK = ["1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "9.*", "10.*", "12.1.*", "13.1.*"];
const patternsOf = (role) => values.cases ?? (values.quick && !values.whole.includes(role) ? QUICK : ["*"]);
const drivers = {
  server: (port) => run(...runtime, script("server.mjs"), port),
  client: (port) => run(...runtime, script("client.mjs"), port, AGENT),
  "native-server": (port) => run(example("echo_server"), `127.0.0.1:${port}`),
  "native-client": (port) => run(process.execPath, script("native-client.mjs"), example("echo_client"), port, AGENT),
  "c-server": (port) => run(inC("echo_server"), port),
  "h2-server": (port) => run(...runtime, script("server.mjs"), port, "--http2"),
  "h2-client": (port) => run(...runtime, script("client.mjs"), port, AGENT, "--http2"),
  "c-client": (port) => run(process.execPath, script("native-client.mjs"), inC("echo_client"), port, AGENT, "--url"),
};

const RUNTIMES = {
  deno: () => [program("deno"), "run", "--quiet", "--allow-net=127.0.0.1"],
  bun: () => [program("bun")],
};

prepare();
const runtime = RUNTIMES[values.runtime]?.() ?? [values.runtime];
const unknown = [...values.role, ...values.whole].find((role) => !(role in drivers));
if (unknown !== undefined) {
  console.error(`autobahn: no role ${unknown}; there are ${Object.keys(drivers).join(", ")}`);
  process.exit(2);
}
if (values.role.some((role) => role.startsWith("native"))) {
  execFileSync("cargo", ["build", "--quiet", "--locked", "--release", "--examples"], { cwd: root, stdio: "inherit" });
}
if (values.role.some((role) => role.startsWith("c-"))) {
  execFileSync("make", ["--silent", "-C", "bindings/c"], { cwd: root, stdio: "inherit" });
}
const isOverHttp2 = (role) => role.startsWith("h2");
const lack = values.role.some(isOverHttp2) && lacksHaproxy();
if (lack) console.error(`skipped ${values.role.filter(isOverHttp2).join(", ")}: ${lack}`);
const roles = lack ? values.role.filter((role) => !isOverHttp2(role)) : values.role;
if (roles.length === 0) process.exit(CANNOT_RUN);
const wstest = findSuite();
let failed = 0;
for (const role of roles) {
  const folder = join(root, "build/autobahn", role);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  console.log(`\nOur ${role}, cases ${patternsOf(role).join(", ")} …`);
  const proxy = isOverHttp2(role) ? throughHaproxy : undefined;
  await (role.endsWith("server") ? testServer(role, folder, proxy) : testClient(role, folder, proxy));
  failed += report(role, folder);
}
process.exit(failed > 0 ? 1 : lack ? CANNOT_RUN : 0);

async function testServer(role, folder, throughProxy) {
  const port = await freePort();
  const server = drivers[role](String(port));
  await reachable(port);
  const proxy = await throughProxy?.({ folder, to: port, http2: "behind" });
  const url = `ws://127.0.0.1:${proxy?.port ?? port}`;
  await once(suite("fuzzingclient", role, folder, { outdir: folder, servers: [{ agent: AGENT, url }] }), "exit");
  proxy?.process.kill();
  server.kill();
}

async function testClient(role, folder, throughProxy) {
  const port = await freePort();
  const fuzzer = suite("fuzzingserver", role, folder, { outdir: folder, url: `ws://127.0.0.1:${port}` });
  await Promise.race([reachable(port), ended(fuzzer, folder)]);
  const proxy = await throughProxy?.({ folder, to: port, http2: "in front" });
  await once(drivers[role](String(proxy?.port ?? port)), "exit");
  proxy?.process.kill();
  fuzzer.kill();
}

/** HAProxy, which speaks HTTP/2 with ours: over TLS in front, in clear text behind. */
async function throughHaproxy({ folder, to, http2 }) {
  const port = await freePort();
  const options = { env, stdio: ["ignore", "ignore", "inherit"] };
  const haproxy = spawn("haproxy", haproxyArguments(folder, { port, to, http2 }), options);
  await reachable(port);
  return { port, process: haproxy };
}

function run(program, ...args) {
  return spawn(program, args, { stdio: ["ignore", "ignore", "inherit"] });
}

function script(name) {
  return join(root, "tests/autobahn", name);
}

function example(name) {
  return join(root, "target/release/examples", process.platform === "win32" ? `${name}.exe` : name);
}

function inC(name) {
  return join(root, "bindings/c/build", name);
}

function suite(mode, role, folder, specification) {
  const selection = { cases: patternsOf(role), "exclude-cases": [], "exclude-agent-cases": {} };
  return startSuite(wstest, mode, folder, { ...specification, ...selection });
}

/** Prints how many cases of each category ended how, and returns the number that failed. */
function report(role, folder) {
  const index = join(folder, "index.json");
  if (!existsSync(index)) throw new Error(`Autobahn left no report in ${folder}; it printed:\n${printed(folder)}`);
  const cases = Object.entries(JSON.parse(readFileSync(index, "utf8"))[AGENT] ?? {});
  const categories = new Map();
  for (const [name, result] of cases) {
    const category = categories.get(name.split(".")[0]) ?? { ok: 0, informational: 0, unimplemented: 0, failed: [] };
    categories.set(name.split(".")[0], category);
    count(category, name, result);
  }
  const rows = [...categories].sort(([one], [other]) => one - other);
  console.table(
    Object.fromEntries(rows.map(([name, category]) => [name, { ...category, failed: category.failed.length }])),
  );
  const failures = rows.flatMap(([, category]) => category.failed);
  const sum = (result) => rows.reduce((total, [, category]) => total + category[result], 0);
  const good = `${sum("ok")} OK, ${sum("informational")} informational, ${sum("unimplemented")} unimplemented`;
  console.log(`our ${role}: ${good}, ${failures.length} failed ${failures.join(", ")}`);
  return cases.length === 0 ? 1 : failures.length;
}

function count(category, name, { behavior, behaviorClose }) {
  const good = ["OK", "INFORMATIONAL"];
  if (behavior === "UNIMPLEMENTED") category.unimplemented++;
  else if (!good.includes(behavior) || !good.includes(behaviorClose))
    category.failed.push(`${name}: ${behavior}/${behaviorClose}`);
  else if (behavior === "OK") category.ok++;
  else category.informational++;
}

/** Autobahn's program: from the environment, the cache, or made with a Python 2.7 that is there. */
function findSuite() {
  if (process.env.WSTEST) return process.env.WSTEST;
  const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "websocket-component/autobahn-0.8.2");
  const suite = join(cache, "bin/wstest");
  if (existsSync(suite)) return suite;
  const python = findPython();
  if (python === undefined) {
    console.error(
      "Autobahn's suite needs Python 2.7, and there is none. Install one (pyenv install 2.7.18), or run the container\n" +
        "crossbario/autobahn-testsuite and name a program that runs its wstest in the variable WSTEST.",
    );
    process.exit(CANNOT_RUN);
  }
  console.log(`Installing ${SUITE} for ${python} into ${cache} …`);
  const stdio = ["ignore", "inherit", "inherit"];
  execFileSync(python, ["-m", "pip", "install", "--quiet", "--user", "virtualenv==20.15.1"], { stdio });
  execFileSync(python, ["-m", "virtualenv", "--quiet", cache], { stdio });
  execFileSync(join(cache, "bin/pip"), ["install", "--quiet", SUITE], { stdio });
  return suite;
}

function findPython() {
  const versions = join(process.env.PYENV_ROOT ?? join(homedir(), ".pyenv"), "versions");
  const ofPyenv = existsSync(versions) ? readdirSync(versions).filter((name) => name.startsWith("2.7.")) : [];
  const candidates = [...ofPyenv.map((name) => join(versions, name, "bin/python")), "python2.7", "python2"];
  return candidates.find((python) => {
    try {
      return execFileSync(python, ["-c", "import sys; print(sys.version_info[:2])"], { stdio: "pipe" }).includes(
        "(2, 7)",
      );
    } catch {
      return false;
    }
  });
}

/** Waits until something listens on the port. */
async function reachable(port) {
  for (let tries = 0; tries < 300; tries++) {
    const socket = connect(port, "127.0.0.1");
    const reached = await new Promise((resolve) =>
      socket.once("connect", () => resolve(true)).once("error", () => resolve(false)),
    );
    socket.destroy();
    if (reached) return;
    await new Promise((next) => setTimeout(next, 100));
  }
  throw new Error("Autobahn's server did not start within 30 s");
}
