/** What one connection must not do to the others: memory, traps, listeners that throw, many at once. */
import assert from "node:assert/strict";
import { Socket } from "node:net";
import { Duplex } from "node:stream";
import { test } from "node:test";

import { EngineTrap, engineStatistics, WebSocket, WebSocketServer } from "websocket-component";

import {
  closed,
  garbageCollector,
  inner,
  masked,
  messages,
  nextEvent,
  once,
  RawPeer,
  REQUEST,
  serve,
  serveEcho,
  sessionCount,
  take,
  unmasked,
  within,
} from "./support.js";

interface Engine {
  memorySize(): number;
  scratch(): { bytes: Uint8Array; input: Uint8Array; output: Uint8Array };
  wasm: {
    Session: new (
      server: boolean,
      frame: number,
      message: number,
      fragments: number,
    ) => { __wbg_ptr: number; free(): void };
  };
}
interface Sessions {
  FrameSession: new (
    session: unknown,
    server: boolean,
  ) => {
    receive(chunk: Uint8Array, received: unknown[]): number;
    sendText(text: string): void;
    settle(): void;
    takeOutput(): Uint8Array[];
    watch(): void;
    free(): void;
  };
  sessionCount(): number;
}

test("a session's memory goes with its connection", async (t) => {
  const { url } = await serveEcho(t);
  assert.equal(sessionCount(), 0);
  const socket = new WebSocket(url);
  await nextEvent(socket, "open");
  assert.equal(sessionCount(), 2);
  socket.close();
  await closed(socket);
  while (sessionCount() > 0) await new Promise((turn) => setImmediate(turn));
});

test("a session that is watched, and forgotten, is freed by the garbage collector", async () => {
  const collect = garbageCollector();
  const { wasm } = await inner<Engine>("engine/engine.js");
  const { FrameSession } = await inner<Sessions>("session/session.js");
  const freed: number[] = [];
  const free = wasm.Session.prototype.free;
  countFrees(wasm, () => freed.push(1));
  for (let index = 0; index < 10; index++) new FrameSession(new wasm.Session(true, 1, 1, 1), true).watch();
  for (let turn = 0; turn < 50 && freed.length < 10; turn++) {
    collect();
    await new Promise((next) => setTimeout(next, 5));
  }
  wasm.Session.prototype.free = free;
  assert.equal(freed.length, 10);
});

test("a stream that is handed over without a head is a connection, and its session ends with it", async () => {
  const before = sessionCount();
  const server = new WebSocketServer({ noServer: true });
  const errors: unknown[] = [];
  server.on("error", (error) => errors.push(error));
  for (const head of [undefined, null]) {
    const stream = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
    const [, ...lines] = REQUEST.trim().split("\r\n");
    const rawHeaders = lines.flatMap((line) => line.split(": "));
    const request = { method: "GET", url: "/", httpVersion: "1.1", headers: {}, rawHeaders, socket: stream };
    const accepted = new Promise<WebSocket>((resolve) => {
      server.handleUpgrade(request as never, stream, head as never, resolve);
    });
    const socket = await within("the connection", accepted);
    assert.equal(sessionCount(), before + 1);
    const end = closed(socket);
    socket.terminate();
    await end;
    assert.equal(sessionCount(), before);
  }
  assert.deepEqual(errors, []);
});

test("a connection over a stream that the application drops is freed by the garbage collector", async () => {
  const collect = garbageCollector();
  const before = sessionCount();
  const accept = (server: WebSocketServer): void => {
    const stream = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
    const fields = ["Host: localhost", "Upgrade: websocket", "Connection: Upgrade"].flatMap((line) => line.split(": "));
    const rawHeaders = [...fields, "Sec-WebSocket-Version", "13", "Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="];
    const request = { method: "GET", url: "/", httpVersion: "1.1", headers: { host: "localhost" }, rawHeaders };
    server.handleUpgrade(Object.assign(request, { socket: stream }) as never, stream, Buffer.alloc(0), () => {});
  };
  for (let count = 0; count < 10; count++) accept(new WebSocketServer({ noServer: true }));
  assert.equal(sessionCount(), before + 10);
  for (let turn = 0; turn < 200 && sessionCount() > before; turn++) {
    collect();
    await new Promise((next) => setTimeout(next, 5));
  }
  assert.equal(sessionCount(), before);
  const { NodeTransport } = await inner<{ NodeTransport: new (stream: Duplex) => { isHeld: boolean } }>(
    "transport/node.js",
  );
  assert.equal(new NodeTransport(new Socket()).isHeld, true, "the runtime holds the system's, which close");
});

test("a connection that is over is kept by no budget, its server's or the process's", async () => {
  const collect = garbageCollector();
  const { Budget } = await inner<{
    Budget: new (
      most: number,
      options?: object,
    ) => { update(holder: object, before: number, now: number): void; forget(holder: object): void };
  }>("connection/budget.js");
  const budget = new Budget(1e6, { whole: new Budget(1e6) });
  const over = () => {
    const holder = { letGo() {} };
    budget.update(holder, 0, 100_000);
    budget.update(holder, 100_000, 0);
    budget.forget(holder);
    return new WeakRef(holder);
  };
  const kept = over();
  for (let turns = 0; turns < 50 && kept.deref() !== undefined; turns++) {
    await new Promise((turn) => setImmediate(turn));
    collect();
  }
  assert.equal(kept.deref(), undefined);
  budget.update({}, 0, 1); // it is in use still
});

function countFrees(wasm: Engine["wasm"], onFree: () => void): void {
  const free = wasm.Session.prototype.free;
  wasm.Session.prototype.free = function () {
    onFree();
    free.call(this);
  };
}

/** Lets the pointer of a session to the bytes that it keeps point outside of memory. */
function damage({ bytes }: { bytes: Uint8Array }, session: { __wbg_ptr: number }, kept: Buffer): void {
  const words = new Uint32Array(bytes.buffer, session.__wbg_ptr, 128);
  const pointer = words.findIndex((word) => kept.equals(bytes.subarray(word, word + kept.length)));
  assert.ok(pointer >= 0, "the pointer to the bytes that it keeps");
  words[pointer] = 0xffff_fff0;
}

test("a trap in one session loses that session, and no byte of the others", async () => {
  const { scratch, wasm } = await inner<Engine>("engine/engine.js");
  const { FrameSession } = await inner<Sessions>("session/session.js");
  const before = sessionCount();
  const broken = new wasm.Session(true, 1e9, 1e9, 1e9);
  const [victim, bystander] = [
    new FrameSession(broken, true),
    new FrameSession(new wasm.Session(true, 1e9, 1e9, 1e9), true),
  ];
  // both in the middle of something
  assert.deepEqual(take(bystander, masked(0x01, "half")), []);
  bystander.sendText("waiting in shared memory");
  bystander.settle();
  // the victim keeps the first bytes of a frame
  const frame = masked(0x81, "x");
  take(victim, frame.subarray(0, 5));
  damage(scratch(), broken, frame.subarray(0, 5));
  const [outcome] = take(victim, frame.subarray(5)) as { kind: string; error: Error }[];
  assert.equal(outcome?.kind, "trapped");
  assert.ok(outcome?.error instanceof EngineTrap);
  assert.ok(outcome?.error.cause instanceof WebAssembly.RuntimeError);
  assert.throws(() => victim.sendText("again"), TypeError);
  assert.equal(sessionCount(), before + 1);
  assert.deepEqual(Buffer.concat(bystander.takeOutput()), unmasked(0x81, "waiting in shared memory"));
  assert.deepEqual(take(bystander, masked(0x80, " and whole")), ["half and whole"]);
  bystander.sendText("on");
  assert.deepEqual(Buffer.concat(bystander.takeOutput()), unmasked(0x81, "on"));
  bystander.free();
  assert.equal(sessionCount(), before);
});

test("a thousand traps lose a thousand sessions, are counted, and take no scratch memory with them", async () => {
  const { memorySize, scratch, wasm } = await inner<Engine>("engine/engine.js");
  const { FrameSession } = await inner<Sessions>("session/session.js");
  const place = () => [scratch().input.byteOffset, scratch().output.byteOffset];
  const before = { place: place(), traps: engineStatistics().traps, sessions: sessionCount(), memory: memorySize() };
  for (let round = 0; round < 1000; round++) {
    const broken = new wasm.Session(true, 1e9, 1e9, 1e9);
    const victim = new FrameSession(broken, true);
    const frame = masked(0x81, "x");
    take(victim, frame.subarray(0, 5));
    damage(scratch(), broken, frame.subarray(0, 5));
    const [outcome] = take(victim, frame.subarray(5)) as { kind: string }[];
    assert.equal(outcome?.kind, "trapped");
  }
  assert.deepEqual(place(), before.place);
  assert.equal(engineStatistics().traps, before.traps + 1000);
  assert.equal(sessionCount(), before.sessions);
  // a session without compression takes less than 1 KiB; the memory grows by 4 MiB at least
  assert.ok(memorySize() <= before.memory + 4 * 1024 * 1024);
});

test("views of the engine's memory survive its growth", async () => {
  const { memorySize, wasm } = await inner<Engine>("engine/engine.js");
  const { FrameSession } = await inner<Sessions>("session/session.js");
  const session = new FrameSession(new wasm.Session(true, 1e9, 1e9, 1e9), true);
  const size = memorySize();
  const others = [];
  while (memorySize() === size) {
    const other = new FrameSession(new wasm.Session(true, 1e9, 1e9, 1e9), true);
    take(other, masked(0x89, "a ping that is cut off").subarray(0, 20));
    others.push(other);
  }
  session.sendText("after");
  assert.deepEqual(take(session, masked(0x81, "growth")), ["growth"]);
  assert.deepEqual(Buffer.concat(session.takeOutput()), unmasked(0x81, "after"));
  for (const one of [session, ...others]) one.free();
});

test("a listener that throws is reported, and its connection and the others go on", async (t) => {
  const reported: unknown[] = [];
  const report = (error: unknown) => reported.push(error);
  process.setUncaughtExceptionCaptureCallback(report);
  t.after(() => process.setUncaughtExceptionCaptureCallback(null));
  const { url } = await serveEcho(t);
  const [first, second] = [new WebSocket(url), new WebSocket(url)];
  await Promise.all([nextEvent(first, "open"), nextEvent(second, "open")]);
  first.addEventListener("message", () => {
    throw new Error("from a listener");
  });
  const received = [messages(first, 2), messages(second, 1)];
  first.send("1");
  first.send("2");
  second.send("3");
  assert.deepEqual(await Promise.all(received), [["1", "2"], ["3"]]);
  assert.deepEqual(reported.map(String), ["Error: from a listener", "Error: from a listener"]);
  for (const socket of [first, second]) socket.close();
});

test("a connection event whose listener throws leaves a connection that closes in order", async (t) => {
  const reported: unknown[] = [];
  const { url, server } = await serve(t, {}, () => {
    throw new Error("from the connection listener");
  });
  server.on("error", (error) => reported.push(error));
  const socket = new WebSocket(url);
  await nextEvent(socket, "open");
  assert.deepEqual(
    [(await closed(socket)).code, reported.map(String)],
    [1011, ["Error: from the connection listener"]],
  );
  while (server.clients.size > 0) await new Promise((turn) => setImmediate(turn));
});

test("close of a server says 1001 to every client, and ends those that do not answer", async (t) => {
  const { url, port, server } = await serve(t, { closeTimeout: 50 });
  const socket = new WebSocket(url);
  await nextEvent(socket, "open");
  const deaf = await RawPeer.connect(port);
  await deaf.head();
  const end = closed(socket);
  await server.close();
  assert.deepEqual([(await end).code, (await end).wasClean], [1001, true]);
  assert.equal(server.clients.size, 0);
  deaf.socket.destroy();
});

test("a server needs one way to get connections", () => {
  for (const options of [{}, { port: 0, noServer: true }]) {
    assert.throws(() => new WebSocketServer(options), { code: "WS_ERR_INVALID_OPTION" });
  }
});

test("a port that is taken is an error event", async (t) => {
  const { port } = await serve(t);
  const second = new WebSocketServer({ port, host: "127.0.0.1" });
  const [error] = (await once(second, "error")) as [NodeJS.ErrnoException];
  assert.equal(error.code, "EADDRINUSE");
});

test("a trap leaves sockets that compress as they were", async (t) => {
  const { scratch, wasm } = await inner<Engine>("engine/engine.js");
  const { FrameSession } = await inner<Sessions>("session/session.js");
  const { url } = await serveEcho(t, { perMessageDeflate: { threshold: 0 } });
  const socket = new WebSocket(url, { perMessageDeflate: { threshold: 0 } });
  await nextEvent(socket, "open");
  const broken = new wasm.Session(true, 1e9, 1e9, 1e9);
  const victim = new FrameSession(broken, true);
  const frame = masked(0x81, "x");
  take(victim, frame.subarray(0, 5));
  damage(scratch(), broken, frame.subarray(0, 5));
  const [outcome] = take(victim, frame.subarray(5)) as { kind: string }[];
  assert.equal(outcome?.kind, "trapped");
  const received = messages(socket, 1);
  socket.send("compressed both ways");
  assert.deepEqual(await received, ["compressed both ways"]);
  socket.close();
  await closed(socket);
});
