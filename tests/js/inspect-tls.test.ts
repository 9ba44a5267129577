/** Recorded TLS of every cipher, and HTTP/2 in it, decrypted by the key log of the program that spoke it. */
import assert from "node:assert/strict";
import { createSecureServer, connect as http2Connect } from "node:http2";
import { type AddressInfo, connect as connectTcp, createServer as createTcpServer } from "node:net";
import { type TestContext, test } from "node:test";
import { connect as connectTls, createServer, type TLSSocket, type TlsOptions } from "node:tls";

import { type Capture, type Connection, inspectConnection, readCapture } from "websocket-component/inspect";

import { certificate, key } from "./certificate.js";
import { copiedBytes } from "./copies.js";
import { ACK, ipPacket, pcap, SYN } from "./packets.js";
import { masked, once, REQUEST, RESPONSE, unmasked } from "./support.js";

/** Stands between two ends, and writes down what goes from one to the other as a capture of packets. */
class Wiretap {
  readonly packets: Buffer[] = [];
  readonly #sequence = [1000, 5000];
  readonly #server;

  constructor(t: TestContext, target: number) {
    this.packets.push(ipPacket({ toServer: true, sequence: 4999, flags: SYN }));
    this.packets.push(ipPacket({ toServer: false, sequence: 999, flags: SYN | ACK }));
    this.#server = createTcpServer((client) => {
      const server = connectTcp(target, "127.0.0.1");
      for (const [from, to, toServer] of [
        [client, server, true],
        [server, client, false],
      ] as const) {
        from.on("data", (data: Buffer) => {
          this.#record(toServer, data);
          to.write(data);
        });
        from.on("end", () => to.end());
        from.on("error", () => to.destroy());
      }
    });
    t.after(() => this.#server.close());
  }

  #record(toServer: boolean, data: Buffer): void {
    for (let at = 0; at < data.length; at += 1400) {
      const payload = data.subarray(at, at + 1400);
      this.packets.push(ipPacket({ toServer, sequence: this.#sequence[Number(toServer)] as number, payload }));
      this.#sequence[Number(toServer)] = ((this.#sequence[Number(toServer)] as number) + payload.length) >>> 0;
    }
  }

  async listen(): Promise<number> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    return (this.#server.address() as AddressInfo).port;
  }

  get capture(): Buffer {
    return pcap(this.packets, 101);
  }
}

function payloads(capture: Capture): string[] {
  return capture.connections.flatMap((connection) => {
    const inspector = inspectConnection(connection);
    assert.equal(inspector.faultCount, 0, JSON.stringify([...inspector.faults()]));
    return [...inspector.messages()].map((message) => new TextDecoder().decode(inspector.payload(message)));
  });
}

/** A conversation by these options, with a message of several records; the capture, and the client's key log. */
async function conversation(
  t: TestContext,
  options: TlsOptions,
): Promise<{ capture: Buffer; packets: Buffer[]; keys: string; long: string }> {
  const long = "long ".repeat(10_000);
  const server = createServer({ cert: certificate, key, ...options }, (socket) => {
    socket.once("data", () => socket.write(RESPONSE + unmasked(0x81, "from the server").toString("latin1"), "latin1"));
    socket.on("end", () => socket.end());
    socket.on("error", () => {});
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const wiretap = new Wiretap(t, (server.address() as AddressInfo).port);
  const port = await wiretap.listen();
  const client: TLSSocket = connectTls({ port, host: "127.0.0.1", ca: certificate, servername: "localhost" });
  let keys = "# a comment\n";
  client.on("keylog", (line: Buffer) => {
    keys += line.toString("latin1");
  });
  await once(client, "secureConnect");
  client.write(REQUEST);
  await once(client, "data");
  client.write(masked(0x81, long));
  client.end(masked(0x81, "after it"));
  client.resume();
  await once(client, "close");
  return { capture: wiretap.capture, packets: wiretap.packets, keys, long };
}

const CIPHERS: readonly TlsOptions[] = [
  ...["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"].map(
    (ciphers): TlsOptions => ({ ciphers, minVersion: "TLSv1.3" }),
  ),
  ...[
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-CHACHA20-POLY1305",
    "ECDHE-ECDSA-AES128-SHA",
    "ECDHE-ECDSA-AES256-SHA",
    "ECDHE-ECDSA-AES128-SHA256",
    "ECDHE-ECDSA-AES256-SHA384",
  ].map((ciphers): TlsOptions => ({ ciphers, maxVersion: "TLSv1.2" })),
];

for (const options of CIPHERS) {
  test(`${options.ciphers} is decrypted by a key log, and by nothing else`, async (t) => {
    const { capture, keys, long } = await conversation(t, options);
    assert.deepEqual(payloads(readCapture(capture, { keys })).sort(), ["after it", "from the server", long]);
    const without = readCapture(capture);
    assert.deepEqual([without.connections.length, without.skipped], [0, 1]);
    assert.match(without.notes?.join() ?? "", /encrypted by TLS.*no key log/);
    const other = readCapture(capture, { keys: keys.replace(/ [0-9a-f]{64} /g, ` ${"0".repeat(64)} `) });
    assert.match(other.notes?.join() ?? "", /the key log has no secrets of it/);
    const wrong = keys.replace(/[0-9a-f]{8}$/gm, "00000000");
    const unopened = readCapture(capture, { keys: wrong });
    assert.deepEqual(unopened.connections, []);
    assert.match(
      unopened.notes?.join() ?? "",
      /encrypted by TLS: a record is corrupt, or its key is not in the key log/,
    );
  });
}

for (const options of CIPHERS.filter(({ ciphers }) => /GCM|CHACHA/.test(ciphers ?? ""))) {
  test(`a lost packet of ${options.ciphers} hides its records, and no more`, async (t) => {
    const { packets, keys } = await conversation(t, options);
    const whole = packets.flatMap((packet, index) => (packet.readUInt16BE(2) === 1440 ? [index] : []));
    const lost = whole[Math.floor(whole.length / 2)];
    const capture = readCapture(
      pcap(
        packets.filter((_, index) => index !== lost),
        101,
      ),
      { keys },
    );
    const inspector = inspectConnection(capture.connections[0] as Connection);
    assert.equal(inspector.faultCount, 0, JSON.stringify([...inspector.faults()]));
    const frames = [...inspector.records()].filter(({ type }) => type === "frame");
    const damaged = frames.find(({ missing }) => missing > 0);
    // one record, or two if the packet had the end of one of them
    assert.ok(damaged && damaged.missing > 1000 && damaged.missing <= 2 * 16_384, `${damaged?.missing}`);
    const texts = frames
      .filter((frame) => frame !== damaged)
      .map((frame) => new TextDecoder().decode(inspector.payload(frame)));
    assert.deepEqual(texts.sort(), ["after it", "from the server"]);
  });
}

for (const ciphers of ["ECDHE-ECDSA-AES128-SHA", "ECDHE-ECDSA-AES256-SHA384"]) {
  test(`a record of ${ciphers} with a changed bit is not shown`, async (t) => {
    const { packets, keys } = await conversation(t, { ciphers, maxVersion: "TLSv1.2" });
    const whole = packets.flatMap((packet, index) => (packet.readUInt16BE(2) === 1440 ? [index] : []));
    const changed = packets[whole[Math.floor(whole.length / 2)] as number] as Buffer;
    changed[700] = (changed[700] as number) ^ 1;
    const capture = readCapture(pcap(packets, 101), { keys });
    assert.deepEqual(payloads(capture).sort()[0], "from the server");
    const notes = capture.connections[0]?.notes?.map(({ text }) => text).join();
    assert.match(notes ?? "", /From there on, the bytes of the client cannot be decrypted: a record is corrupt/);
  });
}

test("with the secrets of one side, that side is read", async (t) => {
  const { capture, keys } = await conversation(t, { minVersion: "TLSv1.3" });
  const ofServer = readCapture(capture, { keys: keys.replace(/^CLIENT_.*\n/gm, "") });
  assert.deepEqual(payloads(ofServer), ["from the server"]);
  const notes = ofServer.connections[0]?.notes?.map(({ text }) => text).join();
  assert.match(notes ?? "", /The bytes of the client cannot be decrypted: the key log has no secrets of it/);
});

test("an older TLS is named, and not decrypted", () => {
  const hello = (type: number, rest: string) => {
    const body = Buffer.concat([Buffer.from([3, 1]), Buffer.alloc(32, type), Buffer.from(rest, "hex")]);
    return Buffer.concat([Buffer.from([22, 3, 1, 0, body.length + 4, type, 0, 0, body.length]), body]);
  };
  const segments = [
    { toServer: true, sequence: 1, payload: hello(1, "000002002f0100") },
    { toServer: false, sequence: 1, payload: hello(2, "00002f000000") },
  ];
  const keys = `CLIENT_RANDOM ${"01".repeat(32)} ${"00".repeat(48)}\n`;
  const { notes } = readCapture(
    pcap(
      segments.map((segment) => ipPacket(segment)),
      101,
    ),
    { keys },
  );
  assert.match(notes?.join() ?? "", /encrypted by TLS: it is TLS 1\.0, which is not decrypted here$/);
});

test("a handshake in thousands of records is copied a few times, and not with each", (t) => {
  const hello = Buffer.concat([Buffer.from([1, 0, 0x20, 0]), Buffer.alloc(8192, 3)]);
  const records = Buffer.concat(Array.from(hello, (byte) => Buffer.from([22, 3, 1, 0, 1, byte])));
  const packets = Array.from({ length: Math.ceil(records.length / 1400) }, (_, index) => {
    const payload = records.subarray(index * 1400, index * 1400 + 1400);
    return ipPacket({ toServer: true, sequence: 1 + index * 1400, payload });
  });
  const capture = pcap(packets, 101);
  const copied = copiedBytes(t);
  readCapture(capture, { keys: `CLIENT_RANDOM ${"03".repeat(32)} ${"00".repeat(48)}\n` });
  assert.ok(copied() < 100 * records.length, `${copied()} bytes for ${records.length}`);
});

test("WebSocket over HTTP/2 is read in what was decrypted", async (t) => {
  const server = createSecureServer({ cert: certificate, key, settings: { enableConnectProtocol: true } });
  server.on("stream", (stream, headers) => {
    if (headers[":method"] !== "CONNECT") return stream.respond({ ":status": 404 }, { endStream: true });
    stream.respond({ ":status": 200, "sec-websocket-protocol": "chat" });
    stream.once("data", () => stream.end(unmasked(0x81, "over HTTP/2")));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const wiretap = new Wiretap(t, (server.address() as AddressInfo).port);
  const port = await wiretap.listen();
  const tls = connectTls({ port, host: "127.0.0.1", ca: certificate, servername: "localhost", ALPNProtocols: ["h2"] });
  let keys = "";
  tls.on("keylog", (line: Buffer) => {
    keys += line.toString("latin1");
  });
  const client = http2Connect("https://localhost", { createConnection: () => tls });
  await once(client, "remoteSettings");
  const other = client.request({ ":path": "/other" });
  other.resume();
  await once(other, "close");
  const stream = client.request({
    ":method": "CONNECT",
    ":protocol": "websocket",
    ":scheme": "https",
    ":path": "/chat",
    ":authority": "localhost",
    "sec-websocket-version": "13",
    "sec-websocket-protocol": "chat",
  });
  stream.write(masked(0x81, "hello"));
  await once(stream, "response");
  stream.resume();
  await once(stream, "end");
  const end = once(tls, "close");
  client.destroy();
  await end;
  const capture = readCapture(wiretap.capture, { keys });
  const [connection] = capture.connections;
  assert.ok(connection, capture.notes?.join());
  assert.deepEqual(payloads(capture), ["hello", "over HTTP/2"]);
  const inspector = inspectConnection(connection);
  const subjects = inspector.checks("toServer").map(({ subject, found }) => [subject, ...found]);
  assert.deepEqual(subjects.slice(0, 2), [
    ["method", "CONNECT"],
    ["protocol", "websocket"],
  ]);
});
