/** How a server listens on its port. */
import assert from "node:assert/strict";
import { Server } from "node:net";
import { test } from "node:test";

import { type ListenDetails, WebSocket, WebSocketServer } from "websocket-component";

import { nextEvent, once, serve } from "./support.js";

const INVALID: [listen: unknown, message: RegExp][] = [
  [{ reuseport: true }, /There is no option listen.reuseport. Did you mean listen.reusePort\?/],
  [{ backlog: 0 }, /listen.backlog must be a whole number above 0/],
  [{ exclusive: 1 }, /listen.exclusive must be true or false/],
  [{ ipv6Only: "yes" }, /listen.ipv6Only must be true or false/],
  [true, /listen must be an object/],
];

test("options of listening that are not valid are refused, and so are those without a port", () => {
  for (const [listen, message] of INVALID) {
    const options = { port: 0, listen: listen as ListenDetails };
    assert.throws(() => new WebSocketServer(options), { code: "WS_ERR_INVALID_OPTION", message });
  }
  const message = /The option listen goes with port/;
  assert.throws(() => new WebSocketServer({ noServer: true, listen: {} }), { code: "WS_ERR_INVALID_OPTION", message });
});

test("all of them reach the socket that listens", async (t) => {
  const { listen } = Server.prototype;
  let given: unknown;
  Server.prototype.listen = function (this: Server, ...args: unknown[]) {
    [given] = args;
    return listen.apply(this, args as Parameters<typeof listen>);
  } as typeof listen;
  t.after(() => {
    Server.prototype.listen = listen;
  });
  await serve(t, { listen: { backlog: 7, exclusive: true, ipv6Only: false } });
  assert.deepEqual(given, { port: 0, host: "127.0.0.1", backlog: 7, exclusive: true, ipv6Only: false });
});

test("with ipv6Only, a server takes no IPv4 connections", async (t) => {
  const server = new WebSocketServer({ port: 0, host: "::", listen: { ipv6Only: true } });
  const [error] = (await Promise.race([once(server, "listening"), once(server, "error")])) as [Error?];
  if (error !== undefined) return t.skip(`no IPv6 here: ${error.message}`);
  t.after(() => server.close());
  const { port } = server.address() as { port: number };
  const failure = await nextEvent<Event & { error: { code: string } }>(
    new WebSocket(`ws://127.0.0.1:${port}`),
    "error",
  );
  assert.equal(failure.error.code, "WS_ERR_CONNECTION");
  const socket = new WebSocket(`ws://[::1]:${port}`);
  await nextEvent(socket, "open");
  socket.close();
});

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
const hasReusePort = major >= 24 || (major === 23 && minor >= 1) || (major === 22 && minor >= 12);

test("reusePort is refused where Node would ignore it", { skip: hasReusePort && "this Node has it" }, () => {
  const message = /The option listen.reusePort does not exist in Node \d/;
  const options = { port: 0, listen: { reusePort: true } };
  assert.throws(() => new WebSocketServer(options), { code: "WS_ERR_INVALID_OPTION", message });
});
