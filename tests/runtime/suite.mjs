// What must hold in every runtime: ours against ours, and against bytes. A test is a column of the table, what must
// hold, and a function of a `Scope`.
import assert from "node:assert/strict";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { createServer } from "node:http";
import { connect as connectHttp2, createServer as createHttp2Server, createSecureServer } from "node:http2";
import { createServer as createHttpsServer } from "node:https";
import { connect } from "node:net";
import { join } from "node:path";
import process from "node:process";
import { deflateRawSync } from "node:zlib";

import { authority, certificate, key } from "./certificate.mjs";
import { answerTo, event, frame, masked, messages, pattern, REQUEST, Scope, same, within } from "./support.mjs";

const TIME = 60_000;
const TLS = { tls: { key, cert: certificate } };
const TRUSTED = { tls: { ca: authority } };
/** How a server has its connections: from sockets of its own, or from a server that it is behind. */
const KINDS = ["TCP", "TLS", "node:http", "node:https"];

const tests = [
  ["client", "text, bytes and nothing come back as they were", roundTrip],
  ["client", "to transfer a message takes nothing from those that came with it", transferring],
  ["client", "its fields and subprotocols reach the server", requestFields],
  ["client", "a close's code and reason reach the other side, both ways", closes],
  ["client", "no listener at the port: an error, and 1006", refused],
  ["client", "a server that says nothing: WS_ERR_HANDSHAKE_TIMEOUT", silentServer],
  ["client", "a signal gives the attempt up, and the server sees it go", aborted],
  ["client", "an answer other than 101 is an error with its status", unexpected],
  ["client", "frames in the answer's packet are delivered, pings between fragments answered", answeredAtOnce],
  ["client", "a reset is an error, and 1006", clientReset],
  ["client", "a name that does not exist is an error whose cause has a code", unknownName],
  ["client", "a stream that the application makes", ownStream],
  ["client", "over HTTP/2, sockets share a session, its own or a given one, and see a reset", http2Client],
  ["client", "with http2, a server that does not take WebSockets over it is reached over HTTP/1.1", http2Refused],
  ["client", "over HTTP/2, one of websocket-component/ws opens on a given session, and sees refusals", http2Ws],
  ["server", "frames in the request's packet are delivered", requestedAtOnce],
  ["server", "over HTTP/2, streams are sockets, refused or closed as others", http2Server],
  ["server", "a request comes byte by byte", byteByByte],
  ["server", "the request says whose it is, and what it asks for", requestShape],
  ["server", "426 without an upgrade, 400 for malformed HTTP, 404 for another path, 403 by verify", refusals],
  ["server", "what verify returns as data is its socket's", dataOfVerify],
  ["server", "a head of more than 16 KiB is answered with 431", longHead],
  ["server", "1,000 fields are not too many", manyFields],
  ["server", "HEAD is answered without a body, an upgrade too", headRequest],
  ["server", "empty lines before a request are ignored, whole or byte by byte", emptyLines],
  ["server", "bytes that cannot become a request are answered with 400, and not awaited to their line's end", garbage],
  ["server", "a client that closes its side within the head is answered with 400", halfClose],
  ["server", "408 to a request that does not end", slowRequest],
  ["server", "a peer that resets is closed with 1006, others go on", serverReset],
  ["server", "a write that finds a reset rejects, and the connection is closed with 1006", writeAfterReset],
  ["server", "200 connections at once", manyConnections],
  ["server", "closing it closes its clients with 1001, and drops unfinished handshakes", closing],
  ["server", "closing it by code and reason counts who answered; unfinished requests get 503 meanwhile", draining],
  ["server", "topics: subscribers get what is published, a slow one is closed or skipped, and counted", topics],
  ["server", "options of listening work, or are refused where the runtime has them not", listenOptions],
  ["server", "a port that is taken is an error", takenPort],
  ["server", "a name that does not exist is an error with a code", unknownServerName],
  ["server", "its connections can be iterated", iteration],
  ["server", "its address is where it listens, not the name that it was given", addressOfName],
  ["server", "a message listener that throws is uncaught, and the connection goes on", throwingListener],
  ["server", "a connection listener that throws or rejects is told, and its socket closed with 1011", failingListener],
  ["server", "a client that resets, or leaves without a close frame, rejects no loop and no write", leavingClients],
  ["server", "a hook that fails is answered with 500, without an error listener too", failingHook],
  [
    "server",
    "a verify that never decides is answered with 503, and its signal aborts when the client leaves",
    noVerdict,
  ],
  ["server", "a path that no server takes is answered with 404 on a shared server of node:http", unownedUpgrade],
  ["strangers", "while bombs inflate, others get their turns", turnsOfOthers],
  [
    "strangers",
    "a flood of small frames makes its own connection wait, and a flood of pings ends it with 1008",
    floods,
  ],
  ["strangers", "what all connections hold is bounded together: the one that holds most is closed with 1013", budget],
  ["strangers", "clients that leave behind unclaimed heartbeats are seen, by a close, a FIN or a reset", leavers],
  ["strangers", "quotas: 503 beyond maxConnections, 429 beyond those of an address and of a second", quotas],
  ["strangers", "a trusted proxy's clients have their own quotas, and no other header is believed", proxies],
  ["strangers", "refusals are counted, and told on the channel with request, status and reason", refusalsTold],
  ["strangers", "interim responses without end are an error", interimResponses],
  ["server", "behind a server of node:http", behindHttp],
  ["server", "by handleUpgrade, on a server of node:http", byHandleUpgrade],
  ["unix socket", "there and back, and a second server at the same path", unixSocket],
  ["unix socket", "an abstract one", abstractSocket],
  ["TLS", "16 MiB there and back, by a name and by an address", secure],
  ["TLS", "an authority that is not known is refused", unknownAuthority],
  ["TLS", "a certificate of another name is refused", otherName],
  ["TLS", "a refusal arrives whole", secureRefusal],
  ["TLS", "closing works from either side", secureClosing],
  ["TLS", "a server that never begins it sees the client go", silentTls],
  ["TLS", "a client that never begins it is dropped", silentTlsClient],
  ["TLS", "Node's options work: a version, and certificates of both sides, which the request has", nodeOptions],
  ["TLS", "options that are not valid are a WS_ERR_INVALID_OPTION", invalidTls],
  ["TLS", "at a unix socket", secureUnixSocket],
  ["TLS", "at a unix socket, a server that closes drops all who never begin it, and no others", silentUnixClients],
  ["deflate", "agreed on, and used", compressed],
  ["deflate", "not agreed on if one side does not want it", uncompressed],
  ["deflate", "others have their messages answered while a long one is compressed", sliced],
  ["stream", "a WebSocketStream at each end, text and bytes, and a clean close", streams],
  ["stream", "a loop over messages, awaited writes, a message in chunks and in pieces", loops],
  ["keep-alive", "a peer that answers is kept and its round trip known; a silent one is given up", keepAlive],
  ["backpressure", "16 MiB there and back", large],
  ...KINDS.map((kind) => [
    "backpressure",
    `a peer that does not read: what waits is seen, and drains in order, by ${kind}`,
    (t) => slowReader(t, kind),
  ]),
  [
    "backpressure",
    "what a socket took in part is left alone by what others send, by TCP",
    (t) => partlyTaken(t, {}, {}),
  ],
  [
    "backpressure",
    "what a socket took in part is left alone by what others send, by TLS",
    (t) => partlyTaken(t, TLS, TRUSTED),
  ],
  ["backpressure", "memory that is used again mixes no bytes, by TCP", (t) => memoryUsedAgain(t, {}, {})],
  ["backpressure", "memory that is used again mixes no bytes, by TLS", (t) => memoryUsedAgain(t, TLS, TRUSTED)],
  ["backpressure", "one that is paused gets everything later, the end too", pausedReader],
  ...KINDS.map((kind) => [
    "backpressure",
    `one that is paused when the peer leaves gets everything later, by ${kind}`,
    (t) => pausedEnd(t, kind),
  ]),
];

/**
 * Runs all, or those of a column, and prints a line of JSON for each; a test that cannot run in the runtime says why by
 * `Scope.skip`.
 */
export async function runSuite(ours, folder, column) {
  for (const [its, name, run] of tests.filter(([its]) => column === undefined || its === column)) {
    const scope = new Scope(ours);
    const error = await runOne(run, scope, folder);
    console.log(JSON.stringify({ column: its, name, error, skipped: scope.skipped }));
  }
}

async function runOne(run, scope, folder) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not done after ${TIME} ms`)), TIME);
  });
  try {
    await Promise.race([run(scope, folder), late]);
    await Promise.race([scope.close(), late]);
  } catch (error) {
    return `${error?.stack ?? error}`;
  } finally {
    clearTimeout(timer);
  }
}

async function roundTrip(t) {
  const { url } = await t.serveEcho();
  const socket = await t.open(url);
  const all = messages(socket, 4);
  for (const data of ["Grüße ✓", new Uint8Array([1, 2, 3]), "", new Uint8Array(0)]) socket.send(data);
  const [text, bytes, empty, none] = await all;
  assert.equal(text, "Grüße ✓");
  same(bytes, new Uint8Array([1, 2, 3]));
  assert.equal(empty, "");
  assert.equal(none.byteLength, 0);
}

async function transferring(t) {
  const { url } = await t.serveEcho();
  const socket = await t.open(url);
  socket.binaryType = "nodebuffer";
  const payloads = Array.from({ length: 2000 }, (_, at) => pattern(100 + (at % 7)));
  const received = [];
  const all = messages(socket, payloads.length);
  socket.addEventListener("message", ({ data }) => {
    received.push(new Uint8Array(data)); // a copy, before it may be gone
    try {
      structuredClone(data, { transfer: [data.buffer] });
    } catch {} // refused: the runtimes have errors of their own for it
  });
  for (const payload of payloads) socket.send(payload);
  await all;
  for (const [at, payload] of payloads.entries()) same(received[at], payload);
}

async function requestFields(t) {
  let request;
  const { url } = await t.serve({}, (_socket, its) => {
    request = its;
  });
  const socket = await t.open(`${url}/a?b`, { protocols: ["chat", "other"], headers: { "X-Test": "ä" } });
  assert.equal(socket.protocol, "chat");
  assert.equal(request.headers["x-test"], "ä");
  assert.equal(request.url, "/a?b");
}

async function closes(t) {
  let accepted;
  const { url } = await t.serve({}, (socket) => {
    accepted = socket;
  });
  const first = await t.open(url);
  const seen = event(accepted, "close");
  first.close(4001, "tschüß");
  const [{ code, reason, wasClean }, ours] = await Promise.all([seen, event(first, "close")]);
  assert.deepEqual([code, reason, wasClean, ours.code, ours.wasClean], [4001, "tschüß", true, 4001, true]);
  const second = await t.open(url);
  accepted.close(1000, "enough");
  const its = await event(second, "close");
  assert.deepEqual([its.code, its.reason, its.wasClean], [1000, "enough", true]);
}

async function refused(t) {
  const { server, url } = await t.serve();
  await server.close();
  const socket = t.client(url);
  const [failure, end] = await Promise.all([event(socket, "error"), event(socket, "close")]);
  assert.equal(failure.error.code, "WS_ERR_CONNECTION");
  assert.equal(end.code, 1006);
}

async function silentServer(t) {
  let ended;
  const port = await t.tcp((peer) => {
    ended = peer.rest();
  });
  const socket = t.client(`ws://127.0.0.1:${port}`, { handshakeTimeout: 200 });
  const { error } = await event(socket, "error");
  assert.equal(error.code, "WS_ERR_HANDSHAKE_TIMEOUT");
  await ended;
}

async function aborted(t) {
  const attempt = new AbortController();
  let ended;
  const port = await t.tcp((peer) => {
    ended = peer.head().then(() => {
      attempt.abort();
      return peer.rest();
    });
  });
  const socket = t.client(`ws://127.0.0.1:${port}`, { signal: attempt.signal });
  const { error } = await event(socket, "error");
  assert.equal(error.code, "WS_ERR_ABORTED");
  await ended;
}

async function unexpected(t) {
  const port = await t.tcp(async (peer) => {
    await peer.head();
    peer.socket.end("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n");
  });
  const { error } = await event(t.client(`ws://127.0.0.1:${port}`), "error");
  assert.deepEqual([error.code, error.status], ["WS_ERR_UNEXPECTED_RESPONSE", 503]);
}

async function answeredAtOnce(t) {
  let pong;
  const port = await t.tcp(async (peer) => {
    const head = answerTo(await peer.head());
    const frames = [frame(0x01, "frag"), frame(0x89, "?"), frame(0x80, "ments"), frame(0x81, "whole")];
    peer.socket.write(Buffer.concat([Buffer.from(head), ...frames]));
    pong = peer.bytes(7);
    pong.then(() => peer.socket.write(frame(0x88, "\x03\xe8")));
  });
  const socket = t.client(`ws://127.0.0.1:${port}`);
  assert.deepEqual(await messages(socket, 2), ["fragments", "whole"]);
  const [first, length] = await pong;
  assert.deepEqual([first, length], [0x8a, 0x81]);
}

async function clientReset(t) {
  const port = await t.tcp(async (peer) => {
    peer.socket.write(answerTo(await peer.head()));
    await peer.bytes(7);
    peer.reset();
  });
  const socket = await t.open(`ws://127.0.0.1:${port}`);
  const end = event(socket, "close");
  socket.send("a");
  assert.equal((await end).code, 1006);
}

async function ownStream(t) {
  const { url, port } = await t.serveEcho();
  const socket = await t.open(url, { createConnection: () => connect(port, "127.0.0.1") });
  const answer = messages(socket, 1);
  socket.send("through");
  assert.deepEqual(await answer, ["through"]);
}

async function requestedAtOnce(t) {
  const { port } = await t.serveEcho();
  const frames = [masked(0x01, "Hel"), masked(0x80, "lo"), masked(0x88, "\x03\xe8")];
  const peer = await t.raw(port, Buffer.concat([Buffer.from(REQUEST), ...frames]));
  assert.match(await peer.head(), /^HTTP\/1\.1 101 /);
  assert.equal((await peer.bytes(7)).toString("latin1"), "\x81\x05Hello");
  assert.equal((await peer.rest()).slice(0, 2), "\x88\x02");
}

async function byteByByte(t) {
  const { port } = await t.serveEcho();
  const peer = await t.raw(port);
  peer.socket.setNoDelay(true);
  for (const byte of REQUEST) await new Promise((resolve) => peer.socket.write(byte, resolve));
  assert.match(await peer.head(), /^HTTP\/1\.1 101 /);
}

async function requestShape(t) {
  let request;
  const { port } = await t.serve({}, (_socket, its) => {
    request = its;
  });
  const peer = await t.raw(port, REQUEST.replace("Host", "Cookie: a=1\r\nCookie: b=2\r\nX-A: 1\r\nX-A: 2\r\nHost"));
  await peer.head();
  const { method, url, httpVersion, headers, rawHeaders, socket } = request;
  assert.deepEqual([method, url, httpVersion], ["GET", "/path?query", "1.1"]);
  assert.deepEqual([headers.host, headers.cookie, headers["x-a"]], ["localhost", "a=1; b=2", "1, 2"]);
  assert.deepEqual(rawHeaders.slice(0, 4), ["Cookie", "a=1", "Cookie", "b=2"]);
  assert.equal(socket.remoteAddress, "127.0.0.1");
  assert.equal(socket.remotePort, peer.socket.localPort);
  assert.ok(!socket.encrypted);
}

async function refusals(t) {
  const { port } = await t.serve({ path: "/path", verify: ({ headers }) => headers.origin === undefined });
  const cases = [
    ["GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 426],
    ["NONSENSE\r\n\r\n", 400],
    [REQUEST.replace("/path", "/other"), 404],
    [REQUEST.replace("Host", "Origin: http://a\r\nHost"), 403],
    [REQUEST.replace("HTTP/1.1", "HTTP/1.0"), 400],
    [REQUEST.replace("Host", "Content-Length: 0x0\r\nHost"), 400],
    [REQUEST.replace("Version: 13", "Version: 12"), 426],
  ];
  for (const [request, status] of cases) {
    const peer = await t.raw(port, request);
    assert.match(await peer.rest(), new RegExp(`^HTTP/1\\.1 ${status} `), request);
    peer.socket.end();
  }
  const peer = await t.raw(port, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  const options = (await peer.rest()).match(/(?<=^Connection: ).*(?=\r$)/gim).join(", ");
  assert.equal(options, "Upgrade, close", "RFC 9110 §7.8, and no further request");
  peer.socket.end();
}

async function dataOfVerify(t) {
  const known = [];
  const verify = async ({ url }) => (url === "/" ? { status: 401 } : { data: { name: url } });
  const { port } = await t.serve({ verify }, ({ data }) => known.push(data));
  assert.match(await (await t.raw(port, REQUEST)).head(), /^HTTP\/1\.1 101 /);
  const refused = await t.raw(port, REQUEST.replace("/path?query", "/"));
  assert.match(await refused.head(), /^HTTP\/1\.1 401 /);
  assert.deepEqual(known, [{ name: "/path?query" }]);
}

async function longHead(t) {
  const { port } = await t.serve();
  const peer = await t.raw(port, REQUEST.replace("Host", `X: ${"x".repeat(20_000)}\r\nHost`));
  assert.match(await peer.rest(), /^HTTP\/1\.1 431 /);
}

async function manyFields(t) {
  const { port } = await t.serve();
  const peer = await t.raw(port, REQUEST.replace("Host", `${"X: y\r\n".repeat(1000)}Host`));
  assert.match(await peer.head(), /^HTTP\/1\.1 101 /);
}

async function headRequest(t) {
  const { port } = await t.serve({ path: "/path" });
  const cases = [
    ["HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 426],
    [REQUEST.replace("GET", "HEAD"), 400],
    [REQUEST.replace("GET /path", "HEAD /other"), 404],
  ];
  for (const [request, status] of cases) {
    const answer = await (await t.raw(port, request)).rest();
    assert.match(answer, new RegExp(`^HTTP/1\\.1 ${status} [^]*\\r\\n\\r\\n$`));
    assert.equal(answer.indexOf("\r\n\r\n"), answer.length - 4, answer);
  }
}

async function emptyLines(t) {
  const { port } = await t.serve();
  const whole = await t.raw(port, `\r\n\r\n${REQUEST}`);
  assert.match(await whole.head(), /^HTTP\/1\.1 101 /);
  const peer = await t.raw(port);
  peer.socket.setNoDelay(true);
  for (const byte of `\r\n${REQUEST}`) {
    peer.socket.write(byte);
    await new Promise((turn) => setTimeout(turn));
  }
  assert.match(await peer.head(), /^HTTP\/1\.1 101 /);
}

async function garbage(t) {
  const { port } = await t.serve({ handshakeTimeout: 3_600_000 });
  for (const bytes of [Buffer.from("16030100010000", "hex"), "\0", "@".repeat(100), "{}", "GE\tT"]) {
    assert.match(await (await t.raw(port, bytes)).rest(), /^HTTP\/1\.1 400 /, String(bytes));
  }
}

async function halfClose(t) {
  const { port } = await t.serve({ handshakeTimeout: 3_600_000 });
  for (const length of [3, 20, REQUEST.length - 2]) {
    const peer = await t.raw(port, REQUEST.slice(0, length));
    peer.socket.end();
    assert.match(await peer.rest(), /^HTTP\/1\.1 400 /);
  }
  const silent = await t.raw(port);
  silent.socket.end();
  assert.equal(await silent.rest(), "");
}

async function slowRequest(t) {
  const { port } = await t.serve({ handshakeTimeout: 200 });
  const peer = await t.raw(port, REQUEST.slice(0, -2));
  assert.match(await peer.rest(), /^HTTP\/1\.1 408 /);
}

async function serverReset(t) {
  const ends = [];
  const { url, port } = await t.serve({}, (socket) => {
    socket.onmessage = ({ data }) => socket.send(data);
    socket.onclose = ({ code }) => ends.push(code);
    socket.onerror = () => {};
  });
  const other = await t.open(url);
  const peer = await t.raw(port, REQUEST);
  await peer.head();
  peer.socket.write(masked(0x01, "half"));
  peer.reset();
  for (let count = 0; ends.length === 0; count++) {
    const answer = messages(other, 1);
    other.send(`${count}`);
    assert.deepEqual(await answer, [`${count}`]);
  }
  assert.deepEqual(ends, [1006]);
}

async function manyConnections(t) {
  const { server, url } = await t.serveEcho();
  const sockets = await Promise.all(Array.from({ length: 200 }, () => t.open(url)));
  assert.equal(server.clients.size, 200);
  const answers = sockets.map((socket) => messages(socket, 10));
  for (let round = 0; round < 10; round++) {
    for (const [index, socket] of sockets.entries()) socket.send(`${index}:${round}`);
  }
  for (const [index, answer] of answers.entries()) {
    assert.deepEqual(
      await answer,
      Array.from({ length: 10 }, (_, round) => `${index}:${round}`),
    );
  }
  const ends = sockets.map((socket) => event(socket, "close"));
  for (const socket of sockets) socket.close();
  await Promise.all(ends);
}

async function closing(t) {
  const { server, url, port } = await t.serve();
  const sockets = await Promise.all([t.open(url), t.open(url)]);
  const unfinished = await t.raw(port, REQUEST.slice(0, 20));
  const another = await t.raw(port, REQUEST); // once it is answered, the one before was accepted too
  await another.head();
  another.socket.end(masked(0x88, "\x03\xe8"));
  const ends = sockets.map((socket) => event(socket, "close"));
  const closed = server.close();
  assert.deepEqual(
    (await Promise.all(ends)).map(({ code }) => code),
    [1001, 1001],
  );
  assert.equal(await unfinished.rest(), "");
  await closed;
  assert.equal(server.address(), null);
  const { error } = await event(t.client(url), "error");
  assert.equal(error.code, "WS_ERR_CONNECTION");
}

async function draining(t) {
  const { server, url, port } = await t.serve({ closeTimeout: 86_400_000 });
  const silent = await t.raw(port, REQUEST);
  await silent.head();
  const unfinished = await t.raw(port, REQUEST.slice(0, 20));
  const end = event(await t.open(url), "close"); // the server has accepted those before it
  const done = server.close({ code: 1012, reason: "restarts", spread: 20, timeout: 60_000 });
  const { code, reason } = await end;
  assert.deepEqual([code, reason], [1012, "restarts"]);
  unfinished.socket.write(REQUEST.slice(20));
  assert.match(await unfinished.head(), /^HTTP\/1\.1 503 /);
  for (const peer of [unfinished, silent]) peer.socket.destroy();
  assert.deepEqual(await done, { closed: 1, terminated: 1 });
  await assert.rejects(server.close.call(await t.serve().then(({ server }) => server), { code: 1006 }), {
    code: "WS_ERR_INVALID_OPTION",
  });
}

async function topics(t) {
  for (const slowSubscriber of ["close", "skip"]) {
    const { server, url, port } = await t.serve({
      slowSubscriber,
      maxTopicBacklog: 512 * 1024,
      perMessageDeflate: false,
    });
    server.on("connection", (socket, { url }) => socket.subscribe(url.slice(1)));
    const client = await t.open(`${url}/news`);
    const other = await t.open(`${url}/sport`);
    const answers = messages(client, 1);
    const others = messages(other, 1);
    assert.equal(server.publish("news", "one"), 1);
    assert.equal(server.publish("sport", Uint8Array.of(1, 2, 3)), 1);
    assert.equal((await answers)[0], "one");
    same((await others)[0], Uint8Array.of(1, 2, 3));
    const stalled = await t.raw(port, REQUEST.replace(/^GET \S+/, "GET /news"));
    await stalled.head();
    stalled.socket.pause();
    assert.equal(server.subscribers("news"), 2);
    const chunk = pattern(1 << 20);
    do {
      const answer = messages(client, 1);
      server.publish("news", chunk);
      same((await answer)[0], chunk);
    } while (server.statistics.topics.closed + server.statistics.topics.skipped === 0);
    const { closed, skipped } = server.statistics.topics;
    assert.deepEqual(
      { closed, skipped },
      slowSubscriber === "close" ? { closed: 1, skipped: 0 } : { closed: 0, skipped: 1 },
    );
    stalled.socket.destroy();
    const ended = event(client, "close");
    client.close();
    await ended;
  }
}

async function listenOptions(t) {
  const runtime = "Deno" in globalThis ? "Deno" : "Bun" in globalThis ? "Bun" : "Node";
  const works = { Node: { backlog: 5, ipv6Only: false }, Deno: { backlog: 5 }, Bun: { reusePort: true } }[runtime];
  const { port, url } = await t.serve({ listen: works });
  (await t.open(url)).close();
  if (runtime === "Bun") {
    const second = new t.ours.WebSocketServer({ port, host: "127.0.0.1", listen: works });
    await new Promise((resolve) => second.once("listening", resolve));
    await second.close();
  }
  const lacks = { Node: {}, Deno: { ipv6Only: true }, Bun: { exclusive: true } }[runtime];
  for (const [name, value] of Object.entries(lacks)) {
    const message = new RegExp(`The option listen.${name} does not exist in ${runtime}`);
    const make = () => new t.ours.WebSocketServer({ port: 0, listen: { [name]: value } });
    assert.throws(make, { code: "WS_ERR_INVALID_OPTION", message });
  }
}

async function takenPort(t) {
  const { port } = await t.serve();
  const server = new t.ours.WebSocketServer({ port, host: "127.0.0.1" });
  const error = await new Promise((resolve) => server.once("error", resolve));
  assert.equal(error.code, "EADDRINUSE");
  await server.close();
}

async function iteration(t) {
  const { server, url } = await t.serve();
  const seen = [];
  const all = (async () => {
    for await (const [socket, request] of server) {
      seen.push(request.url);
      socket.close(1000);
    }
  })();
  for (const path of ["/1", "/2"]) await event(t.client(url + path), "close");
  await server.close();
  await all;
  assert.deepEqual(seen, ["/1", "/2"]);
}

async function streams(t) {
  const { WebSocketStream } = t.ours;
  const { url } = await t.serve({}, async (socket) => {
    const { readable, writable } = await new WebSocketStream(socket).opened;
    const writer = writable.getWriter();
    for await (const data of readable) await writer.write(data);
  });
  const stream = new WebSocketStream(url);
  const { readable, writable } = await stream.opened;
  const [reader, writer] = [readable.getReader(), writable.getWriter()];
  for (const data of ["Grüße", pattern(100_000)]) {
    void writer.write(data);
    const { value } = await reader.read();
    if (typeof data === "string") assert.equal(value, data);
    else same(value, data);
  }
  stream.close({ closeCode: 4000, reason: "done" });
  assert.equal((await stream.closed).closeCode, 4000);
}

async function loops(t) {
  const pieces = [];
  const { url } = await t.serve({ streamMessages: true }, async (socket) => {
    for await (const message of socket) {
      let length = 0;
      for await (const piece of message) length += piece.length;
      pieces.push([message.isText, length]);
      await socket.write(`${length}`);
    }
  });
  const socket = await t.open(url);
  const answers = messages(socket, 2);
  await socket.sendStream(["one, ", "two, ", "three"]);
  await socket.write(pattern(1 << 20));
  assert.deepEqual(await answers, ["15", `${1 << 20}`]);
  assert.deepEqual(pieces, [
    [true, 15],
    [false, 1 << 20],
  ]);
  socket.close();
  await event(socket, "close");
}

async function keepAlive(t) {
  const { server, url } = await t.serve({ pingInterval: 20, pongTimeout: 5000 });
  const sockets = server[Symbol.asyncIterator]();
  await t.open(url);
  const [answering] = (await sockets.next()).value;
  const { roundTripTime } = await event(answering, "pong");
  assert.ok(roundTripTime >= 0);
  assert.equal(answering.statistics.roundTripTime, roundTripTime);
  const quick = await t.serve({ pingInterval: 20, pongTimeout: 20 });
  const others = quick.server[Symbol.asyncIterator]();
  const peer = connect(quick.port, "127.0.0.1");
  t.after(() => peer.destroy());
  peer.on("error", () => {});
  peer.write(REQUEST);
  peer.resume();
  const [silent] = (await others.next()).value;
  const { error } = await event(silent, "error");
  assert.equal(error.code, "WS_ERR_PING_TIMEOUT");
}

async function behindHttp(t) {
  const http = createServer((_request, response) => response.end("page"));
  await t.serveEcho({ server: http });
  await echoBehind(t, http);
}

async function byHandleUpgrade(t) {
  const http = createServer();
  const { server } = await t.serveEcho({ noServer: true });
  http.on("upgrade", (request, socket, head) => server.handleUpgrade(request, socket, head));
  await echoBehind(t, http);
}

async function echoBehind(t, http) {
  await new Promise((resolve) => http.listen(0, "127.0.0.1", resolve));
  t.after(() => http.close());
  const { port } = http.address();
  const socket = await t.open(`ws://127.0.0.1:${port}`);
  const bytes = pattern(1 << 20);
  const answer = messages(socket, 1);
  socket.send(bytes);
  same((await answer)[0], bytes);
  const ended = event(socket, "close");
  socket.close(1000);
  assert.equal((await ended).wasClean, true);
  const peer = await t.raw(port, Buffer.concat([Buffer.from(REQUEST), masked(0x81, "early")]));
  assert.match(await peer.head(), / 101 /);
  assert.equal((await peer.bytes(7)).toString("latin1"), "\x81\x05early");
}

async function unixSocket(t, folder) {
  const socketPath = join(folder, "socket");
  const { server: before } = await t.serve({ socketPath });
  await before.close();
  const { server } = await t.serveEcho({ socketPath });
  assert.equal(server.address(), socketPath);
  const socket = await t.open("ws://localhost", { socketPath });
  const answer = messages(socket, 1);
  socket.send("local");
  assert.deepEqual(await answer, ["local"]);
}

async function secure(t) {
  let request;
  const { url, port } = await t.serve({ ...TLS, perMessageDeflate: false }, (socket, its) => {
    request = its;
    socket.onmessage = ({ data }) => socket.send(data);
  });
  const bytes = pattern(16 << 20);
  for (const address of [url, `wss://localhost:${port}`]) {
    const socket = await t.open(address, TRUSTED);
    const answer = messages(socket, 1);
    socket.send(bytes);
    same((await answer)[0], bytes);
  }
  assert.equal(request.socket.encrypted, true);
}

async function unknownAuthority(t) {
  const { url } = await t.serve(TLS);
  const { error } = await event(t.client(url), "error");
  assert.equal(error.code, "WS_ERR_CONNECTION");
  assert.match(error.message, /certificate|issuer/i);
}

async function otherName(t) {
  const { url } = await t.serve(TLS);
  const { error } = await event(t.client(url, { tls: { ca: authority, servername: "example.com" } }), "error");
  assert.equal(error.code, "WS_ERR_CONNECTION");
  assert.match(error.message, /certificate/i);
}

async function secureRefusal(t) {
  const body = "no ".repeat(10_000);
  const { url } = await t.serve({ ...TLS, verify: () => ({ status: 403, body }) });
  const { error } = await event(t.client(url, TRUSTED), "error");
  assert.equal(error.status, 403);
}

async function secureClosing(t) {
  let accepted;
  const { url } = await t.serve(TLS, (socket) => {
    accepted = socket;
  });
  for (const side of ["client", "server"]) {
    const socket = await t.open(url, TRUSTED);
    const [near, far] = side === "client" ? [socket, accepted] : [accepted, socket];
    const ends = Promise.all([event(near, "close"), event(far, "close")]);
    near.close(1000, side);
    const [own, other] = await ends;
    assert.deepEqual([own.wasClean, other.wasClean, other.reason], [true, true, side]);
  }
  const socket = await t.open(url, TRUSTED);
  accepted.onerror = () => {};
  const end = event(accepted, "close");
  socket.terminate();
  assert.equal((await end).code, 1006);
}

async function silentTls(t) {
  let ended;
  const port = await t.tcp((peer) => {
    ended = peer.bytes(1).then(() => peer.rest());
  });
  const { error } = await event(t.client(`wss://localhost:${port}`, { handshakeTimeout: 100 }), "error");
  assert.equal(error.code, "WS_ERR_HANDSHAKE_TIMEOUT");
  await ended;
}

async function silentTlsClient(t) {
  const { port } = await t.serve({ ...TLS, handshakeTimeout: 100 });
  const peer = await t.raw(port);
  assert.equal(await peer.rest(), "");
}

async function nodeOptions(t) {
  const mutual = { ca: authority, cert: certificate, key };
  let request;
  const { url } = await t.serve({ tls: { ...mutual, requestCert: true, minVersion: "TLSv1.3" } }, (_socket, its) => {
    request = its;
  });
  await t.open(url, { tls: { ...mutual, minVersion: "TLSv1.3" } });
  assert.equal(request.socket.getPeerCertificate().subject.CN, "localhost");
  assert.equal(request.socket.alpnProtocol, "http/1.1");
  const { error } = await event(t.client(url, TRUSTED), "error");
  assert.equal(error.code, "WS_ERR_CONNECTION");
  assert.match(error.message, /requires a client certificate/i);
}

async function invalidTls(t) {
  const { url } = await t.serve(TLS);
  for (const tls of [
    { cert: "nonsense", key },
    { cert: certificate, key: "nonsense" },
    { ciphers: "NONE" },
    { cert: 5 },
  ]) {
    const { error } = await event(t.client(url, { tls }), "error");
    assert.equal(error.code, "WS_ERR_INVALID_OPTION", JSON.stringify(tls));
    const make = () => new t.ours.WebSocketServer({ port: 0, tls: { ...TLS.tls, ...tls } });
    assert.throws(make, { code: "WS_ERR_INVALID_OPTION" });
  }
}

async function secureUnixSocket(t, folder) {
  const socketPath = join(folder, "socket");
  await t.serveEcho({ socketPath, ...TLS });
  const socket = await t.open("wss://localhost", { socketPath, ...TRUSTED });
  const answer = messages(socket, 1);
  socket.send("local");
  assert.deepEqual(await answer, ["local"]);
}

async function silentUnixClients(t, folder) {
  const socketPath = join(folder, "socket");
  const { server } = await t.serve({ socketPath, ...TLS, handshakeTimeout: 600_000 });
  const silent = Array.from({ length: 3 }, () => connect({ path: socketPath }));
  const ends = silent.map((socket) => {
    t.after(() => socket.destroy());
    return new Promise((resolve) =>
      socket
        .on("error", () => {})
        .on("close", resolve)
        .resume(),
    );
  });
  const open = await t.open("wss://localhost", { socketPath, ...TRUSTED }); // behind them in the line
  const end = event(open, "close");
  await server.close();
  assert.equal((await end).code, 1001);
  await within("the end of silent clients", Promise.all(ends));
}

async function abstractSocket(t) {
  if (process.platform !== "linux") return t.skip("only Linux has abstract sockets");
  if (!(await isAllowedAll())) return t.skip("Deno's permissions cannot name an abstract socket");
  const socketPath = `\0websocket-component-${process.pid}`;
  await t.serveEcho({ socketPath });
  const socket = await t.open("ws://localhost", { socketPath });
  const answer = messages(socket, 1);
  socket.send("local");
  assert.deepEqual(await answer, ["local"]);
}

async function isAllowedAll() {
  const { Deno } = globalThis;
  return Deno === undefined || (await Deno.permissions.query({ name: "net" })).state === "granted";
}

async function addressOfName(t) {
  const { server, port } = await t.serve({ host: "localhost" });
  const { address, family } = server.address();
  assert.ok(["127.0.0.1", "::1"].includes(address), address);
  assert.equal(family, address === "::1" ? "IPv6" : "IPv4");
  await t.open(`ws://${address === "::1" ? "[::1]" : address}:${port}`);
}

async function unknownServerName(t) {
  const server = new t.ours.WebSocketServer({ port: 0, host: "no.such.name.invalid" });
  const error = await new Promise((resolve) => server.on("error", resolve));
  assert.match(error.code, /^(ENOTFOUND|EAI_AGAIN)$/);
}

async function unknownName(t) {
  const { error } = await event(t.client("ws://no.such.name.invalid"), "error");
  assert.equal(error.code, "WS_ERR_CONNECTION");
  assert.match(error.cause.code, /^(ENOTFOUND|EAI_AGAIN)$/);
}

async function throwingListener(t) {
  const uncaught = [];
  const onUncaught = (error) => uncaught.push(error.message);
  process.on("uncaughtException", onUncaught);
  t.after(() => process.off("uncaughtException", onUncaught));
  const { url } = await t.serve({}, (socket) => {
    socket.addEventListener("message", () => {
      throw new Error("by the listener");
    });
    socket.onmessage = ({ data }) => socket.send(data);
  });
  const socket = await t.open(url);
  const answer = messages(socket, 1);
  socket.send("still here");
  assert.deepEqual(await answer, ["still here"]);
  assert.deepEqual(uncaught, ["by the listener"]);
}

async function failingListener(t) {
  const mistake = new Error("by the listener");
  const listeners = [
    () => {
      throw mistake;
    },
    () => Promise.reject(mistake),
  ];
  for (const listener of listeners) {
    const { server, url } = await t.serve({}, listener);
    const told = new Promise((resolve) => server.once("error", resolve));
    const socket = await t.open(url);
    assert.equal((await event(socket, "close")).code, 1011);
    assert.equal(await told, mistake);
  }
}

async function writeAfterReset(t) {
  const sockets = [];
  const { port } = await t.serve({}, (socket) => sockets.push(socket));
  const peer = await t.raw(port, REQUEST);
  await peer.head();
  const [accepted] = sockets;
  accepted.onerror = () => {};
  const end = event(accepted, "close");
  accepted.pause();
  peer.reset(); // of which no one has told the runtime yet
  await assert.rejects(accepted.write("too late"), { code: "WS_ERR_NOT_SENT" });
  assert.equal((await end).code, 1006);
}

async function leavingClients(t) {
  const unhandled = [];
  const onUnhandled = (error) => unhandled.push(error);
  process.on("unhandledRejection", onUnhandled);
  t.after(() => process.off("unhandledRejection", onUnhandled));
  const ends = [];
  const { server, port } = await t.serve({}, async (socket) => {
    ends.push(event(socket, "close"));
    void socket.write("this is not awaited").then(() => socket.write("nor this"));
    for await (const data of socket) await socket.write(data);
  });
  server.on("error", (error) => unhandled.push(error));
  for (const leave of ["resetAndDestroy", "end"]) {
    const peer = await t.raw(port, REQUEST);
    await peer.head();
    peer.socket.write(masked(0x81, "hello"));
    await peer.bytes(1);
    peer.socket[leave]();
  }
  while (ends.length < 2) await new Promise((turn) => setTimeout(turn));
  for (const end of ends) assert.equal((await end).code, 1006);
  await new Promise((turn) => setTimeout(turn));
  assert.deepEqual(unhandled, []);
}

const COMPRESSING = REQUEST.replace("Host", "Sec-WebSocket-Extensions: permessage-deflate\r\nHost");

/** A compressed message of zeros, of which the last frame is missing. */
function bomb(size) {
  const payload = deflateRawSync(Buffer.alloc(size), { finishFlush: 2 }).subarray(0, -4);
  const head = Buffer.from([0x42, 0xfe, payload.length >> 8, payload.length & 0xff, 0, 0, 0, 0]);
  return Buffer.concat([head, payload]);
}

async function turnsOfOthers(t) {
  const { port, url } = await t.serveEcho({ maxMessageSize: 64 << 20 });
  const honest = await t.open(url);
  const peer = await t.raw(port, COMPRESSING);
  await peer.head();
  let isOver = false;
  let echoes = 0;
  let turns = 0;
  const counting = setInterval(() => {
    turns += 1;
  });
  const talk = (async () => {
    while (!isOver) {
      const answer = messages(honest, 1);
      honest.send("here?");
      await answer;
      echoes += 1;
    }
  })();
  peer.socket.write(Buffer.concat([bomb(48 << 20), masked(0x89, "done")]));
  await peer.bytes(6);
  isOver = true;
  await talk;
  clearInterval(counting);
  // 48 MiB are two dozen turns of the loop; with both ends in it, a round trip takes up to a dozen
  assert.ok(turns >= 10 && echoes >= 1, `${turns} turns, ${echoes} round trips`);
}

async function floods(t) {
  const { port } = await t.serveEcho();
  const peer = await t.raw(port, REQUEST);
  await peer.head();
  const count = 20_000;
  peer.socket.write(Buffer.concat(Array(count).fill(masked(0x81, "x"))));
  assert.equal(Buffer.compare(await peer.bytes(3 * count), Buffer.from("\x81\x01x".repeat(count), "latin1")), 0);
  peer.socket.write(Buffer.concat(Array(50_000).fill(masked(0x89))));
  assert.ok((await peer.rest()).endsWith("\x88\x02\x03\xf0"));
}

async function budget(t) {
  const most = 8 << 20;
  const { server, port, url } = await t.serveEcho({ maxTotalBufferedBytes: most });
  const honest = await t.open(url);
  const peers = [];
  for (let size = 2; size <= 7; size++) {
    const peer = await t.raw(port, COMPRESSING);
    await peer.head();
    peer.socket.write(bomb(size << 20));
    peers.push(peer);
  }
  // of 2 + 3 + 4 + 5 + 6 + 7 MiB the largest go
  for (const peer of peers.slice(3, 5)) assert.equal((await peer.bytes(4)).toString("latin1"), "\x88\x02\x03\xf5");
  assert.ok(server.statistics.bufferedBytes <= most);
  const answer = messages(honest, 1);
  honest.send("still served");
  assert.deepEqual(await answer, ["still served"]);
}

async function leavers(t) {
  const { server, port } = await t.serve({ claimTimeout: 50 });
  const heartbeats = Buffer.concat(Array(2000).fill(masked(0x81, "beat")));
  const ways = [
    ["a close frame", 1000, (peer) => peer.socket.write(masked(0x88, Buffer.from([0x03, 0xe8])))],
    ["a FIN", 1006, (peer) => peer.socket.end()],
    ["a reset", 1006, (peer) => peer.reset()],
  ];
  for (const [name, code, leave] of ways) {
    const end = new Promise((resolve) => {
      server.once("connection", (socket) => socket.addEventListener("close", resolve, { once: true }));
    });
    const peer = await t.raw(port, REQUEST);
    await peer.head();
    await new Promise((resolve) => peer.socket.write(heartbeats, resolve));
    leave(peer);
    assert.equal((await end).code, code, name);
    assert.equal(server.clients.size, 0, name);
    peer.socket.destroy();
  }
}

/** The status that a request is answered with. */
async function statusOf(t, port, request = REQUEST) {
  const peer = await t.raw(port, request);
  return Number(/^HTTP\/1\.1 (\d+)/.exec(await peer.head())[1]);
}

async function quotas(t) {
  const all = await t.serve({ maxConnections: 2 });
  const first = await t.open(all.url);
  assert.equal(await statusOf(t, all.port), 101);
  assert.equal(await statusOf(t, all.port), 503);
  const end = event(first, "close");
  first.close();
  await end;
  while (all.server.clients.size > 1) await new Promise((turn) => setTimeout(turn));
  assert.equal(await statusOf(t, all.port), 101);
  const ofAddress = await t.serve({ maxConnectionsPerAddress: 1 });
  assert.deepEqual([await statusOf(t, ofAddress.port), await statusOf(t, ofAddress.port)], [101, 429]);
  const ofSecond = await t.serve({ maxHandshakesPerSecond: 2 });
  // a second may end among them, so there are more than two seconds' worth
  const statuses = [];
  for (let count = 0; count < 6; count++) statuses.push(statusOf(t, ofSecond.port));
  assert.ok((await Promise.all(statuses)).includes(429));
}

async function proxies(t) {
  const from = (address) => REQUEST.replace("Host", `X-Forwarded-For: ${address}\r\nHost`);
  const requests = ["192.0.2.1", "192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2"].map(from);
  const trusting = await t.serve({ maxConnectionsPerAddress: 1, trustedProxies: ["127.0.0.1"] });
  const believing = [];
  for (const request of requests) believing.push(await statusOf(t, trusting.port, request));
  assert.deepEqual(believing, [101, 429, 101, 101, 429]);
  const alone = await t.serve({ maxConnectionsPerAddress: 1 });
  const doubting = [];
  for (const request of requests) doubting.push(await statusOf(t, alone.port, request));
  assert.deepEqual(doubting, [101, 429, 429, 429, 429]);
}

async function refusalsTold(t) {
  const told = [];
  const listen = (message) => told.push(message);
  subscribe("websocket-component:refused", listen);
  t.after(() => unsubscribe("websocket-component:refused", listen));
  const { server, port } = await t.serve({ path: "/path", origins: ["https://example.com"] });
  const cases = [
    ["path", 404, REQUEST.replace("/path", "/other")],
    ["request", 426, REQUEST.replace("Version: 13", "Version: 12")],
    ["origin", 403, REQUEST.replace("Host", "Origin: https://example.org\r\nHost")],
  ];
  for (const [, status, request] of cases) assert.equal(await statusOf(t, port, request), status);
  const its = told.filter((message) => message.server === server);
  assert.deepEqual(
    its.map(({ reason, status, address }) => [reason, status, address]),
    cases.map(([reason, status]) => [reason, status, "127.0.0.1"]),
  );
  assert.equal(its[0].request.url, "/other?query");
  assert.deepEqual(server.statistics.refused, { path: 1, request: 1, origin: 1 });
}

async function interimResponses(t) {
  const port = await t.tcp(async (peer) => {
    await peer.head();
    peer.socket.write("HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n".repeat(10_000));
  });
  const { error } = await event(t.client(`ws://127.0.0.1:${port}`), "error");
  assert.deepEqual([error.code, error.status], ["WS_ERR_UNEXPECTED_RESPONSE", 103]);
}

async function failingHook(t) {
  const { port } = await t.serve({ verify: async ({ url }) => decodeURIComponent(url) });
  for (let round = 0; round < 2; round++) {
    assert.match(await (await t.raw(port, REQUEST.replace("/path", "/%ff"))).rest(), / 500 /);
  }
}

async function noVerdict(t) {
  const signals = [];
  const verify = (_, { signal }) => {
    signals.push(signal);
    return new Promise(() => {});
  };
  const { server, port } = await t.serve({ verify, handshakeTimeout: 200 });
  assert.match(await (await t.raw(port, REQUEST)).rest(), / 503 /);
  const patient = await t.serve({ verify });
  const peer = await t.raw(patient.port, REQUEST);
  while (signals.length < 2) await new Promise((turn) => setTimeout(turn));
  const aborted = new Promise((resolve) => signals[1].addEventListener("abort", resolve));
  assert.equal(patient.server.pendingHandshakes, 1);
  peer.socket.end();
  await aborted;
  assert.deepEqual([signals[0].aborted, server.pendingHandshakes, patient.server.pendingHandshakes], [true, 0, 0]);
}

async function unownedUpgrade(t) {
  const http = createServer();
  await new Promise((resolve) => http.listen(0, "127.0.0.1", resolve));
  t.after(() => http.close());
  const { port } = http.address();
  for (const path of ["/a", "/b"]) await t.serve({ server: http, path });
  assert.match(await (await t.raw(port, REQUEST)).rest(), / 404 /);
  const arrival = new Promise((resolve) => http.on("upgrade", (_request, socket) => resolve(socket))); // takes nothing
  const peer = await t.raw(port, REQUEST);
  const socket = await arrival;
  const end = new Promise((resolve) => socket.once("close", resolve));
  peer.reset();
  await end;
}

async function compressed(t) {
  const { url } = await t.serveEcho();
  const socket = await t.open(url);
  assert.match(socket.extensions, /^permessage-deflate/);
  const text = "again and ".repeat(100_000);
  const answer = messages(socket, 2);
  socket.send(text);
  socket.send("short");
  assert.deepEqual(await answer, [text, "short"]);
}

async function uncompressed(t) {
  const { url } = await t.serveEcho({ perMessageDeflate: false });
  const socket = await t.open(url);
  assert.equal(socket.extensions, "");
}

async function sliced(t) {
  const { url } = await t.serve({}, (socket) => {
    socket.onmessage = ({ data }) => socket.send(data === "long" ? long : data);
  });
  const long = pattern(8 << 20);
  const [one, other] = [await t.open(url), await t.open(url)];
  let isWhole = false;
  const answer = messages(one, 1).then(([bytes]) => {
    isWhole = true;
    same(bytes, long);
  });
  one.send("long");
  let echoes = 0;
  for (; !isWhole; echoes++) {
    const echo = messages(other, 1);
    other.send("here?");
    await echo;
  }
  await answer;
  assert.ok(echoes >= 8, `${echoes} round trips`);
}

async function large(t) {
  const { url } = await t.serveEcho({ perMessageDeflate: false });
  const socket = await t.open(url);
  const bytes = pattern(16 << 20);
  const answer = messages(socket, 1);
  socket.send(bytes);
  same((await answer)[0], bytes);
}

async function slowReader(t, kind) {
  let accepted;
  const { url } = await serveBy(t, kind, (socket) => {
    accepted = socket;
    socket.binaryType = "arraybuffer";
    socket.onmessage = ({ data }) => data === "?" && socket.send("!");
  });
  const client = await t.open(url, { ...TRUSTED, perMessageDeflate: false });
  const server = accepted;
  const other = await t.open(url, { ...TRUSTED, perMessageDeflate: false });
  await readSlowly(client, server, other);
  await readSlowly(server, client, other);
  const end = event(server, "close");
  client.close(1000);
  assert.equal((await end).wasClean, true);
}

async function readSlowly(sender, reader, other) {
  const COUNT = 64;
  const bytes = pattern(256 * 1024);
  const received = [];
  reader.onmessage = ({ data }) => received.push(data);
  reader.pause();
  for (let count = 0; count < COUNT; count++) {
    bytes[0] = count;
    sender.send(bytes);
  }
  let waiting;
  const drained = event(sender, "drain").then(() => {
    waiting = sender.bufferedAmount;
  });
  // more than any system buffers: it cannot leave while the peer does not read, however many turns that lasts
  for (let turns = 0; turns < 300; turns++) {
    other.send("?");
    await event(other, "message");
    assert.ok(sender.bufferedAmount > 0, "something waits");
  }
  reader.resume();
  await drained;
  assert.equal(waiting, 0);
  while (received.length < COUNT) await event(reader, "message");
  for (const [count, data] of received.entries()) {
    bytes[0] = count;
    same(data, bytes);
  }
}

/** Our server, without compression. */
async function serveBy(t, kind, onConnection) {
  const isSecure = isSecureBy(kind);
  const options = { perMessageDeflate: false };
  if (!kind.startsWith("node:")) return t.serve({ ...options, ...(isSecure && TLS) }, onConnection);
  const server = isSecure ? createHttpsServer(TLS.tls) : createServer();
  await t.serve({ ...options, server }, onConnection);
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  const { port } = server.address();
  return { port, url: `${isSecure ? "wss" : "ws"}://127.0.0.1:${port}` };
}

function isSecureBy(kind) {
  return kind === "TLS" || kind === "node:https";
}

/** Each message has a byte of its own, of which all of it consists: below 128 on the slow connection. */
async function partlyTaken(t, ofServer, ofClient) {
  const size = 100_000;
  const accepted = [];
  const { url } = await t.serve({ ...ofServer, perMessageDeflate: false }, (socket) => {
    socket.binaryType = "arraybuffer";
    accepted.push(socket);
  });
  const connect = async () => {
    const client = await t.open(url, { ...ofClient, perMessageDeflate: false });
    return [accepted.at(-1), client];
  };
  for (const at of [0, 1]) {
    const slow = at === 0 ? await connect() : (await connect()).reverse();
    const quick = at === 0 ? await connect() : (await connect()).reverse();
    const received = [slow, quick].map(([, reader]) => {
      const all = [];
      reader.onmessage = ({ data }) => all.push(new Uint8Array(data));
      return all;
    });
    const sent = [0, 0];
    const send = async (to) => {
      const byte = (sent[to]++ % 128) + to * 128;
      [slow, quick][to][0].send(new Uint8Array(size).fill(byte));
      await new Promise((resolve) => setImmediate(resolve));
    };
    slow[1].pause();
    while (slow[0].bufferedAmount === 0) await send(0);
    for (const to of [1, 1, 0, 1, 0, 0, 1]) await send(to);
    slow[1].resume();
    for (const [to, all] of received.entries()) {
      while (all.length < sent[to]) await event([slow, quick][to][1], "message");
      for (const [index, data] of all.entries()) {
        same(data, new Uint8Array(size).fill((index % 128) + to * 128));
      }
    }
  }
}

/** Of six connections, servers' and clients' ends send; one after the other is not read, and two are given up so. */
async function memoryUsedAgain(t, ofServer, ofClient) {
  const accepted = [];
  const { url } = await t.serve({ ...ofServer, perMessageDeflate: false }, (socket) => {
    socket.binaryType = "arraybuffer";
    accepted.push(socket);
  });
  let count = 0;
  let pairs = [];
  for (let at = 0; at < 6; at++) {
    const client = await t.open(url, { ...ofClient, perMessageDeflate: false });
    const [sender, reader] = at % 2 === 0 ? [accepted[at], client] : [client, accepted[at]];
    const received = [];
    reader.onmessage = ({ data }) => received.push(new Uint8Array(data));
    pairs.push({ sender, reader, received, sent: [] });
  }
  const send = ({ sender, sent }) => {
    count += 1;
    const bytes = new Uint8Array(20_000 + ((count * 7919) % 110_000)).fill(count);
    sent.push(bytes);
    sender.send(bytes.slice());
  };
  for (let round = 0; round < 16; round++) {
    const slow = pairs[round % pairs.length];
    slow.reader.pause();
    for (let at = 0; at < 3 || slow.sender.bufferedAmount === 0; at++) {
      for (const pair of round % 4 === 0 ? [slow] : pairs) send(pair);
      await new Promise((resolve) => setImmediate(resolve));
    }
    if (round === 4 || round === 9) {
      slow[round === 4 ? "sender" : "reader"].terminate();
      pairs = pairs.filter((pair) => pair !== slow);
    }
    slow.reader.resume();
  }
  for (const { reader, received, sent } of pairs) {
    while (received.length < sent.length) await event(reader, "message");
    for (const [index, bytes] of sent.entries()) same(received[index], bytes);
  }
}

async function pausedReader(t) {
  let accepted;
  const received = [];
  const { url } = await t.serve({}, (socket) => {
    accepted ??= socket;
    socket.onmessage = ({ data }) => received.push(data);
  });
  const socket = await t.open(url);
  const first = event(accepted, "message");
  socket.send("first");
  await first;
  accepted.pause();
  socket.send("second");
  socket.close(1000, "done");
  const end = event(accepted, "close");
  // what may come in spite of the pause has come by the answer to another connection
  const other = await t.open(url);
  other.close();
  await event(other, "close");
  assert.deepEqual(received, ["first"]);
  accepted.resume();
  assert.equal((await end).reason, "done");
  assert.deepEqual(received, ["first", "second"]);
}

async function pausedEnd(t, kind) {
  const sockets = [];
  const received = [];
  const { port, url } = await serveBy(t, kind, (socket) => {
    sockets.push(socket);
    socket.onmessage = ({ data }) => received.push(data);
  });
  const peer = await t.raw(port, REQUEST, isSecureBy(kind));
  await peer.head();
  const [accepted] = sockets;
  peer.socket.write(masked(0x81, "first"));
  await event(accepted, "message");
  accepted.pause();
  const last = Array.from({ length: 2000 }, (_, at) => `${at}`.padEnd(100)); // more than the runtime reads ahead
  peer.socket.end(Buffer.concat(last.map((text) => masked(0x81, text))));
  // what may come in spite of the pause has come by then
  for (let count = 0; count < 10; count++) {
    const other = await t.open(url, TRUSTED);
    other.close();
    await event(other, "close");
  }
  assert.deepEqual(received, ["first"]);
  const end = event(accepted, "close");
  accepted.resume();
  assert.equal((await end).code, 1006);
  assert.deepEqual(received, ["first", ...last]);
}

const HTTP2 = { enableConnectProtocol: true };

/** Our server behind one of node:http2. */
async function serveHttp2(scope, http, options = {}, onConnection = () => {}) {
  const { server } = await scope.serve({ ...options, server: http }, onConnection);
  const sessions = new Set();
  http.on("session", (session) => {
    session.on("error", () => {});
    sessions.add(session);
  });
  await new Promise((resolve) => http.listen(0, "127.0.0.1", resolve));
  scope.after(() => {
    http.close();
    for (const session of sessions) session.destroy();
  });
  return { server, sessions, port: http.address().port };
}

async function http2Client(scope) {
  const { WebSocket } = scope.ours;
  const seen = [];
  const onConnection = (socket, request) => {
    seen.push(request.httpVersion);
    socket.onmessage = ({ data }) => (data === "end" ? socket.terminate() : socket.send(data));
  };
  const http = createSecureServer({ key, cert: certificate, settings: HTTP2 });
  const { port, sessions } = await serveHttp2(scope, http, {}, onConnection);
  const url = `wss://localhost:${port}/`;
  const session = connectHttp2(`https://localhost:${port}`, { ca: authority });
  session.on("error", () => {});
  scope.after(() => session.destroy());
  for (const options of [{ session }, { session }, { ...TRUSTED, http2: true }, { ...TRUSTED, http2: true }]) {
    const socket = new WebSocket(url, options);
    scope.after(() => socket.terminate());
    await event(socket, "open");
    socket.send("Hello");
    assert.equal((await event(socket, "message")).data, "Hello");
    if (seen.length % 2 === 1) continue;
    socket.onerror = () => {};
    socket.send("end");
    assert.equal((await event(socket, "close")).code, 1006);
  }
  assert.deepEqual(seen, ["2.0", "2.0", "2.0", "2.0"]);
  assert.equal(sessions.size, 2);
}

async function http2Refused(scope) {
  const { WebSocket } = scope.ours;
  const http = createSecureServer({ key, cert: certificate, allowHTTP1: true });
  const { port } = await serveHttp2(scope, http, {}, (socket, request) => socket.send(request.httpVersion));
  const socket = new WebSocket(`wss://localhost:${port}/`, { ...TRUSTED, http2: true });
  scope.after(() => socket.terminate());
  assert.equal((await event(socket, "message")).data, "1.1");
}

async function http2Ws(scope) {
  const { WebSocket } = await import("websocket-component/ws");
  const verify = ({ url }) => url !== "/no" || { status: 403, headers: { "X-Why": "no seat" }, body: "Full" };
  const http = createHttp2Server({ settings: HTTP2 });
  const { port } = await serveHttp2(scope, http, { verify }, (socket) => {
    socket.onmessage = ({ data }) => socket.send(data);
  });
  const session = connectHttp2(`http://127.0.0.1:${port}`);
  session.on("error", () => {});
  scope.after(() => session.destroy());
  const url = `ws://127.0.0.1:${port}`;
  const text = "long ".repeat(100_000);
  const socket = new WebSocket(url, { session });
  await event(socket, "open");
  socket.send(text);
  assert.equal((await event(socket, "message")).data, text);
  socket.close(4000, "done");
  assert.equal((await event(socket, "close")).code, 4000);
  const refused = new WebSocket(`${url}/no`, { session });
  refused.on("error", () => {});
  const answer = await new Promise((resolve) => refused.on("unexpected-response", (_, response) => resolve(response)));
  assert.deepEqual([answer.statusCode, answer.headers["x-why"]], [403, "no seat"]);
  refused.terminate();
  const unknown = { agent: false, session };
  assert.throws(() => new WebSocket(url, unknown), { code: "WS_ERR_INVALID_OPTION" });
}

async function http2Server(scope) {
  const { WebSocket } = scope.ours;
  const ends = [];
  const verify = ({ url }) => url !== "/no" || { status: 403, headers: { "X-Why": "no seat" }, body: "Full" };
  const http = createHttp2Server({ settings: HTTP2 });
  const { port, server } = await serveHttp2(scope, http, { verify }, (socket) => {
    socket.onmessage = ({ data }) => socket.send(data);
    socket.onclose = ({ code }) => ends.push(code);
  });
  const session = connectHttp2(`http://127.0.0.1:${port}`);
  session.on("error", () => {});
  scope.after(() => session.destroy());
  const url = `ws://127.0.0.1:${port}`;
  const refused = await event(new WebSocket(`${url}/no`, { session }), "error");
  assert.deepEqual(
    [refused.error.status, refused.error.headers["x-why"], refused.error.body],
    [403, "no seat", "Full"],
  );
  const text = "long ".repeat(100_000);
  const sockets = [];
  for (let count = 0; count < 2; count++) {
    const socket = new WebSocket(url, { session });
    sockets.push(socket);
    await event(socket, "open");
    socket.send(text);
    assert.equal((await event(socket, "message")).data, text);
  }
  const [first, second] = sockets;
  first.close(4000, "done");
  assert.equal((await event(first, "close")).code, 4000);
  const closed = event(second, "close");
  assert.equal((await server.close()).terminated, 0);
  assert.equal((await closed).code, 1001);
  assert.deepEqual(ends, [4000, 1001]);
}
