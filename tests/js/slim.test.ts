/**
 * The entry around the engine without compression: it talks to peers that have it, and works beside the full entry.
 */
import assert from "node:assert/strict";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";

import * as full from "websocket-component";
import * as fullComponent from "websocket-component/component";
import * as slim from "websocket-component/slim";
import * as slimComponent from "websocket-component/slim/component";
import { WebSocket as Ws, WebSocketServer as WsServer } from "ws";

import { hex, nextEvent, once } from "./support.js";

type Entry = Pick<typeof slim, "WebSocket" | "WebSocketServer">;

const LONG = "compressible ".repeat(10_000);

/** Echoes a long text between a server of one entry and a client of another; tells what they agreed on. */
async function extensions(t: TestContext, { WebSocketServer }: Entry, { WebSocket }: Entry): Promise<string> {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  t.after(() => server.close());
  server.on("connection", (socket) => {
    socket.onmessage = (event) => socket.send(event.data);
  });
  await once(server, "listening");
  const socket = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
  await nextEvent(socket, "open");
  const message = nextEvent<MessageEvent>(socket, "message");
  socket.send(LONG);
  assert.equal((await message).data, LONG);
  return socket.extensions;
}

test("both entries echo in one process, and compress if both sides can", async (t) => {
  assert.equal(await extensions(t, slim, slim), "");
  assert.match(await extensions(t, full, full), /^permessage-deflate/);
  assert.equal(await extensions(t, slim, full), "");
  assert.equal(await extensions(t, full, slim), "");
});

test("the entries export the same, and neither shares an engine with the other", () => {
  assert.deepEqual(Object.keys(slim), Object.keys(full));
  assert.deepEqual(Object.keys(slimComponent), Object.keys(fullComponent));
  const handle = slimComponent.Handle.createServer();
  assert.deepEqual([slimComponent.handleCount(), fullComponent.handleCount()], [1, 0]);
  handle.delete();
});

test("a slim server agrees on nothing with a client that offers compression", async (t) => {
  const server = new slim.WebSocketServer({ port: 0, host: "127.0.0.1" });
  t.after(() => server.close());
  server.on("connection", (socket) => {
    socket.onmessage = (event) => socket.send(event.data);
  });
  await once(server, "listening");
  const peer = new Ws(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`, { perMessageDeflate: true });
  await once(peer, "open");
  assert.equal(peer.extensions, "");
  peer.send(LONG);
  assert.equal(String((await once(peer, "message"))[0]), LONG);
  const end = once(peer, "close");
  peer.close();
  await end;
});

test("a slim client offers nothing to a server that would compress", async (t) => {
  const server = new WsServer({ port: 0, host: "127.0.0.1", perMessageDeflate: true });
  t.after(() => server.close());
  server.on("connection", (peer, { headers }) => {
    assert.equal(headers["sec-websocket-extensions"], undefined);
    peer.on("message", (data) => peer.send(String(data)));
  });
  await once(server, "listening");
  const socket = new slim.WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
  await nextEvent(socket, "open");
  const message = nextEvent<MessageEvent>(socket, "message");
  socket.send(LONG);
  assert.equal((await message).data, LONG);
  const end = nextEvent(socket, "close");
  socket.close();
  await end;
});

test("a compressed frame fails a slim connection with 1002", async (t) => {
  const server = new slim.WebSocketServer({ port: 0, host: "127.0.0.1" });
  t.after(() => server.close());
  await once(server, "listening");
  const peer = new Ws(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`, { perMessageDeflate: false });
  const tcp = once(peer, "upgrade");
  await once(peer, "open");
  const [{ socket }] = await tcp;
  socket.write(hex("C1 80 00000000"));
  assert.equal((await once(peer, "close"))[0], 1002);
});

test("asking the slim entry for compression is an error that says why it has none", () => {
  const wanted = { name: "WebSocketError", code: "WS_ERR_INVALID_OPTION", message: /no compression/ };
  for (const perMessageDeflate of [true, {}, { level: 1 }]) {
    assert.throws(() => new slim.WebSocket("ws://127.0.0.1:9", [], { perMessageDeflate }), wanted);
    assert.throws(() => new slim.WebSocketServer({ noServer: true, perMessageDeflate }), wanted);
  }
  new slim.WebSocketServer({ noServer: true, perMessageDeflate: false });
});
