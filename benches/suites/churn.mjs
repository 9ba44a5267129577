// Connections that come, say one thing, and go.
import { byFigure, processesText } from "../lib/compare.mjs";
import { absent, ECHO_PAIRS, ECHO_SERVERS, present, start } from "../lib/servers.mjs";

export const about =
  "Each connection does its handshake, has one message of 125 B sent back, and closes as the protocol has it; 50 at a time, in fresh processes. The first make the runtime compile the code; once that is done a server is as fast as it will be. Of times, the less the better.";
export const notes = [...absent(), "`net` computes no accept and knows no close frame: it ends when the client does."];

export const contenders = ECHO_SERVERS;

/** The connections of a process, in order. In Node 24 it takes up to 40,000 until all is compiled. */
const STAGES = [
  { of: "the first 2,000", connections: 2000, isMeasured: true },
  { of: "up to 20,000", connections: 18_000, isMeasured: false },
  { of: "5,000 after 20,000", connections: 5000, isMeasured: true },
  { of: "up to 40,000", connections: 15_000, isMeasured: false },
  { of: "5,000 after 40,000", connections: 5000, isMeasured: true },
];
const QUICK_STAGES = [{ of: "the first 200", connections: 200, isMeasured: true }];

const roundsOf = ({ pace, quick }) => (quick ? 1 : Math.ceil(pace.rounds / 2));
export const how = (settings) => processesText(roundsOf(settings));

export async function* run(settings) {
  const stages = settings.quick ? QUICK_STAGES : STAGES;
  const rounds = roundsOf(settings);
  const runs = stages.map(() => ({}));
  const load = await start("node", "load.mjs");
  // nothing waits for its turn: a process that is idle for some seconds may forget what it has compiled
  for (let round = 0; round < rounds; round++) {
    for (const [name, [runtime, ...args]] of Object.entries(present(contenders))) {
      const server = await start(runtime, "server.mjs", ...args);
      for (const [at, { connections }] of stages.entries()) {
        const figures = await turn(load, { name, server }, connections);
        runs[at][name] = [...(runs[at][name] ?? []), figures];
      }
      await server.stop();
    }
  }
  await load.stop();
  for (const [at, { of, isMeasured }] of stages.entries()) {
    if (!isMeasured) continue;
    const measures = byFigure(runs[at]);
    yield { table: "Connect, one message, close", labels: { "of a process": of }, measures, pairs: ECHO_PAIRS };
  }
}

async function turn(load, { name, server }, connections) {
  const before = await server.ask("cpu");
  const seconds = await load.ask("churn", { port: server.greeting.port, connections, isRaw: name === "net" });
  const cpu = (await server.ask("cpu")) - before;
  return { "connections/s": connections / seconds, "server's CPU, µs a connection": cpu / connections };
}
