// One text to all subscribers of a topic, or whatever a library has in its place.
import { existsSync } from "node:fs";
import { join } from "node:path";

import { byFigure, inTurns } from "../lib/compare.mjs";
import { Crowd } from "../lib/crowd.mjs";
import { published, scalePackages, settle } from "../lib/publishing.mjs";
import { absent, present, start } from "../lib/servers.mjs";
import { socketPace } from "../lib/sockets.mjs";

export const about =
  "The server's program publishes 125 letters to all that have subscribed to a topic, a message in each turn of its event loop. Each delivery is a write of the system for one connection. Of times, the less the better.";
const hasSocketIo = existsSync(join(scalePackages(), "node_modules/socket.io"));
export const notes = [
  ...absent(),
  ...(hasSocketIo ? [] : ["socket.io is not there, and is left out: `npm run test:scale` installs it."]),
];

export { turnsOnSockets as how } from "../lib/sockets.mjs";

export const contenders = {
  "ours, publish": ["node", "ours"],
  "ours as ws, Topics": ["node", "ours as ws"],
  "ws, loop": ["node", "ws"],
  ...(hasSocketIo && { "socket.io, room": ["node", "socket.io"] }),
  "ours in Bun, publish": ["bun", "ours"],
  "Bun.serve, publish": ["bun", "Bun.serve"],
};

const PAIRS = [
  ["ours, publish", "ws, loop"],
  ["ours as ws, Topics", "ws, loop"],
  ["ours, publish", "socket.io, room"],
  ["ours, publish", "Bun.serve, publish"],
  ["ours in Bun, publish", "Bun.serve, publish"],
];

/** Messages that are published before all deliveries are awaited, a few turns of the event loop. */
const BATCH = 5;

export async function* run({ pace, quick }) {
  const subscribers = quick ? 200 : 1000;
  const running = [];
  try {
    for (const [name, [runtime, server]] of Object.entries(present(contenders))) {
      const program = await start(runtime, "capacity-server.mjs", server);
      const crowd = await Crowd.open(program.greeting.port, subscribers, { isSocketIo: server === "socket.io" });
      running.push({ name, program, crowd });
    }
    await Promise.all(running.map(({ program, crowd }) => settle(program, crowd)));
    const turns = running.map(({ name, ...one }) => [name, (milliseconds) => turn(one, milliseconds, subscribers)]);
    const measures = byFigure(await inTurns(Object.fromEntries(turns), socketPace(pace)));
    yield { table: "To all subscribers", labels: { size: 125, subscribers }, measures, pairs: PAIRS };
  } finally {
    for (const { crowd } of running) crowd.end();
    await Promise.all(running.map(({ program }) => program.stop()));
  }
}

async function turn({ program, crowd }, milliseconds, subscribers) {
  const sum = { cpu: 0, seconds: 0, deliveries: 0 };
  while (sum.seconds * 1000 < milliseconds) {
    const [cpu, seconds] = await published([program], [crowd], { size: 125, count: BATCH });
    sum.cpu += cpu;
    sum.seconds += seconds;
    sum.deliveries += BATCH * subscribers;
  }
  return { "deliveries/s": sum.deliveries / sum.seconds, "server's CPU, µs a delivery": sum.cpu / sum.deliveries };
}
