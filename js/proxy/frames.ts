/**
 * Where frames begin and end in a stream that is passed on, and frames of the proxy's own. Nothing here judges: a frame
 * that breaks a rule is passed on like any other, and the inspector reports it.
 *
 * @module
 */
import { randomBytes } from "node:crypto";

import { copyOf } from "../engine/bytes.js";

/** A frame's header (RFC 6455 §5.2). */
export interface FrameHead {
  /** The first byte: FIN, the reserved bits and the opcode. */
  readonly first: number;
  /** The masking key, if the frame is masked. */
  readonly key: Uint8Array | undefined;
  /** Bytes of the payload. */
  readonly length: number;
}

/** Consecutive bytes of one frame. The first part of a frame has its whole header. */
export interface FramePart {
  readonly head: FrameHead;
  /** As they are on the wire, the header included. */
  readonly bytes: Uint8Array;
  /** How many of the bytes are the header: 0 for all parts but the first. */
  readonly headerSize: number;
  /** Where the payload of this part begins in the frame's payload. */
  readonly offset: number;
  /** Whether the frame ends with this part. */
  readonly ends: boolean;
}

/** Bits of a header's first byte. */
export const FIN = 0x80;
export const RSV1 = 0x40;
/** What the opcodes of control frames have in common (RFC 6455 §5.5). */
const CONTROL = 0x08;

/** The opcode in a header's first byte. */
export function opcodeOf(first: number): number {
  return first & 0x0f;
}

/** Whether a header's first byte is a control frame's. */
export function isControl(first: number): boolean {
  return (first & CONTROL) !== 0;
}

/** Whether a header's first byte begins a compressed message (RFC 7692 §6). */
export function isCompressed(first: number): boolean {
  return !isControl(first) && (first & RSV1) !== 0;
}

/** The kinds of messages and control frames, by opcode. */
const KINDS: Readonly<Record<number, string>> = {
  0: "continuation",
  1: "text",
  2: "binary",
  8: "close",
  9: "ping",
  10: "pong",
};

/** The name of a frame's kind. */
export function kindOf(first: number): string {
  return KINDS[opcodeOf(first)] ?? "reserved";
}

/** Cuts a stream into parts of frames. Their bytes, one after the other, are the stream's. */
export class FrameCutter {
  /** The beginning of a header. */
  #header: Uint8Array = new Uint8Array(0);
  #head: FrameHead | undefined;
  /** How much of the payload has come. */
  #offset = 0;

  /** Whether the stream is between two frames. */
  get isBetween(): boolean {
    return this.#head === undefined && this.#header.length === 0;
  }

  /** How many bytes of a header have come that is not whole. */
  get pending(): number {
    return this.#header.length;
  }

  /**
   * The parts that the chunk completes. The beginning of a header waits for its rest.
   *
   * @throws RangeError if a length is one that no frame can have: there is no next frame, and `takeHeader` has the rest
   */
  *cut(chunk: Uint8Array): Generator<FramePart> {
    let rest = chunk;
    while (rest.length > 0) {
      if (this.#head === undefined) {
        const joined = this.#header.length === 0 ? rest : Buffer.concat([this.#header, rest]);
        const size = headerSize(joined);
        if (joined.length < size) {
          this.#header = joined;
          return;
        }
        this.#header = joined;
        this.#head = readHead(joined, size);
        this.#header = new Uint8Array(0);
        this.#offset = 0;
        const end = Math.min(joined.length, size + this.#head.length);
        rest = joined.subarray(end);
        yield this.#part(joined.subarray(0, end), size);
      } else {
        const end = Math.min(rest.length, this.#head.length - this.#offset);
        const bytes = rest.subarray(0, end);
        rest = rest.subarray(end);
        yield this.#part(bytes, 0);
      }
    }
  }

  #part(bytes: Uint8Array, headerSize: number): FramePart {
    const head = this.#head as FrameHead;
    const offset = this.#offset;
    this.#offset += bytes.length - headerSize;
    const ends = this.#offset === head.length;
    if (ends) this.#head = undefined;
    return { head, bytes, headerSize, offset, ends };
  }

  /** What has not been given out, for a stream that ends in a header or has a length that cannot be. */
  takeHeader(): Uint8Array {
    const header = this.#header;
    this.#header = new Uint8Array(0);
    return header;
  }
}

/** Bytes of the header that begins here, as far as its beginning says. */
function headerSize(bytes: Uint8Array): number {
  const second = bytes[1];
  if (second === undefined) return 2;
  const code = second & 0x7f;
  return 2 + (code === 126 ? 2 : code === 127 ? 8 : 0) + (second & 0x80 ? 4 : 0);
}

function readHead(bytes: Uint8Array, size: number): FrameHead {
  const view = new DataView(bytes.buffer, bytes.byteOffset, size);
  const second = view.getUint8(1);
  const code = second & 0x7f;
  const length = code === 126 ? view.getUint16(2) : code === 127 ? Number(view.getBigUint64(2)) : code;
  if (!Number.isSafeInteger(length)) throw new RangeError(`No frame has a payload of ${length} bytes`);
  // a copy: it stays true when the chunk is overwritten
  const key = second & 0x80 ? copyOf(bytes.subarray(size - 4, size)) : undefined;
  return { first: view.getUint8(0), key, length };
}

/** The payload in a part, unmasked; a copy. */
export function unmasked({ head, bytes, headerSize, offset }: FramePart): Uint8Array {
  const payload = copyOf(bytes.subarray(headerSize));
  const { key } = head;
  if (key === undefined) return payload;
  for (let index = 0; index < payload.length; index++) {
    payload[index] = (payload[index] as number) ^ (key[(offset + index) % 4] as number);
  }
  return payload;
}

/** A frame with this first byte; masked with a key of its own if it goes to a server. */
export function frameOf(first: number, payload: Uint8Array, isMasked: boolean): Uint8Array {
  const mask = isMasked ? 0x80 : 0;
  const header = [first];
  if (payload.length < 126) header.push(mask | payload.length);
  else if (payload.length < 65_536) header.push(mask | 126, payload.length >> 8, payload.length & 0xff);
  else {
    const length = Buffer.alloc(8);
    length.writeBigUInt64BE(BigInt(payload.length));
    header.push(mask | 127, ...length);
  }
  if (!isMasked) return Buffer.concat([Uint8Array.from(header), payload]);
  const key = randomBytes(4);
  const head: FrameHead = { first, key, length: payload.length };
  const masked = unmasked({ head, bytes: payload, headerSize: 0, offset: 0, ends: true });
  return Buffer.concat([Uint8Array.from(header), key, masked]);
}
