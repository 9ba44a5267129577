// What connections cost in memory.
import { execFileSync } from "node:child_process";

import { byFigure, processesText } from "../lib/compare.mjs";
import { absent, ECHO_PAIRS, ECHO_SERVERS, present, start } from "../lib/servers.mjs";

export const about =
  "Memory after garbage was collected, each figure in a fresh process: of a connection at a server before its first message and after ten of 125 B, of what a library has for a connection without its socket, and of a server through which many have come and gone. The less the better.";
const CONNECTIONS = 10_000;
/** As many as a process may have open; Node takes what it may. */
const OPEN_FILES = Number(execFileSync("sh", ["-c", "ulimit -Hn"], { encoding: "utf8" })) || Number.POSITIVE_INFINITY;

export const notes = [
  ...absent(),
  ...(OPEN_FILES < CONNECTIONS + 1000
    ? [`This system allows ${OPEN_FILES} open files (ulimit -n): fewer connections.`]
    : []),
  "RSS is what the system has given to the process. “Held” is what the runtime counts: JavaScript's heap, array buffers, and the engine's memory.",
];

/** Those in Node and in Bun. */
const SERVERS = Object.fromEntries(Object.entries(ECHO_SERVERS).filter(([, [runtime]]) => runtime !== "deno"));
export const contenders = { ...SERVERS, "ours, component": ["node"] };
const CHURNED = ["ours", "ws"];
const HANDLES = { ours: ["session"], "ours, component": ["handle"], ws: ["ws"] };
const roundsOf = ({ pace }) => Math.ceil(pace.rounds / 4);
export const how = (settings) => processesText(roundsOf(settings));

export async function* run({ quick, pace }) {
  const rounds = roundsOf({ pace });
  yield* idle(Math.min(quick ? 1000 : CONNECTIONS, OPEN_FILES - 1000), rounds);
  yield* handles(quick ? 10_000 : 100_000, rounds);
  yield* churn(quick ? 1000 : 10_000, 5, rounds);
}

/** One run of each, again and again. */
async function inRounds(contenders, rounds, measure) {
  const runs = Object.fromEntries(Object.keys(contenders).map((name) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const [name, one] of Object.entries(contenders)) runs[name].push(await measure(one));
  }
  return runs;
}

async function* idle(connections, rounds) {
  const runs = await inRounds(present(SERVERS), rounds, ([runtime, ...args]) =>
    withServer(runtime, args, async (server, load) => {
      const spec = { port: server.greeting.port, kind: "ascii", size: 125, batch: 1, isRaw: args[0] === "net" };
      // what is loaded and made for the first is not counted for the others
      await talk(load, await load.ask("open", { ...spec, connections: 1 }));
      const before = await server.ask("memory");
      const id = await load.ask("open", { ...spec, connections });
      const idle = perOne(before, await server.ask("memory"), connections);
      await talk(load, id);
      return { idle, active: perOne(before, await server.ask("memory"), connections) };
    }),
  );
  for (const [state, key] of Object.entries({ "no message yet": "idle", "ten messages echoed": "active" })) {
    const figures = Object.entries(runs).map(([name, all]) => [name, all.map((one) => one[key])]);
    const measures = byFigure(Object.fromEntries(figures));
    yield { table: "A connection", labels: { connections, state }, measures, pairs: ECHO_PAIRS };
  }
}

/** Each connection has a message sent back ten times. */
async function talk(load, id) {
  for (let time = 0; time < 10; time++) await load.ask("run", { id, milliseconds: 0 });
}

async function withServer(runtime, args, use) {
  const load = await start("node", "load.mjs");
  const server = await start(runtime, "server.mjs", ...args);
  try {
    return await use(server, load);
  } finally {
    await load.stop();
    await server.stop();
  }
}

async function* handles(count, rounds) {
  const runs = await inRounds(HANDLES, rounds, async ([what]) => {
    const program = await start("node", "handles.mjs", what, String(count));
    await program.stop();
    return program.greeting;
  });
  yield { table: "A connection's objects, alone", labels: { count }, measures: byFigure(runs) };
}

function perOne(before, after, count) {
  return {
    "RSS, KiB": (after.rss - before.rss) / count / 1024,
    "held, KiB": (after.held - before.held) / count / 1024,
  };
}

/** Opens and closes `connections` connections to one server, `times` times. */
async function* churn(connections, times, rounds) {
  const contenders = Object.fromEntries(CHURNED.map((name) => [name, SERVERS[name]]));
  const runs = await inRounds(contenders, rounds, ([runtime, ...args]) =>
    withServer(runtime, args, async (server, load) => {
      const { port } = server.greeting;
      const steps = [];
      for (let time = 0; time < times; time++) {
        const rate = connections / (await load.ask("churn", { port, connections }));
        const { rss, held } = await server.ask("memory");
        steps.push({ "RSS, MiB": rss / 2 ** 20, "held, MiB": held / 2 ** 20, "connections/s": rate });
      }
      return steps;
    }),
  );
  for (let time = 0; time < times; time++) {
    const at = Object.entries(runs).map(([name, all]) => [name, all.map((steps) => steps[time])]);
    const labels = { "came and gone": connections * (time + 1) };
    yield { table: "Connections that come and go", labels, measures: byFigure(Object.fromEntries(at)) };
  }
}
