/**
 * What breaks outside of the protocol, on real sockets. `npm run faults` runs these alone; each says what it measured.
 */
import assert from "node:assert/strict";
import { connect as connectTcp } from "node:net";
import { test } from "node:test";

import { type CloseEvent, type ErrorEvent, WebSocket } from "websocket-component";

import {
  closed,
  garbageCollector,
  generator,
  hex,
  inner,
  masked,
  nextEvent,
  once,
  RawPeer,
  REQUEST,
  rawClient,
  rawServer,
  serve,
  serveEcho,
  serveRaw,
  sessionCount,
  unmasked,
} from "./support.js";

const roles = [
  { role: "server", connect: rawClient, frame: masked },
  { role: "client", connect: rawServer, frame: unmasked },
];

/** How a socket ended: its close event, and its error's code if there was one. */
async function ending(socket: WebSocket): Promise<{ event: CloseEvent; code: string | undefined }> {
  let code: string | undefined;
  socket.addEventListener("error", (event) => {
    code = ((event as ErrorEvent).error as { code: string }).code;
  });
  return { event: await closed(socket), code };
}

/** Runs the work and says how long it took; a figure, not a judgement. */
async function timed<T>(work: Promise<T>): Promise<{ result: T; ms: number }> {
  const start = performance.now();
  const result = await work;
  return { result, ms: Math.round(performance.now() - start) };
}

function turn(): Promise<void> {
  return new Promise((next) => setImmediate(next));
}

for (const { role, connect, frame } of roles) {
  test(`${role}: a peer that resets in the middle of a frame is a close with 1006, after what was whole`, async (t) => {
    const rounds = 50;
    for (let round = 0; round < rounds; round++) {
      const { peer, socket, received } = await connect(t);
      const end = ending(socket);
      const cut = frame(0x82, Buffer.alloc(70_000));
      const whole = nextEvent(socket, "message");
      peer.write(frame(0x81, "whole"), cut.subarray(0, 1 + Math.floor((cut.length - 2) * (round / rounds))));
      await whole;
      peer.socket.resetAndDestroy();
      const { event, code } = await end;
      assert.deepEqual([event.code, event.wasClean], [1006, false]);
      assert.ok(code === undefined || code === "WS_ERR_CONNECTION", code);
      assert.deepEqual(received, ["whole"]);
    }
    t.diagnostic(`${role} · reset in the middle of a frame · ${rounds} of ${rounds} closed with 1006, nothing lost`);
  });

  test(`${role}: a peer that closes its side alone gets what was on its way, and then the end`, async (t) => {
    const { peer, socket, received } = await connect(t, { closeTimeout: 60_000 }); // however busy the machine is
    const end = ending(socket);
    const block = Buffer.alloc(1 << 20, 7);
    const blocks = 8;
    peer.socket.pause();
    for (let count = 0; count < blocks; count++) socket.send(block);
    peer.write(frame(0x81, "last words"));
    peer.socket.end();
    await nextEvent(socket, "message");
    peer.socket.resume();
    const rest = await peer.rest();
    const frameSize = block.length + (role === "server" ? 10 : 14);
    assert.ok(rest.length >= blocks * frameSize, `${rest.length} bytes`);
    const { event } = await end;
    assert.deepEqual([event.code, event.wasClean], [1006, false]);
    assert.deepEqual(received, ["last words"]);
    t.diagnostic(`${role} · half-close · ${blocks} MiB on their way arrived, closed with 1006`);
  });

  test(`${role}: a peer that stops reading fills bufferedAmount and nothing else, and drain tells when it reads again`, async (t) => {
    const { peer, socket, received } = await connect(t);
    peer.socket.pause();
    const block = Buffer.alloc(1 << 20, 7);
    let sent = 0;
    for (; socket.bufferedAmount < 16 << 20; sent++) {
      socket.send(block);
      await turn();
    }
    const waiting = socket.bufferedAmount;
    // what comes from it is taken all the same
    const message = nextEvent(socket, "message");
    peer.write(frame(0x81, "still here"));
    await message;
    const drained = nextEvent(socket, "drain");
    peer.socket.resume();
    const frameSize = block.length + (role === "server" ? 10 : 14);
    await peer.bytes(sent * frameSize);
    await drained;
    while (socket.bufferedAmount > 0) await turn();
    assert.deepEqual(received, ["still here"]);
    t.diagnostic(
      `${role} · peer stops reading · ${waiting >> 20} MiB seen in bufferedAmount, drained to 0 after it read`,
    );
  });

  test(`${role}: a peer that never reads costs maxBufferedBytes at most`, async (t) => {
    const maxBufferedBytes = 8 << 20;
    const { peer, socket } = await connect(t, { maxBufferedBytes, closeTimeout: 50 });
    const end = ending(socket);
    peer.socket.pause();
    let most = 0;
    while (socket.readyState === WebSocket.OPEN) {
      most = Math.max(most, socket.bufferedAmount);
      socket.send(Buffer.alloc(100_000));
      await turn();
    }
    const { event, code } = await end;
    assert.ok(most <= maxBufferedBytes);
    assert.deepEqual([event.code, code], [1006, "WS_ERR_BUFFER_FULL"]);
    t.diagnostic(
      `${role} · peer never reads, maxBufferedBytes 8 MiB · ${(most / 2 ** 20).toFixed(1)} MiB held at most`,
    );
  });

  test(`${role}: a close that is never answered ends after closeTimeout, with 1006`, async (t) => {
    const { socket } = await connect(t, { closeTimeout: 100 });
    const end = ending(socket);
    socket.close(1000, "");
    const { result, ms } = await timed(end);
    assert.deepEqual([result.event.code, result.code], [1006, "WS_ERR_CLOSE_TIMEOUT"]);
    t.diagnostic(`${role} · close never answered, closeTimeout 100 ms · 1006 after ${ms} ms`);
  });

  test(`${role}: a message that is never finished ends after messageTimeout, though a byte comes now and then`, async (t) => {
    const { peer, socket } = await connect(t, { messageTimeout: 100, closeTimeout: 50 });
    const end = ending(socket);
    peer.write(frame(0x82, Buffer.alloc(60_000)).subarray(0, 100));
    const drip = setInterval(() => peer.socket.writable && peer.write(Buffer.alloc(1)), 5);
    const { result, ms } = await timed(end);
    clearInterval(drip);
    assert.deepEqual([result.event.code, result.code], [1006, "WS_ERR_MESSAGE_TIMEOUT"]);
    assert.ok((await peer.rest()).includes(role === "server" ? unmasked(0x88, hex("03F0")) : hex("8882")));
    t.diagnostic(`${role} · message never finished, messageTimeout 100 ms · closed with 1008 after ${ms} ms`);
  });
}

test("client: a handshake that never ends fails after handshakeTimeout, silent or byte by byte", async (t) => {
  const response = Buffer.from(`HTTP/1.1 101 Switching Protocols\r\nX: ${"y".repeat(10_000)}`);
  const peers: [string, (peer: RawPeer) => void][] = [
    ["silent", () => {}],
    [
      "byte by byte",
      (peer) => {
        let at = 0;
        const drip = setInterval(() => peer.write(response.subarray(at, ++at)), 2);
        peer.socket.once("close", () => clearInterval(drip));
      },
    ],
  ];
  for (const [name, onPeer] of peers) {
    const socket = new WebSocket(await serveRaw(t, onPeer), { handshakeTimeout: 100 });
    const { result, ms } = await timed(ending(socket));
    assert.deepEqual([result.event.code, result.code], [1006, "WS_ERR_HANDSHAKE_TIMEOUT"]);
    t.diagnostic(`client · handshake never ends (${name}), handshakeTimeout 100 ms · failed after ${ms} ms`);
  }
});

test("server: a handshake that never ends is answered with 408 after handshakeTimeout, silent or byte by byte", async (t) => {
  const { port, server } = await serve(t, { handshakeTimeout: 200 });
  for (const name of ["silent", "byte by byte"]) {
    const peer = await RawPeer.connect(port, name === "silent" ? "" : REQUEST.slice(0, 20));
    let at = 20;
    const drip = setInterval(() => name !== "silent" && peer.write(Buffer.from(REQUEST.slice(at, ++at))), 50);
    const { result, ms } = await timed(peer.rest());
    clearInterval(drip);
    assert.match(result.toString(), /^HTTP\/1.1 408 /);
    peer.socket.destroy();
    t.diagnostic(`server · handshake never ends (${name}), handshakeTimeout 200 ms · given up after ${ms} ms`);
  }
  assert.equal(server.clients.size, 0);
});

const CROWD = { timeout: 300_000 }; // three times 2,000 connections, on a machine that may be busy

test("2,000 connections dropped at random leave nothing behind and cost the others nothing", CROWD, async (t) => {
  const collect = garbageCollector();
  const { memorySize } = await inner<{ memorySize(): number }>("engine/engine.js");
  const { url, port, server } = await serveEcho(t);
  const living = await Promise.all(
    Array.from({ length: 20 }, async () => {
      const socket = new WebSocket(url);
      await nextEvent(socket, "open");
      return socket;
    }),
  );
  const random = generator(20_251_121);
  const rounds: { memory: number; heap: number }[] = [];
  let echoed = 0;
  for (let round = 0; round < 3; round++) {
    for (let wave = 0; wave < 20; wave++) {
      const echoes = living.map((socket, index) =>
        expectEcho(socket, `${round} ${wave} ${index} `.repeat(index * 50 + 1)),
      );
      await Promise.all(Array.from({ length: 100 }, () => visit(url, port, random)));
      await Promise.all(echoes);
      echoed += echoes.length;
    }
    while (server.clients.size > living.length || sessionCount() > 2 * living.length) await turn();
    collect();
    rounds.push({ memory: memorySize(), heap: process.memoryUsage().heapUsed });
  }
  const [first, ...later] = rounds as [{ memory: number; heap: number }];
  for (const { memory } of later) assert.equal(memory, first.memory, "the engine's memory");
  assert.equal(sessionCount(), 2 * living.length);
  for (const socket of living) assert.equal(socket.readyState, WebSocket.OPEN);
  const ends = living.map((socket) => closed(socket));
  for (const socket of living) socket.close(1000, "");
  assert.ok((await Promise.all(ends)).every((event) => event.code === 1000 && event.wasClean));
  while (sessionCount() > 0) await turn();
  const heap = rounds.map((each) => `${(each.heap / 2 ** 20).toFixed(1)} MiB`).join(", ");
  t.diagnostic(
    `both · 3 × 2,000 connections dropped at random · 20 that lived got all ${echoed} messages; sessions back to 0; ` +
      `engine memory ${rounds.map((each) => each.memory >> 10).join(", ")} KiB after each round, JS heap ${heap}`,
  );
});

/** Opens a connection of some kind, has messages in flight, and leaves in some way. */
async function visit(url: string, port: number, random: () => number): Promise<void> {
  const payload = Buffer.alloc(Math.floor(random() * 50_000), 1);
  const kind = Math.floor(random() * 6);
  if (kind < 3) {
    const socket = new WebSocket(url);
    const end = closed(socket);
    socket.onopen = () => {
      socket.send(payload);
      socket.send(String(payload));
      if (kind === 0) socket.terminate();
      if (kind === 1) socket.close(1000, "");
      if (kind === 2) setImmediate(() => socket.terminate());
    };
    if (random() < 0.1) socket.close(); // while it opens
    await end;
    return;
  }
  const tcp = connectTcp(port, "127.0.0.1");
  tcp.on("error", () => {});
  await once(tcp, "connect");
  const gone = once(tcp, "close");
  tcp.resume();
  const frames = Buffer.concat([masked(0x82, payload), masked(0x81, "more"), masked(0x01, "unfinished")]);
  if (kind === 3) {
    tcp.write(REQUEST.slice(0, Math.floor(random() * REQUEST.length))); // in the middle of the handshake
    tcp.destroy();
  } else {
    tcp.write(REQUEST);
    tcp.write(frames.subarray(0, Math.floor(random() * frames.length)));
    if (random() < 0.5) await once(tcp, "data");
    if (kind === 4) tcp.resetAndDestroy();
    else tcp.end();
  }
  await gone;
}

async function expectEcho(socket: WebSocket, text: string): Promise<void> {
  const message = nextEvent<MessageEvent>(socket, "message");
  socket.send(text);
  assert.equal((await message).data, text);
}
