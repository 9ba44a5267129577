/**
 * TCP streams, put together from their segments.
 *
 * @module
 */
import { Flow, type Part } from "./flow.js";
import type { Segment } from "./packets.js";

/** A TCP connection. */
export interface TcpStream {
  /** Address and port. */
  readonly client: string;
  readonly server: string;
  /** Whether the capture tells which side is the client. */
  readonly isClientKnown: boolean;
  readonly toServer: Flow;
  readonly toClient: Flow;
}

/** Tells the connections in segments apart, and puts each together. */
export class TcpStreams {
  readonly #all: TcpConnection[] = [];
  readonly #current = new Map<string, TcpConnection>();

  take(segment: Segment): void {
    const { source, destination } = segment;
    const key = source < destination ? `${source} ${destination}` : `${destination} ${source}`;
    let connection = this.#current.get(key);
    if (connection === undefined || connection.isSucceededBy(segment)) {
      connection = new TcpConnection(segment);
      this.#current.set(key, connection);
      this.#all.push(connection);
    }
    connection.take(segment);
  }

  /** All of them, in the order in which they began. */
  finish(): TcpStream[] {
    return this.#all.map((connection) => connection.finish());
  }
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

  finish(): TcpStream {
    const [first, second] = [this.#first.finish(), this.#second.finish()];
    const [one, other] = this.#names;
    const isClientKnown = this.#client !== undefined;
    return this.#client === undefined || this.#client === one
      ? { client: one, server: other, isClientKnown, toServer: first, toClient: second }
      : { client: other, server: one, isClientKnown, toServer: second, toClient: first };
  }
}

/** A segment that is farther ahead belongs to something else. */
const LARGEST_GAP = 1 << 30;

/**
 * One direction: segments in any order, repeated, overlapping or missing. Of bytes that come twice, the first count.
 */
class Stream {
  readonly #parts: Part[] = [];
  /** The sequence number of the first byte. */
  #start: number | undefined;
  #isStartSeen = false;
  /** How many bytes there are in order. */
  #length = 0;
  /** Where what was sent ends, as far as it is known: a packet may be cut. */
  #end = 0;
  /** Segments that are ahead, by their place. */
  #ahead: { at: number; bytes: Uint8Array; time: number }[] = [];

  isOtherStart(sequence: number): boolean {
    return this.#start !== undefined && this.#start !== (sequence + 1) >>> 0;
  }

  take({ sequence, syn, payload, length, time }: Segment): void {
    const first = syn ? (sequence + 1) >>> 0 : sequence;
    this.#start ??= first;
    if (syn) this.#isStartSeen = true;
    if (length === 0) return;
    // numbers are of 32 bits, so a place is known by its distance from the next one that is expected
    const distance = (first - this.#start - this.#length) | 0;
    if (distance > LARGEST_GAP) return;
    this.#end = Math.max(this.#end, this.#length + distance + length);
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

  finish(): Flow {
    this.#catchUp();
    for (let next = this.#ahead.shift(); next !== undefined; next = this.#ahead.shift()) {
      const { at, bytes, time } = next;
      this.#parts.push({ bytes, time, missing: at - this.#length });
      this.#length = at + bytes.length;
      this.#catchUp();
    }
    const missing = this.#end - this.#length;
    const time = this.#parts.at(-1)?.time ?? 0;
    if (missing > 0) this.#parts.push({ bytes: new Uint8Array(0), time, missing });
    return new Flow(this.#parts, this.#isStartSeen);
  }
}
