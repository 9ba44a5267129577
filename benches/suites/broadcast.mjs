// One message to all clients.
import { absent } from "../lib/servers.mjs";
import { measure, withServers } from "../lib/sockets.mjs";

export const about =
  "One client sends a message, and the server sends it to all; when all have it, the next. Messages are counted where they arrive.";
export const notes = [
  ...absent(),
  "A loop calls `send` for each client; our `broadcast` and Bun's `publish` make the frame once, and so does our loop for all but the first three. `net` is a loop over sockets without a protocol, which write what came: the ceiling, in Node.",
];

export { turnsOnSockets as how } from "../lib/sockets.mjs";

/** Runtime, server and mode. */
export const contenders = {
  "ours, broadcast": ["node", "ours", "broadcast"],
  "ours, loop": ["node", "ours", "loop"],
  "ours as ws, loop": ["node", "ours as ws", "loop"],
  "ws, loop": ["node", "ws", "loop"],
  "net, loop": ["node", "net", "loop"],
  "ours in Bun, broadcast": ["bun", "ours", "broadcast"],
  "Bun.serve, publish": ["bun", "Bun.serve", "broadcast"],
};

const PAIRS = [
  ["ours, broadcast", "ws, loop"],
  ["ours, loop", "ws, loop"],
  ["ours as ws, loop", "ws, loop"],
  ["ours, broadcast", "net, loop"],
  ["ours, broadcast", "Bun.serve, publish"],
  ["ours in Bun, broadcast", "Bun.serve, publish"],
];

export async function* run({ pace, quick }) {
  const connections = quick ? 200 : 1000;
  yield* withServers(contenders, async function* (running) {
    for (const [kind, size] of [
      ["ascii", 125],
      ["binary", 125],
      ["binary", 1024],
      ["binary", 16 * 1024],
    ]) {
      const spec = { kind, size, batch: 1, connections, isBroadcast: true };
      yield {
        table: "To all clients",
        labels: { kind, size, connections },
        ...(await measure(running, spec, pace)),
        pairs: PAIRS,
      };
    }
  });
}
