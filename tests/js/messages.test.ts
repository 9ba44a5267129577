/** Messages in pieces: received as they come (`streamMessages`), and sent as they are made (`sendStream`). */
import assert from "node:assert/strict";
import type { IncomingMessage } from "node:http";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";

import { type ErrorEvent, MessageStream, WebSocket } from "websocket-component";
import Ws from "ws";

import { connector, type Ends, FRAME, frames, ROLES, type Role, statusBytes, summary, wireSize } from "./ends.js";
import { closed, masked, mockClock, mockTimers, nextEvent, once, RawPeer, serve } from "./support.js";

type Chunk = string | Uint8Array;

/** The streams that the next `message` events give out. */
async function* streams(socket: WebSocket): AsyncGenerator<MessageStream, void> {
  for await (const stream of socket) yield stream as MessageStream;
}

async function nextStream(socket: WebSocket): Promise<MessageStream> {
  return (await nextEvent<MessageEvent>(socket, "message")).data;
}

async function chunks(stream: MessageStream): Promise<Chunk[]> {
  const all: Chunk[] = [];
  for await (const chunk of stream) all.push(chunk);
  return all;
}

/** Our end, whose messages come in pieces, and its peer. */
async function pieces(t: Parameters<typeof connector>[0], role: Role, options = {}): Promise<Ends> {
  const ends = await (await connector(t, role, { streamMessages: true, ...options }))();
  ends.socket.onmessage = null;
  return ends;
}

for (const role of ROLES) {
  const frame = FRAME[role];

  test(`a ${role} gives a message out when it begins, and each piece when it comes`, async (t) => {
    const { socket, peer } = await pieces(t, role);
    const message = nextStream(socket);
    peer.write(frame(0x02, "one"));
    const stream = await message;
    assert.ok(stream instanceof MessageStream);
    assert.ok(stream instanceof ReadableStream);
    assert.equal(stream.isText, false);
    const reader = stream.getReader();
    assert.deepEqual((await reader.read()).value, new Uint8Array(Buffer.from("one")));
    for (const text of ["two", "three"]) {
      peer.write(frame(0x00, text), frame(0x89, ""));
      assert.deepEqual((await reader.read()).value, new Uint8Array(Buffer.from(text)));
    }
    peer.write(frame(0x80, ""));
    assert.equal((await reader.read()).done, true);
  });

  test(`a ${role} cuts text between characters, however it comes`, async (t) => {
    const { socket, peer } = await pieces(t, role);
    const text = "\uFEFFgr\u00f6\u00dfe \u20ac \u{1F600}.";
    const bytes = Array.from(Buffer.from(text), (byte) => Buffer.of(byte));
    const message = nextStream(socket);
    peer.write(...bytes.map((byte, index) => frame(index === 0 ? 0x01 : 0x00, byte)), frame(0x80, ""));
    const stream = await message;
    assert.equal(stream.isText, true);
    assert.deepEqual(await chunks(stream), Array.from(text));
  });

  test(`a ${role} gives out no message before the one in front was read or cancelled`, async (t) => {
    const { socket, peer } = await pieces(t, role);
    const given: MessageStream[] = [];
    socket.onmessage = (event) => given.push(event.data);
    const first = nextEvent(socket, "message");
    const texts = ["1", "", "3", "4", "5"];
    peer.write(...texts.map((text) => frame(0x81, text)), frame(0x01, "6"), frame(0x80, "6"), frame(0x81, "7"));
    await first;
    for (let count = 0; count < 50; count++) await turn();
    assert.equal(given.length, 1);
    assert.deepEqual(await chunks(given[0] as MessageStream), ["1"]);
    while (given.length < 3) await turn();
    assert.deepEqual(await chunks(given[1] as MessageStream), [], "an empty message is read already");
    await given[2]?.cancel();
    while (given.length < 4) await turn();
    const reader = given[3]?.getReader();
    assert.equal((await reader?.read())?.value, "4", "the last piece that was taken ends a message");
    while (given.length < 5) await turn();
    await given[4]?.cancel();
    while (given.length < 6) await turn();
    await given[5]?.cancel();
    while (given.length < 7) await turn();
    assert.deepEqual(await chunks(given[6] as MessageStream), ["7"]);
  });

  test(`a loop over a ${role}'s messages in pieces loses none, read to their end or not`, async (t) => {
    const { socket, peer } = await pieces(t, role);
    const message = (text: string) => [frame(0x01, text), frame(0x00, "+"), frame(0x80, text)];
    peer.write(...message("1"), ...message("2"), ...message("3"), frame(0x88, statusBytes(1000)));
    peer.socket.end();
    const read: string[] = [];
    for await (const stream of streams(socket)) {
      await turn();
      if (read.length === 1) {
        await stream.cancel();
        read.push("cancelled");
      } else {
        read.push((await chunks(stream)).join(""));
      }
    }
    assert.deepEqual(read, ["1+1", "cancelled", "3+3"]);
  });

  test(`what is left of a ${role}'s message fails with the typed error when the connection ends in it`, async (t) => {
    const connect = await connector(t, role, { streamMessages: true, maxMessageSize: 10 });
    const endings: [string, string, (ends: Ends) => void][] = [
      ["a violation", "E_INVALID_PROTOCOL_OPERATION", ({ peer }) => peer.write(frame(0x81, "new"))],
      ["too much", "E_INVALID_PROTOCOL_FORMAT", ({ peer }) => peer.write(frame(0x00, "x".repeat(10)))],
      ["no UTF-8", "E_INVALID_PROTOCOL_FORMAT", ({ peer }) => peer.write(frame(0x00, Buffer.of(0xff)))],
      ["the peer's end", "WS_ERR_CONNECTION_LOST", () => {}],
      ["a close", "WS_ERR_CONNECTION_LOST", ({ peer }) => peer.write(frame(0x88, statusBytes(1000)))],
      ["terminate()", "WS_ERR_TERMINATED", ({ socket }) => socket.terminate()],
    ];
    for (const [name, code, end] of endings) {
      const ends = await connect();
      ends.socket.onmessage = null;
      const message = nextStream(ends.socket);
      ends.peer.write(frame(0x01, "half"));
      const reader = (await message).getReader();
      assert.equal((await reader.read()).value, "half", name);
      end(ends);
      ends.peer.socket.end();
      await assert.rejects(reader.read(), { code }, name);
    }
  });

  test(`a ${role}'s message that has come whole is read to its end though the connection is over`, async (t) => {
    const { socket, peer } = await pieces(t, role);
    const message = nextStream(socket);
    peer.write(frame(0x81, "whole"));
    const stream = await message;
    const end = closed(socket);
    socket.terminate();
    await end;
    assert.deepEqual(await chunks(stream), ["whole"]);
  });

  test(`messageTimeout of a ${role} runs while a piece is awaited, and waits while one is not read`, async (t) => {
    mockTimers(t);
    const { socket, peer } = await pieces(t, role, { messageTimeout: 1000 });
    const failed = nextEvent<ErrorEvent & { error: { code: string } }>(socket, "error");
    const message = nextStream(socket);
    peer.write(frame(0x01, "a"));
    const reader = (await message).getReader();
    t.mock.timers.tick(10_000);
    assert.equal(socket.readyState, WebSocket.OPEN);
    assert.equal((await reader.read()).value, "a");
    const second = reader.read();
    t.mock.timers.tick(1000);
    peer.socket.end();
    await assert.rejects(second, { code: "WS_ERR_MESSAGE_TIMEOUT" });
    assert.equal((await failed).error.code, "WS_ERR_MESSAGE_TIMEOUT");
  });

  test(`messageTimeout of a ${role} goes on, once more is read, where a reader that takes its time stopped it`, async (t) => {
    const tick = mockClock(t);
    const { socket, peer } = await pieces(t, role, { messageTimeout: 1000 });
    const failed = nextEvent<ErrorEvent & { error: { code: string } }>(socket, "error");
    const message = nextStream(socket);
    // with the pong, the piece behind its ping has come too, and waits for its reader
    const arrival = async (first: number, piece: string) => {
      peer.write(frame(0x89), frame(first, piece));
      await peer.bytes(wireSize(role, 0));
      tick(10_000); // which are the reader's
    };
    await arrival(0x01, "a");
    const reader = (await message).getReader();
    assert.equal((await reader.read()).value, "a");
    for (const piece of ["b", "c"]) {
      tick(400);
      await arrival(0x00, piece);
      assert.equal((await reader.read()).value, piece);
    }
    const last = reader.read();
    tick(199);
    assert.equal(socket.readyState, WebSocket.OPEN);
    tick(1);
    peer.socket.end();
    await assert.rejects(last, { code: "WS_ERR_MESSAGE_TIMEOUT" });
    assert.equal((await failed).error.code, "WS_ERR_MESSAGE_TIMEOUT");
  });

  test(`a ${role} sends each chunk as a frame when it comes; messages and a close wait, a ping does not`, async (t) => {
    const { socket, peer } = await (await connector(t, role))();
    let go = (): void => {};
    const gate = new Promise<void>((resolve) => {
      go = resolve;
    });
    const sent = socket.sendStream(
      (async function* () {
        yield "first, \ud83d";
        yield "";
        await gate;
        yield "\ude00 and last\ud83d";
      })(),
    );
    socket.send("behind");
    const written = socket.write(new Uint8Array(3));
    socket.ping("p");
    socket.close(1000);
    // the ping may go before the chunk, whose source is asynchronous
    const begun = frames(await peer.bytes(wireSize(role, 7, 1)));
    assert.deepEqual(begun.map(({ first, payload }) => `${first} ${payload}`).sort(), ["1 first, ", "137 p"]);
    go();
    await Promise.all([sent, written]);
    const rest = await peer.bytes(wireSize(role, 13, 3, 6, 3, 2));
    assert.deepEqual(
      frames(rest).map(({ first, payload }) => [first, payload.toString()]),
      [
        [0x00, "\u{1F600} and last"],
        [0x80, "\uFFFD"],
        [0x81, "behind"],
        [0x82, "\0\0\0"],
        [0x88, statusBytes(1000).toString()],
      ],
    );
  });

  test(`a ${role}'s source that fails, or mixes text and bytes, fails the connection with 1011`, async (t) => {
    const connect = await connector(t, role);
    const broken = new Error("broken");
    async function* failing(): AsyncGenerator<string> {
      yield "some";
      throw broken;
    }
    for (const [source, isCause] of [
      [failing(), (cause: unknown) => cause === broken],
      [["some", new Uint8Array(1)], (cause: unknown) => cause instanceof TypeError],
      [[new Uint8Array(4), "text"], (cause: unknown) => cause instanceof TypeError],
      [["some", 5 as unknown as string], (cause: unknown) => cause instanceof TypeError],
    ] as const) {
      const { socket, peer } = await connect();
      const failed = nextEvent<ErrorEvent & { error: unknown }>(socket, "error");
      const rejection = await socket.sendStream(source).then(
        () => assert.fail("it fails"),
        (error: { code: string; cause: unknown }) => error,
      );
      assert.equal(rejection.code, "WS_ERR_SOURCE");
      assert.ok(isCause(rejection.cause));
      const [, close] = frames(await peer.bytes(wireSize(role, 4, 2)));
      assert.deepEqual([close?.first, close?.payload], [0x88, statusBytes(1011)]);
      peer.socket.end();
      assert.equal((await failed).error, rejection);
    }
  });

  test(`a ${role} takes no more of a source than the network takes, and ends it with the connection`, async (t) => {
    const { socket, peer } = await (await connector(t, role))();
    peer.socket.pause();
    let taken = 0;
    let isOver = false;
    const sending = socket.sendStream(
      (function* () {
        try {
          for (; ; taken++) yield new Uint8Array(64 * 1024);
        } finally {
          isOver = true;
        }
      })(),
    );
    let before = -1;
    for (let still = 0; still < 50; before = taken) {
      still = taken === before ? still + 1 : 0;
      await turn();
    }
    assert.ok(socket.bufferedAmount < 256 * 1024, `${socket.bufferedAmount} bytes wait`);
    const end = closed(socket);
    socket.terminate();
    await assert.rejects(sending, { code: "WS_ERR_NOT_SENT" });
    await end;
    await turn();
    assert.ok(isOver);
  });

  test(`an empty source of a ${role} makes an empty message, binary unless a chunk was text`, async (t) => {
    const { socket, peer } = await (await connector(t, role))();
    await socket.sendStream([]);
    await socket.sendStream([""]);
    await socket.sendStream(new Blob([]).stream());
    assert.deepEqual(summary(await peer.bytes(wireSize(role, 0, 0, 0))), [
      [0x82, ""],
      [0x81, ""],
      [0x82, ""],
    ]);
  });
}

test("a string as a source is a message of one chunk", async (t) => {
  const { socket, peer } = await (await connector(t, "server"))();
  await socket.sendStream("größe");
  await socket.sendStream("");
  const text = Buffer.from("größe").toString("latin1");
  assert.deepEqual(summary(await peer.bytes(wireSize("server", text.length, 0, 0))), [
    [0x01, text],
    [0x80, ""],
    [0x81, ""],
  ]);
  socket.terminate();
});

test("what has no chunks is refused as a source, before anything is sent, and the socket stays open", async (t) => {
  const { socket, peer } = await (await connector(t, "server"))();
  const refused = { name: "WebSocketError", code: "WS_ERR_INVALID_OPTION", message: /stream, or another iterable/ };
  const wrong = [
    5,
    null,
    undefined,
    {},
    true,
    new Blob(["a"]),
    new Uint8Array(3),
    Buffer.from("a"),
    new ArrayBuffer(3),
  ];
  for (const source of wrong) await assert.rejects(socket.sendStream(source as never), refused);
  const read = new Blob(["a"]).stream();
  read.getReader();
  await assert.rejects(socket.sendStream(read), { ...refused, message: /has a reader already/ });
  socket.send("next");
  assert.deepEqual(summary(await peer.bytes(wireSize("server", 4))), [[0x81, "next"]]);
  socket.terminate();
  for (const source of wrong) await assert.rejects(socket.sendStream(source as never), refused);
});

test("a message that is not read keeps the peer from sending more than a little, and is read whole afterwards", async (t) => {
  const { server, port } = await serve(t, { streamMessages: true, maxMessageSize: 64 << 20 });
  const connection = once(server, "connection") as Promise<unknown[]>;
  const peer = await RawPeer.connect(port);
  const [socket, request] = (await connection) as [WebSocket, IncomingMessage];
  await peer.head();
  const size = 32 << 20;
  const message = nextStream(socket);
  peer.write(masked(0x82, Buffer.alloc(size, "x")));
  const stream = await message;
  const tcp = request.socket;
  let before = -1;
  for (let still = 0; still < 50; before = tcp.bytesRead) {
    still = tcp.bytesRead === before ? still + 1 : 0;
    await turn();
  }
  assert.ok(tcp.bytesRead < 2 << 20, `${tcp.bytesRead} of ${size} bytes were read`);
  let length = 0;
  for await (const chunk of stream) length += chunk.length;
  assert.equal(length, size);
  peer.socket.destroy();
});

test("messages go in pieces to ws and back, compressed on the way back", async (t) => {
  const { url } = await serve(t, { streamMessages: true, perMessageDeflate: true }, async (socket) => {
    for await (const stream of streams(socket)) await socket.sendStream(stream);
  });
  const peer = new Ws(url, { perMessageDeflate: true });
  await once(peer, "open");
  for (const message of ["text \u20ac ".repeat(200_000), Buffer.alloc(3 << 20, "bytes")]) {
    const echoed = once(peer, "message");
    peer.send(message);
    const [data, isBinary] = await echoed;
    assert.equal(isBinary, typeof message !== "string");
    assert.ok(Buffer.from(message as string).equals(data));
  }
  peer.close();
});

test("a server closes in closeTimeout though the source of a message has stalled", async (t) => {
  const { server, port } = await serve(t, { closeTimeout: 50 });
  const connection = once(server, "connection") as Promise<unknown[]>;
  const peer = await RawPeer.connect(port);
  const [socket] = (await connection) as [WebSocket];
  const stalled = new ReadableStream<string>({ start: (controller) => controller.enqueue("and then") });
  const sending = assert.rejects(socket.sendStream(stalled), { code: "WS_ERR_NOT_SENT" });
  await peer.head();
  await server.close();
  await sending;
});
