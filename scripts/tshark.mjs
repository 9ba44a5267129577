// Compares the inspector with Wireshark's dissector, field by field: `npm run test:tshark`. Captures on loopback what
// real peers say to each other, plain, fragmented, compressed and wrong, and has both read the same file. Exits with 3
// if tshark is not here, or may not capture.
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";

import { WebSocket as Peer, WebSocketServer as PeerServer } from "ws";
import { ENCAPSULATIONS, encapsulated } from "./lib/encapsulations.mjs";
import { prepare, root } from "./prepare.mjs";

const CANNOT_RUN = 3;
prepare();
const { WebSocket, WebSocketServer } = await import("websocket-component");
const { inspectConnection, readCapture } = await import("websocket-component/inspect");

if (spawnSync("tshark", ["--version"]).status !== 0) cannotRun("tshark is not here (Debian: apt-get install tshark)");
const folder = `${root}/build/tshark`;
mkdirSync(folder, { recursive: true });

/** Frames of a client that writes them by hand. */
const RAW = [
  // fragments, with a ping between them, and each form of a length
  [
    masked(0x01, "frag"),
    masked(0x89, "p"),
    masked(0x00, ""),
    masked(0x80, "ments"),
    masked(0x82, "b".repeat(300)),
    masked(0x88, "\x03\xe8"),
  ],
  [masked(0x82, "l".repeat(70_000)), masked(0x8a, "unasked"), masked(0x88, "")],
  // what a server refuses
  [masked(0xb1, "reserved bits")],
  [masked(0x09, "a fragment")],
  [masked(0x80, "no message")],
  [masked(0x88, "\x03")],
  [masked(0x88, "\x03\xedbad")],
  [masked(0x81, "\xff")],
  [Buffer.from([0x81, 0x01, 0x61])],
];

/** What editcap makes of the capture: other forms of pcap, and snoop. */
const FILE_TYPES = ["nsecpcap", "modpcap", "nokiapcap", "rh6_1pcap", "suse6_3pcap", "snoop"];

let [same, different] = [0, 0];
for (const format of ["pcapng", "pcap"]) {
  const { file, ports } = await capture(format);
  compare(format, ours(file), theirs(file, ports));
  if (format !== "pcap") continue;
  for (const [name, encapsulation] of Object.entries(ENCAPSULATIONS)) {
    const other = `${folder}/${name.replaceAll(" ", "-")}.pcap`;
    writeFileSync(other, encapsulated(readFileSync(file), encapsulation));
    compare(name, ours(other), theirs(other, ports));
  }
  for (const type of FILE_TYPES) {
    const other = `${folder}/loopback.${type}`;
    execFileSync("editcap", ["-F", type, file, other], { stdio: ["ignore", "ignore", "ignore"] });
    compare(type, ours(other), theirs(other, ports));
  }
}
console.log(`our inspector: ${same} OK, 0 informational, ${different} failed`);
if (different > 0) process.exit(1);

function cannotRun(why) {
  console.log(`tshark: ${why}`);
  console.log("not run");
  process.exit(CANNOT_RUN);
}

/** Captures all conversations into a file. */
async function capture(format) {
  const takeover = { serverNoContextTakeover: false, clientNoContextTakeover: false, threshold: 0 };
  const servers = [
    new WebSocketServer({ port: 0, host: "127.0.0.1", perMessageDeflate: false }),
    new WebSocketServer({ port: 0, host: "127.0.0.1", perMessageDeflate: takeover }),
    new PeerServer({ port: 0, host: "127.0.0.1", perMessageDeflate: takeover }),
  ];
  for (const server of servers) {
    server.on("connection", (socket) => {
      socket.addEventListener("message", ({ data }) => socket.send(data));
      socket.addEventListener("error", () => {});
    });
  }
  await Promise.all(servers.map((server) => once(server, "listening")));
  const ports = servers.map((server) => server.address().port);
  const file = `${folder}/loopback.${format}`;
  const filter = ports.map((port) => `tcp port ${port}`).join(" or ");
  // not by a pipe to a file: dumpcap writes it, and has written all when it ends
  const tshark = spawn("tshark", ["-q", "-i", "lo", "-f", filter, "-F", format, "-w", file]);
  let log = "";
  const started = new Promise((resolve) => {
    tshark.stderr.on("data", (data) => {
      log += data;
      if (log.includes("Capture started")) resolve(true);
    });
    tshark.once("exit", () => resolve(false));
  });
  if (!(await started)) cannotRun(`it may not capture here: ${log.trim().split("\n").at(-1)}`);
  for (const port of ports) {
    await converse(new WebSocket(`ws://127.0.0.1:${port}/ours`, { perMessageDeflate: takeover }));
    await converse(new Peer(`ws://127.0.0.1:${port}/ws`, { perMessageDeflate: takeover }));
    for (const frames of RAW) await raw(port, frames);
  }
  // the last packets are captured when packets of a later connection are
  await seen(file, ports[0]);
  tshark.kill("SIGINT");
  await once(tshark, "exit");
  for (const server of servers) server.close();
  return { file, ports };
}

/** Every kind of message there and back, a ping, and a close. */
async function converse(socket) {
  await event(socket, "open");
  const messages = ["Hello", "é€𝄞", "a line ".repeat(200), "a line ".repeat(20_000), new Uint8Array([0, 1, 255]), ""];
  for (const message of messages) {
    const echoed = event(socket, "message");
    socket.send(message);
    await echoed;
  }
  const pong = socket instanceof Peer ? once(socket, "pong") : event(socket, "pong");
  socket.ping("ping");
  await pong;
  const closed = event(socket, "close");
  socket.close(3000, "goodbye");
  await closed;
}

function event(socket, type) {
  return new Promise((resolve) => socket.addEventListener(type, resolve, { once: true }));
}

function masked(first, text) {
  const payload = Buffer.from(text, "latin1");
  const key = Buffer.from([0x37, 0xfa, 0x21, 0x3d]);
  const length = Buffer.alloc(payload.length < 126 ? 1 : payload.length < 65536 ? 3 : 9);
  length[0] = 0x80 | (payload.length < 126 ? payload.length : payload.length < 65536 ? 126 : 127);
  if (length.length === 3) length.writeUInt16BE(payload.length, 1);
  if (length.length === 9) length.writeBigUInt64BE(BigInt(payload.length), 1);
  const body = payload.map((byte, index) => byte ^ key[index % 4]);
  return Buffer.concat([Buffer.from([first]), length, key, body]);
}

async function raw(port, frames) {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {});
  const closed = once(socket, "close");
  const fields = ["Host: a", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13"];
  socket.write(`GET /raw HTTP/1.1\r\n${fields.join("\r\n")}\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`);
  await once(socket, "data");
  // one packet each, or one for several
  for (const frame of frames) socket.write(frame);
  socket.on("data", (data) => {
    if (data.includes(0x88)) socket.end();
  });
  await closed;
}

/** Resolves once a request that is made now is in the file. */
async function seen(file, port) {
  const mark = `GET /end-${process.pid}-`;
  for (let turn = 0; ; turn++) {
    const socket = connect(port, "127.0.0.1");
    socket.end(`${mark}${turn} HTTP/1.1\r\nHost: a\r\n\r\n`);
    await once(socket.resume(), "close");
    if (readFileSync(file).includes(mark)) return;
  }
}

/** What the inspector says: frames by connection and direction. */
function ours(file) {
  const streams = new Map();
  for (const connection of readCapture(readFileSync(file)).connections) {
    const inspector = inspectConnection(connection);
    for (const record of inspector.records()) {
      if (record.type !== "frame") continue;
      const name = `port ${connection.client.split(":").at(-1)} ${record.direction}`;
      const frames = streams.get(name) ?? [];
      frames.push(fieldsOf(inspector, record));
      streams.set(name, frames);
    }
    inspector.free();
  }
  return streams;
}

function fieldsOf(inspector, frame) {
  const { fin, rsv1, rsv2, rsv3, opcode, length, mask, closeStatus, opcodeName } = frame;
  const payload = Buffer.from(inspector.payload(frame));
  const status = closeStatus !== undefined && payload.length >= 2 ? closeStatus : undefined;
  // tshark shows no payload of a fragment, and of an empty message that is compressed the byte on the wire
  const isShown = fin && ["text", "ping", "pong"].includes(opcodeName);
  const shown = rsv1 && payload.length === 0 ? Buffer.from(inspector.payload(frame, { stage: "unmasked" })) : payload;
  return {
    fin,
    rsv: (rsv1 ? 4 : 0) | (rsv2 ? 2 : 0) | (rsv3 ? 1 : 0),
    opcode,
    masked: mask !== undefined,
    key: mask?.toString(16).padStart(8, "0"),
    length,
    status,
    reason: status !== undefined && payload.length > 2 ? payload.subarray(2).toString("hex") : undefined,
    payload: isShown ? shown.toString("hex") : undefined,
  };
}

/** What Wireshark says. */
function theirs(file, ports) {
  const decode = ports.flatMap((port) => ["-d", `tcp.port==${port},http`]);
  const pdml = execFileSync("tshark", ["-r", file, ...decode, "-Y", "websocket", "-T", "pdml"], {
    encoding: "utf8",
    maxBuffer: 2 ** 30,
    stdio: ["ignore", "pipe", "ignore"],
  });
  const streams = new Map();
  for (const packet of pdml.split("<packet>").slice(1)) {
    const [source, destination] = ["tcp.srcport", "tcp.dstport"].map((name) => Number(shown(packet, name)));
    const isToServer = ports.includes(destination);
    const name = `port ${isToServer ? source : destination} ${isToServer ? "toServer" : "toClient"}`;
    const frames = streams.get(name) ?? [];
    for (const proto of packet.split('<proto name="websocket"').slice(1)) frames.push(dissected(proto));
    streams.set(name, frames);
  }
  return streams;
}

function dissected(proto) {
  const number = (name) => {
    const text = shown(proto, `websocket.${name}`);
    return text === undefined ? undefined : Number(text);
  };
  const value = (name) => attribute(proto, `websocket.${name}`, "value");
  const fin = number("fin") === 1;
  const opcode = number("opcode");
  const length = number("payload_length_ext_64") ?? number("payload_length_ext_16") ?? number("payload_length");
  const contents = fin && { 1: "payload.text", 9: "payload.ping", 10: "payload.pong" }[opcode];
  return {
    fin,
    rsv: number("rsv"),
    opcode,
    masked: number("mask") === 1,
    key: value("masking_key"),
    length,
    status: number("payload.close.status_code"),
    reason: value("payload.close.reason"),
    payload: contents ? (value(contents) ?? (length === 0 ? "" : undefined)) : undefined,
  };
}

function shown(text, name) {
  return attribute(text, name, "show");
}

function attribute(text, name, which) {
  const field = new RegExp(`<field name="${name.replaceAll(".", "\\.")}"[^>]*`).exec(text)?.[0];
  return field && new RegExp(` ${which}="([^"]*)"`).exec(field)?.[1];
}

function compare(format, mine, other) {
  const names = new Set([...mine.keys(), ...other.keys()]);
  for (const name of names) {
    const [frames, expected] = [mine.get(name) ?? [], other.get(name) ?? []];
    for (let index = 0; index < Math.max(frames.length, expected.length); index++) {
      const [ours, wireshark] = [frames[index], expected[index]].map((fields) => JSON.stringify(fields));
      if (ours === wireshark) same += 1;
      else {
        different += 1;
        console.log(
          `${format}, ${name}, frame ${index}\n  inspector ${ours?.slice(0, 300)}\n  tshark    ${wireshark?.slice(0, 300)}`,
        );
      }
    }
  }
}
