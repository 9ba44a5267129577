/** The proxy's HTTP: whom it serves, and what becomes of requests and answers that open no connection at once. */
import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type RequestListener } from "node:http";
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from "node:net";
import { type TestContext, test } from "node:test";

import { inner, once, within } from "./support.js";

interface Summary {
  readonly state: string;
  readonly reason: string;
}
interface Log {
  readonly connections: ReadonlyMap<number, { readonly summary: Summary; readonly heads: readonly object[] }>;
  open(client: string, url: string): object;
}
const { TrafficLog } = await inner<{ TrafficLog: new (limit: number) => Log }>("proxy/log.js");
const { ReverseProxy } = await inner<{
  ReverseProxy: new (
    options: object,
  ) => { listen(port: number, host: string): Promise<AddressInfo>; close(): Promise<void> };
}>("proxy/proxy.js");
const { Relay } = await inner<{
  Relay: new (options: object) => { connected(server: object, head: Uint8Array): void };
}>("proxy/relay.js");

interface Served {
  readonly port: number;
  readonly log: Log;
  readonly proxy: { close(): Promise<void> };
}

async function proxyFor(t: TestContext, port: number, host = "127.0.0.1"): Promise<Served> {
  const log = new TrafficLog(1 << 20);
  const target = new URL(`ws://localhost:${port}`);
  const proxy = new ReverseProxy({ target, log, rules: [], tls: undefined, targetTls: {}, record: undefined });
  t.after(() => proxy.close());
  return { port: (await proxy.listen(0, host)).port, log, proxy };
}

async function httpTarget(t: TestContext, answer: RequestListener): Promise<number> {
  const server = createServer(answer);
  server.on("upgrade", (request: IncomingMessage, socket) => {
    socket.end(`HTTP/1.1 401 ${request.headers.origin}\r\nContent-Length: 0\r\n\r\n`);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return (server.address() as AddressInfo).port;
}

async function rawTarget(t: TestContext, onRequest: (socket: Socket) => void): Promise<number> {
  const server = createTcpServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", () => onRequest(socket));
    t.after(() => socket.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

function send(t: TestContext, port: number, ...lines: string[]): Socket {
  const socket = connect(port, "127.0.0.1");
  t.after(() => socket.destroy());
  socket.setEncoding("latin1");
  socket.write(`${lines.join("\r\n")}`);
  return socket;
}

async function until(socket: Socket, holds: (text: string) => boolean): Promise<string> {
  let text = "";
  socket.on("data", (data) => (text += data));
  while (!holds(text)) {
    if (socket.readableEnded) assert.fail(`it ended with: ${text}`);
    await Promise.race([once(socket, "data"), once(socket, "end")]);
  }
  return text;
}

const UPGRADE = ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: a"];

test("on loopback, the proxy answers to its own names only, and leaves the Origin of others as it is", async (t) => {
  const target = await httpTarget(t, (request, response) => response.end(String(request.headers.origin)));
  const { port } = await proxyFor(t, target);
  const status = async (host: string, origin: string, ...more: string[]) => {
    const request = ["GET / HTTP/1.1", `Host: ${host}`, `Origin: ${origin}`, ...more, "", ""];
    return (await until(send(t, port, ...request), (text) => text.includes("\r\n\r\n"))).split("\r\n")[0];
  };
  for (const name of [`localhost:${port}`, `127.0.0.1:${port}`, `[::1]:${port}`]) {
    assert.equal(await status(name, `http://${name}`, ...UPGRADE), `HTTP/1.1 401 http://localhost:${target}`);
    assert.equal(await status(name, "http://evil.example", ...UPGRADE), "HTTP/1.1 401 http://evil.example");
  }
  const evil = `evil.example:${port}`;
  assert.equal(await status(evil, `http://${evil}`, ...UPGRADE), "HTTP/1.1 403 Forbidden");
  assert.equal(await status(evil, `http://${evil}`), "HTTP/1.1 403 Forbidden");
});

test("a foreign upgrade that resets, or stays, does not end the proxy, and does not keep it from ending", async (t) => {
  const target = await httpTarget(t, (_, response) => response.end("still here"));
  const { port, proxy } = await proxyFor(t, target);
  const upgrade = ["GET / HTTP/1.1", "Host: evil.example", ...UPGRADE, "", ""];
  for (let count = 0; count < 20; count++) {
    const socket = send(t, port, ...upgrade);
    await once(socket, "connect");
    socket.resetAndDestroy();
  }
  const staying = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  t.after(() => staying.destroy());
  staying.write(upgrade.join("\r\n"));
  await until(staying, (text) => text.includes("HTTP/1.1 403"));
  const asking = send(t, port, "GET / HTTP/1.1", "Host: localhost", "Connection: close", "", "");
  await until(asking, (text) => text.endsWith("still here"));
  await within("the proxy's end", proxy.close());
});

test("a client of HTTP/1.0 gets a body without chunks", async (t) => {
  const target = await httpTarget(t, (_, response) => {
    response.write("first ");
    response.end("second");
  });
  const { port } = await proxyFor(t, target);
  const socket = send(t, port, "GET / HTTP/1.0", "Host: localhost", "", "");
  const answer = await until(socket, (text) => text.includes("second"));
  assert.match(answer, /\r\n\r\nfirst second$/);
  assert.doesNotMatch(answer, /transfer-encoding/i);
});

test("on all addresses, a name that leads to the proxy is passed on, and its Origin is not made the target's", async (t) => {
  const target = await httpTarget(t, () => {});
  const { port } = await proxyFor(t, target, "0.0.0.0");
  const own = `127.0.0.1:${port}`;
  for (const [host, origin] of [
    [own, `http://localhost:${target}`],
    [`evil.example:${port}`, `http://evil.example:${port}`],
  ]) {
    const request = ["GET / HTTP/1.1", `Host: ${host}`, `Origin: http://${host}`, ...UPGRADE, "", ""];
    assert.match(await until(send(t, port, ...request), (text) => text.includes("\r\n\r\n")), RegExp(`401 ${origin}`));
  }
});

test("a request with a body that asks for another upgrade is passed on without the upgrade", async (t) => {
  const target = await httpTarget(t, async (request, response) => {
    const body = (await request.toArray()).join("");
    response.end(`${request.headers.upgrade} ${request.headers["http2-settings"]} ${body}`);
  });
  const { port } = await proxyFor(t, target);
  const fields = ["Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAEAAEAA"];
  const length = "Content-Length: 11";
  const socket = send(t, port, "POST / HTTP/1.1", "Host: localhost", ...fields, length, "", "hello");
  socket.write(" world");
  await until(socket, (text) => text.endsWith("undefined undefined hello world"));
});

test("an upgrade to websocket that offers others too is passed on as one", async (t) => {
  const target = await httpTarget(t, (_, response) => response.end("no upgrade"));
  const { port } = await proxyFor(t, target);
  const fields = UPGRADE.map((field) => field.replace("websocket", "h2c, WebSocket"));
  const socket = send(t, port, "GET / HTTP/1.1", "Host: localhost", "Origin: a", ...fields, "", "");
  assert.match(await until(socket, (text) => text.includes("\r\n\r\n")), /^HTTP\/1\.1 401 a/);
});

test("the head of an answer arrives before its body begins", async (t) => {
  const target = await httpTarget(t, (_, response) => response.writeHead(200, { "X-Is": "here" }).flushHeaders());
  const { port } = await proxyFor(t, target);
  const socket = send(t, port, "GET / HTTP/1.1", "Host: localhost", "", "");
  await until(socket, (text) => /X-Is: here\r\n[\s\S]*\r\n\r\n/.test(text));
});

test("an answer that is not HTTP arrives as it is, at once", async (t) => {
  const target = await rawTarget(t, (socket) => socket.write("SSH-2.0-OpenSSH\r\n"));
  const { port, log } = await proxyFor(t, target);
  const socket = send(t, port, "GET / HTTP/1.1", "Host: localhost", ...UPGRADE, "", "");
  await until(socket, (text) => text === "SSH-2.0-OpenSSH\r\n");
  assert.equal(log.connections.get(1)?.summary.reason, "The target does not answer with HTTP");
});

test("a target that ends within the head of its answer is a 502 that says so", async (t) => {
  const target = await rawTarget(t, (socket) => socket.end("HTTP/1.1 101 Swi"));
  const { port } = await proxyFor(t, target);
  const socket = send(t, port, "GET / HTTP/1.1", "Host: localhost", ...UPGRADE, "", "");
  await until(socket, (text) => /502[\s\S]*within the head of its answer\n$/.test(text));
});

test("a target that informs without an end is a 502, and its heads are not kept", async (t) => {
  const target = await rawTarget(t, (socket) => socket.write("HTTP/1.1 103 Early Hints\r\n\r\n".repeat(100_000)));
  const { port, log } = await proxyFor(t, target);
  const socket = send(t, port, "GET / HTTP/1.1", "Host: localhost", ...UPGRADE, "", "");
  await until(socket, (text) => /502[\s\S]*1xx\n$/.test(text));
  assert.equal(log.connections.get(1)?.heads.length, 17); // and the request
});

/** A transport whose network takes what it is told to. */
class FakeTransport {
  // biome-ignore lint/suspicious/noExplicitAny: a listener of the package's own
  listener: any;
  onTaken: (() => void) | undefined;
  isDestroyed = false;
  readonly isFull = false;

  start(listener: object): void {
    this.listener = listener;
  }

  write(_parts: Uint8Array[], writer?: { onTaken(): void }): boolean {
    this.onTaken = writer?.onTaken;
    return false;
  }

  destroy(): void {
    this.isDestroyed = true;
  }

  end(): void {}
  pause(): void {}
  resume(): void {}
}

test("a side that is busy at the end is not cut before it has taken everything", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const [client, server] = [new FakeTransport(), new FakeTransport()];
  const log = new TrafficLog(1 << 20).open("client", "/");
  const relay = new Relay({ client, log, rules: [], path: "/", record: undefined });
  relay.connected(server, new Uint8Array(1));
  server.listener.onData(Buffer.from("HTTP/1.1 101 Switching Protocols\r\n\r\n"), true);
  server.listener.onData(Buffer.from([0x82, 1, 7]), true);
  server.listener.onEnd();
  server.listener.onClose();
  t.mock.timers.tick(60_000);
  assert.ok(!client.isDestroyed);
  client.onTaken?.();
  await Promise.resolve();
  t.mock.timers.tick(60_000);
  assert.ok(client.isDestroyed);
});
