/** What keeps a process alive: a connection with all that it waits for, or, after `unref`, none of that. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { type TestContext, test } from "node:test";

import { answer, masked, once, RawPeer, REQUEST, serveRaw, unmasked } from "./support.js";

const ENTRY = JSON.stringify(new URL("../dist/entry/node.js", import.meta.url));
const PRELUDE = `
  import { createServer } from "node:http";
  const { WebSocket, WebSocketServer } = await import(${ENTRY});
  const [url] = process.argv.slice(1);
`;

/** Starts a program of its own; its end is awaited before the test's own deadline. */
function start(t: TestContext, program: string, ...args: string[]): ChildProcess {
  const child = spawn(process.execPath, ["--input-type=module", "--eval", PRELUDE + program, ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  t.after(() => child.kill("SIGKILL"));
  return child;
}

const clients: [waitsFor: string, program: string][] = [
  [
    "the answer to its close",
    `const socket = new WebSocket(url, { closeTimeout: 600_000 });
     socket.addEventListener("ping", () => { socket.unref(); socket.close(); });`,
  ],
  [
    "the answer to a close before unref",
    `const socket = new WebSocket(url, { closeTimeout: 600_000 });
     socket.addEventListener("ping", () => { socket.close(); socket.unref(); });`,
  ],
  [
    "a claim of its messages",
    `const socket = new WebSocket(url, { claimTimeout: 600_000 });
     socket.addEventListener("ping", () => socket.unref());
     for await (const message of socket) break;`,
  ],
  [
    "a claim of more messages than it reads ahead",
    `const socket = new WebSocket(url, { claimTimeout: 600_000 });
     for await (const message of socket) break;
     socket.unref();`,
  ],
];

for (const [waitsFor, program] of clients) {
  test(`unref lets the process end, though a connection waits for ${waitsFor}`, async (t) => {
    const url = await serveRaw(t, async (peer) => {
      await answer(peer);
      const message = unmasked(0x82, Buffer.alloc(waitsFor.includes("more") ? 192 * 1024 : 1));
      peer.write(Buffer.concat([message, message, unmasked(0x89, "")]));
    });
    assert.deepEqual(await once(start(t, program, url), "exit"), [0, null]);
  });
}

test("unref lets a server's process end, though a connection waits for a claim, and another for the answer to a close", async (t) => {
  const child = start(
    t,
    `const http = createServer().listen(0, "127.0.0.1", () => console.log(http.address().port));
     const server = new WebSocketServer({ server: http, claimTimeout: 600_000, closeTimeout: 600_000 });
     const sockets = [];
     server.on("connection", (socket, { url }) => {
       socket.addEventListener("ping", () => {
         socket.unref();
         if (url === "/close") socket.close();
         if (sockets.push(socket) === 2) http.close();
       });
     });`,
  );
  const [port] = (await once(createInterface(child.stdout as never), "line")) as [string];
  for (const path of ["/close", "/claim"]) {
    const peer = await RawPeer.connect(Number(port), REQUEST.replace("GET / ", `GET ${path} `));
    t.after(() => peer.socket.destroy());
    await peer.head();
    peer.write(Buffer.concat([masked(0x81, "unclaimed"), masked(0x89, "")]));
  }
  assert.deepEqual(await once(child, "exit"), [0, null]);
});

test("a connection that is held, or is again, keeps its process until its end was told", async (t) => {
  const url = await serveRaw(t, async (peer) => {
    await answer(peer);
    peer.write(Buffer.concat([unmasked(0x81, "claimed"), unmasked(0x81, "unclaimed"), unmasked(0x89, "")]));
    peer.socket.end();
  });
  for (const way of ["", "socket.unref(); socket.ref();"]) {
    const program = `
      const socket = new WebSocket(url);
      socket.addEventListener("close", ({ code }) => console.log(code));
      socket.addEventListener("ping", () => { ${way} });
      for await (const message of socket) break;`;
    const child = start(t, program, url);
    const line = once(createInterface(child.stdout as never), "line");
    assert.deepEqual(await line, ["1006"]);
    if (child.exitCode === null) await once(child, "exit");
    assert.equal(child.exitCode, 0);
  }
});
