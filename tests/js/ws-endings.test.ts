/** Ends of servers, sockets and streams of `ws`, and what is refused because of them: the same here as there. */
import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { Agent, createServer, get, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { type TestContext, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";

import { PreparedMessage } from "websocket-component";
import * as ours from "websocket-component/ws";

import { answer, masked, once, RawPeer, serveRaw, unmasked } from "./support.js";
import { type Library, serve, theirs } from "./ws-both.js";

type Socket = ours.WebSocket;

/** Asserts that both libraries give the same answer, and returns it. */
async function alike<T>(tell: (library: Library) => T | Promise<T>): Promise<T> {
  const told = await tell(ours);
  assert.deepEqual(told, await tell(theirs));
  return told;
}

/** A client and a server's socket, both open. */
async function pair(t: TestContext, library: Library): Promise<{ client: Socket; socket: Socket }> {
  const { server, port } = await serve(t, library);
  const client = new library.WebSocket(`ws://127.0.0.1:${port}`);
  const [[socket]] = (await Promise.all([once(server, "connection"), once(client, "open")])) as [[Socket], unknown];
  return { client, socket };
}

/** The status of a raw client's answer. */
async function statusOf(peer: RawPeer): Promise<number> {
  return Number(/^HTTP\/1\.1 (\d+)/.exec(await peer.head())?.[1]);
}

test("a server that was closed says to the next close that it does not run, and tells its end again", async (t) => {
  await alike(async (library) => {
    const { server } = await serve(t, library);
    const told: unknown[] = [];
    server.on("close", () => told.push("close"));
    const first = new Promise((done) => server.close(done));
    told.push(await first);
    const second = await new Promise<Error | undefined>((done) => server.close(done));
    return [...told, second?.message];
  });
});

test("a server that shares another's port ends with the last of its clients, and not before", async (t) => {
  await alike(async (library) => {
    const http = createServer().listen(0, "127.0.0.1");
    await once(http, "listening");
    t.after(() => http.close());
    const server = new library.WebSocketServer({ server: http });
    const clients = [1, 2].map(() => new library.WebSocket(`ws://127.0.0.1:${(http.address() as AddressInfo).port}`));
    await Promise.all(clients.map((client) => once(client, "open")));
    while (server.clients.size < 2) await turn();
    let isClosed = false;
    const end = once(server, "close").then(() => (isClosed = true));
    server.close();
    const told: unknown[] = [];
    for (const [index, client] of clients.entries()) {
      client.close();
      await once(client, "close");
      while (server.clients.size > 1 - index) await turn();
      if (index === 0) for (let turns = 0; turns < 10; turns++) await turn();
      else await end;
      told.push(isClosed);
    }
    return told;
  });
});

test("a verdict that comes when the server closes is answered with 503", async (t) => {
  await alike(async (library) => {
    let accept: () => void = () => assert.fail("nothing was asked");
    const asked = new Promise<void>((resolve) => {
      serve(t, library, {
        verifyClient: (_info: unknown, callback: (isGood: boolean) => void) => {
          accept = () => callback(true);
          resolve();
        },
      }).then(({ server, port }) => {
        close = () => server.close();
        RawPeer.connect(port).then((one) => (peer = one));
      });
    });
    let close: () => void = () => {};
    let peer: RawPeer | undefined;
    await asked;
    while (peer === undefined) await turn();
    close();
    accept();
    return [await statusOf(peer), await peer.rest().then(String)];
  });
});

test("a client that has gone when the verdict comes gets no answer, and no listener hears of it", async (t) => {
  await alike(async (library) => {
    const told: unknown[] = [];
    const verdicts: (() => void)[] = [];
    const { server, port } = await serve(t, library, {
      verifyClient: ({ req }: { req: IncomingMessage }, callback: (isGood: boolean) => void) => {
        req.socket.once("end", () => verdicts.push(() => callback(true)));
        req.socket.on("close", () => told.push("closed"));
      },
    });
    server.on("connection", () => told.push("connection"));
    const peer = await RawPeer.connect(port);
    peer.socket.end();
    while (verdicts.length === 0) await turn();
    verdicts[0]?.();
    return [...told, String(await peer.rest())];
  });
});

test("a request that is none for a WebSocket gets 426 and the reason", async (t) => {
  await alike(async (library) => {
    const { port } = await serve(t, library);
    const [response] = (await once(get({ port, host: "127.0.0.1" }), "response")) as [IncomingMessage];
    const chunks = await response.toArray();
    const { "content-length": length, "content-type": type } = response.headers;
    return [response.statusCode, length, type, String(Buffer.concat(chunks))];
  });
});

test("a listener of `error` gets what a hook has thrown, and the client 500", async (t) => {
  for (const isVerified of [true, false]) {
    const failure = new Error("from a hook");
    const { server, port } = await serve(
      t,
      ours,
      isVerified
        ? {}
        : {
            verifyClient: () => {
              throw failure;
            },
          },
    );
    const told: unknown[] = [];
    server.on("error", (error) => told.push(error));
    if (isVerified)
      server.on("headers", () => {
        throw failure;
      });
    assert.equal(await statusOf(await RawPeer.connect(port)), 500);
    assert.deepEqual(told, [failure]);
  }
});

test("bufferedAmount is 0 before the socket opens, and counts what was sent in vain after it has closed", async (t) => {
  await alike(async (library) => {
    const { client } = await pair(t, library);
    const early = new library.WebSocket("ws://127.0.0.1:1");
    const told = [early.bufferedAmount];
    early.on("error", () => {});
    client.close();
    await once(client, "close");
    told.push(client.bufferedAmount);
    client.send("four");
    client.ping("12");
    client.send(Buffer.alloc(30));
    return [...told, client.bufferedAmount];
  });
});

test("a ping's payload may be a Blob, open or not", async (t) => {
  const { client, socket } = await pair(t, ours);
  const pinged = once(socket, "ping");
  client.ping(new Blob(["from a Blob"]));
  assert.equal(String((await pinged)[0]), "from a Blob");
  client.close();
  await once(client, "close");
  const error = await new Promise<unknown>((done) => client.pong(new Blob(["four"]), undefined, done));
  assert.match(String(error), /not open/);
  assert.equal(client.bufferedAmount, 4);
});

test("the parts of a message are of the first one's type, whatever the others are", async (t) => {
  for (const isText of [true, false]) {
    await alike(async (library) => {
      const { client, socket } = await pair(t, library);
      const message = once(socket, "message");
      client.send(isText ? "one " : Buffer.from("one "), { fin: false });
      client.send(isText ? Buffer.from("two ") : "two ", { fin: false });
      client.send(isText ? Buffer.from("three") : "three", { fin: true });
      const next = once(socket, "message");
      const [data, isBinary] = await message;
      client.send(Buffer.from("next"));
      return [String(data), isBinary, ...((await next.catch(() => [])) as unknown[]).map(String)];
    });
  }
});

test("a prepared message within another one is a part of it", async (t) => {
  const { client, socket } = await pair(t, ours);
  const message = once(socket, "message");
  client.send("one ", { fin: false });
  client.send(new PreparedMessage("two ") as never, { fin: false });
  client.send("three");
  assert.equal(String((await message)[0]), "one two three");
});

test("a reason may be bytes", async (t) => {
  await alike(async (library) => {
    const { client, socket } = await pair(t, library);
    const end = once(socket, "close");
    client.close(1000, Buffer.from("bytes"));
    const [code, reason] = await end;
    return [code, String(reason)];
  });
});

test("a handler that is replaced or taken out hears nothing more", async (t) => {
  await alike(async (library) => {
    const { client, socket } = await pair(t, library);
    const told: string[] = [];
    client.onmessage = () => told.push("first");
    client.onmessage = () => told.push("second");
    socket.send("1");
    await once(client, "message");
    client.onmessage = null;
    socket.send("2");
    await once(client, "message");
    return [...told, client.onmessage];
  });
});

test("an ErrorEvent has the error, and its message", async () => {
  await alike(async (library) => {
    const socket = new library.WebSocket("ws://127.0.0.1:1");
    const event = await new Promise<ours.ErrorEvent>((done) => (socket.onerror = done));
    return [event.type, event.error instanceof Error, event.message === event.error.message, event.target === socket];
  });
});

test("a stream takes what is written before the socket opens", async (t) => {
  await alike(async (library) => {
    const { server, port } = await serve(t, library);
    const connection = once(server, "connection");
    const socket = new library.WebSocket(`ws://127.0.0.1:${port}`);
    const stream = library.createWebSocketStream(socket);
    stream.end("early");
    const [peer] = (await connection) as [Socket];
    const [data] = await once(peer, "message");
    stream.resume();
    await once(stream, "close");
    return [String(data), socket.readyState];
  });
});

test("a stream in object mode gives text as strings, and binary messages as Buffers", async (t) => {
  for (const readableObjectMode of [true, false]) {
    await alike(async (library) => {
      const { client, socket } = await pair(t, library);
      const stream = library.createWebSocketStream(client, { readableObjectMode });
      socket.send("text");
      socket.send(Buffer.from("bytes"));
      socket.close();
      return (await stream.toArray()).map((chunk) => [typeof chunk, String(chunk)]);
    });
  }
});

test("a stream that was ended closes, also when its connection is broken off before the peer's close", async (t) => {
  const arrival = new EventEmitter();
  const url = await serveRaw(t, (one) => arrival.emit("peer", one));
  const [client, came] = [new ours.WebSocket(url), once(arrival, "peer")];
  const stream = ours.createWebSocketStream(client).resume();
  const [peer] = (await came) as [RawPeer];
  await answer(peer);
  stream.end("last");
  await peer.bytes(16); // the message, and the close
  const close = once(stream, "close");
  client.terminate();
  await close;
});

test("a client that is terminated after its refusal was read closes TCP, though its agent would keep it", async (t) => {
  await alike(async (library) => {
    const http = createServer((_request, response) => response.writeHead(403).end("no")).listen(0, "127.0.0.1");
    http.keepAliveTimeout = 0;
    await once(http, "listening");
    t.after(() => http.close());
    const connection = once(http, "connection");
    const agent = new Agent({ keepAlive: true });
    const client = new library.WebSocket(`ws://127.0.0.1:${(http.address() as AddressInfo).port}`, { agent });
    const [tcp] = (await connection) as [Duplex];
    const end = once(tcp, "close");
    const [, response] = (await once(client, "unexpected-response")) as [unknown, IncomingMessage];
    const body = String(Buffer.concat(await response.toArray()));
    for (let turns = 0; turns < 10; turns++) await turn();
    client.terminate();
    const [error] = (await once(client, "error")) as [Error];
    await end;
    return [body, error.message];
  });
});

test("a ping that waits behind a Blob has the bytes of its call", async (t) => {
  const { client, socket } = await pair(t, ours);
  const pinged = once(socket, "ping");
  const payload = Buffer.from("before");
  client.send(new Blob(["first"]));
  client.ping(payload);
  payload.write("behind");
  assert.equal(String((await pinged)[0]), "before");
});

test("a stream fails with its socket, and the peer is told why", async (t) => {
  await alike(async (library) => {
    let peer: RawPeer | undefined;
    const url = await serveRaw(t, (one) => (peer = one));
    const socket = new library.WebSocket(url);
    const stream = library.createWebSocketStream(socket);
    const failure = once(stream, "error");
    while (peer === undefined) await turn();
    await answer(peer);
    await once(socket, "open");
    peer.write(unmasked(0x83)); // a reserved opcode
    const frame = await peer.bytes(8);
    peer.socket.end();
    const [error] = (await failure) as [Error & { code: string }];
    return [error.code, frame[0], frame[1], stream.destroyed];
  });
});

test("a stream that is destroyed before its socket opens fails as the socket does, whatever it was destroyed for", async (t) => {
  for (const own of [undefined, new Error("own")]) {
    await alike(async (library) => {
      const { port } = await serve(t, library);
      const stream = library.createWebSocketStream(new library.WebSocket(`ws://127.0.0.1:${port}`));
      const told = once(stream, "error");
      stream.destroy(own);
      const [error] = (await told) as [Error];
      return error.message;
    });
  }
});

test("exactly maxRedirects redirects are followed, 10 by default, and told", async (t) => {
  for (const [hops, maxRedirects] of [[0, 2], [1, 2], [2, 2], [3, 2], [10], [11]] as const) {
    await alike(async (library) => {
      const { port } = await serve(t, library);
      const http = createServer(({ url = "" }, response) => {
        const rest = Number(url.slice(1)) - 1;
        const Location = rest > 0 ? `/${rest}` : `ws://127.0.0.1:${port}/`;
        response.writeHead(302, { Location }).end();
      }).listen(0, "127.0.0.1");
      await once(http, "listening");
      t.after(() => http.close());
      const first = hops === 0 ? port : (http.address() as AddressInfo).port;
      const given = maxRedirects === undefined ? {} : { maxRedirects };
      const socket = new library.WebSocket(`ws://127.0.0.1:${first}/${hops}`, { followRedirects: true, ...given });
      const told: string[] = [];
      socket.on("redirect", (url) => told.push(new URL(url).pathname));
      const end = await new Promise<string>((done) =>
        socket.once("open", () => done("open")).once("error", ({ message }) => done(message)),
      );
      return [...told, end];
    });
  }
});

test("a socket that never opened has not closed cleanly", async () => {
  await alike(async (library) => {
    const socket = new library.WebSocket("ws://127.0.0.1:1");
    socket.onerror = () => {};
    const { code, wasClean } = await new Promise<ours.CloseEvent>((done) => (socket.onclose = done));
    return [code, wasClean];
  });
});

test("a client that is terminated when it gets its answer does not open", async (t) => {
  await alike(async (library) => {
    const { port } = await serve(t, library);
    const client = new library.WebSocket(`ws://127.0.0.1:${port}`);
    const told: unknown[] = [];
    for (const type of ["open", "error"]) client.on(type as "open", () => told.push(type));
    client.on("upgrade", () => client.terminate());
    const [code] = await new Promise<unknown[]>((done) => client.once("close", (...args) => done(args)));
    return [...told, code, client.readyState];
  });
});

test("without allowSynchronousEvents, pause in the task of a message holds the next one back until resume", async (t) => {
  const { server, port } = await serve(t, ours, { allowSynchronousEvents: false });
  const connection = once(server, "connection");
  const peer = await RawPeer.connect(port);
  t.after(() => peer.socket.destroy());
  const [socket] = (await connection) as [Socket];
  let count = 0;
  socket.on("message", () => {
    count += 1;
    if (count < 3) queueMicrotask(() => socket.pause());
  });
  peer.write(masked(0x81, "1"), masked(0x81, "2"), masked(0x81, "3"));
  for (const expected of [1, 2, 3]) {
    while (count < expected) await turn();
    for (let turns = 0; turns < 10; turns++) await turn();
    assert.equal(count, expected);
    socket.resume();
  }
});

test("a callback of what leaves with a failed connection's close may send, which fails as it should", async (t) => {
  const { server, port } = await serve(t, ours);
  const connection = once(server, "connection");
  const peer = await RawPeer.connect(port);
  const [socket] = (await connection) as [ours.WebSocket];
  await peer.head();
  socket.on("error", () => {});
  const failure = new Promise<Error | null | undefined>((done) => {
    socket.on("message", (data) => socket.send(data, () => socket.send("more", done)));
  });
  peer.write(Buffer.concat([masked(0x81, "one"), masked(0x83)])); // a reserved opcode
  assert.match(`${await failure}`, /not open/);
});
