// Clients.
import process from "node:process";

import { absent, CLIENT_PAIRS, CLIENTS } from "../lib/servers.mjs";
import { measureClients, withPrograms } from "../lib/sockets.mjs";

export const about =
  "Clients, each library in a process of its own: a feed of JSON of which each message is parsed, messages that are sent, and messages that are sent back one by one. The load is their server. Of times, the less the better.";
const hasOwn = "WebSocket" in globalThis;
export const notes = [
  ...absent(),
  ...(hasOwn
    ? []
    : [`Node ${process.versions.node} has no WebSocket of its own; undici's is what later versions have.`]),
];

export { turnsOnSockets as how } from "../lib/sockets.mjs";

export const contenders = { ...CLIENTS, ...(hasOwn && { "Node's own": ["node", "own"] }) };

const PAIRS = [...CLIENT_PAIRS, ["ours", "Node's own"]];

const CELLS = [
  { mode: "feed", size: 200, batch: 64, connections: 10 },
  { mode: "feed", size: 200, batch: 1, connections: 10 },
  { mode: "send", size: 125, batch: 64, connections: 10 },
  { mode: "ping-pong", size: 125, batch: 1, connections: 1 },
  { mode: "ping-pong", size: 125, batch: 1, connections: 100 },
];

export async function* run({ pace }) {
  yield* withPrograms("client.mjs", contenders, async function* (running) {
    for (const spec of CELLS) {
      const figures = await measureClients(running, spec, pace);
      yield { table: "Loopback", labels: spec, ...figures, pairs: PAIRS };
    }
  });
}
