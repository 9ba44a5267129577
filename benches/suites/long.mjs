// Echo servers of long messages, in programs that keep much: what collecting garbage costs.
import { absent, ECHO_PAIRS, ECHO_SERVERS } from "../lib/servers.mjs";
import { inMode, measure, withServers } from "../lib/sockets.mjs";

export const about =
  "Echo servers as in echo, of long binary messages, whose programs keep a million objects, as with a cache or a session for each user. In packets, they come as a network brings them; else many packets at once.";
export const notes = absent();

export { turnsOnSockets as how } from "../lib/sockets.mjs";

export const contenders = inMode(ECHO_SERVERS, "echo", { keepsMuch: true });

const CELLS = [
  { kind: "binary", size: 16 * 1024, batch: 1, connections: 16 },
  { kind: "binary", size: 64 * 1024, batch: 1, connections: 16 },
  { kind: "binary", size: 64 * 1024, batch: 1, connections: 16, packet: 1448 },
  { kind: "binary", size: 1024 * 1024, batch: 1, connections: 4 },
];

export async function* run({ pace }) {
  yield* withServers(contenders, async function* (running) {
    for (const cell of CELLS) {
      yield { table: "Long messages", labels: cell, ...(await measure(running, cell, pace)), pairs: ECHO_PAIRS };
    }
  });
}
