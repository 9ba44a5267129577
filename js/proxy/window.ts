/**
 * What a direction's compressed messages decompress to, each of which may refer to those before it.
 *
 * @module
 */
import { constants, createInflateRaw, type InflateRaw, inflateRawSync } from "node:zlib";

/** How far back a compressed message can refer (RFC 7692 §7.1.2). */
const SIZE = 32 * 1024;
/** The end of a compressed message, which is not sent (RFC 7692 §7.2.1). */
const TAIL = Uint8Array.from([0, 0, 0xff, 0xff]);
/** Compressed bytes that wait until they are worth decompressing, and that make the sender wait. */
const BATCH = 64 * 1024;
const MAX_WAITING = 1 << 20;
/** Bytes that a message decompresses to at most, if it is to be read. */
const MAX_OUTPUT = 64 << 20;
/** Final blocks that are decompressed while all else waits, as each costs as much as 10 KiB. */
const MAX_STREAMS = 4096;
/** What is decompressed at once in the background. */
const CHUNK = 64 * 1024;

/** The end of what a sender has compressed, as the receiver has it. */
export class DeflateWindow {
  readonly #hasTakeover: boolean;
  readonly #onCaughtUp: () => void;
  /** Nothing once it is not known. */
  #end: Uint8Array | undefined = new Uint8Array(0);
  /** Compressed messages behind the end, of which the first are being decompressed. */
  #waiting: Uint8Array[] = [];
  #waitingSize = 0;
  #job: InflateRaw | undefined;

  /** @param onCaughtUp called when `isBehind` may have become false */
  constructor(hasTakeover: boolean, onCaughtUp: () => void) {
    this.#hasTakeover = hasTakeover;
    this.#onCaughtUp = onCaughtUp;
  }

  /** Whether messages that are only passed on must be followed, because later ones may refer to them. */
  get mustFollow(): boolean {
    return this.#hasTakeover && this.#end !== undefined;
  }

  /** Whether the sender should wait until what it has sent is decompressed. */
  get isBehind(): boolean {
    return this.#waitingSize > MAX_WAITING;
  }

  /** Later messages may refer to one that is not known. */
  lose(): void {
    if (!this.#hasTakeover) return;
    this.#end = undefined;
    this.#drop();
  }

  /** Ends work that goes on. */
  stop(): void {
    this.#drop();
  }

  #drop(): void {
    this.#waiting = [];
    this.#waitingSize = 0;
    this.#job?.destroy();
    this.#job = undefined;
  }

  /** Follows a message that is only passed on: later, and in the background. */
  follow(compressed: Uint8Array): void {
    if (!this.mustFollow) return;
    const message = Buffer.concat([compressed, TAIL]);
    this.#waiting.push(message);
    this.#waitingSize += message.length;
    if (this.#waitingSize > BATCH && this.#job === undefined) void this.#work();
  }

  async #work(): Promise<void> {
    while (this.#waitingSize > BATCH) {
      const count = this.#waiting.length;
      const batch = Buffer.concat(this.#waiting);
      let [end, at] = [this.#end as Uint8Array, 0];
      let job: InflateRaw | undefined;
      try {
        // behind a final block, another stream begins (RFC 7692 §7.2.3.5)
        while (at < batch.length) {
          job = this.#job = createInflateRaw({ ...optionsFor(end), chunkSize: CHUNK });
          job.end(batch.subarray(at));
          for await (const piece of job) end = endOf(end, piece);
          if (this.#job !== job) return;
          at += taken(job);
        }
      } catch {
        if (this.#job !== job) return;
        this.lose();
        this.#onCaughtUp();
        return;
      }
      this.#job = undefined;
      this.#end = end;
      this.#waiting.splice(0, count);
      this.#waitingSize -= batch.length;
      this.#onCaughtUp();
    }
  }

  /** A whole message decompressed; nothing if it cannot be, or is too large. */
  inflate(compressed: Uint8Array): Uint8Array | undefined {
    if (this.#end === undefined) return undefined;
    try {
      if (this.#waiting.length > 0) this.#end = endOf(this.#end, inflated(Buffer.concat(this.#waiting), this.#end));
      this.#drop();
      const payload = inflated(Buffer.concat([compressed, TAIL]), this.#end);
      if (this.#hasTakeover) this.#end = endOf(this.#end, payload);
      return payload;
    } catch {
      this.lose();
      return undefined;
    }
  }
}

/** @throws Error if it is not DEFLATE, or too large */
function inflated(compressed: Uint8Array, before: Uint8Array): Uint8Array {
  const parts: Uint8Array[] = [];
  let [end, at, size] = [before, 0, 0];
  // behind a final block, another stream begins (RFC 7692 §7.2.3.5)
  while (at < compressed.length) {
    if (parts.length === MAX_STREAMS) throw new RangeError("too many final blocks");
    const options = { ...optionsFor(end), maxOutputLength: MAX_OUTPUT - size + 1, info: true };
    const { buffer, engine } = inflateRawSync(compressed.subarray(at), options) as unknown as Inflated;
    parts.push(buffer);
    size += buffer.length;
    end = endOf(end, buffer);
    at += taken(engine);
  }
  return parts.length === 1 ? (parts[0] as Uint8Array) : Buffer.concat(parts);
}

/** What Node gives with the option `info`. */
interface Inflated {
  readonly buffer: Buffer;
  readonly engine: InflateRaw;
}

/** How many bytes were taken: at least one, so that there is an end. */
function taken({ bytesWritten }: InflateRaw): number {
  return Math.max(1, bytesWritten);
}

function optionsFor(dictionary: Uint8Array): object {
  return { finishFlush: constants.Z_SYNC_FLUSH, ...(dictionary.length > 0 && { dictionary }) };
}

function endOf(before: Uint8Array, more: Uint8Array): Uint8Array {
  return more.length >= SIZE ? Uint8Array.from(more.subarray(-SIZE)) : Buffer.concat([before, more]).subarray(-SIZE);
}
