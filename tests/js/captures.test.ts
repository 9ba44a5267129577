/** Captures as people have them, with what the command shows of each. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const bin = fileURLToPath(new URL("../bin.js", import.meta.resolve("websocket-component")));
const folder = fileURLToPath(new URL("../../tests/js/captures/", import.meta.url));

interface Shown {
  code: number | null;
  out: string;
  error: string;
}

function inspect(file: string, ...args: string[]): Shown {
  const { status, stdout, stderr } = spawnSync(process.execPath, [bin, "inspect", folder + file, ...args], {
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
  ["har-no-opcode.har", 0, [/"hi"/, /"yo"/, /! This is no message: .*hello, world/], [/✗/]],
  ["har-binary-undecodable.har", 0, [/"hi"/, /"yo"/, /! .*not recorded as Base64: "<withheld>"/], [/✗|binary/]],
  ["har-bad-url.har", 0, [/"hi"/, /"yo"/, /! The entry's URL is none: "\/relative"/, /"hi"/], [/✗/]],
  [
    "har-no-headers.har",
    0,
    [/"hi"/, /"yo"/, /! The request's headers were not/, /! .*101; its headers/, /"hi"/],
    [/✗/],
  ],
  ["har-firefox-like.har", 0, [/101/, /! The browser did not record its messages/], [/✗/]],
];

test("a HAR is read whole, whichever program has written it, and what is odd in it is named", () => {
  for (const row of HARS) assertRow(row);
});

test("nothing but printable text is shown, whatever names, values and times a capture has", () => {
  for (const file of readdirSync(folder)) {
    for (const args of [["--payload"], ["--json", "--payload"]]) {
      const { out, error } = inspect(file, ...args);
      assert.doesNotMatch((out + error).replace(/\n/g, ""), /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u, `${file} ${args}`);
    }
  }
});
