/** The command line, as a shell runs it. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";

import { once } from "./support.js";

/** The program of `npx websocket-component`. */
export const bin: string = fileURLToPath(new URL("../bin.js", import.meta.resolve("websocket-component")));

/** What a command has left. */
export interface Output {
  code: number;
  out: string;
  error: string;
}

/** A command that ends with the test. It may end before its input. */
export function start(t: TestContext, ...args: string[]): ChildProcess {
  const child = spawn(process.execPath, [bin, ...args], { env: { ...process.env, NO_COLOR: "1" } });
  t.after(() => child.kill("SIGKILL"));
  child.stdin?.on("error", () => {});
  return child;
}

/** What it printed, once it has ended. */
export async function result(child: ChildProcess): Promise<Output> {
  let [out, error] = ["", ""];
  child.stdout?.on("data", (data) => (out += data));
  child.stderr?.on("data", (data) => (error += data));
  const [code] = await once(child, "close");
  return { code, out, error };
}

/** Runs a command to its end. Input that never ends is `undefined`. */
export function run(t: TestContext, input: string | Uint8Array | undefined, ...args: string[]): Promise<Output> {
  const child = start(t, ...args);
  if (input !== undefined) child.stdin?.end(input);
  return result(child);
}

/** A folder that goes with the test. */
export function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "websocket-component-"));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}
