// Messages of several kinds that applications send, the same in every run: what levels are compared by.
import { readFileSync } from "node:fs";

import { messages, random } from "./messages.mjs";

const repository = (name) => readFileSync(new URL(`../../${name}`, import.meta.url), "utf8");

/** Each makes the records of one kind; a message is as many of them as fill it. */
const RECORDS = {
  "JSON, random words": (next) => messages("JSON", 4096 + (next() % 4096), 1)[0],
  "JSON, ticker": ticker,
  "JSON, list of an API": (next) => `${JSON.stringify(issue(next))},`,
  "JSON, package metadata": () => repository("package-lock.json").slice(1000),
  HTML: page,
  "log lines": logLine,
  MessagePack: (next) => packed(issue(next)),
  "binary, 32-bit floats": positions,
};

export const kinds = Object.keys(RECORDS);

/** `count` different messages of `size` bytes. */
export function messagesOf(kind, size, count) {
  const next = random(size + kinds.indexOf(kind));
  const stock = [];
  let length = 0;
  // from the same stock, each message begins elsewhere
  while (length < Math.max(4 * size, 64 * 1024)) {
    const record = Buffer.from(RECORDS[kind](next));
    stock.push(record);
    length += record.length;
  }
  const all = Buffer.concat(stock);
  return Array.from({ length: count }, () => {
    const start = next() % (all.length - size);
    return Uint8Array.from(all.subarray(start, start + size));
  });
}

const pick = (list, next) => list[next() % list.length];
const digits = (next, count) => String(next()).padStart(count, "0").slice(-count);

function ticker(next) {
  const pair = pick(["BTCUSDT", "ETHUSDT", "SOLUSDT", "ADAUSDT", "XRPEUR"], next);
  const price = `${20 + (next() % 60_000)}.${digits(next, 2)}`;
  const time = 1_764_400_000_000 + (next() % 100_000_000);
  const trade = {
    e: "trade",
    E: time,
    s: pair,
    t: next(),
    p: price,
    q: `0.${digits(next, 5)}`,
    T: time - 3,
    m: next() % 2 > 0,
  };
  return `${JSON.stringify(trade)},`;
}

function issue(next) {
  const id = next();
  const login = pick(WORDS, next).toLowerCase() + (next() % 1000);
  const user = { login, id: next(), avatar_url: `https://avatars.example.com/u/${next()}?v=4`, site_admin: false };
  return {
    url: `https://api.example.com/repos/acme/rockets/issues/${id}`,
    id,
    title: prose(next, 7),
    user: { ...user, url: `https://api.example.com/users/${login}`, type: "User" },
    labels: [{ name: pick(["bug", "feature", "question"], next), color: digits(next, 6), default: false }],
    state: pick(["open", "closed"], next),
    comments: next() % 40,
    created_at: date(next),
    updated_at: date(next),
    closed_at: null,
    body: prose(next, 10 + (next() % 60)),
    score: (next() % 1000) / 1000,
  };
}

function date(next) {
  return new Date(1_700_000_000_000 + (next() % 60_000_000) * 1000).toISOString();
}

function page(next) {
  const link = `/articles/${next() % 10_000}/${pick(WORDS, next).toLowerCase()}`;
  return `<article class="card card--wide" id="a${next() % 10_000}"><h2><a href="${link}">${prose(next, 6)}</a></h2>
  <p class="meta"><time datetime="${date(next)}">${next() % 28} March</time> · <span class="tag">${pick(WORDS, next)}</span></p>
  <p>${prose(next, 40)}</p>
  <ul class="actions"><li><a href="${link}#comments">${next() % 90} comments</a></li><li><button type="button">Share</button></li></ul>
</article>
`;
}

function logLine(next) {
  const address = [next(), next(), next(), next()].map((part) => part % 256).join(".");
  const path = pick(["/", "/api/orders", "/api/users", "/static/app.js", "/login", "/healthz"], next);
  const status = pick([200, 200, 200, 304, 404, 500], next);
  const agent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36";
  const method = pick(["GET", "POST"], next);
  return `${address} - - [${date(next)}] "${method} ${path} HTTP/1.1" ${status} ${next() % 50_000} "-" "${agent}" ${next() % 900}ms\n`;
}

/** A game's entities: an id, a position, a turn and a flag, as a struct is written. */
function positions(next) {
  const record = Buffer.alloc(24);
  record.writeUInt32LE(next() % 500);
  for (let at = 4; at < 20; at += 4) record.writeFloatLE((next() % 2_000_000) / 1000, at);
  record[20] = next() % 4;
  return record;
}

/** MessagePack, of what records are made of. */
function packed(value) {
  if (value === null) return Buffer.from([0xc0]);
  if (typeof value === "boolean") return Buffer.from([value ? 0xc3 : 0xc2]);
  if (typeof value === "string") {
    const bytes = Buffer.from(value);
    const header = bytes.length < 32 ? [0xa0 | bytes.length] : [0xda, bytes.length >> 8, bytes.length & 0xff];
    return Buffer.concat([Buffer.from(header), bytes]);
  }
  if (typeof value === "number") {
    if (Number.isInteger(value) && value < 128) return Buffer.from([value]);
    const bytes = Buffer.alloc(Number.isInteger(value) ? 5 : 9);
    bytes[0] = Number.isInteger(value) ? 0xce : 0xcb;
    if (Number.isInteger(value)) bytes.writeUInt32BE(value, 1);
    else bytes.writeDoubleBE(value, 1);
    return bytes;
  }
  if (Array.isArray(value)) return Buffer.concat([Buffer.from([0x90 | value.length]), ...value.map(packed)]);
  const entries = Object.entries(value);
  return Buffer.concat([Buffer.from([0x80 | entries.length]), ...entries.flat().map(packed)]);
}

const TEXT = repository("LICENSE-APACHE")
  .split(/[^\w,.;'-]+/)
  .filter(Boolean);
const WORDS = [...new Set(TEXT.filter((word) => /^[A-Za-z]{3,}$/.test(word)))];
/** What follows a word somewhere in the text. */
const FOLLOWERS = new Map(TEXT.map((word) => [word, []]));
for (const [at, word] of TEXT.entries()) FOLLOWERS.get(word).push(TEXT[at + 1] ?? TEXT[0]);

/** English in its words' usual order. */
function prose(next, count) {
  const words = [pick(TEXT, next)];
  while (words.length < count) words.push(pick(FOLLOWERS.get(words.at(-1)), next));
  return words.join(" ");
}
