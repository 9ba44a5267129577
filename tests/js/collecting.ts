/**
 * A program: `collecting.js FORM SIZE COUNT KEPT CHUNK` keeps KEPT objects, receives COUNT binary messages of SIZE
 * bytes, in chunks of CHUNK bytes of their own as a socket gives them, and reports how often V8 has collected its whole
 * heap meanwhile, and how often the young generation. The form is `whole`, `parts`, or `buffers` of which each message
 * has one.
 */
import { constants, PerformanceObserver } from "node:perf_hooks";
import { setImmediate as turn } from "node:timers/promises";

import { type Frames, newSession } from "./driven.js";
import { inner, masked } from "./support.js";

const { bufferOf } = await inner<{ bufferOf(bytes: Uint8Array): ArrayBuffer }>("engine/bytes.js");

const [form, ...numbers] = process.argv.slice(2);
const [size, count, most, length] = numbers.map(Number) as [number, number, number, number];

const collections = { major: 0, minor: 0 };
const observer = new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) {
    const { kind } = (entry as unknown as { detail: { kind: number } }).detail;
    if (kind === constants.NODE_PERFORMANCE_GC_MAJOR) collections.major += 1;
    if (kind === constants.NODE_PERFORMANCE_GC_MINOR) collections.minor += 1;
  }
});

/** What an application keeps: while it is made, the young generation grows. */
const kept = Array.from({ length: most }, (_, id) => ({ id, name: `entry ${id}` }));
observer.observe({ entryTypes: ["gc"] });

const session = newSession(true, 2 * size, 2 * size) as Frames & { giveParts(): void };
if (form === "parts") session.giveParts();
const message = masked(0x82, Buffer.alloc(size));
/** As many as a chunk has, or one. */
const packet = Buffer.concat(Array(Math.max(1, Math.floor(length / message.length))).fill(message));
let bytes = 0;
while (bytes < count * size) {
  for (let at = 0; at < packet.length; at += length) {
    const chunk = Uint8Array.from(packet.subarray(at, at + length));
    const received: (Uint8Array | { data: Uint8Array })[] = [];
    while (session.receive(chunk, received, 2 * size, true) < chunk.length);
    for (const one of received) {
      const data = "data" in one ? one.data : one;
      bytes += form === "buffers" ? bufferOf(data).byteLength : data.length;
    }
  }
  await turn();
}
await turn();
process.send?.({ ...collections, kept: kept.length });
