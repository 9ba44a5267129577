/** The scripts of the repository say in one line what is wrong. */
import assert from "node:assert/strict";
import { execFile, spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const scripts = new URL("../../scripts/", import.meta.url);

for (const [option, complaint] of [
  ["--port=abc", "abc is not a port (0 to 65535)"],
  ["--port=65536", "65536 is not a port (0 to 65535)"],
  ["--prt=1", "Unknown option '--prt'"],
] as const) {
  test(`npm start ${option} ends with a line about it, and no stack`, () => {
    const file = fileURLToPath(new URL("start.mjs", scripts));
    const { status, stderr } = spawnSync(process.execPath, [file, option], { encoding: "utf8" });
    assert.equal(status, 2);
    assert.equal(stderr, `npm start: ${complaint}\nUsage: npm start [-- --port N]\n`);
  });
}

test("Autobahn's program runs while port 8080 is taken, and says why it ended early", async (t) => {
  const { startSuite, ended } = await import(new URL("lib/wstest.mjs", scripts).href);
  const folder = mkdtempSync(join(tmpdir(), "wstest-"));
  const taken = createServer().listen(8080, "127.0.0.1");
  taken.on("error", () => {}); // it is taken already, which serves as well
  t.after(() => {
    taken.close();
    rmSync(folder, { recursive: true, force: true });
  });
  // Serves pages where the real program does: at `--webport`, or at 8080 without one, and ends if it cannot.
  const program = join(folder, "wstest.mjs");
  const source = `#!${process.execPath}
    import { createServer } from "node:http";
    import { parseArgs } from "node:util";
    const strings = ["mode", "spec"].map((name) => [name, { type: "string" }]);
    const options = { ...Object.fromEntries(strings), webport: { type: "string", default: "8080" } };
    const port = Number(parseArgs({ options }).values.webport);
    const end = () => { console.log("no reason to stay"); process.exit(1); };
    if (port === 0) end();
    createServer().listen(port, "127.0.0.1", end);
  `;
  writeFileSync(program, source);
  chmodSync(program, 0o755);
  const suite = startSuite(program, "fuzzingserver", folder, {});
  await assert.rejects(ended(suite, folder), {
    message: "Autobahn's wstest ended early (status 1); it printed:\nno reason to stay\n",
  });
});

test("processes that install one program at once all have it, whole", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "tools-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  // An npm that takes a while between the first file and the last.
  const npm = `#!${process.execPath}
    const { mkdirSync, writeFileSync } = require("node:fs");
    const at = process.argv[process.argv.indexOf("--prefix") + 1] + "/node_modules/@some/one";
    mkdirSync(at, { recursive: true });
    setTimeout(() => writeFileSync(at + "/last", ""), 500);
  `;
  writeFileSync(join(folder, "npm"), npm);
  chmodSync(join(folder, "npm"), 0o755);
  const env = { ...process.env, XDG_CACHE_HOME: folder, PATH: `${folder}:${process.env.PATH}` };
  const source = `
    import { existsSync } from "node:fs";
    const { packageFolder } = await import(${JSON.stringify(new URL("tools.mjs", scripts).href)});
    console.log(existsSync(packageFolder("@some/one", "1.0.0") + "/last"));
  `;
  const install = () => promisify(execFile)(process.execPath, ["--input-type=module", "--eval", source], { env });
  const answers = await Promise.all([install(), install(), install()]);
  assert.deepEqual(
    answers.map(({ stdout }) => stdout),
    ["true\n", "true\n", "true\n"],
  );
  assert.deepEqual(readdirSync(join(folder, "websocket-component/npm-@some")), ["one-1.0.0"]);
});
