/** The commands where something is full, slow, too large or missing, as a shell runs them. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { constants, createDeflateRaw } from "node:zlib";

import { Inspector } from "websocket-component/inspect";
import { WebSocket as Peer, WebSocketServer as PeerServer } from "ws";

import { run, start, temporaryFolder } from "./shell.js";
import { inner, masked, once, serve, serveEcho, unmasked } from "./support.js";

const FULL = "/dev/full";

test("a recording that the disk has no room for ends, is said once, and all else goes on", async (t) => {
  if (!existsSync(FULL)) return t.skip(`no ${FULL} here`);
  const { url } = await serveEcho(t);
  const { code, out, error } = await run(t, "one\ntwo\n", "connect", url, "--record", FULL);
  assert.deepEqual([code, out], [0, "one\ntwo\n"], error);
  assert.equal(error.match(/nothing more is recorded: ENOSPC/g)?.length, 1, error);
  for (const args of [
    ["serve", "--echo"],
    ["proxy", url],
  ]) {
    const child = start(t, ...args, "--port", "0", "--record", FULL);
    const [line] = await once(child.stdout as NodeJS.ReadableStream, "data");
    const peer = new Peer(/wss?:\S+/.exec(String(line))?.[0] as string);
    t.after(() => peer.terminate());
    await once(peer, "open");
    peer.send("still here");
    assert.equal(String((await once(peer, "message"))[0]), "still here");
  }
});

test("a recording is whole where the system writes a part of a line", async (t) => {
  const file = join(temporaryFolder(t), "capture");
  const fs = (await import("node:fs")).default;
  const { syncBuiltinESMExports } = await import("node:module");
  const { writeSync } = fs;
  t.mock.method(fs, "writeSync", (one: number, bytes: Uint8Array) =>
    writeSync(one, bytes, 0, Math.min(7, bytes.length)),
  );
  syncBuiltinESMExports();
  t.after(() => {
    t.mock.restoreAll();
    syncBuiltinESMExports();
  });
  const { lineWriter } = await inner<{ lineWriter(path: string): (line: string) => void }>("command/watch.js");
  const write = lineWriter(file);
  write("a line that is longer than that, with an ü\n");
  write("another\n");
  assert.equal(readFileSync(file, "utf8"), "a line that is longer than that, with an ü\nanother\n");
});

type Tap = (traffic: { direction: string; bytes: Uint8Array; time: number }) => void;
const { watcher } = await inner<{
  watcher(side: string, what: object, print: (text: string) => void): () => Tap | undefined;
}>("command/watch.js");

test("frames of a long connection are all shown, and forgotten once they are", async (t) => {
  const free = t.mock.method(Inspector.prototype, "free");
  let shown = "";
  const tap = watcher("client", { frames: true }, (text) => (shown += text))() as Tap;
  const bytes = unmasked(0x82, Buffer.alloc(1 << 20));
  for (let count = 0; count < 200; count++) {
    // cut within a frame, so that not every chunk ends between two
    tap({ direction: "received", bytes: bytes.subarray(0, 5), time: 1 });
    tap({ direction: "received", bytes: bytes.subarray(5), time: 1 });
  }
  assert.equal(shown.match(/binary/g)?.length, 200);
  assert.equal(free.mock.callCount(), 3);
  assert.doesNotMatch(shown, /✗/);
});

test("the frames of a connection are forgotten when it ends", async (t) => {
  const free = t.mock.method(Inspector.prototype, "free");
  const { url } = await serveEcho(t, { tap: watcher("server", { frames: true }, () => {}) as never });
  const peer = new Peer(url);
  await once(peer, "open");
  peer.close();
  await once(peer, "close");
  while (free.mock.callCount() === 0) await new Promise((next) => setImmediate(next));
});

test("where frames cannot be shown any more, that is said once, and the connection goes on", async (t) => {
  const tap = watcher("client", { frames: true }, () => {})() as Tap;
  t.mock.method(Inspector.prototype, "push", () => {
    throw new WebAssembly.RuntimeError("unreachable");
  });
  const said = t.mock.method(process.stderr, "write", () => true);
  for (let count = 0; count < 2; count++) tap({ direction: "received", bytes: unmasked(0x81, "a"), time: 1 });
  const texts = said.mock.calls.map(({ arguments: [text] }) => String(text));
  assert.deepEqual(texts, ["websocket-component: frames are no longer shown: unreachable\n"]);
});

test("lines of a pipe wait for a server that does not read, and all of them arrive", async (t) => {
  const server = new PeerServer({ port: 0, host: "127.0.0.1", perMessageDeflate: false });
  t.after(() => server.close());
  await once(server, "listening");
  const child = start(t, "connect", `ws://127.0.0.1:${(server.address() as AddressInfo).port}`, "--no-deflate");
  const [peer] = (await once(server, "connection")) as [Peer];
  peer.pause();
  const [line, all] = [`${"x".repeat(999)}\n`, 40_000];
  let [got, taken] = [0, 0];
  peer.on("message", () => (got += 1));
  const input = child.stdin as NodeJS.WritableStream & { writableLength: number };
  const lines = line.repeat(1000);
  const write = () => new Promise<void>((resolve) => input.write(lines, () => resolve()));
  const writing = (async () => {
    for (; taken < all; taken += 1000) await write();
    input.end();
  })();
  // the input stops before all of it was read
  for (let before = -1; before !== taken; await new Promise((next) => setTimeout(next, 500))) before = taken;
  assert.ok(taken < all, `${taken} lines were read while none could be sent`);
  peer.resume();
  await writing;
  assert.deepEqual(await once(child, "exit"), [0, null]);
  assert.equal(got, all);
});

test("messages are printed though no one reads what is told on standard error", async (t) => {
  const { url } = await serveEcho(t);
  const child = start(t, "connect", url, "--execute", "hello", "--one");
  child.stderr?.destroy();
  let out = "";
  child.stdout?.on("data", (data) => (out += data));
  const [code] = await once(child, "close");
  assert.deepEqual([code, out], [0, "hello\n"]);
});

test("a page that cannot listen ends the proxy with status 1, and its port is free", async (t) => {
  const { url } = await serveEcho(t);
  const taken = createTcpServer().listen(65_535, "127.0.0.1");
  t.after(() => taken.close());
  await Promise.race([once(taken, "listening"), once(taken, "error")]);
  const { code, out, error } = await run(t, undefined, "proxy", url, "--port", "0", "--page-port", "65535");
  assert.deepEqual([code, out], [1, ""]);
  assert.match(error, /EADDRINUSE/);
});

test("--wait takes -1 as a word of its own, and a missing value is said in one line", async (t) => {
  const { url } = await serve(t, {}, (socket) => socket.close(1000));
  for (const option of ["-w", "--wait"]) {
    const { code, error } = await run(t, undefined, "connect", url, "-x", "hi", option, "-1");
    assert.equal(code, 0, error);
  }
  const { code, error } = await run(t, undefined, "connect", url, "-w", "-v");
  assert.equal(code, 2);
  assert.match(error, /^websocket-component: connect: Option '-w[^']*' argument is ambiguous; [^\n\\]*\n$/);
});

test("inspect cuts a payload that no text can hold, and says so", async (t) => {
  const file = join(temporaryFolder(t), "frames");
  const deflate = createDeflateRaw({ level: 1 });
  const parts: Buffer[] = [];
  deflate.on("data", (part) => parts.push(part));
  for (let count = 0; count < 65; count++) deflate.write(Buffer.alloc(1 << 20, "a"));
  await new Promise<void>((resolve) => deflate.flush(constants.Z_SYNC_FLUSH, () => resolve()));
  writeFileSync(file, unmasked(0xc1, Buffer.concat(parts).subarray(0, -4)));
  const args = ["--format", "raw", "--direction", "toClient", "--extensions", "permessage-deflate", "--payload"];
  const { code, out } = await run(t, undefined, "inspect", file, ...args);
  assert.equal(code, 0);
  assert.match(out.slice(-30), /a" … cut after 64 MiB\n$/);
  const json = await run(t, undefined, "inspect", file, ...args, "--json");
  const { text, cut } = JSON.parse(json.out.trim().split("\n").at(-1) as string);
  assert.deepEqual([text.length, cut], [1 << 26, 1 << 26]);
});

test("of a capture that goes on, --connection shows one", async (t) => {
  const line = (connection: number, text: string) =>
    `${JSON.stringify({ connection, direction: "sent", time: 1, base64: masked(0x81, text).toString("base64") })}\n`;
  const child = start(t, "inspect", "-", "--connection", "2");
  child.stdin?.write('{"format":"websocket-component","version":1,"side":"client"}\n');
  child.stdin?.write(line(1, "first") + line(2, "second"));
  let out = "";
  child.stdout?.on("data", (data) => (out += data));
  while (!out.includes("second")) await once(child.stdout as NodeJS.ReadableStream, "data");
  child.stdin?.end(line(1, "first again"));
  await once(child, "close");
  assert.doesNotMatch(out, /first/);
});

test("a HAR that names a folder in place of a file with messages is read without them", async (t) => {
  const folder = temporaryFolder(t);
  mkdirSync(join(folder, "sub"));
  const file = join(folder, "a.har");
  for (const name of [".", "sub"]) {
    const entry = {
      startedDateTime: "2026-01-01T00:00:00Z",
      _resourceType: "websocket",
      request: { method: "GET", url: "wss://example.com/", headers: [] },
      response: { status: 101, headers: [], content: { _file: name } },
    };
    writeFileSync(file, JSON.stringify({ log: { version: "1.2", entries: [entry] } }));
    const { out, error } = await run(t, undefined, "inspect", file);
    assert.match(out, /^har: one connection/, error);
  }
});
