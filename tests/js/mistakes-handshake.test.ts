/** The mistakes that other implementations have made in the opening handshake: what both of our roles do instead. */
import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";

import { type ErrorEvent, WebSocket, type WebSocketOptions, WebSocketServer } from "websocket-component";

import { cuts, type Frame, switching, trickle } from "./ends.js";
import {
  acceptOf,
  closed,
  hex,
  masked,
  nextEvent,
  once,
  RawPeer,
  REQUEST,
  serve,
  serveRaw,
  unmasked,
} from "./support.js";

/** The request with lines in front of its own. */
function requestWith(...lines: string[]): string {
  return REQUEST.replace("Host:", `${lines.join("\r\n")}\r\nHost:`);
}
/** The request with another field for one of its own. */
function requestBut(name: string, field: string): string {
  return REQUEST.replace(new RegExp(`^${name}: .*$`, "m"), field);
}

const accepted: [string, string][] = [
  ["an Upgrade in any case", requestBut("Upgrade", "uPgRaDe: WEBSOCKET")],
  ["an Upgrade in a list", requestBut("Upgrade", "Upgrade: h2c, websocket")],
  ["an Upgrade in a list with empty elements", requestBut("Upgrade", "Upgrade: , foo/1 ,,WebSocket,")],
  ["an Upgrade given twice", requestWith("Upgrade: websocket")],
  ["an Upgrade to something else too", requestWith("Upgrade: h2c")],
  ["a Connection in any case", requestBut("Connection", "CONNECTION: uPGRADE")],
  ["a Connection in a list", requestBut("Connection", "Connection: keep-alive, Upgrade")],
  ["a Connection given twice", requestWith("Connection: keep-alive")],
  ["an announcement of no body", requestWith("Content-Length: 0")],
  ["a version between blanks", requestBut("Sec-WebSocket-Version", "Sec-WebSocket-Version:  13 \t")],
  ["a value that is not ASCII", requestWith("X-Name: caf\u00e9")],
  ["fields that are named as every object's", requestWith("__proto__: a", "constructor: b", "hasOwnProperty: c")],
  ["2,500 fields more, of which Node would hide some", requestWith(...Array(2500).fill("X:"))],
];

const refused: [string, string, number][] = [
  ["an empty Upgrade", requestBut("Upgrade", "Upgrade:"), 426],
  ["an Upgrade with a version", requestBut("Upgrade", "Upgrade: websocket/13"), 400],
  ["an Upgrade in quotes", requestBut("Upgrade", 'Upgrade: "websocket"'), 400],
  ["an Upgrade that only begins right", requestBut("Upgrade", "Upgrade: websockets"), 400],
  ["an Upgrade that two fields make together", requestBut("Upgrade", "Upgrade: web\r\nUpgrade: socket"), 400],
  ["no Connection", requestBut("Connection", "X: y"), 426],
  ["a Connection without Upgrade", requestBut("Connection", "Connection: keep-alive"), 426],
  ["a body behind it", `${requestWith("Content-Length: 5")}hello`, 400],
  ["a body in chunks behind it", `${requestWith("Transfer-Encoding: chunked")}5\r\nhello\r\n0\r\n\r\n`, 400],
  ["an empty body in chunks", `${requestWith("Transfer-Encoding: chunked")}0\r\n\r\n`, 400],
  ["another transfer coding", requestWith("Transfer-Encoding: identity"), 400],
  ["a negative length", requestWith("Content-Length: -1"), 400],
  ["two lengths", requestWith("Content-Length: 0", "Content-Length: 5"), 400],
  ["a length over 2^64", requestWith("Content-Length: 99999999999999999999"), 400],
  ["a blank before Upgrade's colon", requestBut("Upgrade", "Upgrade : websocket"), 400],
  ["a tab before another field's colon", requestWith("X\t: y"), 400],
  ["LF alone at the end of each line", REQUEST.replaceAll("\r\n", "\n"), 400],
  ["LF alone at the end of a line", requestWith("X: y\nY: z"), 400],
  ["CR alone in a value", requestWith("X: y\rY: z"), 400],
  ["a value on two lines", requestWith("X: y", " z"), 400],
  ["an Upgrade on two lines", requestBut("Upgrade", "Upgrade:\r\n websocket"), 400],
  ["a first line that goes on", REQUEST.replace("Host:", " X: y\r\nHost:"), 400],
  ["NUL in a value", requestWith("X: a\u0000b"), 400],
  ["a name that is not ASCII", requestWith("caf\u00e9: y"), 400],
  ["a field without a name", requestWith(": y"), 400],
  ["a line without a colon", requestWith("XY"), 400],
  ["two versions", requestWith("Sec-WebSocket-Version: 13"), 400],
  ["a list of versions", requestBut("Sec-WebSocket-Version", "Sec-WebSocket-Version: 13, 8"), 400],
  ["a version with a sign", requestBut("Sec-WebSocket-Version", "Sec-WebSocket-Version: +13"), 400],
  ["a version with a zero", requestBut("Sec-WebSocket-Version", "Sec-WebSocket-Version: 013"), 400],
  ["two equal keys", requestWith("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="), 400],
  ["a list of keys", requestBut("Sec-WebSocket-Key", "Sec-WebSocket-Key: a, dGhlIHNhbXBsZSBub25jZQ=="), 400],
  ["a key without its end", requestBut("Sec-WebSocket-Key", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ"), 400],
  ["two equal Hosts", requestWith("Host: localhost"), 400],
  ["15 KB of blanks in its subprotocols", requestWith(`Sec-WebSocket-Protocol: a${" ".repeat(15_000)}b`), 400],
  ["15 KB of commas and a quote", requestWith(`Sec-WebSocket-Extensions: a${",".repeat(15_000)}"`), 400],
  ["a line that is too long", requestWith(`X: ${"y".repeat(20_000)}`), 431],
];

test("our server accepts every form that a request may have", async (t) => {
  const { port } = await serve(t);
  for (const [name, request] of accepted) {
    const peer = await RawPeer.connect(port, Buffer.from(request, "latin1"));
    assert.match(await peer.head(), /^HTTP\/1.1 101 /, name);
    peer.socket.destroy();
  }
});

test("our server refuses every form that a request may not have, and goes on", async (t) => {
  const { port, server } = await serve(t);
  server.on("connection", () => assert.fail("no connection"));
  for (const [name, request, status] of refused) {
    const peer = await RawPeer.connect(port, Buffer.from(request, "latin1"));
    assert.match(await peer.head(), new RegExp(`^HTTP/1.1 ${status} `), name);
    peer.socket.destroy();
  }
});

/** For more fields than a program's own HTTP server keeps: our answer, or that of a Node that counts them itself. */
const TOO_MANY = Number.parseInt(process.versions.node, 10) < 24 ? 400 : 431;

test("an Upgrade that Node drops because of maxHeadersCount is a bad request and harms nothing", async (t) => {
  const http = createServer().listen(0, "127.0.0.1");
  http.maxHeadersCount = 4;
  await once(http, "listening");
  const server = new WebSocketServer({ server: http });
  t.after(async () => {
    await server.close();
    http.close();
  });
  const { port } = http.address() as AddressInfo;
  const flood = await RawPeer.connect(port, requestWith(...Array(50).fill("X: y")));
  assert.match(String(await flood.rest()), new RegExp(`^HTTP/1.1 ${TOO_MANY} `));
  http.maxHeadersCount = 0;
  const good = await RawPeer.connect(port);
  assert.match(await good.head(), /^HTTP\/1.1 101 /);
  for (const peer of [flood, good]) peer.socket.destroy();
});

test("subprotocols that are named as every object's properties are agreed on like others", async (t) => {
  const names = ["__proto__", "constructor", "toString"];
  const { url } = await serve(t);
  for (const name of names) {
    const socket = new WebSocket(url, [name, "chat"]);
    await nextEvent(socket, "open");
    assert.equal(socket.protocol, name);
    socket.close();
  }
  const choosing = await serve(t, { chooseProtocol: (offered) => offered.at(-1) });
  const socket = new WebSocket(choosing.url, names);
  await nextEvent(socket, "open");
  assert.equal(socket.protocol, "toString");
  socket.close();
});

test("our client refuses a subprotocol that only every object has", async (t) => {
  const url = await serveRaw(t, async (peer) => {
    peer.write(switching(await peer.head(), "Sec-WebSocket-Protocol: constructor"));
  });
  const socket = new WebSocket(url, ["chat"]);
  const { error } = await nextEvent<ErrorEvent>(socket, "error");
  assert.equal((error as { code: string }).code, "E_SUBPROTOCOL_NOT_SUPPORTED");
});

test("header fields of a caller's that are named as every object's are sent, and read", async (t) => {
  const { server, url } = await serve(t);
  const connection = once(server, "connection");
  const socket = new WebSocket(url, { headers: JSON.parse('{ "__proto__": "a", "constructor": "b" }') });
  const [, request] = await connection;
  const fields: string[] = request.rawHeaders;
  assert.deepEqual(
    ["__proto__", "constructor"].map((name) => fields[fields.indexOf(name) + 1]),
    ["a", "b"],
  );
  await nextEvent(socket, "open");
  socket.close();
});

const RESPONSE = switching("")
  .toString()
  .replace(/(Sec-WebSocket-Accept: ).*/, "$1%accept%");
/** The response with lines in front of its own. */
function responseWith(...lines: string[]): string {
  return RESPONSE.replace("Upgrade:", `${lines.join("\r\n")}\r\nUpgrade:`);
}
/** A server by hand that answers every request so. */
function serveResponse(t: TestContext, response: string): Promise<string> {
  return serveRaw(t, async (peer) => {
    const accept = acceptOf(await peer.head());
    const answer = response.replaceAll("%accept%", accept).replace("%ACCEPT%", accept.toLowerCase());
    peer.write(Buffer.from(answer, "latin1"));
  });
}

const goodResponses: [string, string][] = [
  ["names and values in any case", RESPONSE.replace("Upgrade: websocket", "uPGRADE: WebSocket")],
  ["its Connection in a list", RESPONSE.replace("Connection: Upgrade", "Connection: keep-alive, upgrade")],
  ["its accept between blanks", RESPONSE.replace("%accept%", "  %accept% \t")],
  ["no reason", RESPONSE.replace("101 Switching Protocols", "101 ")],
  ["a value that is not ASCII", responseWith("X: caf\u00e9")],
  ["300 fields more", responseWith(...Array(300).fill("X:"))],
  ["fields that are named as every object's", responseWith("__proto__: a", "constructor: b")],
  ["16 others before it", `${"HTTP/1.1 100 Continue\r\n\r\n".repeat(16)}${RESPONSE}`],
];

const badResponses: [string, string][] = [
  ["an Upgrade with a version", RESPONSE.replace("websocket", "websocket/13")],
  ["an Upgrade in a list", RESPONSE.replace("Upgrade: websocket", "Upgrade: websocket, h2c")],
  ["two of Upgrade", responseWith("Upgrade: websocket")],
  ["two accepts", responseWith("Sec-WebSocket-Accept: %accept%")],
  ["a list of accepts", RESPONSE.replace("%accept%", "%accept%, %accept%")],
  ["its accept in another case", RESPONSE.replace("%accept%", "%ACCEPT%")],
  ["a blank before a colon", RESPONSE.replace("Upgrade:", "Upgrade :")],
  ["LF alone at the end of a line", responseWith("X: y\nY: z")],
  ["CR alone in a value", responseWith("X: y\rY: z")],
  ["a value on two lines", responseWith("X: y", " z")],
  ["an Upgrade on two lines", RESPONSE.replace("Upgrade: ", "Upgrade:\r\n ")],
  ["a first line that goes on", RESPONSE.replace("\r\n", "\r\n X: y\r\n")],
  ["NUL in a value", responseWith("X: a\u0000b")],
  ["a field without a name", responseWith(": y")],
  ["a line without a colon", responseWith("XY")],
  ["another version of HTTP", RESPONSE.replace("HTTP/1.1", "HTTP/2.0")],
  ["a status of four digits", RESPONSE.replace("101", "1010")],
];

test("our client takes every form that a response may have", async (t) => {
  for (const [name, response] of goodResponses) {
    const socket = new WebSocket(await serveResponse(t, response));
    socket.onerror = ({ message }) => assert.fail(`${name}: ${message}`);
    await nextEvent(socket, "open");
    socket.terminate();
  }
});

test("our client refuses every form that a response may not have", async (t) => {
  for (const [name, response] of badResponses) {
    const socket = new WebSocket(await serveResponse(t, response));
    socket.onopen = () => assert.fail(name);
    const { error } = await nextEvent<ErrorEvent>(socket, "error");
    assert.equal((error as { code: string }).code, "E_INVALID_PROTOCOL_FORMAT", name);
  }
});

const EVIL = "a\r\nX-Evil: 1";
/** Characters whose lower bytes are CR and LF. */
const DISGUISED = "a\u010d\u010aX-Evil: 1";

test("a subprotocol with another line in it is refused by the constructor", () => {
  for (const evil of [EVIL, DISGUISED, "a\n", "a\r", "a\u0000", "a\u2028"]) {
    for (const given of [evil, [evil], ["chat", evil], { protocols: evil }, { protocols: ["chat", evil] }]) {
      assert.throws(() => new WebSocket("ws://localhost", given), { name: "SyntaxError" });
    }
  }
});

test("a field with another line in it fails the connection before there is one, in every shape of headers", async (t) => {
  const url = await serveRaw(t, () => assert.fail("connected"));
  const shapes: NonNullable<WebSocketOptions["headers"]>[] = ["Host", "Origin", "Upgrade", "X"].flatMap((name) =>
    [EVIL, DISGUISED, "a\nX-Evil: 1", "a\rX-Evil: 1", "a\u0000b", "a\u007f"].flatMap((evil) => [
      { [name]: evil },
      { [name]: ["a", evil] },
      { [`${evil}: ${name}`]: "a" },
      [[name, evil] as const],
      [{ name, value: evil }],
      [name, evil],
      new Map([[name, evil]]),
    ]),
  );
  for (const headers of shapes) {
    const { error } = await nextEvent<ErrorEvent>(new WebSocket(url, { headers }), "error");
    assert.equal((error as { code: string }).code, "E_INVALIDARG");
  }
});

/** A promise, and what resolves it. */
function awaited<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

test("a URL with another line in it makes no other line, wherever it stands", async (t) => {
  const urls: [string, (url: string) => string][] = [
    ["path", (url) => `${url}/${EVIL}`],
    ["path, encoded", (url) => `${url}/${encodeURIComponent(EVIL)}`],
    ["path, in disguise", (url) => `${url}/${DISGUISED}`],
    ["query", (url) => `${url}/?${EVIL}`],
    ["query, encoded", (url) => `${url}/?${encodeURIComponent(EVIL)}`],
    ["user", (url) => url.replace("//", `//${encodeURIComponent(EVIL)}@`)],
    ["password", (url) => url.replace("//", `//a:${encodeURIComponent(EVIL)}@`)],
    ["host", (url) => url.replace("127.0.0.1", "127.0.0.1\r\n")],
    ["port", (url) => `${url}\r\n`],
  ];
  for (const [place, write] of urls) {
    const arrival = awaited<RawPeer>();
    const socket = new WebSocket(write(await serveRaw(t, arrival.resolve)));
    const lines = (await (await arrival.promise).head()).trimEnd().split("\r\n");
    const names = lines.slice(1).map((line) => line.split(":", 1)[0]);
    const authorization = place === "user" || place === "password" ? ["Authorization"] : [];
    const own = ["Upgrade", "Connection", "Sec-WebSocket-Key", "Sec-WebSocket-Version", "Sec-WebSocket-Extensions"];
    assert.deepEqual(names, ["Host", ...authorization, ...own], place);
    assert.match(lines[0] as string, /^GET \/[!-~]* HTTP\/1\.1$/, place);
    assert.match(lines[1] as string, /^Host: 127\.0\.0\.1:\d+$/, place);
    const end = closed(socket);
    socket.terminate();
    await end;
  }
});

test("a chosen subprotocol that was not offered, with a line in it or without, is answered with 500 and reported", async (t) => {
  const reported: unknown[] = [];
  const choices = [EVIL, "chat\r\nX-Evil: 1", "chat, other", "constructor", "Chat", "chat "];
  for (const choice of choices) {
    const { server, port } = await serve(t, { chooseProtocol: () => choice });
    server.on("error", (error) => reported.push(error));
    const peer = await RawPeer.connect(port, requestWith("Sec-WebSocket-Protocol: chat, other"));
    const answer = String(await peer.rest());
    assert.match(answer, /^HTTP\/1\.1 500 /);
    assert.doesNotMatch(answer, /Evil|Sec-WebSocket-Protocol/i, choice);
    peer.socket.destroy();
  }
  const codes = reported.map((error) => (error as { code: string }).code);
  assert.deepEqual(codes, Array(choices.length).fill("E_SUBPROTOCOL_NOT_SUPPORTED"));
});

test("a rejection's body stays behind the head, however many lines it has", async (t) => {
  const body = "\r\n\r\nHTTP/1.1 101 Switching Protocols\r\nX-Evil: é\r\n\r\n";
  const { port } = await serve(t, { verify: () => ({ status: 403, body }) });
  const peer = await RawPeer.connect(port);
  const head = await peer.head();
  assert.match(head, new RegExp(`\r\nContent-Length: ${Buffer.byteLength(body)}\r\n`));
  assert.doesNotMatch(head, /Evil/);
  assert.equal(String(await peer.rest()), body);
  peer.socket.destroy();
});

/** Writes down what a socket tells from now on. */
function watch(socket: WebSocket): unknown[] {
  const log: unknown[] = [];
  socket.binaryType = "nodebuffer";
  socket.onmessage = ({ data }) => log.push(data);
  socket.addEventListener("ping", ({ data }) => log.push(`ping ${Buffer.from(data)}`));
  socket.onclose = ({ code }) => log.push(code);
  return log;
}
const behind = (frame: Frame) =>
  Buffer.concat([
    frame(0x81, "early"),
    frame(0x89, "?"),
    frame(0x02, "bi"),
    frame(0x80, "rd"),
    frame(0x88, hex("0BB8")),
  ]);
const TOLD = ["early", "ping ?", Buffer.from("bird"), 3000];

test("a request cut anywhere, with messages behind it, loses none for listeners of the connection event", async (t) => {
  const arrivals: ((told: [WebSocket, unknown[]]) => void)[] = [];
  const { port } = await serve(t, {}, (socket) => arrivals.shift()?.([socket, watch(socket)]));
  for (const chunks of cuts(Buffer.concat([Buffer.from(REQUEST), behind(masked)]))) {
    const arrival = awaited<[WebSocket, unknown[]]>();
    arrivals.push(arrival.resolve);
    const peer = await RawPeer.connect(port, "");
    const written = trickle(peer, chunks).then(() => peer.socket.end());
    const [socket, log] = await arrival.promise;
    await Promise.all([closed(socket), written]);
    assert.deepEqual(log, TOLD);
  }
});

test("messages behind a request reach listeners that handleUpgrade's callback attaches", async (t) => {
  const http = createServer().listen(0, "127.0.0.1");
  await once(http, "listening");
  const server = new WebSocketServer({ noServer: true });
  t.after(() => http.close());
  const arrival = awaited<[WebSocket, unknown[]]>();
  http.on("upgrade", (request, socket, head) => {
    server.handleUpgrade(request, socket, head, (connected) => arrival.resolve([connected, watch(connected)]));
  });
  const peer = await RawPeer.connect((http.address() as AddressInfo).port, REQUEST, behind(masked));
  peer.socket.end();
  const [socket, log] = await arrival.promise;
  await closed(socket);
  assert.deepEqual(log, TOLD);
});

test("a response cut anywhere, with messages behind it, loses none for listeners of the open event", async (t) => {
  let cut = 0;
  let count = 1;
  const url = await serveRaw(t, async (peer) => {
    const all = cuts(Buffer.concat([switching(await peer.head()), behind(unmasked)]));
    count = all.length;
    await trickle(peer, all[cut] as Buffer[]);
    peer.socket.end();
  });
  for (; cut < count; cut++) {
    const socket = new WebSocket(url);
    let log: unknown[] = [];
    socket.onopen = () => {
      log = watch(socket);
    };
    await closed(socket);
    assert.deepEqual(log, TOLD);
  }
});
