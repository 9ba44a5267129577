/** The header of a frame, RFC 6455 §5.2, where no engine makes it. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { inner } from "./support.js";

const { writeHeader } = await inner<{
  writeHeader(bytes: Uint8Array, at: number, first: number, payload: number): number;
}>("session/frames.js");

for (const [payload, header] of [
  [0, "8200"],
  [125, "827d"],
  [126, "827e007e"],
  [65_535, "827effff"],
  [65_536, "827f0000000000010000"],
  [0xffff_ffff, "827f00000000ffffffff"],
  [0x1_0000_0000, "827f0000000100000000"],
  [0x1234_5678_9abc, "827f0000123456789abc"],
] as const) {
  test(`a payload of ${payload} bytes has the header ${header}`, () => {
    const bytes = Buffer.alloc(16, 0xaa);
    const end = writeHeader(bytes, 3, 0x82, payload);
    assert.equal(bytes.subarray(3, end).toString("hex"), header);
  });
}
