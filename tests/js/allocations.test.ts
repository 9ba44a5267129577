/** What a message costs of JavaScript's heap, on the paths that programs use. Counted, in processes of their own. */
import assert from "node:assert/strict";
import { type ChildProcess, fork } from "node:child_process";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";

import { answer, masked, once, RawPeer, serveRaw, unmasked } from "./support.js";

const PROGRAM = fileURLToPath(new URL("allocating.js", import.meta.url));
/** Messages in a packet, and packets. */
const PACKET = 50;
const PACKETS = 200;
const TEXT = "x".repeat(125);
/**
 * The young generation has room for all, so that nothing is collected meanwhile. Code is not optimised: when that
 * happens depends on the machine, and it saves some of the objects.
 */
const FLAGS = ["--expose-gc", "--no-opt", "--min-semi-space-size=256", "--max-semi-space-size=256"];

/** Versions of Node, whose own streams and events differ: that of the last which is not newer counts. */
const VERSIONS = [20, 22, 24, 26] as const;
const AT = Math.max(0, VERSIONS.filter((version) => version <= Number.parseInt(process.versions.node, 10)).length - 1);
/** Bytes that a message may take above what it took when the path was measured: half of what must be found. */
const MARGIN = 100;

interface Path {
  /** Bytes that are sent to the program, and the size of what it answers with. */
  packet: Buffer;
  reply: number;
  /** Connections that get the answer, to a packet of one message; 1 by default, and a packet has many. */
  receivers?: number;
  /** Bytes of heap that a message took when it was measured, by version. */
  measured: readonly [number, number, number, number];
}

function many(message: Buffer): Buffer {
  return Buffer.concat(Array(PACKET).fill(message));
}

function echo(...measured: Path["measured"]): Path {
  return { packet: many(masked(0x81, TEXT)), reply: PACKET * unmasked(0x81, TEXT).length, measured };
}

const servers: { readonly [path: string]: Path } = {
  "a listener that sends": echo(1045, 1035, 1000, 990),
  "a listener that sends, of binary messages": {
    ...echo(780, 760, 755, 745),
    packet: many(masked(0x82, TEXT)),
  },
  "a listener that reads bufferedAmount after each send": echo(1025, 1035, 1000, 990),
  "a listener of ws that sends": echo(1115, 1110, 1085, 1080),
  "a loop that sends": echo(1170, 1150, 1035, 930),
  "a loop that awaits each write": echo(1405, 1405, 1300, 1060),
  "a WebSocketStream in a pipe": echo(5225, 4955, 1280, 1275),
  "a broadcast": {
    packet: masked(0x81, TEXT),
    reply: unmasked(0x81, TEXT).length,
    receivers: PACKET,
    measured: [745, 745, 755, 625],
  },
  "a loop over all": {
    packet: masked(0x81, TEXT),
    reply: unmasked(0x81, TEXT).length,
    receivers: PACKET,
    measured: [665, 665, 660, 525],
  },
  "a loop over all, of binary messages": {
    packet: masked(0x82, TEXT),
    reply: unmasked(0x82, TEXT).length,
    receivers: PACKET,
    measured: [675, 675, 670, 535],
  },
};

const clients: { readonly [path: string]: Path } = {
  "a client's listener": {
    packet: many(unmasked(0x81, TEXT)),
    reply: masked(0x81, "ok").length,
    measured: [955, 2255, 2030, 2005],
  },
  "a client that sends": {
    packet: unmasked(0x81, TEXT),
    reply: PACKET * masked(0x81, TEXT).length,
    measured: [475, 480, 475, 470],
  },
};

function start(t: TestContext, path: string, ...args: string[]): ChildProcess {
  const program = fork(PROGRAM, [path, `${PACKET}`, ...args], { execArgv: FLAGS, silent: true });
  t.after(() => program.kill());
  return program;
}

interface Heap {
  heap: number;
  collections: number;
}

async function ask(program: ChildProcess, what: "collect" | "read"): Promise<Heap> {
  const answered = once(program, "message");
  program.send(what);
  const [heap] = await answered;
  return heap;
}

/** Bytes of heap that a message takes. */
async function heapOfAMessage(program: ChildProcess, peers: RawPeer[], { packet, reply }: Path): Promise<number> {
  const exchange = async () => {
    for (let left = PACKETS; left > 0; left--) {
      peers[0]?.write(packet);
      await Promise.all(peers.map((peer) => peer.bytes(reply)));
    }
  };
  await exchange(); // what is made once
  const before = await ask(program, "collect");
  await exchange();
  const after = await ask(program, "read");
  assert.equal(after.collections, before.collections, "nothing was collected meanwhile");
  return (after.heap - before.heap) / PACKETS / PACKET;
}

async function server(t: TestContext, path: string, { receivers = 1 }: Path): Promise<[ChildProcess, RawPeer[]]> {
  const program = start(t, path);
  const [port] = await once(program, "message");
  const peers = await Promise.all(Array.from({ length: receivers }, () => RawPeer.connect(port)));
  t.after(() => {
    for (const { socket } of peers) socket.destroy();
  });
  await Promise.all(peers.map((peer) => peer.head()));
  return [program, peers];
}

async function client(t: TestContext, path: string): Promise<[ChildProcess, RawPeer[]]> {
  let take: (peer: RawPeer) => void = () => {};
  const connected = new Promise<RawPeer>((resolve) => {
    take = resolve;
  });
  const url = await serveRaw(t, (peer) => take(peer));
  const program = start(t, path, new URL(url).port);
  const peer = await connected;
  await answer(peer);
  return [program, [peer]];
}

for (const [paths, begin] of [
  [servers, server],
  [clients, client],
] as const) {
  for (const [path, expected] of Object.entries(paths)) {
    const most = (expected.measured[AT] as number) + MARGIN;
    test(`${path} takes at most ${most} bytes of heap for a message`, async (t) => {
      const heap = await heapOfAMessage(...(await begin(t, path, expected)), expected);
      t.diagnostic(`${path}: ${heap.toFixed(0)} bytes`);
      assert.ok(heap <= most, `${heap} bytes`);
    });
  }
}
