// Connections that come, say one thing, and go.
import { byFigure, inTurns } from "../lib/compare.mjs";
import { absent, ECHO_PAIRS, ECHO_SERVERS } from "../lib/servers.mjs";
import { socketPace, withServers } from "../lib/sockets.mjs";

export const about =
  "Each connection does its handshake, has one message of 125 B sent back, and closes as the protocol has it; 50 at a time. Of times, the less the better.";
export const notes = [...absent(), "`net` computes no accept and knows no close frame: it ends when the client does."];

export const contenders = ECHO_SERVERS;
/** Connections that come and go in a millisecond of a turn: about as many as do. */
const IN_A_MILLISECOND = 1.5;
/** A connection runs much code once: it takes thousands of them until all of that is compiled. */
const WARMER = 8;

export async function* run({ pace }) {
  yield* withServers(contenders, async function* ({ load, programs }) {
    const turns = Object.entries(programs).map(([name, server]) => [
      name,
      (milliseconds) => turn(load, { name, server }, milliseconds),
    ]);
    const { warmUp, ...socket } = socketPace(pace);
    const measures = byFigure(await inTurns(Object.fromEntries(turns), { ...socket, warmUp: warmUp * WARMER }));
    yield { table: "Connect, one message, close", labels: {}, measures, pairs: ECHO_PAIRS };
  });
}

async function turn(load, { name, server }, milliseconds) {
  const connections = Math.ceil(milliseconds * IN_A_MILLISECOND);
  const before = await server.ask("cpu");
  const seconds = await load.ask("churn", { port: server.greeting.port, connections, isRaw: name === "net" });
  const cpu = (await server.ask("cpu")) - before;
  return { "connections/s": connections / seconds, "server's CPU, µs a connection": cpu / connections };
}
