// Packages that are made for `ws`, each with ours at both ends: in its place by the `overrides` of package.json, or
// given as the class that the package asks for.
import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { after, test } from "node:test";

import { createTRPCClient, createWSClient, wsLink } from "@trpc/client";
import { initTRPC } from "@trpc/server";
import { applyWSSHandler } from "@trpc/server/adapters/ws";
import { Aedes } from "aedes";
import { GraphQLObjectType, GraphQLSchema, GraphQLString } from "graphql";
import { createClient } from "graphql-ws";
import { useServer } from "graphql-ws/use/ws";
import isomorphic from "isomorphic-ws";
import jayson from "jayson";
import mqtt from "mqtt";
import ReconnectingWebSocket from "reconnecting-websocket";
import { Client as RpcClient, Server as RpcServer } from "rpc-websockets";
import { Server as SocketServer } from "socket.io";
import { io } from "socket.io-client";
import { createWebSocketStream, WebSocket, WebSocketServer } from "websocket-component/ws";
import ws from "ws";
import { WebsocketProvider } from "y-websocket";
import * as Y from "yjs";

const require = createRequire(import.meta.url);
const rows = [];

/** A test of one package, and its row in the table. */
function dependent(name, what, run) {
  const { version } = JSON.parse(readFileSync(new URL(`node_modules/${name}/package.json`, import.meta.url), "utf8"));
  test(`${name} ${version}: ${what}`, { timeout: 20_000 }, async (t) => {
    const row = [name, version, what, "failed"];
    rows.push(row);
    await run(t);
    row[3] = "passed";
  });
}

after(() => {
  const widths = [0, 1, 2].map((column) => Math.max(...rows.map((row) => row[column].length)));
  for (const row of rows) console.log(row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  "));
});

/** A server on a free port. */
async function serve(t, options = {}) {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1", ...options });
  await once(server, "listening");
  t.after(() => {
    for (const client of server.clients) client.terminate();
    server.close();
  });
  return { server, url: `ws://127.0.0.1:${server.address().port}` };
}

test("`ws` is ours, by import and by require", () => {
  assert.equal(ws, WebSocket);
  assert.equal(require("ws").extension, WebSocket.extension);
  assert.equal(require("ws").name, "WebSocket");
});

dependent("graphql-ws", "a query and a subscription", async (t) => {
  const query = new GraphQLObjectType({
    name: "Query",
    fields: { hello: { type: GraphQLString, resolve: () => "world" } },
  });
  const subscription = new GraphQLObjectType({
    name: "Subscription",
    fields: {
      letters: {
        type: GraphQLString,
        subscribe: async function* () {
          for (const letters of ["a", "b", "c"]) yield { letters };
        },
      },
    },
  });
  const { server, url } = await serve(t);
  const disposable = useServer({ schema: new GraphQLSchema({ query, subscription }) }, server);
  t.after(() => disposable.dispose());
  const client = createClient({ url, webSocketImpl: WebSocket });
  const results = [];
  for (const text of ["{ hello }", "subscription { letters }"]) {
    for await (const { data } of client.iterate({ query: text })) results.push({ ...data });
  }
  assert.deepEqual(results, [{ hello: "world" }, { letters: "a" }, { letters: "b" }, { letters: "c" }]);
  await client.dispose();
});

dependent("socket.io", "acknowledged events with text and bytes, by wsEngine", async (t) => {
  const http = createServer();
  const server = new SocketServer(http, { wsEngine: WebSocketServer, perMessageDeflate: { threshold: 0 } });
  server.on("connection", (socket) => {
    socket.on("echo", (text, bytes, answer) => answer(text, bytes));
    socket.on("all", (text) => server.emit("all", text));
  });
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  t.after(() => server.close());
  const client = io(`http://127.0.0.1:${http.address().port}`, { transports: ["websocket"] });
  t.after(() => client.close());
  const answer = await new Promise((resolve) => {
    client.emit("echo", "text", Buffer.from([1, 2, 3]), (...answers) => resolve(answers));
  });
  assert.deepEqual(answer, ["text", Buffer.from([1, 2, 3])]);
  const all = new Promise((resolve) => client.once("all", resolve));
  client.emit("all", "to everyone");
  assert.equal(await all, "to everyone");
});

dependent("socket.io-client", "an upgrade from polling", async (t) => {
  const server = new SocketServer(0, { wsEngine: WebSocketServer });
  t.after(() => server.close());
  server.on("connection", (socket) => socket.on("echo", (data, answer) => answer(data)));
  const client = io(`http://127.0.0.1:${server.httpServer.address().port}`);
  t.after(() => client.close());
  await once(client, "connect");
  if (client.io.engine.transport.name !== "websocket") await once(client.io.engine, "upgrade");
  assert.deepEqual(await client.emitWithAck("echo", { nested: [1, "2"] }), { nested: [1, "2"] });
});

dependent("jayson", "calls and errors of JSON-RPC", async (t) => {
  const methods = { add: ([a, b], callback) => callback(null, a + b) };
  const wss = new jayson.Server(methods).websocket({ port: 0 });
  assert.ok(wss instanceof require("ws").Server);
  await once(wss, "listening");
  t.after(() => wss.close());
  const client = jayson.Client.websocket({ url: `ws://127.0.0.1:${wss.address().port}` });
  await once(client.ws, "open");
  t.after(() => client.ws.close());
  const call = (...args) =>
    new Promise((resolve, reject) =>
      client.request(...args, (error, answer) => (error ? reject(error) : resolve(answer))),
    );
  assert.equal((await call("add", [1, 2])).result, 3);
  assert.equal((await call("none", [])).error.code, -32601);
});

dependent("isomorphic-ws", "its export is our class, and echoes", async (t) => {
  const { server, url } = await serve(t);
  server.on("connection", (socket) =>
    socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary })),
  );
  const socket = new isomorphic(url);
  assert.equal(isomorphic, require("ws"));
  await new Promise((resolve) => {
    socket.onopen = resolve;
  });
  socket.send("text");
  const { data } = await new Promise((resolve) => {
    socket.onmessage = resolve;
  });
  assert.equal(data, "text");
  socket.close();
});

dependent("reconnecting-websocket", "another connection after the first has ended", async (t) => {
  const { server, url } = await serve(t);
  let connections = 0;
  server.on("connection", (socket) => {
    connections += 1;
    socket.send(`connection ${connections}`);
    if (connections === 1) socket.close(4000, "again");
  });
  const socket = new ReconnectingWebSocket(url, [], { WebSocket, minReconnectionDelay: 1 });
  t.after(() => socket.close());
  const messages = [];
  await new Promise((resolve) => {
    socket.addEventListener("message", ({ data }) => {
      messages.push(data);
      if (messages.length === 2) resolve();
    });
  });
  assert.deepEqual(messages, ["connection 1", "connection 2"]);
});

dependent("y-websocket", "two documents become the same", async (t) => {
  const { setupWSConnection } = require("y-websocket/bin/utils");
  const { server, url } = await serve(t);
  server.on("connection", (socket, request) => setupWSConnection(socket, request));
  const [first, second] = [1, 2].map(() => {
    const document = new Y.Doc();
    const options = { WebSocketPolyfill: WebSocket, disableBc: true };
    const provider = new WebsocketProvider(url, "room", document, options);
    t.after(() => provider.destroy());
    return document.getText("text");
  });
  const changed = new Promise((resolve) => second.observe(() => resolve()));
  first.insert(0, "shared");
  await changed;
  assert.equal(String(second), "shared");
});

dependent("mqtt", "publish and subscribe through streams", async (t) => {
  const broker = await Aedes.createBroker();
  t.after(() => broker.close());
  const { server, url } = await serve(t, { handleProtocols: () => "mqtt" });
  server.on("connection", (socket, request) => broker.handle(createWebSocketStream(socket), request));
  const client = await mqtt.connectAsync(url);
  t.after(() => client.endAsync());
  await client.subscribeAsync("topic");
  const received = once(client, "message");
  const payload = Buffer.alloc(100_000, "mqtt");
  await client.publishAsync("topic", payload, { qos: 1 });
  const [topic, message] = await received;
  assert.equal(topic, "topic");
  assert.deepEqual(message, payload);
});

dependent("@trpc/server", "a query and a subscription", async (t) => {
  const { router, procedure } = initTRPC.create();
  const appRouter = router({
    hello: procedure.query(() => "world"),
    count: procedure.subscription(async function* () {
      yield 1;
      yield 2;
    }),
  });
  const { server, url } = await serve(t);
  applyWSSHandler({ wss: server, router: appRouter, keepAlive: { enabled: true, pingMs: 1000, pongWaitMs: 1000 } });
  const client = createWSClient({ url, WebSocket });
  t.after(() => client.close());
  const caller = createTRPCClient({ links: [wsLink({ client })] });
  assert.equal(await caller.hello.query(), "world");
  const counted = [];
  await new Promise((resolve, reject) => {
    caller.count.subscribe(undefined, { onData: (data) => counted.push(data), onComplete: resolve, onError: reject });
  });
  assert.deepEqual(counted, [1, 2]);
});

dependent("rpc-websockets", "calls and notifications", async (t) => {
  const server = new RpcServer({ port: 0, host: "127.0.0.1" });
  await once(server, "listening");
  t.after(() => server.close());
  server.register("sum", ([a, b]) => a + b);
  server.event("news");
  const client = new RpcClient(`ws://127.0.0.1:${server.wss.address().port}`);
  t.after(() => client.close());
  await once(client, "open");
  assert.equal(await client.call("sum", [5, 3]), 8);
  await client.subscribe("news");
  const news = once(client, "news");
  server.emit("news", "headline");
  assert.deepEqual(await news, ["headline"]);
});
