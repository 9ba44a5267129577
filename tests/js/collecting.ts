/**
 * A program: `collecting.js SIZE COUNT` receives as many binary messages of this size, each in chunks of its own as a
 * socket gives them, and tells how often V8 has collected its whole heap meanwhile, and how often the young generation.
 */
import { constants, PerformanceObserver } from "node:perf_hooks";
import { setImmediate as turn } from "node:timers/promises";

import { newSession } from "./driven.js";
import { masked } from "./support.js";

const [size, count] = process.argv.slice(2).map(Number) as [number, number];
const CHUNK = 64 * 1024;

const collections = { major: 0, minor: 0 };
const observer = new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) {
    const { kind } = (entry as unknown as { detail: { kind: number } }).detail;
    collections[kind === constants.NODE_PERFORMANCE_GC_MINOR ? "minor" : "major"] += 1;
  }
});

/** What an application keeps: while it is made, the young generation grows. */
const kept = Array.from({ length: 1_000_000 }, (_, id) => ({ id, name: `entry ${id}` }));
observer.observe({ entryTypes: ["gc"] });

const session = newSession(true, 2 * size, 2 * size);
const message = masked(0x82, Buffer.alloc(size));
for (let left = count; left > 0; left--) {
  const received: unknown[] = [];
  for (let at = 0; at < message.length; at += CHUNK) {
    const chunk = Uint8Array.from(message.subarray(at, at + CHUNK));
    while (session.receive(chunk, received, 2 * size, true) < chunk.length);
  }
  if (received.length !== 1) throw new Error(`${received.length} messages`);
  await turn();
}
await turn();
process.send?.({ ...collections, kept: kept.length });
