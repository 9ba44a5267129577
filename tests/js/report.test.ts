/** The report of the engine's calls: both sides of the boundary name its slots, and mean the same. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { inner } from "./support.js";

type Slots = Readonly<Record<string, number>>;

const rust = readFileSync(new URL("../../src/wasm/scratch.rs", import.meta.url), "utf8");

/** The constants of the Rust side that begin with a word, by their names as JavaScript has them. */
function rustSlots(prefix: string): Slots {
  const constants = [...rust.matchAll(/pub const (\w+?)_(\w+): usize = (\d+);/g)];
  const own = constants.filter(([, first, rest]) => first === prefix && `${first}_${rest}` !== "REPORT_LENGTH");
  return Object.fromEntries(own.map(([, , name = "", slot]) => [camel(name), Number(slot)]));
}

function camel(name: string): string {
  return name.toLowerCase().replace(/(?:^|_)(\w)/g, (_, letter: string) => letter.toUpperCase());
}

test("the slots of the report have the same names and numbers in Rust and in JavaScript", async () => {
  const { ReportSlot, ActionSlot, ReadSlot } = await inner<Record<string, Slots>>("engine/report.js");
  assert.deepEqual({ ...ReportSlot }, rustSlots("REPORT"));
  assert.deepEqual({ ...ActionSlot }, rustSlots("ACTION"));
  assert.deepEqual({ ...ReadSlot }, rustSlots("READ"));
});
