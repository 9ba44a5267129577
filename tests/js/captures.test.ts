/** Captures as people have them, with what the command shows of each. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { bin, temporaryFolder } from "./shell.js";
import { masked } from "./support.js";

const folder = fileURLToPath(new URL("../../tests/js/captures/", import.meta.url));

interface Shown {
  code: number | null;
  out: string;
  error: string;
}

function inspect(file: string, ...args: string[]): Shown {
  return run(folder + file, ...args);
}

function run(path: string, ...args: string[]): Shown {
  const { status, stdout, stderr } = spawnSync(process.execPath, [bin, "inspect", path, ...args], {
    env: { ...process.env, NO_COLOR: "1" },
    encoding: "utf8",
  });
  return { code: status, out: stdout, error: stderr };
}

/** What is seen, in this order, and what is not. */
type Row = [file: string, code: number, seen: RegExp[], unseen?: RegExp[]];

function assertRow([file, code, seen, unseen = []]: Row, ...args: string[]): void {
  const shown = inspect(file, ...args);
  let rest = shown.out;
  for (const expected of seen) {
    const at = expected.exec(rest);
    assert.ok(at !== null, `${file} does not show ${expected}:\n${shown.out}${shown.error}`);
    rest = rest.slice(at.index + at[0].length);
  }
  for (const one of unseen) assert.doesNotMatch(shown.out + shown.error, one, file);
  assert.equal(shown.code, code, `${file}: ${shown.error}`);
}

const CONVERSATION = [/→ text .*"hello wörld ☃"/, /→ binary .*01 02 ff/, /← text .*"hello wörld ☃"/, /← text .*"bye"/];

const HARS: Row[] = [
  ["devtools-good.har", 0, [/one connection, 2 of something else/, /101 Switching/, ...CONVERSATION], [/✗|!/]],
  [
    "devtools-refused.har",
    0,
    [...CONVERSATION, /→ text .*"bad"/, /! Unrecognized frame opcode: 3/, /! .*net::ERR_CONNECTION_REFUSED/],
    [/✗/, /binary.*"/],
  ],
  ["devtools-badframe.har", 0, [...CONVERSATION, /→ text .*"bad"\n.*! Unrecognized frame opcode: 3/], [/✗/]],
  ["devtools-h2.har", 0, [/CONNECT \/h2ws/, /→ text .*"over h2"/, /← text .*"h2 yo"/], [/✗/]],
  ["har-h2.har", 0, [/CONNECT \/h2/, /→ text .*"hi"/, /← text .*"yo"/], [/✗/]],
  ["har-status0.har", 0, [/! No answer was recorded/], [/✗|HTTP\/1\.1 0/]],
  ["har-status0-with-msgs.har", 0, [/! No answer was recorded/, /00:00:00\.500 .*→ text .*"hi"/], [/✗|HTTP\/1\.1 0/]],
  [
    "pw.har",
    0,
    [/11:40:16\.779 .*"hello/, /→ text .*"bad"\n.*! Unrecognized frame/, /! .*net::ERR_UNSAFE_PORT/],
    [/✗/],
  ],
  ["har-ms.har", 0, [/00:00:00\.500 .*→ text .*"hi"/]],
  ["pw-omit.har", 0, [...CONVERSATION, /! Unrecognized frame opcode: 3/], [/✗|1970|\d:\d\d\.\d+ .*(text|binary)/]],
  ["har-iso-time.har", 0, [/00:00:00\.000 .*→ text .*"hi"/]],
  ["har-chrome-error-frame.har", 0, [/"hi"/, /"yo"/, /\/bad/, /"hi"\n.*! Invalid frame header/], [/✗/]],
  ["har-chrome-error-frame-hexlike.har", 0, [/101/, /! Unexpected/], [/✗|binary|text/]],
  ["har-no-opcode.har", 0, [/"hi"/, /"yo"/, /! Not a message: .*hello, world/], [/✗/]],
  ["har-binary-undecodable.har", 0, [/"hi"/, /"yo"/, /! .*not recorded as Base64: "<withheld>"/], [/✗|binary/]],
  ["har-bad-url.har", 0, [/"hi"/, /"yo"/, /! The entry's URL is none: "\/relative"/, /"hi"/], [/✗/]],
  [
    "har-no-headers.har",
    0,
    [/"hi"/, /"yo"/, /! The request's headers were not/, /! .*101; its headers/, /"hi"/],
    [/✗/],
  ],
  // the response selects what the request does not offer, and the one message is not compressed
  [
    "har-deflate.har",
    3,
    [/✗ Sec-WebSocket-Extensions: permessage-deflate: .*did not offer/, /← text FIN 11 bytes "hello hello"/],
    [/RSV/],
  ],
  ["har-firefox-like.har", 0, [/101/, /! The browser did not record its messages/], [/✗/]],
];

test("a HAR is read whole, whichever program has written it, and what is odd in it is named", () => {
  for (const row of HARS) assertRow(row);
});

/** A conversation of nine frames, as one program recorded it; the others are this one in something else. */
const NINE = [
  /one connection/,
  /→ GET \/v1/,
  /← HTTP\/1\.1 101/,
  /→ text .* 24 bytes "\[/,
  /← text .* 91 bytes/,
  ...[533, 361, 533, 361, 533, 361].map((size) => new RegExp(`(→|←) text .* ${size} bytes`)),
  /→ close 1000/,
];

const SECRET = [/! Decrypted from TLS 1\.3/, /→ GET \/tls/, /→ text .*"secret over tls"/, /← text .*"secret over tls"/];

const PACKETS: Row[] = [
  ...["be.pcap.gz", "vxlan.pcap", "gre.pcap", "mpls.pcap", "ipfrag.pcap", "vlan-sll.pcap"].map(
    (file): Row => [file, 0, NINE, [/missing|✗|not read/]],
  ),
  [
    "lost-middle.pcap",
    0,
    [/4000 bytes, 1400 missing "A+…" \[1400 bytes missing\] "[A-Z]+…?"/, /"next message"/, /"reply"/],
    [/✗/],
  ],
  [
    "lost-one-frame.pcap",
    0,
    [/"one"/, /5 bytes, 5 of them missing/, ...[0, 1, 2, 3, 4].map((n) => new RegExp(`"after ${n}"`))],
  ],
  [
    "snapE400.pcap",
    0,
    [...NINE.slice(0, 5), /533 bytes, \d+ missing ".*" \[\d+ bytes missing\]/, /→ close 1000/],
    [/✗/],
  ],
  [
    "snapE128.pcap",
    0,
    [/→ GET \/v1.*\(\d+ bytes of it are missing/, /← HTTP\/1\.1 101.*missing/, ...NINE.slice(3)],
    [/✗/],
  ],
  [
    "h-keepalive.pcap",
    0,
    [/! GET \/a .*200 OK/, /! POST \/b .*200 OK/, /101/, /→ text .*"after keep-alive"/, /← text .*"after keep-alive"/],
    [/✗/],
  ],
  [
    "h-auth401.pcap",
    0,
    [/! GET \/401 .*401 Unauthorized .*www-authenticate: Basic/, /101/, /"after 401"/, /"after 401"/],
    [/✗/],
  ],
  ["cookie-17k.pcap", 0, [/101/, /→ text .*"hi"/, /← text .*"yo"/], [/✗/]],
  ["h-connect.pcap", 0, [/2 connections/, /! CONNECT .* 200/, /"through a proxy"/, /2\. /, /"through a proxy"/], [/✗/]],
  ["h-f403.pcap", 3, [/← HTTP\/1\.1 403/, /Content-Length: 11|content-length: 11/i, /11 bytes: no WebSocket "\w/]],
  ["har-403.har", 3, [/← HTTP\/1\.1 403/, /Content-Length: 0/], [/Accept/]],
  ["no-request.pcap", 0, [/← HTTP\/1\.1 101/, /→ text .*"hi"/, /← text .*"yo"/], [/✗/]],
  [
    "mid-frame-start.pcap",
    0,
    [/21 bytes: where frames begin/, /→ text .*"c0"/, /← text .*"s0"/, /"c4"/, /"s4"/],
    [/✗/],
  ],
  ["proxy-v1.pcap", 0, [/! A proxy said: PROXY TCP4 1\.2\.3\.4/, /101/, /"hi"/, /"yo"/], [/✗/]],
  ["h-tls.pcap", 0, [/! One connection encrypted by TLS: .*SSLKEYLOGFILE/], [/→|✗/]],
  ["h-tls-dsb.pcapng", 0, SECRET, [/✗/]],
  ["many-mid.pcap", 0, [/12 connections\n! .*permessage-deflate/], [/✗/]],
  ["pw-attach.har.zip", 0, [/har: 3 connections/, ...CONVERSATION, /"bad"/, /! Unrecognized frame opcode: 3/], [/✗/]],
  ["in.har.gz", 0, [/har: 3 connections/, ...CONVERSATION], [/✗/]],
];

test("packets are read under whatever is around them, and what is missing is shown as missing", () => {
  for (const row of PACKETS) assertRow(row);
  assertRow(["h-tls.pcap", 0, SECRET, [/✗/]], "--keys", `${folder}keys.log`);
});

test("a file that is not a capture is reported, and is read as bytes only on request", () => {
  for (const file of ["a.png", "tcpdump-X.txt", "wscat.log", "netlog.json"]) {
    const { code, out, error } = inspect(file);
    assert.deepEqual([code, out], [1, ""], file);
    assert.match(error, /format is not known; the format raw reads/, file);
  }
  assert.match(inspect("a.png", "--format", "raw").out, /ping/);
});

/** All of C0 that a program's argument can have, and of C1; what turns text around, and what hides. */
const CONTROLS = [...Array(32).keys(), ...Array.from({ length: 33 }, (_, at) => 0x7f + at)].filter((one) => one > 0);
const HOSTILE =
  "\x1b]0;PWNED\x07\x1b[2J\u009b31m\r\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e" +
  `\u2066\u2067\u2068\u2069\u2028\u2029\u{e0041}\ufeff${String.fromCharCode(...CONTROLS)}`;
const KEY = "dGhlIHNhbXBsZSBub25jZQ==";

/** Captures whose every field has all that moves a cursor, rings, or turns text around. */
function hostileCaptures(): [string, Buffer][] {
  const field = { name: HOSTILE, value: HOSTILE };
  const text = { type: "send", time: 1_767_225_600, opcode: 1, data: HOSTILE };
  const entry = {
    startedDateTime: HOSTILE,
    request: {
      method: HOSTILE,
      url: `wss://x/${HOSTILE}`,
      httpVersion: HOSTILE,
      headers: [field, { name: "A", value: HOSTILE }],
    },
    response: { status: 101, statusText: HOSTILE, headers: [field], _failureText: HOSTILE, _error: HOSTILE },
    _resourceType: "websocket",
    _webSocketMessages: [
      text,
      { ...text, type: HOSTILE },
      { ...text, opcode: 2 },
      { ...text, opcode: -1, type: "error" },
    ],
    _webSocketClose: { code: HOSTILE, reason: HOSTILE },
  };
  const attached = {
    ...entry,
    _webSocketMessages: undefined,
    response: { ...entry.response, content: { _file: HOSTILE } },
  };
  const har = { log: { entries: [entry, attached, { ...entry, request: { url: HOSTILE } }] } };
  const base64 = (bytes: string | Buffer) => Buffer.from(bytes).toString("base64");
  const line = (direction: string, bytes: string | Buffer) =>
    JSON.stringify({ connection: HOSTILE, direction, time: 1, base64: base64(bytes) });
  const head = `Host: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: ${KEY}\r\nSec-WebSocket-Version: 13`;
  const request = `GET /\u009b HTTP/1.1\r\n${head}\r\nSec-WebSocket-Protocol: \u009b31m\r\nX: \u009b\u202e\r\n\r\n`;
  const refusal = `HTTP/1.1 403 \u009b31m\r\nX: \u009b\u202e\r\nContent-Length: 100\r\n\r\n${HOSTILE}`;
  const close = Buffer.concat([Buffer.from([0x03, 0xe8]), Buffer.from(HOSTILE)]);
  const frames = Buffer.concat([
    masked(0x81, HOSTILE),
    masked(0x82, HOSTILE),
    masked(0x89, HOSTILE),
    masked(0x83, HOSTILE),
    masked(0x88, close),
    Buffer.from(HOSTILE),
  ]);
  const recorded = (...lines: string[]) =>
    Buffer.from(`${['{"format":"websocket-component","version":1,"side":"client"}', ...lines].join("\n")}\n`);
  return [
    ["har", Buffer.from(JSON.stringify(har))],
    ["refusal", recorded(line("sent", request), line("received", refusal))],
    ["frames", recorded(line("sent", frames))],
    ["direction", recorded(line(HOSTILE, frames))],
    ["no JSON", recorded(HOSTILE)],
    ["version", Buffer.from(JSON.stringify({ format: "websocket-component", version: HOSTILE, side: HOSTILE }))],
    ["dump", Buffer.from(`0000 ${HOSTILE}`)],
    ["nothing known", Buffer.from(HOSTILE)],
  ];
}

const NOT_PRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;

test("nothing but printable text is shown, whatever names, values and times a capture has", (t) => {
  const own = temporaryFolder(t);
  const files = ["a.har", "rec.txt", "rec2.txt", "rectime.txt", "dump.txt"].map((file) => folder + file);
  for (const [name, content] of hostileCaptures()) {
    files.push(join(own, name));
    writeFileSync(join(own, name), content);
  }
  for (const file of files) {
    for (const args of [["--payload"], ["--json", "--payload"]]) {
      const { out, error } = run(file, ...args);
      assert.ok(out + error !== "", file);
      assert.doesNotMatch((out + error).replace(/\n/g, ""), NOT_PRINTABLE, `${file} ${args}`);
    }
  }
});

test("what is named on the command line is told in printable text too", () => {
  const file = `${folder}a.har`;
  const known = `${folder}rec.txt`;
  const wrong = [
    [HOSTILE],
    [file, HOSTILE],
    [known, "--format", HOSTILE],
    [known, "--direction", HOSTILE],
    [known, "--connection", HOSTILE],
    [known, "--extensions", HOSTILE],
    [known, "--keys", HOSTILE],
    [known, "--port", HOSTILE],
    [known, `--${HOSTILE}`],
  ] as const;
  for (const [path, ...args] of wrong) {
    const { code, out, error } = run(path, ...args);
    assert.ok(code !== null && error !== "", JSON.stringify(args));
    assert.doesNotMatch((out + error).replace(/\n/g, ""), NOT_PRINTABLE, JSON.stringify([path, ...args]));
  }
});
