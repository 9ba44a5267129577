/** Captures as people have them: the page shows of each what the command does, as tests/js/captures.test.ts says. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { Browser, Page } from "playwright-core";

import { launch, newPage, openFile, ROOT, showTab, waitForRows } from "./support.js";

/** A line of `inspect --json`. */
interface Line {
  readonly type: string;
  readonly connection?: number;
  readonly connections?: number;
  readonly direction?: string;
  readonly opcode?: number;
  readonly text?: string;
  readonly notes?: readonly string[];
}

const FOLDER = fileURLToPath(new URL("tests/js/captures/", ROOT));
const COMMAND = fileURLToPath(new URL("dist/bin.js", ROOT));
const OPCODES = new Map([
  [0, "continuation"],
  [1, "text"],
  [2, "binary"],
  [8, "close"],
  [9, "ping"],
  [10, "pong"],
]);

let browser: Browser;
let page: Page;

before(async () => {
  browser = await launch();
  page = await newPage(browser);
});

after(() => browser?.close());

for (const name of readdirSync(FOLDER)) {
  test(`${name}: the page shows what the command shows`, async () => {
    const { error, connections, first } = inspect(name);
    const contents = readFileSync(FOLDER + name);
    if (connections === 0) {
      await refused(name, contents, error);
      return;
    }
    await openFile(page, name, contents);
    const rows = first.filter(({ type }) => type !== "note" && type !== "connection").map(rowOf);
    await waitForRows(page, rows);
    const choices = await page.locator(".capture option").count();
    assert.equal(choices, connections === 1 ? 0 : connections);
    const shown = await page.locator("main").textContent();
    for (const { type, text = "" } of first)
      if (type === "note") assert.ok(shown?.includes(text), `not shown: ${text}`);
  });
}

/** What the command says of the first connection, or why there is none. */
function inspect(name: string) {
  const args = [COMMAND, "inspect", FOLDER + name, "--json"];
  const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
  const lines = stdout
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Line);
  const { connections = 0, notes = [] } = lines.find(({ type }) => type === "capture") ?? {};
  // the page has the file alone, and shows its own text with what the command escapes
  const [said] = /^[^\\\n]*/.exec(stderr.replace("websocket-component: ", "")) ?? [""];
  const error = name === "keys.log" ? "There is no WebSocket connection in keys.log." : said || notes.join(". ");
  return { error, connections, first: lines.filter(({ connection }) => connection === 1) };
}

function rowOf({ direction, type, opcode = -1 }: Line): RegExp {
  const kind = type === "frame" ? OPCODES.get(opcode) : type;
  return new RegExp(`^${direction === "toServer" ? "→" : "←"} ${kind}`);
}

/** The page says why it shows nothing, in the command's words. */
async function refused(name: string, buffer: Buffer, reason: string): Promise<void> {
  await showTab(page, "open");
  await page.setInputFiles('input[type="file"]', { name, mimeType: "application/octet-stream", buffer });
  await page.locator('[role="alert"]').getByText(reason).waitFor();
}
