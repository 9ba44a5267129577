/** What a peer may cost: fragments, time, and bytes held, overhead included. */
import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { test } from "node:test";

import { type ErrorEvent, WebSocket, type WebSocketError } from "websocket-component";

import {
  closed,
  hex,
  masked,
  mockTimers,
  nextEvent,
  once,
  RawPeer,
  rawClient,
  rawServer,
  serve,
  unmasked,
} from "./support.js";

const pairs = {
  server: { connect: rawClient, frame: masked },
  client: { connect: rawServer, frame: unmasked },
};

/** Reads a close frame as that side makes it. */
async function expectClose(peer: RawPeer, status: number, isMasked: boolean): Promise<void> {
  const [first, length] = await peer.bytes(2);
  assert.deepEqual([first, length], [0x88, isMasked ? 0x82 : 0x02]);
  const key = isMasked ? await peer.bytes(4) : Buffer.alloc(4);
  const body = await peer.bytes(2);
  assert.equal(body.readUInt16BE() ^ key.readUInt16BE(), status);
}

/** The error that the socket's end is due to. */
async function failure(socket: WebSocket): Promise<Error & { code: string }> {
  return (await nextEvent<ErrorEvent>(socket, "error")).error as WebSocketError;
}

/** The TCP socket of a server's connection, for what a peer sees only as its own socket's being full. */
async function nextTcpSocket(server: { once(event: string, listener: (...all: never[]) => void): unknown }) {
  const [, request] = (await once(server as never, "connection")) as [WebSocket, { socket: Socket }];
  return request.socket;
}

for (const [role, { connect, frame }] of Object.entries(pairs)) {
  const isMasked = role === "client";
  test(`a ${role} takes a message of maxFragments frames, and closes with 1008 at one more, empty ones counted`, async (t) => {
    for (const part of ["x", ""]) {
      const { socket, peer } = await connect(t, { maxFragments: 5 });
      const failed = failure(socket);
      const message = nextEvent<MessageEvent>(socket, "message");
      const ping = frame(0x89);
      const fragments = (count: number) =>
        Array.from({ length: count }, (_, index) => frame(index === 0 ? 0x01 : 0x00, part));
      // control frames within it are none of its frames
      peer.write(...fragments(4).flatMap((fragment) => [fragment, ping]), frame(0x80, "."));
      assert.equal((await message).data, `${part.repeat(4)}.`);
      await peer.bytes(4 * ping.length + (isMasked ? 16 : -16));
      peer.write(...fragments(6));
      await expectClose(peer, 1008, isMasked);
      assert.equal((await failed).code, "E_INVALID_PROTOCOL_FORMAT");
      peer.socket.destroy();
    }
  });

  test(`a ${role} gives a message messageTimeout, from its first byte to its last, and closes with 1008`, async (t) => {
    const unfinished = [
      { name: "a message", bytes: frame(0x01, "half") },
      { name: "a frame", bytes: frame(0x81, "whole").subarray(0, -1) },
      { name: "a header", bytes: frame(0x81, "x").subarray(0, 1) },
      { name: "a ping", bytes: frame(0x89, "x").subarray(0, -1) },
      { name: "empty fragments", bytes: Buffer.concat([frame(0x02), frame(0x00)]) },
    ];
    mockTimers(t);
    for (const { name, bytes } of unfinished) {
      const { socket, peer } = await connect(t, { messageTimeout: 1000 });
      const failed = failure(socket);
      // a message that ends in time, with the next one behind it, starts the time afresh
      const message = nextEvent(socket, "message");
      peer.write(frame(0x01, "a"));
      await pong(peer, frame);
      t.mock.timers.tick(999);
      peer.write(frame(0x80, "b"), bytes.subarray(0, 1));
      await message;
      t.mock.timers.tick(999);
      // neither more of it nor a ping beside it does
      peer.write(bytes.subarray(1));
      if (name === "a message" || name === "empty fragments") await pong(peer, frame);
      assert.equal(socket.readyState, WebSocket.OPEN, name);
      t.mock.timers.tick(1);
      await expectClose(peer, 1008, isMasked);
      peer.socket.end();
      assert.equal((await failed).code, "WS_ERR_MESSAGE_TIMEOUT", name);
    }
  });

  test(`a ${role} waits without end for what is paused, or between messages`, async (t) => {
    mockTimers(t);
    const { socket, peer } = await connect(t, { messageTimeout: 1000 });
    peer.write(frame(0x01, "a"));
    await pong(peer, frame);
    t.mock.timers.tick(900);
    socket.pause();
    t.mock.timers.tick(10_500);
    socket.resume();
    // the time begins afresh
    t.mock.timers.tick(900);
    const message = nextEvent<MessageEvent>(socket, "message");
    peer.write(frame(0x80, "b"));
    assert.equal((await message).data, "ab");
    t.mock.timers.tick(10_000);
    await pong(peer, frame);
    assert.equal(socket.readyState, WebSocket.OPEN);
    // and it is over, though nothing more comes
    peer.write(frame(0x01, "c"));
    await pong(peer, frame);
    socket.pause();
    socket.resume();
    t.mock.timers.tick(1000);
    await expectClose(peer, 1008, isMasked);
    peer.socket.destroy();
  });

  test(`a ${role} holds maxBufferedBytes of a message's pieces, and closes with 1009 before it would hold more`, async (t) => {
    const { socket, peer } = await connect(t, { maxBufferedBytes: 10_000 });
    const failed = failure(socket);
    const message = nextEvent<MessageEvent>(socket, "message");
    peer.write(frame(0x01, "x".repeat(5000)), frame(0x80, "y".repeat(5000)));
    assert.equal((await message).data.length, 10_000);
    peer.write(frame(0x01, "x".repeat(5000)), frame(0x00, "y".repeat(5000)), frame(0x00, "z"));
    await expectClose(peer, 1009, isMasked);
    peer.socket.end();
    assert.equal((await failed).code, "WS_ERR_BUFFER_FULL");
  });

  test(`a ${role} that sends more than maxBufferedBytes to a peer that does not read fails with an error`, async (t) => {
    const { socket, peer } = await connect(t, { maxBufferedBytes: 32 << 20 });
    const failed = failure(socket);
    const end = closed(socket);
    peer.socket.pause();
    const block = new Uint8Array(1 << 20);
    let sent = 0;
    while (socket.readyState === WebSocket.OPEN) {
      socket.send(block);
      sent += block.length;
      assert.ok(socket.bufferedAmount <= 33 << 20);
      await new Promise((turn) => setImmediate(turn));
    }
    assert.ok(sent > 32 << 20);
    assert.equal((await failed).code, "WS_ERR_BUFFER_FULL");
    assert.deepEqual([(await end).code, (await end).wasClean], [1006, false]);
  });

  test(`a ${role} counts the overhead of many small messages that wait`, async (t) => {
    const { socket, peer } = await connect(t, { maxBufferedBytes: 8 << 20 });
    const failed = failure(socket);
    peer.socket.pause();
    // fill the pipe, so that from here on everything waits
    while (socket.bufferedAmount < 1 << 20) {
      socket.send(new Uint8Array(1 << 19));
      await new Promise((turn) => setImmediate(turn));
    }
    const before = socket.bufferedAmount;
    for (let count = 0; socket.readyState === WebSocket.OPEN; count++) {
      assert.ok(count < 100_000, "it ends");
      socket.send("x");
      await new Promise<void>((turn) => process.nextTick(turn)); // each leaves in a write of its own
    }
    assert.ok(socket.bufferedAmount - before < 100_000, "though few bytes of messages wait");
    assert.equal((await failed).code, "WS_ERR_BUFFER_FULL");
  });

  test(`a ${role} can echo what it held while it was paused`, async (t) => {
    const { socket, peer } = await connect(t, { maxBufferedBytes: 150_000 });
    const text = "x".repeat(60_000);
    const echoed = new Promise<void>((done) => {
      socket.onmessage = (event) => {
        if (event.data === "pause") {
          socket.pause();
          setImmediate(() => socket.resume());
        } else {
          socket.send(event.data);
          done();
        }
      };
    });
    peer.write(frame(0x81, "pause"), frame(0x81, text));
    await echoed;
    assert.equal(socket.readyState, WebSocket.OPEN);
    await peer.bytes(60_000 + (isMasked ? 8 : 4));
    peer.socket.destroy();
  });

  test(`a ${role} counts a Blob, and what waits behind it, once`, async (t) => {
    const { socket, peer } = await connect(t, { maxBufferedBytes: 1 << 20 });
    const size = 600 << 10;
    socket.send(new Blob(["1"]));
    socket.send(new Blob([new Uint8Array(size)]));
    await peer.bytes(3 + size + (isMasked ? 18 : 10));
    socket.send(new Blob(["1"]));
    socket.send(new Uint8Array(size));
    await peer.bytes(3 + size + (isMasked ? 18 : 10));
    assert.equal(socket.readyState, WebSocket.OPEN);
    peer.socket.destroy();
  });

  test(`a ${role} that is paused and fails, or closes, ends when its peer answers`, async (t) => {
    for (const failing of [true, false]) {
      const { socket, peer } = await connect(t, { maxBufferedBytes: 1000, closeTimeout: 1_000_000 });
      socket.onmessage = () => socket.pause();
      const message = nextEvent(socket, "message");
      peer.write(frame(0x81, "1"), frame(0x81, "2"));
      await message;
      const end = closed(socket);
      if (failing) socket.send("x".repeat(2000));
      else socket.close(1000, "");
      await expectClose(peer, failing ? 1011 : 1000, isMasked);
      peer.write(frame(0x88, hex(failing ? "03F3" : "03E8")));
      peer.socket.end();
      assert.equal((await end).wasClean, !failing);
    }
  });

  test(`a ${role} counts what waits behind a Blob`, async (t) => {
    const { socket } = await connect(t, { maxBufferedBytes: 10_000 });
    const failed = failure(socket);
    socket.send(new Blob(["first"]));
    socket.send("x".repeat(9_000));
    assert.equal(socket.readyState, WebSocket.OPEN);
    socket.send("x".repeat(9_000));
    assert.equal(socket.readyState, WebSocket.CLOSING);
    assert.equal((await failed).code, "WS_ERR_BUFFER_FULL");
  });
}

/** Has our side answer a ping: all that was written before it was taken. */
async function pong(peer: RawPeer, frame: typeof masked): Promise<void> {
  peer.write(frame(0x89, "?"));
  const length = frame === masked ? 3 : 7;
  const answer = await peer.bytes(length);
  assert.equal(answer[0], 0x8a);
}

test("a socket that is paused in the middle of a flood takes no more of it, and gets all of it in order afterwards", async (t) => {
  const total = 200_000;
  const { server, port } = await serve(t, { maxBufferedBytes: 1 << 20 });
  const tcp = nextTcpSocket(server as never);
  const received: string[] = [];
  const everything = new Promise<void>((done) => {
    server.on("connection", (socket) => {
      socket.onmessage = (event) => {
        received.push(String(event.data));
        if (received.length === 100) socket.pause();
        if (received.length === total) done();
      };
    });
  });
  const peer = await RawPeer.connect(port);
  await peer.head();
  const flood = Buffer.concat(Array.from({ length: total }, (_, index) => masked(0x81, String(index))));
  peer.socket.write(flood);
  const { bytesRead } = await settled(await tcp);
  assert.ok(bytesRead < flood.length / 2, `${bytesRead} of ${flood.length} bytes were read`);
  assert.equal(received.length, 100);
  const [socket] = server.clients;
  const paused = socket as WebSocket;
  paused.send("not full");
  assert.equal(paused.readyState, WebSocket.OPEN);
  paused.resume();
  await everything;
  assert.ok(received.every((text, index) => text === String(index)));
  peer.socket.destroy();
});

/** The socket, once it has read nothing for as many turns as make sure that it has stopped. */
async function settled(socket: Socket): Promise<Socket> {
  let before = -1;
  for (let still = 0; still < 50; before = socket.bytesRead) {
    still = socket.bytesRead === before ? still + 1 : 0;
    await new Promise((turn) => setImmediate(turn));
  }
  return socket;
}

test("a close in the flood is taken in its turn, with everything before it and nothing after", async (t) => {
  const { server, port } = await serve(t);
  const received: string[] = [];
  const end = new Promise<number>((done) => {
    server.on("connection", (socket) => {
      socket.onmessage = (event) => {
        received.push(String(event.data));
        if (received.length % 500 === 0) {
          socket.pause();
          setImmediate(() => socket.resume());
        }
      };
      socket.onclose = (event) => done(event.code);
    });
  });
  const flood = Array.from({ length: 5000 }, (_, index) => masked(0x81, String(index)));
  const peer = await RawPeer.connect(port, undefined, Buffer.concat([...flood, masked(0x88, hex("03E8")), ...flood]));
  peer.socket.end();
  assert.equal(await end, 1000);
  assert.deepEqual(
    received,
    Array.from({ length: 5000 }, (_, index) => String(index)),
  );
});
