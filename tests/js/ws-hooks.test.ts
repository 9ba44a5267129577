/** Hooks of a server of `websocket-component/ws` that answer with what cannot be sent, fail, or are bound to it. */
import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";

import { engineStatistics } from "websocket-component";
import * as ours from "websocket-component/ws";

import { once, RawPeer, REQUEST, uncaughtErrors } from "./support.js";
import { serve, theirs } from "./ws-both.js";

type Verdict = (verified: boolean, code?: number, message?: string, headers?: { [name: string]: string }) => void;

/** A request that offers two subprotocols. */
const OFFER = REQUEST.replace("Host:", "Sec-WebSocket-Protocol: a, b\r\nHost:");

for (const [what, refuse] of [
  ["a field that is not Latin-1", (verdict) => verdict(false, 401, "no", { "X-User": "\u20ac" })],
  ["a field with another line in it", (verdict) => verdict(false, 401, "no", { "X-User": "a\r\nX-Evil: b" })],
  ["a status of four digits", (verdict) => verdict(false, 1000)],
  ["a text that is not a string", (verdict) => verdict(false, 401, {} as string)],
] as readonly [string, (verdict: Verdict) => void][]) {
  test(`a verdict with ${what} is answered with 500 and reported, at once or later`, async (t) => {
    for (const isLater of [false, true]) {
      const verifyClient = (_info: unknown, verdict: Verdict) => {
        if (isLater) setImmediate(refuse, verdict);
        else refuse(verdict);
      };
      const { server, port } = await serve(t, ours, { verifyClient });
      const error = once(server, "error");
      const answer = String(await (await RawPeer.connect(port)).rest());
      assert.match(answer, /^HTTP\/1\.1 500 /);
      assert.doesNotMatch(answer, /X-/);
      assert.ok((await error)[0] instanceof Error);
    }
  });
}

test("what handleProtocols returns is a string or nothing; else it is answered with 500, and the engine not asked", async (t) => {
  const { traps } = engineStatistics();
  for (const chosen of [Promise.resolve("a"), true, ["a"], 1]) {
    const { server, port } = await serve(t, ours, { handleProtocols: () => chosen as unknown as string });
    const error = once(server, "error");
    assert.match(await (await RawPeer.connect(port, OFFER)).head(), /^HTTP\/1\.1 500 /);
    assert.equal(((await error) as [{ code: string }])[0].code, "WS_ERR_INVALID_OPTION");
  }
  assert.equal(engineStatistics().traps, traps);
  for (const none of [false, undefined, null, ""]) {
    for (const library of [ours, theirs]) {
      const { port } = await serve(t, library, { handleProtocols: () => none as undefined });
      const head = await (await RawPeer.connect(port, OFFER)).head();
      assert.match(head, /^HTTP\/1\.1 101 /);
      assert.doesNotMatch(head, /Sec-WebSocket-Protocol/);
    }
  }
});

test("a listener of `headers` may name an offered subprotocol where none was selected, as with ws", async (t) => {
  for (const library of [ours, theirs]) {
    const { server, port } = await serve(t, library, { handleProtocols: () => false });
    server.on("headers", (lines) => lines.push("Sec-WebSocket-Protocol: b"));
    const head = await (await RawPeer.connect(port, OFFER)).head();
    assert.match(head, /^HTTP\/1\.1 101 /);
    assert.deepEqual(head.match(/^Sec-WebSocket-Protocol: .*$/gm), ["Sec-WebSocket-Protocol: b"]);
  }
});

test("a listener of `headers` adds no subprotocol that was not offered", async (t) => {
  const { server, port } = await serve(t, ours);
  server.on("headers", (lines) => lines.push("Sec-WebSocket-Protocol: chat"));
  const error = once(server, "error");
  assert.match(await (await RawPeer.connect(port)).head(), /^HTTP\/1\.1 500 /);
  assert.equal(((await error) as [{ code: string }])[0].code, "WS_ERR_INVALID_OPTION");
});

test("hooks are methods of the options, as with ws", async (t) => {
  for (const library of [ours, theirs]) {
    const owners: unknown[] = [];
    const { server, port } = await serve(t, library, {
      verifyClient(this: unknown) {
        return owners.push(this) > 0;
      },
      handleProtocols(this: unknown) {
        return owners.push(this) > 0 && "a";
      },
    });
    await (await RawPeer.connect(port, OFFER)).head();
    assert.deepEqual(owners, [server.options, server.options]);
    assert.ok(owners[0] === server.options && owners[1] === server.options);
  }
});

test("the error of a hook that fails without one is an Error, with what was thrown as its cause", async (t) => {
  for (const thrown of [undefined, null, "a text"]) {
    const { server, port } = await serve(t, ours, {
      verifyClient: () => {
        throw thrown;
      },
    });
    const error = once(server, "error") as Promise<[Error]>;
    assert.match(await (await RawPeer.connect(port)).head(), /^HTTP\/1\.1 500 /);
    const [{ message, cause }] = await error;
    assert.deepEqual([typeof message, cause], ["string", thrown]);
  }
});

test("a verifyClient that rejects after its verdict is reported, and does not end the process", async (t) => {
  const uncaught = uncaughtErrors(t);
  const mistake = new Error("mine");
  const { server, port } = await serve(t, ours, {
    verifyClient: async (_info: unknown, verdict: Verdict) => {
      verdict(false);
      throw mistake;
    },
  });
  const error = once(server, "error");
  assert.match(await (await RawPeer.connect(port)).head(), /^HTTP\/1\.1 401 /);
  assert.deepEqual(await error, [mistake]);
  assert.deepEqual(uncaught, []);
});

test("a class whose constructor throws leaves no open connection behind", async (t) => {
  class Own extends ours.WebSocket {
    constructor() {
      super(null);
      throw new Error("not today");
    }
  }
  const http = createServer().listen(0, "127.0.0.1");
  await once(http, "listening");
  t.after(() => http.close());
  const server = new ours.WebSocketServer({ noServer: true, WebSocket: Own as typeof ours.WebSocket });
  http.on("upgrade", (request, socket: Duplex, head) => {
    assert.throws(() => server.handleUpgrade(request, socket, head, () => assert.fail()), /not today/);
  });
  const peer = await RawPeer.connect((http.address() as AddressInfo).port);
  assert.equal(String(await peer.rest()), "");
  await turn();
});
