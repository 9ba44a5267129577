// Compression, ours against `ws`: an echo server's throughput and memory; and for ours alone, the cost of a level and
// of no context takeover.
import { connectAll, frames } from "../deflate/load.mjs";
import { messages } from "../deflate/messages.mjs";
import { resetCases } from "../deflate/reset.mjs";
import { byFigure, inTurns, turnsText } from "../lib/compare.mjs";
import { start } from "../lib/servers.mjs";

const CONNECTIONS = 20;
/** What a library does that is given no level. */
const DEFAULT = undefined;
const MEMORY_LEVEL = 8;
const LEVELS = [6, 2, 1];
/** A turn on sockets is longer than one in memory, and there are fewer. */
const LONGER = 12;
const FEWER = 0.5;

export const about = `Messages compressed for themselves, or with what was sent before (takeover); ${CONNECTIONS} connections; each library's default level, memory level ${MEMORY_LEVEL}, threshold 0 unless said otherwise. Of times and bytes, the less the better.`;
export const notes = [
  "The default level of `ws` is zlib's, 6; ours is 2 without takeover, so it is beside it at that level too.",
];

export const contenders = { ours: ["node"], "ours, level 6": ["node"], ws: ["node"] };

/** Bytes, and how many messages are sent before their replies are awaited. */
const SIZES = [
  { size: 64, batch: 64 },
  { size: 1024, batch: 48 },
  { size: 16 * 1024, batch: 8 },
  { size: 1024 * 1024, batch: 1 },
];
const [, ONE_KIB, SIXTEEN_KIB] = SIZES;

function paceOf({ rounds, milliseconds }) {
  const longer = milliseconds * LONGER;
  return { rounds: Math.ceil(rounds * FEWER), milliseconds: longer, warmUp: longer };
}

const memoryRounds = ({ quick }) => (quick ? 1 : 3);
const engineRounds = ({ pace }) => paceOf(pace).rounds * 3;
export const how = (settings) =>
  `${turnsText(paceOf(settings.pace))} Memory is that of ${memoryRounds(settings)} servers, and the engine alone has ${engineRounds(settings)} turns.`;

export async function* run(settings) {
  const { quick, pace } = settings;
  const echoPace = paceOf(pace);
  const libraries = (takeover) => [
    ["ours", "ours", OPTIONS.ours(takeover, DEFAULT)],
    ["ours, level 6", "ours", OPTIONS.ours(takeover, 6)],
    ["ws", "ws", OPTIONS.ws(takeover, DEFAULT)],
  ];
  yield* echo(
    "Echo without context takeover",
    libraries(false),
    { kinds: ["JSON", "noise"], sizes: quick ? [ONE_KIB] : SIZES, takeover: false },
    echoPace,
  );
  yield* echo(
    "Echo with context takeover on both sides",
    libraries(true),
    { kinds: ["JSON", "noise"], sizes: [ONE_KIB, SIXTEEN_KIB], takeover: true },
    echoPace,
  );
  yield* memory(quick ? 200 : 1000, memoryRounds(settings));
  const levels = LEVELS.map((level) => [`level ${level}`, "ours", OPTIONS.ours(false, level)]);
  yield* echo(
    "Ours by level, without context takeover",
    levels,
    { kinds: ["JSON"], sizes: SIZES, takeover: false },
    echoPace,
  );
  if (!quick) yield* resets(engineRounds(settings));
}

/** The same settings, in each library's words. */
const OPTIONS = {
  ours: (takeover, level) => ({ threshold: 0, level, memoryLevel: MEMORY_LEVEL, ...contexts(takeover) }),
  ws: (takeover, level) => ({
    threshold: 0,
    zlibDeflateOptions: { level, memLevel: MEMORY_LEVEL },
    ...contexts(takeover),
  }),
};

function contexts(takeover) {
  return { serverNoContextTakeover: !takeover, clientNoContextTakeover: !takeover };
}

async function startServer(library, options) {
  return start("node", "deflate-server.mjs", library, JSON.stringify(options));
}

// --- throughput ---

/** @param contenders name, library and its options */
async function* echo(table, contenders, { kinds, sizes, takeover }, pace) {
  const servers = {};
  for (const [name, library, options] of contenders) servers[name] = await startServer(library, options);
  for (const kind of kinds) {
    for (const { size, batch } of sizes) {
      const load = await makeLoad(kind, size, batch, takeover);
      yield { table, labels: { kind, size, batch }, measures: await measure(servers, load, pace) };
    }
  }
  for (const server of Object.values(servers)) await server.stop();
}

async function measure(servers, load, pace) {
  const turns = {};
  const all = [];
  for (const [name, server] of Object.entries(servers)) {
    const clients = await connect(server, load);
    turns[name] = (milliseconds) => turn(server, clients, load, milliseconds);
    all.push(...clients);
  }
  const measures = byFigure(await inTurns(turns, pace));
  for (const client of all) client.close();
  return measures;
}

/** Connections that are ready to be loaded with one kind of message. */
async function connect(server, load) {
  const clients = await connectAll(server.greeting.port, CONNECTIONS);
  const reply = await clients[0].echo(load.primer[0]);
  if (!reply.equals(load.first)) throw new Error("the echo is not what was sent");
  // with context takeover, the batch was sent once before: the next is compressed against it
  const prime = (client) => client.reach(Buffer.concat(load.primer.slice(client.counter.messages)), load.count);
  await Promise.all(clients.map(prime));
  return clients;
}

/** What each connection sends: a primer once, then the batch again and again. */
async function makeLoad(kind, size, count, takeover) {
  const sent = messages(kind, size, count);
  const all = await frames([...sent, ...sent], kind === "JSON", takeover);
  return { count, primer: all.slice(0, count), batch: Buffer.concat(all.slice(count)), first: sent[0] };
}

async function turn(server, clients, load, milliseconds) {
  const before = { ...totals(clients), cpu: await server.ask("cpu") };
  const begin = performance.now();
  const isOver = () => performance.now() - begin > milliseconds;
  await Promise.all(clients.map((client) => repeat(() => client.exchange(load.batch, load.count), isOver)));
  const seconds = (performance.now() - begin) / 1000;
  const cpu = (await server.ask("cpu")) - before.cpu;
  const after = totals(clients);
  const count = after.messages - before.messages;
  return {
    "messages/s": count / seconds,
    "server's CPU, µs a message": cpu / count,
    "reply, bytes": (after.bytes - before.bytes) / count,
  };
}

async function repeat(step, isOver) {
  do await step();
  while (!isOver());
}

function totals(clients) {
  const sum = (name) => clients.reduce((total, { counter }) => total + counter[name], 0);
  return { messages: sum("messages"), bytes: sum("bytes") };
}

// --- memory ---

const CONFIGURATIONS = {
  "ours, default (no takeover)": ["ours", true],
  "ours, takeover": ["ours", contexts(true)],
  "ws, default (takeover)": ["ws", true],
  "ws, no takeover": ["ws", contexts(false)],
};
const MEMORY_PAIRS = [
  ["ours, default (no takeover)", "ws, default (takeover)"],
  ["ours, default (no takeover)", "ws, no takeover"],
  ["ours, takeover", "ws, default (takeover)"],
];

async function* memory(connections, rounds) {
  const idle = Object.fromEntries(Object.keys(CONFIGURATIONS).map((name) => [name, []]));
  const active = structuredClone(idle);
  for (let round = 0; round < rounds; round++) {
    for (const [name, configuration] of Object.entries(CONFIGURATIONS)) {
      const figures = await memoryOf(configuration, connections);
      idle[name].push(figures.idle);
      active[name].push(figures.active);
    }
  }
  const table = "Memory of a connection";
  for (const [state, runs] of Object.entries({ "no message yet": idle, "ten messages of 1 KiB echoed": active })) {
    yield { table, labels: { connections, state }, measures: byFigure(runs), pairs: MEMORY_PAIRS };
  }
}

/** KiB of a connection, before its first message and after ten. */
async function memoryOf([library, options], connections) {
  const server = await startServer(library, options);
  const [frame] = await frames(messages("JSON", 1024, 1), true, false);
  // what is loaded and made for the first connection is none's of the others
  const [first] = await connectAll(server.greeting.port, 1);
  await first.exchange(frame, 1);
  first.close();
  const before = await server.ask("memory");
  const clients = await connectAll(server.greeting.port, connections);
  const perOne = async () => {
    const after = await server.ask("memory");
    const each = (name) => (after[name] - before[name]) / connections / 1024;
    return { "RSS, KiB": each("rss"), "held, KiB": each("held"), "of it the engine, KiB": each("engine") };
  };
  const idle = await perOne();
  for (let time = 0; time < 10; time++) await Promise.all(clients.map((client) => client.exchange(frame, 1)));
  const active = await perOne();
  for (const client of clients) client.close();
  await server.stop();
  return { idle, active };
}

// --- ours alone ---

async function* resets(rounds) {
  const table = "The engine alone: messages of noise, each compressed for itself, or with those before it";
  for (const level of LEVELS) {
    for (const size of [0, SIZES[0].size, ONE_KIB.size]) {
      for (const [direction, [without, kept]] of Object.entries(await resetCases(level, size))) {
        const figures = await inTurns({ "no takeover": without, takeover: kept }, { rounds });
        yield { table, labels: { level, size, direction }, measures: { "CPU, µs a message": figures } };
      }
    }
  }
}
