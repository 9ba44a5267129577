/** What our drivers put on the wire, and how they end a connection: RFC 6455 §5.5, §7 and §8 over real sockets. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { type CloseEvent, type ErrorEvent, WebSocket } from "websocket-component";

import { closed, hex, masked, nextEvent, once, RawPeer, rawClient, rawServer, serve, unmasked } from "./support.js";

test("messages in the same packet as the request reach a listener that the connection event attaches", async (t) => {
  const { peer, received, socket } = await rawClient(
    t,
    {},
    Buffer.concat([masked(0x81, "early"), masked(0x82, "bird")]),
  );
  peer.write(masked(0x88, hex("03E8")));
  await closed(socket);
  assert.deepEqual(received, ["early", Buffer.from("bird")]);
});

test("our server answers a ping with its payload and a close with its status, and closes TCP first", async (t) => {
  const { peer, socket } = await rawClient(t);
  const end = closed(socket);
  peer.write(masked(0x89, "are you there"), masked(0x88, Buffer.concat([hex("0BB9"), Buffer.from("bye")])));
  assert.deepEqual(await peer.rest(), Buffer.concat([unmasked(0x8a, "are you there"), unmasked(0x88, hex("0BB9"))]));
  peer.socket.end();
  const event = await end;
  assert.deepEqual([event.code, event.reason, event.wasClean], [3001, "bye", true]);
});

test("a close without a status is answered without one and reported as 1005", async (t) => {
  const { peer, socket } = await rawClient(t);
  const end = closed(socket);
  peer.write(masked(0x88));
  assert.deepEqual(await peer.rest(), unmasked(0x88));
  peer.socket.end();
  const event = await end;
  assert.deepEqual([event.code, event.wasClean], [1005, true]);
});

test("data after a close is ignored", async (t) => {
  const { peer, socket, received } = await rawClient(t);
  const end = closed(socket);
  peer.write(masked(0x88), masked(0x81, "late"), masked(0x83, "garbage"));
  peer.socket.end();
  assert.equal((await end).wasClean, true);
  assert.deepEqual(received, []);
});

test("our client waits for the server to close TCP, and sends masked frames with fresh keys", async (t) => {
  const { peer, socket } = await rawServer(t);
  socket.send("Hello");
  socket.send("Hello");
  const [first, second] = [await peer.bytes(11), await peer.bytes(11)];
  assert.deepEqual([...first.subarray(0, 2)], [0x81, 0x85]);
  assert.notDeepEqual(first.subarray(2, 6), second.subarray(2, 6), "two frames, two keys");
  const unmask = (frame: Buffer) => frame.subarray(6).map((byte, index) => byte ^ (frame[2 + (index % 4)] as number));
  assert.equal(Buffer.from(unmask(second)).toString(), "Hello");
  const end = closed(socket);
  socket.close(1000, "");
  assert.equal((await peer.bytes(8))[0], 0x88);
  peer.write(unmasked(0x88, hex("03E8")));
  peer.socket.end();
  assert.deepEqual([(await end).code, (await end).wasClean], [1000, true]);
});

const violations: [string, number, Buffer, Buffer][] = [
  ["a reserved opcode", 1002, masked(0x83), unmasked(0x83)],
  ["a reserved bit", 1002, masked(0xc1, "a"), unmasked(0xc1, "a")],
  ["a mask where none belongs, or none where one does", 1002, unmasked(0x81, "a"), masked(0x81, "a")],
  ["a fragmented ping", 1002, masked(0x09), unmasked(0x09)],
  ["a ping over 125 bytes", 1002, masked(0x89, Buffer.alloc(126)), unmasked(0x89, Buffer.alloc(126))],
  ["a continuation of nothing", 1002, masked(0x80, "a"), unmasked(0x80, "a")],
  ["a length that is not minimal", 1002, hex("82FE0001 00000000 00"), hex("827E0001 00")],
  ["a length with its top bit set", 1002, hex("82FF8000000000000000"), hex("827F8000000000000000")],
  ["a close with half a status", 1002, masked(0x88, hex("03")), unmasked(0x88, hex("03"))],
  ["a close with a status that must not be sent", 1002, masked(0x88, hex("03ED")), unmasked(0x88, hex("03ED"))],
  ["a close reason that is not UTF-8", 1007, masked(0x88, hex("03E8FF")), unmasked(0x88, hex("03E8FF"))],
  ["text that is not UTF-8", 1007, masked(0x81, hex("C0AF")), unmasked(0x81, hex("C0AF"))],
  ["a text that cannot become UTF-8, before it ends", 1007, masked(0x01, hex("EDA0")), unmasked(0x01, hex("EDA0"))],
  ["a message over the limit", 1009, masked(0x82, Buffer.alloc(1001)), unmasked(0x82, Buffer.alloc(1001))],
  [
    "the announcement of a message over the limit",
    1009,
    hex("82FF00000000FFFFFFFF00000000"),
    hex("827F00000000FFFFFFFF"),
  ],
];

for (const [name, status, toServer, toClient] of violations) {
  test(`${name} closes with ${status}, after what was good before it was delivered`, async (t) => {
    const close = Buffer.alloc(2);
    close.writeUInt16BE(status);
    for (const connect of [rawClient, rawServer]) {
      const isServer = connect === rawClient;
      const { peer, socket, received } = await connect(t, { maxMessageSize: 1000 });
      const error = nextEvent<ErrorEvent>(socket, "error");
      const end = closed(socket);
      peer.write(isServer ? masked(0x81, "good") : unmasked(0x81, "good"), isServer ? toServer : toClient);
      const rest = await peer.rest();
      if (isServer) assert.deepEqual(rest, unmasked(0x88, close));
      else assert.deepEqual([rest.length, rest[0], rest[1]], [8, 0x88, 0x82]);
      peer.socket.end();
      assert.deepEqual(received, ["good"]);
      const cause = (await error).error as { closeStatus: number; section: string; code: string };
      assert.equal(cause.closeStatus, status);
      assert.match(cause.section, /^RFC 6455 §/);
      const event: CloseEvent = await end;
      assert.deepEqual([event.code, event.wasClean], [1006, false]);
    }
  });
}

test("a connection that ends without a close frame is reported as 1006, without an error event", async (t) => {
  for (const connect of [rawClient, rawServer]) {
    const { peer, socket } = await connect(t);
    let errors = 0;
    socket.onerror = () => errors++;
    const end = closed(socket);
    peer.write((connect === rawClient ? masked(0x01, "half") : unmasked(0x01, "half")).subarray(0, 5));
    peer.socket.end();
    const event = await end;
    assert.deepEqual([event.code, event.wasClean, errors], [1006, false, 0]);
  }
});

test("a peer that never answers a close is given up after closeTimeout, with 1006", async (t) => {
  for (const connect of [rawClient, rawServer]) {
    const { socket } = await connect(t, { closeTimeout: 50 });
    const error = nextEvent<ErrorEvent>(socket, "error");
    const end = closed(socket);
    socket.close(1000, "");
    assert.equal(socket.readyState, WebSocket.CLOSING);
    assert.equal(((await error).error as { code: string }).code, "WS_ERR_CLOSE_TIMEOUT");
    assert.deepEqual([(await end).code, (await end).wasClean], [1006, false]);
  }
});

test("both sides may close at once", async (t) => {
  const { peer, socket } = await rawClient(t);
  const end = closed(socket);
  socket.close(1001, "");
  peer.write(masked(0x88, hex("0BB8")));
  assert.deepEqual(await peer.rest(), unmasked(0x88, hex("03E9")));
  peer.socket.end();
  assert.deepEqual([(await end).code, (await end).wasClean], [3000, true]);
});

test("all frames of one turn leave in order, and large ones between small ones", async (t) => {
  const { peer, socket } = await rawClient(t);
  const large = Buffer.alloc(100_000, 7);
  socket.send("a");
  socket.send(large);
  socket.send("b");
  socket.ping("c");
  const expected = Buffer.concat([
    unmasked(0x81, "a"),
    unmasked(0x82, large),
    unmasked(0x81, "b"),
    unmasked(0x89, "c"),
  ]);
  assert.ok((await peer.bytes(expected.length)).equals(expected));
});

test("a stream of bytes one at a time gives the same messages", async (t) => {
  const { peer, socket, received } = await rawClient(t);
  const end = closed(socket);
  const stream = Buffer.concat([masked(0x01, "grö"), masked(0x89, "?"), masked(0x80, "ße"), masked(0x88, hex("03E8"))]);
  peer.socket.setNoDelay(true);
  for (const byte of stream) {
    await new Promise<void>((written) => peer.socket.write(Uint8Array.of(byte), () => written()));
  }
  peer.socket.end();
  assert.equal((await end).code, 1000);
  assert.deepEqual(received, ["größe"]);
});

test("a peer that floods with pings and does not read is owed one pong, the latest", async (t) => {
  const { peer, socket } = await rawClient(t);
  // fill the pipe until our side has to wait
  peer.socket.pause();
  const block = Buffer.alloc(1 << 20);
  let blocks = 0;
  while (socket.bufferedAmount < 8 << 20) {
    socket.send(block);
    blocks++;
    await new Promise((turn) => setImmediate(turn));
  }
  const sent = socket.bufferedAmount;
  const pings = Array.from({ length: 3000 }, (_, index) => masked(0x89, String(index)));
  let seen = 0;
  const answered = new Promise<void>((done) => {
    socket.addEventListener("ping", () => ++seen === pings.length && done());
  });
  peer.write(...pings);
  await answered;
  assert.equal(socket.bufferedAmount, sent, "nothing was added to what waits");
  peer.socket.resume();
  const pong = unmasked(0x8a, "2999");
  const all = await peer.bytes(blocks * (block.length + 10) + pong.length);
  assert.equal(all[0], 0x82);
  assert.deepEqual(all.subarray(-pong.length), pong);
});

test("a ping and a close that come together when we have closed are taken in order, and no pong follows a close", async (t) => {
  for (const connect of [rawClient, rawServer]) {
    const frame = connect === rawClient ? masked : unmasked;
    const { peer, socket } = await connect(t);
    const end = closed(socket);
    let pings = 0;
    socket.addEventListener("ping", () => pings++);
    socket.close(1000, "");
    await peer.bytes(connect === rawClient ? 4 : 8);
    peer.write(Buffer.concat([frame(0x89, "?"), frame(0x88, hex("03E8"))]));
    peer.socket.end();
    const event = await end;
    assert.deepEqual([event.code, event.wasClean, pings], [1000, true, 1]);
    assert.equal((await peer.rest()).length, 0);
  }
});

test("a listener that closes before the ping and the close behind its message are handled breaks nothing", async (t) => {
  const { peer, socket } = await rawClient(t);
  const end = closed(socket);
  socket.onmessage = () => socket.close(3000, "mine");
  peer.write(Buffer.concat([masked(0x81, "bye"), masked(0x89, "?"), masked(0x88, hex("0FA0"))]));
  assert.deepEqual(await peer.rest(), unmasked(0x88, Buffer.concat([hex("0BB8"), Buffer.from("mine")])));
  peer.socket.end();
  assert.deepEqual([(await end).code, (await end).wasClean], [4000, true]);
});

test("a socket that its owner paused for good ends with closeTimeout all the same", async (t) => {
  let onPaused: (socket: WebSocket) => void;
  const paused = new Promise<WebSocket>((resolve) => {
    onPaused = resolve;
  });
  const { server, port } = await serve(t, { closeTimeout: 50 }, (socket) => {
    socket.onmessage = () => {
      socket.pause();
      onPaused(socket);
    };
  });
  const peer = await RawPeer.connect(port, undefined, Buffer.concat([masked(0x81, "1"), masked(0x81, "2")]));
  const end = closed(await paused);
  await server.close();
  assert.equal((await end).code, 1006);
  assert.equal(server.clients.size, 0);
  peer.socket.destroy();
});

test("a socket that is paused in its connection event does not read", async (t) => {
  const { server, port } = await serve(t, {}, (socket) => socket.pause());
  const connection = once(server, "connection");
  const peer = await RawPeer.connect(port);
  t.after(() => peer.socket.destroy());
  const [socket] = (await connection) as [WebSocket];
  const block = masked(0x82, Buffer.alloc(1 << 20));
  // the kernel's buffers take some; then the peer has to wait
  for (let sent = 0; sent < 64 && peer.socket.writableLength < 8 << 20; sent++) {
    peer.write(block);
    await new Promise((turn) => setImmediate(turn));
  }
  assert.ok(peer.socket.writableLength >= 8 << 20, "the peer waits");
  assert.equal(socket.isPaused, true);
  const message = nextEvent<MessageEvent>(socket, "message");
  socket.resume();
  assert.equal((await message).data.length, 1 << 20);
});

test("a peer that closes its side and does not read is given up after closeTimeout", async (t) => {
  const { peer, socket } = await rawClient(t, { closeTimeout: 50 });
  let errors = 0;
  socket.onerror = () => errors++;
  const end = closed(socket);
  peer.socket.pause();
  const block = Buffer.alloc(1 << 20);
  while (socket.bufferedAmount < 8 << 20) {
    socket.send(block);
    await new Promise((turn) => setImmediate(turn));
  }
  peer.socket.end();
  const event = await end;
  assert.deepEqual([event.code, event.wasClean, errors], [1006, false, 0]);
});
