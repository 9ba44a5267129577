/** The inspector's page for servers of this process: what it hears about their connections. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createServer } from "node:http";
import { connect as connectHttp2, createServer as createHttp2 } from "node:http2";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";

import { WebSocket, type WebSocketOptions, WebSocketServer } from "websocket-component";
import { Inspector } from "websocket-component/inspect";
import { inspectServer, type LivePage } from "websocket-component/inspect/server";
import { WebSocket as Peer, WebSocketServer as PeerServer } from "ws";

import { closed, nextEvent, once, serveEcho } from "./support.js";

// biome-ignore lint/suspicious/noExplicitAny: JSON of several shapes
type Told = any;

/**
 * Watches a connection of a live page until it is closed, and gives what was said of it and the records of its bytes.
 */
async function watched(t: TestContext, url: string, id = 1): Promise<{ summary: Told; records: string[] }> {
  const page = new Peer(`${url.replace("http", "ws")}live`);
  t.after(() => page.terminate());
  const fed: Told[] = [];
  let summary: Told;
  let isAsked = false;
  for await (const [data] of eventsOf(page)) {
    const told: Told = JSON.parse(String(data));
    if (told.type === "connections") summary = told.changed.find((one: Told) => one.id === id) ?? summary;
    if (told.type === "pieces") fed.push(...told.pieces);
    if (summary?.closed === undefined) continue;
    if (!isAsked) page.send(JSON.stringify({ type: "watch", watch: 1, id }));
    isAsked = true;
    const size = fed.reduce((sum, { base64 }) => sum + Buffer.from(base64, "base64").length, 0);
    if (size === summary.bytes.toServer + summary.bytes.toClient) break;
  }
  const inspector = new Inspector({ http2: summary.http2 });
  for (const { direction, base64 } of fed) inspector.push(direction, Buffer.from(base64, "base64"));
  inspector.finish();
  if (summary.state !== "refused") assert.equal(inspector.faultCount, 0);
  const records = Array.from(inspector.records(), (record) => {
    const [line] = Buffer.from(inspector.payload(record)).toString().split("\r\n");
    return `${record.direction} ${record.type === "frame" ? record.opcodeName : record.type} ${line}`;
  });
  return { summary, records };
}

async function* eventsOf(page: Peer): AsyncGenerator<[Buffer]> {
  const waiting: [Buffer][] = [];
  let wake = () => {};
  page.on("message", (data) => {
    waiting.push([data as Buffer]);
    wake();
  });
  for (;;) {
    const next = waiting.shift();
    if (next !== undefined) yield next;
    else await new Promise<void>((resolve) => (wake = resolve));
  }
}

const CONVERSATION = [
  "toServer request GET /chat HTTP/1.1",
  "toClient response HTTP/1.1 101 Switching Protocols",
  "toServer text Hello",
  "toClient text Hello",
];

async function talk(url: string, options: WebSocketOptions = {}): Promise<void> {
  const socket = new WebSocket(url, options);
  await nextEvent(socket, "open");
  const answer = nextEvent(socket, "message");
  socket.send("Hello");
  await answer;
  socket.close(1000);
  await closed(socket);
}

test("one line shows the connections of our own server, beside the tap that it has", async (t) => {
  let tapped = 0;
  const { server, url } = await serveEcho(t, { tap: () => () => (tapped += 1) });
  const page = await inspectServer(server, { port: 0 });
  t.after(() => page.close());
  await talk(`${url}/chat`);
  const { summary, records } = await watched(t, page.url);
  assert.equal(summary.url, `${url}/chat`);
  assert.equal(summary.state, "closed");
  assert.deepEqual(records.slice(0, 4), CONVERSATION);
  assert.ok(tapped > 0);
});

test("the connections of any library on an HTTP server are shown, and its refusals", async (t) => {
  const http = createServer();
  http.on("upgrade", (request, socket) => {
    if (request.url === "/no") socket.end("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
  });
  const peers = new PeerServer({ noServer: true });
  http.on("upgrade", (request, socket, head) => {
    if (request.url !== "/no")
      peers.handleUpgrade(request, socket, head, (peer) => peer.on("message", (data) => peer.send(String(data))));
  });
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  t.after(() => http.close());
  const page = await inspectServer(http, { port: 0 });
  t.after(() => page.close());
  const url = `ws://127.0.0.1:${(http.address() as AddressInfo).port}`;
  await talk(`${url}/chat`);
  assert.deepEqual((await watched(t, page.url)).records.slice(0, 4), CONVERSATION);
  const refused = new Peer(`${url}/no`);
  await once(refused, "error");
  const { summary, records } = await watched(t, page.url, 2);
  assert.equal(summary.state, "refused");
  assert.deepEqual(records, ["toServer request GET /no HTTP/1.1", "toClient response HTTP/1.1 403 Forbidden"]);
});

for (const isOverHttp2 of [false, true]) {
  const over = isOverHttp2 ? "HTTP/2" : "HTTP/1.1";
  test(`a connection that a callback took over ${over} is shown as closed once it is, and one that left before its verdict`, async (t) => {
    let decides = (): boolean | Promise<boolean> => true;
    const server = new WebSocketServer({ noServer: true, verify: () => decides() });
    const http = isOverHttp2 ? createHttp2({ settings: { enableConnectProtocol: true } }) : createServer();
    const echo = (socket: WebSocket) => {
      socket.onmessage = ({ data }) => socket.send(data);
    };
    http.on("upgrade", (request, socket, head) => server.handleUpgrade(request, socket, head, echo));
    http.on("stream", (stream, headers) => server.handleStream(stream, headers, echo));
    http.on("connect", () => {});
    await once(http.listen(0, "127.0.0.1"), "listening");
    const page = await inspectServer(server, { port: 0 });
    const { port } = http.address() as AddressInfo;
    const session = isOverHttp2 ? connectHttp2(`http://127.0.0.1:${port}`) : undefined;
    t.after(() => {
      session?.destroy();
      http.close();
      return page.close();
    });
    const url = `ws://127.0.0.1:${port}/chat`;
    const options = session === undefined ? {} : { session };
    await talk(url, options);
    const { summary, records } = await watched(t, page.url);
    assert.equal(summary.state, "closed");
    assert.deepEqual(records.slice(2, 4), CONVERSATION.slice(2));
    const asked = new Promise<void>((resolve) => {
      decides = () => {
        resolve();
        return new Promise(() => {});
      };
    });
    const leaves = new WebSocket(url, options);
    await asked;
    leaves.terminate();
    assert.equal((await watched(t, page.url, 2)).summary.state, "closed");
  });
}

test("a closed page looks at nothing more, and the server goes on", async (t) => {
  const { server, url } = await serveEcho(t);
  const page = await inspectServer(server, { port: 0 });
  await page.close();
  assert.equal(server.tap, undefined);
  await talk(url);
});

const servers = {
  "a WebSocketServer": (t: TestContext) => serveEcho(t),
  "an http.Server of another library": async (t: TestContext) => {
    const server = createServer();
    const peers = new PeerServer({ server });
    peers.on("connection", (socket) =>
      socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary })),
    );
    await once(server.listen(0, "127.0.0.1"), "listening");
    t.after(() => server.close());
    return { server, url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}` };
  },
};
for (const [kind, serve] of Object.entries(servers)) {
  test(`of two pages for ${kind}, one goes on when the other is closed, whichever was first`, async (t) => {
    const { server, url } = await serve(t);
    const hooks = () => ["tap", "emit"].map((name) => Object.getOwnPropertyDescriptor(server, name));
    const before = hooks();
    for (const isFirst of [true, false]) {
      const pages = [await inspectServer(server, { port: 0 }), await inspectServer(server, { port: 0 })];
      const [gone, left] = (isFirst ? pages : pages.reverse()) as [LivePage, LivePage];
      await talk(`${url}/chat`);
      for (const page of pages) {
        const { summary, records } = await watched(t, page.url);
        assert.deepEqual([summary.state, records.slice(0, 4)], ["closed", CONVERSATION]);
      }
      await gone.close();
      await talk(`${url}/chat`);
      assert.deepEqual((await watched(t, left.url, 2)).records.slice(0, 4), CONVERSATION);
      await left.close();
      assert.deepEqual(hooks(), before, "nothing is left of either");
    }
  });
}

test("a server whose page has no port to listen on is not looked at", async (t) => {
  const { server } = await serveEcho(t);
  const taken = createServer();
  t.after(() => taken.close());
  await Promise.race([once(taken.listen(65_535, "127.0.0.1"), "listening"), once(taken, "error")]); // by us, or by others
  await assert.rejects(inspectServer(server, { port: 65_535 }), { code: "EADDRINUSE" });
  assert.equal(server.tap, undefined);
});

test("wrong options are refused", async () => {
  const server = new WebSocketServer({ noServer: true });
  await assert.rejects(inspectServer(server, { port: 70_000 }), { code: "WS_ERR_INVALID_OPTION" });
  await assert.rejects(inspectServer(server, { memory: 0 }), { code: "WS_ERR_INVALID_OPTION" });
});

test("the CommonJS form has it too", () => {
  const required = createRequire(import.meta.url)("websocket-component/inspect/server");
  assert.equal(typeof required.inspectServer, "function");
});

test("a program that knows nothing of it is shown by --import, its servers and its clients, and ends by itself", async (t) => {
  const app = `
    import { createServer } from "node:http";
import { connect as connectHttp2, createServer as createHttp2 } from "node:http2";
    import { WebSocket, WebSocketServer } from "${import.meta.resolve("ws").replace(/index\.js$|wrapper\.mjs$/, "wrapper.mjs")}";
    const http = createServer();
    const server = new WebSocketServer({ server: http });
    server.on("connection", (socket) => socket.on("message", (data) => socket.send(String(data))));
    process.stdin.once("data", () => {
      http.listen(0, "127.0.0.1", () => {
        const socket = new WebSocket("ws://127.0.0.1:" + http.address().port + "/chat");
        socket.on("open", () => socket.send("Hello"));
        socket.on("message", () => socket.close());
        socket.on("close", () => console.log("done"));
      });
    });
    process.stdin.once("end", () => http.close());`;
  const register = import.meta.resolve("websocket-component/inspect/register");
  const child = spawn(process.execPath, ["--import", register, "--input-type=module", "-e", app], {
    env: { ...process.env, WEBSOCKET_INSPECT_PORT: "0" },
  });
  t.after(() => child.kill("SIGKILL"));
  let [said, out] = ["", ""];
  child.stderr.on("data", (data) => (said += data));
  child.stdout.on("data", (data) => (out += data));
  while (!said.includes("\n")) await once(child.stderr, "data");
  const url = /http:\S+/.exec(said)?.[0];
  assert.ok(url, said);
  child.stdin.write("begin\n");
  while (!out.includes("done"))
    await Promise.race([once(child.stdout, "data"), once(child, "exit").then(() => assert.fail(said))]);
  const all = await Promise.all([watched(t, url, 1), watched(t, url, 2)]);
  for (const { records } of all) assert.deepEqual(records.slice(0, 4), CONVERSATION);
  assert.ok(all.some(({ summary }) => summary.client === "this process"));
  child.stdin.end();
  assert.deepEqual(await once(child, "exit"), [0, null]);
});
