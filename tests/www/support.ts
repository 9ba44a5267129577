/** A browser with the page in it, as built. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

import type { AxeResults } from "axe-core";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";

const FLAGS =
  "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync";

/** The repository's root. */
export const ROOT = new URL("../../", import.meta.url);
/** The page as a file, without any server. */
export const PAGE = new URL("dist/page/index.html", ROOT).href;

export async function launch(): Promise<Browser> {
  const { CHROMIUM } = process.env;
  assert.ok(CHROMIUM, "CHROMIUM names the browser: scripts/toolchain browser finds it");
  return chromium.launch({ executablePath: CHROMIUM, args: FLAGS.split(" ") });
}

/** Opens what is folded. */
export async function unfold(page: Page, summary: string): Promise<void> {
  await page.locator("summary", { hasText: summary }).click();
}

/** A new page, which fails the test by any error in it. */
export async function newPage(browser: Browser, options: BrowserContextOptions = {}, address = PAGE): Promise<Page> {
  const context = await browser.newContext({ viewport: { width: 1360, height: 900 }, ...options });
  const page = await context.newPage();
  page.on("pageerror", (error) => assert.fail(error));
  page.on("console", (message) => {
    // the policy of the page forbids nothing that it needs
    if (message.text().includes("Content Security Policy")) assert.fail(message.text());
  });
  await page.goto(address);
  return page;
}

/** A path in the folder of builds. */
export function built(name: string): string {
  return fileURLToPath(new URL(`build/${name}`, ROOT));
}

/** Chooses a file by its bytes, and waits for its records. */
export async function openFile(page: Page, name: string, buffer: Buffer): Promise<void> {
  await showTab(page, "open");
  await page.setInputFiles('input[type="file"]', { name, mimeType: "application/octet-stream", buffer });
  await page.locator(".capture strong", { hasText: name }).waitFor();
  await page.locator(".detail h2").waitFor();
}

export async function paste(page: Page, text: string): Promise<void> {
  await showTab(page, "open");
  await page.getByLabel("or paste hex, a hex dump, or Base64").fill(text);
  await page.getByRole("button", { name: "Inspect", exact: true }).click();
}

export async function openSample(page: Page, title: string): Promise<void> {
  await showTab(page, "open");
  const sample = page.locator(".sample").filter({ has: page.getByText(title, { exact: true }) });
  if (!(await sample.isVisible())) await page.getByText("All samples").click();
  await sample.click();
  await page.locator(".capture strong", { hasText: title }).waitFor();
  await page.locator(".detail h2").waitFor();
}

export async function showTab(page: Page, view: string): Promise<void> {
  await page.click(`#tab-${view}`);
}

/** Direction, kind and payload of the records that are listed. */
export function listed(page: Page): Promise<string[]> {
  return page.locator("#records .record:not(.heads)").evaluateAll((rows) =>
    rows.map((row) => {
      const cells = row.querySelectorAll('[role="gridcell"]');
      return `${cells[2]?.textContent} ${row.querySelector(".kind-name")?.textContent} ${cells[5]?.textContent}`;
    }),
  );
}

/**
 * Waits until the listed records are these, and no others: rows come from the worker a moment after the list changes.
 */
export async function waitForRows(page: Page, expected: readonly RegExp[]): Promise<void> {
  const deadline = Date.now() + 10_000;
  const fits = (rows: readonly string[]) =>
    rows.length === expected.length && expected.every((pattern, index) => pattern.test(rows[index] as string));
  for (let rows = await listed(page); !fits(rows); rows = await listed(page)) {
    assert.ok(Date.now() < deadline, `not ${expected.join(", ")} but\n${rows.join("\n")}`);
    await page.evaluate(() => new Promise(requestAnimationFrame));
  }
}

/** Waits until as many records are listed. */
export async function waitForCount(page: Page, count: string): Promise<void> {
  await page.locator(".filters output", { hasText: count }).waitFor();
}

/** All rules, those of best practices too. */
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** What axe-core finds, and what sticks out of the window. */
export async function shortcomings(page: Page): Promise<string[]> {
  await page.evaluate(AXE);
  return page.evaluate(async () => {
    const { axe } = globalThis as unknown as { axe: { run(): Promise<AxeResults> } };
    const { violations } = await axe.run();
    return [
      ...violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(" | ")}`),
      ...(document.documentElement.scrollWidth > innerWidth
        ? [...document.querySelectorAll("body *")]
            .map((element) => ({ element, right: Math.round(element.getBoundingClientRect().right) }))
            .filter(({ right }) => right > innerWidth)
            .map(({ element, right }) => `sticks out: ${element.tagName} ${element.className} ${right}`)
        : []),
    ];
  });
}
