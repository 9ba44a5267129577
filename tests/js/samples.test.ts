/**
 * The samples of README and docs/ live on when TCP ends in the middle: by a reset, and by a FIN without a close frame.
 */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { transformSync } from "esbuild";

import { documents, type Example, examples } from "./examples.js";
import { answer, once, RawPeer, REQUEST } from "./support.js";

const FOLDER = new URL("../samples/", import.meta.url);
mkdirSync(FOLDER, { recursive: true });

const samples = documents
  .filter((document) => document !== "CONTRIBUTING.md")
  .flatMap(examples)
  .filter(({ language, words }) => words.has("run") && (language === "js" || language === "ts"));
// one that closes its server when its own client has left may be gone before others vanish
const servers = samples.filter(
  ({ code }) =>
    /Server\(/.test(code) &&
    /port: 80[89]\d|listen\(80[89]\d/.test(code) &&
    !(/new WebSocket\(/.test(code) && /server\.close\(/.test(code)),
);
const clients = samples.filter(
  ({ code }) => !/Server\(/.test(code) && /ws:\/\/(?:localhost|127\.0\.0\.1):80[89]\d/.test(code),
);

/** Both ways for a connection to end without a close frame. */
const DROPS: Record<string, (socket: Socket) => void> = {
  reset: (socket) => socket.resetAndDestroy(),
  FIN: (socket) => socket.end(),
};

for (const sample of servers) {
  test(`${sample.place}: the server lives when clients vanish`, { timeout: 10_000 }, async (t) => {
    const port = await freePort();
    const { child, output } = start(t, sample, port);
    await reachable(port, child, output);
    for (const drop of Object.values(DROPS)) {
      const peer = await RawPeer.connect(port, REQUEST, Buffer.from([0x81, 0xff, 0, 0])); // a header that does not end
      await peer.head();
      drop(peer.socket);
      await once(peer.socket, "close");
    }
    const last = await RawPeer.connect(port);
    assert.match(await last.head(), /^HTTP\/1\.1 \d/, output.text);
    last.socket.destroy();
    assert.equal(child.exitCode, null, output.text);
  });
}

for (const sample of clients) {
  for (const [how, drop] of Object.entries(DROPS)) {
    test(`${sample.place}: the client does not die of a ${how}`, async (t) => {
      let connections = 0;
      let again: (reason: string) => void = () => {};
      const reconnected = new Promise<string>((resolve) => (again = resolve));
      const server = createServer({ allowHalfOpen: true }, (socket) => {
        if (++connections > 1) again("connected again");
        const answered = answer(new RawPeer(socket)).then(() => {
          socket.write(Buffer.from([0x81, 0x05, 0x48]), () => drop(socket)); // a frame that does not end
        });
        answered.catch(() => {}); // the sample has left before, or does not ask for a WebSocket
      }).listen(0);
      await once(server, "listening");
      t.after(() => server.close());
      const { child, output } = start(t, sample, (server.address() as AddressInfo).port);
      const ended = once(child, "exit").then(([code]) => `ended with ${code}`);
      const outcome = await Promise.race([ended, reconnected, wait(20_000, "still running", { ref: false })]);
      assert.ok(connections > 0, output.text);
      assert.notEqual(outcome, "still running");
      if (outcome !== "connected again") assert.doesNotMatch(output.text, /^ +at /m); // a stack: it was not caught
    });
  }
}

function start(t: TestContext, { code, language, place, words }: Example, port: number) {
  const file = new URL(`${place.replaceAll(/\W+/g, "-")}.${words.has("commonjs") ? "cjs" : "mjs"}`, FOLDER);
  const text = code.replaceAll(/\b80[89]\d\b/g, `${port}`);
  writeFileSync(file, language === "ts" ? transformSync(text, { loader: "ts", format: "esm" }).code : text);
  const child = spawn(process.execPath, [fileURLToPath(file)], { stdio: ["ignore", "pipe", "pipe"] });
  t.after(() => child.kill("SIGKILL"));
  const output = { text: "" };
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output.text += chunk));
  return { child, output };
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0);
  await once(probe, "listening");
  const { port } = probe.address() as AddressInfo;
  probe.close();
  return port;
}

/** Waits until something listens on the port. */
async function reachable(port: number, child: ChildProcess, output: { text: string }): Promise<void> {
  for (;;) {
    const socket = connect(port, "localhost");
    const isReached = await new Promise<boolean>((resolve) => {
      socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    });
    socket.destroy();
    if (isReached) return;
    assert.equal(child.exitCode, null, output.text);
    await wait(20);
  }
}
