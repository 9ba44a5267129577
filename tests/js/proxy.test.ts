/** The command `proxy` between real peers: what it passes on, what it logs, and what it does when it is told to. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync, watch, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { type AddressInfo, connect, createServer as createTcpServer } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";

import { Inspector, inspectConnection, readCapture } from "websocket-component/inspect";
import { WebSocket as Peer, type ServerOptions, WebSocketServer } from "ws";

import { certificate, key } from "./certificate.js";
import { bin, temporaryFolder } from "./shell.js";
import { once, within } from "./support.js";

interface Running {
  readonly child: ChildProcess;
  /** Where clients connect to, with a slash at the end. */
  readonly address: string;
  readonly page: string;
}

async function startProxy(t: TestContext, target: string, ...args: string[]): Promise<Running> {
  const child = spawn(process.execPath, [bin, "proxy", target, "--port", "0", ...args]);
  t.after(() => child.kill("SIGKILL"));
  let [out, error] = ["", ""];
  child.stderr.on("data", (data) => (error += data));
  while (!out.includes("its traffic:")) {
    const [data] = await Promise.race([once(child.stdout, "data"), once(child, "exit")]);
    assert.ok(Buffer.isBuffer(data), `the proxy ended: ${error}`);
    out += data;
  }
  const [, address, page] = /proxy on (\S+) for \S+\nits traffic: (\S+)\n/.exec(out) ?? [];
  return { child, address: `${address}/`, page: page as string };
}

/** A server of `ws` that sends everything back, over HTTP that answers other requests. */
async function target(t: TestContext, options: ServerOptions = {}, http: Server = createServer()): Promise<string> {
  const server = new WebSocketServer({ server: http, ...options });
  server.on("connection", (socket) => {
    socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
    socket.on("error", () => {});
  });
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  t.after(() => {
    for (const client of server.clients) client.terminate();
    http.close();
    http.closeAllConnections();
  });
  return `ws://127.0.0.1:${(http.address() as AddressInfo).port}`;
}

async function open(t: TestContext, address: string, options: object = {}): Promise<Peer> {
  const peer = new Peer(address, options);
  t.after(() => peer.terminate());
  await once(peer, "open");
  return peer;
}

async function message(peer: Peer): Promise<string> {
  const [data] = await once(peer, "message");
  return String(data);
}

/** A live page without its looks: what it was told, and what it asks for. */
class Page {
  readonly socket: Peer;
  // biome-ignore lint/suspicious/noExplicitAny: JSON of several shapes
  readonly told: any[] = [];
  #wake: () => void = () => {};

  constructor(socket: Peer) {
    this.socket = socket;
    socket.on("message", (data) => {
      this.told.push(JSON.parse(String(data)));
      this.#wake();
    });
  }

  static async open(t: TestContext, { page }: Running): Promise<Page> {
    const socket = new Peer(`${page.replace("http", "ws")}live`);
    const opened = new Page(socket);
    t.after(() => socket.terminate());
    await once(socket, "open");
    return opened;
  }

  ask(question: object): void {
    this.socket.send(JSON.stringify(question));
  }

  // biome-ignore lint/suspicious/noExplicitAny: JSON of several shapes
  async until<T>(find: (told: any[]) => T | undefined | false): Promise<T> {
    for (;;) {
      const found = find(this.told);
      if (found !== undefined && found !== false) return found;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** What is known of a connection last. */
  // biome-ignore lint/suspicious/noExplicitAny: JSON of several shapes
  connection(id: number, holds: (summary: any) => boolean = () => true): Promise<any> {
    return this.until((told) => {
      const all = told.flatMap(({ type, changed }) => (type === "connections" ? changed : []));
      return all.findLast((one) => one.id === id && holds(one));
    });
  }

  /** The bytes of a direction of the watched connection. */
  bytes(direction: string): Buffer {
    const pieces = this.told.flatMap(({ type, pieces }) => (type === "pieces" ? pieces : []));
    return Buffer.concat(
      pieces.filter((one) => one.direction === direction).map(({ base64 }) => Buffer.from(base64, "base64")),
    );
  }

  held(count: number): Promise<{ number: number; direction: string; kind: string; base64: string }[]> {
    return this.until((told) => {
      const last = told.findLast(({ type }) => type === "held");
      return last?.units.length === count && last.units;
    });
  }
}

/** Records of what a page was told, as the inspector reads them. */
function recordsOf(page: Page): string[] {
  const inspector = new Inspector();
  for (const { pieces } of page.told.filter(({ type }) => type === "pieces")) {
    for (const { direction, base64, time } of pieces) inspector.push(direction, Buffer.from(base64, "base64"), time);
  }
  return Array.from(inspector.records(), (record) => {
    const text = Buffer.from(inspector.payload(record)).toString().split("\r\n")[0];
    return `${record.direction} ${record.type === "frame" ? record.opcodeName : record.type} ${text}`;
  });
}

test("both sides' bytes arrive as they were sent, and are logged as they are", async (t) => {
  const received: Buffer[] = [];
  const server = createTcpServer((socket) => {
    socket.on("data", (data) => {
      received.push(data);
      if (data.includes("\r\n\r\n"))
        socket.write("HTTP/1.1 101 Fine\r\nX-Odd:  two  \r\nupgrade: websocket\r\n\r\n\x81\x05Hello", "latin1");
      if (data.includes("end")) socket.end(Buffer.from("8903616263880203e8", "hex"));
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const proxy = await startProxy(t, `ws://127.0.0.1:${port}`);
  const page = await Page.open(t, proxy);
  const { port: proxyPort } = new URL(proxy.address);
  const client = connect(Number(proxyPort), "127.0.0.1");
  t.after(() => client.destroy());
  let answer = Buffer.alloc(0);
  client.on("data", (data) => (answer = Buffer.concat([answer, data])));
  const request = `GET /chat?a=b HTTP/1.1\r\nHost: 127.0.0.1:${proxyPort}\r\nX-CASE: As It Is\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n`;
  client.write(request);
  // fragments with a ping between them, a reserved opcode, a frame without a mask, and one of 64 bits' length; in odd
  // pieces
  const frames = Buffer.from(
    `01830102030460606089800a0b0c0d80820101010160608b0083036162638185000000006120656e64${"82ff000000000000000300000000010203"}`,
    "hex",
  );
  while (!answer.includes("Hello")) await once(client, "data");
  for (let at = 0; at < frames.length; at += 7) {
    client.write(frames.subarray(at, at + 7));
    await new Promise(setImmediate);
  }
  await once(client, "end");
  client.end();
  assert.equal(
    answer.toString("latin1"),
    "HTTP/1.1 101 Fine\r\nX-Odd:  two  \r\nupgrade: websocket\r\n\r\n\x81\x05Hello\x89\x03abc\x88\x02\x03\xe8",
  );
  const all = Buffer.concat(received).toString("latin1");
  const [head, ...rest] = all.split("\r\n\r\n");
  assert.equal(`${head}\r\n\r\n`, request.replace(`Host: 127.0.0.1:${proxyPort}`, `Host: 127.0.0.1:${port}`));
  assert.equal(Buffer.from(rest.join("\r\n\r\n"), "latin1").toString("hex"), frames.toString("hex"));
  const { client: name, url } = await page.connection(1, ({ state }) => state === "closed");
  assert.match(name, /^127\.0\.0\.1:\d+$/);
  assert.equal(url, `ws://127.0.0.1:${port}/chat?a=b`);
  page.ask({ type: "watch", watch: 1, id: 1 });
  await page.until(
    () => page.bytes("toClient").length === answer.length && page.bytes("toServer").length === all.length,
  );
  assert.equal(page.bytes("toClient").toString("latin1"), answer.toString("latin1"));
  assert.equal(page.bytes("toServer").toString("latin1"), all);
});

test("text, binary and compressed messages go through, over TLS on both sides", async (t) => {
  const folder = temporaryFolder(t);
  writeFileSync(join(folder, "cert.pem"), certificate);
  writeFileSync(join(folder, "key.pem"), key);
  const address = await target(
    t,
    { perMessageDeflate: { threshold: 0 } },
    createSecureServer({ cert: certificate, key }),
  );
  const secure = address.replace("ws:", "wss:").replace("127.0.0.1", "localhost");
  const own = ["--cert", join(folder, "cert.pem"), "--key", join(folder, "key.pem")];
  const refused = await startProxy(t, secure, ...own);
  const stranger = new Peer(refused.address, { rejectUnauthorized: false });
  t.after(() => stranger.terminate());
  const [error] = await once(stranger, "error");
  assert.match(error.message, /502/);
  for (const trust of [["--insecure"], ["--ca", join(folder, "cert.pem")]]) {
    const recording = join(folder, `${trust.length}.jsonl`);
    const proxy = await startProxy(t, secure, ...own, ...trust, "--record", recording);
    assert.match(proxy.address, /^wss:/);
    const peer = await open(t, proxy.address, { rejectUnauthorized: false });
    for (const data of ["Hello", "a".repeat(100_000), ""]) {
      peer.send(data);
      assert.equal(await message(peer), data);
    }
    peer.send(Buffer.from([0, 255, 1]));
    assert.deepEqual((await once(peer, "message"))[0], Buffer.from([0, 255, 1]));
    peer.close(4001, "done");
    assert.equal((await once(peer, "close"))[0], 4001);
    const [connection] = readCapture(readFileSync(recording)).connections;
    const inspector = inspectConnection(connection as never);
    assert.equal(inspector.messageCount, 8);
    assert.equal(inspector.faultCount, 0);
    assert.ok(inspector.extensions.deflate);
  }
});

test("other requests go through with their bodies, statuses and fields, and redirections lead to the proxy", async (t) => {
  const http = createServer((request, response) => {
    if (request.url === "/there")
      response.writeHead(302, { Location: `http://${request.headers.host}/here?x#y` }).end();
    else {
      response.writeHead(207, { "X-Asked": `${request.method} ${request.url}`, "Set-Cookie": ["a=1", "b=2"] });
      request.pipe(response);
    }
  });
  const address = await target(t, {}, http);
  const proxy = await startProxy(t, address);
  const base = proxy.address.replace("ws:", "http:");
  const body = "x".repeat(1_000_000);
  const response = await fetch(`${base}path?query`, { method: "POST", body });
  assert.equal(response.status, 207);
  assert.equal(response.headers.get("x-asked"), "POST /path?query");
  assert.deepEqual(response.headers.getSetCookie(), ["a=1", "b=2"]);
  assert.equal(await response.text(), body);
  const redirected = await fetch(`${base}there`, { redirect: "manual" });
  assert.equal(redirected.headers.get("location"), `${base}here?x#y`);
});

test("a target whose response cannot be passed on, or is none, costs a 502, and the proxy goes on", async (t) => {
  let answer = "";
  const server = createTcpServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", () => socket.end(answer));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const { address } = await startProxy(t, `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  for (const head of [
    "HTTP/1.1 000 Zero", // Node reads it, and does not write it
    "HTTP/1.1 099 Low",
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade",
    "SSH-2.0-OpenSSH",
  ]) {
    answer = `${head}\r\n\r\n`;
    const response = await within(`a response, not ${head}`, fetch(address.replace("ws:", "http:")));
    assert.equal(response.status, 502, head);
    assert.match(await response.text(), /^The proxy's target: /);
  }
});

test("a refusal goes through with its body, and a target that cannot be reached is 502 with the reason", async (t) => {
  const http = createServer();
  http.on("upgrade", (_request, socket) => {
    socket.end("HTTP/1.1 401 Unauthorized\r\nContent-Length: 7\r\nConnection: keep-alive\r\n\r\nno pass");
  });
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  const proxy = await startProxy(t, `ws://127.0.0.1:${(http.address() as AddressInfo).port}`);
  const page = await Page.open(t, proxy);
  const refused = async () => {
    const peer = new Peer(proxy.address);
    const [, response] = await once(peer, "unexpected-response");
    let body = "";
    for await (const chunk of response) body += chunk;
    return { status: response.statusCode, body };
  };
  assert.deepEqual(await refused(), { status: 401, body: "no pass" });
  assert.equal((await page.connection(1, ({ closed }) => closed !== undefined)).state, "refused");
  http.close();
  http.closeAllConnections();
  await once(http, "close");
  const { status, body } = await refused();
  assert.equal(status, 502);
  assert.match(body, /ECONNREFUSED/);
  assert.match((await page.connection(2, ({ state }) => state === "failed")).reason, /ECONNREFUSED/);
});

test("a side that does not read makes the other one wait, both ways, and gets everything in the end", async (t) => {
  const http = createServer();
  const server = new WebSocketServer({ server: http, perMessageDeflate: false });
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  t.after(() => http.close());
  const proxy = await startProxy(t, `ws://127.0.0.1:${(http.address() as AddressInfo).port}`, "--memory", "4");
  const [[atServer], atClient] = await Promise.all([
    once(server, "connection") as Promise<[Peer]>,
    open(t, proxy.address, { perMessageDeflate: false }),
  ]);
  t.after(() => atServer.terminate());
  for (const [sender, receiver] of [
    [atClient, atServer],
    [atServer, atClient],
  ] as const) {
    let received = 0;
    receiver.on("message", (data: Buffer) => (received += data.length));
    receiver.pause();
    for (let count = 0; count < 64; count++) sender.send(Buffer.alloc(2 ** 20));
    for (let before = -1; before !== sender.bufferedAmount; ) {
      before = sender.bufferedAmount;
      await new Promise((next) => setTimeout(next, 300));
    }
    assert.ok(sender.bufferedAmount > 2 ** 24, `${sender.bufferedAmount} bytes wait`);
    receiver.resume();
    while (received < 2 ** 26) await once(receiver, "message");
  }
  const page = await Page.open(t, proxy);
  const { forgotten, bytes } = await page.connection(1);
  assert.ok(bytes.toServer + bytes.toClient - forgotten <= 4 * 2 ** 20);
  page.ask({ type: "watch", watch: 1, id: 1 });
  const pieces = await page.until((told) => told.find(({ type }) => type === "pieces"));
  assert.ok(
    pieces.pieces.some(({ missing }: { missing: number }) => missing > 0),
    "the gap is told",
  );
});

test("what is dropped, delayed and closed by rules is what their filters are about", async (t) => {
  const address = await target(t, { perMessageDeflate: { threshold: 0 } });
  const proxy = await startProxy(
    t,
    address,
    ...[
      "--drop",
      "to-server text /^secret/i",
      "--delay",
      "80ms to-client binary",
      "--close-after",
      "3 to-client text code=1011",
    ],
  );
  const page = await Page.open(t, proxy);
  const peer = await open(t, proxy.address);
  const got: string[] = [];
  peer.on("message", (data, isBinary) => got.push(`${isBinary ? "binary" : "text"} ${data}`));
  peer.send(Buffer.from("late"));
  await once(peer, "message");
  // all of it compressed with reference to what was before, of which a part never arrives
  for (const text of [
    "one, compressed",
    "Secret, compressed",
    "two, compressed",
    "Secret, compressed",
    "three, compressed",
  ]) {
    peer.send(text);
  }
  const [code] = await once(peer, "close");
  assert.deepEqual(got, ["binary late", "text one, compressed", "text two, compressed", "text three, compressed"]);
  assert.equal(code, 1011);
  const { interventions, reason } = await page.connection(1, ({ state }) => state === "closed");
  assert.equal(interventions, 4);
  assert.match(reason, /closed with 1011/);
  page.ask({ type: "watch", watch: 1, id: 1 });
  const told = await page.until((told) => told.find(({ type }) => type === "interventions"));
  assert.deepEqual(
    told.all.map(({ action, about }: { action: string; about: string }) => `${action}: ${about}`),
    [
      "delayed: binary of 4 bytes, by 80 ms",
      "dropped: text of 18 bytes, by a rule",
      "dropped: text of 18 bytes, by a rule",
      "closed: closed with 1011, by a rule",
    ],
  );
});

test("TCP is cut where a rule closes without a code, at its time", async (t) => {
  const proxy = await startProxy(t, await target(t), "--close-after", "50ms");
  const peer = await open(t, proxy.address);
  assert.equal((await once(peer, "close"))[0], 1006);
});

test("messages are held, edited, dropped and let go from the page, in their order, compressed or not", async (t) => {
  for (const perMessageDeflate of [false, { threshold: 0 }]) {
    const proxy = await startProxy(t, await target(t, { perMessageDeflate }));
    const page = await Page.open(t, proxy);
    const peer = await open(t, proxy.address);
    const got: string[] = [];
    peer.on("message", (data) => got.push(String(data)));
    peer.send("a first message, to refer to");
    await once(peer, "message");
    page.ask({ type: "watch", watch: 1, id: 1 });
    page.ask({ type: "hold", id: 1, direction: "toServer", isOn: true });
    await page.connection(1, ({ holding }) => holding.toServer);
    for (const text of ["a message, kept", "a message, changed", "a message, dropped"]) peer.send(text);
    const [kept, changed, dropped] = await page.held(3);
    const texts = [kept, changed, dropped].map((unit) => Buffer.from(unit?.base64 ?? "", "base64").toString());
    assert.deepEqual(texts, ["a message, kept", "a message, changed", "a message, dropped"]);
    const about = { id: 1, direction: "toServer" };
    page.ask({ type: "drop", ...about, number: dropped?.number });
    page.ask({
      type: "release",
      ...about,
      number: changed?.number,
      base64: Buffer.from("geändert").toString("base64"),
    });
    page.ask({ type: "release", ...about, number: kept?.number });
    while (got.length < 3) await once(peer, "message");
    page.ask({ type: "hold", ...about, isOn: false });
    await page.connection(1, ({ holding }) => !holding.toServer);
    // these refer to messages that the server has not seen as they were
    for (const text of ["a message, dropped or not", "a message, changed"]) peer.send(text);
    while (got.length < 5) await once(peer, "message");
    assert.deepEqual(got.slice(1), ["a message, kept", "geändert", "a message, dropped or not", "a message, changed"]);
    const actions = await page.until((told) =>
      told.find(({ type, all }) => type === "interventions" && all.length === 2),
    );
    assert.deepEqual(
      actions.all.map(({ action }: { action: string }) => action),
      ["dropped", "edited"],
    );
    page.ask({ type: "drop", ...about, number: dropped?.number });
    assert.match((await page.until((told) => told.find(({ type }) => type === "error"))).message, /does not wait/);
  }
});

test("a held message goes on as another kind of frame, or after a while, and what follows waits behind it", async (t) => {
  const proxy = await startProxy(t, await target(t));
  const page = await Page.open(t, proxy);
  const peer = await open(t, proxy.address);
  const got: string[] = [];
  peer.on("message", (data, isBinary) => got.push(`${isBinary ? "binary" : "text"} ${data}`));
  const end = once(peer, "close");
  page.ask({ type: "watch", watch: 1, id: 1 });
  const about = { id: 1, direction: "toServer" };
  page.ask({ type: "hold", ...about, isOn: true });
  await page.connection(1, ({ holding }) => holding.toServer);
  for (const text of ["late", "as bytes", "as it is"]) peer.send(text);
  const [late, bytes, other] = await page.held(3);
  page.ask({ type: "release", ...about, number: other?.number });
  const base64 = Buffer.from("in two").toString("base64");
  page.ask({ type: "release", ...about, number: bytes?.number, first: 0x02, base64 });
  page.ask({ type: "release", ...about, number: late?.number, delay: 100 });
  await page.held(0);
  page.ask({ type: "inject", ...about, first: 0x8a, base64 });
  const actions = await page.until((told) =>
    told.find(({ type, all }) => type === "interventions" && all.length === 3),
  );
  assert.deepEqual(
    actions.all.map(({ action, about }: { action: string; about: string }) => `${action}: ${about}`),
    ["edited: text of 8 bytes, 6 after it", "delayed: text of 4 bytes, by 100 ms", "injected: pong of 6 bytes"],
  );
  // a message that its edited frame left open: the peer's next text breaks the protocol
  const [code] = await end;
  assert.equal(code, 1002);
  assert.deepEqual(got, ["text late"]);
  page.ask({ type: "release", ...about, number: 1, delay: -1 });
  await page.until((told) => told.find(({ type }) => type === "error"));
});

test("--tls makes a certificate for the run, and says what is missing where it cannot", async (t) => {
  if (spawnSync("openssl", ["version"]).error !== undefined) return t.skip("no openssl here");
  const proxy = await startProxy(t, await target(t), "--tls");
  assert.match(proxy.address, /^wss:/);
  const peer = new Peer(proxy.address, { rejectUnauthorized: false });
  t.after(() => peer.terminate());
  const [[response]] = await Promise.all([once(peer, "upgrade"), once(peer, "open")]);
  const { subjectaltname } = response.socket.getPeerCertificate();
  assert.match(subjectaltname, /DNS:localhost.*IP Address:127\.0\.0\.1/);
  peer.send("over TLS");
  assert.equal(await message(peer), "over TLS");
  const command = [bin, "proxy", "ws://127.0.0.1:1", "--port", "0", "--tls"];
  const none = spawnSync(process.execPath, command, { env: { PATH: "" }, encoding: "utf8" });
  assert.deepEqual([none.status, none.stdout], [1, ""]);
  assert.match(none.stderr, /--tls needs openssl .*--cert and --key/);
  assert.equal(spawnSync(process.execPath, [...command, "--cert", "a", "--key", "b"]).status, 2);
});

test("--open gives the page's address to the program that opens addresses, and says so where there is none", async (t) => {
  if (process.platform !== "linux") return t.skip("the stub stands for xdg-open");
  const folder = temporaryFolder(t);
  const opened = join(folder, "opened");
  writeFileSync(
    join(folder, "xdg-open"),
    `#!/bin/sh\necho "$1" > "${opened}.new"; /bin/mv "${opened}.new" "${opened}"\n`,
    { mode: 0o755 },
  );
  const own = process.env.PATH;
  t.after(() => {
    process.env.PATH = own;
  });
  process.env.PATH = folder;
  const watcher = watch(folder);
  t.after(() => watcher.close());
  const { page } = await startProxy(t, await target(t), "--open");
  while (!existsSync(opened)) await once(watcher, "change");
  assert.equal(readFileSync(opened, "utf8").trim(), page);
  process.env.PATH = "";
  const without = await startProxy(t, await target(t), "--open");
  const [said] = await once(without.child.stderr as NodeJS.ReadableStream, "data");
  assert.match(String(said), new RegExp(`no browser could be opened: use ${without.page}`));
});

test("frames of the page's making are sent between two messages, each way, and are logged", async (t) => {
  const proxy = await startProxy(t, await target(t));
  const page = await Page.open(t, proxy);
  const peer = await open(t, proxy.address);
  page.ask({ type: "watch", watch: 1, id: 1 });
  await page.connection(1);
  const base64 = Buffer.from("injected").toString("base64");
  page.ask({ type: "inject", id: 1, direction: "toServer", first: 0x81, base64 });
  assert.equal(await message(peer), "injected");
  page.ask({ type: "inject", id: 1, direction: "toClient", first: 0x89, base64 });
  assert.equal(String((await once(peer, "ping"))[0]), "injected");
  // a reserved bit, to see how the client takes it
  page.ask({ type: "inject", id: 1, direction: "toClient", first: 0xc1, base64 });
  const [error] = await once(peer, "error");
  assert.match(error.message, /RSV1/);
  await page.connection(1, ({ state }) => state === "closed");
  const records = await page.until(() => {
    const all = recordsOf(page);
    return all.some((one) => one.startsWith("toServer close")) && all;
  });
  const went = (direction: string) =>
    records.filter((one) => one.startsWith(direction)).map((one) => one.split(" ").slice(1).join(" "));
  assert.deepEqual(went("toServer").slice(0, 4), [
    "request GET / HTTP/1.1",
    "text injected",
    "pong injected",
    "close \u0003\ufffd",
  ]);
  assert.deepEqual(went("toClient").slice(1, 4), ["text injected", "ping injected", "text injected"]);
});

test("the page closes a connection with a status, which both sides see", async (t) => {
  const http = createServer();
  const server = new WebSocketServer({ server: http });
  const atServer = once(server, "connection").then(([socket]) => once(socket, "close"));
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  t.after(() => http.close());
  const proxy = await startProxy(t, `ws://127.0.0.1:${(http.address() as AddressInfo).port}`);
  const page = await Page.open(t, proxy);
  const peer = await open(t, proxy.address);
  page.ask({ type: "close", id: 1, status: 4321 });
  assert.equal((await once(peer, "close"))[0], 4321);
  await page.connection(1, ({ state }) => state === "closed");
  assert.equal((await atServer)[0], 4321);
});

test("fifty clients that come and go each have their own connection in the list", async (t) => {
  const proxy = await startProxy(t, await target(t));
  const page = await Page.open(t, proxy);
  await Promise.all(
    Array.from({ length: 50 }, async (_, index) => {
      const peer = await open(t, `${proxy.address}client/${index}`);
      peer.send(`${index}`);
      assert.equal(await message(peer), `${index}`);
      peer.close();
      await once(peer, "close");
    }),
  );
  const urls = new Set<string>();
  for (let id = 1; id <= 50; id++) urls.add((await page.connection(id, ({ state }) => state === "closed")).url);
  assert.equal(urls.size, 50);
});

test("the page says which side ended a connection, however that ended", async (t) => {
  const http = createServer();
  const server = new WebSocketServer({ server: http });
  server.on("connection", (socket) => socket.on("message", () => socket.terminate()));
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  t.after(() => http.close());
  const proxy = await startProxy(t, `ws://127.0.0.1:${(http.address() as AddressInfo).port}`);
  const page = await Page.open(t, proxy);
  const reason = async (id: number) => (await page.connection(id, ({ state }) => state === "closed")).reason;
  const gone = await open(t, proxy.address);
  gone.terminate();
  assert.match(await reason(1), /^the client/);
  (await open(t, proxy.address)).send("leave");
  assert.match(await reason(2), /^the target/);
});

test("the page is for this machine and its own origin only", async (t) => {
  const proxy = await startProxy(t, await target(t));
  const { port } = new URL(proxy.page);
  const status = (headers: Record<string, string>) =>
    new Promise<string>((resolve) => {
      const socket = connect(Number(port), "127.0.0.1");
      const lines = Object.entries({ Host: `127.0.0.1:${port}`, ...headers }).map(
        ([name, value]) => `${name}: ${value}\r\n`,
      );
      socket.end(`GET /live HTTP/1.1\r\n${lines.join("")}\r\n`);
      socket.once("data", (data) => resolve(data.toString().slice(9, 12)));
    });
  const handshake = {
    Upgrade: "websocket",
    Connection: "Upgrade",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
  };
  assert.equal(await status(handshake), "101");
  assert.equal(await status({ ...handshake, Origin: `http://127.0.0.1:${port}` }), "101");
  assert.equal(await status({ ...handshake, Origin: "http://evil.example" }), "403");
  assert.equal(await status({ ...handshake, Origin: `http://127.0.0.1:${Number(port) + 1}` }), "403");
  assert.equal(await status({ ...handshake, Origin: "null" }), "403");
  assert.equal(await status({ ...handshake, Host: "evil.example", Origin: "http://evil.example" }), "403");
  assert.equal(await status({ Host: `evil.example:${port}` }), "403");
});

test("wrong usage of the proxy is said in one line, with status 2", async () => {
  const wrong: readonly (readonly [string[], RegExp])[] = [
    [["ftp://example.com"], /scheme/],
    [["http://"], /not an address/],
    [["ws://a", "--drop", "sideways"], /to-server/],
    [["ws://a", "--drop", "every=0"], /every=/],
    [["ws://a", "--drop", "/(/"], /Invalid regular expression/],
    [["ws://a", "--delay", "soon"], /a time/],
    [["ws://a", "--close-after", "0"], /a number/],
    [["ws://a", "--close-after", "1 code=999"], /close status/],
    [["ws://a", "--close-after", "2147484s"], /at most 2147483647 ms/],
    [["ws://a", "--delay", "2147483648ms"], /at most 2147483647 ms/],
    [["ws://a", "--cert", "x"], /belong together/],
    [["ws://a", "--memory", "0"], /--memory/],
  ];
  await Promise.all(
    wrong.map(async ([args, said]) => {
      const child = spawn(process.execPath, [bin, "proxy", ...args]);
      let error = "";
      child.stderr.on("data", (data) => (error += data));
      assert.deepEqual(await once(child, "close"), [2, null], error);
      assert.match(error.split("\n")[0] as string, said);
    }),
  );
});
