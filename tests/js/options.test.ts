/**
 * Options are checked when an object is made: a wrong one is an error there, and never a check that does not happen.
 */
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { test } from "node:test";
import { type SocketOptions, WebSocket, WebSocketServer, WebSocketStream } from "websocket-component";
import { Handle } from "websocket-component/component";
import { WebSocketServer as ServerOfWs } from "websocket-component/ws";

import { key } from "./certificate.js";
import { inner } from "./support.js";

const code = "WS_ERR_INVALID_OPTION";

/** A port without a listener; nothing connects, because the constructor throws. */
const URL = "ws://127.0.0.1:9";

const makers: readonly [name: string, make: (options: object) => unknown][] = [
  ["WebSocketServer", (options) => new WebSocketServer({ noServer: true, ...options })],
  ["WebSocket", (options) => new WebSocket(URL, options)],
  ["WebSocket with subprotocols", (options) => new WebSocket(URL, [], options)],
  ["WebSocketStream", (options) => new WebSocketStream(URL, options)],
];

/** Options of every connection, with values that they must not have. */
const OF_ALL: readonly (readonly [name: keyof SocketOptions, values: readonly unknown[]])[] = [
  ...(["maxFrameSize", "maxMessageSize", "maxFragments", "maxBufferedBytes"] as const).map(
    (name) => [name, [0, -1, Number.NaN, "1", null, {}]] as const,
  ),
  ...(
    ["handshakeTimeout", "closeTimeout", "messageTimeout", "pingInterval", "pongTimeout", "claimTimeout"] as const
  ).map((name) => [name, [0, -1, Number.NaN, "1", null, {}]] as const),
  ["perMessageDeflate", [1, "yes", [], null, { level: 10 }, { treshold: 1 }]],
];

const OF_SERVER: readonly [name: string, values: readonly unknown[]][] = [
  ["origins", ["https://example.com", null, [/example/], ["example.com"], ["https://example.com/"], ["*"]]],
  ["origins", [["https://*.example.com"], ["HTTPS://example.com"], ["https://example.com:443"], [""], {}]],
  ["path", [/chat/, "chat", "", "/chat?room=1", "/chat#top", "/a b", null, 1]],
  ["verify", [true, {}, null]],
  ["chooseProtocol", ["chat", null]],
  ["headers", [null, 1, "Set-Cookie: a=1", /x/]],
  ["tap", [1, null, {}]],
  ["binaryType", ["x", null, "fragments"]],
  ["streamMessages", [1, "true", null]],
  ["host", ["127.0.0.1", 1]],
  ["tls", [{}, null, true]],
  ["maxTotalBufferedBytes", [0, -1, Number.NaN, "1", null]],
];

const OF_CLIENT: readonly [name: string, values: readonly unknown[]][] = [
  ["headers", [null, 1, "Cookie: a=1"]],
  ["tap", [1, null, {}]],
  ["tls", [null, true]],
  ["socketPath", ["", 1, null]],
  ["createConnection", [{}, null]],
  ["agent", ["proxy", null]],
  ["maxRedirects", [-1, 1.5, "1"]],
  ["signal", [{}, 1, null]],
];

test("an option of every connection with a value that it cannot have is refused by every class", () => {
  for (const [maker, make] of makers) {
    for (const [name, values] of OF_ALL) {
      for (const value of values) assert.throws(() => make({ [name]: value }), { code }, `${maker} ${name} ${value}`);
    }
  }
});

test("a server's option with a value that it cannot have is refused", () => {
  for (const [name, values] of OF_SERVER) {
    for (const value of values) {
      assert.throws(() => new WebSocketServer({ noServer: true, [name]: value }), { code }, `${name} ${value}`);
    }
  }
  for (const [name, values] of [
    ["port", [-1, 65_536, 1.5, "8080", null]],
    ["socketPath", ["", 1, null]],
    ["server", [{}, null, "http"]],
  ] as const) {
    for (const value of values) assert.throws(() => new WebSocketServer({ [name]: value } as object), { code }, name);
  }
});

test("a client's option with a value that it cannot have is refused", () => {
  for (const [name, values] of OF_CLIENT) {
    for (const value of values) {
      assert.throws(() => new WebSocket(URL, { [name]: value }), { code }, `${name} ${value}`);
    }
  }
});

test("values that options may have are taken", () => {
  const origins = ["https://example.com", "http://localhost:3000", "null", "file://", "chrome-extension://abcdef"];
  new WebSocketServer({ noServer: true, origins, path: "/", headers: [["A", "1"]], binaryType: "blob" });
  new WebSocketServer({ noServer: true, headers: () => ({}), perMessageDeflate: { threshold: 0 } });
  new WebSocketServer({ noServer: true, verify: undefined, origins: undefined } as object);
});

test("of a list, the item that is wrong is named", () => {
  for (const [name, value, item] of [
    ["origins", ["https://a", "https://b/"], 'origins[1] is "https://b/"'],
    ["origins", [/a/], "origins[0] is /a/"],
    ["trustedProxies", ["10.0.0.0/8", { secret: 1 }], "trustedProxies[1] is an object"],
  ] as const) {
    const make = () => new WebSocketServer({ noServer: true, [name]: value } as object);
    assert.throws(make, ({ message }: Error) => message.startsWith("The option") && message.endsWith(`, but ${item}`));
  }
});

test("a server of TLS without a certificate is refused, and not each of its clients", () => {
  for (const tls of [{}, { key }, { cert: undefined }, { pfx: "" }]) {
    assert.throws(() => new WebSocketServer({ port: 0, tls } as object), { code, message: /tls has no certificate/ });
  }
});

test("a name that no class knows is refused, and the nearest one is named", () => {
  for (const [given, meant] of [
    ["origin", "origins"],
    ["maxMessagesize", "maxMessageSize"],
    ["pinginterval", "pingInterval"],
    ["verifyClient", "verify"],
    ["maxPayload", "maxMessageSize"],
    ["maxPayloadLength", "maxMessageSize"],
    ["idleTimeout", "pingInterval"],
    ["heartbeat", "pingInterval"],
    ["compression", "perMessageDeflate"],
    ["hostname", "host"],
    ["timeout", "handshakeTimeout"],
    ["cert", "tls"],
    ["key", "tls"],
    ["ssl", "tls"],
  ] as const) {
    const wanted = { code, message: `There is no option ${given}. Did you mean ${meant}?` };
    assert.throws(() => new WebSocketServer({ noServer: true, [given]: 1 }), wanted);
  }
  assert.throws(() => new WebSocket(URL, { header: {} } as object), { code, message: /Did you mean headers\?/ });
  for (const [given, meant] of [
    ["origin", "headers"],
    ["rejectUnauthorized", "tls"],
    ["ca", "tls"],
    ["followRedirects", "maxRedirects"],
  ] as const) {
    const wanted = { code, message: `There is no option ${given}. Did you mean ${meant}?` };
    assert.throws(() => new WebSocket(URL, { [given]: 1 }), wanted);
  }
  assert.throws(() => new WebSocket(URL, { hostname: "a" } as object), {
    code,
    message: "There is no option hostname.",
  });
  assert.throws(() => new WebSocketStream(URL, { signals: 1 } as object), { code, message: /Did you mean signal\?/ });
  const deflate = { perMessageDeflate: { treshold: 1 } as object };
  assert.throws(() => new WebSocket(URL, deflate), { code, message: /Did you mean perMessageDeflate\.threshold\?/ });
  const handle = { recieveBufferSize: 256 } as object;
  assert.throws(() => Handle.createServer(handle), { code, message: /Did you mean receiveBufferSize\?/ });
});

test("a name that is not near any is refused without a guess", () => {
  for (const given of ["constructor", "x", "__proto__ ", "clientTracking", "", "a".repeat(1000)]) {
    const wanted = { code, message: `There is no option ${given}.` };
    assert.throws(() => new WebSocketServer({ noServer: true, [given]: 1 }), wanted);
  }
});

test("websocket-component/ws ignores names that it does not know, as ws does, and refuses hooks that are not functions", () => {
  new ServerOfWs({ noServer: true, origin: "x" } as object);
  for (const name of ["verifyClient", "handleProtocols"]) {
    assert.throws(() => new ServerOfWs({ noServer: true, [name]: true } as object), TypeError, name);
  }
});

test("two servers cannot take the same upgrades of one HTTP server: the second is refused", () => {
  const http = createServer();
  new WebSocketServer({ server: http, path: "/a" });
  new WebSocketServer({ server: http });
  const again = { code, message: /already/ };
  assert.throws(() => new WebSocketServer({ server: http, path: "/a" }), again);
  assert.throws(() => new WebSocketServer({ server: http }), again);
  new WebSocketServer({ server: http, path: "/b" });
  assert.equal(http.listenerCount("upgrade"), 1);
});

test("a server of Deno.serve or Bun.serve is refused by a typed error that says why, and what to do", () => {
  const servers = [
    { addr: {}, finished: Promise.resolve(), shutdown: async () => {}, ref() {}, unref() {} },
    { port: 1, fetch() {}, upgrade() {}, stop() {}, reload() {} },
  ];
  for (const server of servers) {
    const make = () => new WebSocketServer({ server } as object);
    assert.throws(make, { code: "WS_ERR_INVALID_OPTION", message: /Deno\.serve and Bun\.serve .*node:http/ });
  }
});

test("sizes and times that are not given are what the documentation says", async () => {
  const { size, milliseconds, LONGEST_TIME } = await inner<{
    size(name: string): number;
    milliseconds(name: string): number;
    LONGEST_TIME: number;
  }>("session/options.js");
  const MIB = 2 ** 20;
  const sizes = { maxMessageSize: 100 * MIB, maxFragments: 131_072, maxBufferedBytes: 256 * MIB, maxTopicBacklog: MIB };
  for (const [name, value] of Object.entries(sizes)) assert.equal(size(name), value, name);
  const unlimited = ["maxFrameSize", "maxTotalBufferedBytes", "maxConnections", "maxConnectionsPerAddress"];
  for (const name of [...unlimited, "maxHandshakesPerSecond"]) assert.equal(size(name), Number.POSITIVE_INFINITY, name);
  const times = { handshakeTimeout: 30_000, closeTimeout: 30_000, messageTimeout: 300_000, pongTimeout: 30_000 };
  for (const [name, value] of Object.entries({ ...times, claimTimeout: 10_000 }))
    assert.equal(milliseconds(name), value, name);
  assert.equal(milliseconds("pingInterval"), LONGEST_TIME);
});
