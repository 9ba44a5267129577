/** `websocket-component/ws` does what `ws` does: the same scenarios, with each of them at each end, tell the same. */
import assert from "node:assert/strict";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";

import * as ours from "websocket-component/ws";
import * as ws from "ws";
import { once } from "./support.js";

type Library = typeof ours;
type Socket = ours.WebSocket;

/** The same by type, as far as the scenarios go. */
const LIBRARIES: { readonly [name: string]: Library } = { ws: ws as unknown as Library, ours };

/** What a scenario tells, in the order in which it happened at one end. */
type Log = (...told: unknown[]) => void;

interface Ends {
  readonly client: Socket;
  readonly server: Socket;
}

/** How both are made, and what then happens. It ends when both have closed. */
interface Scenario {
  readonly serverOptions?: ours.ServerOptions;
  readonly clientOptions?: ours.ClientOptions;
  readonly protocols?: string[];
  readonly run: (ends: Ends, atClient: Log, atServer: Log, library: Library) => unknown;
}

const COMPRESSED = { perMessageDeflate: { threshold: 0 } };
const TEXT = "text, compressed: ".repeat(100);

const scenarios: { readonly [name: string]: Scenario } = {
  "messages of both types": {
    run: ({ client }) => {
      client.send("text: ä€😀");
      client.send(Buffer.from([0, 1, 2]));
      client.send(new Uint16Array([1, 2]).subarray(1));
      client.send(new Uint8Array([7]).buffer);
      client.send([1, 2, 3]);
      client.send(42);
      client.send("");
      client.send(undefined);
      client.send("text as binary", { binary: true });
      client.send(Buffer.from("bytes as text"), { binary: false });
      client.close();
    },
  },
  "long messages": {
    run: ({ client, server }) => {
      client.send("x".repeat(100_000));
      client.send(Buffer.alloc(200_000, 1), () => client.close());
      server.send(Buffer.alloc(70_000, 2));
    },
  },
  "compressed messages": {
    serverOptions: COMPRESSED,
    clientOptions: COMPRESSED,
    run: ({ client, server }, atClient, atServer) => {
      atClient(client.extensions);
      atServer(server.extensions);
      client.send(TEXT);
      client.send(Buffer.from(TEXT), { binary: false });
      client.send(Buffer.from(TEXT), { compress: false });
      server.send(TEXT, { compress: true }, () => server.close());
    },
  },
  "a client that offers no compression": {
    serverOptions: { perMessageDeflate: true },
    clientOptions: { perMessageDeflate: false },
    run: ({ client }, atClient) => {
      atClient(client.extensions);
      client.send(TEXT);
      client.close();
    },
  },
  "messages in parts": {
    run: ({ client }) => {
      client.send("one", { fin: false });
      client.ping("between");
      client.send(", two", { fin: false });
      client.send(", three");
      client.send(Buffer.from([1]), { fin: false });
      client.send(Buffer.from([2]), { fin: true });
      client.close();
    },
  },
  "messages in parts, where compression is agreed": {
    serverOptions: COMPRESSED,
    clientOptions: COMPRESSED,
    run: ({ client }) => {
      client.send(TEXT, { fin: false });
      client.send(TEXT, { fin: true });
      client.send(TEXT);
      client.close();
    },
  },
  "Blobs in the order of the calls": {
    run: ({ client }) => {
      client.send("before");
      client.send(new Blob(["a Blob"]));
      client.send("behind");
      client.close(1000, "behind");
    },
  },
  "a Blob that cannot be read, and what is sent behind it": {
    run: ({ client }, atClient) => {
      class Unreadable extends Blob {
        override arrayBuffer = () => Promise.reject(new Error("unreadable"));
      }
      client.send(new Unreadable(["a Blob"]), (error) => atClient("the Blob", String(error)));
      client.send("behind", (error) => atClient("behind", String(error)));
    },
  },
  binaryType: {
    run: ({ client, server }, atClient) => {
      const types: ours.BinaryType[] = ["nodebuffer", "arraybuffer", "fragments", "blob"];
      client.binaryType = "other" as ours.BinaryType;
      const next = () => {
        const type = types.shift();
        if (type === undefined) return client.close();
        client.binaryType = type;
        server.send(Buffer.from([1, 2]));
      };
      client.on("message", (data) => {
        atClient(client.binaryType, Object.prototype.toString.call(data), data instanceof Blob ? data.size : data);
        next();
      });
      next();
    },
  },
  "pings and pongs": {
    run: ({ client, server }, atClient) => {
      client.on("pong", () => server.close());
      client.ping("data", undefined, () => atClient("sent"));
      server.pong(Buffer.from([1]));
    },
  },
  "no pong without autoPong": {
    serverOptions: { autoPong: false },
    run: ({ client, server }) => {
      client.ping("first");
      client.ping("second");
      server.on("ping", (data) => {
        if (String(data) !== "second") return;
        server.pong("by hand");
        server.close();
      });
    },
  },
  "a client closes with a code and a reason": { run: ({ client }) => client.close(4000, "because") },
  "a server closes with a code": { run: ({ server }) => server.close(1001) },
  "a server closes without a code": { run: ({ server }) => server.close() },
  "both close at once": {
    run: ({ client, server }) => {
      client.close(4001, "client");
      server.close(4002, "server");
    },
  },
  "a client breaks off": { run: ({ client }) => client.terminate() },
  "a server breaks off": { run: ({ server }) => server.terminate() },
  "sending after close": {
    run: ({ client }, atClient) => {
      client.close();
      client.send("four", (error) => atClient("callback", error?.message));
      client.ping("four", undefined, (error) => atClient("callback", error?.message));
      client.close(4000);
    },
  },
  "what the methods refuse": {
    run: ({ client }, atClient) => {
      const refused = (call: () => void) => {
        try {
          call();
        } catch (error) {
          atClient((error as Error).name, (error as Error).message);
        }
      };
      refused(() => client.ping("x".repeat(126)));
      refused(() => client.pong(Buffer.alloc(126)));
      for (const code of [999, 1004, 1005, 1006, 1015, 2999, 5000]) refused(() => client.close(code));
      refused(() => client.close("1000" as unknown as number));
      refused(() => client.close(1000, "x".repeat(124)));
      refused(() => client.send({} as unknown as string));
      client.close();
    },
  },
  "a paused socket": {
    run: ({ client, server }, atClient) => {
      client.pause();
      atClient(client.isPaused);
      server.send("held", () => {
        atClient("resumed");
        client.resume();
        atClient(client.isPaused);
      });
      client.on("message", () => client.close());
    },
  },
  "a task between two events": {
    clientOptions: { allowSynchronousEvents: false },
    run: ({ client, server }, atClient) => {
      client.on("message", () => setImmediate(() => atClient("task")));
      server.send("first");
      server.send("second");
      client.on("message", (data) => {
        if (String(data) === "second") setImmediate(() => client.close());
      });
    },
  },
  "events of a browser": {
    run: ({ client, server }, atClient) => {
      client.onmessage = (event) => atClient("onmessage", event.type, event.data, event.target === client);
      client.onclose = ({ type, code, reason, wasClean }) => atClient("onclose", type, code, reason, wasClean);
      const listener = { handleEvent: (event: { type: string }) => atClient("handleEvent", event.type) };
      client.addEventListener("message", listener);
      client.addEventListener("message", listener);
      client.addEventListener("message", (event) => atClient("once", event.data), { once: true });
      const removed = () => atClient("removed");
      client.addEventListener("message", removed);
      client.removeEventListener("message", removed);
      client.addEventListener("other" as "message", removed);
      atClient(client.listenerCount("message"), typeof client.onmessage, client.onerror);
      server.send("text");
      server.send(Buffer.from([1]));
      server.close(1000, "bye");
    },
  },
  "selected subprotocols, and added headers": {
    protocols: ["first", "second"],
    serverOptions: { handleProtocols: (offered) => [...offered][1] as string },
    run: ({ client, server }, atClient, atServer) => {
      atClient(client.protocol);
      atServer(server.protocol);
      client.close();
    },
  },
  "the first subprotocol by default": {
    protocols: ["first", "second"],
    run: ({ client }, atClient) => {
      atClient(client.protocol);
      client.close();
    },
  },
  "a message over maxPayload": {
    serverOptions: { maxPayload: 10 },
    run: ({ client }) => {
      client.send("x".repeat(10));
      client.send("x".repeat(11));
    },
  },
  "a compressed message over maxPayload": {
    serverOptions: { ...COMPRESSED, maxPayload: 1000 },
    clientOptions: COMPRESSED,
    run: ({ client }) => client.send(TEXT),
  },
  "more parts than maxFragments": {
    serverOptions: { maxFragments: 2 },
    run: ({ client }) => {
      for (const part of ["1", "2", "3"]) client.send(part, { fin: false });
    },
  },
  "a stream": {
    run: ({ client, server }, atClient, _atServer, library) => {
      const stream = library.createWebSocketStream(client, { encoding: "utf8" });
      server.on("message", (data, isBinary) => server.send(data, { binary: isBinary }));
      stream.on("data", (data) => {
        atClient("data", data);
        stream.end();
      });
      for (const event of ["end", "finish", "close"]) stream.on(event, () => atClient(`stream ${event}`));
      stream.write("written");
    },
  },
  "a stream that is destroyed": {
    run: ({ client }, atClient, _atServer, library) => {
      const stream = library.createWebSocketStream(client);
      stream.on("error", (error) => atClient("stream error", error.message));
      stream.on("close", () => atClient("stream close"));
      stream.destroy(new Error("enough"));
    },
  },
};

for (const [name, scenario] of Object.entries(scenarios)) {
  test(`as with ws: ${name}`, async (t) => {
    const expected = await told(t, scenario, "ws", "ws");
    assert.ok(expected.client.length > 0 && expected.server.length > 0);
    for (const [client, server] of [
      ["ours", "ws"],
      ["ws", "ours"],
      ["ours", "ours"],
    ] as const) {
      assert.deepEqual(await told(t, scenario, client, server), expected, `client: ${client}, server: ${server}`);
    }
  });
}

/** What both ends tell. */
async function told(
  t: TestContext,
  { serverOptions, clientOptions, protocols, run }: Scenario,
  clientName: string,
  serverName: string,
): Promise<{ client: unknown[]; server: unknown[] }> {
  const library = LIBRARIES[clientName] as Library;
  const { WebSocketServer } = LIBRARIES[serverName] as Library;
  const listener = new WebSocketServer({ port: 0, host: "127.0.0.1", ...serverOptions });
  await once(listener, "listening");
  const log: { client: unknown[]; server: unknown[] } = { client: [], server: [] };
  const atClient: Log = (...entry) => log.client.push(entry);
  const atServer: Log = (...entry) => log.server.push(entry);
  listener.on("headers", (lines: string[], request: IncomingMessage) => {
    atServer("headers", lines[0], request.url);
    lines.push("X-Added: by a listener");
  });
  const { port } = listener.address() as AddressInfo;
  const client = new library.WebSocket(`ws://127.0.0.1:${port}/path?query`, protocols, clientOptions);
  t.after(() => {
    client.terminate();
    listener.close();
  });
  client.on("upgrade", (response) => atClient("upgrade", response.statusCode, response.headers["x-added"]));
  observe(client, atClient);
  const [[server]] = (await Promise.all([once(listener, "connection"), once(client, "open")])) as [[Socket], unknown];
  observe(server, atServer);
  const ends = Promise.all([closed(client), closed(server)]);
  run({ client, server }, atClient, atServer, library);
  await ends;
  atServer("clients", listener.clients.size);
  await new Promise((resolve) => listener.close(resolve));
  return log;
}

/** `once` would fail for an `error` before it. */
function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.once("close", () => resolve()));
}

/** Logs all events that both have. */
function observe(socket: Socket, log: Log): void {
  socket.on("open", () => log("open", socket.readyState));
  socket.on("message", (data, isBinary) => log("message", data, isBinary));
  socket.on("ping", (data) => log("ping", data));
  socket.on("pong", (data) => log("pong", data));
  socket.on("error", (error: Error & { code?: string }) => log("error", error.name, error.code, error.message));
  socket.on("close", (code, reason) => log("close", code, reason, socket.readyState));
}

test("as with ws: what the constructors refuse", () => {
  const refused = ({ WebSocket, WebSocketServer }: Library): unknown[] => {
    const calls = [
      () => new WebSocket("nonsense"),
      () => new WebSocket("ws://localhost#fragment"),
      () => new WebSocket("ws://localhost", "a,b"),
      () => new WebSocket("ws://localhost", ["a", "a"]),
      () => new WebSocket("ws://localhost", ""),
      () => new WebSocket("ftp://localhost"),
      () => new WebSocketServer({}),
      () => new WebSocketServer({ port: 0, noServer: true }),
      () => new WebSocketServer({ noServer: true }).address(),
    ];
    return calls.map((call) => {
      try {
        call();
        return "nothing";
      } catch (error) {
        return [(error as Error).name, (error as Error).message];
      }
    });
  };
  assert.deepEqual(refused(ours), refused(LIBRARIES.ws as Library));
});

test("as with ws: a client whose handshake does not come off", async (t) => {
  const server = createServer((_request, response) => response.writeHead(401).end("no"));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const refused = createServer().listen(0, "127.0.0.1");
  await once(refused, "listening");
  const closedPort = (refused.address() as AddressInfo).port;
  await new Promise((resolve) => refused.close(resolve));
  const told = async ({ WebSocket }: Library): Promise<unknown[]> => {
    const log: unknown[] = [];
    const attempts: ((socket: Socket) => void)[] = [
      () => {},
      (socket) => socket.close(),
      (socket) => socket.terminate(),
      (socket) => {
        socket.on("unexpected-response", (request, response) => {
          log.push(["unexpected-response", request.path, response.statusCode]);
          socket.terminate();
        });
      },
    ];
    for (const [index, act] of attempts.entries()) {
      const socket = new WebSocket(`ws://127.0.0.1:${port}/${index}`);
      observe(socket, (...entry) => log.push(entry));
      const end = closed(socket);
      act(socket);
      log.push(socket.readyState);
      await end;
    }
    const socket = new WebSocket(`ws://127.0.0.1:${closedPort}`);
    socket.on("error", (error: Error & { code?: string }) => log.push(error.code));
    await closed(socket);
    return log;
  };
  assert.deepEqual(await told(ours), await told(LIBRARIES.ws as Library));
});

test("`require` and `import` give the class, which has the other exports", () => {
  assert.equal(ours.default, ours.WebSocket);
  assert.equal(ours.WebSocket.Server, ours.WebSocketServer);
  assert.equal(ours.WebSocket.WebSocketServer, ours.WebSocketServer);
  assert.equal(ours.WebSocket.createWebSocketStream, ours.createWebSocketStream);
});
