/**
 * A server's hooks and conveniences: origins, fields of the answer, errors of hooks, broadcast, iteration, disposal.
 */
import assert from "node:assert/strict";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { runInNewContext } from "node:vm";
import { type HandshakeRequest, PreparedMessage, WebSocket, WebSocketServer } from "websocket-component";

import { closed, masked, messages, nextEvent, once, RawPeer, REQUEST, serve } from "./support.js";

test("pages of other origins are refused with 403; those without an origin are let in", async (t) => {
  const { port } = await serve(t, { origins: ["https://example.com"] });
  const cases = [
    ["Origin: https://example.com\r\n", 101],
    ["", 101],
    ["Origin: https://example.com.evil.org\r\n", 403],
    ["Origin: http://example.com\r\n", 403],
    ["Origin: null\r\n", 403],
  ] as const;
  for (const [field, status] of cases) {
    const peer = await RawPeer.connect(port, REQUEST.replace("Host:", `${field}Host:`));
    assert.match(await peer.head(), new RegExp(`^HTTP/1\\.1 ${status} `), field);
    peer.socket.destroy();
  }
});

test("an answer has the caller's fields, by value or by request, and those of the handshake once", async (t) => {
  const fixed = { "Set-Cookie": ["a=1", "b=2"], upgrade: "other" };
  for (const headers of [fixed, (request: IncomingMessage) => ({ ...fixed, "X-Path": request.url ?? "" })]) {
    const { port } = await serve(t, { headers });
    const peer = await RawPeer.connect(port);
    const head = await peer.head();
    assert.equal(head.match(/^upgrade: /gim)?.length, 1);
    assert.match(head, /\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n/);
    assert.equal(head.includes("X-Path: /\r\n"), typeof headers === "function");
    peer.socket.destroy();
  }
});

test("a hook that fails is answered with 500, and reported by the error event if it has a listener", async (t) => {
  const mistake = new Error("mine");
  const fail = () => {
    throw mistake;
  };
  const hooks = [
    { verify: fail },
    { verify: () => Promise.reject(mistake) },
    { headers: fail },
    { tap: fail },
    { chooseProtocol: fail },
  ];
  for (const hook of hooks) {
    const { server, port } = await serve(t, hook);
    const error = once(server, "error");
    const peer = await RawPeer.connect(port, REQUEST.replace("Host:", "Sec-WebSocket-Protocol: chat\r\nHost:"));
    assert.match(await peer.head(), /^HTTP\/1\.1 500 /, Object.keys(hook)[0]);
    assert.deepEqual(await error, [mistake]);
    assert.equal(server.clients.size, 0);
    peer.socket.destroy();
  }
});

test("an answer's field with another line in it is a hook that fails, and none of it reaches the wire", async (t) => {
  const { server, port } = await serve(t, { headers: { "X-Evil": "1\r\nX-More: 2" } });
  const error = once(server, "error");
  const peer = await RawPeer.connect(port);
  assert.doesNotMatch(await peer.head(), /X-/);
  assert.equal(((await error) as [{ code: string }])[0].code, "E_INVALIDARG");
  peer.socket.destroy();
});

test("a broadcast reaches all that are open but the exception", async (t) => {
  const { server, url } = await serve(t);
  const sockets: WebSocket[] = [];
  server.on("connection", (socket) => sockets.push(socket));
  const clients = await Promise.all(
    [1, 2, 3].map(async () => {
      const client = new WebSocket(url);
      await nextEvent(client, "open");
      return client;
    }),
  );
  const received = clients.map(() => [] as unknown[]);
  for (const [index, client] of clients.entries()) client.onmessage = ({ data }) => received[index]?.push(data);
  const ends = clients.map((client) => messages(client, 2));
  server.broadcast("to all");
  sockets[0]?.send("only one");
  server.broadcast(new PreparedMessage("to others"), { except: sockets[0] as WebSocket });
  await Promise.all(ends);
  const others = received.filter((list) => !list.includes("only one"));
  assert.equal(others.length, 2);
  for (const list of others) assert.deepEqual(list, ["to all", "to others"]);
  assert.deepEqual(
    received.find((list) => list.includes("only one")),
    ["to all", "only one"],
  );
  sockets[1]?.close();
  server.broadcast("to those that are open");
  assert.equal(sockets[1]?.bufferedAmount, 0);
});

test("a server can be iterated over, until it closes", async (t) => {
  const { server, url } = await serve(t);
  const clients = [new WebSocket(`${url}/1`), new WebSocket(`${url}/2`)];
  const paths: (string | undefined)[] = [];
  for await (const [socket, request] of server) {
    assert.equal(socket.url, `${url}${request.url}`);
    paths.push(request.url);
    if (paths.length === clients.length) void server.close();
  }
  assert.deepEqual(paths.sort(), ["/1", "/2"]);
});

test("a server that is disposed of is closed", async () => {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  await once(server, "listening");
  const client = new WebSocket(`ws://127.0.0.1:${(server.address() as { port: number }).port}`);
  await nextEvent(client, "open");
  const end = closed(client);
  await server[Symbol.asyncDispose]();
  assert.equal((await end).code, 1001);
  assert.equal(server.address(), null);
});

test("a server needs exactly one way to get its connections", () => {
  for (const options of [{}, { port: 0, socketPath: "/x" }, { port: 0, noServer: true }]) {
    assert.throws(() => new WebSocketServer(options), { code: "WS_ERR_INVALID_OPTION" });
  }
});

test("an async listener that fails is reported by the error event, whatever it listens to", async (t) => {
  const mistake = new Error("mine");
  const { server } = await serve(t);
  server.on("headers" as "listening", async () => {
    throw mistake;
  });
  const error = once(server, "error");
  server.emit("headers" as "listening");
  assert.deepEqual(await error, [mistake]);
});

test("a callback of handleUpgrade that fails later closes its socket with 1011, and is reported", async (t) => {
  const mistake = new Error("mine");
  const server = new WebSocketServer({ noServer: true });
  const http = createServer().listen(0, "127.0.0.1");
  await once(http, "listening");
  t.after(() => http.close());
  http.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    server.handleUpgrade(request, socket, head, async () => {
      await turn();
      throw mistake;
    });
  });
  const error = once(server, "error");
  const client = new WebSocket(`ws://127.0.0.1:${(http.address() as AddressInfo).port}`);
  const end = closed(client);
  assert.deepEqual(await error, [mistake]);
  assert.equal((await end).code, 1011);
});

test("a client that waits for its verdict and sends much has to wait, and loses nothing", async (t) => {
  let accept: (isGood: boolean) => void = () => {};
  let tcp: IncomingMessage["socket"] | undefined;
  const verify = (request: IncomingMessage) => {
    tcp = request.socket;
    return new Promise<boolean>((resolve) => {
      accept = resolve;
    });
  };
  const received: unknown[] = [];
  const { port } = await serve(t, { verify }, (socket) => {
    socket.onmessage = ({ data }) => received.push((data as Buffer).length) === 40 && socket.close();
  });
  const peer = await RawPeer.connect(port);
  for (let sent = 0; sent < 40; sent++) peer.write(masked(0x82, Buffer.alloc(1000)));
  while (!tcp?.isPaused()) await turn();
  accept(true);
  await peer.head();
  assert.equal((await peer.bytes(2))[0], 0x88);
  assert.deepEqual(received, Array(40).fill(1000));
  peer.socket.destroy();
});

test("the error of a hook that fails without one is an Error, with what was thrown as its cause", async (t) => {
  for (const thrown of [undefined, null, "a text", { a: 1 }]) {
    const { server, port } = await serve(t, { verify: () => Promise.reject(thrown) });
    const error = once(server, "error") as Promise<[Error]>;
    assert.match(await (await RawPeer.connect(port)).head(), /^HTTP\/1\.1 500 /);
    const [{ message, cause }] = await error;
    assert.deepEqual([typeof message, cause], ["string", thrown]);
  }
});

test("an error of another realm is reported as it is", async (t) => {
  const theirs: unknown = runInNewContext("new Error('theirs')");
  const { server, port } = await serve(t, { verify: () => Promise.reject(theirs) });
  const error = once(server, "error");
  const peer = await RawPeer.connect(port);
  assert.equal((await error)[0], theirs);
  peer.socket.destroy();
});

test("fields that are a promise, or none, are a hook that fails: nothing waits for them", async (t) => {
  const invalid = { code: "WS_ERR_INVALID_OPTION" };
  const promise = Promise.resolve({ "Set-Cookie": "a=1" }) as unknown as { [name: string]: string };
  for (const headers of [promise, undefined, "Set-Cookie: a=1"] as { [name: string]: string }[]) {
    for (const options of [{ headers: () => headers }, { verify: () => ({ status: 401, headers }) }]) {
      if (headers === undefined && "verify" in options) continue;
      const { server, port } = await serve(t, options);
      const error = once(server, "error") as Promise<[{ code: string }]>;
      assert.match(await (await RawPeer.connect(port)).head(), /^HTTP\/1\.1 500 /);
      assert.equal((await error)[0].code, invalid.code);
    }
  }
  assert.throws(() => new WebSocketServer({ noServer: true, headers: promise }), invalid);
  assert.throws(() => new WebSocket("ws://127.0.0.1:1", { headers: promise }), invalid);
});

test("an answer names no subprotocol but the one that was selected", async (t) => {
  const headers = { "sec-websocket-protocol": "other" };
  const { server, port } = await serve(t, { headers });
  const error = once(server, "error") as Promise<[{ code: string }]>;
  assert.match(await (await RawPeer.connect(port)).head(), /^HTTP\/1\.1 500 /);
  assert.equal((await error)[0].code, "WS_ERR_INVALID_OPTION");
  const offer = REQUEST.replace("Host:", "Sec-WebSocket-Protocol: chat\r\nHost:");
  const head = await (await RawPeer.connect(port, offer)).head();
  assert.deepEqual(head.match(/^Sec-WebSocket-Protocol: .*$/gim), ["Sec-WebSocket-Protocol: chat"]);
});

test("no field of a request is hidden, however many a head of 16 KiB has", async (t) => {
  const counts: number[] = [];
  const verify = ({ rawHeaders }: HandshakeRequest) => {
    counts.push(rawHeaders.filter((name) => name === "X").length);
    return true;
  };
  const { url } = await serve(t, { verify });
  const socket = new WebSocket(url, { headers: Array.from({ length: 1800 }, () => ["X", "y"] as const) });
  await nextEvent(socket, "open");
  assert.deepEqual(counts, [1800]);
});

test("a request that asks for no upgrade is answered with 426, and its connection ends", async (t) => {
  const { port } = await serve(t);
  for (const lines of ["", "Connection: close\r\n", "Connection: keep-alive\r\n"]) {
    const peer = await RawPeer.connect(port, `GET / HTTP/1.1\r\nHost: localhost\r\n${lines}\r\n`);
    const [head = "", body = ""] = String(await peer.rest()).split("\r\n\r\n");
    assert.match(head, /^HTTP\/1\.1 426 /);
    assert.match(head, /^Upgrade: websocket$/m);
    assert.match(head, /^Connection: Upgrade, close$/m);
    assert.match(head, new RegExp(`^Content-Length: ${body.length}$`, "m"));
  }
});
