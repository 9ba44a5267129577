// The cost of a call over the component in Node: `COMPONENT=build/hosts/component node benches/hosts.mjs`, after
// `npm run test:hosts -- component`. Microseconds a message, the best of five rounds.
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const { protocol } = await import(pathToFileURL(join(process.env.COMPONENT, "engine.js")));
const limits = { maxMessageSize: undefined, maxFrameSize: undefined, maxFragments: undefined };
for (const size of [16, 1024, 65536]) {
  const payload = new Uint8Array(size);
  const count = size > 10_000 ? 500 : 5000;
  let best = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (let round = 0; round < 5; round++) {
    const client = new protocol.Session("client", limits);
    const server = new protocol.Session("server", limits);
    const start = performance.now();
    const frames = Array.from({ length: count }, () => client.send("binary-message", payload));
    const middle = performance.now();
    for (const frame of frames) server.receive(frame);
    best = [middle - start, performance.now() - middle].map((time, index) => Math.min(best[index], time));
  }
  const [send, receive] = best.map((time) => ((time * 1000) / count).toFixed(1));
  console.log(`Node, component: ${size} bytes: send ${send} µs, receive ${receive} µs`);
}
