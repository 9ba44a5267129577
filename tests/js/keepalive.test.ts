/** Pings of our own: when they are sent, what counts as an answer, and what becomes of a peer that gives none. */
import assert from "node:assert/strict";
import { syncBuiltinESMExports } from "node:module";
import { type TestContext, test } from "node:test";
import timers from "node:timers";

import { type ControlEvent, type ErrorEvent, WebSocket } from "websocket-component";

import { type Driven, driven } from "./driven.js";
import { frames } from "./ends.js";
import {
  closed,
  hex,
  masked,
  mockTimers,
  nextEvent,
  once,
  type RawPeer,
  rawClient,
  rawServer,
  serve,
  serveEcho,
  unmasked,
} from "./support.js";

const PONG_OF_OURS = 0x8a;

/** Lets what was written and read take its way, while the clock stands still. */
async function settle(): Promise<void> {
  for (let turns = 0; turns < 10; turns++) await new Promise(setImmediate);
}

/** The next ping of a socket. It comes after `due` milliseconds, and not before. */
async function pinged(t: TestContext, peer: RawPeer, due: number, size: number): Promise<void> {
  t.mock.timers.tick(due - 1);
  await settle();
  const ping = peer.bytes(size);
  t.mock.timers.tick(1);
  assert.equal((await ping)[0], 0x89);
  await settle(); // the network says that it has taken it
}

test("a silent peer is pinged, and given up with a typed cause if nothing answers", async (t) => {
  mockTimers(t);
  for (const connect of [rawClient, rawServer]) {
    const { peer, socket } = await connect(t, { pingInterval: 1000, pongTimeout: 500, messageTimeout: 60_000 });
    const error = nextEvent<ErrorEvent>(socket, "error");
    const end = closed(socket);
    await settle();
    await pinged(t, peer, 1000, connect === rawClient ? 6 : 10);
    t.mock.timers.tick(499);
    await settle();
    assert.equal(socket.readyState, WebSocket.OPEN);
    t.mock.timers.tick(1);
    assert.equal(((await error).error as { code: string }).code, "WS_ERR_PING_TIMEOUT");
    const { code, wasClean } = await end;
    assert.deepEqual([code, wasClean], [1006, false]);
    assert.equal((await peer.rest()).length, 0, "only one ping is outstanding");
  }
});

test("whatever a peer sends is a sign of life, a pong or a part of a message", async (t) => {
  const { peer, socket } = await rawClient(t, { pingInterval: 20, pongTimeout: 60_000 });
  let isClosed = false;
  socket.onclose = () => {
    isClosed = true;
  };
  for (const [index, answer] of [masked(PONG_OF_OURS, "other"), masked(0x01, "part"), masked(0x80)].entries()) {
    const ping = await peer.bytes(6);
    assert.deepEqual([ping[0], ping[1], ping[2]], [0x89, 4, index + 1], "one ping at a time, each with its own number");
    peer.write(answer);
  }
  assert.equal(isClosed, false);
});

test("what we send does not prove a peer alive: one that vanished is given up though messages leave", async (t) => {
  mockTimers(t);
  const { peer, socket } = await rawClient(t, { pingInterval: 1000, pongTimeout: 500 });
  const error = nextEvent<ErrorEvent>(socket, "error");
  await settle();
  await pinged(t, peer, 1000, 6);
  for (let sent = 0; sent < 5; sent++) {
    assert.equal(socket.readyState, WebSocket.OPEN);
    const message = peer.bytes(13);
    socket.send("still here?");
    await message;
    await settle();
    t.mock.timers.tick(100);
  }
  assert.equal(((await error).error as { code: string }).code, "WS_ERR_PING_TIMEOUT");
});

test("a peer that answers is kept, and one that talks is not pinged", async (t) => {
  const { url } = await serveEcho(t, { pingInterval: 15, pongTimeout: 500 });
  const socket = new WebSocket(url);
  await nextEvent(socket, "open");
  const pings: unknown[] = [];
  socket.addEventListener("ping", (event) => pings.push((event as ControlEvent).data));
  while (pings.length < 3) await nextEvent(socket, "ping");
  assert.equal(socket.readyState, WebSocket.OPEN);
  socket.close();
  assert.equal((await closed(socket)).code, 1005);
});

test("a paused connection neither pings nor gives up, and goes on when it is resumed", async (t) => {
  mockTimers(t);
  const { peer, socket } = await rawClient(t, { pingInterval: 1000, pongTimeout: 500 });
  await settle();
  socket.pause();
  t.mock.timers.tick(100_000);
  await settle();
  assert.equal(socket.readyState, WebSocket.OPEN);
  const end = closed(socket);
  socket.resume();
  await settle();
  await pinged(t, peer, 1000, 6); // the first one
  t.mock.timers.tick(500);
  assert.equal((await end).code, 1006);
});

test("a pong tells how long its ping took, and one that answers none tells nothing", async (t) => {
  const { peer, socket } = await rawClient(t);
  const pongs: (number | undefined)[] = [];
  socket.addEventListener("pong", (event) => pongs.push(event.roundTripTime));
  assert.equal(socket.statistics?.roundTripTime, undefined);
  socket.ping("first");
  socket.ping("second");
  assert.deepEqual(await peer.bytes(15), Buffer.concat([unmasked(0x89, "first"), unmasked(0x89, "second")]));
  peer.write(masked(PONG_OF_OURS, "unknown"), masked(PONG_OF_OURS, "second"), masked(PONG_OF_OURS, "first"));
  while (pongs.length < 3) await nextEvent(socket, "pong");
  const [unknown, second, first] = pongs;
  assert.equal(unknown, undefined);
  assert.ok(second !== undefined && second >= 0);
  assert.equal(first, undefined, "a pong answers the pings before its own too");
  assert.equal(socket.statistics?.roundTripTime, second);
});

test("what a ping's caller does to its bytes later changes neither the ping nor its pong", async (t) => {
  const { server, url } = await serve(t);
  const connection = once(server, "connection");
  const client = new WebSocket(url);
  const [socket] = (await connection) as [WebSocket];
  await nextEvent(client, "open");
  const data = hex("01 02");
  socket.ping(data);
  data.fill(0);
  const pong = await nextEvent<ControlEvent>(socket, "pong");
  assert.deepEqual([...pong.data], [1, 2]);
  assert.notEqual(pong.roundTripTime, undefined);
});

test("a connection that was reset is not pinged or given up any more: it has closed once", async (t) => {
  const options = { pingInterval: 20, pongTimeout: 20 };
  const { peer, socket } = await rawClient(t, options);
  const events: string[] = [];
  for (const type of ["error", "close"]) socket.addEventListener(type, () => events.push(type));
  const end = closed(socket);
  peer.socket.resetAndDestroy();
  await end;
  await closed((await rawClient(t, options)).socket); // which began later, and was given up
  assert.deepEqual(events, ["error", "close"]);
});

/** A clock that goes on by what this returns, and whose timers can be refreshed, as those of `node:test` cannot. */
function mockRefreshable(t: TestContext): (ms: number) => void {
  let now = 0;
  const running = new Set<{ due: number; run: () => void }>();
  t.mock.method(timers, "setTimeout", (run: () => void, time: number) => {
    const timer = { run, due: now + time, refresh: () => (timer.due = now + time) };
    running.add(timer);
    return timer;
  });
  t.mock.method(timers, "clearTimeout", (timer: never) => running.delete(timer));
  syncBuiltinESMExports();
  t.after(() => {
    t.mock.restoreAll();
    syncBuiltinESMExports();
  });
  return (ms) => {
    for (now += ms; ; ) {
      const [next] = [...running].filter(({ due }) => due <= now);
      if (next === undefined) return;
      running.delete(next);
      next.run();
    }
  };
}

/** The first bytes of the frames that were written so far. */
function firsts({ connection, written }: Driven): number[] {
  connection.flush();
  return frames(Buffer.concat(written)).map(({ first }) => first);
}

test("no ping is sent while messages leave, but pingInterval after the last of them", async (t) => {
  const tick = mockRefreshable(t);
  const own = driven(true, { settings: { pingInterval: 1000, pongTimeout: 500 } });
  await settle();
  for (let sent = 0; sent < 3; sent++) {
    tick(999);
    own.connection.send("x");
    own.connection.flush();
  }
  tick(999);
  assert.deepEqual(firsts(own), [0x81, 0x81, 0x81]);
  tick(1);
  assert.deepEqual(firsts(own), [0x81, 0x81, 0x81, 0x89]);
});

test("a ping behind what the network takes slowly has pongTimeout from each write, and from its own on no more", async (t) => {
  const tick = mockRefreshable(t);
  const own = driven(true, { isSlow: true, settings: { pingInterval: 1000, pongTimeout: 500 } });
  await settle();
  own.connection.onData(masked(0x89));
  assert.deepEqual(firsts(own), [PONG_OF_OURS]);
  own.taken();
  for (const data of ["first", "second"]) {
    own.connection.send(data);
    own.connection.flush();
  }
  tick(1000);
  assert.deepEqual(firsts(own), [PONG_OF_OURS, 0x81, 0x81, 0x89]);
  for (const write of ["first", "second", "ping"]) {
    tick(499);
    assert.deepEqual(own.ends, [], write);
    own.taken();
  }
  tick(499);
  own.connection.send("third");
  own.connection.flush();
  own.taken();
  tick(1);
  assert.deepEqual(
    own.ends.map(([status, , , error]) => [status, (error as { code: string }).code]),
    [[1006, "WS_ERR_PING_TIMEOUT"]],
  );
});

test("intervals that are not times are refused", () => {
  for (const options of [{ pingInterval: 0 }, { pongTimeout: -1 }, { pingInterval: Number.NaN }]) {
    assert.throws(() => new WebSocket("ws://localhost", options), { code: "WS_ERR_INVALID_OPTION" });
  }
});
