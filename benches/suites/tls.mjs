// Echo servers over TLS.
import { absent, ECHO_PAIRS, ECHO_SERVERS } from "../lib/servers.mjs";
import { inMode, measure, withServers } from "../lib/sockets.mjs";

export const about =
  "Echo servers as in echo, over TLS 1.3. The load decrypts and encrypts as much as they do. Of times, the less the better.";
export const notes = absent();

export { turnsOnSockets as how } from "../lib/sockets.mjs";

export const contenders = inMode(ECHO_SERVERS, "echo", { isSecure: true });

const CELLS = [
  { kind: "ascii", size: 125, batch: 1, connections: 100 },
  { kind: "ascii", size: 125, batch: 64, connections: 50 },
  { kind: "binary", size: 64 * 1024, batch: 1, connections: 16 },
];

export async function* run({ pace }) {
  yield* withServers(contenders, async function* (running) {
    for (const cell of CELLS) {
      const figures = await measure(running, { ...cell, isSecure: true }, pace);
      yield { table: "Loopback, TLS", labels: cell, ...figures, pairs: ECHO_PAIRS };
    }
  });
}
