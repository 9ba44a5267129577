/** A stranger's misbehaviour costs only the stranger's connection: neither other connections nor the process. */
import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";
import { type TestContext, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { type VerifyContext, WebSocket, WebSocketServer, WebSocketStream } from "websocket-component";

import { WebSocketServer as ServerOfWs } from "websocket-component/ws";

import { closed, deferred, masked, mockTimers, nextEvent, once, RawPeer, REQUEST, serve } from "./support.js";

/** How a client goes: by a reset, by closing its side alone, or by a close frame at once. */
const LEAVINGS: readonly [name: string, leave: (peer: RawPeer) => void][] = [
  ["a reset", (peer) => peer.socket.resetAndDestroy()],
  ["a FIN without a close frame", (peer) => peer.socket.end()],
  ["a close frame", (peer) => peer.write(masked(0x88))],
];

/** An HTTP server on a free port, and its sockets. */
async function http(t: TestContext): Promise<{ server: Server; port: number; sockets: Set<Socket> }> {
  const server = createServer();
  const sockets = new Set<Socket>();
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { server, port: (server.address() as AddressInfo).port, sockets };
}

const requestTo = (path: string) => REQUEST.replace("GET / ", `GET ${path} `);

test("an upgrade for a path that none of our servers takes is answered with 404", async (t) => {
  const { server, port } = await http(t);
  new WebSocketServer({ server, path: "/a" });
  new WebSocketServer({ server, path: "/b" });
  for (const [path, status] of [
    ["/a", 101],
    ["/b?x=1", 101],
    ["/c", 404],
    ["/", 404],
  ] as const) {
    const peer = await RawPeer.connect(port, requestTo(path));
    assert.match(await peer.head(), new RegExp(`^HTTP/1.1 ${status} `), path);
    peer.socket.destroy();
  }
});

test("a server without a path takes what those with one leave", async (t) => {
  const { server, port } = await http(t);
  const servers = { a: new WebSocketServer({ server, path: "/a" }), all: new WebSocketServer({ server }) };
  const log: string[] = [];
  for (const [name, one] of Object.entries(servers)) one.on("connection", (_, request) => log.push(name + request.url));
  for (const path of ["/a", "/b"]) {
    const peer = await RawPeer.connect(port, requestTo(path));
    await peer.head();
    peer.socket.destroy();
  }
  assert.deepEqual(log, ["a/a", "all/b"]);
});

test("an upgrade that is left to another listener, who does not take it, is answered with 404 in the end", async (t) => {
  const { server, port } = await http(t);
  new WebSocketServer({ server, path: "/a", handshakeTimeout: 50 });
  server.on("upgrade", () => {}); // the application's, which takes only others
  const peer = await RawPeer.connect(port, requestTo("/c"));
  assert.match(String(await peer.rest()), /^HTTP\/1.1 404 /);
  peer.socket.destroy();
});

test("a reset of an upgrade that no server takes does not end the process", async (t) => {
  const { server, port, sockets } = await http(t);
  new WebSocketServer({ server, path: "/a" });
  const arrival = once(server, "upgrade");
  server.on("upgrade", () => {});
  const peer = await RawPeer.connect(port, requestTo("/c"));
  await arrival;
  const [socket] = sockets as unknown as [Socket];
  const end = new Promise((resolve) => socket.once("close", resolve));
  peer.socket.resetAndDestroy();
  await end; // an `error` without a listener would be uncaught, and fail this test
  assert.equal(sockets.size, 0);
});

test("when our servers close, an upgrade that they had left to others, who have not taken it, ends", async (t) => {
  const { server, port } = await http(t);
  const ours = new WebSocketServer({ server, path: "/a" });
  const arrival = once(server, "upgrade");
  server.on("upgrade", () => {});
  const peer = await RawPeer.connect(port, requestTo("/c"));
  await arrival;
  await ours.close();
  assert.match(String(await peer.rest()), /^HTTP\/1.1 404 /);
  peer.socket.destroy();
});

test("an upgrade that another listener takes later stays that one's", async (t) => {
  const { server, port } = await http(t);
  const ours = new WebSocketServer({ server, path: "/a", handshakeTimeout: 20 });
  const other = new WebSocketServer({ noServer: true });
  server.on("upgrade", async (request, socket, head) => {
    await turn();
    other.handleUpgrade(request, socket, head);
  });
  const connection = once(other, "connection");
  const peer = await RawPeer.connect(port, requestTo("/c"));
  const [socket] = (await connection) as [WebSocket];
  await peer.head();
  await ours.close(); // ends the upgrades that no server has taken
  socket.send("mine");
  assert.equal(String((await peer.bytes(6)).subarray(2)), "mine");
  peer.socket.destroy();
});

/** How an application takes a socket that it will answer later. */
const TAKINGS: { readonly [how: string]: (socket: Duplex) => void } = {
  "listens to data and pauses": (socket) => void socket.on("data", () => {}).pause(),
  "listens to readable": (socket) => void socket.on("readable", () => {}),
  "lets it flow": (socket) => void socket.resume(),
  "has written to it": (socket) => void socket.write("HTTP/1.1 "),
};

for (const [how, take] of Object.entries(TAKINGS)) {
  test(`an upgrade is another listener's as soon as that ${how}`, async (t) => {
    const { server, port } = await http(t);
    const ours = new WebSocketServer({ server, path: "/a" });
    const arrival = once(server, "upgrade");
    server.on("upgrade", (_request, socket) => take(socket));
    const peer = await RawPeer.connect(port, requestTo("/c"));
    const [, socket] = (await arrival) as [IncomingMessage, Duplex];
    await turn();
    await ours.close(); // ends the upgrades that no one has taken
    socket.end(how === "has written to it" ? "200 OK\r\n\r\n" : "HTTP/1.1 200 OK\r\n\r\n");
    assert.equal(String(await peer.rest()), "HTTP/1.1 200 OK\r\n\r\n");
    peer.socket.destroy();
  });
}

/** Listeners of `connection` as people write them: each fails when its client leaves. */
const LISTENERS: readonly [name: string, listener: (socket: WebSocket) => unknown][] = [
  [
    "a loop that answers",
    async (socket) => {
      for await (const data of socket) await socket.write(data as string);
    },
  ],
  ["a write that is not awaited", (socket) => void setInterval(() => void socket.write("tick"), 1).unref()],
  ["writes until one fails", push],
  [
    "ready, and then more",
    async (socket) => {
      for (;;) {
        await socket.ready;
        socket.send("tick");
        await turn();
      }
    },
  ],
  ["a stream", (socket) => socket.sendStream(endless())],
  [
    "a WebSocketStream",
    async (socket) => {
      const { readable, writable } = await new WebSocketStream(socket).opened;
      await readable.pipeTo(writable);
    },
  ],
  [
    "an asynchronous message handler",
    (socket) => {
      socket.onmessage = () => push(socket);
    },
  ],
  [
    "an asynchronous message listener",
    (socket) => {
      socket.addEventListener("message", () => push(socket));
    },
  ],
  [
    "an error that a library has wrapped",
    async (socket) => {
      try {
        await push(socket);
      } catch (cause) {
        throw new Error("the conversation broke", { cause });
      }
    },
  ],
];

/** Writes until that fails. */
async function push(socket: WebSocket): Promise<never> {
  for (;;) {
    await socket.write("tick");
    await turn(); // writes that the system takes at once would leave no turn to anyone
  }
}

async function* endless() {
  for (;;) {
    await turn();
    yield "tick";
  }
}

for (const [name, listener] of LISTENERS) {
  test(`a connection listener with ${name} survives each way in which a client leaves`, async (t) => {
    const { server, port } = await serve(t, { closeTimeout: 100 }, listener);
    const errors: unknown[] = [];
    server.on("error", (error) => errors.push(error));
    for (const [, leave] of LEAVINGS) {
      const connection = once(server, "connection") as Promise<unknown[]>;
      const peer = await RawPeer.connect(port, undefined, masked(0x81, "hello"));
      const [socket] = (await connection) as [WebSocket];
      const end = closed(socket);
      await peer.head();
      leave(peer);
      await end;
      await turn(); // unhandled rejections are reported by now, and fail this test
      peer.socket.destroy();
    }
    assert.deepEqual(errors, []);
  });
}

test("a connection listener that fails for its own reasons closes its socket with 1011, and tells the server", async (t) => {
  const mistake = new Error("mine");
  const listeners = [
    () => {
      throw mistake;
    },
    () => Promise.reject(mistake),
    async (socket: WebSocket) => {
      for await (const _ of socket) throw mistake;
    },
  ];
  for (const listener of listeners) {
    const { server, url } = await serve(t, {}, listener);
    const told = once(server, "error");
    const client = new WebSocket(url);
    client.onopen = () => client.send("hello");
    assert.equal((await closed(client)).code, 1011);
    assert.deepEqual(await told, [mistake]);
  }
});

test("the end of another socket is a failure of the listener's own", async (t) => {
  const upstream = await serve(t, {}, (socket) => socket.terminate());
  const { server, url } = await serve(t, {}, async () => {
    const socket = new WebSocket(upstream.url);
    await socket.ready;
    await push(socket);
  });
  const told = once(server, "error");
  const client = new WebSocket(url);
  assert.equal((await closed(client)).code, 1011);
  assert.equal(((await told) as [{ code: string }])[0].code, "WS_ERR_NOT_SENT");
});

test("unobserved promises of write, ready and sendStream do not end the process, nor do a client's", async (t) => {
  const { url } = await serve(t, {}, (socket) => socket.terminate());
  const client = new WebSocket(url);
  await nextEvent(client, "open");
  const end = closed(client);
  void client.write("a");
  void client.ready;
  void client.sendStream(endless());
  await end;
  void client.write("b");
  void client.ready;
  void client.sendStream([]);
  await turn();
  await assert.rejects(client.write("c"), { code: "WS_ERR_NOT_SENT" });
});

test("a hook that fails without an error listener is answered with 500, and is a warning, once", async (t) => {
  const warnings: Error[] = [];
  const onWarning = (warning: Error) => warnings.push(warning);
  process.on("warning", onWarning);
  t.after(() => process.off("warning", onWarning));
  const { server, port } = await serve(t, { verify: async (request) => decodeURIComponent(request.url ?? "") === "/" });
  server.on("connection", () => Promise.reject(new Error("of a listener")));
  for (const [path, status] of [
    ["/%ff", 500],
    ["/%ff", 500],
    ["/", 101],
  ] as const) {
    const peer = await RawPeer.connect(port, requestTo(path));
    assert.match(await peer.head(), new RegExp(`^HTTP/1.1 ${status} `));
    peer.socket.destroy();
  }
  await turn();
  const [warning, ...others] = warnings;
  assert.equal(warning?.name, "WebSocketServerWarning");
  assert.ok(warning.cause instanceof URIError);
  assert.match(warning.message, /server\.on\("error".*URIError: URI malformed\n +at .*strangers\.test/s);
  assert.deepEqual(others, []);
});

test("a verify that never decides ends with 503 at handshakeTimeout, and its signal aborts", async (t) => {
  let signal: AbortSignal | undefined;
  const verify = (_: unknown, context: VerifyContext) => {
    signal = context.signal;
    return new Promise<boolean>(() => {});
  };
  const { server, port } = await serve(t, { verify, handshakeTimeout: 50 });
  const peer = await RawPeer.connect(port);
  assert.match(String(await peer.rest()), /^HTTP\/1.1 503 /);
  assert.equal(signal?.aborted, true);
  assert.equal(signal.reason.code, "WS_ERR_HANDSHAKE_TIMEOUT");
  assert.equal(server.pendingHandshakes, 0);
  peer.socket.destroy();
});

for (const [name, leave] of LEAVINGS.slice(0, 2)) {
  test(`a client that leaves by ${name} before the verdict aborts its signal, and is not counted any more`, async (t) => {
    const aborted = deferred<AbortSignal>();
    const asked = deferred<undefined>();
    const verify = (_: unknown, { signal }: VerifyContext) => {
      signal.addEventListener("abort", () => aborted.resolve(signal));
      asked.resolve(undefined);
      return new Promise<boolean>(() => {});
    };
    const { server, port } = await serve(t, { verify });
    const peer = await RawPeer.connect(port);
    await asked.promise;
    assert.equal(server.pendingHandshakes, 1);
    leave(peer);
    assert.equal((await aborted.promise).reason.code, "WS_ERR_CONNECTION_LOST");
    assert.equal(server.pendingHandshakes, 0);
    peer.socket.destroy();
  });
}

test("what a client sends before the verdict is its first message, up to a size whole", async (t) => {
  const verdict = deferred<boolean>();
  const asked = deferred<undefined>();
  const received: unknown[] = [];
  const verify = () => {
    asked.resolve(undefined);
    return verdict.promise;
  };
  const { port } = await serve(t, { verify }, (socket) => {
    socket.onmessage = ({ data }) => received.push((data as Buffer).length) === 3 && socket.close();
  });
  const peer = await RawPeer.connect(port, undefined, masked(0x82, Buffer.alloc(10)));
  await asked.promise;
  for (const size of [100, 60_000]) peer.write(masked(0x82, Buffer.alloc(size)));
  await turn();
  verdict.resolve(true);
  await peer.head();
  await peer.bytes(2);
  assert.deepEqual(received, [10, 100, 60_000]);
  peer.socket.destroy();
});

test("websocket-component/ws answers with 503 where verifyClient never decides, and hears no late verdict", async (t) => {
  mockTimers(t);
  const { server, port } = await http(t);
  const asked = deferred<(verified: boolean) => void>();
  const ours = new ServerOfWs({ server, verifyClient: (_info, decide) => asked.resolve(decide) });
  ours.on("connection", () => assert.fail("accepted"));
  const peer = await RawPeer.connect(port);
  const decide = await asked.promise;
  t.mock.timers.tick(30_000);
  assert.match(await peer.head(), /^HTTP\/1.1 503 /);
  decide(true);
  peer.socket.destroy();
});

test("a refusal for a client that does not read it ends with the handshake's time", async (t) => {
  const body = "x".repeat(30_000_000);
  const ended = deferred<unknown>();
  const verify = (request: IncomingMessage) => {
    request.socket.once("close", ended.resolve);
    return { status: 403, body };
  };
  const { port } = await serve(t, { verify, handshakeTimeout: 100 });
  const peer = await RawPeer.connect(port);
  peer.socket.pause();
  await ended.promise;
  peer.socket.destroy();
});
