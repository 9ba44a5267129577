/**
 * Common parts of the commands: usage, output that its reader may close, and colours.
 *
 * @module
 */
import { readFileSync } from "node:fs";

import { printable } from "./printable.js";

/** Wrong usage: the user's mistake, said in one line. */
export class UsageError extends Error {}

/** Status and line of a failure that is not a wrong usage. */
export function fail(error: unknown): void {
  const { message } = error as Error;
  process.stderr.write(`websocket-component: ${printable(message)}\n`);
  process.exitCode = 1;
}

/** @throws UsageError for anything but 0 to 65535 */
export function portOf(text: string): number {
  const port = Number(text);
  if (/^\d+$/.test(text) && port <= 65535) return port;
  throw new UsageError(`${text} is not a port (0 to 65535)`);
}

/** The version of the package. */
export function version(): string {
  return JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")).version;
}

/** Whether standard output shows colours: a terminal does, unless `NO_COLOR` is set (https://no-color.org). */
function hasColours(): boolean {
  return process.stdout.isTTY === true && !process.env.NO_COLOR;
}

const COLOURS = { dim: 2, red: 31, green: 32, yellow: 33, blue: 34, cyan: 36 } as const;
/** A colour's name. */
type Colour = keyof typeof COLOURS;

/** Puts text into a colour, or leaves it as it is. */
export type Paint = (colour: Colour, text: string) => string;

/** For standard output. */
export function painter(colours: boolean = hasColours()): Paint {
  return (colour, text) => (colours ? `\x1b[${COLOURS[colour]}m${text}\x1b[0m` : text);
}

/**
 * If the reader of the output leaves, as `head` does, the command ends without an error, like any other. It goes on
 * where no one reads what it tells on standard error.
 */
export function endWithReader(): void {
  process.stderr.on("error", () => {});
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit();
    throw error;
  });
}

/** Writes, and waits where the reader is slow. */
export async function write(text: string): Promise<void> {
  if (process.stdout.write(text)) return;
  await new Promise<void>((resolve) => process.stdout.once("drain", resolve));
}
