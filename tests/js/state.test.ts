/** What `verify` knows about a client, as its socket's `data`. */
import assert from "node:assert/strict";
import { createServer, type IncomingMessage } from "node:http";
import { test } from "node:test";
import { WebSocket, WebSocketServer } from "websocket-component";

import { once, RawPeer, REQUEST, serve } from "./support.js";

interface User {
  readonly name: string;
}

const ada: User = { name: "ada" };
/** Milliseconds: the raw peers here answer no close. */
const closeTimeout = 10;

/** The data of a server's first socket. */
async function dataOf(server: WebSocketServer, port: number): Promise<unknown> {
  const connection = once(server, "connection");
  await (await RawPeer.connect(port, REQUEST)).head();
  const [socket] = await connection;
  return (socket as WebSocket).data;
}

test("what verify returns as data is its socket's, at once or by a promise", async (t) => {
  for (const verify of [() => ({ data: ada }), async () => ({ data: ada })]) {
    const { server, port } = await serve(t, { closeTimeout, verify });
    assert.equal(await dataOf(server, port), ada);
    assert.deepEqual(
      [...server.clients].map(({ data }) => data),
      [ada],
    );
  }
});

test("data may be anything, nothing too, and is nothing if verify returned true", async (t) => {
  for (const data of [undefined, null, 0, "", false]) {
    const { server, port } = await serve(t, { closeTimeout, verify: () => ({ data }) });
    assert.equal(await dataOf(server, port), data);
  }
  const { server, port } = await serve(t, { closeTimeout, verify: () => true });
  assert.equal(await dataOf(server, port), undefined);
});

test("each socket has its own data, which the application may replace", async (t) => {
  let count = 0;
  const { server, port } = await serve(t, { closeTimeout, verify: () => ({ data: { id: ++count } }) });
  assert.deepEqual(await dataOf(server, port), { id: 1 });
  assert.deepEqual(await dataOf(server, port), { id: 2 });
  const [first, second] = server.clients;
  if (first === undefined || second === undefined) assert.fail("two sockets are open");
  first.data = "replaced";
  assert.deepEqual([first.data, second.data], ["replaced", { id: 2 }]);
});

test("an answer with a status refuses, whatever else it has", async (t) => {
  const { server, port } = await serve(t, { closeTimeout, verify: () => ({ status: 401, data: ada }) });
  const peer = await RawPeer.connect(port, REQUEST);
  assert.match(await peer.head(), /^HTTP\/1\.1 401 /);
  assert.equal(server.clients.size, 0);
});

test("handleUpgrade passes a socket with its data", async (t) => {
  const server = new WebSocketServer({ noServer: true, closeTimeout, verify: () => ({ data: ada }) });
  const http = createServer();
  const given = new Promise<string>((resolve) => {
    http.on("upgrade", (request, socket, head) =>
      server.handleUpgrade(request, socket, head, ({ data }) => resolve(data.name)),
    );
  });
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  t.after(() => http.close());
  t.after(() => server.close());
  const address = http.address();
  if (address === null || typeof address === "string") assert.fail("a port is open");
  await (await RawPeer.connect(address.port, REQUEST)).head();
  assert.equal(await given, "ada");
});

test("a client's socket has no data of its own", () => {
  const socket = new WebSocket("ws://localhost:1");
  socket.onerror = () => {};
  assert.deepEqual(Object.keys(socket), []);
});

test("data is typed: by what verify returns, or as the program says", () => {
  const inferred = new WebSocketServer({
    noServer: true,
    verify: async ({ url }) => {
      if (url === undefined) return false;
      return url === "/" ? { status: 401 } : { data: { name: url, path: [url] } };
    },
  });
  inferred.on("connection", ({ data }) => data satisfies { name: string; path: string[] });
  for (const { data } of inferred.clients) data.name satisfies string;
  // @ts-expect-error: verify gives it no such member
  inferred.on("connection", ({ data }) => data.age);

  const said = new WebSocketServer<IncomingMessage, User>({ noServer: true });
  said.on("connection", (socket) => {
    socket.data = { name: "ada" };
    // @ts-expect-error: no user
    socket.data = { age: 1 };
  });
  // @ts-expect-error: no user
  new WebSocketServer<IncomingMessage, User>({ noServer: true, verify: () => ({ data: { age: 1 } }) });

  const bytes = new WebSocketServer({ noServer: true, binaryType: "arraybuffer", verify: () => ({ data: 1 }) });
  bytes.on("connection", (socket) => {
    socket.data satisfies number;
    socket.onmessage = ({ data }) => data satisfies string | ArrayBuffer;
  });
  const optional = new WebSocketServer<IncomingMessage, User | undefined>({ noServer: true, verify: () => true });
  // @ts-expect-error: some have none
  optional.on("connection", ({ data }) => data.name);

  // @ts-expect-error: without verify it is not known
  new WebSocketServer({ noServer: true }).on("connection", ({ data }) => data satisfies User);

  const general: WebSocketServer[] = [inferred, said];
  const sockets: WebSocket[] = [...inferred.clients, ...said.clients, ...bytes.clients];
  assert.deepEqual([general.length, sockets.length], [2, 0]);
});
