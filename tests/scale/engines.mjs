// The engines that carry topics between processes, started on free ports of loopback, and the clients that people have.
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { pathToFileURL } from "node:url";

import { freePort } from "../../scripts/lib/ports.mjs";

/** Debian puts servers where only root's path leads, and PostgreSQL where none does. */
const env = { ...process.env, PATH: [process.env.PATH, "/usr/sbin", "/sbin", ...postgresFolders()].join(":") };

function postgresFolders() {
  const all = "/usr/lib/postgresql";
  return existsSync(all) ? readdirSync(all).map((version) => join(all, version, "bin")) : [];
}

/** Why a program cannot be run here; `false` if it can. */
export function lacks(program) {
  const { error } = spawnSync(program, ["--version"], { env, stdio: "ignore" });
  return error ? `needs ${program}: apt-get install redis-server nats-server haproxy postgresql` : false;
}

/** A server process that can be killed, and started again at the same port. */
export class Engine {
  #child;

  static async start(program, argumentsFor, user = {}) {
    const engine = new Engine();
    engine.port = await freePort();
    engine.start = async () => {
      engine.#child = spawn(program, argumentsFor(engine.port), { env, stdio: "ignore", ...user });
      await reachable(engine.port, engine.#child);
    };
    await engine.start();
    process.once("exit", () => engine.#child.kill("SIGKILL"));
    return engine;
  }

  /** As a machine dies. */
  async kill() {
    const child = this.#child;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const end = once(child, "exit");
    child.kill("SIGKILL");
    await end;
  }
}

export const startRedis = () =>
  Engine.start("redis-server", (port) => [
    ...["--port", port, "--bind", "127.0.0.1"],
    ...["--save", "", "--appendonly", "no", "--dir", "/tmp"],
  ]);
export const startNats = () => Engine.start("nats-server", (port) => ["-a", "127.0.0.1", "-p", port]);

/** A new cluster of PostgreSQL, whose superuser is `postgres`. It never runs as root. */
export async function startPostgres() {
  const folder = mkdtempSync(join(tmpdir(), "postgres-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  const user = process.getuid() === 0 ? { uid: idOf("postgres", "-u"), gid: idOf("postgres", "-g") } : {};
  if (user.uid !== undefined) chownSync(folder, user.uid, user.gid);
  const data = join(folder, "data");
  const options = { env, cwd: folder, stdio: "ignore", ...user };
  execFileSync("initdb", ["-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"], options);
  const settings = ["listen_addresses=127.0.0.1", "fsync=off", "max_connections=10"];
  const argumentsFor = (port) => ["-D", data, "-k", folder, "-p", port, ...settings.flatMap((one) => ["-c", one])];
  return await Engine.start("postgres", argumentsFor, { cwd: folder, ...user });
}

/** An id of a user of the system, whom Debian's package adds. */
function idOf(user, which) {
  return Number(execFileSync("id", [which, user]));
}

/** Waits until something listens on the port. */
export async function reachable(port, child) {
  while (child.exitCode === null) {
    const socket = connect(port, "127.0.0.1");
    const isReached = await new Promise((resolve) =>
      socket.once("connect", () => resolve(true)).once("error", () => resolve(false)),
    );
    socket.destroy();
    if (isReached) return;
    await wait(20);
  }
  throw new Error(`${child.spawnfile} ended with ${child.exitCode}`);
}

/** A package of tests/scale/clients/package.json, which is installed outside the repository. */
async function installed(name) {
  const { resolve } = createRequire(join(process.env.SCALE_CLIENTS, "package.json"));
  return await import(pathToFileURL(resolve(name)));
}

/** Each makes a client of the engine at a port, ready to be used, and the function that ends it. */
export const clients = {
  "node-redis": async (port) => {
    const { createClient } = await installed("redis");
    const client = createClient({ socket: { host: "127.0.0.1", port } });
    client.on("error", () => {});
    await client.connect();
    return { client, end: () => client.destroy() };
  },
  ioredis: (port) => redisLike("ioredis", port),
  iovalkey: (port) => redisLike("iovalkey", port),
  nats: (port) => natsLike("nats", port),
  "@nats-io/transport-node": (port) => natsLike("@nats-io/transport-node", port),
};

async function redisLike(name, port) {
  const { default: Redis } = await installed(name);
  const client = new Redis({ host: "127.0.0.1", port, maxRetriesPerRequest: null });
  client.on("error", () => {});
  await once(client, "ready");
  return { client, end: () => client.disconnect() };
}

async function natsLike(name, port) {
  const { connect: open } = await installed(name);
  const client = await open({ servers: `127.0.0.1:${port}`, maxReconnectAttempts: -1, reconnectTimeWait: 100 });
  return { client, end: () => client.close() };
}
