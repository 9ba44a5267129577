/** What a hostile peer costs stays its own: memory within a budget, turns that others get, and no socket for ever. */
import assert from "node:assert/strict";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { deflateRawSync } from "node:zlib";
import { type ErrorEvent, WebSocket } from "websocket-component";
import { WebSocketServer as ServerOfWs } from "websocket-component/ws";

import { statusBytes } from "./ends.js";
import {
  closed,
  hex,
  inner,
  masked,
  messages,
  nextEvent,
  once,
  RawPeer,
  REQUEST,
  rawClient,
  rawServer,
  serve,
  serveEcho,
  unmasked,
} from "./support.js";

const COMPRESSING = REQUEST.replace("Host:", "Sec-WebSocket-Extensions: permessage-deflate\r\nHost:");

/** A compressed message of zeros, as RFC 7692 §7.2.1 makes it; its end is missing if it is not the last frame. */
function bomb(size: number, isLast: boolean): Buffer {
  const bytes = deflateRawSync(Buffer.alloc(size), { finishFlush: 2 }).subarray(0, -4);
  return masked(isLast ? 0xc2 : 0x42, bytes);
}

interface Holder {
  letGo(failure: { code: string }): void;
}
interface Budget {
  readonly held: number;
  update(holder: Holder, before: number, now: number): void;
}
interface Budgets {
  Budget: new (most: number, options?: { whole?: Budget }) => Budget;
}

/** Unclaimed heartbeats, more of them than are kept. */
const HEARTBEATS = Buffer.concat(Array.from({ length: 2_000 }, () => masked(0x81, "beat")));

for (const options of [{}, { pingInterval: 20, pongTimeout: 100 }]) {
  const name = `of a server that only sends${"pingInterval" in options ? ", with pings" : ""}`;

  test(`a client ${name} that closes behind heartbeats is seen, and leaves nothing`, async (t) => {
    const { server, port } = await serve(t, { claimTimeout: 50, ...options });
    const connection = once(server, "connection");
    const peer = await RawPeer.connect(port);
    const [socket] = (await connection) as [WebSocket];
    const end = closed(socket);
    peer.write(HEARTBEATS, masked(0x88, statusBytes(1000)));
    assert.equal((await end).code, 1000);
    assert.equal(server.clients.size, 0);
    peer.socket.destroy();
  });

  test(`a client ${name} that leaves behind heartbeats, without a close frame, is seen`, async (t) => {
    const { server, port } = await serve(t, { claimTimeout: 50, ...options });
    for (const leave of ["end", "resetAndDestroy"] as const) {
      const connection = once(server, "connection");
      const peer = await RawPeer.connect(port);
      const [socket] = (await connection) as [WebSocket];
      const end = closed(socket);
      await new Promise((resolve) => peer.socket.write(HEARTBEATS, resolve));
      peer.socket[leave]();
      assert.equal((await end).code, 1006);
      assert.equal(server.clients.size, 0);
      peer.socket.destroy();
    }
  });
}

test("pings behind unclaimed heartbeats are answered, and messages that come after a claim are delivered", async (t) => {
  const { server, port } = await serve(t, { claimTimeout: 50 });
  const connection = once(server, "connection");
  const peer = await RawPeer.connect(port);
  const [socket] = (await connection) as [WebSocket];
  await peer.head();
  peer.write(HEARTBEATS, masked(0x89, "here?"));
  assert.equal(String(await peer.bytes(7)), "\x8a\x05here?".replace("\x8a", "\ufffd"));
  const received = messages(socket, 1);
  peer.write(masked(0x81, "for the listener"));
  assert.deepEqual(await received, ["for the listener"]);
  peer.socket.destroy();
});

test("a message in parts whose beginning was dropped is not given out from its middle", async (t) => {
  const { server, port } = await serve(t, { claimTimeout: 20, streamMessages: true });
  const connection = once(server, "connection");
  const peer = await RawPeer.connect(port);
  const [socket] = (await connection) as [WebSocket];
  await peer.head();
  peer.write(HEARTBEATS, masked(0x01, "the beginning"), masked(0x89));
  await peer.bytes(2); // the ping behind it: all that was before is dropped
  const received = messages(socket, 1);
  peer.write(masked(0x80, "the end"), masked(0x81, "the next"));
  const [stream] = (await received) as [AsyncIterable<string>];
  const pieces: string[] = [];
  for await (const piece of stream) pieces.push(piece);
  assert.deepEqual(pieces.join(""), "the next");
  peer.socket.destroy();
});

test("a dead peer is given up while a loop works on a message and more wait; one that answers is kept", async (t) => {
  const { server, port } = await serve(t, { pingInterval: 50, pongTimeout: 1000 }, async (socket) => {
    for await (const _ of socket) await closed(socket);
  });
  const connections = [once(server, "connection")];
  const dead = await RawPeer.connect(port);
  const [first] = (await connections[0]) as [WebSocket];
  connections.push(once(server, "connection"));
  const alive = await RawPeer.connect(port);
  const [second] = (await connections[1]) as [WebSocket];
  await Promise.all([dead.head(), alive.head()]);
  alive.socket.on("data", (chunk: Buffer) => chunk[0] === 0x89 && alive.write(masked(0x8a, chunk.subarray(2))));
  for (const peer of [dead, alive]) peer.write(HEARTBEATS);
  await Promise.race([closed(first), nextEvent(first, "error")]);
  assert.equal(second.readyState, WebSocket.OPEN);
  for (const peer of [dead, alive]) peer.socket.destroy();
});

test("what all connections hold is bounded together: the one that holds most is closed with 1013", async (t) => {
  const most = 8 * 1024 * 1024;
  const { server, port, url } = await serveEcho(t, { maxTotalBufferedBytes: most, messageTimeout: 60_000 });
  const honest = new WebSocket(url);
  await nextEvent(honest, "open");
  const connect = async (size: number): Promise<RawPeer> => {
    const peer = await RawPeer.connect(port, COMPRESSING);
    await peer.head();
    peer.write(bomb(size, false));
    return peer;
  };
  const modest = [await connect(1 << 20), await connect(1 << 20)];
  const pongs = async (): Promise<void> => {
    for (const peer of modest) {
      peer.write(masked(0x89));
      assert.deepEqual(await peer.bytes(2), hex("8a00"));
    }
  };
  await pongs();
  // while any of these grow, one of them holds more than 1 MiB; and 1 + 1 + 7 MiB are more than 8
  const greedy = await Promise.all(Array.from({ length: 4 }, () => connect(7 << 20)));
  for (const peer of greedy) assert.deepEqual(await peer.bytes(4), hex("8802 03f5"));
  assert.ok(server.statistics.bufferedBytes <= most);
  await pongs(); // what the closed ones held is free, so no other connection has to go
  const answer = messages(honest, 1);
  honest.send("still served");
  assert.deepEqual(await answer, ["still served"]);
  for (const peer of [...modest, ...greedy]) peer.socket.destroy();
  honest.close();
  await closed(honest);
  while (server.clients.size > 0) await turn();
  assert.equal(server.statistics.bufferedBytes, 0, "nothing is counted that is not held any more");
});

test("servers without a budget of their own share that of the process, those of /ws too", async (t) => {
  const { processBudget } = await inner<{ processBudget: { held: number } }>("connection/budget.js");
  const before = processBudget.held;
  const own = await serveEcho(t, { maxTotalBufferedBytes: 8 << 20 });
  const shared = [await serveEcho(t), await serveEcho(t)];
  const ofWs = new ServerOfWs({ port: 0, host: "127.0.0.1", perMessageDeflate: true });
  await once(ofWs, "listening");
  t.after(() => ofWs.close());
  const ports = [own.port, ...shared.map(({ port }) => port), (ofWs.address() as AddressInfo).port];
  const peers = await Promise.all(ports.map((port) => RawPeer.connect(port, COMPRESSING)));
  for (const peer of peers) {
    await peer.head();
    peer.write(bomb(2 << 20, false), masked(0x89));
    await peer.bytes(2);
  }
  const held = processBudget.held - before;
  assert.ok(held >= 6 << 20 && held < 18 << 20, `${held} bytes of three servers`);
  for (const { server } of [own, ...shared]) assert.ok(server.statistics.bufferedBytes >= 2 << 20);
  for (const peer of peers) peer.socket.destroy();
  for (const { server } of [own, ...shared]) while (server.clients.size > 0) await turn();
  while (ofWs.clients.size > 0) await turn();
  assert.equal(processBudget.held, before);
});

test("what an application sends by /ws is its own affair, as with ws: it counts for no budget", async (t) => {
  const { processBudget } = await inner<{ processBudget: { held: number } }>("connection/budget.js");
  const before = processBudget.held;
  const server = new ServerOfWs({ port: 0, host: "127.0.0.1" });
  await once(server, "listening");
  t.after(() => server.close());
  const connection = once(server, "connection");
  const peer = await RawPeer.connect((server.address() as AddressInfo).port);
  const [socket] = await connection;
  peer.socket.pause();
  const size = 32 << 20; // more than the network takes
  for (const part of [size / 2, size / 2]) {
    socket.send(Buffer.alloc(part));
    await turn();
  }
  assert.ok(socket.bufferedAmount > size / 2);
  assert.equal(processBudget.held, before);
  socket.terminate();
  peer.socket.destroy();
});

test("a budget takes exactly as much as it says, and lets no more go than brings it back to that", async () => {
  const { Budget } = await inner<Budgets>("connection/budget.js");
  const budget = new Budget(100_000);
  const ended: string[] = [];
  const hold = (name: string, size: number) => {
    const own = {
      letGo() {
        ended.push(name);
        budget.update(own, size, 0);
      },
    };
    budget.update(own, 0, size);
  };
  hold("first", 40_000);
  hold("second", 60_000);
  await turn();
  assert.deepEqual(ended, []);
  hold("third", 50_000);
  hold("fourth", 10_000);
  await turn();
  assert.deepEqual([ended, budget.held], [["second"], 100_000]);
});

test("beyond the budget of the process, the connection that holds most goes, whichever server it belongs to", async () => {
  const { Budget } = await inner<Budgets>("connection/budget.js");
  const whole = new Budget(10_000_000);
  const parts = [new Budget(Number.POSITIVE_INFINITY, { whole }), new Budget(8_000_000, { whole })] as const;
  const ended: string[] = [];
  const holder = (name: string, budget: Budget) => {
    let held = 0;
    const hold = (now: number) => {
      budget.update(own, held, now);
      held = now;
    };
    const own = {
      letGo({ code }: { code: string }) {
        ended.push(`${name} ${code}`);
        hold(0);
      },
    };
    return hold;
  };
  const [small, reader, large] = [holder("small", parts[0]), holder("reader", parts[1]), holder("large", parts[0])];
  small(1_000_000);
  reader(5_000_000);
  large(6_000_000);
  await turn();
  assert.deepEqual(ended, ["large WS_ERR_BUFFER_FULL"]);
  small(6_000_000);
  await turn();
  assert.deepEqual(ended.slice(1), ["small WS_ERR_BUFFER_FULL"]);
  reader(9_000_000); // beyond its own server's budget alone
  await turn();
  assert.deepEqual(ended.slice(2), ["reader WS_ERR_BUFFER_FULL"]);
  assert.deepEqual([whole.held, parts[0].held, parts[1].held], [0, 0, 0]);
});

test("a server takes no message above 16 MiB unless it says so", async (t) => {
  const { port } = await serve(t, { claimTimeout: 20 }); // an unclaimed message is read to its end too
  const peer = await RawPeer.connect(port, COMPRESSING);
  await peer.head();
  peer.write(bomb(17 << 20, true));
  assert.deepEqual(await peer.bytes(4), hex("8802 03f1"));
  peer.socket.destroy();
  const large = await serve(t, { maxMessageSize: 32 << 20 }, (socket) => {
    socket.onmessage = ({ data }) => socket.send(String((data as Buffer).length));
  });
  const client = new WebSocket(large.url);
  await nextEvent(client, "open");
  const answer = messages(client, 1);
  client.send(new Uint8Array(17 << 20));
  assert.deepEqual(await answer, [String(17 << 20)]);
});

test("while bombs inflate, others get their turns", async (t) => {
  const { port, url } = await serveEcho(t, { maxMessageSize: 64 << 20 });
  const honest = new WebSocket(url);
  await nextEvent(honest, "open");
  const peers = await Promise.all(Array.from({ length: 4 }, () => RawPeer.connect(port, COMPRESSING)));
  for (const peer of peers) await peer.head();
  const bytes = bomb(48 << 20, false); // 48 KiB
  // each turn of the loop is one chance of the others: one bomb alone takes many
  let turns = 0;
  const counting = setInterval(() => {
    turns += 1;
  });
  t.after(() => clearInterval(counting));
  for (const peer of peers) peer.write(bytes, masked(0x89, "done"));
  await Promise.all(peers.map((peer) => peer.bytes(6)));
  const answer = messages(honest, 1);
  honest.send("here");
  await answer;
  assert.ok(turns > 20, `${turns} turns`);
  for (const peer of peers) peer.socket.destroy();
});

/** A server and a client of bytes, for tests of both roles. */
const ROLES = [
  ["server", masked],
  ["client", unmasked],
] as const;

for (const [role, frame] of ROLES) {
  const connect = role === "server" ? rawClient : rawServer;

  test(`a ${role} answers 16 pings that come together, and of more the last one`, async (t) => {
    const { peer } = await connect(t);
    peer.write(...Array.from({ length: 1000 }, (_, at) => frame(0x89, String(at))), frame(0x81, "over"));
    const pongs: number[] = [];
    while (pongs.at(-1) !== 999) {
      const head = await peer.bytes(2);
      const mask = role === "client" ? await peer.bytes(4) : Buffer.alloc(4);
      const payload = await peer.bytes((head[1] as number) & 0x7f);
      pongs.push(Number(Buffer.from(payload.map((byte, at) => byte ^ (mask[at % 4] as number)))));
    }
    assert.deepEqual(
      pongs.slice(0, 16),
      Array.from({ length: 16 }, (_, at) => at),
    );
    assert.ok(pongs.length < 100, `${pongs.length} pongs`);
    peer.socket.destroy();
  });

  for (const [name, first] of [
    ["pings", 0x89],
    ["pongs", 0x8a],
  ] as const) {
    test(`a ${role} closes with 1008 when thousands of ${name} come together without a message`, async (t) => {
      const { peer, socket } = await connect(t);
      const failure = nextEvent<ErrorEvent>(socket, "error");
      peer.write(Buffer.concat(Array<Buffer>(50_000).fill(frame(first))));
      assert.equal(((await failure).error as { code: string }).code, "WS_ERR_CONTROL_FLOOD");
      peer.socket.destroy();
    });
  }
}

test("pings between messages never end a connection, nor do pings that wait for their pongs", async (t) => {
  const { peer, socket } = await rawClient(t);
  let count = 0;
  socket.onmessage = () => {
    count += 1;
  };
  const some = Buffer.concat([...Array<Buffer>(1000).fill(masked(0x89)), masked(0x81, "between")]);
  for (let round = 0; round < 20; round++) peer.write(some);
  peer.write(masked(0x89, "end"));
  let tail = "";
  while (!tail.endsWith("\x8a\x03end")) tail = (tail + (await peer.bytes(1)).toString("latin1")).slice(-5);
  assert.equal(count, 20);
  for (let round = 0; round < 6000; round++) {
    peer.write(masked(0x89));
    await peer.bytes(2);
  }
  assert.equal(socket.readyState, WebSocket.OPEN);
  peer.socket.destroy();
});

test("those that wait for a turn get one each, if each does a turn's work", async () => {
  const { later, spend } = await inner<{ later(goOn: () => void): void; spend(work: number): void }>(
    "connection/work.js",
  );
  let now = 0;
  const ran: number[] = [];
  for (let count = 0; count < 3; count++) {
    later(() => {
      ran.push(now);
      spend(2 << 20);
    });
  }
  for (; ran.length < 3; now++) await turn();
  assert.equal(new Set(ran).size, 3, `in the turns ${ran}`);
});

test("a flood of small frames takes many turns, and others get theirs", async (t) => {
  const { port } = await serveEcho(t, { perMessageDeflate: false });
  const peer = await RawPeer.connect(port);
  await peer.head();
  const count = 50_000;
  let turns = 0;
  const counting = setInterval(() => {
    turns += 1;
  });
  t.after(() => clearInterval(counting));
  peer.write(Buffer.concat(Array<Buffer>(count).fill(masked(0x81, "x"))));
  const echoes = await peer.bytes(3 * count);
  assert.ok(echoes.equals(Buffer.from("\x81\x01x".repeat(count), "latin1")));
  // 2,048 frames a turn
  assert.ok(turns > 10, `${turns} turns`);
  peer.socket.destroy();
});
