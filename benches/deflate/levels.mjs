// What a level gains and costs: the engine alone, without sockets, in this process, on messages of several kinds. Gives
// the tables of docs/compression.md:
//   npm run build && node benches/deflate/levels.mjs [ROUNDS]
import { inTurns, ratios, spread } from "../lib/compare.mjs";
import { kinds, messagesOf } from "./kinds.mjs";
import { cpuMicroseconds, session } from "./reset.mjs";

const LEVELS = [1, 2, 3, 4, 5, 6];
/** What the others are compared with: zlib's default. */
const BASE = 6;
const SIZES = [1024, 4096, 16 * 1024, 64 * 1024];
/** As many bytes as one turn compresses. */
const TURN = 512 * 1024;
const rounds = Number(process.argv[2] ?? 9);

for (const takeover of [false, true]) {
  console.log(`\n${takeover ? "With" : "Without"} context takeover\n`);
  console.log(`| KiB | Kind | Level ${BASE} | ${LEVELS.filter((level) => level !== BASE).join(" | ")} |`);
  console.log(`| ---: | --- | ${LEVELS.map(() => "---:").join(" | ")} |`);
  for (const size of takeover ? SIZES.slice(0, 3) : SIZES) {
    const all = [];
    for (const kind of kinds) {
      const results = await compare(messagesOf(kind, size, Math.max(8, TURN / size)), takeover);
      all.push(results);
      const { bytes, microseconds } = results[BASE];
      print(size, kind, `${(size / bytes).toFixed(1)}×, ${microseconds.toFixed(0)} µs`, results);
    }
    print(size, "**mean**", "", means(all));
  }
}

/** Of each level: the bytes and the time of a message, and both as shares: of the ratio, and of the time, of `BASE`. */
async function compare(messages, takeover) {
  const sizes = {};
  const turns = {};
  for (const level of LEVELS) {
    turns[level] = () => {
      const one = session(level, takeover);
      const cost = cpuMicroseconds(messages, (message) => one.send(message, message.length));
      sizes[level] = one.takeOutput().reduce((sum, { length }) => sum + length, 0) / messages.length;
      return cost;
    };
  }
  const figures = await inTurns(turns, { rounds });
  const result = (level) => ({
    bytes: sizes[level],
    microseconds: spread(figures[level]).median,
    ratio: sizes[BASE] / sizes[level],
    time: ratios(figures[level], figures[BASE]).median,
  });
  return Object.fromEntries(LEVELS.map((level) => [level, result(level)]));
}

function means(all) {
  const mean = (level, figure) =>
    Math.exp(all.reduce((sum, one) => sum + Math.log(one[level][figure]), 0) / all.length);
  return Object.fromEntries(LEVELS.map((level) => [level, { ratio: mean(level, "ratio"), time: mean(level, "time") }]));
}

/** Of every level the share of the ratio, and that of the time. */
function print(size, kind, base, results) {
  const percent = (share) => `${Math.round(share * 100)} %`;
  const cells = LEVELS.filter((level) => level !== BASE).map((level) => {
    const { ratio, time } = results[level];
    return `${percent(ratio)} for ${percent(time)}`;
  });
  console.log(`| ${[size / 1024, kind, base, ...cells].join(" | ")} |`);
}
