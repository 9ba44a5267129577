// Packages that are made for `ws`, each with ours at both ends: in its place by the `overrides` of package.json, or
// given as the class that the package asks for.
import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { after, test } from "node:test";

import websocket from "@fastify/websocket";
import { createTRPCClient, createWSClient, wsLink } from "@trpc/client";
import { initTRPC } from "@trpc/server";
import { applyWSSHandler } from "@trpc/server/adapters/ws";
import { Aedes } from "aedes";
import remote from "chrome-remote-interface";
import * as engine from "engine.io";
import { Socket as EngineSocket } from "engine.io-client";
import { WebSocketProvider } from "ethers";
import express from "express";
import expressWs from "express-ws";
import fastify from "fastify";
import { execute, GraphQLObjectType, GraphQLSchema, GraphQLString, subscribe } from "graphql";
import { createClient } from "graphql-ws";
import { useServer } from "graphql-ws/use/ws";
import isomorphic from "isomorphic-ws";
import { WebSocket as IsoWebSocket } from "isows";
import jayson from "jayson";
import { JSDOM } from "jsdom";
import Koa from "koa";
import koaWebsocket from "koa-websocket";
import mqtt from "mqtt";
import { RPCClient, RPCServer } from "ocpp-rpc";
import puppeteer from "puppeteer-core";
import ReconnectingWebSocket from "reconnecting-websocket";
import { Client as RpcClient, Server as RpcServer } from "rpc-websockets";
import { Server as SocketServer } from "socket.io";
import { io } from "socket.io-client";
import { SubscriptionClient, SubscriptionServer } from "subscriptions-transport-ws";
import { createWebSocketStream, WebSocket, WebSocketServer } from "websocket-component/ws";
import ws from "ws";
import { WebsocketProvider } from "y-websocket";
import * as Y from "yjs";

const require = createRequire(import.meta.url);
const CHROMIUM = "/usr/bin/chromium";
const FLAGS =
  "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync";
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

/** Serves HTTP on a free port. */
async function listen(t, http) {
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  t.after(() => http.close());
  return http.address().port;
}

/** Sends a text by an `EventEmitter`, and gives the answer. */
async function echo(url, text) {
  const socket = new ws(url);
  await once(socket, "open");
  socket.send(text);
  const [data] = await once(socket, "message");
  socket.close();
  await once(socket, "close");
  return String(data);
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

dependent("@fastify/websocket", "a route, and injectWS", async (t) => {
  const app = fastify();
  await app.register(websocket);
  app.get("/echo", { websocket: true }, (socket) => socket.on("message", (data) => socket.send(`${data}!`)));
  await app.listen({ port: 0, host: "127.0.0.1" });
  t.after(() => app.close());
  assert.equal(await echo(`ws://127.0.0.1:${app.server.address().port}/echo`, "text"), "text!");
  const injected = await app.injectWS("/echo");
  const message = once(injected, "message");
  injected.send("injected");
  assert.equal(String((await message)[0]), "injected!");
  injected.terminate();
});

dependent("express-ws", "a route with a parameter, and a middleware", async (t) => {
  const { app } = expressWs(express());
  app.use((request, _response, next) => {
    request.greeting = "hello ";
    next();
  });
  app.ws("/:name", (socket, { greeting, params }) =>
    socket.on("message", (data) => socket.send(greeting + params.name + data)),
  );
  const http = app.listen(0, "127.0.0.1");
  await once(http, "listening");
  t.after(() => http.close());
  assert.equal(await echo(`ws://127.0.0.1:${http.address().port}/ada`, "!"), "hello ada!");
});

dependent("koa-websocket", "a middleware", async (t) => {
  const app = koaWebsocket(new Koa());
  app.ws.use((context) => context.websocket.on("message", (data) => context.websocket.send(`${context.path} ${data}`)));
  const http = app.listen(0, "127.0.0.1");
  await once(http, "listening");
  t.after(() => http.close());
  assert.equal(await echo(`ws://127.0.0.1:${http.address().port}/path`, "text"), "/path text");
});

dependent("subscriptions-transport-ws", "a subscription", async (t) => {
  const field = { type: GraphQLString, resolve: () => "world" };
  const letters = {
    type: GraphQLString,
    subscribe: async function* () {
      for (const text of ["a", "b"]) yield { letters: text };
    },
  };
  const schema = new GraphQLSchema({
    query: new GraphQLObjectType({ name: "Query", fields: { hello: field } }),
    subscription: new GraphQLObjectType({ name: "Subscription", fields: { letters } }),
  });
  const http = createServer();
  const port = await listen(t, http);
  const server = SubscriptionServer.create({ schema, execute, subscribe }, { server: http, path: "/" });
  t.after(() => server.close());
  const client = new SubscriptionClient(`ws://127.0.0.1:${port}/`, {}, ws);
  t.after(() => client.close());
  const results = [];
  await new Promise((resolve, reject) => {
    client.request({ query: "subscription { letters }" }).subscribe({
      next: ({ data }) => results.push(data.letters),
      error: reject,
      complete: resolve,
    });
  });
  assert.deepEqual(results, ["a", "b"]);
});

dependent("ocpp-rpc", "calls both ways", async (t) => {
  const server = new RPCServer({ protocols: ["ocpp1.6"], strictMode: false });
  server.on("client", (client) => {
    client.handle("BootNotification", ({ params }) => ({ status: "Accepted", ...params }));
    client.handle("CallBack", () => client.call("Ask", { question: 1 }));
  });
  const http = await server.listen(0, "127.0.0.1");
  t.after(() => server.close({ force: true }));
  const client = new RPCClient({
    endpoint: `ws://127.0.0.1:${http.address().port}`,
    identity: "EXAMPLE",
    protocols: ["ocpp1.6"],
  });
  client.handle("Ask", ({ params }) => ({ answer: params.question + 1 }));
  await client.connect();
  assert.equal(client.protocol, "ocpp1.6");
  assert.deepEqual(await client.call("BootNotification", { vendor: "x" }), { status: "Accepted", vendor: "x" });
  assert.deepEqual(await client.call("CallBack", {}), { answer: 2 });
  await client.close();
});

dependent("ethers", "JSON-RPC of a provider", async (t) => {
  const { server, url } = await serve(t);
  const results = { eth_chainId: "0x1", eth_blockNumber: "0x10" };
  server.on("connection", (socket) => {
    socket.on("message", (data) => {
      const { id, method } = JSON.parse(data);
      socket.send(JSON.stringify({ jsonrpc: "2.0", id, result: results[method] }));
    });
  });
  const provider = new WebSocketProvider(url);
  assert.ok(provider.websocket instanceof WebSocket);
  assert.equal(await provider.getBlockNumber(), 16);
  await provider.destroy();
});

dependent("isows", "its export echoes", async (t) => {
  const { server, url } = await serve(t);
  server.on("connection", (socket) => socket.on("message", (data) => socket.send(String(data))));
  const socket = new IsoWebSocket(url);
  await new Promise((resolve) => socket.addEventListener("open", resolve, { once: true }));
  const message = new Promise((resolve) => socket.addEventListener("message", resolve));
  socket.send("text");
  assert.equal((await message).data, "text");
  socket.close();
});

dependent("jsdom", "a document's WebSocket: text, bytes, a subprotocol and a close", async (t) => {
  const { server, url } = await serve(t, { handleProtocols: () => "chat" });
  server.on("connection", (socket, { headers }) => {
    socket.send(headers.origin);
    socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
  });
  const { window } = new JSDOM("", { url: "http://example.com/" });
  const socket = new window.WebSocket(url, ["chat"]);
  socket.binaryType = "arraybuffer";
  const received = [];
  const end = new Promise((resolve) => socket.addEventListener("close", resolve));
  socket.onopen = () => socket.send(new window.Uint8Array([1, 2]));
  socket.onmessage = ({ data }) => {
    received.push(typeof data === "string" ? data : [...new Uint8Array(data)]);
    if (received.length === 2) socket.close(4000, "done");
  };
  const { code, reason, wasClean } = await end;
  assert.deepEqual(received, ["http://example.com", [1, 2]]);
  assert.deepEqual([socket.protocol, code, reason, wasClean], ["chat", 4000, "done", true]);
  window.close();
});

dependent("engine.io", "a session with bytes", async (t) => {
  const http = createServer();
  const server = engine.attach(http, { perMessageDeflate: { threshold: 0 } });
  assert.ok(server.ws instanceof WebSocketServer);
  server.on("connection", (socket) => socket.on("message", (data) => socket.send(data)));
  const port = await listen(t, http);
  t.after(() => server.close());
  const socket = new EngineSocket(`ws://127.0.0.1:${port}`, { transports: ["websocket"] });
  await once(socket, "open");
  for (const data of ["text", Buffer.from([1, 2, 3])]) {
    const answer = once(socket, "message");
    socket.send(data);
    assert.deepEqual(await answer, [data]);
  }
  socket.close();
});

dependent("engine.io-client", "fields of the request, and an end from the server", async (t) => {
  const http = createServer();
  const server = engine.attach(http);
  server.on("connection", (socket) => {
    socket.send(socket.request.headers["x-name"]);
    socket.on("message", () => socket.close());
  });
  const port = await listen(t, http);
  t.after(() => server.close());
  const options = { transports: ["websocket"], extraHeaders: { "X-Name": "ada" } };
  const socket = new EngineSocket(`ws://127.0.0.1:${port}`, options);
  assert.deepEqual(await once(socket, "message"), ["ada"]);
  const end = once(socket, "close");
  socket.send("end");
  assert.equal((await end)[0], "transport close");
});

dependent("puppeteer-core", "drives Chromium", async (t) => {
  const browser = await puppeteer.launch({ executablePath: CHROMIUM, args: FLAGS.split(" ") });
  t.after(() => browser.close());
  const page = await browser.newPage();
  await page.setContent("<h1>Hello</h1>");
  assert.equal(await page.$eval("h1", ({ textContent }) => textContent), "Hello");
  const screenshot = await page.screenshot();
  assert.deepEqual([...screenshot.subarray(1, 4)].map((byte) => String.fromCharCode(byte)).join(""), "PNG");
});

dependent("chrome-remote-interface", "asks Chromium", async (t) => {
  const browser = await puppeteer.launch({ executablePath: CHROMIUM, args: FLAGS.split(" ") });
  t.after(() => browser.close());
  const client = await remote({ target: browser.wsEndpoint(), local: true });
  const { product } = await client.Browser.getVersion();
  assert.match(product, /Chrome/);
  await client.close();
});
