// Compression, ours against `ws`: throughput of an echo server and its memory; and of ours alone, what a level and
// keeping no context cost.
//
//   node benches/deflate.mjs [--quick] [--json FILE] [--only TABLE,…] [--cpu-prof DIR]
//
// TABLE is one of throughput, takeover, memory, levels and reset. DIR gets a profile of each server.
//
// On a machine that does other things too, only ratios mean something: what is compared runs in turns, a ratio is made
// of two neighbours, and the tables have the median of those and, in parentheses, the least and the greatest.
import { fork } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";

import { connectAll, frames } from "./deflate/load.mjs";
import { messages } from "./deflate/messages.mjs";
import { resetCases } from "./deflate/reset.mjs";

const { values: flags } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    json: { type: "string" },
    only: { type: "string", default: "throughput,takeover,memory,levels,reset" },
    "cpu-prof": { type: "string" },
  },
});

const ROUNDS = flags.quick ? 3 : 7;
const MILLISECONDS = flags.quick ? 250 : 500;
const CONNECTIONS = 20;
const MEMORY_ROUNDS = flags.quick ? 1 : 3;
const MEMORY_CONNECTIONS = flags.quick ? 200 : 1000;

const LEVEL = 6;
const MEMORY_LEVEL = 8;

/** Size, its name, and how many messages are sent before their replies are awaited. */
const SIZES = [
  [64, "64 B", 64],
  [1024, "1 KiB", 48],
  [16 * 1024, "16 KiB", 8],
  [1024 * 1024, "1 MiB", 1],
];
const ONE_KIB = SIZES[1];

const results = {};

// --- servers ---

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
  const profile = flags["cpu-prof"];
  const execArgv = ["--expose-gc", ...(profile ? ["--cpu-prof", `--cpu-prof-dir=${profile}/${library}`] : [])];
  const file = new URL("deflate/server.mjs", import.meta.url);
  const child = fork(file, [library, JSON.stringify(options)], { execArgv });
  const [port] = await once(child, "message");
  const ask = async (question) => {
    child.send(question);
    return (await once(child, "message"))[0];
  };
  const stop = async () => {
    child.disconnect();
    await once(child, "exit");
  };
  return { library, port, ask, stop };
}

// --- throughput ---

/** A server with its connections, ready to be loaded with one kind of message. */
async function contender(server, load) {
  const clients = await connectAll(server.port, CONNECTIONS);
  await checkEcho(clients[0], load);
  // whoever keeps a context has had the batch once, by which the next is compressed
  const prime = (client) => client.reach(Buffer.concat(load.primer.slice(client.counter.messages)), load.count);
  await Promise.all(clients.map(prime));
  return { server, clients, load };
}

async function checkEcho(client, { primer, first }) {
  const reply = await client.echo(primer[0]);
  if (!reply.equals(first)) throw new Error("the echo is not what was sent");
}

/** What each connection sends: a primer once, then the batch again and again. */
async function makeLoad(kind, [size, , count], takeover) {
  const sent = messages(kind, size, count);
  const all = await frames([...sent, ...sent], kind === "JSON", takeover);
  return { count, primer: all.slice(0, count), batch: Buffer.concat(all.slice(count)), first: sent[0] };
}

/** One turn: messages per second, the server's CPU time of a message, and how small a reply is. */
async function turn({ server, clients, load }) {
  const before = { ...totals(clients), cpu: await server.ask("cpu") };
  const start = performance.now();
  const isOver = () => performance.now() - start > MILLISECONDS;
  await Promise.all(clients.map((client) => repeat(() => client.exchange(load.batch, load.count), isOver)));
  const seconds = (performance.now() - start) / 1000;
  const cpu = (await server.ask("cpu")) - before.cpu;
  const after = totals(clients);
  const count = after.messages - before.messages;
  return { rate: count / seconds, cpu: cpu / count, replyBytes: (after.bytes - before.bytes) / count };
}

async function repeat(step, isOver) {
  do await step();
  while (!isOver());
}

function totals(clients) {
  const sum = (name) => clients.reduce((total, { counter }) => total + counter[name], 0);
  return { messages: sum("messages"), bytes: sum("bytes") };
}

/** The turns of each server, in the order of `servers`; the first round is for their compilers. */
async function inTurns(servers, load) {
  const contenders = [];
  for (const server of servers) contenders.push(await contender(server, load));
  const turns = contenders.map(() => []);
  for (let round = -1; round < ROUNDS; round++) {
    for (const [at, one] of contenders.entries()) {
      const measured = await turn(one);
      if (round >= 0) turns[at].push(measured);
    }
  }
  for (const { clients } of contenders) for (const client of clients) client.close();
  process.stderr.write("."); // it takes minutes
  return turns;
}

async function throughput(takeover, cases) {
  const servers = [];
  for (const library of ["ours", "ws"]) servers.push(await startServer(library, OPTIONS[library](takeover, LEVEL)));
  const rows = [];
  for (const [kind, size] of cases) {
    const [ours, ws] = await inTurns(servers, await makeLoad(kind, size, takeover));
    rows.push({ message: `${size[1]} ${kind}`, ours, ws });
  }
  for (const server of servers) await server.stop();
  return rows;
}

function printThroughput(title, rows) {
  printTable(
    title,
    [
      "message",
      "ours, messages/s",
      "ws, messages/s",
      "ours : ws",
      "ours, CPU µs each",
      "ws, CPU µs each",
      "ours : ws",
      "reply, ours : ws",
    ],
    rows.map(({ message, ours, ws }) => [
      message,
      whole(medianOf(ours, "rate")),
      whole(medianOf(ws, "rate")),
      ratio(ours, ws, "rate"),
      short(medianOf(ours, "cpu")),
      short(medianOf(ws, "cpu")),
      ratio(ours, ws, "cpu"),
      `${whole(medianOf(ours, "replyBytes"))} : ${whole(medianOf(ws, "replyBytes"))}`,
    ]),
  );
}

async function throughputTable() {
  const cases = ["JSON", "noise"].flatMap((kind) => SIZES.map((size) => [kind, size]));
  results.throughput = await throughput(false, cases);
  printThroughput("Echo without context takeover", results.throughput);
}

async function takeoverTable() {
  results.takeover = await throughput(true, [
    ["JSON", ONE_KIB],
    ["noise", ONE_KIB],
  ]);
  printThroughput("Echo with context takeover on both sides", results.takeover);
}

// --- memory ---

const CONFIGURATIONS = [
  ["ws, default (takeover)", "ws", true],
  ["ws, no takeover", "ws", contexts(false)],
  ["ours, default (no takeover)", "ours", true],
  ["ours, takeover", "ours", contexts(true)],
];

/** Bytes of a connection, before its first message and after ten. */
async function memoryOf(library, options) {
  const server = await startServer(library, options);
  const [frame] = await frames(messages("JSON", 1024, 1), true, false);
  // what is loaded and made for the first connection is none's of the others
  const [first] = await connectAll(server.port, 1);
  await first.exchange(frame, 1);
  first.close();
  const base = await server.ask("memory");
  const clients = await connectAll(server.port, MEMORY_CONNECTIONS);
  const idle = perConnection(base, await server.ask("memory"));
  await repeatForAll(clients, frame, 10);
  const active = perConnection(base, await server.ask("memory"));
  for (const client of clients) client.close();
  await server.stop();
  process.stderr.write(".");
  return { idle, active };
}

async function repeatForAll(clients, frame, times) {
  for (let time = 0; time < times; time++) {
    await Promise.all(clients.map((client) => client.exchange(frame, 1)));
  }
}

function perConnection(before, after) {
  const entries = Object.keys(after).map((name) => [name, (after[name] - before[name]) / MEMORY_CONNECTIONS / 1024]);
  return Object.fromEntries(entries);
}

async function memoryTable() {
  const rounds = CONFIGURATIONS.map(() => []);
  for (let round = 0; round < MEMORY_ROUNDS; round++) {
    for (const [at, [, library, options]] of CONFIGURATIONS.entries())
      rounds[at].push(await memoryOf(library, options));
  }
  results.memory = CONFIGURATIONS.map(([name], at) => ({ name, rounds: rounds[at] }));
  for (const phase of ["idle", "active"]) printMemory(phase, rounds);
}

function printMemory(phase, rounds) {
  const of = (at) => rounds[at].map((round) => round[phase]);
  const title = `KiB for one of ${MEMORY_CONNECTIONS} connections, ${phase === "idle" ? "no message yet" : "ten messages of 1 KiB echoed"}`;
  printTable(
    title,
    ["server", "RSS", ": ws, default", "heap + external", ": ws, default", "of it wasm"],
    CONFIGURATIONS.map(([name], at) => [
      name,
      spread(of(at).map(({ rss }) => rss)),
      ratio(of(at), of(0), "rss"),
      spread(of(at).map(({ held }) => held)),
      ratio(of(at), of(0), "held"),
      short(medianOf(of(at), "wasm")),
    ]),
  );
}

// --- ours alone ---

const LEVELS = [6, 3, 1];

async function levelsTable() {
  const servers = [];
  for (const level of LEVELS) servers.push(await startServer("ours", OPTIONS.ours(false, level)));
  const rows = [];
  for (const size of SIZES) {
    const [first, ...others] = await inTurns(servers, await makeLoad("JSON", size, false));
    for (const [at, turns] of [first, ...others].entries()) {
      rows.push({ message: `${size[1]} JSON`, level: LEVELS[at], turns, base: first });
    }
  }
  for (const server of servers) await server.stop();
  results.levels = rows.map(({ message, level, turns }) => ({ message, level, turns }));
  printTable(
    "Ours by level, without context takeover",
    ["message", "level", "messages/s", `: level ${LEVELS[0]}`, "CPU µs each", `: level ${LEVELS[0]}`, "reply, bytes"],
    rows.map(({ message, level, turns, base }) => [
      message,
      String(level),
      whole(medianOf(turns, "rate")),
      ratio(turns, base, "rate"),
      short(medianOf(turns, "cpu")),
      ratio(turns, base, "cpu"),
      whole(medianOf(turns, "replyBytes")),
    ]),
  );
}

async function resetTable() {
  results.reset = [];
  for (const level of LEVELS) {
    for (const [size, name] of [[0, "empty"], SIZES[0], ONE_KIB]) {
      const cases = await resetCases(level, size);
      for (const [direction, pair] of Object.entries(cases)) {
        results.reset.push({ level, name, direction, rounds: alternate(pair) });
      }
    }
  }
  printTable(
    "CPU µs of the engine for a message of noise, without sockets",
    ["level", "message", "direction", "no takeover", "takeover", "reset: the difference"],
    results.reset.map(({ level, name, direction, rounds }) => [
      String(level),
      name,
      direction,
      short(median(rounds.map(([without]) => without))),
      short(median(rounds.map(([, kept]) => kept))),
      spread(rounds.map(([without, kept]) => without - kept)),
    ]),
  );
}

function alternate(measures) {
  const rounds = Array.from({ length: ROUNDS * 3 + 2 }, () => measures.map((measure) => measure()));
  return rounds.slice(2); // the first are for the compiler
}

// --- figures ---

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

function medianOf(turns, name) {
  return median(turns.map((turn) => turn[name]));
}

/** Of each to the one that ran beside it. */
function ratio(ones, others, name) {
  return spread(ones.map((one, at) => one[name] / others[at][name]));
}

function spread(values) {
  return `${short(median(values))} (${short(Math.min(...values))}–${short(Math.max(...values))})`;
}

function short(value) {
  return Math.abs(value) >= 100 ? whole(value) : value.toFixed(Math.abs(value) >= 10 ? 1 : 2);
}

function whole(value) {
  return Math.round(value).toLocaleString("en");
}

function printTable(title, head, rows) {
  const line = (cells) => `| ${cells.join(" | ")} |`;
  const rule = head.map((_, at) => (at === 0 ? "---" : "---:"));
  console.log([`\n${title}:\n`, line(head), line(rule), ...rows.map(line)].join("\n"));
}

const TABLES = {
  throughput: throughputTable,
  takeover: takeoverTable,
  memory: memoryTable,
  levels: levelsTable,
  reset: resetTable,
};

console.log(
  `Node ${process.version}, ${CONNECTIONS} connections, ${ROUNDS} rounds of ${MILLISECONDS} ms; ` +
    `level ${LEVEL}, memory level ${MEMORY_LEVEL}, threshold 0 unless said otherwise`,
);
for (const name of flags.only.split(",")) await TABLES[name]();
if (flags.json !== undefined) writeFileSync(flags.json, `${JSON.stringify(results, null, 1)}\n`);
