// Echo servers over loopback.
import { absent, ECHO_PAIRS, ECHO_SERVERS } from "../lib/servers.mjs";
import { measure, withServers } from "../lib/sockets.mjs";

export const about =
  "Echo servers over loopback, each in a process of its own, and one load for all in another: it writes frames that were made before, and counts the bytes that come back. Every server gets text as a string. Of times, the less the better.";
export const notes = [
  ...absent(),
  "`net` is a socket without a protocol, which sends back what it gets: the ceiling. Where the load is near 100 % busy it is the load that is measured, and the server's processor time says more than the messages a second.",
];

export { turnsOnSockets as how } from "../lib/sockets.mjs";

export const contenders = ECHO_SERVERS;

/** Bytes, messages that are sent before their replies are awaited, connections. */
const QUICK_CELLS = [
  { size: 125, batch: 64, connections: 100 },
  { size: 1024, batch: 16, connections: 100 },
  { size: 125, batch: 1, connections: 1 },
  { size: 125, batch: 1, connections: 100 },
  { size: 64 * 1024, batch: 1, connections: 16 },
];
const MORE_CELLS = [
  { size: 125, batch: 1, connections: 1000 },
  { size: 125, batch: 1, connections: 100, kind: "ascii" },
  { size: 125, batch: 64, connections: 100, kind: "ascii" },
  { size: 1024, batch: 16, connections: 100, kind: "ascii" },
  { size: 64 * 1024, batch: 1, connections: 16, kind: "ascii" },
];

export async function* run({ pace, quick }) {
  const cells = quick ? QUICK_CELLS : [...QUICK_CELLS, ...MORE_CELLS];
  yield* withServers(contenders, async function* (running) {
    for (const { kind = "binary", ...cell } of cells) {
      const figures = await measure(running, { kind, ...cell }, pace);
      yield { table: "Loopback", labels: { kind, ...cell }, ...figures, pairs: ECHO_PAIRS };
    }
  });
}
