/**
 * The bytes that processes send each other:
 *
 * | Bytes | |
 * | --- | --- |
 * | 1 | kind: 1 messages, 2 the position alone, 3 a question for all positions |
 * | 8 | the process, at random |
 * | 6 | the numbering: a process counts anew when a topic was silent for long |
 * | 6 | the number of the first message; of a position, that of the latest one |
 *
 * Then messages, each 1 byte of flags, 4 of length, and the data; or of a position, 6 bytes: for how many microseconds
 * the numbering has existed. Numbers are big-endian.
 *
 * @module
 */
import { isBytes } from "../engine/bytes.js";
import { TextDecoder } from "../engine/coders.js";
import { textBytes } from "../engine/text.js";

/** A message of a topic, as it travels. */
export interface Travelling {
  readonly data: string | Uint8Array;
  readonly compress: boolean | undefined;
}

/** Whose numbers they are. */
export interface Origin {
  /** 8 bytes. */
  readonly process: Uint8Array;
  /** Less than 2^48, so that none comes twice. */
  readonly numbering: number;
}

/** What came. */
export interface Envelope {
  /** The process. */
  readonly process: bigint;
  /** The process and its numbering, as a key. */
  readonly origin: string;
  readonly sequence: number;
  /** The messages; none of a position. */
  readonly messages: readonly Travelling[];
  /** Milliseconds that the numbering has existed, of a position. */
  readonly age: number | undefined;
  /** Whether a process asks the others for their positions. */
  readonly isQuestion: boolean;
}

const Kind = { Messages: 1, Position: 2, Question: 3 } as const;
const Flag = { Text: 1, Compress: 2, Plain: 4 } as const;

/** Bytes before the messages, and before each one's data. */
export const HEADER_SIZE = 21;
/** Bytes before the data of each message. */
export const RECORD_SIZE = 5;

/** A message's data as bytes. */
export function bytesOfMessage({ data }: Travelling): Uint8Array {
  return typeof data === "string" ? textBytes(data) : data;
}

/** Messages that follow each other, and the bytes of each. */
export function packMessages(
  origin: Origin,
  sequence: number,
  messages: readonly Travelling[],
  payloads: readonly Uint8Array[],
): Uint8Array {
  const size = payloads.reduce((sum, { length }) => sum + RECORD_SIZE + length, HEADER_SIZE);
  const { bytes, view } = begin(size, Kind.Messages, origin, sequence);
  let at = HEADER_SIZE;
  for (const [index, payload] of payloads.entries()) {
    bytes[at] = flagsOf(messages[index] as Travelling);
    view.setUint32(at + 1, payload.length);
    bytes.set(payload, at + RECORD_SIZE);
    at += RECORD_SIZE + payload.length;
  }
  return bytes;
}

/** The number of the latest message, for those that may have missed it; `age` in milliseconds. */
export function packPosition(origin: Origin, sequence: number, age: number): Uint8Array {
  const { bytes, view } = begin(HEADER_SIZE + 6, Kind.Position, origin, sequence);
  setUint48(view, HEADER_SIZE, Math.floor(age * 1000));
  return bytes;
}

/** Asks all processes for their positions. */
export function packQuestion(process: Uint8Array): Uint8Array {
  return begin(HEADER_SIZE, Kind.Question, { process, numbering: 0 }, 0).bytes;
}

/** What the bytes say; `undefined` if they are not an envelope: other programs can write anything to a channel. */
export function unpack(bytes: unknown): Envelope | undefined {
  if (!isBytes(bytes) || bytes.length < HEADER_SIZE) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const process = view.getBigUint64(1);
  const origin = `${process}.${getUint48(view, 9)}`;
  const head = { process, origin, sequence: getUint48(view, 15), age: undefined, isQuestion: false };
  const size = bytes.length - HEADER_SIZE;
  if (bytes[0] === Kind.Question && size === 0) return { ...head, messages: [], isQuestion: true };
  if (bytes[0] === Kind.Position && size === 6) {
    return { ...head, messages: [], age: getUint48(view, HEADER_SIZE) / 1000 };
  }
  const messages = bytes[0] === Kind.Messages ? messagesIn(bytes, view) : undefined;
  return messages && { ...head, messages };
}

function messagesIn(bytes: Uint8Array, view: DataView): Travelling[] | undefined {
  const messages: Travelling[] = [];
  let at = HEADER_SIZE;
  while (at < bytes.length) {
    if (bytes.length - at < RECORD_SIZE) return undefined;
    const start = at + RECORD_SIZE;
    const end = start + view.getUint32(at + 1);
    if (end > bytes.length) return undefined;
    const flags = bytes[at] as number;
    const payload = bytes.subarray(start, end);
    const compress = flags & Flag.Compress ? true : flags & Flag.Plain ? false : undefined;
    messages.push({ data: flags & Flag.Text ? decoder.decode(payload) : payload, compress });
    at = end;
  }
  return messages;
}

/** Text that begins with U+FEFF keeps it. */
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

function flagsOf({ data, compress }: Travelling): number {
  const text = typeof data === "string" ? Flag.Text : 0;
  if (compress === undefined) return text;
  return text | (compress ? Flag.Compress : Flag.Plain);
}

function begin(size: number, kind: number, { process, numbering }: Origin, sequence: number) {
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  bytes[0] = kind;
  bytes.set(process, 1);
  setUint48(view, 9, numbering);
  setUint48(view, 15, sequence);
  return { bytes, view };
}

function setUint48(view: DataView, at: number, value: number): void {
  view.setUint16(at, Math.floor(value / 2 ** 32));
  view.setUint32(at + 2, value % 2 ** 32);
}

function getUint48(view: DataView, at: number): number {
  return view.getUint16(at) * 2 ** 32 + view.getUint32(at + 2);
}
