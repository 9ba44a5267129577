/**
 * Callers' mistakes, and traps that others set for them: answers of the wrong kind, odd arguments, polluted prototypes.
 */
import assert from "node:assert/strict";
import type { IncomingMessage } from "node:http";
import { type TestContext, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { inspect } from "node:util";
import {
  type ErrorEvent,
  type Verify,
  WebSocket,
  type WebSocketOptions,
  type WebSocketServerOptions,
} from "websocket-component";
import { clog, connector, FRAME, ROLES, summary, switching, wireSize } from "./ends.js";
import {
  closed,
  masked,
  messages,
  nextEvent,
  once,
  RawPeer,
  REQUEST,
  serve,
  serveEcho,
  serveRaw,
  unmasked,
} from "./support.js";

/** Serves, and collects what the server's `error` event tells. */
async function serveFailing(t: TestContext, options: WebSocketServerOptions, errors: Error[]) {
  const served = await serve(t, options);
  served.server.on("error", (error) => errors.push(error));
  return served;
}

async function failure(socket: WebSocket): Promise<{ code?: string }> {
  return (await nextEvent<ErrorEvent>(socket, "error")).error as { code?: string };
}

/** Options as JavaScript may give them. */
function untyped<T>(options: object): T {
  return options as T;
}

test("an invalid verdict refuses the handshake with 500 and is reported by the error event, at once or awaited", async (t) => {
  const errors: Error[] = [];
  const odd = [undefined, null, 1, "no", {}, Object.create(null), JSON.parse('{"then": 1}')];
  const verdicts: unknown[] = [
    ...odd,
    { status: "401" },
    { status: 9 },
    { status: 101 },
    { status: 200 },
    { status: 200, data: 1 },
  ];
  for (const verdict of verdicts) {
    for (const verify of [() => verdict, async () => verdict]) {
      const { port, server } = await serveFailing(t, { verify: verify as unknown as Verify }, errors);
      server.on("connection", () => assert.fail("accepted"));
      const peer = await RawPeer.connect(port);
      assert.match(String(await peer.rest()), /^HTTP\/1.1 500 /, inspect(verdict));
      peer.socket.destroy();
      assert.equal((errors.shift() as { code?: string } | undefined)?.code, "WS_ERR_INVALID_OPTION", inspect(verdict));
    }
  }
});

test("a client that leaves while its verdict is awaited is forgotten, whatever the verdict", async (t) => {
  const asked: { request: IncomingMessage; decide: (verdict: boolean) => void }[] = [];
  const verify = (request: IncomingMessage) => new Promise<boolean>((decide) => asked.push({ request, decide }));
  const { port, server } = await serve(t, { verify });
  server.on("connection", () => assert.fail("unexpected connection"));
  for (const leave of ["end", "resetAndDestroy"] as const) {
    const peer = await RawPeer.connect(port, REQUEST, masked(0x81, "behind"));
    while (asked.length === 0) await turn();
    const [{ request, decide }] = asked.splice(0, 1) as [(typeof asked)[0]];
    const gone = new Promise((resolve) => request.socket.once("close", resolve));
    peer.socket[leave]();
    await gone;
    decide(true);
  }
  await turn();
  assert.equal(server.clients.size, 0);
});

test("a server that closes answers those whose verdict is awaited with 503", async (t) => {
  let signal: AbortSignal | undefined;
  const verify: Verify = (_, context) => {
    signal = context.signal;
    return new Promise<boolean>(() => {});
  };
  const { port, server } = await serve(t, { verify });
  const peer = await RawPeer.connect(port);
  while (signal === undefined) await turn();
  const end = server.close();
  assert.equal(signal.reason.code, "WS_ERR_TERMINATED");
  assert.match(String(await peer.rest()), /^HTTP\/1.1 503 /);
  await end;
});

const CLOSING_HOOKS: { [hook: string]: (closeAnd: <T>(answer: T) => T) => WebSocketServerOptions } = {
  verify: (closeAnd) => ({ verify: () => closeAnd(true) }),
  "an asynchronous verify": (closeAnd) => ({ verify: async () => closeAnd(true) }),
  "what verify decides": (closeAnd) => ({
    verify: () => ({
      get data() {
        return closeAnd(1);
      },
    }),
  }),
  chooseProtocol: (closeAnd) => ({ chooseProtocol: () => closeAnd("") }),
  headers: (closeAnd) => ({ headers: () => closeAnd([]) }),
};

for (const [hook, optionsOf] of Object.entries(CLOSING_HOOKS)) {
  test(`a server that ${hook} closes answers the request with 503, and takes no client`, async (t) => {
    let end: Promise<unknown> | undefined;
    const closeAnd = <T>(answer: T): T => {
      end = server.close();
      return answer;
    };
    const { port, server } = await serve(t, optionsOf(closeAnd));
    const peer = await RawPeer.connect(port, REQUEST.replace("\r\n\r\n", "\r\nSec-WebSocket-Protocol: a\r\n\r\n"));
    const head = await peer.head();
    peer.socket.destroy(); // else a server that has taken it would wait for it
    await end;
    assert.match(head, /^HTTP\/1.1 503 /);
    assert.equal(server.clients.size, 0);
  });
}

test("a target that is a whole URI is its path, and one with a fragment or none at all is answered with 400", async (t) => {
  const { port, server } = await serve(t, { path: "/a" });
  const connection = once(server, "connection");
  const peer = await RawPeer.connect(port, REQUEST.replace("GET /", "GET http://elsewhere/a?b=c"));
  assert.match(await peer.head(), /^HTTP\/1.1 101 /);
  const [socket] = (await connection) as [WebSocket];
  assert.equal(socket.url, "ws://localhost/a?b=c");
  peer.socket.destroy();
  for (const target of ["/a#b", "*", "a:1"]) {
    const { port } = await serve(t);
    const refused = await RawPeer.connect(port, REQUEST.replace("GET /", `GET ${target}`));
    assert.match(String(await refused.rest()), /^HTTP\/1.1 400 /, target);
    refused.socket.destroy();
  }
});

test("a rejection that cannot be written is answered with 500 and reported by the error event, and none of it reaches the wire", async (t) => {
  const errors: Error[] = [];
  const rejections = [
    { status: 401, headers: { X: "\u20ac" } },
    { status: 401, headers: { X: "a\r\nInjected: b" } },
    { status: 401, headers: { "X\r\nInjected": "b" } },
  ];
  for (const rejection of rejections) {
    const { port } = await serveFailing(t, { verify: () => rejection }, errors);
    const peer = await RawPeer.connect(port);
    const answer = String(await peer.rest());
    peer.socket.destroy();
    assert.match(answer, /^HTTP\/1.1 500 /);
    assert.doesNotMatch(answer, /Injected/);
    assert.equal((errors.shift() as { code?: string } | undefined)?.code, "E_INVALIDARG");
  }
});

test("a chosen subprotocol that is not a string is answered with 500 and reported by the error event", async (t) => {
  const errors: Error[] = [];
  for (const chosen of [7, false, null, Promise.resolve("chat")]) {
    const options = untyped<WebSocketServerOptions>({ chooseProtocol: () => chosen });
    const { port } = await serveFailing(t, options, errors);
    const peer = await RawPeer.connect(port, REQUEST.replace("Host:", "Sec-WebSocket-Protocol: chat\r\nHost:"));
    assert.match(String(await peer.rest()), /^HTTP\/1.1 500 /);
    peer.socket.destroy();
    assert.equal((errors.shift() as { code?: string } | undefined)?.code, "WS_ERR_INVALID_OPTION", String(chosen));
  }
});

test("messages behind a response reach listeners that are attached after the open event was awaited", async (t) => {
  const url = await serveRaw(t, async (peer) => {
    const request = await peer.head();
    peer.write(Buffer.concat([switching(request), unmasked(0x81, "1"), unmasked(0x81, "2")]));
  });
  const socket = new WebSocket(url);
  await once(socket, "open");
  await Promise.resolve();
  const data: unknown[] = [];
  const second = new Promise<void>((resolve) => {
    socket.onmessage = (event) => data.push(event.data) === 2 && resolve();
  });
  await second;
  assert.deepEqual(data, ["1", "2"]);
  socket.terminate();
});

test("messages behind a request reach listeners that are attached after the connection event was awaited", async (t) => {
  const { server, port } = await serve(t);
  const connection = once(server, "connection");
  const peer = await RawPeer.connect(port, REQUEST, masked(0x81, "early"));
  const [socket] = (await connection) as [WebSocket];
  const { data } = await nextEvent<MessageEvent>(socket, "message");
  assert.equal(data, "early");
  peer.socket.destroy();
});

for (const role of ROLES) {
  test(`a ping's listener of a ${role} cannot change the pong that is owed`, async (t) => {
    const ends = await (await connector(t, role))();
    const blocks = await clog(ends);
    ends.socket.addEventListener("ping", (event) => event.data.fill(0x21));
    const ping = nextEvent(ends.socket, "ping");
    ends.peer.write(FRAME[role](0x89, "abc"));
    await ping;
    ends.peer.socket.resume();
    await ends.peer.bytes(blocks * wireSize(role, 1 << 20));
    assert.deepEqual(summary(await ends.peer.bytes(wireSize(role, 3))), [[0x8a, "abc"]]);
    ends.peer.socket.destroy();
  });
}

test("properties of Object.prototype are neither options nor headers nor subprotocols", async (t) => {
  const polluted: Record<string, unknown> = {
    maxMessageSize: 1,
    maxFrameSize: 1,
    maxFragments: 1,
    maxBufferedBytes: 1,
    messageTimeout: 1,
    headers: { "X-Polluted": "yes" },
    protocols: ["polluted"],
    verify: () => false,
    noServer: true,
    chooseProtocol: () => "polluted",
    binaryType: "arraybuffer",
    name: "x",
    value: "y",
    0: "z",
  };
  Object.assign(Object.prototype, polluted);
  try {
    const { url, server } = await serveEcho(t);
    const connection = once(server, "connection");
    const socket = new WebSocket(url, { headers: [["X-Mine", "m"]] });
    await nextEvent(socket, "open");
    const [, request] = await connection;
    assert.equal(request.headers["x-mine"], "m");
    assert.ok(!request.rawHeaders.includes("X-Polluted"));
    assert.equal(socket.protocol, "");
    const message = nextEvent<MessageEvent>(socket, "message");
    socket.send("longer than one byte");
    assert.equal((await message).data, "longer than one byte");
    const end = closed(socket);
    socket.close(1000, "");
    assert.equal((await end).code, 1000);
  } finally {
    for (const name of Object.keys(polluted)) Reflect.deleteProperty(Object.prototype, name);
  }
});

test("a detached buffer is an empty message", async (t) => {
  const { url } = await serveEcho(t);
  const socket = new WebSocket(url);
  socket.binaryType = "arraybuffer";
  await nextEvent(socket, "open");
  const buffer = new ArrayBuffer(8);
  const view = new Uint8Array(buffer, 2, 4);
  structuredClone(buffer, { transfer: [buffer] });
  for (const data of [buffer, view, new DataView(new ArrayBuffer(0))]) {
    const message = nextEvent<MessageEvent>(socket, "message");
    socket.send(data);
    assert.equal((await message).data.byteLength, 0);
    const pong = nextEvent(socket, "pong");
    socket.ping(data);
    await pong;
  }
  socket.close();
});

test("options that are null are none", async (t) => {
  const { server, url } = await serve(t);
  const connection = once(server, "connection") as Promise<[WebSocket]>;
  const client = new WebSocket(url);
  const [[socket]] = await Promise.all([connection, nextEvent(client, "open")]);
  await socket.subscribe("a");
  const received = messages(client, 5);
  const none = null as never;
  socket.send("send", none);
  await socket.write("write", none);
  await socket.sendStream(["stream"], none);
  assert.equal(server.publish("a", "publish", none), 1);
  server.broadcast("broadcast", none);
  assert.deepEqual(await received, ["send", "write", "stream", "publish", "broadcast"]);
  const loop = socket.messages(none);
  client.send("question");
  assert.equal((await loop.next()).value, "question");
  client.close();
});

test("a callback for send is refused, on every socket: it would never be called", async (t) => {
  for (const role of ROLES) {
    const { peer, socket } = await (await connector(t, role))();
    const refused = { code: "WS_ERR_INVALID_OPTION", message: /no callback.*write gives a promise/ };
    assert.throws(() => socket.send("a", (() => assert.fail("called")) as never), refused);
    socket.send("next");
    assert.deepEqual(summary(await peer.bytes(wireSize(role, 4))), [[0x81, "next"]]);
    socket.terminate();
    assert.throws(() => socket.send("a", (() => assert.fail("called")) as never), refused);
  }
});

test("a close code is clamped and rounded as Web IDL has it, and what is not a number is refused", async (t) => {
  const { server, url } = await serveEcho(t);
  const codes: [number, number | undefined][] = [
    [2999.9, 3000],
    [3000.5, 3000],
    [3001.5, 3002],
    [3000.9, 3001],
    [4999.4, 4999],
    [4999.6, undefined],
    [1e9, undefined],
    [Number.NaN, undefined],
    [-1, undefined],
  ];
  for (const [code, status] of codes) {
    const connection = once(server, "connection");
    const socket = new WebSocket(url);
    await nextEvent(socket, "open");
    const [accepted] = (await connection) as [WebSocket];
    if (status === undefined) {
      assert.throws(() => socket.close(code), { name: "InvalidAccessError" });
      socket.terminate();
      continue;
    }
    const end = closed(accepted);
    socket.close(code);
    assert.equal((await end).code, status, `${code}`);
  }
  const socket = new WebSocket(url);
  await nextEvent(socket, "open");
  assert.throws(() => socket.close(1000n as unknown as number), TypeError);
  assert.throws(() => socket.close(1000, Symbol("x") as unknown as string), TypeError);
  assert.throws(() => socket.send(Symbol("x") as unknown as string), TypeError);
  assert.throws(() => socket.ping(Symbol("x") as unknown as string), TypeError);
  assert.equal(socket.readyState, WebSocket.OPEN);
  socket.close();
});

test("a user of the URL's that is not UTF-8 is sent as its bytes", async (t) => {
  const { server, url } = await serve(t);
  const connection = once(server, "connection");
  const socket = new WebSocket(url.replace("//", "//%ff%41:p%3aw@"));
  await nextEvent(socket, "open");
  const [, request] = await connection;
  const credentials = Buffer.from([0xff, ...Buffer.from("A:p:w")]).toString("base64");
  assert.equal(request.headers.authorization, `Basic ${credentials}`);
  socket.close();
});

test("values of header fields are sent as their strings", async (t) => {
  const { server, url } = await serve(t);
  for (const headers of [{ X: 5 }, { X: [5] }, [["X", 5]], [{ name: "X", value: 5 }]]) {
    const connection = once(server, "connection");
    const socket = new WebSocket(url, untyped<WebSocketOptions>({ headers }));
    await nextEvent(socket, "open");
    const [, request] = await connection;
    assert.equal(request.headers.x, "5");
    socket.close();
  }
});

test("a field that announces a body fails the connection before there is one", async (t) => {
  const url = await serveRaw(t, () => assert.fail("connected"));
  for (const headers of [{ "Content-Length": "5" }, { "transfer-encoding": "chunked" }]) {
    assert.equal((await failure(new WebSocket(url, { headers }))).code, "WS_ERR_INVALID_OPTION");
  }
});

test("a request over HTTP/0.9 or HTTP/1.0 is not a handshake", async (t) => {
  const { port, server } = await serve(t);
  server.on("connection", () => assert.fail("accepted"));
  for (const version of ["0.9", "1.0"]) {
    const peer = await RawPeer.connect(port, REQUEST.replace("HTTP/1.1", `HTTP/${version}`));
    assert.match(String(await peer.rest()), /^HTTP\/1.1 400 /, version);
    peer.socket.destroy();
  }
});
