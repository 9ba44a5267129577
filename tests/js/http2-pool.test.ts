/** Sessions that the client shares by itself, with servers that stall, lie or leave. */
import assert from "node:assert/strict";
import { constants as http2, type ServerHttp2Session, type ServerHttp2Stream } from "node:http2";
import { syncBuiltinESMExports } from "node:module";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import nodeTls, { createServer as createTlsServer, type TLSSocket } from "node:tls";

import { certificate as cert, key } from "./certificate.js";
import { failure, opened, roundTrip, serveEchoHttp2, serveHttp2, tls } from "./sessions.js";
import { closed, mockTimers, once, serve } from "./support.js";

/** Longer than the package waits for a server that does not close its side. */
const LONG = 60_000;

/** The connections that the package makes over TLS from now on. */
function connections(t: TestContext, onConnection: (connection: TLSSocket) => void = () => {}): TLSSocket[] {
  const made: TLSSocket[] = [];
  const original = nodeTls.connect as (options: nodeTls.ConnectionOptions) => TLSSocket;
  const mock = t.mock.method(nodeTls, "connect", (options: nodeTls.ConnectionOptions) => {
    const connection = original(options);
    made.push(connection);
    onConnection(connection);
    return connection;
  });
  syncBuiltinESMExports();
  t.after(() => {
    mock.mock.restore();
    syncBuiltinESMExports();
  });
  return made;
}

/** TCP in front of a server, which can stall: connections stay open, and nothing comes through them. */
class Front {
  readonly url: string;
  readonly #pairs: [near: Socket, far: Socket][] = [];
  readonly #server = createServer({ allowHalfOpen: true });

  static async of(t: TestContext, port: number): Promise<Front> {
    const front = new Front(t, port);
    await once(front.#server, "listening");
    return Object.assign(front, { url: `wss://localhost:${(front.#server.address() as AddressInfo).port}` });
  }

  private constructor(t: TestContext, port: number) {
    this.url = "";
    this.#server.on("connection", (near) => {
      const far = connect(port, "127.0.0.1");
      this.#pairs.push([near.on("error", () => {}), far.on("error", () => {})]);
      near.pipe(far).pipe(near);
    });
    this.#server.listen(0, "127.0.0.1");
    t.after(() => {
      this.#server.close();
      for (const pair of this.#pairs) for (const socket of pair) socket.destroy();
    });
  }

  get connections(): number {
    return this.#pairs.length;
  }

  async connected(): Promise<void> {
    await once(this.#server, "connection");
  }

  /** Holds back what goes either way over the connections that there are. */
  stall(): void {
    for (const [near, far] of this.#pairs) {
      near.unpipe(far).resume();
      far.unpipe(near).resume();
    }
  }
}

/** The client has closed its side of a connection; then the server has all the time that it gets. */
async function left(t: TestContext, connection: TLSSocket): Promise<void> {
  if (!connection.writableFinished) await once(connection, "finish");
  assert.equal(connection.destroyed, false, "the server is given time");
  const close = once(connection, "close");
  t.mock.timers.tick(LONG);
  await close;
}

async function ended(session: ServerHttp2Session | undefined): Promise<void> {
  assert.ok(session !== undefined);
  if (!session.destroyed) await once(session, "close");
}

const BAD = { Cookie: "a\nb" };

test("a request that HTTP/1.1 cannot have leaves no connection behind", async (t) => {
  const server = createTlsServer({ key, cert, ALPNProtocols: ["http/1.1"] });
  server.listen(0);
  t.after(() => server.close());
  await once(server, "listening");
  const made = connections(t);
  const url = `wss://localhost:${(server.address() as AddressInfo).port}/`;
  const error = await failure(url, { http2: true, tls, headers: BAD });
  assert.match(error.message, /control character/);
  assert.equal(made[0]?.destroyed, true);
});

test("a request that HTTP/2 cannot have leaves no session behind", async (t) => {
  const { sessions, url } = await serveEchoHttp2(t, {}, {}, true);
  assert.match((await failure(url, { http2: true, tls, headers: BAD })).message, /control character/);
  await ended(sessions[0]);
  assert.equal(sessions.length, 1);
});

test("a server that allows no streams is dialled once, and all who wait fail", async (t) => {
  const settings = { enableConnectProtocol: true, maxConcurrentStreams: 0 };
  const { sessions, url } = await serveEchoHttp2(t, {}, { settings }, true);
  const errors = await Promise.all([1, 2, 3].map(() => failure(url, { http2: true, tls })));
  for (const { code, message } of errors) {
    assert.equal(code, "WS_ERR_CONNECTION");
    assert.match(message, /allows no streams/);
  }
  await ended(sessions[0]);
  assert.equal(sessions.length, 1);
});

test("a server that leaves instead of its SETTINGS is a failed connection for all who wait", async (t) => {
  const server = createTlsServer({ key, cert, ALPNProtocols: ["h2"] }, (socket) => {
    socket.on("error", () => {}).once("data", () => socket.destroy());
  });
  server.listen(0);
  t.after(() => server.close());
  await once(server, "listening");
  const url = `wss://localhost:${(server.address() as AddressInfo).port}/`;
  const errors = await Promise.all([1, 2].map(() => failure(url, { http2: true, tls, handshakeTimeout: LONG })));
  for (const { code } of errors) assert.equal(code, "WS_ERR_CONNECTION");
});

test("a server that never closes its side of TCP is left soon after the last socket", async (t) => {
  const { port } = await serveEchoHttp2(t, {}, {}, true);
  const front = await Front.of(t, port);
  const made = connections(t);
  mockTimers(t);
  const socket = await opened(front.url, { http2: true, tls });
  front.stall();
  socket.terminate();
  await left(t, made[0] as TLSSocket);
});

test("a server that sends GOAWAY and stays is left soon after the last socket, or at once without one", async (t) => {
  const { http, sessions, url } = await serveEchoHttp2(t, {}, {}, true);
  const made = connections(t);
  mockTimers(t);
  const socket = await opened(url, { http2: true, tls });
  (sessions[0] as ServerHttp2Session).goaway(http2.NGHTTP2_NO_ERROR);
  await roundTrip(socket); // it comes behind GOAWAY
  const end = closed(socket);
  socket.close();
  assert.equal((await end).code, 1005);
  await left(t, made[0] as TLSSocket);
  http.on("session", (session: ServerHttp2Session) => session.goaway(http2.NGHTTP2_NO_ERROR));
  assert.equal((await failure(url, { http2: true, tls })).code, "WS_ERR_REFUSED_STREAM");
  assert.equal(made.length, 3, "what GOAWAY leaves out is tried once more");
  await left(t, made[2] as TLSSocket);
});

test("a connection that stalls is for those only who came before one of them gave up", async (t) => {
  const { port } = await serveEchoHttp2(t, {}, {}, true);
  const front = await Front.of(t, port);
  const controllers = [new AbortController(), new AbortController()] as const;
  const stalled = front.connected().then(() => front.stall());
  const errors = controllers.map(({ signal }) => failure(front.url, { http2: true, tls, signal }));
  await stalled;
  controllers[0].abort();
  assert.equal((await errors[0])?.code, "WS_ERR_ABORTED");
  await roundTrip(await opened(front.url, { http2: true, tls }));
  assert.equal(front.connections, 2);
  controllers[1].abort();
  assert.equal((await errors[1])?.code, "WS_ERR_ABORTED");
  await roundTrip(await opened(front.url, { http2: true, tls }));
  assert.equal(front.connections, 2, "the session of the second connection is still shared");
});

test("a session that stalls gets no more sockets once one had no answer", async (t) => {
  const { port } = await serveEchoHttp2(t, {}, {}, true);
  const front = await Front.of(t, port);
  const first = await opened(front.url, { http2: true, tls });
  front.stall();
  const { code } = await failure(front.url, { http2: true, tls, handshakeTimeout: 50 });
  assert.equal(code, "WS_ERR_HANDSHAKE_TIMEOUT");
  await roundTrip(await opened(front.url, { http2: true, tls }));
  assert.equal(front.connections, 2);
  first.terminate();
});

test("a session whose server is there gets sockets again after one had no answer", async (t) => {
  const verify = ({ url }: { readonly url?: string | undefined }) =>
    url === "/never" ? new Promise<boolean>(() => {}) : true;
  const { server, sessions, url } = await serveHttp2(t, { verify }, {}, true);
  server.on("connection", (socket) => {
    socket.onmessage = ({ data }) => socket.send(data);
  });
  const first = await opened(url, { http2: true, tls });
  await failure(`${url}/never`, { http2: true, tls, handshakeTimeout: 50 });
  await roundTrip(first); // it comes behind the answer to the ping
  await roundTrip(await opened(url, { http2: true, tls }));
  assert.equal(sessions.length, 1);
});

test("a socket that is given up while its session begins is only that", async (t) => {
  const { url } = await serveEchoHttp2(t, {}, {}, true);
  const controller = new AbortController();
  let isLeftAtOnce = false;
  const made = connections(t, (connection) => {
    const giveUp = () => {
      controller.abort();
      isLeftAtOnce = connection.destroyed;
    };
    queueMicrotask(() => connection.once("secureConnect", giveUp)); // behind the listeners of the package
  });
  const { code } = await failure(url, { http2: true, tls, signal: controller.signal });
  assert.equal(code, "WS_ERR_ABORTED");
  const [connection] = made as [TLSSocket];
  if (!connection.closed) await once(connection, "close");
  assert.ok(isLeftAtOnce);
  await turn();
});

test("all who wait for a server that turns out to speak HTTP/1.1 alone get a connection of their own", async (t) => {
  const { port } = await serve(t, { tls: { key, cert, ALPNProtocols: ["http/1.1"] } }, (socket) => {
    socket.onmessage = ({ data }) => socket.send(data);
  });
  const sockets = await Promise.all([1, 2, 3].map(() => opened(`wss://localhost:${port}/`, { http2: true, tls })));
  await Promise.all(sockets.map((socket) => roundTrip(socket)));
  for (const socket of sockets) socket.close();
});

test("a request that a GOAWAY with an error leaves out is sent again, on another session", async (t) => {
  const { http, sessions, url } = await serveEchoHttp2(t, {}, {}, true);
  const first = await opened(url, { http2: true, tls });
  const end = closed(first);
  http.prependOnceListener("stream", (stream: ServerHttp2Stream) => {
    stream.on("error", () => {});
    stream.session?.goaway(http2.NGHTTP2_INTERNAL_ERROR, (stream.id as number) - 2);
  });
  await roundTrip(await opened(url, { http2: true, tls }));
  assert.equal((await end).code, 1006);
  assert.equal(sessions.length, 2);
});
