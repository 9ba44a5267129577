// The component in Node, as `jco transpile` makes it: `node --test tests/hosts/node.test.mjs`, with the folder in
// COMPONENT.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { pathToFileURL } from "node:url";

const { protocol } = await import(pathToFileURL(join(process.env.COMPONENT, "engine.js")));
const { Handle, Session } = protocol;
const vectors = JSON.parse(readFileSync(new URL("vectors.json", import.meta.url), "utf8"));
const encoder = new TextEncoder();
const decoder = new TextDecoder();
const noLimits = { maxMessageSize: undefined, maxFrameSize: undefined, maxFragments: undefined };
const properties = { disableMasking: false, disableUtf8Verification: false, limits: noLimits };

for (const role of ["server", "client"]) {
  for (const { name, toServer, toClient, events, closeStatus } of vectors) {
    test(`${role}: ${name}`, () => {
      const input = Buffer.from(role === "server" ? toServer : toClient, "hex");
      for (const size of [input.length, 1]) {
        const session = new Session(role, noLimits);
        assert.deepEqual(receive(session, role, input, size), { events, closeStatus });
      }
    });
  }
}

/** All that comes of bytes in chunks; a ping is seen by its pong. */
function receive(session, role, input, size) {
  const events = [];
  let message = Buffer.alloc(0);
  for (let start = 0; start < input.length; start += size) {
    const { events: own, output, failure } = session.receive(input.subarray(start, start + size));
    if (output.length > 0) events.push(["ping", unframed(role, output)]);
    for (const { tag, val } of own) {
      if (tag === "data") {
        message = Buffer.concat([message, val.payload]);
        if (val.kind.endsWith("message")) {
          events.push([val.kind === "utf8-message" ? "text" : "binary", message.toString("hex")]);
          message = Buffer.alloc(0);
        }
      } else if (tag === "pong") {
        events.push(["pong", Buffer.from(val).toString("hex")]);
      } else {
        const status = Buffer.of(val.status >> 8, val.status & 0xff);
        events.push(["close", Buffer.concat([status, val.reason]).toString("hex")]);
      }
    }
    if (failure !== undefined) return { events, closeStatus: failure.closeStatus };
  }
  return { events, closeStatus: null };
}

function unframed(role, frame) {
  const payload = frame.subarray(role === "client" ? 6 : 2);
  const key = frame.subarray(2, 6);
  return Buffer.from(role === "client" ? payload.map((byte, index) => byte ^ key[index % 4]) : payload).toString("hex");
}

function handshake(own = properties) {
  const client = Handle.createClient(own);
  const server = Handle.createServer(own);
  const request = client.beginClientHandshake(["chat"], [], []);
  const response = server.beginServerHandshake("chat", [], request);
  const negotiated = client.endClientHandshake(response);
  assert.equal(negotiated.subprotocol, 0);
  server.endServerHandshake();
  return [client, server];
}

test("two handles shake hands, and a text goes through the action loop", () => {
  const [client, server] = handshake();
  client.send(0x80000000, { tag: "data", val: encoder.encode("Hello") }, 7n);
  const write = client.getAction("all");
  assert.equal(write.tag, "send-to-network");
  assert.equal(write.val.applicationContext, 7n);
  client.completeAction(write.val.actionContext, write.val.bytes.length);
  const sent = client.getAction("all");
  assert.deepEqual([sent.tag, sent.val.cancelled], ["indicate-send-complete", false]);
  client.completeAction(sent.val.actionContext, 0);
  assert.equal(client.getAction("all").tag, "no-action");
  server.receive(8n);
  const read = server.getAction("receive");
  server.completeReceive(read.val.actionContext, write.val.bytes);
  const { tag, val } = server.getAction("receive");
  assert.deepEqual([tag, val.bufferType, val.applicationContext], ["indicate-receive-complete", 0x80000000, 8n]);
  assert.equal(decoder.decode(val.buffer.val), "Hello");
});

test("both ends agree on compression, and go on as sessions", () => {
  const takeover = { serverNoContextTakeover: false, clientNoContextTakeover: false };
  const deflate = { ...takeover, level: 6, memoryLevel: 8, threshold: 64 };
  const [client, server] = handshake({ ...properties, deflate }).map((handle) => Handle.intoSession(handle));
  const frame = client.send("utf8-message", encoder.encode("a".repeat(5000)));
  assert.ok(frame.length < 100);
  assert.equal(receive(server, "server", frame, frame.length).events[0][1], "61".repeat(5000));
});

test("a wrong call throws what the interface says of it", () => {
  const client = Handle.createClient(properties);
  assert.throws(
    () => client.send(0x80000000, { tag: "none" }, 0n),
    ({ payload }) => payload.code === "E_INVALID_PROTOCOL_OPERATION" && payload.hresult === 0x83760001,
  );
  assert.throws(() => Handle.createServer({ ...properties, receiveBufferSize: 1 }), ({ payload }) => payload.code === "E_INVALIDARG");
});

test("a close is sent with the statuses that RFC 6455 leaves to applications, and with no other", () => {
  for (const status of [1000, 1003, 1007, 1012, 1014, 3000, 4999]) {
    assert.equal(Buffer.from(new Session("server", noLimits).close(status, "")).readUInt16BE(2), status);
  }
  for (const status of [0, 999, 1004, 1006, 1015, 1016, 2999, 5000, 65_535]) {
    const close = () => new Session("server", noLimits).close(status, "");
    assert.throws(close, ({ payload }) => payload.code === "E_INVALIDARG", String(status));
  }
});

test("a limit fails with the status to close with", () => {
  const server = new Session("server", { ...noLimits, maxMessageSize: 4n });
  assert.equal(server.receive(Buffer.from("828500000000", "hex")).failure.closeStatus, 1009);
});

test("heads of HTTP are read and written", () => {
  const head = protocol.writeRequest("/chat", [{ name: "Host", value: encoder.encode("localhost") }]);
  assert.equal(protocol.parseResponse(head.subarray(0, 4)), undefined);
  const response = protocol.writeResponse(101, "Switching Protocols", []);
  const { status, length } = protocol.parseResponse(response);
  assert.deepEqual([status, length], [101, response.length]);
});
