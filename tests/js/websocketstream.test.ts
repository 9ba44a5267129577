/** WebSocketStream, by the proposal for the WHATWG standard; what Chromium does where that leaves it open. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { inspect } from "node:util";

import {
  WebSocket,
  type WebSocketCloseInfo,
  WebSocketError,
  WebSocketStream,
  WebSocketStreamError,
} from "websocket-component";
import Ws from "ws";

import { clog, connector, FRAME, frames, ROLES, type Role, statusBytes, wireSize } from "./ends.js";
import { masked, once, serve, serveEcho, serveRaw, settled, unclaimed } from "./support.js";

/** A stream over our end of a connection, and its peer. */
async function ends(t: TestContext, role: Role) {
  const { socket, peer } = await (await connector(t, role))();
  const stream = new WebSocketStream(socket);
  return { stream, socket, peer, ...(await stream.opened) };
}

/** The error that a promise rejects with. */
async function rejection(promise: Promise<unknown>): Promise<WebSocketStreamError> {
  return promise.then(
    () => assert.fail("it rejects"),
    (error) => error,
  );
}

const INVALID: [unknown, string][] = [
  [{ closeCode: 999 }, "InvalidAccessError"],
  [{ closeCode: 1001 }, "InvalidAccessError"],
  [{ closeCode: 5000 }, "InvalidAccessError"],
  [{ closeCode: null }, "InvalidAccessError"],
  [{ closeCode: 65_536 }, "TypeError"],
  [{ closeCode: -1 }, "TypeError"],
  [{ closeCode: Number.NaN }, "TypeError"],
  [{ closeCode: 1000n }, "TypeError"],
  [true, "TypeError"],
  ["reason", "TypeError"],
  [{ reason: "x".repeat(124) }, "SyntaxError"],
  [{ closeCode: 1000, reason: "\u{1F50C}".repeat(32) }, "SyntaxError"],
];

test("WebSocketStreamError is the proposal's WebSocketError", () => {
  const none = new WebSocketStreamError();
  assert.ok(none instanceof DOMException);
  assert.equal(none instanceof WebSocketError, false);
  assert.equal(String(Object.prototype.toString.call(none)), "[object WebSocketError]");
  assert.deepEqual(
    [none.name, none.message, none.code, none.closeCode, none.reason],
    ["WebSocketError", "", 0, null, ""],
  );
  const full = new WebSocketStreamError("why", { closeCode: 3456, reason: "reason" });
  assert.deepEqual([full.message, full.closeCode, full.reason], ["why", 3456, "reason"]);
  assert.equal(new WebSocketStreamError("", { closeCode: 1000 }).closeCode, 1000);
  assert.equal(new WebSocketStreamError("", { reason: "alone" }).closeCode, 1000);
  assert.equal(new WebSocketStreamError("", { reason: "\ud83d" }).reason, "\uFFFD");
  for (const [info, name] of INVALID) {
    assert.throws(() => new WebSocketStreamError("", info as WebSocketCloseInfo), { name }, inspect(info));
  }
});

test("the constructor checks its arguments before anything else", () => {
  const make = (...args: unknown[]) => Reflect.construct(WebSocketStream, args);
  assert.throws(() => make(), TypeError);
  assert.throws(() => make("invalid:"), { name: "SyntaxError" });
  assert.throws(() => make("ws://localhost/", true), TypeError);
  assert.throws(() => make("ws://localhost/", { protocols: "chat" }), TypeError);
  assert.throws(() => make("ws://localhost/", { protocols: ["chat", "Chat"] }), { name: "SyntaxError" });
  assert.throws(() => make("ws://localhost/", { signal: null }), TypeError);
});

test("opened and closed of what is not a WebSocketStream reject", async () => {
  for (const name of ["opened", "closed"]) {
    const { get } = Object.getOwnPropertyDescriptor(WebSocketStream.prototype, name) ?? {};
    for (const foreign of [{}, WebSocketStream.prototype, undefined]) {
      await assert.rejects(get?.call(foreign), TypeError, name);
    }
  }
});

test("opened tells what was agreed on, and messages go both ways with their types", async (t) => {
  const { url } = await serveEcho(t);
  const stream = new WebSocketStream(url, { protocols: new Set(["v1", "v2"]) });
  assert.equal(stream.url, `${url}/`);
  const { readable, writable, protocol, extensions } = await stream.opened;
  assert.equal(protocol, "v1");
  assert.match(extensions, /^permessage-deflate/);
  const writer = writable.getWriter();
  const reader = readable.getReader();
  for (const message of ["text", new Uint8Array([1, 2, 3]), new Uint16Array([1, 2]).subarray(1), new ArrayBuffer(2)]) {
    await writer.write(message);
    const { value } = await reader.read();
    if (typeof message === "string") assert.equal(value, message);
    else assert.equal(value?.constructor, Uint8Array);
    if (typeof message !== "string") assert.equal(value?.length, message.byteLength);
  }
  await writer.write(5 as unknown as string);
  assert.equal((await reader.read()).value, "5");
  stream.close({ reason: "enough" });
  assert.deepEqual(await stream.closed, { closeCode: 1000, reason: "" });
});

test("ws gets back what is piped through a server's streams", async (t) => {
  const { url } = await serve(t, {}, async (socket) => {
    const { readable, writable } = await new WebSocketStream(socket).opened;
    await readable.pipeTo(writable).catch((error: Error) => assert.equal(error.name, "InvalidStateError"));
  });
  const peer = new Ws(url);
  await once(peer, "open");
  const echoed: string[] = [];
  peer.on("message", (data) => echoed.push(String(data)));
  for (const text of ["a", "b", "c"]) peer.send(text);
  while (echoed.length < 3) await turn();
  assert.deepEqual(echoed, ["a", "b", "c"]);
  peer.close(1000);
  assert.equal((await once(peer, "close"))[0], 1000);
});

for (const role of ROLES) {
  const frame = FRAME[role];

  for (const [name, end, closeCode, reason] of [
    ["close()", ({ stream }) => stream.close(), 1005, ""],
    ["close(null)", ({ stream }) => stream.close(null as never), 1005, ""],
    ["close({ closeCode, reason })", ({ stream }) => stream.close({ closeCode: 3456, reason: "r" }), 3456, "r"],
    ["close({ reason })", ({ stream }) => stream.close({ reason: "r" }), 1000, "r"],
    ["writer.close()", ({ writable }) => void writable.close(), 1005, ""],
    ["abort()", ({ writable }) => writable.abort(), 1005, ""],
    ["cancel()", ({ readable }) => readable.cancel(), 1005, ""],
    ["cancel(object)", ({ readable }) => readable.cancel({ closeCode: 3333, reason: "no" }), 1005, ""],
    ["abort(DOMException)", ({ writable }) => writable.abort(new DOMException("no", "AbortError")), 1005, ""],
    ["cancel(error)", ({ readable }) => readable.cancel(new WebSocketStreamError("", { closeCode: 3333 })), 3333, ""],
    ["abort(error)", ({ writable }) => writable.abort(new WebSocketStreamError("", { reason: "r" })), 1000, "r"],
    ["abort(empty error)", ({ writable }) => writable.abort(new WebSocketStreamError()), 1005, ""],
  ] as [string, (of: Awaited<ReturnType<typeof ends>>) => unknown, number, string][]) {
    test(`${name} of a ${role} sends ${closeCode} "${reason}", and is done without waiting for the peer`, async (t) => {
      const all = await ends(t, role);
      await end(all);
      const size = closeCode === 1005 ? 0 : 2 + reason.length;
      const [close] = frames(await all.peer.bytes(wireSize(role, size)));
      const payload = closeCode === 1005 ? "" : `${statusBytes(closeCode).toString("latin1")}${reason}`;
      assert.deepEqual([close?.first, close?.payload.toString("latin1")], [0x88, payload]);
      all.peer.write(frame(0x88, Buffer.concat([statusBytes(4222), Buffer.from("theirs")])));
      all.peer.socket.end();
      assert.deepEqual(await all.stream.closed, { closeCode: 4222, reason: "theirs" });
    });
  }

  test(`close of a ${role} checks its argument`, async (t) => {
    const { stream } = await ends(t, role);
    const isOfServers = (info: unknown) => role === "server" && (info as WebSocketCloseInfo).closeCode === 1001;
    for (const [info, name] of INVALID) {
      if (!isOfServers(info)) assert.throws(() => stream.close(info as WebSocketCloseInfo), { name });
    }
  });

  test(`a ${role}'s streams end when the peer closes: reading is done, writing an InvalidStateError`, async (t) => {
    const { stream, peer, readable, writable } = await ends(t, role);
    peer.write(frame(0x81, "last"), frame(0x88, Buffer.concat([statusBytes(4000), Buffer.from("\u30ed")])));
    peer.socket.end();
    assert.deepEqual(await stream.closed, { closeCode: 4000, reason: "\u30ed" });
    const reader = readable.getReader();
    assert.equal((await reader.read()).value, "last", "a message that was not read yet is");
    assert.equal((await reader.read()).done, true);
    await assert.rejects(writable.getWriter().ready, { name: "InvalidStateError" });
  });

  test(`a ${role}'s streams and closed fail with the same error when the connection breaks off`, async (t) => {
    for (const [bytes, cause] of [
      [Buffer.alloc(0), undefined],
      [frame(0x83, ""), "E_INVALID_PROTOCOL_FORMAT"],
    ] as const) {
      const { stream, peer, readable, writable } = await ends(t, role);
      peer.write(bytes);
      peer.socket.end();
      const error = await rejection(stream.closed);
      assert.ok(error instanceof WebSocketStreamError);
      assert.deepEqual([error.closeCode, error.reason], [1006, ""]);
      assert.equal((error.cause as { code: string } | undefined)?.code, cause);
      assert.equal(await rejection(readable.getReader().read()), error);
      assert.equal(await rejection(writable.getWriter().ready), error);
    }
  });

  test(`a ${role}'s write is done when there is room; the peer's close before that cuts only writing off`, async (t) => {
    const { stream, socket, peer, readable, writable } = await ends(t, role);
    const writer = writable.getWriter();
    await writer.write("small");
    await clog({ socket, peer, received: [] });
    let isDone = false;
    const write = writer.write("waits").finally(() => {
      isDone = true;
    });
    const failures = Promise.all([write, writer.write("behind it")].map(rejection));
    for (let count = 0; count < 50; count++) await turn();
    assert.equal(isDone, false);
    const said = ["one", "two", "three"];
    peer.write(...said.map((text) => frame(0x81, text)), frame(0x88, statusBytes(4567)));
    const heard: unknown[] = [];
    for await (const message of readable) heard.push(message);
    assert.deepEqual(heard, said);
    const error = await rejection(stream.closed);
    assert.ok(error instanceof WebSocketStreamError);
    assert.equal(error.closeCode, 4567);
    const [pending, behind] = await failures;
    assert.equal(pending?.name, "InvalidStateError");
    assert.equal(behind, pending);
    assert.equal(await rejection(writer.write("later")), pending);
  });

  test(`a ${role}'s writes of nothing wait for room as well`, async (t) => {
    const { socket, peer, writable } = await ends(t, role);
    const writer = writable.getWriter();
    await clog({ socket, peer, received: [] });
    let done = 0;
    const writes = Array.from({ length: 1000 }, () =>
      writer.write("").then(
        () => done++,
        () => {},
      ),
    );
    for (let count = 0; count < 50; count++) await turn();
    assert.ok(done < writes.length, `${done} writes were done`);
    socket.terminate();
    await Promise.all(writes);
  });

  test(`a ${role}'s write after close() fails, and closed tells how the peer closed`, async (t) => {
    const { stream, peer, writable } = await ends(t, role);
    stream.close();
    const late = rejection(writable.getWriter().write("late"));
    await peer.bytes(wireSize(role, 0));
    peer.write(frame(0x88, statusBytes(4000)));
    peer.socket.end();
    assert.deepEqual(await stream.closed, { closeCode: 4000, reason: "" });
    assert.equal((await late).name, "InvalidStateError");
  });

  test(`a ${role}'s close leaves behind a write that waits, and abort does not wait for it`, async (t) => {
    const { socket, peer, writable } = await ends(t, role);
    const writer = writable.getWriter();
    await clog({ socket, peer, received: [] });
    const write = writer.write("waits");
    await writer.abort();
    await write;
    assert.equal(socket.readyState, WebSocket.CLOSING);
    socket.terminate();
  });
}

test("the writer's close is done when the closing handshake is", async (t) => {
  const { stream, peer, writable } = await ends(t, "client");
  let isDone = false;
  const close = writable.close().then(() => {
    isDone = true;
  });
  await peer.bytes(wireSize("client", 0));
  for (let count = 0; count < 20; count++) await turn();
  assert.equal(isDone, false);
  peer.write(FRAME.client(0x88));
  peer.socket.end();
  await close;
  assert.equal((await stream.closed).closeCode, 1005);
});

test("a connection that cannot be made rejects opened, without a code, and closed, with 1006", async (t) => {
  const url = await serveRaw(t, async (peer) => {
    await peer.head();
    peer.write(Buffer.from("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"));
  });
  const closedEarly = new WebSocketStream(url);
  closedEarly.close();
  for (const [stream, code] of [
    [new WebSocketStream(url), "WS_ERR_UNEXPECTED_RESPONSE"],
    [closedEarly, "WS_ERR_TERMINATED"],
  ] as const) {
    const [opened, closed] = [await rejection(stream.opened), await rejection(stream.closed)];
    assert.deepEqual([opened.closeCode, closed.closeCode], [null, 1006]);
    assert.ok(opened instanceof WebSocketStreamError && closed instanceof WebSocketStreamError);
    assert.equal((closed.cause as WebSocketError).code, code);
  }
});

test("a signal gives up the handshake with its reason, and nothing after it", async (t) => {
  const { url } = await serveEcho(t);
  const reason = new Error("enough");
  const before = new WebSocketStream(url, { signal: AbortSignal.abort(reason) });
  assert.deepEqual([await rejection(before.opened), await rejection(before.closed)], [reason, reason]);
  const controller = new AbortController();
  const during = new WebSocketStream(await serveRaw(t, () => {}), { signal: controller.signal });
  await turn();
  controller.abort(reason);
  assert.deepEqual([await rejection(during.opened), await rejection(during.closed)], [reason, reason]);
  const later = new AbortController();
  const after = new WebSocketStream(url, { signal: later.signal });
  const { readable, writable } = await after.opened;
  later.abort();
  await writable.getWriter().write("connected");
  assert.equal((await readable.getReader().read()).value, "connected");
  after.close();
});

test("a socket that is closed is taken over no more", async (t) => {
  const { socket } = await (await connector(t, "client"))();
  socket.terminate();
  await new Promise((resolve) => socket.addEventListener("close", resolve));
  assert.throws(() => new WebSocketStream(socket), { code: "WS_ERR_INVALID_STATE" });
});

test("of a flood one message is read ahead, and little more taken from the network, until it is read", async (t) => {
  const { peer, socket, tcp } = await unclaimed(t);
  const block = masked(0x82, Buffer.alloc(16 * 1024));
  const count = 1000;
  peer.write(...Array.from({ length: count }, () => block));
  const { readable } = await new WebSocketStream(socket).opened;
  const read = await settled(tcp);
  assert.ok(read < 1 << 20, `${read} of ${count * block.length} bytes were read`);
  const reader = readable.getReader();
  for (let received = 0; received < count; received++) {
    assert.equal(((await reader.read()).value as Uint8Array).length, 16 * 1024);
  }
  peer.socket.destroy();
});
