// Bounded attacks on loopback: `npm run attacks [-- --check] [--only TEXT]`. Ours and `ws` in turns, each server in a
// process of its own, the attacker in another, and here a client whose round trips tell how long others have to wait.
//
// --check fails where CPU time by the hostile byte is above 4 times that of ordinary messages of the same run, where
// another client waits 100 ms or more in each of three rounds, where more is held than the budget, where the server
// dies, or keeps descriptors.
import { fork } from "node:child_process";
import { once } from "node:events";
import { parseArgs } from "node:util";

import { WebSocket } from "websocket-component";

import { attacks } from "./attacks.mjs";

const CPU_RATIO = 4;
const LONGEST_DELAY = 100;
const ROUNDS = 3;
/** `maxTotalBufferedBytes`, and what a process has without any. */
const MOST_HELD = 512 * 1024 * 1024;

const { values } = parseArgs({ options: { check: { type: "boolean" }, only: { type: "string" } } });
const names = Object.keys(attacks).filter(
  (name) => !values.only || name.includes(values.only) || name.startsWith("ordinary"),
);

async function attack(library, name) {
  const server = start("server.mjs", ["--expose-gc"], library);
  let death;
  server.once("exit", (code, signal) => {
    death = signal ?? code;
  });
  const [{ port }] = await once(server, "message");
  const client = new WebSocket(`ws://127.0.0.1:${port}`);
  await once(client, "open");
  const before = await ask(server);
  const attacker = start("attacker.mjs", [], String(port), name);
  const watching = delays(client);
  const [{ sent }] = await Promise.race([once(attacker, "message"), once(server, "exit").then(() => [{ sent: 0 }])]);
  const longest = await watching.stop();
  if (death !== undefined) return { sent, death };
  const during = await ask(server);
  attacker.send("let go");
  await once(attacker, "exit");
  const kept = await descriptorsBack(server, before.descriptors);
  client.terminate();
  server.kill("SIGKILL");
  await once(server, "exit");
  // what the round trips cost is not the attack's, and is little
  return { sent, cpu: during.cpu - before.cpu, longest, held: during.held - before.held, kept };
}

function start(file, execArgv, ...args) {
  return fork(new URL(file, import.meta.url), args, { execArgv, stdio: ["ignore", "inherit", "inherit", "ipc"] });
}

async function ask(server) {
  const answer = once(server, "message");
  server.send("statistics");
  return (await answer)[0];
}

/** Round trips one after another; the longest of them. */
function delays(client) {
  let longest = 0;
  let isOver = false;
  const work = (async () => {
    while (!isOver && client.readyState === WebSocket.OPEN) {
      const begin = performance.now();
      client.send("here?");
      await new Promise((resolve) => {
        client.onmessage = client.onclose = resolve;
      });
      longest = Math.max(longest, performance.now() - begin);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  })();
  return {
    async stop() {
      isOver = true;
      await work;
      return longest;
    },
  };
}

/** How many are still there after 20 seconds: messages to a server that only sends wait for 10 to be claimed. */
async function descriptorsBack(server, wanted) {
  const deadline = performance.now() + 20_000;
  for (;;) {
    const { descriptors } = await ask(server);
    if (descriptors <= wanted || performance.now() > deadline) return Math.max(0, descriptors - wanted);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const rows = [];
for (const name of names) {
  const row = { name, ours: [], ws: [] };
  const rounds = values.check ? ROUNDS : 1;
  for (let round = 0; round < rounds; round++) {
    for (const library of ["ours", "ws"]) {
      if (library === "ws" && round > 0) continue;
      row[library].push(await attack(library, name));
    }
    if (row.ours.at(-1).longest < LONGEST_DELAY) break; // noise of the machine is repeated, not allowed for
  }
  rows.push(row);
  console.log(line(row));
}

function best(results) {
  return results.reduce((one, other) => ((other.longest ?? Infinity) < (one.longest ?? Infinity) ? other : one));
}

function line({ name, ours, ws }) {
  const shown = [best(ours), best(ws)].map((result) => {
    if (result.death !== undefined) return "died";
    const { sent, cpu, longest, held, kept } = result;
    const perByte = ((cpu * 1e6) / Math.max(1, sent)).toFixed(0);
    const mebibytes = (Math.max(0, held) / 2 ** 20).toFixed(1);
    return `${perByte} ns/B, ${longest.toFixed(0)} ms, ${mebibytes} MiB${kept > 0 ? `, ${kept} left` : ""}`;
  });
  return `| ${name} | ${(best(ours).sent / 1024).toFixed(0)} KiB | ${shown.join(" | ")} |`;
}

if (values.check) {
  const perByte = ({ cpu, sent }) => cpu / sent;
  const ordinary = perByte(best(rows[0].ours));
  const faults = rows.flatMap(({ name, ours }) => {
    const result = best(ours);
    if (ours.some(({ death }) => death !== undefined)) return [`${name}: the server died`];
    return [
      attacks[name].perByte &&
        perByte(result) > CPU_RATIO * ordinary &&
        `${name}: more than ${CPU_RATIO} times the CPU`,
      result.longest >= LONGEST_DELAY && `${name}: another client waited ${result.longest.toFixed(0)} ms`,
      result.held > MOST_HELD && `${name}: ${result.held} bytes are held`,
      result.kept > 0 && `${name}: ${result.kept} descriptors are left`,
    ].filter((fault) => fault);
  });
  for (const fault of faults) console.error(fault);
  console.log(
    `${rows.length - new Set(faults.map((fault) => fault.split(":")[0])).size} passed, ${faults.length} failed`,
  );
  if (faults.length > 0) process.exitCode = 1;
}
