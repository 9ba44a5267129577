// What connections and messages cost a server, for docs/capacity.md: `npm run build`, then
// `node benches/capacity.mjs [PART…]`, of acrossProcesses, redisItself, connections, echoes and windows. Needs
// redis-server, and the packages that `npm run test:scale` installs. Prints tables.
import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { setTimeout as wait } from "node:timers/promises";

import { WebSocket } from "websocket-component";

import { clients, startRedis } from "../tests/scale/engines.mjs";
import { inTurns, spread } from "./lib/compare.mjs";
import { Crowd } from "./lib/crowd.mjs";
import { farAway } from "./lib/distance.mjs";
import { published, scalePackages, settle } from "./lib/publishing.mjs";
import { start } from "./lib/servers.mjs";

scalePackages();

const SUBSCRIBERS = 1000;
const ROUNDS = 7;

/** Runs of `measure` for each contender, in turns; medians. */
async function mediansOf(contenders, measure) {
  const turns = Object.entries(contenders).map(([name, one]) => [name, () => measure(one)]);
  const runs = await inTurns(Object.fromEntries(turns), { rounds: ROUNDS });
  return Object.entries(runs).map(([name, all]) => [name, all[0].map((_, at) => median(all.map((run) => run[at])))]);
}

function median(figures) {
  return spread(figures).median;
}

async function acrossProcesses() {
  const engine = await startRedis();
  const programs = [];
  const crowds = [];
  for (let index = 0; index < 2; index++) {
    const program = await start("node", "capacity-server.mjs", "ours, Redis", `${engine.port}`);
    programs.push(program);
    crowds.push(await Crowd.open(program.greeting.port, SUBSCRIBERS / 2));
  }
  await settle(programs[0], ...crowds);
  const contenders = { "one message a turn": 1, "ten messages a turn": 10 };
  const rows = await mediansOf(contenders, async (together) => {
    const count = 100;
    const [cpu, seconds] = await published(programs, crowds, { size: 125, count, together });
    return [(count * SUBSCRIBERS) / seconds, cpu / count / SUBSCRIBERS];
  });
  print("Two processes over Redis, 500 each", ["deliveries/s", "servers' CPU, µs a delivery"], rows);
  for (const crowd of crowds) crowd.end();
  for (const program of programs) await program.stop();
  await engine.kill();
}

/** What Redis does for each message and process that subscribes. */
async function redisItself() {
  const engine = await startRedis();
  const rows = [];
  for (const processes of [2, 20, 100]) {
    const all = [];
    for (let index = 0; index <= processes; index++) all.push(await clients.ioredis(engine.port));
    const [{ client: publisher }, ...subscribers] = all;
    let arrived = 0;
    for (const { client } of subscribers) {
      client.on("messageBuffer", () => {
        arrived += 1;
      });
      await client.subscribe("all");
    }
    const cpu = async () => {
      const info = await publisher.info("cpu");
      return 1e6 * (Number(/used_cpu_user:(\S+)/.exec(info)[1]) + Number(/used_cpu_sys:(\S+)/.exec(info)[1]));
    };
    const before = await cpu();
    const count = 2000;
    for (let sent = 0; sent < count; sent += 50) {
      await Promise.all(Array.from({ length: 50 }, () => publisher.publish("all", Buffer.alloc(150))));
    }
    while (arrived < count * processes) await wait(5);
    rows.push([`${processes} processes`, [((await cpu()) - before) / count]]);
    for (const { end } of all) end();
  }
  print("A message on one channel of Redis, to", ["its CPU, µs"], rows);
  await engine.kill();
}

async function connections() {
  const rows = [];
  for (const [name, server, count, how] of [
    ["plain", "ours", 4000, {}],
    ["TLS", "ours, TLS", 2000, { isSecure: true }],
    ["HTTP/2 over TLS, 100 on a session", "ours, HTTP/2 over TLS", 4000, { isSecure: true, isHttp2: true }],
    ["HTTP/2 over TLS, one", "ours, HTTP/2 over TLS", 2000, { isSecure: true, isHttp2: true, streams: 1 }],
  ]) {
    const program = await start("node", "capacity-server.mjs", server);
    const options = { ...how, path: "/alone" };
    const first = await Crowd.open(program.greeting.port, 50, options);
    await wait(300);
    const before = await program.ask("memory");
    const cpuBefore = await program.ask("cpu");
    const crowd = await Crowd.open(program.greeting.port, count, options);
    const cpu = (await program.ask("cpu")) - cpuBefore;
    await wait(1000);
    const after = await program.ask("memory");
    rows.push([name, [(after.rss - before.rss) / count / 1024, cpu / count]]);
    first.end();
    crowd.end();
    await program.stop();
  }
  print("A connection", ["KiB of RSS, idle", "CPU of its handshake, µs"], rows);
}

async function echoes() {
  const rows = [];
  for (const [name, server, options] of [
    ["125 bytes", "ours", {}],
    ["125 bytes, TLS", "ours, TLS", { isSecure: true }],
    ["125 bytes, HTTP/2", "ours, HTTP/2", { isHttp2: true }],
    ["125 bytes, HTTP/2 over TLS", "ours, HTTP/2 over TLS", { isHttp2: true, isSecure: true }],
    ["125 bytes, HTTP/2 over TLS, one", "ours, HTTP/2 over TLS", { isHttp2: true, isSecure: true, streams: 1 }],
    ["1,024 letters, compressed both ways", "ours", { isCompressed: true, size: 1024 }],
  ]) {
    const program = await start("node", "capacity-server.mjs", server);
    const crowd = await Crowd.open(program.greeting.port, 100, { ...options, path: "/alone" });
    await crowd.echo(options, 2000);
    const figures = [];
    for (let round = 0; round < ROUNDS; round++) {
      const before = await program.ask("cpu");
      const count = await crowd.echo(options, 5000);
      figures.push(((await program.ask("cpu")) - before) / count);
    }
    rows.push([name, [median(figures)]]);
    crowd.end();
    await program.stop();
  }
  print("A message there and back, one at a time on each of 100 connections", ["server's CPU, µs"], rows);
}

/** Large messages by the windows of HTTP/2, near and far. */
async function windows() {
  const rows = [];
  for (const [name, window] of [
    ["HTTP/2, the defaults: 64 KiB", "default"],
    ["HTTP/2, 256 KiB", 256 * 1024],
    ["HTTP/2, 1 MiB", 1024 * 1024],
    ["HTTP/2, 4 MiB", 4 * 1024 * 1024],
    ["HTTP/1.1", undefined],
  ]) {
    const server = window === undefined ? ["ours"] : ["ours, HTTP/2", ...(window === "default" ? [] : [`${window}`])];
    const program = await start("node", "capacity-server.mjs", ...server);
    const far = await farAway(program.greeting.port, 25);
    const [one, four] = await echoed(far.port, window, [1, 4]);
    const [near] = await echoed(program.greeting.port, window, [16]);
    rows.push([name, [one, perSecond(4, four), perSecond(16, near)]]);
    far.end();
    await program.stop();
  }
  const columns = ["1 MiB there and back at 50 ms, ms", "4 MiB at 50 ms, MiB/s", "16 MiB on loopback, MiB/s"];
  print("Windows", columns, rows);
}

/** A message of as many MiB goes both ways. */
function perSecond(size, milliseconds) {
  return (2 * size * 1000) / milliseconds;
}

/** Milliseconds of messages of as many MiB there and back; a session has `window` for a stream, and twice that. */
async function echoed(port, window, sizes) {
  const settings = window === undefined || window === "default" ? {} : { initialWindowSize: window };
  const session = window === undefined ? undefined : connectHttp2(`http://127.0.0.1:${port}`, { settings });
  if (session !== undefined) await once(session, "remoteSettings");
  if (settings.initialWindowSize !== undefined) session.setLocalWindowSize(2 * window);
  const url = `ws://127.0.0.1:${port}/alone`;
  const socket = new WebSocket(url, { perMessageDeflate: false, ...(session === undefined ? {} : { session }) });
  await socket.ready;
  const times = sizes.map(() => []);
  for (let round = 0; round < 4; round++) {
    for (const [index, size] of sizes.entries()) {
      const begin = performance.now();
      socket.send(new Uint8Array(size * 1024 * 1024));
      await once(socket, "message");
      if (round > 0) times[index].push(performance.now() - begin); // the first one finds TCP's window small
    }
  }
  socket.terminate();
  session?.destroy();
  return times.map(median);
}

function print(title, columns, rows) {
  const number = (value) => (value >= 1000 ? Math.round(value).toLocaleString("en") : value.toPrecision(3));
  console.log(`\n| ${title} | ${columns.join(" | ")} |\n| --- |${" --- |".repeat(columns.length)}`);
  for (const [name, figures] of rows) console.log(`| ${name} | ${figures.map(number).join(" | ")} |`);
}

const parts = { acrossProcesses, redisItself, connections, echoes, windows };
const named = process.argv.slice(2);
for (const [name, run] of Object.entries(parts)) if (named.length === 0 || named.includes(name)) await run();
process.exit();
