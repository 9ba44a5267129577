// The C server and the C++ client, as built in the folder EXAMPLES: `node --test tests/hosts/examples.test.mjs`.
import assert from "node:assert/strict";
import { execFile, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer as createTcpServer, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { after, before } from "node:test";
import { createServer } from "node:tls";

import { WebSocket, WebSocketServer } from "ws";

const examples = process.env.EXAMPLES;
const folder = mkdtempSync(join(tmpdir(), "examples-"));
const [key, certificate] = ["key.pem", "certificate.pem"].map((name) => join(folder, name));
let server;
let port;

before(async () => {
  server = spawn(join(examples, "echo_server"), ["0"], { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = await once(server.stdout, "data");
  port = Number(/:(\d+)\n/.exec(line)[1]);
  const request = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
  const names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"];
  execFileSync("openssl", [...request, ...names, "-keyout", key, "-out", certificate], { stdio: "ignore" });
});

after(() => {
  server.kill();
  rmSync(folder, { recursive: true });
});

/** Runs the client; what it prints, and how it ended. */
function client(url, text, env = {}) {
  return new Promise((resolve) => {
    const options = { env: { ...process.env, ...env }, timeout: 30_000 };
    execFile(join(examples, "echo_client"), [url, text], options, (error, stdout, stderr) =>
      resolve({ code: error?.code ?? 0, stdout, stderr }),
    );
  });
}

/** TLS in front of the server, as a proxy would have it. */
async function serveTls(t) {
  const tls = createServer({ key: readFileSync(key), cert: readFileSync(certificate) }, (peer) => {
    const inner = connect(port, "127.0.0.1");
    peer.pipe(inner).pipe(peer);
    for (const one of [peer, inner]) one.on("error", () => undefined);
  });
  tls.on("tlsClientError", () => undefined);
  await once(tls.listen(0, "127.0.0.1"), "listening");
  t.after(() => tls.close());
  return tls.address().port;
}

test("the client gets its text back from the server", async () => {
  const long = "größe ".repeat(10_000);
  for (const text of ["Hello", long]) {
    assert.deepEqual(await client(`ws://localhost:${port}/chat`, text), { code: 0, stdout: `${text}\n`, stderr: "" });
  }
});

test("the server echoes many connections at once, compressed or not, and answers their closes", async () => {
  const messages = ["", "Hello", Buffer.alloc(200_000, 7), "y".repeat(70_000)];
  const closes = Array.from({ length: 40 }, async (_, index) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}`, { perMessageDeflate: index % 2 === 0 });
    await once(socket, "open");
    for (const message of messages) {
      socket.send(message);
      const [data, isBinary] = await once(socket, "message");
      assert.deepEqual(isBinary ? data : data.toString(), message);
    }
    socket.close(4000 + index, "bye");
    return (await once(socket, "close"))[0];
  });
  assert.deepEqual(await Promise.all(closes), Array.from(closes, (_, index) => 4000 + index));
});

test("the server answers others while a client sends faster than it reads", async (t) => {
  const flooding = connect(port, "127.0.0.1");
  t.after(() => flooding.destroy());
  const key = Buffer.alloc(16).toString("base64");
  const fields = ["Host: x", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13"];
  flooding.write(["GET / HTTP/1.1", ...fields, `Sec-WebSocket-Key: ${key}`, "\r\n"].join("\r\n"));
  await once(flooding, "data");
  const other = new WebSocket(`ws://127.0.0.1:${port}`);
  await once(other, "open");
  const pongs = Buffer.from("8A8000000000".repeat(100_000), "hex");
  let isTaken = false;
  await new Promise((resolve) => flooding.write(pongs, resolve));
  for (let left = 100; left > 0; left--) flooding.write(pongs, () => (isTaken = left === 1));
  other.send("Hello");
  const [data] = await once(other, "message");
  assert.deepEqual([`${data}`, isTaken], ["Hello", false], "not after the last pong");
  other.terminate();
});

test("the client fails if the connection ends without an answer", async (t) => {
  const endings = [(socket) => socket.close(1011), (socket) => socket.terminate()];
  const servers = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  servers.on("connection", (socket) => endings.shift()(socket));
  await once(servers, "listening");
  t.after(() => servers.close());
  while (endings.length > 0) {
    const { code, stdout, stderr } = await client(`ws://127.0.0.1:${servers.address().port}/`, "Hello");
    assert.deepEqual([code, stdout], [1, ""]);
    assert.match(stderr, /without an answer/);
  }
});

test("the client takes an address of IPv6, and a query without a path", async (t) => {
  const asked = [];
  const server = createTcpServer((socket) => {
    socket.on("error", () => undefined);
    socket.once("data", (head) => asked.push(`${head}`.split("\r\n").slice(0, 2)) && socket.end());
  });
  const free = await new Promise((resolve) => {
    server.once("error", () => resolve(0));
    server.listen(0, "::1", () => resolve(server.address().port));
  });
  if (free === 0) return t.skip("no IPv6 here");
  t.after(() => server.close());
  await client(`ws://[::1]:${free}?a=/:b`, "Hello");
  assert.deepEqual(asked, [["GET /?a=/:b HTTP/1.1", `Host: [::1]:${free}`]]);
});

test("over wss: the client speaks TLS", async (t) => {
  const url = `wss://localhost:${await serveTls(t)}/`;
  const answer = await client(url, "Hello over TLS", { SSL_CERT_FILE: certificate });
  assert.deepEqual(answer, { code: 0, stdout: "Hello over TLS\n", stderr: "" });
});

test("over wss: the client refuses a certificate that it does not trust, or that is another host's", async (t) => {
  const tlsPort = await serveTls(t);
  const refused = [
    await client(`wss://localhost:${tlsPort}/`, "Hello"),
    await client(`wss://127.0.0.1:${tlsPort}/`, "Hello", { SSL_CERT_FILE: certificate }),
  ];
  for (const { code, stdout, stderr } of refused) {
    assert.deepEqual([code, stdout], [1, ""]);
    assert.match(stderr, /certificate verify failed/);
  }
});
