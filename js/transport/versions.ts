/**
 * Which runtime this is, and of which version: for faults and options that some have.
 *
 * @module
 */
import process from "node:process";

/** Whether it is Deno, which has Node's modules, too. */
export const isDeno: boolean = "deno" in process.versions;

/** Whether it is this version of Node or a newer one, or says so, as Deno and Bun do. */
export function isSince(wantedMajor: number, wantedMinor = 0): boolean {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
}
