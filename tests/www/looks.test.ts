/**
 * How the page looks and is read out: pictures in build/screenshots/, axe-core's rules, and nothing that sticks out.
 */
import assert from "node:assert/strict";
import { mkdir, rm } from "node:fs/promises";
import { after, before, test } from "node:test";

import type { Browser, Page } from "playwright-core";

import { built, launch, newPage, openSample, shortcomings, showTab, unfold } from "./support.js";

const SIZES = {
  wide: { width: 1440, height: 900 },
  middle: { width: 900, height: 800 },
  narrow: { width: 390, height: 844 },
};
/** The views, each with something that it shows last. */
const SHOWN: Record<string, string> = {
  open: ".sample",
  samples: ".all-samples .sample",
  error: ".error",
  "nothing-found": ".detail",
  frames: ".lit-bits",
  handshake: ".passed",
  messages: ".messages .preview:has-text('Hello')",
  problems: ".problems li",
  statistics: ".numbers td",
  loop: ".steps td",
};

let browser: Browser;

before(async () => {
  browser = await launch();
  await rm(built("screenshots"), { recursive: true, force: true });
  await mkdir(built("screenshots"), { recursive: true });
});

after(() => browser?.close());

/** Something to see in each view: pings, fragments, JSON, a fault. */
async function prepare(page: Page, view: string): Promise<void> {
  const samples: Record<string, string> = {
    frames: "A message in three frames, with a ping between them",
    handshake: "The server's accept is that of another key",
    problems: "Compressed, with a reference that the agreement rules out",
    statistics: "A busy conversation",
  };
  await openSample(page, samples[view] ?? "Compressed: the examples of RFC 7692 §7.2.3");
  if (view === "nothing-found") {
    await page.getByLabel("Search payloads").fill("nothing has this");
    await page.getByText("No record passes the filter.").waitFor();
    return;
  }
  if (view === "error") {
    await showTab(page, "open");
    const buffer = Buffer.from("This is not a capture.");
    await page.setInputFiles('input[type="file"]', { name: "notes.txt", mimeType: "text/plain", buffer });
    return;
  }
  await showTab(page, view === "samples" ? "open" : view);
  if (view === "samples") await unfold(page, "All samples");
  if (view === "frames") {
    await page.locator("#records .record", { hasText: "in three" }).first().click();
    await page.getByRole("heading", { name: /Record 5/ }).waitFor();
    await page.locator(".fields tr", { hasText: "opcode" }).focus();
  }
  if (view === "loop") {
    await page.getByRole("form", { name: "Send from the client" }).getByRole("button", { name: "send" }).click();
    for (let step = 0; step < 5; step++) await page.getByRole("button", { name: "Next call" }).click();
  }
}

for (const colorScheme of ["light", "dark"] as const) {
  for (const [size, viewport] of Object.entries(SIZES)) {
    test(`${colorScheme}, ${size}: every view can be read, has names, and fits`, async () => {
      const page = await newPage(browser, { colorScheme, viewport });
      for (const view of Object.keys(SHOWN)) {
        await prepare(page, view);
        await page
          .locator(SHOWN[view] as string)
          .first()
          .waitFor();
        assert.deepEqual(await shortcomings(page), [], view);
        await page.screenshot({
          path: built(`screenshots/${view}-${colorScheme}-${size}.png`),
          fullPage: size === "narrow",
        });
      }
      await page.context().close();
    });
  }
}

test("the switch of the theme has its way over the system's, and is remembered", async () => {
  const page = await newPage(browser, { colorScheme: "light" });
  const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await background();
  await page.getByLabel("Theme").selectOption("dark");
  const dark = await background();
  assert.notEqual(dark, light);
  await page.reload();
  assert.equal(await background(), dark);
  await page.context().close();
});
