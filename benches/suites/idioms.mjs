// The ways in which programs read and answer messages.
import { absent } from "../lib/servers.mjs";
import { measure, withServers } from "../lib/sockets.mjs";

export const about =
  "Echo servers whose programs are written in one way or another; 125 B of text, many at once, as in echo. Each beside a listener that sends, the fastest way of its library.";
export const notes = [
  ...absent(),
  'For `ws`, a loop is over `on(socket, "message")` of `node:events`, a write is awaited by the callback of `send`, and in WebSocketStream\'s place is `createWebSocketStream`. `Bun.serve` has a listener only.',
];

/** What each is, by library and mode. */
const IDIOMS = {
  "for await, send": ["ours", "ws"],
  "for await, await write": ["ours", "ws"],
  "WebSocketStream, pipeTo": ["ours", "ws"],
  "WebSocketStream, await write": ["ours", "ws"],
  "bufferedAmount after each send": ["ours", "ws", "Bun.serve"],
  "echo command": ["ours"],
};
const QUICK_IDIOMS = ["for await, send", "bufferedAmount after each send"];
const RUNTIMES = { ours: "node", ws: "node", "Bun.serve": "bun" };

const LISTENERS = {
  "ours, listener": ["node", "ours", "echo"],
  "ws, listener": ["node", "ws", "echo"],
  "Bun.serve, listener": ["bun", "Bun.serve", "echo"],
};

export { turnsOnSockets as how } from "../lib/sockets.mjs";

export const contenders = { ours: ["node"], ws: ["node"], "Bun.serve": ["bun"], "ours in Bun": ["bun"], ...LISTENERS };

const PAIRS = [
  ["ours", "ws"],
  ["ours", "ours, listener"],
  ["ours", "ws, listener"],
  ["ours", "Bun.serve, listener"],
  ["ours in Bun", "Bun.serve, listener"],
];

function contendersFor(idiom, libraries) {
  const own = libraries.map((library) => [library, [RUNTIMES[library], library, idiom]]);
  return { ...Object.fromEntries(own), "ours in Bun": ["bun", "ours", idiom], ...LISTENERS };
}

export async function* run({ pace, quick }) {
  for (const idiom of quick ? QUICK_IDIOMS : Object.keys(IDIOMS)) {
    yield* withServers(contendersFor(idiom, IDIOMS[idiom]), async function* (running) {
      const spec = { kind: "ascii", size: 125, batch: 64, connections: 50 };
      const { size, batch, connections } = spec;
      yield {
        table: "Loopback",
        labels: { idiom, size, batch, connections },
        ...(await measure(running, spec, pace)),
        pairs: PAIRS,
      };
    });
  }
}
