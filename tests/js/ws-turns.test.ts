/** Turns of `websocket-component/ws`: the context of callbacks, listeners that throw, and an end within a listener. */
import assert from "node:assert/strict";
import { AsyncLocalStorage } from "node:async_hooks";
import { spawnSync } from "node:child_process";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";

import { WebSocket as Main } from "websocket-component";
import * as ours from "websocket-component/ws";
import * as ws from "ws";

import { masked, nextEvent, once, RawPeer, REQUEST, serve } from "./support.js";

type Library = typeof ours;
const libraries: { readonly [name: string]: Library } = { ws: ws as unknown as Library, ours };

/** What a server's socket emits of one packet, when the listener of the first message does this. */
async function emitted(
  t: TestContext,
  { WebSocketServer }: Library,
  act: (socket: ours.WebSocket) => void,
  packet: readonly Buffer[],
): Promise<unknown[]> {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  t.after(() => server.close());
  await once(server, "listening");
  const connection = once(server, "connection") as Promise<[ours.WebSocket]>;
  const peer = await RawPeer.connect((server.address() as AddressInfo).port);
  t.after(() => peer.socket.destroy());
  const [socket] = await connection;
  await peer.head();
  const events: unknown[] = [];
  socket.once("message", () => act(socket));
  socket.on("message", (data) => events.push(`message ${String(data)}`));
  socket.on("ping", (data) => events.push(`ping ${String(data)}`));
  socket.on("error", (error) => events.push(`error ${error.message}`));
  const end = once(socket, "close") as Promise<[number, Buffer]>;
  peer.write(...packet);
  const [code, reason] = await end;
  return [...events, `close ${code} ${String(reason)}`];
}

const MESSAGES = [masked(0x81, "one"), masked(0x81, "two"), masked(0x89, "p"), masked(0x82, "three")];
const GOODBYE = masked(0x88, Buffer.from([0x03, 0xe8]));

for (const [what, act, packet] of [
  ["terminate", (socket: ours.WebSocket) => socket.terminate(), MESSAGES],
  ["terminate, with a close behind", (socket: ours.WebSocket) => socket.terminate(), [...MESSAGES, GOODBYE]],
  [
    "close and terminate",
    (socket: ours.WebSocket) => {
      socket.close();
      socket.terminate();
    },
    MESSAGES,
  ],
] as const) {
  test(`as with ws: ${what} within a listener still gives out what has come`, async (t) => {
    const [theirs, own] = [await emitted(t, libraries.ws as Library, act, packet), await emitted(t, ours, act, packet)];
    assert.deepEqual(own, theirs);
    assert.equal(own.length, 5);
  });
}

test("terminate on a paused socket gives out what has come, and then the end", async (t) => {
  const act = (socket: ours.WebSocket) => {
    socket.pause();
    setImmediate(() => socket.terminate());
  };
  assert.deepEqual(await emitted(t, ours, act, MESSAGES), [
    ...["message one", "message two", "ping p", "message three", "close 1006 "],
  ]);
});

test("a callback of send, ping and pong runs in the asynchronous context of its call, as with ws", async (t) => {
  for (const { WebSocket, WebSocketServer } of Object.values(libraries)) {
    const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
    t.after(() => server.close());
    await once(server, "listening");
    const client = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
    t.after(() => client.terminate());
    await once(client, "open");
    const storage = new AsyncLocalStorage<string>();
    const seen: unknown[] = [];
    const send = (name: string, method: "send" | "ping" | "pong") =>
      new Promise<void>((resolve) => {
        storage.run(name, () => {
          const callback = () => {
            seen.push([name, storage.getStore()]);
            resolve();
          };
          if (method === "send") client.send(name, callback);
          else client[method](name, true, callback);
        });
      });
    await Promise.all([send("a", "send"), send("b", "send"), send("c", "ping"), send("d", "pong")]);
    assert.deepEqual(
      seen,
      ["a", "b", "c", "d"].map((name) => [name, name]),
    );
  }
});

/** A process that lives on after a listener or a callback has thrown. */
const SURVIVOR = `
import { connect } from "node:net";
import { WebSocketServer } from "websocket-component/ws";
const told = [];
process.on("uncaughtException", (error) => told.push("uncaught " + error.message));
const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
server.on("connection", (socket) => {
  socket.on("message", (data) => {
    told.push(String(data));
    socket.send("re " + data);
    socket.send("also", () => { throw new Error("callback"); });
    socket.send("last", () => told.push("taken"));
    if (String(data) !== "two") throw new Error("listener");
  });
  socket.on("close", (code) => {
    console.log(JSON.stringify({ told, code, replies: replies.toString("latin1") }));
    process.exit();
  });
});
let replies = Buffer.alloc(0);
server.on("listening", () => {
  const client = connect(server.address().port, "127.0.0.1");
  client.on("data", (chunk) => { replies = Buffer.concat([replies, chunk]); });
  client.write(process.env.REQUEST);
  client.once("data", () => client.write(Buffer.from(process.env.PACKET, "hex")));
});
`;

/** The same, whose Blob cannot be read. */
const UNREADABLE = `
import { WebSocket, WebSocketServer } from "websocket-component/ws";
const told = [];
process.on("uncaughtException", (error) => told.push("uncaught " + error.message));
process.on("unhandledRejection", (error) => told.push("unhandled " + error.message));
class Unreadable extends Blob {
  arrayBuffer() { return Promise.reject(new Error("unreadable")); }
}
const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
server.on("listening", () => {
  const client = new WebSocket("ws://127.0.0.1:" + server.address().port);
  client.on("error", ({ message }) => told.push("error " + message));
  client.on("close", () => {
    console.log(JSON.stringify(told));
    process.exit();
  });
  client.on("open", () => {
    client.send(new Unreadable(["x"]), () => { throw new Error("callback"); });
    client.send("behind it", () => { throw new Error("callback"); });
  });
});
`;

test("a callback that throws when its Blob cannot be read does not keep the connection from its end", () => {
  const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", UNREADABLE], {
    cwd: new URL("..", import.meta.url),
    encoding: "utf8",
    timeout: 60_000,
  });
  assert.equal(stderr, "");
  assert.deepEqual((JSON.parse(stdout) as string[]).sort(), [
    "error unreadable",
    "uncaught callback",
    "uncaught callback",
  ]);
});

test("a listener or a callback that throws holds up neither the rest of its packet, nor replies, nor the close", () => {
  const packet = [masked(0x81, "one"), masked(0x81, "two"), masked(0x81, "three"), GOODBYE];
  const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", SURVIVOR], {
    cwd: new URL("..", import.meta.url),
    env: { ...process.env, REQUEST, PACKET: Buffer.concat(packet).toString("hex") },
    encoding: "utf8",
    timeout: 60_000,
  });
  assert.equal(stderr, "");
  const { told, code, replies } = JSON.parse(stdout) as { told: string[]; code: number; replies: string };
  assert.deepEqual(
    told.filter((one) => ["one", "two", "three"].includes(one)),
    ["one", "two", "three"],
  );
  const count = (what: string) => told.filter((one) => one === what).length;
  assert.deepEqual([count("uncaught listener"), count("uncaught callback"), count("taken")], [2, 3, 3]);
  assert.equal(code, 1000);
  for (const name of ["one", "two", "three"]) assert.match(replies, new RegExp(`re ${name}`));
});

test("drain comes once all was taken, whether or not bufferedAmount was read", async (t) => {
  const { url } = await serve(t);
  for (const reads of [false, true]) {
    const socket = new Main(url);
    await nextEvent(socket, "open");
    for (let turn = 0; turn < 3; turn++) {
      const drained = nextEvent(socket, "drain");
      socket.send("small");
      if (reads) assert.equal(socket.bufferedAmount, 5);
      await drained;
      assert.equal(socket.bufferedAmount, 0);
    }
    socket.close();
  }
});
