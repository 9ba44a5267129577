/**
 * A peer that goes, or drops TCP, while our side is busy: nothing waits for ever, and what was sent before is with the
 * network.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { type TestContext, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";

import { WebSocket, WebSocketStream } from "websocket-component";
import { WebSocketServer as ServerOfWs, WebSocket as WebSocketOfWs } from "websocket-component/ws";

import { driven } from "./driven.js";
import { connector, type Ends, FRAME, ROLES } from "./ends.js";
import { closed, garbageCollector, inner, masked, nextEvent, once, RawPeer, serve, within } from "./support.js";

const COUNT = 50;
/** More of them than the system's buffers hold. */
const ANSWER = Buffer.alloc(1 << 20);

/** The peer asks often, reads nothing, and drops TCP once the answers wait. */
async function askAndGo({ peer, socket }: Pick<Ends, "peer" | "socket">, request: Buffer): Promise<void> {
  peer.socket.pause();
  peer.write(...Array<Buffer>(COUNT).fill(request));
  for (let idle = 0, before = -1; idle < 100; idle = socket.bufferedAmount === before ? idle + 1 : 0) {
    before = socket.bufferedAmount;
    await turn();
  }
  peer.socket.resetAndDestroy();
}

const ANSWERS: { readonly [name: string]: (socket: WebSocket) => Promise<void> } = {
  write: (socket) => socket.write(ANSWER),
  ready: (socket) => {
    socket.send(ANSWER);
    return socket.ready;
  },
  sendStream: (socket) => socket.sendStream([ANSWER]),
};

for (const role of ROLES) {
  const request = FRAME[role](0x81, "ask");

  for (const [name, answer] of Object.entries(ANSWERS)) {
    test(`a ${role}'s loop that awaits ${name} ends when TCP breaks, though messages wait for it`, async (t) => {
      const ends = await (await connector(t, role))();
      const end = closed(ends.socket);
      const loop = (async () => {
        for await (const _ of ends.socket) await answer(ends.socket);
      })();
      const rejected = assert.rejects(within("the loop", loop), { code: "WS_ERR_NOT_SENT" });
      await askAndGo(ends, request);
      await rejected;
      assert.equal((await end).code, 1006);
    });

    test(`a ${role} that goes on when ${name} fails gets all that came before TCP broke`, async (t) => {
      const ends = await (await connector(t, role))();
      let [count, failed] = [0, 0];
      const loop = (async () => {
        for await (const _ of ends.socket) {
          count += 1;
          await answer(ends.socket).catch(() => (failed += 1));
        }
      })();
      const rejected = assert.rejects(within("the loop", loop), /connection/);
      await askAndGo(ends, request);
      await rejected;
      assert.equal(count, COUNT);
      assert.ok(failed > 0);
    });
  }

  test(`the streams of a ${role}, piped to each other, end when TCP breaks`, async (t) => {
    const ends = await (await connector(t, role))();
    const stream = new WebSocketStream(ends.socket);
    const { readable, writable } = await stream.opened;
    const answers = new TransformStream({ transform: (_, controller) => controller.enqueue(ANSWER) });
    const piped = readable.pipeThrough(answers as never).pipeTo(writable as never);
    const rejected = assert.rejects(within("the pipe", piped), { closeCode: 1006 });
    await askAndGo(ends, request);
    await rejected;
    await assert.rejects(stream.closed, { closeCode: 1006 });
  });

  test(`a ${role} that has lost its peer, and has messages to read, is closing: it sends nothing, and close ends it`, async (t) => {
    const { socket, peer } = await (await connector(t, role))();
    const end = closed(socket);
    const messages = socket[Symbol.asyncIterator]();
    peer.write(request, request);
    await messages.next();
    peer.socket.resetAndDestroy();
    const isClosing = (async () => {
      while (socket.readyState === WebSocket.OPEN) await turn();
    })();
    await within("the end of TCP", isClosing);
    assert.equal(socket.readyState, WebSocket.CLOSING);
    await assert.rejects(socket.write("late"), { code: "WS_ERR_NOT_SENT" });
    await assert.rejects(socket.ready, { code: "WS_ERR_NOT_SENT" });
    socket.close();
    assert.equal((await within("the close", end)).code, 1006);
  });
}

/** A server's socket with the API of ws, and its peer. */
async function servedByWs(t: TestContext): Promise<{ socket: WebSocketOfWs; peer: RawPeer }> {
  const server = new ServerOfWs({ port: 0, host: "127.0.0.1" });
  await once(server, "listening");
  t.after(() => server.close());
  const connection = once(server, "connection") as Promise<[WebSocketOfWs]>;
  const peer = await RawPeer.connect((server.address() as { port: number }).port);
  const [socket] = await connection;
  socket.on("error", () => {});
  return { socket, peer };
}

test("a socket of ws that resumes when its answer was taken closes when TCP breaks", async (t) => {
  const { socket, peer } = await servedByWs(t);
  const failures: unknown[] = [];
  socket.on("message", () => {
    socket.pause();
    socket.send(ANSWER, (error) => {
      if (error) failures.push(error);
      socket.resume();
    });
  });
  const end = once(socket, "close");
  await askAndGo({ peer, socket: socket as never }, masked(0x81, "ask"));
  assert.equal((await end)[0], 1006);
  assert.ok(failures.length > 0);
});

test("a callback behind a Blob that is read after the end of a socket of ws is called, with the reason", async (t) => {
  const { url } = await serve(t);
  const socket = new WebSocketOfWs(url);
  await once(socket, "open");
  const blob = new Blob(["slow"]);
  const read = blob.arrayBuffer.bind(blob);
  let go = () => {};
  const gone = new Promise<void>((resolve) => (go = resolve));
  blob.arrayBuffer = () => gone.then(read);
  const outcomes = ["blob", "text", "ping"].map((name) => {
    const data = name === "blob" ? blob : name;
    return new Promise<unknown>((resolve) =>
      name === "ping" ? socket.ping(data as string, true, resolve) : socket.send(data, resolve),
    );
  });
  const end = once(socket, "close");
  socket.terminate();
  await end;
  go();
  for (const outcome of await within("the callbacks", Promise.all(outcomes))) assert.ok(outcome instanceof Error);
});

/** What a peer gets from a program that sends and ends. */
const ENDINGS: { readonly [name: string]: string } = {
  "ends the process": "socket.send('bye'); process.exit();",
  "throws an uncaught error": "socket.send('bye'); throw new Error('of the program');",
  "ends the process in a listener of messages": "socket.onmessage = () => { socket.send('bye'); process.exit(); };",
  "terminates the connection": "socket.send('bye'); socket.terminate();",
  "ends the process without awaiting write": "void socket.write('bye'); process.exit();",
};

for (const [name, code] of Object.entries(ENDINGS)) {
  test(`what a program has sent before it ${name} is sent`, async (t) => {
    const received: unknown[] = [];
    const { url } = await serve(t, {}, (socket) => {
      socket.addEventListener("message", ({ data }) => received.push(data));
      socket.send("go");
    });
    const program = `
      const { WebSocket } = await import("websocket-component");
      const socket = new WebSocket(${JSON.stringify(url)});
      await socket.ready;
      ${code}`;
    const child = spawn(process.execPath, ["--input-type=module", "--eval", program], { stdio: "ignore" });
    await once(child, "exit");
    for (let turns = 0; received.length === 0 && turns < 1000; turns++) await turn();
    assert.deepEqual(received, ["bye"]);
  });
}

test("what a listener of open throws is uncaught, as in ws, and what it has sent is sent", async (t) => {
  const received: unknown[] = [];
  const { url } = await serve(t, {}, (socket) => {
    socket.addEventListener("message", ({ data }) => received.push(data));
  });
  const program = `
    import { WebSocket } from "websocket-component/ws";
    const socket = new WebSocket(${JSON.stringify(url)});
    socket.on("error", () => {});
    socket.on("open", () => { socket.send("bye"); throw new Error("of the program"); });`;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", program], { stdio: "ignore" });
  assert.equal((await once(child, "exit"))[0], 1);
  for (let turns = 0; received.length === 0 && turns < 1000; turns++) await turn();
  assert.deepEqual(received, ["bye"]);
});

test("a connection that was terminated keeps nothing of what waited behind a long message, and tells no drain", async (t) => {
  const { url } = await serve(t, { perMessageDeflate: true });
  const socket = new WebSocket(url, { perMessageDeflate: true });
  await nextEvent(socket, "open");
  const collect = garbageCollector();
  collect();
  const before = process.memoryUsage().arrayBuffers;
  let drains = 0;
  socket.addEventListener("drain", () => (drains += 1));
  for (let count = 0; count < 8; count++) socket.send(Buffer.alloc(8 << 20, count), { compress: true });
  const end = closed(socket);
  socket.terminate();
  await end;
  for (let turns = 0; turns < 10; turns++) await turn();
  collect();
  assert.ok(process.memoryUsage().arrayBuffers - before < 8 << 20);
  assert.ok(socket.bufferedAmount > 32 << 20, "it counts what has not left all the same");
  assert.equal(drains, 0);
});

test("a ping behind a long message has the bytes that it was given, and is refused at once if it has too many", async (t) => {
  const { url, server } = await serve(t, { perMessageDeflate: true });
  const connection = once(server, "connection") as Promise<[WebSocket]>;
  const socket = new WebSocket(url, { perMessageDeflate: true });
  await nextEvent(socket, "open");
  const [peer] = await connection;
  const pinged = nextEvent<Event & { data: Uint8Array }>(peer, "ping");
  peer.onmessage = () => {};
  socket.send("x".repeat(1 << 20), { compress: true });
  const payload = Buffer.from("AAAA");
  socket.ping(payload);
  payload.fill("B");
  assert.throws(() => socket.ping(Buffer.alloc(126)), { code: "E_INVALIDARG" });
  assert.equal(Buffer.from((await pinged).data).toString(), "AAAA");
  assert.equal(socket.readyState, WebSocket.OPEN);
  socket.close();
  await closed(socket);
});

test("a socket of ws closes behind the callbacks of all that was not sent, though one of them resumes it", async (t) => {
  const { socket, peer } = await servedByWs(t);
  const told: unknown[] = [];
  socket.on("message", (data) => {
    told.push(String(data));
    if (told.length === 1) socket.pause();
  });
  socket.on("close", (code) => told.push(code));
  const end = once(socket, "close");
  peer.socket.pause();
  peer.write(masked(0x81, "first"), masked(0x81, "second"));
  while (told.length === 0) await turn();
  for (let count = 0; count < 12; count++)
    socket.send(ANSWER, (error) => {
      if (!error) return;
      told.push("unsent");
      socket.resume();
    });
  await turn();
  peer.socket.resetAndDestroy();
  await end;
  assert.deepEqual(told.slice(0, 2), ["first", "unsent"]);
  assert.deepEqual([told.at(-1), told.indexOf(1006)], [1006, told.length - 1]);
  assert.ok(told.includes("second"));
});

test("a connection that has lost its peer, and has messages to read, holds nothing of what it has sent", async (t) => {
  const ends = await (await connector(t, "server"))();
  const { socket, peer } = ends;
  const messages = socket[Symbol.asyncIterator]();
  peer.socket.pause();
  peer.write(masked(0x81, "1"), masked(0x81, "2"));
  await messages.next();
  socket.send(Buffer.alloc(16 << 20));
  await turn();
  peer.socket.resetAndDestroy();
  while (socket.readyState === WebSocket.OPEN) await turn();
  await turn();
  assert.equal(socket.bufferedAmount, 16 << 20, "it counts what has not left all the same");
  assert.equal((await messages.next()).value, "2");
});

test("what has little in it does not fill maxBufferedBytes, however much memory it is in", () => {
  const network = { takesAtOnce: true, givesBack: true };
  const settings = { maxBufferedBytes: 100_000 };
  const { connection, ends, written } = driven(true, { isSlow: true, network, settings });
  for (let count = 0; count < 5; count++) {
    connection.send("a few bytes");
    connection.flush();
  }
  assert.deepEqual([ends, written.length], [[], 5]);
});

test("terminate tells no drain, though what was due is with the network", async (t) => {
  const { url } = await serve(t);
  const socket = new WebSocket(url);
  await nextEvent(socket, "open");
  let drains = 0;
  socket.addEventListener("drain", () => (drains += 1));
  socket.send("the last");
  const end = closed(socket);
  socket.terminate();
  await end;
  await turn();
  assert.equal(drains, 0);
});

test("copies of the package share one listener of the process's end", async () => {
  const copy = await inner<{ onceAtExit(callback: () => void): void }>("transport/tasks.js?copy");
  const { onceAtExit } = await inner<typeof copy>("transport/tasks.js");
  onceAtExit(() => {});
  const before = process.listenerCount("exit");
  copy.onceAtExit(() => {});
  assert.equal(process.listenerCount("exit"), before);
});

test("what other sockets have sent is sent though a callback ends the process", async (t) => {
  const received: unknown[] = [];
  const { url } = await serve(t, {}, (socket) => {
    socket.addEventListener("message", ({ data }) => received.push(data));
  });
  const program = `
    import { WebSocket } from "websocket-component/ws";
    const sockets = [1, 2].map(() => new WebSocket(${JSON.stringify(url)}));
    await Promise.all(sockets.map((socket) => new Promise((resolve) => socket.on("open", resolve))));
    sockets[0].send("first", () => process.exit());
    sockets[1].send("second");`;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", program], { stdio: "ignore" });
  await once(child, "exit");
  for (let turns = 0; received.length < 2 && turns < 1000; turns++) await turn();
  assert.deepEqual(received.sort(), ["first", "second"]);
});

test("a budget counts the whole memory that a peer holds which takes nothing, not the few bytes in it", () => {
  let held = 0;
  const budget = { update: (_: unknown, before: number, now: number) => (held += now - before), forget: () => {} };
  const network = { takesAtOnce: true, givesBack: true };
  const { connection, parts } = driven(true, { isSlow: true, network, settings: { budget } });
  connection.send("a few bytes, and all of a slab");
  connection.flush();
  assert.ok(held >= (parts[0]?.buffer.byteLength ?? Number.POSITIVE_INFINITY), `${held} bytes`);
});
