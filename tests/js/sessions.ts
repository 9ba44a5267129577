/** HTTP/2 for tests: servers, sessions, and streams that a test drives by hand. */
import assert from "node:assert/strict";
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  createSecureServer,
  createServer,
  type Http2SecureServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type SecureServerOptions,
  type ServerHttp2Session,
} from "node:http2";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";
import {
  type ErrorEvent,
  type HandshakeRequest,
  WebSocket,
  type WebSocketError,
  type WebSocketOptions,
  WebSocketServer,
  type WebSocketServerOptions,
} from "websocket-component";

import { certificate as cert, key } from "./certificate.js";
import { closed, messages, nextEvent, once, within } from "./support.js";

/** TLS that trusts the tests' certificate; one object, because sockets share sessions by it. */
export const tls: { readonly ca: string } = { ca: cert };

export interface Http2 {
  readonly http: Http2Server | Http2SecureServer;
  /** All sessions that clients opened. */
  readonly sessions: ServerHttp2Session[];
  readonly port: number;
  /** Of the scheme `https:`, or `http:`. */
  readonly origin: string;
  /** Of the scheme `wss:`, or `ws:`. */
  readonly url: string;
}

/** A server of HTTP/2 on a free port; over TLS, if it has options for that. */
export async function listenHttp2(
  t: TestContext,
  { settings = { enableConnectProtocol: true }, ...options }: SecureServerOptions = {},
  secure = false,
): Promise<Http2> {
  const http = secure
    ? createSecureServer({ key, cert, settings, ...options })
    : createServer({ settings, ...options });
  const sessions: ServerHttp2Session[] = [];
  http.on("session", (session: ServerHttp2Session) => sessions.push(session));
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  t.after(() => {
    http.close();
    for (const session of sessions) session.destroy();
  });
  const { port } = http.address() as AddressInfo;
  const host = `localhost:${port}`;
  return {
    http,
    sessions,
    port,
    origin: `http${secure ? "s" : ""}://${host}`,
    url: `ws${secure ? "s" : ""}://${host}`,
  };
}

export interface Served extends Http2 {
  readonly server: WebSocketServer<HandshakeRequest>;
}

/** A WebSocket server behind a server of HTTP/2. */
export async function serveHttp2(
  t: TestContext,
  options: WebSocketServerOptions<HandshakeRequest> = {},
  http2: SecureServerOptions = {},
  secure = false,
): Promise<Served> {
  const listening = await listenHttp2(t, http2, secure);
  const server = new WebSocketServer<HandshakeRequest>({ server: listening.http, closeTimeout: 500, ...options });
  t.after(() => server.close({ timeout: 0 }));
  return { ...listening, server };
}

/** The same, which sends all messages back. */
export async function serveEchoHttp2(
  t: TestContext,
  ...rest: Parameters<typeof serveHttp2> extends [unknown, ...infer R] ? R : never
): Promise<Served> {
  const served = await serveHttp2(t, ...rest);
  served.server.on("connection", (socket: WebSocket) => {
    socket.onmessage = (event) => socket.send(event.data);
  });
  return served;
}

/** A socket that is open. */
export async function opened(url: string, options: WebSocketOptions): Promise<WebSocket> {
  const socket = new WebSocket(url, options);
  const failure = nextEvent<ErrorEvent>(socket, "error").then(({ error }) => {
    throw error;
  });
  failure.catch(() => {});
  await Promise.race([nextEvent(socket, "open"), failure]);
  return socket;
}

/** Sends a message to an echo and gets it back. */
export async function roundTrip(socket: WebSocket, text = "Hello"): Promise<void> {
  const answer = messages(socket, 1);
  socket.send(text);
  assert.deepEqual(await answer, [text]);
}

/** The error of a socket that does not open. */
export async function failure(url: string, options: WebSocketOptions): Promise<WebSocketError> {
  const socket = new WebSocket(url, options);
  const end = closed(socket);
  const { error } = await nextEvent<ErrorEvent>(socket, "error");
  assert.equal((await end).code, 1006);
  return error as WebSocketError;
}

/** A client's session, which ends with the test. */
export function openSession(t: TestContext, origin: string): ClientHttp2Session {
  const session = connect(origin, { ca: cert });
  session.on("error", () => {});
  t.after(() => session.destroy());
  return session;
}

/** A session whose SETTINGS have come. */
export async function readySession(t: TestContext, origin: string): Promise<ClientHttp2Session> {
  const session = openSession(t, origin);
  await once(session, "remoteSettings");
  return session;
}

/** A client's stream, without our WebSocket. */
export class RawStream {
  readonly stream: ClientHttp2Stream;
  #read = Buffer.alloc(0);
  #wake: () => void = () => {};
  /** The head of the answer. */
  readonly answer: Promise<IncomingHttpHeaders>;
  /** The stream's error code, once it is closed. */
  readonly ended: Promise<number>;

  constructor(session: ClientHttp2Session, fields: OutgoingHttpHeaders = {}) {
    this.stream = session.request(
      {
        ":method": "CONNECT",
        ":protocol": "websocket",
        ":scheme": "http",
        ":path": "/",
        ":authority": "example.com",
        "sec-websocket-version": "13",
        ...fields,
      },
      { endStream: false },
    );
    this.stream.on("error", () => {});
    this.answer = within("an answer", new Promise((resolve) => this.stream.on("response", resolve)));
    this.ended = within(
      "the stream's end",
      new Promise((resolve) => this.stream.on("close", () => resolve(this.stream.rstCode))),
    );
  }

  /** Begins to read. */
  resume(): this {
    this.stream.on("data", (chunk: Buffer) => {
      this.#read = Buffer.concat([this.#read, chunk]);
      this.#wake();
    });
    return this;
  }

  /** The next bytes, as many as there are wanted. */
  async bytes(count: number): Promise<Buffer> {
    if (this.stream.listenerCount("data") === 0) this.resume();
    while (this.#read.length < count) {
      await within(
        `${count} bytes`,
        new Promise<void>((resolve) => {
          this.#wake = resolve;
        }),
      );
    }
    const bytes = this.#read.subarray(0, count);
    this.#read = this.#read.subarray(count);
    return bytes;
  }

  /** The whole of an answer's body. */
  async body(): Promise<string> {
    if (this.stream.listenerCount("data") === 0) this.resume();
    await once(this.stream, "end");
    return this.#read.toString();
  }
}
