// One long message, and all who wait for it.
import { byFigure, inTurns } from "../lib/compare.mjs";
import { absent, ECHO_PAIRS, ECHO_SERVERS } from "../lib/servers.mjs";
import { inMode, socketPace, withServers } from "../lib/sockets.mjs";

export const about =
  "A server sends one message of 7.6 MiB of JSON, compressed by its library's default options, while ten other connections have messages of 125 B sent back one by one: the longest that one of those waited. The less the better.";
const UNCOMPRESSED = ["net"];
export const notes = [
  ...absent(),
  "“Alone” is the longest wait without that message. “Whole” is when its last byte came. `ws` compresses on other threads, and `Deno.serve` not at all.",
];

export { turnsOnSockets as how } from "../lib/sockets.mjs";

export const contenders = inMode(
  Object.fromEntries(Object.entries(ECHO_SERVERS).filter(([name]) => !UNCOMPRESSED.includes(name))),
  "big",
  { isCompressed: true },
);

const OTHERS = 10;
/** The wait is looked for in a second or so: in turns, this many times longer than others. */
const LONGER = 4;

export async function* run({ pace }) {
  yield* withServers(contenders, async function* ({ load, programs }) {
    const turns = Object.entries(programs).map(([name, { greeting }]) => [
      name,
      (milliseconds) => turn(load, greeting.port, milliseconds * LONGER),
    ]);
    const figures = byFigure(await inTurns(Object.fromEntries(turns), socketPace(pace)));
    const { "alone, ms": alone, ...measures } = figures;
    yield {
      table: "Loopback",
      labels: { others: OTHERS },
      measures,
      asides: { "alone, ms": alone },
      pairs: ECHO_PAIRS,
    };
  });
}

async function turn(load, port, milliseconds) {
  const { alone, longest, whole } = await load.ask("stall", { port, milliseconds, others: OTHERS });
  return { "longest wait of others, ms": longest, "whole, ms": whole, "alone, ms": alone };
}
