/** How often V8 collects its whole heap for long messages, in a process of its own. Counted. */
import assert from "node:assert/strict";
import { execFileSync, fork } from "node:child_process";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";

import { once } from "./support.js";

const { node, program } = (await import(new URL("../../scripts/tools.mjs", import.meta.url).href)) as {
  node(version: string): string;
  program(name: string): string;
};
const PROGRAM = fileURLToPath(new URL("collecting.js", import.meta.url));
/** Bytes of all messages: twenty times those of array buffers for which V8 collects everything at the latest. */
const ALL = 1280 * 1024 * 1024;
/** Objects that are kept meanwhile: V8's young generation has grown, and is not large beside what is old. */
const KEPT = 1e6;
const isMissing = process.platform !== "linux" || process.arch !== "x64";
const skip = isMissing && "other versions of Node come from npm, for x64 Linux";

interface Outcome {
  readonly major: number;
  readonly minor: number;
  readonly kept: number;
}

/** What the program says, with these arguments. */
async function collecting(t: TestContext, version: string, args: unknown[], execArgv: string[] = []): Promise<Outcome> {
  const child = fork(PROGRAM, args.map(String), { execPath: node(version), execArgv });
  t.after(() => child.kill());
  const [outcome] = await Promise.race([once(child, "message"), once(child, "exit")]);
  assert.equal(typeof outcome, "object", `it has ended with ${outcome}`);
  return outcome as Outcome;
}

/** As much as Node reads at once, and as a packet of a network has. */
const READ = 64 * 1024;
const PACKET = 1448;
const KINDS = [
  ["messages of 64 KiB", "whole", 64, READ],
  ["messages of 64 KiB that come in packets", "whole", 64, PACKET],
  ["messages of 1 MiB", "whole", 1024, READ],
  ["messages of 1 MiB that come in packets", "whole", 1024, PACKET],
  ["messages of 1 MiB in pieces", "parts", 1024, READ],
  ["messages of 15 KiB as buffers", "buffers", 15, READ],
] as const;

/** Those before collect the young generation by themselves. */
for (const version of ["24.21.0", "26.10.0"]) {
  for (const [kind, form, kibibytes, chunk] of KINDS) {
    test(`Node ${version} does not collect its whole heap for ${kind}`, { skip }, async (t) => {
      const size = kibibytes * 1024;
      const { major, minor } = await collecting(t, version, [form, size, ALL / size, KEPT, chunk]);
      t.diagnostic(`${major} major, ${minor} minor`);
      assert.ok(major <= 8, `${major} times, and the young generation ${minor} times`);
    });
  }
}

for (const [where, silent] of [
  ["has no such module", "() => null"],
  ["does not say how large its heap is", "() => ({})"],
  ["says nothing", "() => ({ getHeapSpaceStatistics: () => undefined })"],
] as const) {
  test(`messages come where the runtime ${where}`, { skip }, async (t) => {
    const patch = `data:text/javascript,${encodeURIComponent(`process.getBuiltinModule = ${silent}`)}`;
    const { kept } = await collecting(t, "24.21.0", ["whole", 65536, 10, 7, READ], ["--import", patch]);
    assert.equal(kept, 7);
  });
}

test("Bun is not asked for its heap, which takes long", () => {
  const { href } = new URL("../dist/engine/garbage.js", import.meta.url);
  const script = `
    let asked = 0;
    process.getBuiltinModule = () => ({ getHeapSpaceStatistics: () => { asked += 1; return []; } });
    const { bringGarbage } = await import(${JSON.stringify(href)});
    for (let left = 100; left > 0; left--) bringGarbage(1e6);
    console.log(asked);
  `;
  assert.equal(execFileSync(program("bun"), ["--eval", script], { encoding: "utf8" }).trim(), "0");
});
