/** What programs that are made for `ws` reach for beside its documented members: the same here as there. */
import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { duplexPair } from "node:stream";
import { type TestContext, test } from "node:test";

import * as ours from "websocket-component/ws";

import { acceptOf, inner, once, RawPeer, REQUEST, serveRaw, sessionCount, uncaughtErrors } from "./support.js";
import { type Library, serve, theirs } from "./ws-both.js";

type Socket = ours.WebSocket;

/** Asserts that both libraries give the same answer. */
async function alike(tell: (library: Library) => unknown): Promise<void> {
  assert.deepEqual(await tell(ours), await tell(theirs));
}

/** A client and a server's socket, both open. */
async function pair(
  t: TestContext,
  library: Library,
  options: ours.ServerOptions = {},
): Promise<{ client: Socket; socket: Socket }> {
  const { server, port } = await serve(t, library, options);
  const client = new library.WebSocket(`ws://127.0.0.1:${port}`);
  const [[socket]] = (await Promise.all([once(server, "connection"), once(client, "open")])) as [[Socket], unknown];
  return { client, socket };
}

test("options of a server have the defaults of ws, and what was given", async () => {
  const told = (library: Library, given: ours.ServerOptions) => {
    const { options } = new library.WebSocketServer({ noServer: true, ...given });
    assert.equal(options.WebSocket, library.WebSocket);
    return { ...options, WebSocket: undefined };
  };
  for (const given of [{}, { perMessageDeflate: true, maxPayload: 5 }, { path: "/a", clientTracking: false }]) {
    await alike((library) => told(library, given));
  }
});

test("a server can be made by the options of another", async (t) => {
  await alike(async (library) => {
    const { server } = await serve(t, library);
    const another = new library.WebSocketServer({ ...server.options, path: "/other" });
    t.after(() => another.close());
    const { options } = another;
    return { ...options, WebSocket: undefined };
  });
});

test("_server is the HTTP server until close, and nothing without one", async (t) => {
  await alike(async (library) => {
    const { server } = await serve(t, library);
    const own = [server._server?.constructor.name, server._server?.listening];
    const given = createServer();
    const attached = new library.WebSocketServer({ server: given });
    const isGiven = attached._server === given;
    attached.close();
    const without = new library.WebSocketServer({ noServer: true })._server;
    return [own, isGiven, attached._server, without];
  });
});

test("a server makes its sockets with null, undefined and its options", async (t) => {
  for (const library of [ours, theirs]) {
    const given: unknown[][] = [];
    class Own extends library.WebSocket {
      constructor(...args: ConstructorParameters<typeof ours.WebSocket>) {
        super(...args);
        if (args[0] === null) given.push(args);
      }
    }
    const { server, port } = await serve(t, library, { WebSocket: Own });
    const client = new library.WebSocket(`ws://127.0.0.1:${port}`);
    await once(client, "open");
    assert.equal(given.length, 1);
    assert.deepEqual(given[0]?.slice(0, 2), [null, undefined]);
    assert.equal(given[0]?.[2], server.options);
  }
});

test("a class whose constructor throws gets its error, and keeps nothing of the engine", async () => {
  class Own extends ours.WebSocket {
    constructor() {
      super(null);
      throw new Error("not today");
    }
  }
  const server = new ours.WebSocketServer({ noServer: true, WebSocket: Own as typeof ours.WebSocket });
  const lines = REQUEST.trim().split("\r\n").slice(1);
  const headers = Object.fromEntries(
    lines.map((line) =>
      line
        .toLowerCase()
        .split(": ")
        .map((part) => part.trim()),
    ),
  );
  headers["sec-websocket-key"] = "dGhlIHNhbXBsZSBub25jZQ==";
  const request = { method: "GET", url: "/", httpVersion: "1.1", headers };
  const before = sessionCount();
  const [stream, peer] = duplexPair();
  const upgrade = () => server.handleUpgrade(request as never, stream, Buffer.alloc(0), () => assert.fail());
  assert.throws(upgrade, /not today/);
  assert.equal(sessionCount(), before);
  assert.equal(peer.read(), null, "nothing was answered");
});

test("setSocket without a head fails, as in ws, and keeps nothing of the engine", () => {
  for (const library of [ours, theirs]) {
    const before = sessionCount();
    const [stream] = duplexPair();
    const socket = new library.WebSocket(null, undefined, {});
    assert.throws(() => socket.setSocket(stream, undefined as never, { maxPayload: 1 }), TypeError);
    assert.equal(sessionCount(), before);
  }
});

test("the stream flows when it is given out, and is paused by pause", async (t) => {
  await alike(async (library) => {
    const { server, port } = await serve(t, library);
    const told: unknown[] = [];
    const tell = (socket: Socket) => {
      told.push(socket._socket?.isPaused(), socket._isServer);
      socket.pause();
      told.push(socket._socket?.isPaused());
    };
    const client = new library.WebSocket(`ws://127.0.0.1:${port}`);
    const connection = new Promise<void>((resolve) => {
      server.on("connection", (socket) => {
        told.push("connection");
        tell(socket);
        resolve();
      });
    });
    await connection;
    await new Promise<void>((resolve) => {
      client.on("open", () => {
        told.push("open");
        tell(client);
        resolve();
      });
    });
    return told;
  });
});

test("a listener that is attached after an await misses no message", async (t) => {
  const { server, port } = await serve(t, ours);
  const peer = await RawPeer.connect(port, `${REQUEST}`);
  t.after(() => peer.socket.destroy());
  const [socket] = (await once(server, "connection")) as [Socket];
  peer.write(Buffer.from([0x81, 0x81, 0, 0, 0, 0, 0x61]));
  const [data] = await once(socket, "message");
  assert.equal(String(data), "a");
});

for (const perMessageDeflate of [false, { threshold: 0 }]) {
  test(`callbacks get null, ${perMessageDeflate ? "compressed" : "uncompressed"}`, async (t) => {
    await alike(async (library) => {
      const { client, socket } = await pair(t, library, { perMessageDeflate });
      const told: { [name: string]: unknown[] } = {};
      const called = (name: string) =>
        new Promise<(...args: unknown[]) => void>((resolve) =>
          resolve((...args) => {
            told[name] = args;
          }),
        );
      const [send, bytes, blob, ping, pong] = await Promise.all(["send", "bytes", "blob", "ping", "pong"].map(called));
      client.send("text", send);
      client.send(Buffer.from("bytes"), { binary: true }, bytes);
      client.send(new Blob(["blob"]), blob);
      client.ping("ping", undefined, ping);
      client.pong("pong", pong);
      const ended = once(client, "close");
      client.close();
      await ended;
      await new Promise<void>((resolve) =>
        socket.readyState === socket.CLOSED ? resolve() : socket.on("close", () => resolve()),
      );
      return told;
    });
  });
}

test("a callback that is not a function is ignored, as by ws, when the message leaves and after the end", async (t) => {
  const errors = uncaughtErrors(t);
  await alike(async (library) => {
    const { client, socket } = await pair(t, library);
    const told: unknown[] = [];
    socket.on("message", (data) => told.push(String(data)));
    for (const type of ["ping", "pong"] as const) socket.on(type, (data: Buffer) => told.push(`${type} ${data}`));
    for (const none of [null, false, 0, ""] as never[]) {
      client.send("text", none);
      client.send("text", {}, none);
      client.send(new Blob(["blob"]), {}, none);
      client.ping("ping", true, none);
      client.pong("pong", undefined, none);
    }
    const ended = once(client, "close");
    client.close();
    await ended;
    for (const none of [null, false] as never[]) {
      client.send("late", {}, none);
      client.ping("late", true, none);
      client.pong("late", true, none);
    }
    await new Promise((resolve) => setImmediate(resolve));
    return told;
  });
  assert.deepEqual(errors, []);
});

test("a reason without a length is none, as in ws, and one with a length that is neither text nor bytes is refused", async (t) => {
  await alike(async (library) => {
    const told: unknown[] = [];
    for (const reason of [new Error("not for the peer"), 5, {}, true, [], new ArrayBuffer(4), new Uint8Array(0)]) {
      const { client, socket } = await pair(t, library);
      assert.throws(() => client.close(1011, { length: 5 } as never), TypeError);
      client.close(1011, reason as never);
      const [code, text] = await once(socket, "close");
      told.push(code, String(text));
    }
    return told;
  });
});

/** Requests with one field changed. */
const requests: { readonly [what: string]: readonly [name: string, value: string, options?: ours.ServerOptions] } = {
  "version 013": ["Sec-WebSocket-Version", "013"],
  "version 13.0": ["Sec-WebSocket-Version", "13.0"],
  "no version": ["Sec-WebSocket-Version", ""],
  "an empty list of extensions": ["Sec-WebSocket-Extensions", "", { perMessageDeflate: true }],
  "an empty list of extensions, without compression": ["Sec-WebSocket-Extensions", ""],
  "a malformed list of extensions": ["Sec-WebSocket-Extensions", "permessage-deflate;;", { perMessageDeflate: true }],
  "other extensions": ["Sec-WebSocket-Extensions", "x-unknown; a=b", { perMessageDeflate: true }],
};

for (const [what, [name, value, options]] of Object.entries(requests)) {
  test(`a server of both answers the same to ${what}`, async (t) => {
    await alike(async (library) => {
      const { port } = await serve(t, library, options);
      const lines = REQUEST.split("\r\n").filter((line) => !line.startsWith(`${name}:`));
      lines.splice(1, 0, `${name}: ${value}`);
      const peer = await RawPeer.connect(port, lines.join("\r\n"));
      t.after(() => peer.socket.destroy());
      const answer = await peer.head();
      // the versions that there are: version 8 is missing here
      return answer.replace("Sec-WebSocket-Version: 13, 8", "Sec-WebSocket-Version: 13");
    });
  });
}

for (const perMessageDeflate of [true, false]) {
  test(`a client refuses an empty list of extensions, ${perMessageDeflate ? "offered" : "not offered"}`, async (t) => {
    await alike(async ({ WebSocket }) => {
      const url = await serveRaw(t, async (peer) => {
        const accept = acceptOf(await peer.head());
        const lines = ["Upgrade: websocket", "Connection: Upgrade", `Sec-WebSocket-Accept: ${accept}`];
        const all = ["HTTP/1.1 101 Switching Protocols", ...lines, "Sec-WebSocket-Extensions:", "", ""];
        peer.write(Buffer.from(all.join("\r\n")));
      });
      const [error] = (await once(new WebSocket(url, { perMessageDeflate }), "error")) as [Error];
      return error.message;
    });
  });
}

test("a client's request has the fields of ws, of their types, in their order", async (t) => {
  const server = createServer((_request, response) => response.end()).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const all: readonly (readonly [string[], ours.ClientOptions])[] = [
    [[], { perMessageDeflate: false }],
    [["a", "b"], { origin: "http://a", headers: { "X-A": 1, "x-list": ["a", "b"] }, auth: "a:b" }],
    [["a"], { followRedirects: true, headers: { Upgrade: "other" } }],
  ];
  for (const [protocols, options] of all) {
    await alike(async ({ WebSocket }) => {
      let told: unknown;
      const finishRequest: ours.ClientOptions["finishRequest"] = (request) => {
        const { "sec-websocket-key": key, ...headers } = request.getHeaders();
        told = [typeof key, headers, request.getRawHeaderNames()];
        request.end();
      };
      const client = new WebSocket(`ws://127.0.0.1:${port}`, protocols, { ...options, finishRequest });
      await once(client, "error");
      return told;
    });
  }
});

test("setSocket makes a client or a server of any stream", async () => {
  await alike(async ({ WebSocket }) => {
    const [left, right] = duplexPair();
    const options = { maxPayload: 0, closeTimeout: 1000 };
    const client = new WebSocket(null, undefined, { autoPong: true });
    client._isServer = false;
    const server = new WebSocket(null, undefined, { autoPong: true });
    const told: unknown[] = [];
    client.on("open", () => told.push(["open", client.readyState, client.extensions, client.protocol]));
    const message = once(client, "message");
    const pong = once(client, "pong");
    server.on("message", (data, isBinary) => server.send(data, { binary: isBinary }));
    server.setSocket(left, Buffer.alloc(0), options);
    client.setSocket(right, Buffer.alloc(0), options);
    client.send("text");
    client.ping("ping");
    told.push(await message, await pong);
    const closes = Promise.all([once(client, "close"), once(server, "close")]);
    client.close(4000, "reason");
    told.push(await closes);
    return told;
  });
});

test("a server answers a request that has no socket, and numbers among its fields", async () => {
  await alike(async ({ WebSocket, WebSocketServer }) => {
    const listener = createServer();
    const server = new WebSocketServer({ server: listener });
    const [clientStream, serverStream] = duplexPair();
    const request = {
      method: "GET",
      url: "/",
      headers: {
        connection: "upgrade",
        upgrade: "websocket",
        "sec-websocket-version": 13,
        "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
      },
    };
    const client = new WebSocket(null, undefined, {});
    client._isServer = false;
    const open = new Promise<string>((resolve) => {
      clientStream.once("data", (head) => {
        resolve(String(head));
        client.setSocket(clientStream, Buffer.alloc(0), { maxPayload: 0 });
      });
    });
    server.on("connection", (socket) => socket.on("message", (data) => socket.send(`${data}!`)));
    listener.emit("upgrade", request as unknown as IncomingMessage, serverStream, Buffer.alloc(0));
    const head = await open;
    client.send("text");
    const [answer] = await once(client, "message");
    const ended = once(client, "close");
    client.terminate();
    await ended;
    server.close();
    return [head, String(answer)];
  });
});

test("completeUpgrade comes after the verdict, with what the client offers, and can be overridden", async (t) => {
  await alike(async (library) => {
    const told: unknown[] = [];
    class Own extends library.WebSocketServer {
      override completeUpgrade(...args: Parameters<ours.WebSocketServer["completeUpgrade"]>): void {
        const [extensions, key, protocols, request, , head] = args;
        told.push(Object.keys(extensions), typeof key, [...protocols], request.url, head.length);
        super.completeUpgrade(...args);
      }
    }
    const verifyClient = () => told.push("verified") > 0;
    const { port } = await serve(t, { ...library, WebSocketServer: Own } as Library, {
      perMessageDeflate: true,
      verifyClient,
    });
    const client = new library.WebSocket(`ws://127.0.0.1:${port}/a`, ["x", "y"]);
    await once(client, "open");
    return [...told, client.protocol, client.extensions];
  });
});

test("completeUpgrade without the client's offer compresses nothing", async (t) => {
  await alike(async (library) => {
    const server = new library.WebSocketServer({ noServer: true, perMessageDeflate: true });
    const http = createServer().listen(0, "127.0.0.1");
    await once(http, "listening");
    t.after(() => http.close());
    http.on("upgrade", (request, stream, head) => {
      const key = request.headers["sec-websocket-key"] as string;
      server.completeUpgrade({}, key, new Set(), request, stream, head, (socket) => socket.send("text"));
    });
    const client = new library.WebSocket(`ws://127.0.0.1:${(http.address() as AddressInfo).port}`);
    t.after(() => client.terminate());
    const [data] = await once(client, "message");
    return [String(data), client.extensions];
  });
});

test("emitClose tells the end, by hand too, and can be overridden", async (t) => {
  await alike(async (library) => {
    const told: unknown[] = [];
    const unconnected = new library.WebSocket(null, undefined, {});
    unconnected.on("close", (code, reason) => told.push(code, String(reason), unconnected.readyState));
    unconnected.emitClose();
    class Own extends library.WebSocket {
      override emitClose(): void {
        told.push("emitClose");
        super.emitClose();
      }
    }
    const { port } = await serve(t, library);
    const client = new Own(`ws://127.0.0.1:${port}`);
    await once(client, "open");
    const ended = once(client, "close");
    client.close(4000, "reason");
    told.push(await ended, client._closeCode, client._closeMessage);
    return told;
  });
});

/** Values of `Sec-WebSocket-Extensions` and `Sec-WebSocket-Protocol`, good and bad. */
const FIELDS = [
  ...["", " ", "a", "a,", ",a", "a, b", " a", "a a", "a,,b", "a, a", "A, a", "a;b", "a; b=1; b=2; c", "a; b=", "a;"],
  ...["a; b=1, a; b", "a; =1", 'a; b="1"', 'a; b="1\\2"', 'a; b="1" 2', "a\t,\tb", "ä", "a/b", "a; b=c/d"],
  ...["permessage-deflate; client_max_window_bits; server_max_window_bits=10", "__proto__; __proto__"],
];

test("the parsers of fields read what those of ws read, and throw what they throw", async () => {
  for (const { name, parse } of [
    { name: "extension", parse: (library: Library, field: string) => library.extension.parse(field) },
    { name: "subprotocol", parse: (library: Library, field: string) => [...library.subprotocol.parse(field)] },
  ]) {
    const told = (library: Library) =>
      FIELDS.map((field) => {
        try {
          return [field, JSON.stringify(parse(library, field))];
        } catch (error) {
          return [field, (error as Error).name, (error as Error).message];
        }
      });
    assert.deepEqual(told(ours), told(theirs), name);
  }
});

test("extensions are written as ws writes them", async () => {
  for (const extensions of [
    {},
    { a: {} },
    { a: [{ b: [true, "1"] }, { c: 2 }], d: { e: true } },
    { "permessage-deflate": { client_max_window_bits: 10, server_no_context_takeover: true } },
  ]) {
    await alike(({ extension }) => extension.format(extensions as never));
  }
});

test("a client emits what one of ws emits, from its constructor on", async (t) => {
  await alike(async (library) => {
    const { port } = await serve(t, library);
    const told: unknown[] = [];
    class Own extends library.WebSocket {}
    Object.assign(Own.prototype, {
      emit(this: EventEmitter, ...args: Parameters<EventEmitter["emit"]>): boolean {
        told.push(args[0]);
        return EventEmitter.prototype.emit.apply(this, args);
      },
    });
    const client = new Own(`ws://127.0.0.1:${port}`, { followRedirects: true });
    await once(client, "open");
    const end = once(client, "close");
    client.close();
    await end;
    return told;
  });
});

test("a stream that was accepted has the listeners for errors that it needs, and none of the handshake's", async (t) => {
  const count = async (verifyClient: ours.ServerOptions["verifyClient"]) => {
    const { socket } = await pair(t, ours, { verifyClient });
    return socket._socket?.listenerCount("error");
  };
  assert.equal(await count(undefined), 1);
  assert.equal(await count((_info, decide) => setImmediate(() => decide(true))), 1);
});

test("what bundles for pages get can be imported, and throws when it is called, as ws's own", async () => {
  const stub = await inner<Record<string, { new (): never; (): never }> & { subprotocol: { parse(): never } }>(
    "entry/ws-page.js",
  );
  const names = ["default", "WebSocket", "WebSocketServer", "Server", "createWebSocketStream"] as const;
  for (const name of names) {
    assert.throws(() => new (stub[name] as unknown as new () => never)(), /does not work in pages/);
    assert.throws(() => stub[name]?.(), /does not work in pages/);
  }
  assert.throws(() => stub.subprotocol.parse(), /does not work in pages/);
});
