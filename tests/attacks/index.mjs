// Bounded attacks on loopback: `npm run attacks [-- --check] [--only TEXT]`. Ours and `ws` in turns, each server in a
// process of its own, the attacker in another, and here a client whose round trips tell how long others have to wait.
//
// --check fails where CPU time by the hostile byte is above 4 times that of ordinary messages, where another client
// waits 100 ms longer than one of a server without attackers, where more is held than the budget, where the server
// dies, or keeps descriptors. The machine may have other work: CPU time is what the process used, both clients wait at
// the same time, and a row beyond a limit is measured anew, with ordinary messages beside it, before it counts.
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
const ORDINARY = "ordinary messages";
/** Milliseconds for one attack, which takes seconds. */
const DEADLINE = 120_000;

const { values } = parseArgs({ options: { check: { type: "boolean" }, only: { type: "string" } } });
const names = Object.keys(attacks).filter((name) => name !== ORDINARY && name.includes(values.only ?? ""));

const programs = [];
process.once("exit", () => {
  for (const program of programs) program.kill("SIGKILL");
});

/** Has a server attacked, and measures what that costs. An attack without end is an error with its name. */
async function attack(library, name) {
  let timer;
  const late = new Promise((_, reject) => {
    const error = new Error(`${name}, against ${library}, has no end within ${DEADLINE} ms`);
    timer = setTimeout(reject, DEADLINE, error);
  });
  return Promise.race([attackUntilDone(library, name), late]).finally(() => clearTimeout(timer));
}

async function attackUntilDone(library, name) {
  const server = start("server.mjs", ["--expose-gc"], library);
  let death;
  server.once("exit", (code, signal) => {
    death = signal ?? code;
  });
  const { port } = await first(server);
  const clients = await Promise.all([open(port), open(quietPort)]);
  const before = await ask(server);
  const attacker = start("attacker.mjs", [], String(port), name);
  const watching = clients.map(delays);
  const { sent } = await Promise.race([first(attacker), once(server, "exit").then(() => ({ sent: 0 }))]);
  const [longest, usual] = await Promise.all(watching.map((watched) => watched.stop()));
  for (const client of clients) client.terminate();
  if (death !== undefined) {
    attacker.kill();
    return { sent, death };
  }
  const during = await ask(server);
  attacker.send("let go");
  await once(attacker, "exit");
  const kept = await descriptorsBack(server, before.descriptors - 1);
  server.kill("SIGKILL");
  await once(server, "exit");
  const held = Math.max(0, during.held - before.held);
  return { sent, cpu: during.cpu - before.cpu, longest, delay: longest - usual, held, kept };
}

/** What a program says next; one that ends instead, is an error, and not a wait without end. */
async function first(program) {
  const file = program.spawnargs.find((one) => one.endsWith(".mjs"));
  const found = new AbortController();
  const end = once(program, "exit", found).then(([code]) => Promise.reject(new Error(`${file} ended: ${code}`)));
  try {
    const [message] = await Promise.race([once(program, "message", found), end]);
    return message;
  } finally {
    found.abort();
  }
}

async function open(port) {
  const client = new WebSocket(`ws://127.0.0.1:${port}`);
  await once(client, "open");
  return client;
}

function start(file, execArgv, ...args) {
  const stdio = ["ignore", "inherit", "inherit", "ipc"];
  const program = fork(new URL(file, import.meta.url), args, { execArgv, stdio });
  programs.push(program);
  return program;
}

async function ask(server) {
  const answer = first(server);
  server.send("statistics");
  return answer;
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

/** What is beyond a limit. @param ordinary milliseconds of CPU by the byte */
function faultsOf(name, result, ordinary) {
  if (result.death !== undefined) return ["the server died"];
  const ratio = result.cpu / result.sent / ordinary;
  return [
    attacks[name].perByte && ratio > CPU_RATIO && `${ratio.toFixed(1)} times the CPU of ordinary messages`,
    result.delay >= LONGEST_DELAY && `another client waited ${result.delay.toFixed(0)} ms longer than usual`,
    result.held > MOST_HELD && `${result.held} bytes are held`,
    result.kept > 0 && `${result.kept} descriptors are left`,
  ].filter((fault) => fault);
}

function cells({ death, sent, cpu, longest, held, kept }, ordinary) {
  if (death !== undefined) return "died";
  const perByte = (cpu * 1e6) / sent;
  const times = (cpu / sent / ordinary).toFixed(1);
  const left = kept > 0 ? `, ${kept} left` : "";
  return `${perByte.toFixed(0)} (${times}×) | ${longest.toFixed(0)} | ${(held / 2 ** 20).toFixed(1)}${left}`;
}

/** Two servers at least, so that neither library has the machine's worst moment alone. */
async function ordinaryOf(library) {
  const results = [await attack(library, ORDINARY), await attack(library, ORDINARY)];
  return results.reduce((one, other) => (other.cpu < one.cpu ? other : one));
}

const quiet = start("server.mjs", [], "ours");
const { port: quietPort } = await first(quiet);
const perByte = ({ cpu, sent }) => cpu / sent;
const usual = { ours: await ordinaryOf("ours"), ws: await ordinaryOf("ws") };
const show = (name, ours, ws) => {
  const shown = [cells(ours, perByte(usual.ours)), cells(ws, perByte(usual.ws))];
  console.log(`| ${name} | ${(ours.sent / 1024).toFixed(0)} | ${shown.join(" | ")} |`);
};
console.log("| Attack | KiB sent | Ours: ns/byte | delay, ms | held, MiB | `ws`: ns/byte | delay, ms | held, MiB |");
console.log(`|${" --- |".repeat(8)}`);
show(ORDINARY, usual.ours, usual.ws);

let failed = 0;
for (const name of names) {
  let ours = await attack("ours", name);
  const ws = await attack("ws", name);
  let faults = faultsOf(name, ours, perByte(usual.ours));
  for (let round = 1; values.check && faults.length > 0 && round < ROUNDS; round++) {
    const ordinary = perByte(await ordinaryOf("ours"));
    ours = await attack("ours", name);
    faults = faultsOf(name, ours, ordinary);
  }
  show(name, ours, ws);
  if (values.check) for (const fault of faults) console.error(`${name}: ${fault}`);
  if (faults.length > 0) failed += 1;
}
quiet.kill("SIGKILL");
if (values.check) {
  // as Node's test runner sums up, which the gate reads
  console.log(`ℹ pass ${names.length - failed}\nℹ fail ${failed}`);
  if (failed > 0) process.exitCode = 1;
}
