/**
 * Captures that are damaged at any place: an error with a code, or what there is of them; never a hang, never a crash.
 */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { CaptureError, inspectConnection, readCapture } from "websocket-component/inspect";

const folder = fileURLToPath(new URL("../../tests/js/captures/", import.meta.url));
const keys = readFileSync(`${folder}keys.log`, "latin1");

/** Reads all there is, as the command does. */
function read(bytes: Uint8Array): void {
  try {
    for (const connection of readCapture(bytes, { keys }).connections) {
      const inspector = inspectConnection(connection);
      for (const record of inspector.records()) {
        inspector.payload(record, { limit: 1000 });
        const parts = inspector.parts(record, { limit: 1000, stage: "unmasked" });
        const missing = parts.reduce((sum, part) => sum + ("missing" in part ? part.missing : 0), 0);
        assert.ok(missing <= record.missing);
      }
      inspector.free();
    }
  } catch (error) {
    assert.ok(error instanceof CaptureError, String((error as Error).stack));
  }
}

/** The same numbers in each run. */
function* random(seed: number): Generator<number> {
  for (let state = seed; ; ) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    yield state / 2 ** 32;
  }
}

for (const file of readdirSync(folder)) {
  test(`${file}, cut anywhere and with bits that are flipped, is read or refused`, () => {
    const bytes = new Uint8Array(readFileSync(folder + file));
    const numbers = random(bytes.length);
    const next = (below: number) => Math.floor((numbers.next().value as number) * below);
    for (let round = 0; round < 25; round++) {
      read(bytes.subarray(0, next(bytes.length)));
      const flipped = bytes.slice();
      for (let flips = 0; flips <= round % 5; flips++) {
        const at = next(flipped.length);
        flipped[at] = (flipped[at] as number) ^ (1 << next(8));
      }
      read(flipped);
    }
  });
}
