// The engines that carry topics between processes, started on free ports of loopback, and the clients that people have.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { pathToFileURL } from "node:url";

import { freePort } from "../../scripts/lib/ports.mjs";

/** Debian puts servers where only root's path leads. */
const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` };

/** Why a program cannot be run here; `false` if it can. */
export function lacks(program) {
  const { error } = spawnSync(program, ["--version"], { env, stdio: "ignore" });
  return error ? `needs ${program}: apt-get install redis-server nats-server haproxy` : false;
}

/** A server process that can be killed, and started again at the same port. */
export class Engine {
  #child;

  static async start(program, argumentsFor) {
    const engine = new Engine();
    engine.port = await freePort();
    engine.start = async () => {
      engine.#child = spawn(program, argumentsFor(engine.port), { env, stdio: "ignore" });
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
