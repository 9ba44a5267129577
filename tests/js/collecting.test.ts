/** How often V8 collects its whole heap for long messages, in a process of its own. Counted. */
import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { once } from "./support.js";

const { node } = (await import(new URL("../../scripts/tools.mjs", import.meta.url).href)) as {
  node(version: string): string;
};
const PROGRAM = fileURLToPath(new URL("collecting.js", import.meta.url));
/** Bytes of all messages: twenty times those of array buffers for which V8 collects everything. */
const ALL = 1280 * 1024 * 1024;

const isMissing = process.platform !== "linux" || process.arch !== "x64";
const skip = isMissing && "other versions of Node come from npm, for x64 Linux";

const KINDS = [
  ["messages of 64 KiB", "whole", 64],
  ["messages of 1 MiB", "whole", 1024],
  ["messages of 1 MiB in pieces", "parts", 1024],
  ["messages of 15 KiB as buffers", "buffers", 15],
] as const;

/** Those before collect the young generation by themselves. */
for (const version of ["24.21.0", "26.10.0"]) {
  for (const [kind, form, kibibytes] of KINDS) {
    test(`Node ${version} does not collect its whole heap for ${kind}`, { skip }, async (t) => {
      const size = kibibytes * 1024;
      const program = fork(PROGRAM, [form, `${size}`, `${ALL / size}`], { execPath: node(version), silent: true });
      t.after(() => program.kill());
      const [{ major, minor }] = await once(program, "message");
      t.diagnostic(`${major} major, ${minor} minor`);
      assert.ok(major <= 8, `${major} times, and the young generation ${minor} times`);
    });
  }
}

test("messages come also where the runtime does not say how large its young generation is", { skip }, async (t) => {
  const silent = "data:text/javascript,process.getBuiltinModule=()=>({})";
  const execPath = node("24.21.0");
  const program = fork(PROGRAM, ["whole", "65536", "10"], { execPath, execArgv: ["--import", silent], silent: true });
  t.after(() => program.kill());
  const [outcome] = await Promise.race([once(program, "message"), once(program, "exit")]);
  assert.equal(outcome.kept, 1_000_000);
});
