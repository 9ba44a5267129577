/** HAR files with values that no message has: they are named, and never become frames. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { deflateRawSync } from "node:zlib";

import { type Capture, inspectConnection, readCapture } from "websocket-component/inspect";

function har(entry: object): Buffer {
  return Buffer.from(JSON.stringify({ log: { entries: [{ request: { url: "wss://example.com/" }, ...entry }] } }));
}

function messages({ connections }: Capture): string[] {
  return connections.flatMap((connection) => {
    const inspector = inspectConnection(connection);
    return [...inspector.messages()].map((message) => new TextDecoder().decode(inspector.payload(message)));
  });
}

test("only what was sent or received is a message, whatever its type is called", () => {
  const message = { opcode: 1, data: "x", time: 1 };
  const types = ["constructor", "__proto__", "toString", "sent", "", undefined];
  const capture = readCapture(har({ _webSocketMessages: types.map((type) => ({ ...message, type })) }));
  assert.deepEqual(messages(capture), []);
  const notes = capture.connections[0]?.notes?.filter(({ text }) => text.startsWith("Not a message"));
  assert.equal(notes?.length, types.length);
});

test("a character that JSON need not escape may be in a HAR as it is", () => {
  const data = "\u007f\u0080\u2028\ufffd";
  const bytes = har({ _webSocketMessages: [{ type: "receive", opcode: 1, data, time: 1 }] });
  assert.ok(bytes.includes(0x7f));
  assert.deepEqual(messages(readCapture(bytes)), [data]);
});

test("words that were written where Base64 belongs are not decoded", () => {
  const words = ["bye", "hello", "no base64!", "ab=c", "A"];
  const list = [...words, "aGk="].map((data) => ({ type: "receive", opcode: 2, data, time: 1 }));
  const capture = readCapture(har({ _webSocketMessages: list }));
  assert.deepEqual(messages(capture), ["hi"]);
  const notes = capture.connections[0]?.notes?.filter(({ text }) => text.includes("not recorded as Base64"));
  assert.equal(notes?.length, words.length);
});

test("an answer of 101 is one of WebSocket, also without headers", () => {
  const entry = { request: { url: "https://example.com/" }, response: { status: 101, headers: [] } };
  const { connections } = readCapture(har(entry));
  assert.match(connections[0]?.notes?.map(({ text }) => text).join() ?? "", /did not record its messages/);
});

/** A zip archive of these files. */
function zip(files: Record<string, string>): Buffer {
  const local: Buffer[] = [];
  const directory: Buffer[] = [];
  let at = 0;
  for (const [name, text] of Object.entries(files)) {
    const data = deflateRawSync(text);
    const header = Buffer.alloc(30);
    header.writeUInt32LE(0x04034b50, 0);
    header.writeUInt16LE(8, 8);
    header.writeUInt32LE(data.length, 18);
    header.writeUInt16LE(name.length, 26);
    const entry = Buffer.alloc(46);
    entry.writeUInt32LE(0x02014b50, 0);
    entry.writeUInt16LE(8, 10);
    entry.writeUInt32LE(data.length, 20);
    entry.writeUInt16LE(name.length, 28);
    entry.writeUInt32LE(at, 42);
    local.push(header, Buffer.from(name), data);
    directory.push(entry, Buffer.from(name));
    at += 30 + name.length + data.length;
  }
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(Object.keys(files).length, 10);
  end.writeUInt32LE(at, 16);
  return Buffer.concat([...local, ...directory, end]);
}

test("the messages beside a HAR are found in its folder of an archive, as lines or as a list", () => {
  const list = ["one", "two"].map((data) => ({ type: "send", opcode: 1, data, time: 1 }));
  const entry = { response: { status: 101, content: { _file: "messages.jsonl" } } };
  for (const folder of ["", "trace/"]) {
    for (const text of [list.map((message) => JSON.stringify(message)).join("\n"), JSON.stringify(list)]) {
      const archive = zip({ [`${folder}har.har`]: har(entry).toString(), [`${folder}messages.jsonl`]: text });
      assert.deepEqual(messages(readCapture(archive)), ["one", "two"]);
    }
  }
});

test("an archive that cannot be read says why of each file", () => {
  const archive = zip({ "one.har": '{"log": {', "two.bin": "\0\0\0" });
  assert.throws(
    () => readCapture(archive),
    /one\.har: The file begins as a HAR, and is not a whole one; two\.bin: The format is not known/,
  );
});
