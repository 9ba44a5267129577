// Topics over the real Redis and NATS, through each client, also while the engine dies under load.
import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";

import { WebSocket, WebSocketServer } from "websocket-component";
import { nats, redis } from "websocket-component/backplane";

import { clients, lacks, startNats, startRedis } from "./engines.mjs";

const engines = {
  "redis-server": { start: startRedis, backplane: redis, names: ["node-redis", "ioredis", "iovalkey"] },
  "nats-server": { start: startNats, backplane: nats, names: ["nats", "@nats-io/transport-node"] },
};

/** A server whose backplane has a client of its own, as a process has. */
async function serve(t, { client, end }, backplane) {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1", backplane: backplane(client) });
  const events = [];
  server.on("backplane", (event) => events.push(event));
  await once(server, "listening");
  t.after(async () => {
    await server.close({ timeout: 1000 });
    await end();
  });
  return { server, events };
}

/** A client's socket that subscribes, and what it gets. */
async function join(server, ...topics) {
  const connection = once(server, "connection");
  const client = new WebSocket(`ws://127.0.0.1:${server.address().port}`);
  client.binaryType = "arraybuffer";
  const received = [];
  client.onmessage = ({ data }) => received.push(data);
  const [socket] = await connection;
  for (const topic of topics) await socket.subscribe(topic);
  return received;
}

async function until(holds) {
  while (!holds()) await wait(5);
}

for (const [engine, { start, backplane, names }] of Object.entries(engines)) {
  for (const name of names) {
    test(`${name}: text, bytes and odd topics reach the other process`, { skip: lacks(engine) }, async (t) => {
      const server = await start();
      const { port } = server;
      const [one, two] = [
        await serve(t, await clients[name](port), backplane),
        await serve(t, await clients[name](port), backplane),
      ];
      t.after(() => server.kill());
      const topics = ["news", "with blanks", "a.b.*.>", "Grüße 😀", "=", "\0\r\n", "x".repeat(256)];
      const received = await join(two.server, ...topics);
      for (const topic of topics) one.server.publish(topic, topic);
      one.server.publish("news", Uint8Array.of(0, 13, 10, 255));
      one.server.publish("news*", "of another topic");
      one.server.publish("news", "y".repeat(500_000));
      await until(() => received.length === topics.length + 2);
      const texts = received.filter((data) => typeof data === "string" && data.length < 1000);
      assert.deepEqual(texts.sort(), topics.sort());
      const bytes = received.find((data) => typeof data !== "string");
      assert.deepEqual(new Uint8Array(bytes), Uint8Array.of(0, 13, 10, 255));
      assert.deepEqual([...one.events, ...two.events], []);
    });

    const title = `${name}: the engine dies twice under load, and every message is delivered or reported missing`;
    test(title, { skip: lacks(engine), timeout: 60_000 }, async (t) => {
      const server = await start();
      const [one, two] = [
        await serve(t, await clients[name](server.port), backplane),
        await serve(t, await clients[name](server.port), backplane),
      ];
      t.after(() => server.kill());
      const received = await join(two.server, "a", "b");
      let published = 0;
      const publish = async (count) => {
        for (const last = published + count; published < last; await wait(1)) {
          const topic = published % 3 === 0 ? "b" : "a";
          one.server.publish(topic, `${published++}`);
        }
      };
      for (let round = 0; round < 2; round++) {
        await publish(200);
        await server.kill();
        await publish(200);
        await server.start();
        await publish(200);
      }
      // a topic that begins while the engine is away
      const late = await join(two.server, "late");
      await server.kill();
      one.server.publish("late", "lost, perhaps");
      await wait(50);
      await server.start();
      published += 1;
      const missed = () => two.server.statistics.topics.missed;
      await until(() => received.length + late.length + missed() >= published);
      assert.equal(received.length + late.length + missed(), published);
      const all = received.map(Number);
      for (const remainder of [[0], [1, 2]]) {
        const ofTopic = all.filter((number) => remainder.includes(number % 3));
        assert.deepEqual(
          ofTopic,
          [...new Set(ofTopic)].sort((a, b) => a - b),
          "each once, and in order",
        );
      }
      const states = () => two.events.map(({ state }) => state).filter((state) => state === "up" || state === "down");
      await until(() => states().at(-1) === "up");
      for (const [index, state] of states().entries()) assert.equal(state, index % 2 === 0 ? "down" : "up");
      t.diagnostic(`${published} published, ${received.length + late.length} delivered, ${missed()} reported missing`);
    });
  }
}
