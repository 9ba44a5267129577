// The attacks: each is bounded, and knows nothing of the server but its port.
import { randomBytes } from "node:crypto";
import { deflateRawSync } from "node:zlib";

import { frame, Peer, repeated, request } from "./peer.mjs";

const TEXT = 0x81;
const COMPRESSED = 0xc2;
const COMPRESSED_BEGINNING = 0x42;
const PING = 0x89;
const PONG = 0x8a;

/** Ordinary traffic, which all others are compared with: short messages, echoed. */
async function ordinary(port) {
  const peer = await Peer.open(port);
  const messages = repeated(frame(TEXT, Buffer.from("an ordinary message of a chat...")), 64 * 1024);
  for (let round = 0; round < 16; round++) await peer.write(messages);
  await peer.done();
  return [peer];
}

/** A window full of noise, and final blocks that each end the stream (RFC 7692 §7.2.3.4 allows them). */
async function finalBlocks(port) {
  const peer = await Peer.open(port, { compresses: true });
  const noise = randomBytes(32 * 1024);
  const stored = Buffer.concat([Buffer.from([0x00, 0x00, 0x80, 0xff, 0x7f]), noise]);
  await peer.write(frame(COMPRESSED, Buffer.concat([stored, repeated(Buffer.from([0x03, 0x00]), 512 * 1024)])));
  await peer.done();
  return [peer];
}

/** Blocks whose Huffman codes have to be built, and that say nothing: 90 bits each. */
async function emptyDynamicBlocks(port) {
  const peer = await Peer.open(port, { compresses: true });
  await peer.write(frame(COMPRESSED, emptyBlocks(256 * 1024)));
  await peer.done();
  return [peer];
}

function emptyBlocks(size) {
  const bits = [];
  const put = (value, count) => {
    for (let at = 0; at < count; at++) bits.push((value >> at) & 1);
  };
  put(0b100, 3); // not final, dynamic codes
  put(0, 5); // 257 lengths of literals
  put(0, 5); // one of distances
  put(14, 4); // 18 lengths of the code for lengths, of which 18 and 1 have one bit
  for (let at = 0; at < 18; at++) put(at === 2 || at === 17 ? 1 : 0, 3);
  for (const zeros of [138, 118]) {
    put(1, 1);
    put(zeros - 11, 7);
  }
  put(0, 3); // the end of block, a distance, and that end
  const block = bits.join("");
  const stream = block.repeat(Math.ceil((size * 8) / block.length));
  const bytes = Buffer.alloc(Math.floor(stream.length / 8));
  for (let at = 0; at < bytes.length; at++) {
    bytes[at] = Number.parseInt([...stream.slice(at * 8, at * 8 + 8)].reverse().join(""), 2);
  }
  return bytes;
}

/** Unfinished messages of zeros, 1:1000 compressed, that stay. */
async function bombs(port) {
  const bytes = frame(COMPRESSED_BEGINNING, deflateRawSync(Buffer.alloc(15 << 20)).subarray(0, -1));
  const peers = await all(12, () => Peer.open(port, { compresses: true }));
  for (const peer of peers) await peer.write(bytes);
  await Promise.all(peers.map((peer) => peer.done()));
  return peers;
}

/** Compressed messages that begin with twelve bytes and do not end, on many connections. */
async function beginnings(port) {
  const bytes = frame(COMPRESSED_BEGINNING, deflateRawSync(Buffer.from("beginning")).subarray(0, 6));
  const peers = await all(500, () => Peer.open(port, { compresses: true }));
  for (const peer of peers) await peer.write(bytes);
  await peers.at(-1).done();
  return peers;
}

/** Frames that carry nothing, over and over. */
async function flood(port, bytes) {
  const peer = await Peer.open(port);
  for (let round = 0; round < 8; round++) await peer.write(bytes);
  await peer.done();
  return [peer];
}

const pings = (port) => flood(port, repeated(frame(PING), 64 * 1024));
const pongs = (port) => flood(port, repeated(frame(PONG), 64 * 1024));

/** As many pings as a server takes, again and again, because a message comes between. */
function pingsAndMessages(port) {
  const some = Buffer.concat([...Array(4000).fill(frame(PING)), frame(TEXT, Buffer.from("between"))]);
  return flood(port, repeated(some, 64 * 1024));
}

/** Messages of fragments of one byte. */
async function fragments(port) {
  const peer = await Peer.open(port);
  const middle = repeated(frame(0x00, Buffer.from("x")), 64 * 1024);
  for (let round = 0; round < 8; round++) await peer.write(Buffer.concat([frame(0x01), middle, frame(0x80)]));
  await peer.done();
  return [peer];
}

/** Frames that announce 2^62 bytes, and bring few. */
async function giants(port) {
  const head = Buffer.from([0x82, 0xff, 0x3f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]);
  const peers = await all(100, () => Peer.open(port));
  for (const peer of peers) await peer.write(Buffer.concat([head, Buffer.alloc(1000)]));
  return peers;
}

/** Asks for much, and never reads it. */
async function deaf(port) {
  const peers = await all(8, () => Peer.open(port));
  const bytes = repeated(frame(0x82, Buffer.alloc(16 * 1024)), 1 << 20);
  for (const peer of peers) {
    peer.socket.pause();
    peer.write(bytes);
  }
  await new Promise((resolve) => setTimeout(resolve, 200));
  return peers;
}

/** Heartbeats to a server that only sends, and a reset behind them. */
async function heartbeats(port) {
  const bytes = repeated(frame(TEXT, Buffer.from("beat")), 16 * 1024);
  const peers = await all(100, () => Peer.open(port, { path: "/push" }));
  for (const peer of peers) await peer.write(bytes);
  for (const peer of peers) peer.socket.resetAndDestroy();
  return peers;
}

/** Upgrades for a path that no server takes, reset at once. */
async function paths(port) {
  const peers = await all(200, () => Peer.connect(port, request("/nowhere")));
  for (const peer of peers) peer.socket.resetAndDestroy();
  return peers;
}

/** Requests that never end. */
async function beginningsOfRequests(port) {
  return all(200, () => Peer.connect(port, request().slice(0, -4)));
}

async function all(count, make) {
  const peers = [];
  for (let at = 0; at < count; at++) peers.push(await make());
  return peers;
}

/** By what they are. `perByte`: whether CPU time is compared by the byte; else the attack is about something else. */
export const attacks = {
  "ordinary messages": { run: ordinary, perByte: true },
  "final blocks": { run: finalBlocks, perByte: true },
  "empty dynamic blocks": { run: emptyDynamicBlocks, perByte: true },
  "12 unfinished bombs": { run: bombs },
  "500 beginnings of compressed messages": { run: beginnings },
  "empty pings": { run: pings, perByte: true },
  "empty pongs": { run: pongs, perByte: true },
  "empty pings, and a message now and then": { run: pingsAndMessages, perByte: true },
  "fragments of a byte": { run: fragments, perByte: true },
  "100 frames of 2^62 bytes": { run: giants },
  "8 clients that do not read": { run: deaf },
  "100 that leave a server that only sends": { run: heartbeats },
  "200 upgrades that no server takes": { run: paths },
  "200 unfinished requests": { run: beginningsOfRequests },
};
