// Programs under load, in turns.
import { byFigure, inTurns, turnsText } from "./compare.mjs";
import { present, start } from "./servers.mjs";

/** A turn on sockets is longer than one in memory, so that a batch on each of many connections is a part of it. */
const LONGER = 7;
const FEWER = 0.6;

const ROUND_TRIP = ["round trip, median, ms", "round trip, 99 %, ms"];
const BUSY = "load busy, %";

/**
 * Starts the load, and of `contenders`, by name [runtime, …arguments of the program], those that can run; stops them
 * after `use`.
 */
export async function* withPrograms(script, contenders, use) {
  const load = await start("node", "load.mjs");
  const programs = {};
  try {
    for (const [name, [runtime, ...args]] of Object.entries(present(contenders))) {
      programs[name] = await start(runtime, script, ...args);
    }
    yield* use({ load, programs });
  } finally {
    await Promise.all([load, ...Object.values(programs)].map((one) => one.stop()));
  }
}

/** The same with servers. */
export function withServers(contenders, use) {
  return withPrograms("server.mjs", contenders, use);
}

/** `contenders` with this mode and these flags in place of their own. */
export function inMode(contenders, mode, flags = {}) {
  const all = Object.entries(contenders).map(([name, [runtime, server]]) => [
    name,
    [runtime, server, mode, JSON.stringify(flags)],
  ]);
  return Object.fromEntries(all);
}

/**
 * The measures of each server under one load, and asides, as a cell has them.
 *
 * @param spec what load.mjs takes to open connections, without the port
 */
export function measure({ load, programs }, spec, pace) {
  const open = (name, server) =>
    load.ask("open", { ...spec, port: server.greeting.port, isRaw: name.startsWith("net") });
  return measureGroups({ load, programs, open }, spec, pace, "server");
}

/** The same of clients; `spec` is what load.mjs and client.mjs take, without the port. */
export function measureClients({ load, programs }, spec, pace) {
  const open = async (_name, client) => {
    const { port, id } = await load.ask("listen", spec);
    await client.ask("connect", { ...spec, port });
    return id;
  };
  return measureGroups({ load, programs, open }, spec, pace, "client");
}

async function measureGroups({ load, programs, open }, spec, pace, role) {
  const turns = {};
  const ids = [];
  for (const [name, program] of Object.entries(programs)) {
    const id = await open(name, program);
    ids.push(id);
    turns[name] = (milliseconds) => turn({ load, program, id, role }, milliseconds);
  }
  const figures = byFigure(await inTurns(turns, socketPace(pace)));
  for (const id of ids) await load.ask("close", id);
  const { [BUSY]: busy, ...measures } = figures;
  // with more than one message on the way, its time is that of all of them
  if (spec.batch > 1) for (const name of ROUND_TRIP) delete measures[name];
  return { measures, asides: { [BUSY]: busy } };
}

/** The pace of turns on sockets. */
export function socketPace({ rounds, milliseconds }) {
  return { rounds: Math.ceil(rounds * FEWER), milliseconds: milliseconds * LONGER, warmUp: milliseconds * LONGER * 4 };
}

/** How a suite on sockets measures. */
export function turnsOnSockets({ pace }) {
  return turnsText(socketPace(pace));
}

async function turn({ load, program, id, role }, milliseconds) {
  const before = await program.ask("cpu");
  const { messages, seconds, p50, p99, busy } = await load.ask("run", { id, milliseconds });
  const cpu = (await program.ask("cpu")) - before;
  return {
    "messages/s": messages / seconds,
    [`${role}'s CPU, µs a message`]: cpu / messages,
    [ROUND_TRIP[0]]: p50,
    [ROUND_TRIP[1]]: p99,
    [BUSY]: busy,
  };
}
