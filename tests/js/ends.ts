/** Our connections of either role, whose other end a test drives by hand. */
import type { TestContext } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { inflateRawSync } from "node:zlib";

import { type SocketOptions, WebSocket } from "websocket-component";

import { acceptOf, masked, nextEvent, once, RawPeer, serve, serveRaw, unmasked } from "./support.js";

/** Which end of a connection is ours. */
export type Role = "server" | "client";
export const ROLES: readonly Role[] = ["server", "client"];

/** One connection: our socket, whose binary messages come as Buffers, and its peer. */
export interface Ends {
  readonly socket: WebSocket;
  readonly peer: RawPeer;
  /** The data of all messages. */
  readonly received: unknown[];
}

/** A frame that our end takes: a client's for our server, a server's for our client. */
export type Frame = typeof masked;
export const FRAME: { readonly [role in Role]: Frame } = { server: masked, client: unmasked };

/** What makes connections, all with the same server. */
export function connector(t: TestContext, role: Role, options: SocketOptions = {}): Promise<() => Promise<Ends>> {
  return role === "server" ? toServer(t, options) : toClient(t, options);
}

async function toServer(t: TestContext, options: SocketOptions): Promise<() => Promise<Ends>> {
  const { server, port } = await serve(t, options);
  return async () => {
    const connection = once(server, "connection");
    const peer = await RawPeer.connect(port);
    t.after(() => peer.socket.destroy());
    const ends = observed(peer, ((await connection) as [WebSocket])[0]);
    await peer.head();
    return ends;
  };
}

async function toClient(t: TestContext, options: SocketOptions): Promise<() => Promise<Ends>> {
  const awaited: ((peer: RawPeer) => void)[] = [];
  const url = await serveRaw(t, (peer) => awaited.shift()?.(peer));
  return async () => {
    const connected = new Promise<RawPeer>((resolve) => awaited.push(resolve));
    const socket = new WebSocket(url, { closeTimeout: 500, ...options });
    const peer = await connected;
    const ends = observed(peer, socket);
    peer.write(switching(await peer.head()));
    await nextEvent(socket, "open");
    return ends;
  };
}

function observed(peer: RawPeer, socket: WebSocket): Ends {
  const received: unknown[] = [];
  socket.binaryType = "nodebuffer";
  socket.onmessage = (event) => received.push(event.data);
  return { peer, socket, received };
}

/** The response that accepts a request, with fields added. */
export function switching(request: string, ...added: string[]): Buffer {
  const accept = `Sec-WebSocket-Accept: ${acceptOf(request)}`;
  const lines = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade", accept, ...added];
  return Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1");
}

/** The fields of a frame; the payload as it was before masking. */
export interface Parsed {
  readonly first: number;
  readonly key: Buffer;
  readonly payload: Buffer;
}

/** The frames of which these bytes consist. */
export function frames(bytes: Buffer): Parsed[] {
  const parsed: Parsed[] = [];
  for (let at = 0; at < bytes.length; ) {
    const [first, second] = [bytes.readUInt8(at), bytes.readUInt8(at + 1)];
    const short = second & 0x7f;
    const key = at + 2 + (short === 126 ? 2 : short === 127 ? 8 : 0);
    const length =
      short === 126 ? bytes.readUInt16BE(at + 2) : short === 127 ? Number(bytes.readBigUInt64BE(at + 2)) : short;
    const start = key + (second >> 7) * 4;
    const payload = Buffer.from(bytes.subarray(start, start + length));
    if (start > key)
      for (let i = 0; i < length; i++) payload[i] = payload.readUInt8(i) ^ bytes.readUInt8(key + (i % 4));
    parsed.push({ first, key: bytes.subarray(key, start), payload });
    at = start + length;
  }
  return parsed;
}

/** What a compressed payload stands for, alone. */
export function inflated(payload: Uint8Array): string {
  return inflateRawSync(Buffer.concat([payload, Buffer.from([0, 0, 0xff, 0xff])]), { finishFlush: 2 }).toString();
}

/** Short for comparing: first bytes and payloads. */
export function summary(bytes: Buffer): [number, string][] {
  return frames(bytes).map(({ first, payload }) => [first, payload.toString("latin1")]);
}

/** The bytes of frames of our end, with payloads of these lengths. */
export function wireSize(role: Role, ...lengths: readonly number[]): number {
  const mask = role === "client" ? 4 : 0;
  const header = (length: number) => (length < 126 ? 2 : length < 65536 ? 4 : 10) + mask;
  return lengths.reduce((sum, length) => sum + header(length) + length, 0);
}

/** A close status as a close frame's payload. */
export function statusBytes(status: number): Buffer {
  return Buffer.of(status >> 8, status & 255);
}

/** Every way to cut a stream into chunks that a receiver should not notice: whole, single bytes, two parts. */
export function cuts(stream: Buffer): Buffer[][] {
  const bytes = Array.from(stream, (byte) => Buffer.of(byte));
  const halves = bytes.slice(1).map((_, index) => [stream.subarray(0, index + 1), stream.subarray(index + 1)]);
  return [[stream], bytes, ...halves];
}

/** Writes chunks one by one, with a turn of the event loop for each to be read in. */
export async function trickle(peer: RawPeer, chunks: readonly Uint8Array[]): Promise<void> {
  peer.socket.setNoDelay(true);
  for (const chunk of chunks) {
    await new Promise<void>((written) => peer.socket.write(chunk, () => written()));
    await turn();
  }
}

/** Sends blocks of 1 MiB to a peer that stops reading, until no more of them leave. Returns how many. */
export async function clog({ peer, socket }: Ends): Promise<number> {
  peer.socket.pause();
  const block = Buffer.alloc(1 << 20);
  let count = 0;
  for (; socket.bufferedAmount < 8 << 20; count++) {
    socket.send(block);
    await turn();
  }
  return count;
}
