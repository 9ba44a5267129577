/** The page's decoders on payloads that were made to break them: what they give can be shown, and nothing is thrown. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { encode } from "@msgpack/msgpack";
import { buildSync } from "esbuild";

import { randomNumbers } from "./random.js";

interface Context {
  isText: boolean;
  subprotocol: string;
  target: string;
}
interface Reading {
  name: string;
  summary: string;
  value: unknown;
  isAgreed: boolean;
}
interface Page {
  readingsOf(payload: Uint8Array, context: Context): Reading[];
  leafText(value: unknown): string;
}

const source = (name: string) => fileURLToPath(new URL(`../../www/src/${name}`, import.meta.url));

async function page(): Promise<Page> {
  const { outputFiles } = buildSync({
    stdin: {
      contents: `export { readingsOf } from ${JSON.stringify(source("decoders/decoders.ts"))};
        export { leafText } from ${JSON.stringify(source("format.ts"))};`,
      resolveDir: source(""),
    },
    bundle: true,
    format: "esm",
    write: false,
    logLevel: "error",
  });
  return import(`data:text/javascript;base64,${Buffer.from(outputFiles[0]?.contents ?? []).toString("base64")}`);
}

const { readingsOf, leafText } = await page();

/** All that a tree of the page would show, level by level. */
function shownValues(value: unknown): number {
  let count = 0;
  for (let level: unknown[] = [value]; level.length > 0; ) {
    const next: unknown[] = [];
    for (const one of level) {
      count += 1;
      const isTree = typeof one === "object" && one !== null && !(one instanceof Uint8Array) && !(one instanceof Date);
      if (isTree) for (const member of Object.values(one)) next.push(member);
      else assert.equal(typeof leafText(one), "string");
    }
    level = next;
  }
  return count;
}

const CONTEXTS: Context[] = [
  ["", "/"],
  ["", "/socket.io/?EIO=4"],
  ["graphql-transport-ws", "/"],
  ["v12.stomp", "/"],
  ["mqtt", "/"],
  ["msgpack", "/"],
  ["protobuf", "/"],
].flatMap(([subprotocol = "", target = ""]) => [true, false].map((isText) => ({ isText, subprotocol, target })));

function assertShown(payload: Uint8Array): void {
  for (const context of CONTEXTS) {
    for (const { summary, value } of readingsOf(payload, context)) {
      assert.equal(typeof summary, "string");
      shownValues(value);
    }
  }
}

const bytes = (digits: string) => Buffer.from(digits.replaceAll(" ", ""), "hex");
const GOOD: Buffer[] = [
  Buffer.from(encode({ name: "tea", list: [1, null, new Uint8Array(3)], time: new Date(0), big: 2 ** 40 })),
  bytes("089601 1207 74657374696e67 1a03 089601 2100000000000000f0 2d0000803f"),
  bytes("10 0c 0004 4d515454 04 02 003c 0000"),
  bytes("30 0b 0005 746f706963 32312e35 d000 82 06 0001 0001 61 00"),
  Buffer.from('42["chat",{"a":[1,{"b":null}]}]'),
  Buffer.from('51-/admin,7["file",{"_placeholder":true,"num":0}]'),
  Buffer.from('{"id":"1","type":"next","payload":{"data":{"a":7}}}'),
  Buffer.from('MESSAGE\r\ndestination:/topic/a\r\npasscode:b\\nc\r\n\r\n{"b":8}\0\n'),
];

test("payloads that are cut, or wrong in some bytes, are shown as something or not at all", () => {
  const random = randomNumbers(22);
  for (const good of GOOD) {
    for (let end = 0; end <= good.length; end++) assertShown(good.subarray(0, end));
    for (let turn = 0; turn < 60; turn++) {
      const wrong = Buffer.from(good);
      for (let times = 1 + random(3); times > 0; times--) wrong[random(wrong.length)] = random(256);
      assertShown(wrong);
    }
  }
  for (let turn = 0; turn < 100; turn++)
    assertShown(Buffer.from(Array.from({ length: random(60) }, () => random(256))));
});

const nested = (part: string, times = 20_000) => Buffer.from(part.repeat(times), "latin1");
function nestedProtobuf(): Buffer {
  let message: Buffer = bytes("0801");
  while (message.length < 60_000) {
    const size = message.length;
    const length =
      size < 128
        ? [size]
        : size < 16_384
          ? [(size & 127) | 128, size >> 7]
          : [(size & 127) | 128, ((size >> 7) & 127) | 128, size >> 14];
    message = Buffer.concat([Buffer.from([0x0a, ...length]), message]);
  }
  return message;
}

const HOSTILE: Record<string, Buffer> = {
  "JSON in JSON": Buffer.concat([Buffer.from('{"type":"next","payload":'), nested("["), nested("]"), Buffer.from("}")]),
  "JSON that is not closed": nested('{"a":'),
  "JSON with names of an object's own": Buffer.from(
    '{"type":"next","id":{"toString":1},"payload":{"__proto__":{"a":1},"constructor":2,"toString":3}}',
  ),
  "Socket.IO with an event that is not text": Buffer.from('42[{"toString":1},2]'),
  "Socket.IO with more attachments than can be": Buffer.from('599999999999-["a",{"_placeholder":true,"num":1e99}]'),
  "arrays of MessagePack": nested("\x91"),
  "maps of MessagePack": nested("\x81\xa1a"),
  "an array of MessagePack of 2^32 - 1": bytes("dd ffffffff 01"),
  "a map of MessagePack with names of an object's own": bytes(
    "82 a9 5f5f70726f746f5f5f 81 a161 01 a8 746f537472696e67 02",
  ),
  "a time of MessagePack that no Date has": bytes("91 c7 0c ff 00000000 7fffffffffffffff"),
  "an extension of MessagePack": bytes("91 c8 0002 7f 0102"),
  "messages in messages of Protobuf": nestedProtobuf(),
  "fields of Protobuf that come again": nested("\x08\x01"),
  "a length of Protobuf that is not there": bytes("0a ffffffff0f 00"),
  "a number of Protobuf of more than ten bytes": nested("\xff", 20),
  "packets of MQTT without content": nested("\xd0\x00"),
  "a length of MQTT of five bytes": bytes("30 ffffffff 7f"),
  "headers of STOMP without end": nested("SEND\na:b\n"),
  "headers of STOMP with names of an object's own": Buffer.from("SEND\n__proto__:a\nconstructor:b\n\n\0"),
  "text that is not UTF-8": nested("\xc3\x28"),
};

for (const [name, payload] of Object.entries(HOSTILE)) test(`${name}: the page stands it`, () => assertShown(payload));

test("a header of STOMP is shown whatever its name", () => {
  const payload = HOSTILE["headers of STOMP with names of an object's own"] as Buffer;
  const [reading] = readingsOf(payload, { isText: true, subprotocol: "v12.stomp", target: "/" });
  assert.ok(reading);
  const { headers } = reading.value as { headers: object };
  assert.deepEqual(Object.entries(headers), [
    ["__proto__", "a"],
    ["constructor", "b"],
  ]);
});

test("8 MiB of any format are not decoded, which would hold the page up", () => {
  for (const unit of ["\x91", "\x08\x01", "\xd0\x00", "[", "\xff", "SEND\n", '42["a",']) {
    const payload = Buffer.alloc(8 << 20, unit, "latin1");
    for (const context of CONTEXTS) assert.deepEqual(readingsOf(payload, context), []);
  }
});
