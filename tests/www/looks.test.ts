/** How the page looks and is read out: pictures in build/screenshots/, contrast, names, and nothing that sticks out. */
import assert from "node:assert/strict";
import { mkdir, rm } from "node:fs/promises";
import { after, before, test } from "node:test";

import type { Browser, Page } from "playwright-core";

import { built, launch, newPage, openSample, showTab } from "./support.js";

const SIZES = { wide: { width: 1440, height: 900 }, narrow: { width: 390, height: 844 } };
/** The views, each with something that it shows last. */
const SHOWN: Record<string, string> = {
  open: ".sample",
  frames: ".lit-bits",
  handshake: ".checks",
  messages: ".messages .preview:has-text('Hello')",
  problems: "#view tbody tr",
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
    problems: "Compressed with reference to a message that is forgotten",
    statistics: "A busy conversation",
  };
  await openSample(page, samples[view] ?? "Compressed: the examples of RFC 7692 §7.2.3");
  await showTab(page, view);
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

/** Texts whose contrast to what is behind them is less than WCAG's 4.5, and controls that have no name. */
function shortcomings(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    const rgba = (colour: string): number[] => {
      if (canvas === null) return [0, 0, 0, 0];
      canvas.clearRect(0, 0, 1, 1);
      canvas.fillStyle = colour;
      canvas.fillRect(0, 0, 1, 1);
      return [...canvas.getImageData(0, 0, 1, 1).data];
    };
    const luminance = (colour: readonly number[]): number => {
      const [red = 0, green = 0, blue = 0] = colour.map((part) => {
        const share = part / 255;
        return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
      });
      return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    };
    const behind = (element: Element): number[] => {
      for (let at: Element | null = element; at !== null; at = at.parentElement) {
        const colour = rgba(getComputedStyle(at).backgroundColor);
        if (colour[3] === 255) return colour;
      }
      return [255, 255, 255, 255];
    };
    const poor = [...document.querySelectorAll("body *")].filter((element) => {
      const hasText = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent?.trim());
      if (!hasText || element.closest(":disabled") || !(element as HTMLElement).checkVisibility?.()) return false;
      const { color, fill } = getComputedStyle(element);
      const [one, other] = [luminance(rgba(element instanceof SVGElement ? fill : color)), luminance(behind(element))];
      return (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05) < 4.5;
    });
    const nameless = [...document.querySelectorAll("button, input, select, textarea, [role=img], [role=grid]")].filter(
      (element) =>
        !element.textContent?.trim() &&
        !element.getAttribute("aria-label") &&
        !(element as HTMLInputElement).labels?.[0]?.textContent?.trim(),
    );
    const ids = [...document.querySelectorAll("[id]")].map(({ id }) => id);
    return [
      ...poor.map((element) => `poor contrast: ${element.className} ${element.textContent?.slice(0, 30)}`),
      ...nameless.map((element) => `no name: ${element.outerHTML.slice(0, 80)}`),
      ...ids.filter((id, index) => ids.indexOf(id) !== index).map((id) => `twice: #${id}`),
      ...(document.documentElement.scrollWidth > innerWidth
        ? [...document.querySelectorAll("body *")]
            .map((element) => ({ element, right: Math.round(element.getBoundingClientRect().right) }))
            .filter(({ right }) => right > innerWidth)
            .map(({ element, right }) => `sticks out: ${element.tagName} ${element.className} ${right}`)
        : []),
    ];
  });
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
  await page.getByText("Dark", { exact: true }).click();
  const dark = await background();
  assert.notEqual(dark, light);
  await page.reload();
  assert.equal(await background(), dark);
  await page.context().close();
});
