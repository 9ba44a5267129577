/** The commands `inspect` and `connect`, and what `serve` and `connect` show and record, as a shell runs them. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { readCapture } from "websocket-component/inspect";

import { result, run, start, temporaryFolder } from "./shell.js";
import { hex, masked, once, serve, serveEcho, unmasked } from "./support.js";

test("inspect prints a line for each frame, and its exit status reports violations", async (t) => {
  const good = await run(t, masked(0x81, "Hello").toString("hex"), "inspect", "-");
  assert.equal(good.code, 0);
  assert.match(good.out, /^hex: one connection\n +0 → text FIN mask 37fa213d 5 bytes "Hello"\n$/);
  const bad = await run(t, unmasked(0x93, "\x1b[2J"), "inspect", "-", "--direction", "toServer");
  assert.equal(bad.code, 3);
  assert.match(bad.out, /✗ the opcode is reserved \(RFC 6455 §5\.2\), close 1002/);
  assert.ok(!bad.out.includes("\x1b"), "a peer's bytes do not reach the terminal");
});

test("inspect --json has a line for each thing, with its payload if that is asked for", async (t) => {
  const file = join(temporaryFolder(t), "frames.bin");
  writeFileSync(file, Buffer.concat([unmasked(0x01, "He"), unmasked(0x80, "llo"), unmasked(0x88, hex("03e8"))]));
  const { code, out } = await run(t, "", "inspect", file, "--json", "--payload");
  assert.equal(code, 0);
  const [capture, connection, first, last, close] = out
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  assert.deepEqual([capture.type, capture.format, capture.connections], ["capture", "raw", 1]);
  assert.deepEqual([connection.type, connection.connection], ["connection", 1]);
  assert.deepEqual([first.type, first.fin, first.opcodeName, first.text], ["frame", false, "text", "He"]);
  assert.deepEqual([last.wholeMessage.frames, last.wholeMessage.length], [2, 5]);
  assert.deepEqual([close.closeStatus, close.base64], [1000, "A+g="]);
});

test("inspect tells what it cannot read with status 1, and wrong usage with 2", async (t) => {
  const missing = await run(t, "", "inspect", join(temporaryFolder(t), "nothing"));
  assert.deepEqual([missing.code, missing.out], [1, ""]);
  assert.match(missing.error, /^websocket-component: ENOENT/);
  assert.equal((await run(t, "", "inspect", "-")).code, 1);
  for (const args of [[], ["-", "--format", "nonsense"], ["-", "--connection", "2"], ["-", "more"]]) {
    const { code, error } = await run(t, "8100", "inspect", ...args);
    assert.equal(code, 2, args.join(" "));
    assert.match(error, /^websocket-component: .* --help tells more\n$/);
  }
});

test("inspect ends when its reader does", async (t) => {
  const file = join(temporaryFolder(t), "many.bin");
  writeFileSync(file, Buffer.alloc(7 * 200_000, masked(0x82, "x")));
  const child = start(t, "inspect", file);
  await once(child.stdout as NodeJS.ReadableStream, "data");
  child.stdout?.destroy();
  const { code, error } = await result(child);
  assert.deepEqual([code, error], [0, ""]);
});

test("connect sends lines, prints messages, and closes at the end of its input", async (t) => {
  const { url } = await serveEcho(t, { chooseProtocol: () => "chat" });
  const { code, out, error } = await run(t, "Hello\n//slash\n", "connect", url, "--subprotocol", "chat");
  assert.deepEqual([code, out], [0, "Hello\n/slash\n"]);
  assert.match(error, /^connected \(chat; permessage-deflate.*\n(.*\n)*closed with 1000\n$/);
});

test("connect sends headers, pings, binary messages and a close as it is told", async (t) => {
  let headers: unknown;
  const got: unknown[] = [];
  const { url, server } = await serve(t, { binaryType: "nodebuffer" }, (socket) => {
    socket.onmessage = ({ data }) => got.push(data);
  });
  server.on("connection", (_, request) => {
    headers = request.headers["x-test"];
  });
  const lines = "/binary 00 ff\n/ping hi\n/nonsense\n/close 3001 enough of it\n";
  const { code, error } = await run(t, lines, "connect", url, "-H", "X-Test: a b");
  assert.deepEqual([code, headers, got], [0, "a b", [Buffer.from([0, 255])]]);
  assert.match(error, /\/nonsense is not a command[\s\S]*closed with 3001/);
});

test("connect fails with 1 if there is no server, and with 2 for what is not a URL", async (t) => {
  const { server, url } = await serve(t);
  server.close();
  await once(server, "close");
  assert.equal((await run(t, "", "connect", url)).code, 1);
  for (const args of [["ftp://localhost"], ["a b"], [], [url, "-H", "nonsense"]]) {
    assert.equal((await run(t, "", "connect", ...args)).code, 2, args.join(" "));
  }
});

test("both ends show the frames, and record what inspect reads", async (t) => {
  const folder = temporaryFolder(t);
  const [ofServer, ofClient] = [join(folder, "server"), join(folder, "client")];
  const server = start(t, "serve", "--echo", "--port", "0", "--frames", "--record", ofServer);
  let shown = "";
  server.stdout?.on("data", (data) => (shown += data));
  while (!shown.includes("\n")) await once(server.stdout as NodeJS.ReadableStream, "data");
  const url = /ws:\S+/.exec(shown)?.[0] as string;
  const client = await run(t, "Hello\n", "connect", url, "--frames", "--record", ofClient);
  server.kill("SIGTERM");
  await once(server, "close");
  const lines =
    /→ GET \/ HTTP[\s\S]*← HTTP\/1\.1 101[\s\S]*→ text FIN mask [0-9a-f]{8} 5 bytes "Hello"[\s\S]*← close 1000/;
  assert.match(client.out, lines);
  assert.match(shown, lines);
  const bytes = [ofServer, ofClient].map((file) => {
    const { format, connections } = readCapture(readFileSync(file));
    assert.equal(format, "recorded");
    const pieces = connections[0]?.pieces ?? [];
    return ["toServer", "toClient"].map((direction) =>
      Buffer.concat(pieces.filter((piece) => piece.direction === direction).map((piece) => piece.bytes)),
    );
  });
  assert.deepEqual(bytes[0], bytes[1]);
  const told = await run(t, "", "inspect", ofServer);
  assert.equal(told.code, 0);
  assert.match(told.out, /^recorded: one connection\n/);
});
