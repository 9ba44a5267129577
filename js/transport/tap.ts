/**
 * A look at the bytes of a connection, both ways, its handshake included.
 *
 * @module
 */
import { concat, copyOf } from "../engine/bytes.js";
import { flatten, type HeaderField } from "../engine/http.js";
import type { Transport, TransportListener, Writer } from "./transport.js";

/** Bytes that came from the peer, or that were given to the network for it. */
export interface Traffic {
  /** Which way. */
  readonly direction: "received" | "sent";
  /** Whole frames need not be: as the network has cut it. The receiver's to keep. */
  readonly bytes: Uint8Array;
  /** Milliseconds since 1970. */
  readonly time: number;
}

/** Receives a copy of a connection's bytes, in order. It should not throw: its error would reach unrelated code. */
export type Tap = (traffic: Traffic) => void;

/** Called with the end of the connection that a tap is on. */
const ends = new WeakMap<Tap, () => void>();

/** Calls back when the connection that the tap is put on is over, whatever became of its handshake. */
export function onEndOf(tap: Tap, callback: () => void): void {
  ends.set(tap, callback);
}

/** The transport, with a tap on it. */
export function tapped(transport: Transport, tap: Tap): Transport {
  return transport.respond === undefined ? new TappedTransport(transport, tap) : new TappedStream(transport, tap);
}

/** Tells the tap of a head that something else has read or written, and of what came behind it. */
export function tapHead(
  tap: Tap,
  direction: Traffic["direction"],
  startLine: string,
  rawHeaders: readonly string[],
  behind: Uint8Array = new Uint8Array(0),
): void {
  const fields = rawHeaders.map((text, index) => (index % 2 === 0 ? `${text}: ` : `${text}\r\n`)).join("");
  const bytes = Uint8Array.from(`${startLine}\r\n${fields}\r\n`, (character) => character.charCodeAt(0));
  tap({ direction, bytes: concat(bytes, behind), time: Date.now() });
}

class TappedTransport implements Transport {
  readonly #transport: Transport;
  protected readonly tap: Tap;
  /** Bytes that were put back, and that the tap knows already. */
  #known = 0;

  constructor(transport: Transport, tap: Tap) {
    this.#transport = transport;
    this.tap = tap;
  }

  start(listener: TransportListener): void {
    this.#transport.start({
      onData: (chunk, isOwned) => {
        const known = Math.min(this.#known, chunk.length);
        this.#known -= known;
        if (chunk.length > known) this.#tell("received", copyOf(chunk.subarray(known)));
        listener.onData(chunk, isOwned);
      },
      onDrain: () => listener.onDrain(),
      onEnd: () => listener.onEnd(),
      onClose: (error) => {
        ends.get(this.tap)?.();
        listener.onClose(error);
      },
    });
  }

  unread(bytes: Uint8Array): void {
    this.#known += bytes.length;
    this.#transport.unread(bytes);
  }

  write(parts: readonly Uint8Array[], writer?: Writer): boolean {
    for (const part of parts) this.#tell("sent", copyOf(part));
    return this.#transport.write(parts, writer);
  }

  #tell(direction: Traffic["direction"], bytes: Uint8Array): void {
    this.tap({ direction, bytes, time: Date.now() });
  }

  get isFull(): boolean {
    return this.#transport.isFull;
  }

  hold(isHeld: boolean): void {
    this.#transport.hold?.(isHeld);
  }

  pause(): void {
    this.#transport.pause();
  }

  resume(): void {
    this.#transport.resume();
  }

  end(): void {
    this.#transport.end();
  }

  destroy(): void {
    this.#transport.destroy();
  }
}

/** Over HTTP/2. The head of the answer is shown as text, as the inspector reads it. */
class TappedStream extends TappedTransport {
  readonly #stream: Transport;

  constructor(stream: Transport, tap: Tap) {
    super(stream, tap);
    this.#stream = stream;
  }

  get isAnswered(): boolean {
    return this.#stream.isAnswered === true;
  }

  respond(status: number, fields: readonly HeaderField[], body?: Uint8Array): void {
    this.#stream.respond?.(status, fields, body);
    tapHead(this.tap, "sent", `HTTP/2 ${status}`, flatten(fields), body);
  }
}
