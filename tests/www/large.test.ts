/**
 * A capture of 100 MB with 100,000 frames: it is opened while the page goes on, and its list is fluid. Prints figures.
 */
import assert from "node:assert/strict";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { after, before, test } from "node:test";

import type { Browser, Page } from "playwright-core";

import { client, HANDSHAKE, pcap, type Sent, server } from "./captures.js";
import { built, launch, newPage, waitForCount } from "./support.js";

const FRAMES = 100_000;
const FILE = built("large.pcap");

let browser: Browser;

before(async () => {
  browser = await launch();
  await mkdir(built(""), { recursive: true });
  await writeFile(FILE, pcap(conversation()));
});

after(async () => {
  await browser?.close();
  await rm(FILE, { force: true });
});

function* conversation(): Generator<Sent> {
  yield* HANDSHAKE;
  for (let index = 0; index < FRAMES - 1; index++) {
    const text = `{"number":${index},"filler":"${"x".repeat(930 + (index % 50))}"}`;
    yield index % 2 === 0 ? client(0x81, text) : server(0x81, text);
  }
  yield client(0x82, "the last needle");
}

/** The longest task of the page's main thread since the last time, in milliseconds: 0 where none took 50. */
async function longestTask(page: Page): Promise<number> {
  return page.evaluate(async () => {
    // tasks are reported when the page is idle
    await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
    const tasks = (globalThis as { tasks?: number[] }).tasks ?? [];
    return Math.round(Math.max(0, ...tasks.splice(0)));
  });
}

test(`${FRAMES.toLocaleString("en")} frames of 100 MB are opened, scrolled through and searched`, async (t) => {
  const page = await newPage(browser);
  await page.evaluate(() => {
    const tasks: number[] = [];
    (globalThis as { tasks?: number[] }).tasks = tasks;
    new PerformanceObserver((list) => tasks.push(...list.getEntries().map(({ duration }) => duration))).observe({
      type: "longtask",
    });
  });
  // what a busy page would look like
  await page.evaluate(
    () =>
      new Promise<void>((resolve) => {
        setTimeout(() => {
          for (const start = performance.now(); performance.now() < start + 100; );
          resolve();
        });
      }),
  );
  assert.ok((await longestTask(page)) >= 100, "long tasks are reported");
  const timed = async (what: string, work: () => Promise<void>): Promise<void> => {
    const start = performance.now();
    await work();
    const took = Math.round(performance.now() - start);
    t.diagnostic(`${what}: ${took} ms; longest task of the page ${await longestTask(page)} ms`);
  };
  await timed("opened", async () => {
    await page.setInputFiles('input[type="file"]', FILE);
    await waitForCount(page, "100,002 of 100,002");
    await page.locator("#records .record .preview").nth(1).waitFor();
  });
  await timed("timeline drawn", () => page.locator(".timeline .bar").first().waitFor());
  await timed("scrolled to the end", async () => {
    await page.locator("#records").evaluate((list) => {
      list.scrollTop = list.scrollHeight;
    });
    await page.locator("#records .record", { hasText: "the last needle" }).waitFor();
  });
  const frames = await page.locator("#records").evaluate(async (list) => {
    const gaps: number[] = [];
    let last = performance.now();
    for (let step = 0; step < 120; step++) {
      list.scrollTop -= 977;
      await new Promise(requestAnimationFrame);
      gaps.push(performance.now() - last);
      last = performance.now();
    }
    return gaps.sort((one, other) => one - other);
  });
  t.diagnostic(
    `120 steps of scrolling: median ${frames[60]?.toFixed(1)} ms, longest ${frames.at(-1)?.toFixed(1)} ms a step`,
  );
  await timed("searched for a text", async () => {
    await page.getByLabel("Search payloads").fill("LAST needle");
    await waitForCount(page, "1 of 100,002");
    await page.locator("#records .record", { hasText: "the last needle" }).waitFor();
  });
  await timed("statistics", async () => {
    await page.click("#tab-statistics");
    await page.getByRole("img", { name: /^Payload sizes: \d+ values/ }).waitFor();
  });
  assert.match(await page.locator("table.numbers").innerText(), /99,999|49,999|50,000/);
  await page.context().close();
});
