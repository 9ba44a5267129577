/**
 * TCP connections, put together from their segments.
 *
 * @module
 */
import { concat } from "../../engine/bytes.js";
import type { Direction } from "../records.js";
import type { Connection, Piece } from "./connection.js";
import { type Packet, type Segment, segmentReader } from "./packets.js";

/** The connections in the packets of a file that speak WebSocket, and how many others there are. */
export function connectionsOf(
  file: Uint8Array,
  packets: Iterable<Packet>,
): { connections: Connection[]; skipped: number } {
  const segmentOf = segmentReader(file);
  const all: TcpConnection[] = [];
  const current = new Map<string, TcpConnection>();
  for (const packet of packets) {
    const segment = segmentOf(packet);
    if (segment === undefined) continue;
    const { source, destination } = segment;
    const key = source < destination ? `${source} ${destination}` : `${destination} ${source}`;
    let connection = current.get(key);
    if (connection === undefined || connection.isSucceededBy(segment)) {
      connection = new TcpConnection(segment);
      current.set(key, connection);
      all.push(connection);
    }
    connection.take(segment);
  }
  const connections = all.map((connection) => connection.finish()).filter((connection) => connection !== undefined);
  return { connections, skipped: all.length - connections.length };
}

class TcpConnection {
  /** Of the side that sent the first segment, and of the other one. */
  readonly #first: Stream;
  readonly #second: Stream;
  readonly #names: readonly [string, string];
  /** The side that asked for the connection, if that was seen. */
  #client: string | undefined;

  constructor({ source, destination }: Segment) {
    this.#names = [source, destination];
    this.#first = new Stream();
    this.#second = new Stream();
  }

  /** Whether the segment begins another connection between the same ports. */
  isSucceededBy(segment: Segment): boolean {
    return segment.syn && !segment.ack && this.#streamOf(segment).isOtherStart(segment.sequence);
  }

  take(segment: Segment): void {
    if (segment.syn) this.#client = segment.ack ? segment.destination : segment.source;
    this.#streamOf(segment).take(segment);
  }

  #streamOf({ source }: Segment): Stream {
    return source === this.#names[0] ? this.#first : this.#second;
  }

  /** The whole connection, unless it is none of WebSocket. */
  finish(): Connection | undefined {
    const [first, second] = [this.#first.finish(), this.#second.finish()];
    const isFirstClient = this.#isFirstClient(first, second);
    const [client, server] = isFirstClient ? this.#names : [this.#names[1], this.#names[0]];
    const [toServer, toClient] = isFirstClient ? [first, second] : [second, first];
    if (!isWebSocket(toServer, toClient)) return undefined;
    return {
      client,
      server,
      pieces: merged(directed(toServer, "toServer"), directed(toClient, "toClient")),
      synthetic: false,
    };
  }

  #isFirstClient(first: Reassembled, second: Reassembled): boolean {
    if (this.#client !== undefined) return this.#client === this.#names[0];
    return isWebSocket(first, second) || !isWebSocket(second, first);
  }
}

/** Bytes of a direction, and how many are missing before them. */
interface Part {
  readonly bytes: Uint8Array;
  readonly time: number;
  readonly missing: number;
}

/** A direction's bytes, in order. */
type Reassembled = readonly Part[];

/** The most bytes that may be missing at a place; over it, the direction ends there. */
const LARGEST_GAP = 1024 * 1024;

/** One direction: segments in any order, repeated, overlapping or missing. Of bytes that come twice, the first count. */
class Stream {
  readonly #parts: Part[] = [];
  /** The sequence number of the first byte. */
  #start: number | undefined;
  /** How many bytes there are in order. */
  #length = 0;
  /** Segments that are ahead, by their place. */
  #ahead: { at: number; bytes: Uint8Array; time: number }[] = [];

  isOtherStart(sequence: number): boolean {
    return this.#start !== undefined && this.#start !== (sequence + 1) >>> 0;
  }

  take({ sequence, syn, payload, time }: Segment): void {
    const first = syn ? (sequence + 1) >>> 0 : sequence;
    this.#start ??= first;
    if (payload.length === 0) return;
    // numbers are of 32 bits, so a place is known by its distance from the next one that is expected
    const distance = (first - this.#start - this.#length) | 0;
    this.#place(this.#length + distance, payload, time);
    if (this.#ahead.length > 0 && distance <= 0) this.#catchUp();
  }

  #place(at: number, bytes: Uint8Array, time: number): void {
    if (at > this.#length) {
      this.#ahead.push({ at, bytes, time });
      return;
    }
    const fresh = at === this.#length ? bytes : bytes.subarray(this.#length - at);
    if (fresh.length === 0) return;
    this.#parts.push({ bytes: fresh, time, missing: 0 });
    this.#length += fresh.length;
  }

  /** Takes those that are not ahead any more. */
  #catchUp(): void {
    this.#ahead.sort((one, other) => one.at - other.at);
    let done = 0;
    for (const { at, bytes, time } of this.#ahead) {
      if (at > this.#length) break;
      this.#place(at, bytes, time);
      done += 1;
    }
    this.#ahead.splice(0, done);
  }

  finish(): Reassembled {
    this.#catchUp();
    for (let next = this.#ahead.shift(); next !== undefined; next = this.#ahead.shift()) {
      const { at, bytes, time } = next;
      const missing = at - this.#length;
      if (missing > LARGEST_GAP) break;
      this.#parts.push({ bytes, time, missing });
      this.#length = at + bytes.length;
      this.#catchUp();
    }
    return this.#parts;
  }
}

function directed(parts: Reassembled, direction: Direction): Piece[] {
  let latest = 0;
  return parts.map(({ bytes, time, missing }) => {
    // bytes that waited for ones before them are there when those are
    latest = Math.max(latest, time);
    return { direction, bytes, time: latest, missing };
  });
}

/** Both directions' pieces in the order of their times. */
export function merged(first: readonly Piece[], second: readonly Piece[]): Piece[] {
  const all: Piece[] = [];
  let at = 0;
  for (const piece of first) {
    for (let other = second[at]; other !== undefined && other.time < piece.time; other = second[++at]) all.push(other);
    all.push(piece);
  }
  return all.concat(second.slice(at));
}

/** How much of a direction is looked at. */
const LOOK = 16 * 1024;

/** An upgrade, or where the beginning is missing, frames both ways. */
function isWebSocket(toServer: Reassembled, toClient: Reassembled): boolean {
  const [request, response] = [beginning(toServer), beginning(toClient)];
  const text = new TextDecoder("latin1").decode(request);
  if (/^[A-Z]+ /.test(text)) return /\r\nupgrade:[^\r]*websocket/i.test(text.split("\r\n\r\n")[0] as string);
  if (request.length + response.length === 0) return false;
  return areFrames(request, true) && areFrames(response, false);
}

function beginning(parts: Reassembled): Uint8Array {
  let bytes: Uint8Array = new Uint8Array(0);
  for (const part of parts) {
    if (bytes.length >= LOOK || part.missing > 0) break;
    bytes = concat(bytes, part.bytes);
  }
  return bytes.subarray(0, LOOK);
}

/** Whether the bytes are frames as a client or a server sends them, as far as their headers go. */
export function areFrames(bytes: Uint8Array, masked: boolean): boolean {
  for (let at = 0; at + 14 <= bytes.length || at === 0; ) {
    const [first, second] = [bytes[at], bytes[at + 1]];
    if (first === undefined || second === undefined) return bytes.length === 0;
    const opcode = first & 0x0f;
    const isControl = opcode >= 8;
    if ((first & 0x30) !== 0 || opcode > 10 || (opcode > 2 && opcode < 8)) return false;
    if (second >= 0x80 !== masked) return false;
    if (isControl && ((first & 0xc0) !== 0x80 || (second & 0x7f) > 125)) return false;
    const length = second & 0x7f;
    const view = new DataView(bytes.buffer, bytes.byteOffset + at, bytes.length - at);
    if (length > 125 && view.byteLength < 14) return true;
    const extended = length === 126 ? view.getUint16(2) : length === 127 ? Number(view.getBigUint64(2)) : length;
    at += 2 + (length === 126 ? 2 : length === 127 ? 8 : 0) + (masked ? 4 : 0) + extended;
  }
  return true;
}
