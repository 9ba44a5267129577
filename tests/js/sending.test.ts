/** Reading messages in a loop, and sending no faster than the network takes: `for await`, `write`, `ready`, `drain`. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";

import { type ErrorEvent, PreparedMessage, WebSocket, type WebSocketError } from "websocket-component";
import Ws from "ws";

import { clog, connector, FRAME, ROLES, statusBytes, summary, wireSize } from "./ends.js";
import { closed, masked, nextEvent, once, rawClient, serve, settled, unclaimed, unmasked } from "./support.js";

/** The data of all messages until the loop ends. */
async function read(socket: WebSocket): Promise<unknown[]> {
  const data: unknown[] = [];
  for await (const message of socket) data.push(message);
  return data;
}

for (const role of ROLES) {
  const frame = FRAME[role];

  test(`a loop over a ${role}'s messages gets them in order, by binaryType, and ends at a clean close`, async (t) => {
    const { socket, peer } = await (await connector(t, role))();
    const all = read(socket);
    peer.write(frame(0x81, "1"), frame(0x82, "2"), frame(0x81, ""), frame(0x88, statusBytes(1000)));
    peer.socket.end();
    assert.deepEqual(await all, ["1", Buffer.from("2"), ""]);
    assert.equal(socket.readyState, WebSocket.CLOSED);
    assert.deepEqual(await read(socket), [], "and one that is closed has none");
  });

  test(`a loop over a ${role}'s messages throws the typed error of a connection that fails, behind the messages`, async (t) => {
    const connect = await connector(t, role, { maxMessageSize: 10 });
    for (const [bytes, code] of [
      [Buffer.alloc(0), "WS_ERR_CONNECTION_LOST"],
      [frame(0x83, ""), "E_INVALID_PROTOCOL_FORMAT"],
      [frame(0x81, "x".repeat(11)), "E_INVALID_PROTOCOL_FORMAT"],
    ] as const) {
      const { socket, peer } = await connect();
      const data: unknown[] = [];
      const loop = (async () => {
        for await (const message of socket) data.push(message);
      })();
      peer.write(frame(0x81, "1"), frame(0x81, "2"), bytes);
      peer.socket.end();
      await assert.rejects(loop, { code });
      assert.deepEqual(data, ["1", "2"]);
      await assert.rejects(read(socket), { code }, "again");
    }
  });

  test(`leaving a loop loses no message of a ${role}, and closes nothing`, async (t) => {
    const { socket, peer } = await (await connector(t, role))();
    socket.onmessage = null;
    peer.write(...["1", "2", "3", "4", "5"].map((text) => frame(0x81, text)));
    const first = async (): Promise<unknown> => {
      for await (const data of socket) return data;
      return undefined;
    };
    assert.equal(await first(), "1");
    await turn();
    assert.equal(await first(), "2");
    await turn();
    const message = nextEvent<MessageEvent>(socket, "message");
    assert.equal((await message).data, "3", "a listener goes on");
    socket.close();
  });

  test(`closing a ${role} ends its loop, whatever was held`, async (t) => {
    const { socket, peer } = await (await connector(t, role))();
    socket.onmessage = null;
    peer.write(frame(0x81, "1"), frame(0x81, "2"));
    const data: unknown[] = [];
    const end = closed(socket);
    for await (const message of socket) {
      data.push(message);
      socket.close(1000);
      await peer.bytes(role === "server" ? 4 : 8);
      peer.write(frame(0x88, statusBytes(1000)));
      peer.socket.end();
      await end;
    }
    assert.deepEqual(data, ["1"]);
  });

  test(`a ${role}'s write is done when the network has taken the message, and not before`, async (t) => {
    const ends = await (await connector(t, role))();
    const { socket, peer } = ends;
    await socket.write("small");
    assert.equal(socket.bufferedAmount, 0);
    await clog(ends);
    const events: string[] = [];
    socket.addEventListener("drain", () => events.push(`drain ${socket.bufferedAmount}`));
    const written = socket.write(new Blob(["last"])).then(() => events.push("written"));
    const ready = socket.ready.then(() => events.push("ready"));
    for (let count = 0; count < 50; count++) await turn();
    assert.deepEqual(events, []);
    peer.socket.resume();
    await Promise.all([written, ready, nextEvent(socket, "drain")]);
    assert.deepEqual(new Set(events), new Set(["drain 0", "ready", "written"]));
  });

  test(`a ${role}'s drain comes once for all that was on its way, whether the network was full or never`, async (t) => {
    const ends = await (await connector(t, role))();
    const { socket, peer } = ends;
    let drains = 0;
    socket.addEventListener("drain", () => drains++);
    const settled = async () => {
      await nextEvent(socket, "drain");
      for (let count = 0; count < 50; count++) await turn();
    };
    for (let episode = 0; episode < 3; episode++) {
      drains = 0;
      for (const message of ["several", "small", "ones"]) socket.send(message);
      await settled();
      assert.deepEqual([drains, socket.bufferedAmount], [1, 0]);
      await clog(ends);
      drains = 0;
      socket.send("behind them");
      peer.socket.resume();
      await settled();
      assert.deepEqual([drains, socket.bufferedAmount], [1, 0]);
    }
  });

  test(`a ${role}'s drain comes for each write though the next one is sent as soon as it was taken`, async (t) => {
    const { socket } = await (await connector(t, role))();
    let drains = 0;
    socket.addEventListener("drain", () => drains++);
    for (const data of ["text", Buffer.from("bytes"), new PreparedMessage("prepared")]) {
      drains = 0;
      for (let count = 0; count < 100; count++) {
        const written = socket.write(data);
        assert.ok(socket.bufferedAmount >= 4, "which counts it");
        await written;
      }
      for (let turns = 0; turns < 10; turns++) await turn();
      assert.equal(drains, 100, `of ${data.constructor.name}`);
    }
  });

  test(`a ${role} that has sent too much tells no drain of what it had sent before`, async (t) => {
    const { socket } = await (await connector(t, role, { maxBufferedBytes: 50_000 }))();
    let drains = 0;
    socket.addEventListener("drain", () => drains++);
    const end = closed(socket);
    await socket.write("x".repeat(20_000));
    socket.send("x".repeat(60_000));
    assert.equal((await end).code, 1006);
    assert.equal(drains, 0);
  });

  test(`a ${role} whose drain no one has awaited tells no one later, when only a ping has left`, async (t) => {
    const { socket, peer } = await (await connector(t, role))();
    socket.send("data");
    await peer.bytes(wireSize(role, 4));
    while (socket.bufferedAmount > 0) await turn();
    for (let turns = 0; turns < 10; turns++) await turn();
    let drains = 0;
    socket.addEventListener("drain", () => (drains += 1));
    socket.ping();
    await peer.bytes(wireSize(role, 0));
    for (let turns = 0; turns < 10; turns++) await turn();
    assert.equal(drains, 0);
    socket.send("more");
    await nextEvent(socket, "drain");
    assert.equal(drains, 1);
  });

  test(`a message of a ${role} that is given up before its first bytes leaves nothing on the wire`, async (t) => {
    const ends = await (await connector(t, role))();
    const { socket, peer } = ends;
    const count = await clog(ends);
    const stop = new AbortController();
    const given = socket.sendStream(["", "too late"], { signal: stop.signal });
    await turn(); // its first chunk was taken, and waits for room
    stop.abort(new Error("enough"));
    await assert.rejects(given, { message: "enough" });
    peer.socket.resume();
    await socket.write("behind it");
    await peer.bytes(wireSize(role, ...Array<number>(count).fill(1 << 20)));
    assert.deepEqual(summary(await peer.bytes(wireSize(role, 9))), [[0x81, "behind it"]]);
  });

  test(`a ${role} that closes behind a Blob is closing at once, and sends what came before alone`, async (t) => {
    const { socket, peer } = await (await connector(t, role))();
    socket.send(new Blob(["read first"]));
    socket.close(1000);
    assert.equal(socket.readyState, WebSocket.CLOSING);
    socket.send("too late");
    assert.deepEqual(summary(await peer.bytes(wireSize(role, 10, 2))), [
      [0x82, "read first"],
      [0x88, statusBytes(1000).toString("latin1")],
    ]);
  });

  test(`short texts that a ${role} sends in one turn count towards maxBufferedBytes`, async (t) => {
    const { socket } = await (await connector(t, role, { maxBufferedBytes: 10_000 }))();
    const failure = nextEvent<ErrorEvent>(socket, "error");
    let sent = 0;
    for (; sent < 1000 && socket.readyState === WebSocket.OPEN; sent++) socket.send("x".repeat(50));
    assert.equal(((await failure).error as WebSocketError).code, "WS_ERR_BUFFER_FULL");
    assert.ok(sent > 150 && sent <= 201, `${sent} texts`);
  });

  test(`a ${role} that was paused and goes on before anything came gets what comes`, async (t) => {
    const { socket, peer, received } = await (await connector(t, role))();
    socket.pause();
    await turn();
    socket.resume();
    await turn();
    const message = nextEvent(socket, "message");
    peer.write(frame(0x81, "first"));
    await message;
    assert.deepEqual(received, ["first"]);
  });

  test(`a ${role}'s write and ready fail with a typed error if the connection ends before`, async (t) => {
    const connect = await connector(t, role);
    for (const end of ["terminate", "reset", "fail"]) {
      const ends = await connect();
      const { socket, peer } = ends;
      await clog(ends);
      const failures = Promise.all(
        [socket.write("x"), socket.write(new Blob(["x"])), socket.ready, socket.sendStream(["x"])].map((promise) =>
          assert.rejects(promise, { name: "WebSocketError", code: "WS_ERR_NOT_SENT" }),
        ),
      );
      const over = closed(socket);
      if (end === "terminate") socket.terminate();
      else if (end === "reset") peer.socket.resetAndDestroy();
      else peer.write(frame(0x83, ""));
      if (end === "fail") peer.socket.destroy();
      await failures;
      await over;
      for (const promise of [socket.write("x"), socket.ready, socket.sendStream([])]) {
        await assert.rejects(promise, { code: "WS_ERR_NOT_SENT" }, "nor afterwards");
      }
      assert.ok(socket.bufferedAmount > 0);
    }
  });

  test(`a ${role} that awaits ready after each message keeps little waiting, and sends all`, async (t) => {
    const { socket, peer } = await (await connector(t, role))();
    const block = new Uint8Array(64 * 1024);
    const count = 500;
    let sent = 0;
    const sending = (async () => {
      for (; sent < count; sent++) {
        socket.send(block);
        await socket.ready;
      }
    })();
    peer.socket.pause();
    let before = -1;
    for (let still = 0; still < 50; before = sent) {
      still = sent === before ? still + 1 : 0;
      await turn();
    }
    assert.ok(sent < count, `${sent} of ${count} left for a peer that does not read`);
    assert.ok(socket.bufferedAmount <= 2 * block.length, `${socket.bufferedAmount} bytes wait`);
    peer.socket.resume();
    await sending;
    peer.socket.destroy();
  });
}

test("while a message is worked on the peer can send no more than a little, and afterwards all", async (t) => {
  const { peer, socket, tcp } = await unclaimed(t);
  const block = masked(0x82, Buffer.alloc(16 * 1024));
  const count = 1000;
  peer.write(...Array.from({ length: count }, () => block));
  let received = 0;
  for await (const _ of socket) {
    received += 1;
    if (received === 10) {
      const read = await settled(tcp);
      assert.ok(read < 2 << 20, `${read} of ${count * block.length} bytes were read`);
    }
    if (received === count) break;
  }
  peer.socket.destroy();
});

test("a loop can begin before the connection is open, and ready is when it is", async (t) => {
  const { url } = await serve(t, {}, (socket) => {
    socket.send("welcome");
    socket.close(1000);
  });
  const socket = new WebSocket(url);
  await assert.rejects(socket.write("too early"), { name: "InvalidStateError" });
  const all = read(socket);
  await socket.ready;
  assert.equal(socket.readyState, WebSocket.OPEN);
  assert.deepEqual(await all, ["welcome"]);
  const refused = new WebSocket("ws://127.0.0.1:9"); // Discard's port, which Fetch blocks
  await assert.rejects(refused.ready, { code: "WS_ERR_CONNECTION" });
  await assert.rejects(read(refused), { code: "WS_ERR_CONNECTION" });
});

test("a loop echoes what ws sends", async (t) => {
  const { url } = await serve(t, {}, async (socket) => {
    for await (const data of socket) await socket.write(data as string);
  });
  const peer = new Ws(url);
  await once(peer, "open");
  for (const text of ["a", "b", "c"]) peer.send(text);
  const texts: string[] = [];
  await new Promise<void>((done) => peer.on("message", (data) => texts.push(String(data)) === 3 && done()));
  assert.deepEqual(texts, ["a", "b", "c"]);
  peer.close();
});

test("drain is told to those who have listened since before the connection was open", async (t) => {
  const { url } = await serve(t);
  const socket = new WebSocket(url);
  let drains = 0;
  socket.addEventListener("drain", () => (drains += 1));
  await once(socket, "open");
  await socket.write("text");
  for (let turns = 0; turns < 10; turns++) await turn();
  assert.equal(drains, 1);
});

test("drain says that a Blob, counted in bufferedAmount before it was read, is with the network", async (t) => {
  const { socket, peer } = await rawClient(t);
  socket.send(new Blob(["four"]));
  assert.equal(socket.bufferedAmount, 4);
  await nextEvent(socket, "drain");
  assert.equal(socket.bufferedAmount, 0);
  assert.deepEqual(await peer.bytes(6), unmasked(0x82, "four"));
});

test("a Blob that cannot be read after the connection has ended is not an error of the socket", async (t) => {
  const { socket } = await rawClient(t);
  let fail: (() => void) | undefined;
  class Unreadable extends Blob {
    override arrayBuffer(): Promise<ArrayBuffer> {
      return new Promise((_, reject) => {
        fail = () => reject(new Error("gone"));
      });
    }
  }
  const events: string[] = [];
  for (const type of ["error", "close"]) socket.addEventListener(type, () => events.push(type));
  const end = closed(socket);
  socket.send(new Unreadable(["data"]));
  socket.terminate();
  await end;
  fail?.();
  await turn();
  assert.deepEqual(events, ["close"]);
});

test("a write that the network has not taken is rejected when the connection is terminated", async (t) => {
  const { socket, peer } = await rawClient(t);
  peer.socket.pause();
  const writing = socket.write(new Uint8Array(32 << 20));
  await turn();
  assert.ok(socket.bufferedAmount > 0);
  socket.terminate();
  await assert.rejects(writing, { code: "WS_ERR_NOT_SENT" });
});

test("a Blob that cannot be read ends the connection, and the socket's error says so", async (t) => {
  const { socket } = await rawClient(t);
  const cause = new Error("gone");
  class Unreadable extends Blob {
    override arrayBuffer(): Promise<ArrayBuffer> {
      return Promise.reject(cause);
    }
  }
  const failure = nextEvent<ErrorEvent>(socket, "error");
  const end = closed(socket);
  socket.send(new Unreadable(["data"]));
  const { error } = await failure;
  const { code, cause: told } = error as WebSocketError;
  assert.deepEqual([code, told], ["WS_ERR_CONNECTION", cause]);
  assert.equal((await end).code, 1006);
});
