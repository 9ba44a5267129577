// Servers under load, in turns.
import { byFigure, inTurns } from "./compare.mjs";
import { present, start } from "./servers.mjs";

/** A turn on sockets is longer than one in memory: so much that a batch on each of many connections is a part of it. */
const LONGER = 7;
const FEWER = 0.6;

const ROUND_TRIP = ["round trip, median, ms", "round trip, 99 %, ms"];
const BUSY = "load busy, %";

/**
 * Starts the load, and of `contenders`, by name [runtime, server, mode], those that can run; stops them after `use`.
 */
export async function* withServers(contenders, use) {
  const load = await start("node", "load.mjs");
  const servers = {};
  try {
    for (const [name, [runtime, ...args]] of Object.entries(present(contenders))) {
      servers[name] = await start(runtime, "server.mjs", ...args);
    }
    yield* use({ load, servers });
  } finally {
    await Promise.all([load, ...Object.values(servers)].map((one) => one.stop()));
  }
}

/**
 * The measures of each server under one load, and asides, as a cell has them.
 *
 * @param spec what load.mjs takes to open connections, without the port
 */
export async function measure({ load, servers }, spec, pace) {
  const turns = {};
  const ids = [];
  for (const [name, server] of Object.entries(servers)) {
    const id = await load.ask("open", { ...spec, port: server.greeting.port, isRaw: name.startsWith("net") });
    ids.push(id);
    turns[name] = (milliseconds) => turn(load, server, id, milliseconds * LONGER);
  }
  const rounds = Math.ceil(pace.rounds * FEWER);
  const figures = byFigure(await inTurns(turns, { ...pace, rounds, warmUp: pace.milliseconds * 2 }));
  for (const id of ids) await load.ask("close", id);
  const { [BUSY]: busy, ...measures } = figures;
  // with more than one message on the way, its time is that of all of them
  if (spec.batch > 1) for (const name of ROUND_TRIP) delete measures[name];
  return { measures, asides: { [BUSY]: busy } };
}

async function turn(load, server, id, milliseconds) {
  const before = await server.ask("cpu");
  const { messages, seconds, p50, p99, busy } = await load.ask("run", { id, milliseconds });
  const cpu = (await server.ask("cpu")) - before;
  return {
    "messages/s": messages / seconds,
    "server's CPU, µs a message": cpu / messages,
    [ROUND_TRIP[0]]: p50,
    [ROUND_TRIP[1]]: p99,
    [BUSY]: busy,
  };
}
