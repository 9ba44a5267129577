/** How a server closes: codes, what comes meanwhile, what is spread, and what is counted. */
import assert from "node:assert/strict";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";

import { type CloseOptions, WebSocket, WebSocketServer } from "websocket-component";

import {
  closed,
  messages,
  nextEvent,
  once,
  RawPeer,
  REQUEST,
  serve,
  serveEcho,
  sessionCount,
  uncaughtErrors,
} from "./support.js";

const DAY = 86_400_000;

async function connected(url: string, count: number): Promise<WebSocket[]> {
  const sockets: WebSocket[] = [];
  for (let index = 0; index < count; index++) {
    const socket = new WebSocket(url);
    await nextEvent(socket, "open");
    sockets.push(socket);
  }
  return sockets;
}

async function listening(t: TestContext): Promise<[http: Server, port: number]> {
  const http = createServer((_request, response) => response.end("page")).listen(0, "127.0.0.1");
  await once(http, "listening");
  t.after(() => http.close().closeAllConnections());
  return [http, (http.address() as AddressInfo).port];
}

test("a server that closes says how many connections closed", async (t) => {
  const { server, url } = await serve(t);
  const ends = (await connected(url, 3)).map(closed);
  assert.deepEqual(await server.close(), { closed: 3, terminated: 0 });
  for (const { code, reason } of await Promise.all(ends)) assert.deepEqual([code, reason], [1001, ""]);
  assert.deepEqual(await server.close({ code: 1012 }), { closed: 3, terminated: 0 }, "the first call counts");
});

test("a server closes though listeners of its sockets stop their close events, or act in them", async (t) => {
  const acts: ((socket: WebSocket, event: Event) => void)[] = [
    (_, event) => event.stopImmediatePropagation(),
    (socket) => socket.terminate(),
    (socket) => {
      socket.close(1000);
      socket.send("too late");
      void socket.subscribe("a");
    },
  ];
  const { server, url } = await serve(t, {}, (socket) => {
    const act = acts.pop();
    socket.addEventListener("close", (event) => act?.(socket, event));
  });
  const ends = (await connected(url, 3)).map(closed);
  assert.deepEqual(await server.close(), { closed: 3, terminated: 0 });
  await Promise.all(ends);
  assert.equal(server.clients.size, 0);
});

test("a server closes though the close of a socket was replaced by one that throws, whose error is uncaught", async (t) => {
  const { server, url } = await serve(t);
  const error = new Error("of a replaced close");
  server.once("connection", (socket: WebSocket) => {
    socket.close = () => {
      throw error;
    };
  });
  const ends = (await connected(url, 3)).map(closed);
  const uncaught = uncaughtErrors(t);
  assert.deepEqual(await server.close({ timeout: 200 }), { closed: 2, terminated: 1 });
  assert.deepEqual(
    (await Promise.all(ends)).map(({ code }) => code),
    [1006, 1001, 1001],
  );
  assert.deepEqual(uncaught, [error]);
});

test("the code and the reason are the caller's", async (t) => {
  const { server, url } = await serve(t);
  const ends = (await connected(url, 2)).map(closed);
  await server.close({ code: 1012, reason: "a new version" });
  for (const end of await Promise.all(ends)) {
    assert.deepEqual([end.code, end.reason, end.wasClean], [1012, "a new version", true]);
  }
});

test("while closes are spread, the connections that wait go on, and new handshakes get 503", async (t) => {
  const { server, url, port } = await serveEcho(t);
  const early = await RawPeer.connect(port, REQUEST.slice(0, 20));
  const [first, second] = (await connected(url, 2)) as [WebSocket, WebSocket];
  const end = closed(first);
  const done = server.close({ spread: DAY, timeout: 2 * DAY });
  assert.equal((await end).code, 1001);
  const answer = messages(second, 1);
  second.send("still here");
  assert.deepEqual(await answer, ["still here"]);
  early.write(Buffer.from(REQUEST.slice(20)));
  assert.match(await early.head(), /^HTTP\/1\.1 503 /);
  early.socket.destroy();
  const failure = await nextEvent<Event & { error: { code: string } }>(new WebSocket(url), "error");
  assert.equal(failure.error.code, "WS_ERR_CONNECTION", "the port is closed");
  second.terminate();
  assert.deepEqual(await done, { closed: 1, terminated: 1 });
  assert.deepEqual(server.statistics.refused, { closing: 1 });
});

test("spread closes come to all, in the order of their connections", async (t) => {
  const order: WebSocket[] = [];
  const accepted: WebSocket[] = [];
  const { server, url } = await serve(t, { closeTimeout: DAY }, (socket) => {
    accepted.push(socket);
    const { close } = socket;
    socket.close = (...args) => {
      order.push(socket);
      close.apply(socket, args);
    };
  });
  const ends = (await connected(url, 5)).map(closed);
  assert.deepEqual(await server.close({ spread: 100 }), { closed: 5, terminated: 0 });
  for (const { code } of await Promise.all(ends)) assert.equal(code, 1001);
  assert.ok(order.every((socket, index) => socket === accepted[index]));
  assert.equal(order.length, 5);
});

test("closes that are spread over more than a timer can wait do not keep the process busy", async (t) => {
  const { server, url } = await serve(t);
  const [first, ...others] = (await connected(url, 3)) as [WebSocket, ...WebSocket[]];
  const end = closed(first);
  const warnings: Error[] = [];
  const onWarning = (warning: Error) => warnings.push(warning);
  process.on("warning", onWarning);
  t.after(() => process.off("warning", onWarning));
  const done = server.close({ spread: Number.POSITIVE_INFINITY });
  await end;
  for (const socket of others) socket.terminate();
  assert.deepEqual(await done, { closed: 1, terminated: 2 });
  assert.deepEqual(warnings, []);
});

test("a client that does not answer is terminated after timeout, and counted", async (t) => {
  const { server, url, port } = await serve(t, { closeTimeout: DAY });
  const silent = await RawPeer.connect(port);
  await silent.head();
  const [polite] = await connected(url, 1);
  const end = closed(polite as WebSocket);
  assert.deepEqual(await server.close({ timeout: 50 }), { closed: 1, terminated: 1 });
  assert.equal((await end).code, 1001);
  await silent.ended;
});

test("a server that has closed keeps the process alive no longer, whatever its timeout was", async (t) => {
  const timers = () => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
  const { server, url } = await serve(t);
  await connected(url, 1);
  const before = timers();
  await server.close({ timeout: DAY });
  assert.ok(timers() <= before);
});

test("a timeout of 0 terminates at once", async (t) => {
  const { server, port } = await serve(t, { closeTimeout: DAY });
  const silent = await RawPeer.connect(port);
  await silent.head();
  assert.deepEqual(await server.close({ timeout: 0 }), { closed: 0, terminated: 1 });
});

test("behind a server of node:http, upgrades get 503 until the close is done, and requests their pages", async (t) => {
  const [http, port] = await listening(t);
  const server = new WebSocketServer({ server: http, path: "/chat" });
  const [socket] = await connected(`ws://127.0.0.1:${port}/chat`, 1);
  const peer = await RawPeer.connect(port, REQUEST.replace("/", "/chat"));
  await peer.head();
  const done = server.close({ timeout: DAY });
  await closed(socket as WebSocket);
  const refused = await RawPeer.connect(port, REQUEST.replace("/", "/chat"));
  assert.match(await refused.head(), /^HTTP\/1\.1 503 /);
  assert.equal(await (await fetch(`http://127.0.0.1:${port}/`)).text(), "page");
  refused.socket.destroy();
  peer.socket.destroy();
  assert.deepEqual(await done, { closed: 1, terminated: 1 });
  assert.equal(http.listenerCount("upgrade"), 0);
  assert.ok(http.listening);
});

test("while a server closes, another one may have its path", async (t) => {
  const [http, port] = await listening(t);
  const path = "/chat";
  const old = new WebSocketServer({ server: http, path });
  const peer = await RawPeer.connect(port, REQUEST.replace("/", path));
  await peer.head();
  const done = old.close({ timeout: DAY });
  const fresh = new WebSocketServer({ server: http, path });
  t.after(() => fresh.close());
  assert.throws(() => new WebSocketServer({ server: http, path }), { code: "WS_ERR_INVALID_OPTION" });
  peer.socket.destroy();
  await done;
  const [socket] = await connected(`ws://127.0.0.1:${port}${path}`, 1);
  assert.equal(fresh.clients.size, 1);
  socket?.close();
});

test("a client that does not read its refusal keeps a server from closing no longer than timeout", async (t) => {
  const body = "x".repeat(16 * 1024 * 1024); // more than the system takes
  let isAsked = false;
  const verify = () => {
    isAsked = true;
    return { status: 403, body };
  };
  const { server, port } = await serve(t, { verify, handshakeTimeout: DAY });
  const peer = await RawPeer.connect(port);
  peer.socket.pause();
  while (!isAsked) await turn();
  const rescue = setTimeout(() => peer.socket.destroy(), 10_000);
  assert.deepEqual(await server.close({ timeout: 50 }), { closed: 0, terminated: 0 });
  assert.ok(!peer.socket.destroyed, "only its client ended it");
  clearTimeout(rescue);
  peer.socket.destroy();
});

test("handleUpgrade of a server that has closed answers with 503", async (t) => {
  const [http, port] = await listening(t);
  const server = new WebSocketServer({ noServer: true });
  http.on("upgrade", (request, stream, head) => server.handleUpgrade(request, stream, head));
  assert.deepEqual(await server.close(), { closed: 0, terminated: 0 });
  const peer = await RawPeer.connect(port);
  assert.match(await peer.head(), /^HTTP\/1\.1 503 /);
  peer.socket.destroy();
});

const INVALID: [options: unknown, message: RegExp][] = [
  [{ code: 1005 }, /code must be a status that a server may send/],
  [{ code: 1000.5 }, /code/],
  [{ code: 2999 }, /code/],
  [{ reason: "x".repeat(124) }, /reason must be text of at most 123 bytes/],
  [{ reason: 1 }, /reason/],
  [{ spread: -1 }, /spread must be a number of milliseconds/],
  [{ timeout: Number.NaN }, /timeout/],
  [{ timeout: 10, spread: 20 }, /timeout must not be less than spread/],
  [{ timeOut: 10 }, /There is no option timeOut. Did you mean timeout\?/],
  [() => {}, /close takes an object of options, and returns a promise/],
];

test("options that are not valid are refused, and the server goes on", async (t) => {
  const { server, url } = await serve(t);
  for (const [options, message] of INVALID) {
    await assert.rejects(server.close(options as CloseOptions), { code: "WS_ERR_INVALID_OPTION", message });
  }
  const [socket] = await connected(url, 1);
  assert.equal(socket?.readyState, WebSocket.OPEN);
});

test("a server closes though those who hear of it close it again", async (t) => {
  const again: Promise<unknown>[] = [];
  let server: WebSocketServer | undefined;
  const close = () => void again.push((server as WebSocketServer).close());
  subscribe("websocket-component:refused", close);
  t.after(() => unsubscribe("websocket-component:refused", close));
  const made = await serve(t, {
    verify: ({ url }, { signal }) => {
      if (url !== "/wait") return true;
      signal.addEventListener("abort", close);
      return new Promise<boolean>(() => {});
    },
  });
  server = made.server;
  await connected(made.url, 1);
  const waiting = new WebSocket(`${made.url}/wait`);
  const refused = nextEvent(waiting, "error");
  while (server.pendingHandshakes === 0) await turn();
  const result = { closed: 1, terminated: 0 };
  assert.deepEqual(await server.close(), result);
  assert.deepEqual(await Promise.all(again), [result, result]);
  await refused;
});

for (const hook of ["chooseProtocol", "headers"] as const) {
  test(`a handshake whose ${hook} closes the server is refused, and not accepted too`, async (t) => {
    let closing: Promise<unknown> | undefined;
    const act = () => {
      closing = server.close();
      return hook === "headers" ? {} : undefined;
    };
    const { server, port } = await serve(t, { [hook]: act });
    server.on("connection", () => assert.fail());
    const sessions = sessionCount();
    const peer = await RawPeer.connect(port, REQUEST.replace("Host:", "Sec-WebSocket-Protocol: chat\r\nHost:"));
    assert.match(String(await peer.rest()), /^HTTP\/1\.1 503 (?!.*HTTP\/1\.1 101)/s);
    assert.deepEqual(await closing, { closed: 0, terminated: 0 });
    assert.deepEqual([server.statistics.accepted, server.statistics.refused], [0, { closing: 1 }]);
    assert.equal(sessionCount(), sessions);
  });
}
