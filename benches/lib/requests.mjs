// What a program of benches/programs/ does: it answers requests, lines of JSON on its standard input, until that ends.
import process from "node:process";
import { createInterface } from "node:readline";

/** Prints the greeting, then answers each request [what, argument] with what `answers[what](argument)` gives. */
export async function serveRequests(greeting, answers) {
  say(greeting);
  for await (const line of createInterface(process.stdin)) {
    const [what, argument] = JSON.parse(line);
    say((await answers[what](argument)) ?? null);
  }
  process.exit();
}

function say(value) {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

/** Processor time of this process until now, of all its threads, in microseconds. */
export function cpuMicroseconds() {
  const { user, system } = process.cpuUsage();
  return user + system;
}

/** Bytes of this process, after its garbage is collected. */
export async function memory() {
  for (let round = 0; round < 4; round++) {
    if ("Bun" in globalThis) Bun.gc(true);
    else globalThis.gc();
    await new Promise((resolve) => setTimeout(resolve, 50)); // finalizers, and what is freed on other threads
  }
  const { rss, heapUsed, external } = process.memoryUsage();
  // Node's `external` has array buffers and wasm memory in it
  return { rss, held: heapUsed + external };
}
