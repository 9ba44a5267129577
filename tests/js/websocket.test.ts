/** The class, by the WHATWG standard (https://websockets.spec.whatwg.org/). */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { connect } from "node:net";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { promisify } from "node:util";

import { CloseEvent, type ErrorEvent, WebSocket, type WebSocketEventMap } from "websocket-component";

import { closed, messages, nextEvent, once, serve, serveEcho, serveRaw } from "./support.js";

test("the constants are on the class and its prototype, and cannot be changed", () => {
  const constants = { CONNECTING: 0, OPEN: 1, CLOSING: 2, CLOSED: 3 };
  for (const [name, value] of Object.entries(constants)) {
    for (const target of [WebSocket, WebSocket.prototype]) {
      const { value: actual, writable, enumerable, configurable } = Object.getOwnPropertyDescriptor(target, name) ?? {};
      assert.deepEqual([actual, writable, enumerable, configurable], [value, false, true, false], name);
    }
  }
});

test("URLs of ws, wss, http and https are taken, without a fragment", async (t) => {
  const url = await serveRaw(t, () => {});
  const { port } = new URL(url);
  const resolved: [string, string][] = [
    [`ws://127.0.0.1:${port}`, `ws://127.0.0.1:${port}/`],
    [`http://127.0.0.1:${port}/a?b`, `ws://127.0.0.1:${port}/a?b`],
    [`https://127.0.0.1:${port}/`, `wss://127.0.0.1:${port}/`],
    [`WS://127.0.0.1:${port}/%20x y`, `ws://127.0.0.1:${port}/%20x%20y`],
  ];
  for (const [given, expected] of resolved) {
    const socket = new WebSocket(given);
    assert.equal(socket.url, expected);
    assert.equal(socket.readyState, WebSocket.CONNECTING);
    socket.terminate();
    await closed(socket);
  }
  for (const invalid of [
    "",
    "/relative",
    "ftp://a",
    "mailto:a@b",
    "ws://a/#",
    "ws://a/#fragment",
    "ws://",
    "ws://a b",
  ]) {
    assert.throws(() => new WebSocket(invalid), { name: "SyntaxError", constructor: DOMException }, invalid);
  }
  assert.throws(() => new WebSocket(""), { message: '"" is not a valid URL' });
});

test("subprotocols must be tokens and different, whatever their case", () => {
  for (const invalid of ["", "a b", "a,b", "ä", "a\u0000", "a/b", ["a", "a"], ["a", "A"], [""]]) {
    assert.throws(() => new WebSocket("ws://localhost", invalid), { name: "SyntaxError" }, JSON.stringify(invalid));
  }
});

test("sending while connecting is an InvalidStateError", async (t) => {
  const socket = new WebSocket(await serveRaw(t, () => {}));
  assert.throws(() => socket.send("early"), { name: "InvalidStateError" });
  for (const sent of [socket.write("early"), socket.sendStream(["early"])])
    await assert.rejects(sent, { name: "InvalidStateError" });
  socket.terminate();
  await closed(socket);
});

test("close takes 1000 and 3000 to 4999, and a reason of 123 bytes", async (t) => {
  const { url } = await serveEcho(t);
  const socket = new WebSocket(url);
  await nextEvent(socket, "open");
  for (const code of [0, 999, 1001, 1005, 1006, 1015, 2999, 5000, 65536 + 1000, Number.NaN, -1]) {
    assert.throws(() => socket.close(code), { name: "InvalidAccessError" }, String(code));
  }
  assert.throws(() => socket.close(1001), /^\w+: 1001 is not .* given: 1000 and 3000 to 4999, and by a server 1001 to/);
  assert.throws(() => socket.close(1000, "ä".repeat(62)), { name: "SyntaxError" });
  assert.equal(socket.readyState, WebSocket.OPEN);
  const end = closed(socket);
  socket.close(4999, `${"ä".repeat(61)}!`);
  assert.equal(socket.readyState, WebSocket.CLOSING);
  socket.close(1000); // closing already: nothing
  assert.equal((await end).code, 4999);
  socket.close();
  assert.equal(socket.readyState, WebSocket.CLOSED);
});

test("close without a code sends none, with a reason alone 1000", async (t) => {
  for (const [reason, code] of [
    [undefined, 1005],
    ["why", 1000],
  ] as const) {
    const { server, url } = await serve(t);
    const connection = once(server, "connection");
    const socket = new WebSocket(url);
    const [served] = (await connection) as [WebSocket];
    await nextEvent(socket, "open");
    const end = closed(served);
    socket.close(undefined, reason);
    const event = await end;
    assert.deepEqual([event.code, event.reason], [code, reason ?? ""]);
  }
});

test("a server's socket may close with every status that may be sent", async (t) => {
  for (const code of [1001, 1008, 1011, 1014, 3000]) {
    const { url } = await serve(t, {}, (socket) => socket.close(code, "policy"));
    const socket = new WebSocket(url);
    const event = await closed(socket);
    assert.deepEqual([event.code, event.reason, event.wasClean], [code, "policy", true]);
    assert.ok(event instanceof CloseEvent);
  }
});

test("binary messages come as the binaryType says, at the time of the message", async (t) => {
  const { url } = await serveEcho(t);
  const socket = new WebSocket(url);
  await nextEvent(socket, "open");
  assert.equal(socket.binaryType, "blob");
  socket.binaryType = "nonsense" as "blob";
  assert.equal(socket.binaryType, "blob");
  const kinds: unknown[] = [];
  for (const type of ["blob", "arraybuffer", "nodebuffer"] as const) {
    socket.binaryType = type;
    const message = nextEvent<MessageEvent>(socket, "message");
    socket.send(new Uint8Array([1, 2, 3]));
    const { data } = await message;
    kinds.push(Object.getPrototypeOf(data).constructor.name);
    const bytes = data instanceof Blob ? await data.arrayBuffer() : data;
    assert.deepEqual([...new Uint8Array(bytes)], [1, 2, 3]);
  }
  assert.deepEqual(kinds, ["Blob", "ArrayBuffer", "Buffer"]);
  socket.close();
});

test("send takes strings, buffers, views of a part, Blobs, and turns the rest into strings, in their order", async (t) => {
  const { url } = await serveEcho(t);
  const socket = new WebSocket(url);
  socket.binaryType = "arraybuffer";
  await nextEvent(socket, "open");
  const received = messages(socket, 10);
  const bytes = new Uint8Array([1, 2, 3, 4]);
  socket.send("text");
  socket.send(new Blob(["slow ", "blob"]));
  socket.send(bytes.buffer);
  socket.send(new DataView(bytes.buffer, 1, 2));
  socket.send(new Uint16Array([0x0201]));
  socket.send(42 as unknown as string);
  socket.send(null as unknown as string);
  socket.send("lone \uD800 surrogate");
  socket.send(new String("object") as string);
  socket.send([1, 2] as unknown as string);
  bytes.fill(9); // what was sent is sent
  const data = (await received).map((one) => (one instanceof ArrayBuffer ? [...new Uint8Array(one)] : one));
  const blob = [...new TextEncoder().encode("slow blob")];
  const expected = ["text", blob, [1, 2, 3, 4], [2, 3], [1, 2], "42", "null", "lone \uFFFD surrogate", "object", "1,2"];
  assert.deepEqual(data, expected);
  const end = closed(socket);
  socket.send(new Blob(["last"]));
  const last = nextEvent<MessageEvent>(socket, "message").then(() => "message");
  socket.close();
  assert.equal(await Promise.race([last, end.then(() => "close")]), "close", "nothing is delivered while closing");
});

test("bufferedAmount counts bytes of UTF-8, falls when the network takes them, and only grows after a close", async (t) => {
  const { url } = await serveEcho(t);
  const socket = new WebSocket(url);
  await nextEvent(socket, "open");
  assert.equal(socket.bufferedAmount, 0);
  socket.send("größe");
  assert.equal(socket.bufferedAmount, 7);
  socket.send(new Uint8Array(100_000));
  assert.equal(socket.bufferedAmount, 100_007);
  socket.send(new Blob(["four"]));
  assert.equal(socket.bufferedAmount, 100_011);
  await messages(socket, 3);
  assert.equal(socket.bufferedAmount, 0);
  socket.close();
  socket.send("dropped");
  assert.equal(socket.bufferedAmount, 7);
  await closed(socket);
  socket.send(new Uint8Array(3));
  assert.equal(socket.bufferedAmount, 10);
});

test("events are the runtime's, come in order, and carry what the standard says", async (t) => {
  const { url } = await serveEcho(t);
  const socket = new WebSocket(url, "chat");
  const order: string[] = [];
  for (const type of ["open", "message", "error", "close"] satisfies (keyof WebSocketEventMap)[]) {
    socket.addEventListener(type, (event) => {
      assert.equal(event.target, socket);
      assert.equal(event.bubbles, false);
      order.push(`${type} ${socket.readyState} ${socket.protocol}`);
    });
  }
  await nextEvent(socket, "open");
  const message = nextEvent<MessageEvent>(socket, "message");
  socket.send("x");
  const event = await message;
  assert.ok(event instanceof MessageEvent);
  assert.equal(event.origin, url);
  socket.close();
  await closed(socket);
  assert.deepEqual(order, ["open 1 chat", "message 1 chat", "close 3 chat"]);
  assert.equal(String(socket), "[object WebSocket]");
});

test("an event handler keeps its turn among the listeners when it is replaced, and null takes it out", async (t) => {
  const { url } = await serveEcho(t);
  const socket = new WebSocket(url);
  const turns: string[] = [];
  socket.onopen = () => assert.fail("replaced");
  socket.addEventListener("open", () => turns.push("listener"));
  const handler = () => turns.push("handler");
  socket.onopen = handler;
  assert.equal(socket.onopen, handler);
  socket.onmessage = () => assert.fail("taken out");
  socket.onmessage = null;
  assert.equal(socket.onmessage, null);
  await nextEvent(socket, "open");
  assert.deepEqual(turns, ["handler", "listener"]);
  socket.send("x");
  await nextEvent(socket, "message");
  socket.close();
});

test("a paused socket delivers nothing and loses nothing", async (t) => {
  const { url } = await serve(t, {}, (socket) => {
    for (let index = 0; index < 1000; index++) socket.send(`${index}`);
    socket.close(1000, "");
  });
  const socket = new WebSocket(url);
  const data: string[] = [];
  const whilePaused: Promise<number>[] = [];
  const resumed = async () => {
    for (let turns = 0; turns < 20; turns++) await turn();
    const { length } = data;
    socket.resume();
    return length % 100;
  };
  socket.onmessage = (event) => {
    data.push(event.data);
    if (data.length % 100 === 0) {
      socket.pause();
      whilePaused.push(resumed());
    }
  };
  assert.equal((await closed(socket)).code, 1000);
  assert.deepEqual(await Promise.all(whilePaused), Array(10).fill(0));
  assert.deepEqual(
    data,
    Array.from({ length: 1000 }, (_, index) => `${index}`),
  );
});

test("terminate ends an open connection at once, with 1006 and no error", async (t) => {
  const { server, url } = await serveEcho(t);
  const connection = once(server, "connection");
  const socket = new WebSocket(url);
  const [served] = (await connection) as [WebSocket];
  await nextEvent(socket, "open");
  socket.onerror = () => assert.fail("no error");
  const ends = [closed(socket), closed(served)];
  socket.terminate();
  for (const event of await Promise.all(ends)) assert.deepEqual([event.code, event.wasClean], [1006, false]);
});

test("options that are not valid are refused with a typed error", () => {
  for (const options of [
    { handshakeTimeout: 0 },
    { maxMessageSize: -1 },
    { closeTimeout: Number.NaN },
    { maxFrameSize: "1" as never },
  ]) {
    assert.throws(() => new WebSocket("ws://localhost", options), { code: "WS_ERR_INVALID_OPTION" });
  }
});

test("times that no timer can wait for, and sizes that no string can have, are the longest", async (t) => {
  const forever = {
    handshakeTimeout: Number.POSITIVE_INFINITY,
    closeTimeout: 1e12,
    maxMessageSize: Number.POSITIVE_INFINITY,
  };
  const { url } = await serveEcho(t, forever);
  const socket = new WebSocket(url, forever);
  await nextEvent(socket, "open");
  const end = closed(socket);
  socket.close(1000);
  assert.deepEqual([(await end).code, (await end).wasClean], [1000, true]);
});

test("a header of the caller's that is not valid fails the connection before a byte is sent", async (t) => {
  let bytes = 0;
  const url = await serveRaw(t, (peer) => peer.socket.on("data", (chunk) => (bytes += chunk.length)));
  const socket = new WebSocket(url, { headers: { "X-Evil": "a\nb" } });
  const { error } = await nextEvent<ErrorEvent>(socket, "error");
  assert.equal((error as { code: string }).code, "E_INVALIDARG");
  assert.equal(bytes, 0);
});

test("handlers that are taken out in any order leave the others where they are", async (t) => {
  const types = ["open", "message", "close"] as const;
  for (const [first, second] of [
    [0, 1],
    [1, 0],
    [0, 2],
    [2, 0],
    [1, 2],
    [2, 1],
  ] as const) {
    const { url } = await serveEcho(t);
    const socket = new WebSocket(url);
    const handlers = types.map(() => () => {});
    for (const [at, type] of types.entries()) socket[`on${type}`] = handlers[at] as () => void;
    for (const at of [first, second]) {
      socket[`on${types[at] as "open"}`] = null;
      handlers[at] = null as never;
      assert.deepEqual(
        types.map((type) => socket[`on${type}`]),
        handlers,
      );
    }
    socket.close();
  }
});

test("a socket that connects has nothing buffered, and is not paused", () => {
  const socket = new WebSocket("ws://127.0.0.1:1");
  assert.deepEqual([socket.bufferedAmount, socket.isPaused], [0, false]);
  socket.terminate();
});

test("ref and unref, before the connection opens or after, are those of its stream", async (t) => {
  const { url } = await serveEcho(t);
  for (const isEarly of [true, false]) {
    const calls: string[] = [];
    const stream = connect(Number(new URL(url).port), "127.0.0.1");
    const socket = new WebSocket(url, { createConnection: () => stream });
    for (const method of ["ref", "unref"] as const) {
      t.mock.method(stream, method, function (this: unknown) {
        calls.push(method);
        return this;
      });
    }
    if (isEarly) socket.unref();
    assert.deepEqual(calls, []);
    await nextEvent(socket, "open");
    if (!isEarly) socket.unref();
    assert.deepEqual(calls.splice(0), ["unref"]);
    socket.ref();
    assert.deepEqual(calls, ["ref"]);
    socket.close();
    await closed(socket);
  }
});

/** In a program of its own. */
const unreferred = `
  const { WebSocket } = await import(ENTRY);
  const long = 600_000;
  const socket = new WebSocket(process.argv[1], {
    ...{ pingInterval: long, messageTimeout: long },
    perMessageDeflate: { threshold: 0, releaseAfter: long },
  });
  socket.onopen = () => socket.send("compressed");
  socket.addEventListener("ping", () => socket.unref());
`;

test("unref lets the process end, though a ping is due, a message is unfinished, and a compressor to be released", async (t) => {
  const half = async function* () {
    yield "half";
    await new Promise(() => {});
  };
  const { url } = await serve(t, {}, (socket) => {
    socket.onmessage = () => {
      socket.sendStream(half()).catch(() => {}); // the program ends before
      setImmediate(() => socket.ping());
    };
  });
  const entry = JSON.stringify(new URL("../dist/entry/node.js", import.meta.url));
  const program = ["--input-type=module", "--eval", unreferred.replace("ENTRY", entry), url];
  await promisify(execFile)(process.execPath, program, { timeout: 60_000 });
});

test("addEventListener and removeEventListener of a socket may be replaced, as those of other targets", async (t) => {
  const { server, url } = await serve(t);
  const connection = once(server, "connection");
  const client = new WebSocket(url);
  const [socket] = (await connection) as [WebSocket];
  for (const one of [client, socket]) {
    for (const method of ["addEventListener", "removeEventListener"] as const) {
      const calls: string[] = [];
      const listener = () => {};
      one[method] = (type: string) => void calls.push(type);
      one[method]("message", listener);
      assert.deepEqual(calls, ["message"]);
      assert.ok(Reflect.deleteProperty(one, method));
    }
  }
  client.terminate();
});
