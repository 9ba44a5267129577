/** What `connect` and `serve` take on the command line, each with a peer, as a shell runs them. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { type AddressInfo, connect as connectTcp, createServer as createTcpServer } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";

import { WebSocket as Peer, WebSocketServer as PeerServer } from "ws";

import { certificate, key } from "./certificate.js";
import { run, start, temporaryFolder } from "./shell.js";
import { closed, once, serve, serveEcho } from "./support.js";

const captures = fileURLToPath(new URL("../../tests/js/captures/", import.meta.url));

function temporary(t: TestContext, name: string, content?: string | Uint8Array): string {
  const file = join(temporaryFolder(t), name);
  if (content !== undefined) writeFileSync(file, content);
  return file;
}

test("a refusal is printed with its headers and its body", async (t) => {
  const server = createServer((_, response) =>
    response.writeHead(403, { "X-Why": "no \u00e9" }).end("not you\x1b[2J\n"),
  );
  server.on("upgrade", (_, socket) =>
    socket.end("HTTP/1.1 403 Forbidden\r\nX-Why: because\r\nContent-Length: 11\r\n\r\nnot you\x1b[2J"),
  );
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const { code, error } = await run(t, "", "connect", `ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
  assert.equal(code, 1);
  assert.match(error, /HTTP\/1\.1 403 Forbidden\nX-Why: because\n[\s\S]*\n\nnot you\\x1b\[2J\n/);
});

test("--verbose prints the headers of the answer, and --header, --origin and --auth go to the server", async (t) => {
  let headers: Record<string, unknown> = {};
  const { url, server } = await serveEcho(t, { headers: { "X-Mine": "yes" } });
  server.on("connection", (_, request) => {
    ({ headers } = request);
  });
  const options = ["--verbose", "-H", "X-A: 1", "--origin", "https://example.com", "--auth", "user:secret"];
  const { code, error } = await run(t, "", "connect", url, ...options);
  assert.equal(code, 0);
  assert.match(error, /HTTP\/1\.1 101 [\s\S]*X-Mine: yes/);
  assert.deepEqual(
    [headers["x-a"], headers.origin, headers.authorization],
    ["1", "https://example.com", "Basic dXNlcjpzZWNyZXQ="],
  );
});

test("wss takes --insecure, or the certificate that --ca trusts, and nothing else", async (t) => {
  const { port } = await serveEcho(t, { tls: { cert: certificate, key } });
  const url = `wss://localhost:${port}`;
  const ca = temporary(t, "ca.pem", certificate);
  assert.equal((await run(t, "hello\n", "connect", url)).code, 1);
  for (const trust of [["--insecure"], ["-k"], ["--ca", ca]]) {
    const { code, out } = await run(t, "hello\n", "connect", url, ...trust);
    assert.deepEqual([code, out], [0, "hello\n"], trust.join(" "));
  }
});

test("--cert and --key are the client's, for a server that asks", async (t) => {
  const tls = { cert: certificate, key, ca: certificate, requestCert: true, rejectUnauthorized: true };
  const { port } = await serveEcho(t, { tls });
  const [cert, keyFile] = [temporary(t, "cert.pem", certificate), temporary(t, "key.pem", key)];
  const args = ["connect", `wss://localhost:${port}`, "-k", "--execute", "hello", "--one"];
  assert.equal((await run(t, "", ...args)).code, 1);
  const { code, out } = await run(t, "", ...args, "--cert", cert, "--key", keyFile);
  assert.deepEqual([code, out], [0, "hello\n"]);
});

test("--proxy goes through an HTTP proxy, with ws and wss, and says what the proxy says", async (t) => {
  const asked: string[] = [];
  const proxy = createTcpServer((client) => {
    client.once("data", (head: Buffer) => {
      const [, host = "", port = "", rest = ""] = /^CONNECT ([^:]+):(\d+)([\s\S]*)/.exec(head.toString("latin1")) ?? [];
      asked.push(rest);
      if (!rest.includes("Proxy-Authorization: Basic dTpw")) {
        client.end("HTTP/1.1 407 Who are you\r\n\r\n");
        return;
      }
      const server = connectTcp(Number(port), host, () => {
        client.write("HTTP/1.1 200 Connection established\r\n\r\n");
        client.pipe(server).pipe(client);
      });
      server.on("error", () => client.destroy());
      client.on("error", () => server.destroy());
    });
  });
  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");
  t.after(() => proxy.close());
  const at = `127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  const [plain, secure] = [await serveEcho(t), await serveEcho(t, { tls: { cert: certificate, key } })];
  for (const url of [plain.url, `wss://localhost:${secure.port}`]) {
    const { code, out } = await run(t, "hello\n", "connect", url, "-k", "--proxy", `http://u:p@${at}`);
    assert.deepEqual([code, out], [0, "hello\n"], url);
  }
  const { code, error } = await run(t, "", "connect", plain.url, "--proxy", at);
  assert.equal(code, 1);
  assert.match(error, /407 Who are you/);
});

test("-L follows redirects, which are an error without it", async (t) => {
  const { url } = await serveEcho(t);
  const server = createServer();
  server.on("upgrade", (_, socket) =>
    socket.end(`HTTP/1.1 302 Found\r\nLocation: ${url}\r\nContent-Length: 0\r\n\r\n`),
  );
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const from = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
  assert.equal((await run(t, "", "connect", from)).code, 1);
  const { code, out } = await run(t, "hello\n", "connect", from, "-L");
  assert.deepEqual([code, out], [0, "hello\n"]);
});

test("a URL may be without its scheme, or of a unix socket", async (t) => {
  const { port } = await serveEcho(t);
  for (const url of [`127.0.0.1:${port}`, `localhost:${port}/chat`]) {
    assert.deepEqual((await run(t, "hello\n", "connect", url)).out, "hello\n", url);
  }
  const socketPath = temporary(t, "socket");
  const server = createServer();
  let target: string | undefined;
  const peer = new PeerServer({ server });
  peer.on("connection", (socket, request) => {
    target = request.url;
    socket.on("message", (data) => socket.send(String(data)));
  });
  server.listen(socketPath);
  await once(server, "listening");
  t.after(() => server.close());
  const { code, out } = await run(t, "hello\n", "connect", `ws+unix:${socketPath}:/chat?a=1`);
  assert.deepEqual([code, out, target], [0, "hello\n", "/chat?a=1"]);
});

test("--execute and --file send messages, of text or of bytes; --one ends after the first that comes", async (t) => {
  const { url } = await serveEcho(t);
  const lines = temporary(t, "lines", "one\ntwo\n");
  const bytes = temporary(t, "bytes", Buffer.from([0xff, 0x00]));
  for (const [args, expected] of [
    [["-x", "a", "-x", "b", "--wait", "1"], "a\nb\n"],
    [["--file", lines, "--one"], "one\ntwo\n\n"],
    [["--file", bytes, "--one"], "ff00\n"],
    [["-x", "hi", "--binary", "--one"], "6869\n"],
    [["-x", "a", "-x", "b", "--one"], "a\n"],
  ] as const) {
    // the input does not end, and the command does not wait for it
    const { code, out } = await run(t, undefined, "connect", url, ...args);
    assert.deepEqual([code, out], [0, expected], args.join(" "));
  }
});

test("--receive-only prints what comes until the server closes, whether or not there is an input", async (t) => {
  const { url } = await serve(t, {}, (socket) => {
    socket.send("one");
    setImmediate(() => {
      socket.send("two");
      socket.close(1000);
    });
  });
  const { code, out } = await run(t, "", "connect", url, "--receive-only");
  assert.deepEqual([code, out], [0, "one\ntwo\n"]);
});

test("--no-deflate offers no compression", async (t) => {
  const { url } = await serveEcho(t);
  assert.match((await run(t, "", "connect", url)).error, /connected \(permessage-deflate/);
  assert.match((await run(t, "", "connect", url, "--no-deflate")).error, /connected; /);
});

test("--json puts JSON over several lines, --timestamps tell the zone", async (t) => {
  const { url } = await serveEcho(t);
  const { out } = await run(t, '{"a":[1,"\u009b"]}\nno json\n', "connect", url, "--json");
  assert.equal(out, '{\n  "a": [\n    1,\n    "\\u009b"\n  ]\n}\nno json\n');
  const dated = await run(t, "hello\n", "connect", url, "--timestamps");
  assert.match(dated.out, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d hello\n$/);
});

test("a reply that comes later than the pong is not lost", async (t) => {
  const server = new PeerServer({ port: 0, host: "127.0.0.1", autoPong: false });
  await once(server, "listening");
  t.after(() => server.close());
  server.on("connection", (socket) => {
    socket.on("ping", (data) => {
      socket.pong(data);
      setTimeout(() => socket.send("late"), 100);
    });
  });
  const { port } = server.address() as AddressInfo;
  const { code, out } = await run(t, "hello\n", "connect", `ws://127.0.0.1:${port}`);
  assert.deepEqual([code, out], [0, "late\n"]);
});

test("replies of a server that is slow to reach the ping are waited for longer than those behind its answer", async (t) => {
  const server = new PeerServer({ port: 0, host: "127.0.0.1", autoPong: false });
  await once(server, "listening");
  t.after(() => server.close());
  server.on("connection", (socket) => {
    socket.on("ping", (data) => {
      socket.send("first");
      setTimeout(() => {
        socket.send("second");
        socket.pong(data);
      }, 1500);
    });
  });
  const { port } = server.address() as AddressInfo;
  const { code, out } = await run(t, "hello\n", "connect", `ws://127.0.0.1:${port}`);
  assert.deepEqual([code, out], [0, "first\nsecond\n"]);
});

test("a server that answers no ping does not keep the command", async (t) => {
  const server = new PeerServer({ port: 0, host: "127.0.0.1", autoPong: false });
  await once(server, "listening");
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const { code, error } = await run(t, "hello\n", "connect", `ws://127.0.0.1:${port}`);
  assert.equal(code, 0);
  assert.match(error, /closed with 1000/);
});

test("serve --listen prints messages, and sends lines to all who are connected", async (t) => {
  const child = start(t, "serve", "--listen", "--port", "0", "--subprotocol", "chat");
  let [out, error] = ["", ""];
  child.stdout?.on("data", (data) => (out += data));
  child.stderr?.on("data", (data) => (error += data));
  while (!out.includes("\n")) await once(child.stdout as NodeJS.ReadableStream, "data");
  const url = /ws:\S+/.exec(out)?.[0] as string;
  const peers = [new Peer(url, ["other", "chat"]), new Peer(url)] as const;
  t.after(() => {
    for (const peer of peers) peer.terminate();
  });
  await Promise.all(peers.map((peer) => once(peer, "open")));
  assert.deepEqual([peers[0].protocol, peers[1].protocol], ["chat", ""]);
  const got = peers.map((peer) => once(peer, "message"));
  child.stdin?.write("to all\n");
  for (const [data] of await Promise.all(got)) assert.equal(String(data), "to all");
  peers[0].send("hello\x1b[2J");
  while (!/\[[12]\] hello/.test(out)) await once(child.stdout as NodeJS.ReadableStream, "data");
  const end = closed(peers[0] as never);
  child.kill("SIGTERM");
  await end;
  const [code] = await once(child, "exit");
  assert.equal(code, 0);
  assert.match(error, /\[1\] connected[\s\S]*\[2\] connected/);
});

test("a capture that goes on is shown as it comes", async (t) => {
  const child = start(t, "inspect", "-");
  let out = "";
  child.stdout?.on("data", (data) => (out += data));
  const capture = readFileSync(join(captures, "proxy-v1.pcap"));
  child.stdin?.write(capture.subarray(0, capture.length - 30));
  while (!out.includes('"hi"')) await once(child.stdout as NodeJS.ReadableStream, "data");
  assert.doesNotMatch(out, /"yo"/);
  child.stdin?.end(capture.subarray(capture.length - 30));
  const [code] = await once(child, "close");
  assert.equal(code, 0);
  assert.match(out, /1\. .* → [\s\S]*PROXY TCP4[\s\S]*101[\s\S]*\[1\] .*"hi"[\s\S]*\[1\] .*"yo"/);
  assert.equal(out.match(/"hi"/g)?.length, 1);
});

test("inspect shows what was asked for: by direction, kind, text, time and faults", async (t) => {
  const file = join(captures, "many-mid.pcap");
  const all = (await run(t, "", "inspect", file, "--json")).out.trim().split("\n");
  const frames = async (...args: string[]) => {
    const { out } = await run(t, "", "inspect", file, "--json", ...args);
    return out
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line))
      .filter(({ type }) => type !== "capture" && type !== "connection");
  };
  assert.ok(all.length > 50);
  for (const { direction } of await frames("--direction", "toClient")) assert.equal(direction, "toClient");
  for (const { opcodeName } of await frames("--kind", "close")) assert.equal(opcodeName, "close");
  assert.ok((await frames("--kind", "close")).length > 10);
  const found = await frames("--grep", "CONN 10 ROUND 1", "--payload");
  assert.ok(found.length > 0 && found.every(({ text }) => text.includes("conn 10 round 1")));
  assert.deepEqual(await frames("--since", "2100-01-01"), []);
  assert.deepEqual(await frames("--until", "2000-01-01T00:00:00Z"), []);
  assert.deepEqual(await frames("--faults"), []);
  for (const args of [
    ["--kind", "sound"],
    ["--since", "soon"],
  ]) {
    assert.equal((await run(t, "", "inspect", file, ...args)).code, 2);
  }
});

/** What moves a cursor, rings, hides, or turns text around; a line's end is not among it, because lines end. */
const NOT_PRINTABLE = /[^\P{Cc}\n]|[\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;
const HOSTILE = "\x1b]0;PWNED\x07\x1b[2J\u009b31m\r\x7f\u202e\u2066\u2028\u{e0041}\ufeff";

test("connect shows nothing of a server's that is not printable", async (t) => {
  const server = new PeerServer({ port: 0, host: "127.0.0.1" });
  await once(server, "listening");
  t.after(() => server.close());
  server.on("headers", (headers) => headers.push("X-Field: \u009b31m"));
  server.on("connection", (socket) => {
    socket.send(HOSTILE);
    socket.send(Buffer.from(HOSTILE));
    socket.ping(HOSTILE);
    socket.close(1000, HOSTILE);
  });
  const { port } = server.address() as AddressInfo;
  const { out, error } = await run(t, undefined, "connect", `ws://127.0.0.1:${port}`, "--frames");
  assert.match(error, /closed with 1000 .*PWNED/);
  assert.match(out, /PWNED/);
  assert.doesNotMatch(out + error, NOT_PRINTABLE);
});

test("serve shows nothing of a client's that is not printable, and nor does its echo", async (t) => {
  for (const mode of ["--listen", "--echo"]) {
    const child = start(t, "serve", mode, "--frames", "--port", "0");
    let [out, error] = ["", ""];
    child.stdout?.on("data", (data) => (out += data));
    child.stderr?.on("data", (data) => (error += data));
    while (!out.includes("\n")) await once(child.stdout as NodeJS.ReadableStream, "data");
    const peer = new Peer(/ws:\S+/.exec(out)?.[0] as string, { headers: { "X-Field": "\u009b31m" } });
    await once(peer, "open");
    peer.send(HOSTILE);
    peer.ping(HOSTILE);
    peer.close(1000, HOSTILE);
    await once(peer, "close");
    child.kill("SIGTERM");
    await once(child, "close");
    assert.match(out, /PWNED/, mode);
    assert.doesNotMatch(out + error, NOT_PRINTABLE, mode);
  }
});

test("proxy names a target, a rule and a file in printable text alone", async (t) => {
  const wrong = [
    [HOSTILE],
    ["ws://localhost:1", "--drop", HOSTILE],
    ["ws://localhost:1", "--cert", HOSTILE, "--key", HOSTILE],
    ["ws://localhost:1", "--memory", HOSTILE],
  ];
  for (const args of wrong) {
    const { error } = await run(t, "", "proxy", ...args);
    assert.notEqual(error, "");
    assert.doesNotMatch(error, NOT_PRINTABLE, JSON.stringify(args));
  }
});
