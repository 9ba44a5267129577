/** Messages that arrive before the application asks for them: a server's socket keeps a few, for a while. */
import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";

import { type ErrorEvent, type MessageStream, WebSocket, WebSocketStream } from "websocket-component";

import { statusBytes } from "./ends.js";
import {
  answer,
  closed,
  masked,
  mockTimers,
  nextEvent,
  once,
  type RawPeer,
  serveRaw,
  sessionCount,
  settled,
  type Unclaimed,
  unclaimed,
  unmasked,
} from "./support.js";

/** Waits until the server's side has read `bytes` bytes. */
async function hasRead(tcp: Socket, bytes: number): Promise<void> {
  while (tcp.bytesRead < bytes) await turn();
  await turn();
}

/** The ways to ask for messages; `take` returns whether there were enough. */
const ways: Record<string, (socket: WebSocket, take: (data: unknown) => boolean) => unknown> = {
  onmessage: (socket, take) => {
    socket.onmessage = (event) => take(event.data);
  },
  addEventListener: (socket, take) => socket.addEventListener("message", (event) => take(event.data)),
  "for await": async (socket, take) => {
    for await (const data of socket) if (take(data)) break;
  },
  WebSocketStream: async (socket, take) => {
    const { readable } = await new WebSocketStream(socket).opened;
    for await (const data of readable) if (take(data)) break;
  },
};

test("binary messages that wait keep their own bytes alone, and not the packet that they came in", async (t) => {
  const payloads = ["one", "two", "three", "four"];
  const { peer, socket } = await unclaimed(t, {}, ...payloads.map((payload) => masked(0x82, payload)), masked(0x89));
  assert.deepEqual(await peer.bytes(2), unmasked(0x8a));
  const given: Buffer[] = [];
  const all = new Promise<void>((done) => {
    socket.onmessage = ({ data }) => {
      if (given.push(data) === 2) socket.pause();
      if (given.length === payloads.length) done();
    };
  });
  while (!socket.isPaused) await turn();
  socket.resume();
  await all;
  assert.deepEqual(given.map(String), payloads);
  for (const data of given) assert.equal(data.buffer.byteLength, data.length);
  socket.terminate();
});

for (const [name, claim] of Object.entries(ways)) {
  test(`messages before the first listener are kept for ${name}, in order, those in the request's packet too`, async (t) => {
    const { peer, socket, tcp } = await unclaimed(t, {}, masked(0x89, "before"), masked(0x81, "1"), masked(0x81, "2"));
    assert.deepEqual(await peer.bytes(8), unmasked(0x8a, "before"), "a ping before them is answered");
    const read = tcp.bytesRead;
    peer.write(masked(0x89, "behind"), masked(0x81, "3"));
    await hasRead(tcp, read + masked(0x89, "behind").length + masked(0x81, "3").length);
    const data: unknown[] = [];
    const all = new Promise<void>((done) => {
      claim(socket, (one) => {
        const isEnough = data.push(one) === 4;
        if (isEnough) done();
        return isEnough;
      });
    });
    peer.write(masked(0x81, "4"));
    await all;
    assert.deepEqual(data, ["1", "2", "3", "4"]);
    assert.deepEqual(await peer.bytes(8), unmasked(0x8a, "behind"));
  });
}

test("resume without a listener drops messages, and later frames are processed", async (t) => {
  const { peer, socket } = await unclaimed(t, {}, masked(0x81, "to nobody"));
  socket.resume();
  peer.write(masked(0x89, "?"), masked(0x88, statusBytes(1000)));
  assert.deepEqual(await peer.bytes(3), unmasked(0x8a, "?"));
  peer.socket.end();
  assert.equal((await closed(socket)).code, 1000);
});

test("a listener that claims does not run before others can be attached", async (t) => {
  const { socket } = await unclaimed(t, {}, masked(0x81, "1"));
  await turn();
  const order: string[] = [];
  const both = new Promise<void>((done) => {
    socket.addEventListener("message", () => order.push("first"));
    order.push("attached");
    socket.addEventListener("message", () => order.push("second") === 3 && done());
  });
  await both;
  assert.deepEqual(order, ["attached", "first", "second"]);
});

test("a socket that is paused stays so when it is claimed", async (t) => {
  const { socket, peer } = await unclaimed(t, {}, masked(0x81, "1"));
  socket.pause();
  const data: unknown[] = [];
  socket.onmessage = (event) => data.push(event.data);
  peer.write(masked(0x81, "2"));
  for (let count = 0; count < 20; count++) await turn();
  assert.deepEqual(data, []);
  const message = nextEvent(socket, "message");
  socket.resume();
  await message;
  assert.equal(data[0], "1");
});

test("no more than a little of a flood is read before anyone asks, and then all of it", async (t) => {
  const count = 1024;
  const block = masked(0x82, Buffer.alloc(8192, "x"));
  const { peer, socket, tcp } = await unclaimed(t);
  peer.write(...Array.from({ length: count }, () => block));
  const read = await settled(tcp);
  assert.ok(read > 64 * 1024 && read < 512 * 1024, `${read} of ${count * block.length} bytes were read`);
  let received = 0;
  await new Promise<void>((done) => {
    socket.onmessage = () => ++received === count && done();
  });
});

test("a first message of which too much has come waits unfinished, and without a timeout", async (t) => {
  mockTimers(t);
  const { peer, socket, tcp } = await unclaimed(t, { messageTimeout: 1000 });
  const text = "x".repeat(4 << 20);
  peer.write(masked(0x81, text));
  assert.ok((await settled(tcp)) < 1 << 20);
  t.mock.timers.tick(10_000);
  assert.equal(socket.readyState, WebSocket.OPEN);
  const message = nextEvent<MessageEvent>(socket, "message");
  assert.ok((await message).data === text);
  peer.socket.destroy();
});

test("messageTimeout runs for a message behind one that waits, as its sender can go on", async (t) => {
  mockTimers(t);
  const { peer, socket, tcp } = await unclaimed(t, { messageTimeout: 1000 });
  const read = tcp.bytesRead;
  const bytes = Buffer.concat([masked(0x81, "whole"), masked(0x01, "half")]);
  peer.write(bytes);
  await hasRead(tcp, read + bytes.length);
  const failed = nextEvent<ErrorEvent & { error: { code: string } }>(socket, "error");
  t.mock.timers.tick(1000);
  peer.socket.end();
  assert.equal((await failed).error.code, "WS_ERR_MESSAGE_TIMEOUT");
});

test("a ping behind a message that waits is answered, and a close at once, for servers that only send", async (t) => {
  const { peer, socket } = await unclaimed(t, {}, masked(0x81, "1"), masked(0x89, "p"));
  assert.deepEqual(await peer.bytes(3), unmasked(0x8a, "p"));
  const pings = [nextEvent(socket, "ping"), nextEvent(socket, "pong")];
  peer.write(masked(0x81, "2"), masked(0x89, "q"), masked(0x8a, ""));
  await Promise.all(pings);
  assert.deepEqual(await peer.bytes(3), unmasked(0x8a, "q"));
  peer.write(masked(0x88, statusBytes(4000)));
  assert.deepEqual(await peer.bytes(4), unmasked(0x88, statusBytes(4000)));
  await peer.ended;
  peer.socket.end();
  const data: unknown[] = [];
  for await (const message of socket) data.push(message);
  assert.deepEqual(data, ["1", "2"]);
});

test("when the peer has gone, unclaimed messages are dropped after a second, and nothing is left", async (t) => {
  mockTimers(t);
  for (const [last, code] of [
    [masked(0x88, statusBytes(1000)), 1000],
    [masked(0x81, "2"), 1006],
  ] as const) {
    const { peer, socket, tcp } = await unclaimed(t, { closeTimeout: 5000 }, masked(0x81, "1"));
    const ended = once(tcp, "end");
    const end = closed(socket);
    peer.write(last);
    peer.socket.end();
    await ended;
    await turn();
    t.mock.timers.tick(999);
    await turn();
    assert.equal(socket.readyState, WebSocket.CLOSING);
    t.mock.timers.tick(1);
    assert.equal((await end).code, code);
  }
  assert.equal(sessionCount(), 0);
});

test("unclaimed messages in pieces, more than is read ahead, are dropped too", async (t) => {
  mockTimers(t);
  const { peer, socket, tcp } = await unclaimed(t, { closeTimeout: 5000, streamMessages: true });
  const message = masked(0x82, Buffer.alloc(60 * 1024));
  peer.write(message, message, message);
  await settled(tcp);
  const end = closed(socket);
  const gone = new Promise((resolve) => tcp.once("close", resolve));
  peer.socket.resetAndDestroy();
  // the server learns of the reset when it writes
  for (let count = 0; count < 3 && !tcp.destroyed; count++) {
    socket.send("into the void");
    await turn();
  }
  await gone;
  await turn();
  t.mock.timers.tick(1000);
  assert.equal((await end).code, 1006);
  assert.equal(sessionCount(), 0);
});

test("a socket whose peer has gone is closed by the server's close, though its messages are unclaimed", async (t) => {
  const { peer, socket, tcp, close } = await unclaimed(t, {}, masked(0x81, "1"));
  const ended = once(tcp, "end");
  socket.addEventListener("close", () => assert.equal(socket.readyState, WebSocket.CLOSED));
  peer.write(masked(0x88, statusBytes(1000)));
  peer.socket.end();
  await ended;
  mockTimers(t); // none of them runs
  await close();
  assert.equal(socket.readyState, WebSocket.CLOSED);
});

test("a close drops the messages of a peer that has closed, though they are claimed right behind it", async (t) => {
  const { peer, socket } = await unclaimed(t, {}, masked(0x81, "1"), masked(0x88, statusBytes(1000)));
  await peer.bytes(4);
  const end = closed(socket);
  const data: unknown[] = [];
  socket.close();
  socket.onmessage = (event) => data.push(event.data);
  peer.socket.end();
  assert.deepEqual([(await end).code, data], [1000, []]);
});

test("messages of a peer that has gone are delivered if claimed in time", async (t) => {
  const { peer, socket, tcp } = await unclaimed(t, {}, masked(0x81, "1"), masked(0x81, "2"));
  const ended = once(tcp, "end");
  peer.write(masked(0x88, statusBytes(4000)));
  peer.socket.end();
  await ended;
  const data: unknown[] = [];
  for await (const message of socket) data.push(message);
  assert.deepEqual(data, ["1", "2"]);
  assert.equal(socket.readyState, WebSocket.CLOSED);
});

test("a stream that is made when all is over still gets the message before the close", async (t) => {
  const { peer, socket, tcp } = await unclaimed(t);
  const read = tcp.bytesRead;
  const bytes = Buffer.concat([masked(0x81, "last"), masked(0x88, statusBytes(4000))]);
  peer.write(bytes);
  await hasRead(tcp, read + bytes.length);
  const gone = new Promise((resolve) => tcp.once("close", resolve));
  peer.socket.resetAndDestroy();
  // a stream learns of the reset when it writes
  socket.send("into the void");
  await gone;
  const stream = new WebSocketStream(socket);
  const reader = (await stream.opened).readable.getReader();
  assert.equal((await reader.read()).value, "last");
  assert.equal((await reader.read()).done, true);
  assert.equal((await stream.closed).closeCode, 4000);
});

for (const [name, end] of Object.entries({
  "close()": ({ socket }: Unclaimed) => socket.close(1000),
  "the server's close()": ({ close }: Unclaimed) => close(),
  "terminate()": ({ socket }: Unclaimed) => socket.terminate(),
})) {
  test(`${name} ends the waiting, and the messages are dropped`, async (t) => {
    const ends = await unclaimed(t, { closeTimeout: 1_000_000 }, masked(0x81, "1"));
    const { peer, socket } = ends;
    const end_ = closed(socket);
    await turn();
    void end(ends);
    socket.onmessage = () => assert.fail("it is dropped");
    if (name !== "terminate()") {
      const [first] = await peer.bytes(4);
      assert.equal(first, 0x88);
      peer.write(masked(0x88, statusBytes(1000)));
      peer.socket.end();
    }
    assert.equal((await end_).wasClean, name !== "terminate()");
  });
}

test("what waits counts toward maxBufferedBytes", async (t) => {
  const { socket, peer, tcp } = await unclaimed(t, { maxBufferedBytes: 10_000 });
  const read = tcp.bytesRead;
  const message = masked(0x82, Buffer.alloc(9000));
  peer.write(message);
  await hasRead(tcp, read + message.length);
  const failed = nextEvent<ErrorEvent & { error: { code: string } }>(socket, "error");
  socket.send("x".repeat(500));
  assert.equal(socket.readyState, WebSocket.OPEN);
  socket.send("x".repeat(500));
  peer.socket.end();
  assert.equal((await failed).error.code, "WS_ERR_BUFFER_FULL");
});

test("a client's messages without a listener are lost, as the standard says", async (t) => {
  let connected: (peer: RawPeer) => void;
  const connection = new Promise<RawPeer>((resolve) => {
    connected = resolve;
  });
  const socket = new WebSocket(await serveRaw(t, (peer) => connected(peer)));
  const peer = await connection;
  await answer(peer);
  await nextEvent(socket, "open");
  peer.write(unmasked(0x81, "lost"), unmasked(0x89, ""));
  await peer.bytes(6);
  const message = nextEvent<MessageEvent>(socket, "message");
  peer.write(unmasked(0x81, "heard"));
  assert.equal((await message).data, "heard");
  socket.terminate();
});

test("a loop that closes the socket and is left does not keep the peer's answer from being read", async (t) => {
  const { peer, socket } = await unclaimed(t, { closeTimeout: 1_000_000 }, masked(0x81, "1"));
  const end = closed(socket);
  for await (const _ of socket) {
    socket.close(1000);
    break;
  }
  peer.write(masked(0x82, Buffer.alloc(1 << 20)), masked(0x88, statusBytes(1000)));
  peer.socket.end();
  assert.equal((await end).wasClean, true);
});

test("a listener that closes the socket before a loop gets its message does not make the peer's answer wait", async (t) => {
  const { peer, socket } = await unclaimed(t, { closeTimeout: 1_000_000 });
  const end = closed(socket);
  socket.onmessage = () => socket.close(1000);
  const next = socket[Symbol.asyncIterator]().next();
  peer.write(masked(0x81, "1"), masked(0x81, "2"), masked(0x88, statusBytes(1000)));
  peer.socket.end();
  assert.equal((await next).value, "1");
  assert.equal((await end).wasClean, true);
});

test("a message in pieces that a loop has given out comes to its end after the loop is left, and the next one waits", async (t) => {
  const { peer, socket } = await unclaimed(t, { streamMessages: true }, masked(0x01, "a"));
  let first: unknown;
  for await (first of socket) break;
  peer.write(masked(0x80, "b"), masked(0x81, "next"), masked(0x89, ""));
  const text = [];
  for await (const piece of first as MessageStream) text.push(piece);
  assert.equal(text.join(""), "ab");
  await peer.bytes(2); // the pong: the next message was read
  for await (const next of socket) {
    assert.equal((await (next as MessageStream).getReader().read()).value, "next");
    break;
  }
});

test("a handler that was there before a loop gets the message behind it", async (t) => {
  const { socket, peer } = await unclaimed(t, {}, masked(0x81, "1"), masked(0x81, "2"));
  const second = new Promise<void>((resolve) => {
    socket.onmessage = ({ data }) => data === "2" && resolve();
  });
  for await (const _ of socket) break;
  await second;
  peer.socket.end();
});

test("a slow reader gets all messages of a peer that has gone, whatever closeTimeout is", async (t) => {
  mockTimers(t);
  for (const last of [masked(0x88, statusBytes(1000)), Buffer.alloc(0)]) {
    const { peer, socket, tcp } = await unclaimed(t, { closeTimeout: 20 }, masked(0x81, "1"), masked(0x81, "2"));
    const gone = once(tcp, "close");
    peer.write(last);
    peer.socket.end();
    await Promise.all([gone, closing(socket)]);
    const data: unknown[] = [];
    const reading = (async () => {
      for await (const message of socket) {
        data.push(message);
        t.mock.timers.tick(40); // more than closeTimeout
        await turn();
      }
    })();
    if (last.length > 0) await reading;
    else await assert.rejects(reading, { code: "WS_ERR_CONNECTION_LOST" });
    assert.deepEqual(data, ["1", "2"]);
  }
  assert.equal(sessionCount(), 0);
});

/** Until the peer's close, or its end, was read. */
async function closing(socket: WebSocket): Promise<void> {
  while (socket.readyState === WebSocket.OPEN) await turn();
}
