/** How a client of `websocket-component/ws` reaches its server: sockets, TLS, agents, redirects; and its stream. */
import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { Agent, createServer, type IncomingMessage } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { type AddressInfo, createServer as createTcpServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";

import * as ours from "websocket-component/ws";
import {
  type ClientOptions,
  createWebSocketStream,
  type ServerOptions,
  WebSocket,
  WebSocketServer,
} from "websocket-component/ws";

import { certificate, key } from "./certificate.js";
import {
  answer,
  garbageCollector,
  inner,
  once,
  type RawPeer,
  serveRaw,
  sessionCount,
  unmasked,
  within,
} from "./support.js";
import { serve, theirs } from "./ws-both.js";

const DAY = 86_400_000;

/** Listens; the port is 0 for a unix socket. */
async function listen(t: TestContext, server: Server, where: number | string = 0): Promise<number> {
  if (typeof where === "string") server.listen(where);
  else server.listen(where, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  return (server.address() as AddressInfo).port ?? 0;
}

/** Opens, and gives the request that the server saw. */
async function opened(t: TestContext, server: WebSocketServer, client: WebSocket): Promise<IncomingMessage> {
  const [[, request]] = (await Promise.all([once(server, "connection"), once(client, "open")])) as [
    [WebSocket, IncomingMessage],
    unknown,
  ];
  t.after(() => client.terminate());
  return request;
}

test("an answer without the subprotocol keeps no session", async (t) => {
  const url = await serveRaw(t, (peer) => void answer(peer));
  const before = sessionCount();
  const [error] = (await once(new WebSocket(url, "chat"), "error")) as [Error];
  assert.equal(error.message, "Server sent no subprotocol");
  assert.equal(sessionCount(), before);
});

test("a URL ws+unix: names a socket and, behind a colon, a path", { skip: process.platform === "win32" }, async (t) => {
  const http = createServer();
  const server = new WebSocketServer({ server: http });
  const path = join(tmpdir(), `websocket-component-${process.pid}.sock`);
  await listen(t, http, path);
  const client = new WebSocket(`ws+unix://${path}:/chat?room=1`);
  assert.equal((await opened(t, server, client)).url, "/chat?room=1");
});

test("an open socket has its URL, and keeps neither the request that opened it nor the answer", async (t) => {
  const collect = garbageCollector();
  const http = createServer();
  const server = new WebSocketServer({ server: http });
  const client = new WebSocket(`ws://127.0.0.1:${await listen(t, http)}/chat`);
  const answers: WeakRef<IncomingMessage>[] = [];
  client.once("upgrade", (response) => answers.push(new WeakRef(response)));
  await opened(t, server, client);
  assert.match(client.url ?? "", /\/chat$/);
  assert.equal(answers.length, 1);
  for (let turn = 0; turn < 50 && answers[0]?.deref() !== undefined; turn++) {
    await new Promise((next) => setTimeout(next, 5));
    collect(); // in another turn than `deref`, which keeps it to the end of its own
  }
  assert.equal(answers[0]?.deref(), undefined);
});

test("options of TLS and credentials of the URL reach the server", async (t) => {
  const https = createSecureServer({ key, cert: certificate });
  const server = new WebSocketServer({ server: https });
  const port = await listen(t, https);
  const client = new WebSocket(`wss://user:secret@localhost:${port}/`, { ca: certificate, family: 4 });
  const { headers } = await opened(t, server, client);
  assert.equal(headers.authorization, `Basic ${Buffer.from("user:secret").toString("base64")}`);
});

test("an agent makes the connection, and finishRequest sees the request", async (t) => {
  const http = createServer();
  const server = new WebSocketServer({ server: http });
  const port = await listen(t, http);
  let connections = 0;
  class Counting extends Agent {
    override createConnection(...given: Parameters<Agent["createConnection"]>): ReturnType<Agent["createConnection"]> {
      connections += 1;
      return super.createConnection(...given);
    }
  }
  const client = new WebSocket(`ws://127.0.0.1:${port}/`, {
    agent: new Counting(),
    finishRequest: (request) => {
      request.setHeader("X-Added", "late");
      request.end();
    },
  });
  const { headers } = await opened(t, server, client);
  assert.equal(headers["x-added"], "late");
  assert.equal(connections, 1);
});

for (const [where, kept] of [
  ["the same host", true],
  ["another host", false],
] as const) {
  test(`a redirect to ${where} ${kept ? "keeps" : "drops"} secrets`, async (t) => {
    const server = new WebSocketServer({ noServer: true });
    const [first, second] = [createServer(), createServer()];
    const [port, otherPort] = [await listen(t, first), await listen(t, second)];
    const end = `ws://127.0.0.1:${kept ? port : otherPort}/end`;
    for (const http of [first, second]) {
      http.on("upgrade", (request, stream, head) => {
        if (request.url === "/start") stream.end(`HTTP/1.1 302 Found\r\nLocation: ${end}\r\n\r\n`);
        else server.handleUpgrade(request, stream, head, (socket) => server.emit("connection", socket, request));
      });
    }
    const client = new WebSocket(`ws://127.0.0.1:${port}/start`, {
      followRedirects: true,
      headers: {
        Cookie: "secret=1",
        Authorization: "Bearer secret",
        "Proxy-Authorization": "Basic eA==",
        "X-Plain": "1",
      },
    });
    const { headers } = await opened(t, server, client);
    assert.equal(headers["x-plain"], "1");
    assert.equal(headers.cookie, kept ? "secret=1" : undefined);
    assert.equal(headers["proxy-authorization"], kept ? "Basic eA==" : undefined);
    assert.equal(headers.authorization, kept ? "Bearer secret" : undefined);
    assert.equal(client.url, end);
  });
}

test("a redirect to a unix socket drops secrets, though its URL names the same host", {
  skip: process.platform === "win32",
}, async (t) => {
  const [first, second] = [createServer(), createServer()];
  const port = await listen(t, first);
  const path = join(tmpdir(), `websocket-component-redirect-${process.pid}.sock`);
  await listen(t, second, path);
  first.on("upgrade", (_request, stream) => {
    stream.end(`HTTP/1.1 302 Found\r\nLocation: ws+unix://127.0.0.1:${port}${path}\r\n\r\n`);
  });
  const client = new WebSocket(`ws://127.0.0.1:${port}/`, {
    followRedirects: true,
    headers: { Cookie: "secret=1", "X-Plain": "1" },
  });
  const { headers } = await opened(t, new WebSocketServer({ server: second }), client);
  assert.deepEqual([headers["x-plain"], headers.cookie], ["1", undefined]);
});

test("a server that does not answer is given up after handshakeTimeout", async (t) => {
  const silent = createTcpServer((socket) => socket.on("error", () => {}).resume());
  const port = await listen(t, silent);
  const client = new WebSocket(`ws://127.0.0.1:${port}/`, { handshakeTimeout: 20 });
  const [error] = (await once(client, "error")) as [Error];
  assert.equal(error.message, "Opening handshake has timed out");
});

test("an unread stream holds one message over its high-water mark, and loses none", async (t) => {
  const http = createServer();
  const server = new WebSocketServer({ server: http });
  const port = await listen(t, http);
  const size = 100_000;
  const count = 200;
  server.on("connection", (socket) => {
    for (let sent = 0; sent < count; sent++) socket.send(Buffer.alloc(size, sent));
    socket.close();
  });
  const client = new WebSocket(`ws://127.0.0.1:${port}/`);
  const stream = createWebSocketStream(client, { readableHighWaterMark: size });
  client.on("message", () => assert.ok(stream.readableLength <= 2 * size));
  while (!client.isPaused) await once(client, "message");
  let read = 0;
  for await (const chunk of stream) read += chunk.length;
  assert.equal(read, size * count);
});

test("an option of the other entry does not take the messages away, and what is sent is copied", async (t) => {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1", streamMessages: true } as ServerOptions);
  t.after(() => server.close());
  server.on("connection", (ws) => {
    const bytes = Buffer.alloc(100_000, 1);
    ws.on("message", () => {
      ws.send(bytes);
      bytes.fill(2);
    });
  });
  await once(server, "listening");
  const ws = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
  await once(ws, "open");
  ws.send("Hello");
  const [data] = (await once(ws, "message")) as [Buffer];
  assert.ok(data.equals(Buffer.alloc(100_000, 1)));
  ws.close();
});

/** The handles of the engine that were made and not freed. */
async function handlesLeft(t: TestContext, step: () => unknown): Promise<number> {
  const { wasm } = await inner<{ wasm: { Handle: { create_client(): unknown; prototype: { free(): void } } } }>(
    "engine/engine.js",
  );
  const [made, freed] = [t.mock.method(wasm.Handle, "create_client"), t.mock.method(wasm.Handle.prototype, "free")];
  await step();
  const count = made.mock.callCount() - freed.mock.callCount();
  assert.ok(made.mock.callCount() > 0);
  for (const one of [made, freed]) one.mock.restore();
  return count;
}

test("an opening that the constructor throws out keeps nothing of the engine, nor a connection", async (t) => {
  const url = `ws://127.0.0.1:${await listen(t, createTcpServer())}/`;
  const throwing = () => {
    throw new Error("mine");
  };
  const invalid: ClientOptions[] = [{ headers: { X: "a\r\nb" } }, { agent: {} as Agent }, { finishRequest: throwing }];
  for (const options of invalid) {
    assert.equal(await handlesLeft(t, () => assert.throws(() => new WebSocket(url, options))), 0);
  }
});

test("a listener of redirects that throws fails the opening, which keeps nothing of the engine", async (t) => {
  const http = createServer((_request, response) => response.writeHead(302, { Location: "/elsewhere" }).end());
  const url = `ws://127.0.0.1:${await listen(t, http)}/`;
  const left = await handlesLeft(t, async () => {
    const client = new WebSocket(url, { followRedirects: true });
    client.on("redirect", () => {
      throw new Error("mine");
    });
    const end = new Promise((done) => client.once("close", done));
    const [error] = (await once(client, "error")) as [Error];
    assert.equal(error.message, "mine");
    await end;
  });
  assert.equal(left, 0);
});

test("perMessageDeflate that is undefined or null offers no compression, as with ws", async (t) => {
  for (const perMessageDeflate of [undefined, null]) {
    for (const library of [ours, theirs]) {
      const { server, port } = await serve(t, library, { perMessageDeflate: true });
      const options = { perMessageDeflate } as ClientOptions;
      const request = await opened(t, server, new library.WebSocket(`ws://127.0.0.1:${port}/`, options));
      assert.equal(request.headers["sec-websocket-extensions"], undefined);
    }
  }
});

test("a time-out of the agent is not the handshake's, as with ws", async (t) => {
  for (const library of [ours, theirs]) {
    const http = createServer();
    const server = new library.WebSocketServer({ noServer: true });
    const client = new library.WebSocket(`ws://127.0.0.1:${await listen(t, http)}/`, {
      agent: new Agent({ timeout: 1 }),
      finishRequest: (request) => request.on("timeout", () => http.emit("late")).end(),
    });
    const [[request, socket, head]] = await Promise.all([once(http, "upgrade"), once(http, "late")]);
    server.handleUpgrade(request, socket, head, (peer) => peer.close());
    await once(client, "close");
    assert.equal(client.readyState, client.CLOSED);
  }
});

test("user and password of a URL need not be UTF-8, as with ws", async (t) => {
  for (const credentials of ["u%ff:p", "u%zz:%", "%E4@x".replace("@", "%40"), "\u00fc:%e2%82%ac"]) {
    const sent = [];
    for (const library of [ours, theirs]) {
      const { server, port } = await serve(t, library);
      const client = new library.WebSocket(`ws://${credentials}@127.0.0.1:${port}/`);
      sent.push((await opened(t, server, client)).headers.authorization);
    }
    assert.ok(sent[0]);
    assert.equal(sent[0], sent[1]);
  }
});

test("a redirect to nowhere is an answer as any other, as with ws", async (t) => {
  const http = createServer((_request, response) => response.writeHead(302, { Location: "" }).end());
  const url = `ws://127.0.0.1:${await listen(t, http)}/`;
  for (const library of [ours, theirs]) {
    const client = new library.WebSocket(url, { followRedirects: true });
    client.on("redirect", () => assert.fail());
    const [error] = (await once(client, "error")) as [Error];
    assert.equal(error.message, "Unexpected server response: 302");
  }
});

test("subprotocols are strings, as with ws", () => {
  for (const library of [ours, theirs]) {
    for (const protocols of [true, null, 1, [undefined], ["a", 1], [["a"]]]) {
      assert.throws(() => new library.WebSocket("ws://127.0.0.1:1/", protocols as unknown as string), SyntaxError);
    }
  }
});

test("a client that has both close frames ends TCP itself, as with ws, and does not wait for the server", async (t) => {
  for (const library of [ours, theirs]) {
    for (const isOwn of [true, false]) {
      const arrival = new EventEmitter();
      const url = await serveRaw(t, (one) => arrival.emit("peer", one));
      const [client, came] = [new library.WebSocket(url, { closeTimeout: DAY }), once(arrival, "peer")];
      const [peer] = (await came) as [RawPeer];
      await Promise.all([answer(peer), once(client, "open")]);
      const end = once(client, "close");
      if (isOwn) client.close(1000);
      else peer.write(unmasked(0x88, Buffer.from([0x03, 0xe8])));
      assert.equal((await peer.bytes(8))[0], 0x88);
      if (isOwn) peer.write(unmasked(0x88, Buffer.from([0x03, 0xe8])));
      await within("the client's end of TCP", peer.ended);
      peer.socket.end();
      assert.equal((await end)[0], 1000);
    }
  }
});

test("what came during a pause is given out by terminate, as with ws", async (t) => {
  for (const library of [ours, theirs]) {
    const arrival = new EventEmitter();
    const url = await serveRaw(t, (one) => arrival.emit("peer", one));
    const [client, came] = [new library.WebSocket(url), once(arrival, "peer")];
    const [peer] = (await came) as [RawPeer];
    await Promise.all([answer(peer), once(client, "open")]);
    await turn();
    client.pause();
    const told: unknown[] = [];
    client.on("message", (data) => told.push(String(data), client.readyState));
    peer.write(unmasked(0x81, "late"));
    while (client._socket?.readableLength === 0) await turn();
    const end = once(client, "close");
    client.terminate();
    assert.deepEqual(told, [], "not within the call");
    assert.equal((await end)[0], 1006);
    assert.deepEqual(told, ["late", client.CLOSING]);
  }
});

test("terminate gives out what came with the handshake, or before a close, when it has returned, as with ws", async (t) => {
  type Step = (client: ours.WebSocket, told: unknown[]) => void;
  const ways: [begin: Step, end: Step][] = [
    [
      (client, told) =>
        client.once("open", () => {
          client.terminate();
          told.push("returned");
        }),
      () => {},
    ],
    [
      (client) => client.once("open", () => client.pause()),
      (client, told) => {
        client.close();
        client.terminate();
        told.push("returned");
      },
    ],
  ];
  for (const library of [ours, theirs]) {
    for (const [begin, end] of ways) {
      const arrival = new EventEmitter();
      const url = await serveRaw(t, (one) => arrival.emit("peer", one));
      const [client, came] = [new library.WebSocket(url), once(arrival, "peer")];
      const told: unknown[] = [];
      client.on("message", (data) => told.push(String(data)));
      const closed = once(client, "close");
      begin(client, told);
      const [peer] = (await came) as [RawPeer];
      peer.socket.cork(); // both come together
      await answer(peer);
      peer.write(unmasked(0x81, "early"));
      peer.socket.uncork();
      await once(client, "open");
      end(client, told);
      await closed;
      assert.deepEqual(told, ["returned", "early"]);
    }
  }
});

test("a stream is destroyed at its end, whatever autoDestroy says, as with ws", async (t) => {
  for (const library of [ours, theirs]) {
    const { server, port } = await serve(t, library);
    server.on("connection", (socket) => socket.close());
    const client = new library.WebSocket(`ws://127.0.0.1:${port}/`);
    const stream = library.createWebSocketStream(client, { autoDestroy: false, emitClose: false });
    await once(stream.resume().end(), "close");
    assert.ok(stream.destroyed);
  }
});
