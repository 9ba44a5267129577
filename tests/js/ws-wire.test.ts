/** What `websocket-component/ws` and `ws` make of the same bytes: frames that break the rules, requests, answers. */
import assert from "node:assert/strict";
import type { IncomingMessage } from "node:http";
import { type TestContext, test } from "node:test";

import * as ours from "websocket-component/ws";

import { acceptOf, hex, masked, once, RawPeer, REQUEST, serveRaw, unmasked } from "./support.js";
import { serve, theirs } from "./ws-both.js";

interface Failure {
  readonly error: readonly [kind: string, code: string | undefined];
  readonly closed: readonly [code: number, reason: string];
}

/** How a socket reports its end. */
function failure(socket: ours.WebSocket): Promise<Failure> {
  return new Promise((resolve) => {
    let error: Failure["error"] = ["none", undefined];
    socket.on("error", (told: Error & { code?: string }) => {
      error = [told instanceof RangeError ? "RangeError" : "Error", told.code];
    });
    socket.on("close", (code, reason) => resolve({ error, closed: [code, String(reason)] }));
  });
}

async function connect(t: TestContext, port: number, request?: string): Promise<RawPeer> {
  const peer = await RawPeer.connect(port, request);
  t.after(() => peer.socket.destroy());
  return peer;
}

const frames: { readonly [what: string]: Buffer } = {
  "an unmasked frame": unmasked(0x81, "a"),
  "a reserved opcode": masked(0x83),
  "a reserved control opcode": masked(0x8b),
  "a continuation of nothing": masked(0x80),
  "a message within another": Buffer.concat([masked(0x01, "a"), masked(0x81, "b")]),
  "a fragmented ping": masked(0x09),
  "a ping of 126 bytes": masked(0x89, "x".repeat(126)),
  "a close with half a status": masked(0x88, "a"),
  "a close with status 1005": masked(0x88, hex("03ed")),
  "a close whose reason is not UTF-8": masked(0x88, hex("03e8 ff")),
  "text that is not UTF-8": masked(0x81, hex("c0 80")),
  "a message over maxPayload": masked(0x82, Buffer.alloc(101)),
  "fragments over maxPayload": Buffer.concat([masked(0x02, Buffer.alloc(60)), masked(0x80, Buffer.alloc(60))]),
  "a good close": masked(0x88, Buffer.concat([hex("0fa0"), Buffer.from("bye")])),
};

for (const [what, frame] of Object.entries(frames)) {
  test(`a server of both fails the same after ${what}`, async (t) => {
    const ends = [];
    for (const library of [ours, theirs]) {
      const { server, port } = await serve(t, library, { maxPayload: 100 });
      const connection = once(server, "connection");
      const peer = await connect(t, port);
      const [socket] = (await connection) as [ours.WebSocket];
      const end = failure(socket);
      await peer.head();
      peer.write(frame);
      await peer.ended;
      peer.socket.end();
      ends.push({ ...(await end), wire: (await peer.rest()).toString("hex") });
    }
    assert.deepEqual(ends[0], ends[1]);
  });
}

test("a server compresses by zlib's default level, as ws does, unless its options name another", async (t) => {
  const lines = Array.from({ length: 300 }, (_, at) => `${(at * at) % 97} of ${at % 7}, ${(at * 7919) % 1009}\n`).join(
    "",
  );
  const terms = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
  const request = REQUEST.replace("Host:", `Sec-WebSocket-Extensions: ${terms}\r\nHost:`);
  const length = async (zlibDeflateOptions?: { level: number }) => {
    const { server, port } = await serve(t, ours, { perMessageDeflate: { zlibDeflateOptions } });
    const connection = once(server, "connection");
    const peer = await connect(t, port, request);
    const [socket] = (await connection) as [ours.WebSocket];
    await peer.head();
    socket.send(lines);
    const [first, short, ...extended] = await peer.bytes(4);
    assert.deepEqual([first, short], [0xc1, 126]);
    socket.terminate();
    return Buffer.from(extended).readUInt16BE();
  };
  const [byDefault, named] = [await length(), await length({ level: -1 })];
  assert.deepEqual([byDefault, named], [await length({ level: 6 }), byDefault]);
  assert.ok(byDefault < (await length({ level: 2 })), "the levels differ");
});

test("reserved bits share one of our error codes", async (t) => {
  for (const first of [0xc1, 0xa1, 0x91]) {
    const { server, port } = await serve(t, ours);
    const connection = once(server, "connection");
    const peer = await connect(t, port);
    const end = failure(((await connection) as [ours.WebSocket])[0]);
    peer.write(masked(first, "a"));
    await peer.ended;
    peer.socket.end();
    assert.deepEqual((await end).error, ["RangeError", "WS_ERR_UNEXPECTED_RSV"]);
  }
});

test("skipUTF8Validation gives text and reasons out as they are", async (t) => {
  for (const library of [ours, theirs]) {
    const { server, port } = await serve(t, library, { skipUTF8Validation: true });
    const connection = once(server, "connection");
    const peer = await connect(t, port);
    const [socket] = (await connection) as [ours.WebSocket];
    const message = once(socket, "message");
    peer.write(masked(0x81, hex("61 ff")));
    assert.deepEqual(await message, [hex("61 ff"), false]);
    peer.socket.destroy();
  }
});

/** A request with one field changed, or taken out. */
function request(name: string, value?: string): string {
  const lines = REQUEST.split("\r\n").filter((line) => !line.startsWith(`${name}:`));
  if (value !== undefined) lines.splice(1, 0, `${name}: ${value}`);
  return lines.join("\r\n");
}

const requests: { readonly [what: string]: readonly [request: string, options?: ours.ServerOptions] } = {
  "no key": [request("Sec-WebSocket-Key")],
  "a key that is too short": [request("Sec-WebSocket-Key", "c2hvcnQ=")],
  "another protocol to upgrade to": [request("Upgrade", "h2c")],
  POST: [REQUEST.replace("GET", "POST")],
  "another path": [REQUEST, { path: "/other" }],
  "a malformed list of subprotocols": [request("Sec-WebSocket-Protocol", "a,,b")],
  "a subprotocol twice": [request("Sec-WebSocket-Protocol", "a, a")],
  "a client that verifyClient refuses": [REQUEST, { verifyClient: () => false }],
  "a client that verifyClient refuses later": [
    REQUEST,
    { verifyClient: (_info, decide) => setImmediate(decide, false, 403, "not you", { "X-Reason": "none" }) },
  ],
};

for (const [what, [head, options]] of Object.entries(requests)) {
  test(`a server of both answers the same to ${what}`, async (t) => {
    const answers = [];
    for (const library of [ours, theirs]) {
      const { port } = await serve(t, library, options);
      const peer = await connect(t, port, head);
      const answer = await peer.head();
      await peer.ended;
      answers.push(answer + (await peer.rest()));
    }
    assert.equal(answers[0], answers[1]);
  });
}

test("version 8 is refused with the version that there is", async (t) => {
  const { port } = await serve(t, ours);
  const peer = await connect(t, port, request("Sec-WebSocket-Version", "8"));
  const answer = await peer.head();
  assert.match(answer, /^HTTP\/1\.1 400 /);
  assert.match(answer, /^Sec-WebSocket-Version: 13\r$/m);
});

test("wsClientError gives the request to its listener", async (t) => {
  for (const library of [ours, theirs]) {
    const { server, port } = await serve(t, library);
    server.on("wsClientError", (error, stream, { url }: IncomingMessage) => {
      stream.end(`HTTP/1.1 418 ${error.message}${url}\r\n\r\n`);
    });
    const peer = await connect(t, port, request("Sec-WebSocket-Key"));
    assert.match(await peer.head(), /^HTTP\/1\.1 418 Missing or invalid Sec-WebSocket-Key header\//);
  }
});

test("a subprotocol that was not offered is answered with 500", async (t) => {
  const { port } = await serve(t, ours, { handleProtocols: () => "other" });
  const peer = await connect(t, port, request("Sec-WebSocket-Protocol", "a"));
  assert.match(await peer.head(), /^HTTP\/1\.1 500 /);
});

/** Fields of an answer 101 in place of its own, and what the client offers. */
const answers: {
  readonly [what: string]: readonly [changed: { readonly [name: string]: string }, protocols?: string[]];
} = {
  "a wrong accept": [{ "Sec-WebSocket-Accept": "c3VyZWx5IG5vdCB0aGUgYWNjZXB0IQ==" }],
  "another protocol that it was upgraded to": [{ Upgrade: "h2c" }],
  "a subprotocol where none was offered": [{ "Sec-WebSocket-Protocol": "b" }],
  "a subprotocol that was not offered": [{ "Sec-WebSocket-Protocol": "b" }, ["a"]],
  "no subprotocol": [{}, ["a"]],
  "an extension that was not offered": [{ "Sec-WebSocket-Extensions": "x-unknown" }],
  "a parameter that there is not": [{ "Sec-WebSocket-Extensions": "permessage-deflate; unknown" }],
};

for (const [what, [changed, protocols]] of Object.entries(answers)) {
  test(`a client of both fails the same after ${what}`, async (t) => {
    const messages = [];
    for (const { WebSocket } of [ours, theirs]) {
      const url = await serveRaw(t, async (peer) => {
        const accept = acceptOf(await peer.head());
        const fields = { Upgrade: "websocket", Connection: "Upgrade", "Sec-WebSocket-Accept": accept, ...changed };
        const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}`);
        peer.write(Buffer.from(["HTTP/1.1 101 Switching Protocols", ...lines, "", ""].join("\r\n")));
      });
      const [error] = (await once(new WebSocket(url, protocols), "error")) as [Error];
      messages.push(error.message);
    }
    assert.equal(messages[0], messages[1]);
  });
}
