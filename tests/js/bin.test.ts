/** The command, as a shell runs it. */
import assert from "node:assert/strict";
import { networkInterfaces } from "node:os";
import { test } from "node:test";

import { WebSocket } from "websocket-component";
import { WebSocket as Peer } from "ws";

import { result, start } from "./shell.js";
import { closed, nextEvent, once, serve } from "./support.js";

test("serve --echo prints its address, echoes, and ends in order when it is told to", async (t) => {
  const child = start(t, "serve", "--echo", "--port", "0");
  const [line] = await once(child.stdout as NodeJS.ReadableStream, "data");
  const url = /^echo server on (ws:\/\/127\.0\.0\.1:\d+)\n$/.exec(String(line))?.[1];
  const socket = new WebSocket(url as string);
  await nextEvent(socket, "open");
  const message = nextEvent<MessageEvent>(socket, "message");
  socket.send("Hello");
  assert.equal((await message).data, "Hello");
  const end = closed(socket);
  child.kill("SIGTERM");
  assert.equal((await end).code, 1001);
  assert.deepEqual(await once(child, "exit"), [0, null]);
});

test("a peer that sends and does not read has to wait, and gets everything once it reads", async (t) => {
  const child = start(t, "serve", "--echo", "--port", "0");
  const [line] = await once(child.stdout as NodeJS.ReadableStream, "data");
  const peer = new Peer(/ws:\S+/.exec(String(line))?.[0] as string, { perMessageDeflate: false });
  t.after(() => peer.terminate());
  await once(peer, "open");
  let received = 0;
  peer.on("message", (data: Buffer) => (received += data.length));
  peer.pause();
  for (let count = 0; count < 64; count++) peer.send(Buffer.alloc(2 ** 20));
  for (let before = -1; before !== peer.bufferedAmount; ) {
    before = peer.bufferedAmount;
    await new Promise((next) => setTimeout(next, 500));
  }
  assert.ok(peer.bufferedAmount > 2 ** 24, `${peer.bufferedAmount} bytes wait`);
  peer.resume();
  while (received < 2 ** 26) await once(peer, "message");
});

const hasIpv6 = Object.values(networkInterfaces()).some((interfaces) =>
  interfaces?.some(({ address }) => address === "::1"),
);

test("serve listens on the host that it is given, and Ctrl-C ends it", { skip: !hasIpv6 && "no IPv6" }, async (t) => {
  const child = start(t, "serve", "--echo", "--host", "::1", "--port", "0");
  const [line] = await once(child.stdout as NodeJS.ReadableStream, "data");
  const url = /ws:\/\/\[::1\]:\d+$/m.exec(String(line))?.[0];
  const socket = new WebSocket(url as string);
  await nextEvent(socket, "open");
  const end = closed(socket);
  child.kill("SIGINT");
  assert.equal((await end).code, 1001);
  assert.deepEqual(await once(child, "exit"), [0, null]);
});

test("help and version go to standard output with status 0", async (t) => {
  const help = await result(start(t, "--help"));
  assert.equal(help.code, 0);
  assert.match(help.out, /^Usage: websocket-component COMMAND/);
  for (const command of ["serve", "connect", "inspect"]) {
    const { code, out, error } = await result(start(t, command, "--help"));
    assert.deepEqual([code, error], [0, ""]);
    assert.match(out, new RegExp(`^Usage: websocket-component ${command} `));
  }
  const version = await result(start(t, "--version"));
  assert.match(version.out, /^\d+\.\d+\.\d+\n$/);
});

test("wrong usage is said on standard error with status 2", async (t) => {
  for (const args of [
    [],
    ["serve"],
    ["dance"],
    ["serve", "--echo", "--port", "http"],
    ["serve", "--echo", "--port", "65536"],
    ["--nonsense"],
    ["serve", "--echo", "--listen"],
    ["serve", "--echo", "--payload"],
    ["connect", "ws://localhost", "--echo"],
    ["inspect", "-", "--header", "a: b"],
    ["toString"],
  ]) {
    const { code, out, error } = await result(start(t, ...args));
    assert.deepEqual([code, out], [2, ""], args.join(" "));
    assert.match(error, /^websocket-component: .* tells? more\n$/, args.join(" "));
  }
});

test("a port that is taken is status 1", async (t) => {
  const { port } = await serve(t);
  const { code, error } = await result(start(t, "serve", "--echo", "--port", String(port)));
  assert.equal(code, 1);
  assert.match(error, /EADDRINUSE/);
});
