/** Connections that end in an unusual place: in a handshake that traps, while paused, while a verdict is awaited. */
import assert from "node:assert/strict";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { type TestContext, test } from "node:test";

import { EngineTrap, type ErrorEvent, WebSocket, WebSocketError, WebSocketServer } from "websocket-component";

import { connector, FRAME, ROLES, statusBytes } from "./ends.js";
import {
  acceptOf,
  closed,
  garbageCollector,
  hex,
  inner,
  masked,
  messages,
  mustBeCollected,
  nextEvent,
  once,
  RawPeer,
  rawClient,
  rawServer,
  serve,
  serveEcho,
  serveRaw,
  sessionCount,
  take,
  unclaimed,
  unmasked,
} from "./support.js";

type Method = (this: unknown, ...args: unknown[]) => unknown;
interface Engine {
  memorySize(): number;
  scratch(): { bytes: Uint8Array };
  wasm: {
    Handle: { prototype: Record<string, Method> };
    Session: new (server: boolean, frame: number, message: number, fragments: number) => { __wbg_ptr: number };
  };
}

const turn = () => new Promise((next) => setImmediate(next));

/** Our side of a connection that paused at the first of three messages and was then reset by its peer. */
async function pausedAndReset(t: TestContext): Promise<{ server: WebSocketServer; socket: WebSocket }> {
  const { port, server } = await serve(t, { closeTimeout: 50 });
  const connection = once(server, "connection");
  let transportClosed: Promise<unknown> | undefined;
  server.on("connection", (_socket, request) => {
    transportClosed = new Promise((resolve) => request.socket.once("close", resolve));
  });
  const peer = await RawPeer.connect(port);
  const [socket] = (await connection) as [WebSocket];
  await peer.head();
  const paused = new Promise<void>((resolve) => {
    socket.onmessage = () => {
      socket.pause();
      resolve();
    };
  });
  peer.write(masked(0x81, "1"), masked(0x81, "2"), masked(0x81, "3"));
  await paused;
  peer.socket.resetAndDestroy();
  // a stream that does not read learns of the reset when it writes
  socket.send("into the void");
  await transportClosed;
  return { server, socket };
}

test("a paused socket whose peer has gone closes when it is terminated", async (t) => {
  const { socket } = await pausedAndReset(t);
  const end = closed(socket);
  socket.terminate();
  assert.equal((await end).code, 1006);
  assert.equal(sessionCount(), 0);
});

test("a paused socket whose peer has gone delivers what it held, and closes, when it is resumed", async (t) => {
  const { socket } = await pausedAndReset(t);
  const received: unknown[] = [];
  socket.onmessage = (event) => received.push(event.data);
  const end = closed(socket);
  socket.resume();
  assert.equal((await end).code, 1006);
  assert.deepEqual(received, ["2", "3"]);
});

test("a paused socket whose peer has gone does not keep a server from closing", async (t) => {
  const { server } = await pausedAndReset(t);
  await server.close();
  assert.equal(server.clients.size, 0);
});

/** Makes a method of the engine's handles trap, and returns whether a handle is freed afterwards. */
async function trapIn(t: TestContext, method: string): Promise<{ wasFreed: () => boolean }> {
  const { prototype } = (await inner<Engine>("engine/engine.js")).wasm.Handle;
  const { [method]: original, free } = prototype as { [name: string]: Method; free: Method };
  let lost: unknown;
  let wasFreed = false;
  prototype[method] = function () {
    lost = this;
    throw new WebAssembly.RuntimeError("unreachable");
  };
  prototype.free = function () {
    wasFreed ||= this === lost;
    free.call(this);
  };
  t.after(() => Object.assign(prototype, { [method]: original, free }));
  return { wasFreed: () => wasFreed };
}

/** A server by hand that answers a handshake, sends what is given behind it, and closes its side. */
function serveOnce(t: TestContext, ...behind: Buffer[]): Promise<string> {
  return serveRaw(t, async (peer) => {
    const request = await peer.head().catch(() => undefined);
    if (request === undefined) return;
    const fields = `Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${acceptOf(request)}`;
    peer.write(Buffer.from(`HTTP/1.1 101 Switching Protocols\r\n${fields}\r\n\r\n`), ...behind);
    peer.socket.end();
  });
}

for (const method of ["begin_client_handshake", "end_client_handshake", "into_session"]) {
  test(`a trap in a client's ${method} is an error and a close with 1006`, async (t) => {
    const url = await serveOnce(t);
    const { wasFreed } = await trapIn(t, method);
    const socket = new WebSocket(url);
    const error = nextEvent<ErrorEvent>(socket, "error");
    const end = closed(socket);
    assert.ok((await error).error instanceof EngineTrap);
    assert.equal((await end).code, 1006);
    assert.equal(wasFreed(), false);
  });
}

for (const method of ["begin_server_handshake", "into_session"]) {
  test(`a trap in a server's ${method} is answered with 500 and a warning, and the server goes on`, async (t) => {
    const { port, url } = await serveEcho(t);
    const steady = new WebSocket(url);
    await nextEvent(steady, "open");
    const { wasFreed } = await trapIn(t, method);
    const warning = once(process, "warning");
    const peer = await RawPeer.connect(port);
    assert.match(String(await peer.rest()), /^HTTP\/1.1 500 /);
    assert.ok((await warning)[0].cause instanceof EngineTrap);
    assert.equal(wasFreed(), false);
    const received = messages(steady, 1);
    steady.send("still here");
    assert.deepEqual(await received, ["still here"]);
    steady.close();
  });
}

test("a session whose memory was damaged is given up quietly when its connection ends", async () => {
  const { scratch, wasm } = await inner<Engine>("engine/engine.js");
  const { FrameSession } = await inner<{
    FrameSession: new (
      session: unknown,
      server: boolean,
    ) => { receive(chunk: Uint8Array, received: unknown[]): number; free(): void };
  }>("session/session.js");
  const before = sessionCount();
  const broken = new wasm.Session(true, 1e9, 1e9, 1e9);
  const victim = new FrameSession(broken, true);
  const kept = masked(0x81, "x").subarray(0, 5);
  take(victim, kept);
  const { bytes } = scratch();
  const words = new Uint32Array(bytes.buffer, broken.__wbg_ptr, 128);
  const pointer = words.findIndex((word) => kept.equals(bytes.subarray(word, word + 5)));
  assert.ok(pointer >= 0, "the pointer to the bytes it keeps");
  words[pointer] = 0xffff_fff0;
  victim.free();
  assert.equal(sessionCount(), before);
  const other = new FrameSession(new wasm.Session(true, 1e9, 1e9, 1e9), true);
  assert.deepEqual(take(other, masked(0x81, "fine")), ["fine"]);
  other.free();
});

/** An echo server that asks the test for its verdict. */
async function serveUndecided(
  t: TestContext,
): Promise<{ server: WebSocketServer; port: number; asked: Promise<[IncomingMessage, (verdict: boolean) => void]> }> {
  let ask: (question: [IncomingMessage, (verdict: boolean) => void]) => void;
  const asked = new Promise<[IncomingMessage, (verdict: boolean) => void]>((resolve) => {
    ask = resolve;
  });
  const verify = (request: IncomingMessage) => new Promise<boolean>((decide) => ask([request, decide]));
  const { server, port } = await serveEcho(t, { verify });
  return { server, port, asked };
}

test("a client that leaves while the verdict is awaited never becomes a connection", async (t) => {
  const { server, port, asked } = await serveUndecided(t);
  server.on("connection", () => assert.fail("unexpected connection"));
  const peer = await RawPeer.connect(port);
  const [request, decide] = await asked;
  const gone = new Promise((resolve) => request.socket.once("close", resolve));
  peer.socket.resetAndDestroy();
  await gone;
  decide(true);
  await turn();
  assert.equal(sessionCount(), 0);
});

test("what a client sends while the verdict is awaited is not lost", async (t) => {
  const { port, asked } = await serveUndecided(t);
  const peer = await RawPeer.connect(port, undefined, masked(0x81, "with the request"));
  const [, decide] = await asked;
  peer.write(masked(0x81, "after it"));
  await turn();
  decide(true);
  await peer.head();
  const expected = Buffer.concat([unmasked(0x81, "with the request"), unmasked(0x81, "after it")]);
  assert.deepEqual(await peer.bytes(expected.length), expected);
  peer.socket.destroy();
});

test("a response with a message, a close and the stream's end behind it is taken in order", async (t) => {
  const url = await serveOnce(t, unmasked(0x81, "all at once"), unmasked(0x88, hex("03E8")));
  const socket = new WebSocket(url);
  const log: unknown[] = [];
  socket.onopen = () => log.push("open");
  socket.onmessage = (event) => log.push(event.data);
  socket.onerror = () => log.push("error");
  const event = await closed(socket);
  assert.deepEqual([...log, event.code, event.wasClean], ["open", "all at once", 1000, true]);
});

test("an upgrade of another path is answered with 404 if no other listener could take it", async (t) => {
  const http = createServer().listen(0, "127.0.0.1");
  await once(http, "listening");
  const server = new WebSocketServer({ server: http, path: "/chat" });
  t.after(async () => {
    await server.close();
    http.close();
  });
  const { port } = http.address() as AddressInfo;
  const alone = await RawPeer.connect(port);
  assert.match(String(await alone.rest()), /^HTTP\/1.1 404 /);
  const answered = "HTTP/1.1 410 Gone\r\n\r\n";
  http.on("upgrade", (_request, socket) => socket.end(answered));
  const other = await RawPeer.connect(port);
  assert.equal(String(await other.rest()), answered);
  for (const peer of [alone, other]) peer.socket.destroy();
});

test("only a server makes a socket that is open at once", () => {
  const forged = { session: {}, transport: {}, url: "ws://localhost", toString: () => "no URL" };
  assert.throws(() => new WebSocket(forged as never), { name: "SyntaxError" });
});

test("a ping or pong over 125 bytes is refused with the same error, however long, and harms nothing", async (t) => {
  const { url } = await serveEcho(t);
  const socket = new WebSocket(url);
  await nextEvent(socket, "open");
  for (const size of [126, 40_000, 1 << 20]) {
    for (const control of ["ping", "pong"] as const) {
      assert.throws(() => socket[control](new Uint8Array(size)), {
        name: "WebSocketProtocolError",
        section: "RFC 6455 §5.5",
      });
    }
  }
  const received = messages(socket, 1);
  socket.send("goes on");
  assert.deepEqual(await received, ["goes on"]);
  socket.close();
});

test("a paused socket whose peer has closed its side delivers what it held, and then closes", async (t) => {
  for (const [connect, frame] of [
    [rawClient, masked],
    [rawServer, unmasked],
  ] as const) {
    for (const close of [Buffer.alloc(0), frame(0x88, hex("03E8"))]) {
      const { peer, socket } = await connect(t);
      const received: unknown[] = [];
      socket.onmessage = async (event) => {
        received.push(event.data);
        socket.pause();
        for (let turns = 0; turns < 10; turns++) await turn();
        socket.resume();
      };
      const end = closed(socket);
      peer.write(...["a", "b", "c"].map((text) => frame(0x81, text)), close);
      peer.socket.end();
      assert.equal((await end).code, close.length > 0 ? 1000 : 1006);
      assert.deepEqual(received, ["a", "b", "c"]);
    }
  }
});

test("what a loop sends leaves before the peer's end is seen behind the next message", async (t) => {
  const { peer, socket } = await unclaimed(t);
  socket.addEventListener("message", () => {});
  const loop = (async () => {
    for await (const data of socket) {
      for (let turns = 0; turns < 10; turns++) await turn();
      socket.send(data);
    }
  })();
  peer.write(masked(0x81, "a"), masked(0x81, "b"));
  peer.socket.end();
  assert.deepEqual((await peer.rest()).subarray(0, 3), unmasked(0x81, "a"));
  await assert.rejects(loop, { code: "WS_ERR_CONNECTION_LOST" });
});

test("a clean close makes no errors, and ends the server's socket once", async (t) => {
  const { peer, socket, tcp } = await unclaimed(t);
  let errors = 0;
  class Counted extends Error {
    constructor(...args: ConstructorParameters<ErrorConstructor>) {
      super(...args);
      errors += 1;
    }
  }
  const Base = Object.getPrototypeOf(WebSocketError);
  Object.setPrototypeOf(WebSocketError, Counted);
  t.after(() => Object.setPrototypeOf(WebSocketError, Base));
  const end = t.mock.method(tcp, "end");
  const over = closed(socket);
  peer.write(masked(0x88, hex("03E8")));
  peer.socket.end();
  assert.equal((await over).wasClean, true);
  assert.deepEqual([errors, end.mock.callCount()], [0, 1]);
  new WebSocketError("WS_ERR_TERMINATED", "is counted");
  assert.equal(errors, 1);
});

test("an idle connection keeps nothing of what has come", async (t) => {
  const collect = garbageCollector();
  const { url, server } = await serveEcho(t);
  const sockets = await Promise.all(
    Array.from({ length: 100 }, async () => {
      const socket = new WebSocket(url);
      await nextEvent(socket, "open");
      return socket;
    }),
  );
  const settle = async () => {
    await turn();
    collect();
    await turn();
    collect();
    return process.memoryUsage().arrayBuffers;
  };
  const before = await settle();
  for (const socket of sockets) {
    const echoed = nextEvent(socket, "message");
    socket.send("x".repeat(60_000));
    await echoed;
  }
  const grown = (await settle()) - before;
  assert.ok(grown < 100 * 1000, `${grown} bytes for 100 connections of each side`);
  for (const socket of sockets) socket.terminate();
  while (server.clients.size > 0) await turn();
});

for (const role of ROLES) {
  test(`a ${role}'s socket that is kept after a clean close does not keep its TCP socket`, async (t) => {
    const sockets: WeakRef<Socket>[] = [];
    const onSocket = (message: unknown) => void sockets.push(new WeakRef((message as { socket: Socket }).socket));
    subscribe(`net.${role}.socket`, onSocket);
    t.after(() => unsubscribe(`net.${role}.socket`, onSocket));
    const connect = await connector(t, role);
    const { peer, socket } = await connect();
    socket.ping();
    const ended = closed(socket);
    peer.write(FRAME[role](0x88, statusBytes(1000)));
    if (role === "client") peer.socket.end();
    await ended;
    const [kept, ...others] = sockets;
    assert.ok(kept !== undefined && others.length === 0);
    await mustBeCollected(kept);
    assert.equal(socket.statistics?.framesSent, 2);
    socket.send("too late");
    assert.equal(socket.bufferedAmount, "too late".length);
  });
}
