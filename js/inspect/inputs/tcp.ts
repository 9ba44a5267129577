/**
 * TCP streams, put together from their segments.
 *
 * @module
 */
import { Flow, type Moment, type Part } from "./flow.js";
import { Heap } from "./heap.js";
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
  #isReset = false;

  constructor({ source, destination }: Segment) {
    this.#names = [source, destination];
    this.#first = new Stream();
    this.#second = new Stream();
  }

  /** Whether the segment begins another connection between the same ports. */
  isSucceededBy(segment: Segment): boolean {
    const stream = this.#streamOf(segment);
    if (segment.syn) return stream.isOtherStart(segment.sequence);
    return this.#isReset && segment.length > 0 && stream.isFar(segment.sequence);
  }

  take(segment: Segment): void {
    this.#isReset ||= segment.rst;
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
/** So does one that is farther away once the connection was reset. */
const FAR = 1 << 16;

interface Ahead extends Moment {
  readonly at: number;
  readonly bytes: Uint8Array;
}

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
  /** Segments that are ahead, by their place, and then as they came. */
  readonly #ahead = new Heap<Ahead>(
    (one, other) => one.at < other.at || (one.at === other.at && one.order < other.order),
  );

  isOtherStart(sequence: number): boolean {
    return this.#start !== undefined && this.#start !== (sequence + 1) >>> 0;
  }

  isFar(sequence: number): boolean {
    return this.#start !== undefined && Math.abs((sequence - this.#start - this.#length) | 0) > FAR;
  }

  take({ sequence, syn, payload, length, time, order }: Segment): void {
    const first = syn ? (sequence + 1) >>> 0 : sequence;
    if (syn) this.#isStartSeen = true;
    // one that keeps the connection alive has the number of the byte before the next one
    if (syn || length > 0) this.#start ??= first;
    if (length === 0 || this.#start === undefined) return;
    // numbers are of 32 bits, so a place is known by its distance from the next one that is expected
    const distance = (first - this.#start - this.#length) | 0;
    if (distance > LARGEST_GAP) return;
    this.#end = Math.max(this.#end, this.#length + distance + length);
    const at = this.#length + distance;
    if (distance > 0) {
      this.#ahead.push({ at, bytes: payload, time, order });
    } else {
      this.#place(at, payload, { time, order });
      while ((this.#ahead.first?.at ?? Number.POSITIVE_INFINITY) <= this.#length) this.#placeAhead();
    }
  }

  /** Adds bytes, of which some may be there already, and some missing before them. */
  #place(at: number, bytes: Uint8Array, { time, order }: Moment): void {
    const fresh = at < this.#length ? bytes.subarray(this.#length - at) : bytes;
    if (fresh.length === 0) return;
    const missing = Math.max(0, at - this.#length);
    this.#parts.push({ bytes: fresh, time, order, missing });
    this.#length += missing + fresh.length;
  }

  /** Adds the first of those that are ahead. */
  #placeAhead(): void {
    const { at, bytes, ...moment } = this.#ahead.shift() as Ahead;
    this.#place(at, bytes, moment);
  }

  finish(): Flow {
    while (this.#ahead.first !== undefined) this.#placeAhead();
    const missing = this.#end - this.#length;
    const { time, order } = this.#parts.at(-1) ?? { time: 0, order: 0 };
    if (missing > 0) this.#parts.push({ bytes: new Uint8Array(0), time, order, missing });
    return new Flow(this.#parts, this.#isStartSeen);
  }
}
