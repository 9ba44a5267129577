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

/** Those before collect the young generation by themselves. */
for (const version of ["24.21.0", "26.10.0"]) {
  for (const size of [64 * 1024, 1024 * 1024]) {
    test(`Node ${version} does not collect its whole heap for messages of ${size / 1024} KiB`, async (t) => {
      const program = fork(PROGRAM, [`${size}`, `${ALL / size}`], { execPath: node(version), silent: true });
      t.after(() => program.kill());
      const [{ major, minor }] = await once(program, "message");
      t.diagnostic(`${major} major, ${minor} minor`);
      assert.ok(major <= 4, `${major} times, and the young generation ${minor} times`);
    });
  }
}
