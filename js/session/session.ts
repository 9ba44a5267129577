/**
 * One connection's frames: network chunks in, messages out; messages in, bytes for the network out. No I/O, no timers,
 * no callbacks: whoever owns a session runs user code when the engine is done.
 *
 * @module
 */
import { allocate, allocatedCopy, part } from "../engine/bytes.js";
import { EngineTrap, hasDeflate, renewScratch, type Scratch, scratch, wasm } from "../engine/engine.js";
import { WebSocketProtocolError, withTypedErrors } from "../engine/errors.js";
import { decodeText, encodeText, isAtLeast, textBytes, textSize } from "../engine/text.js";
import type { DeflateSettings } from "./deflate.js";

/** How much the peer may send. */
export interface Limits {
  /** Bytes of payload in one frame; over it the connection fails with 1009. No limit of its own by default. */
  maxFrameSize: number;
  /** Bytes of payload in one message, 512 MiB at most; over it the connection fails with 1009. 100 MiB by default. */
  maxMessageSize: number;
  /** Frames of one message, empty ones too; over it the connection fails with 1008. 131,072 by default. */
  maxFragments: number;
}

/** What went through a session, counted. */
export interface Counters {
  /** Frames that came, pings and fragments too. */
  framesReceived: number;
  /** Frames that were sent. */
  framesSent: number;
  /** Whole messages that came. */
  messagesReceived: number;
  /** Messages that were sent. */
  messagesSent: number;
  /** Bytes of messages that came, text as UTF-8, after they were decompressed. */
  messageBytesReceived: number;
  /** Bytes of messages that were sent, text as UTF-8, before they were compressed. */
  messageBytesSent: number;
}

/** A message whose frames are made once, as a server sends them. */
export interface PreparedFrames {
  readonly data: string | Uint8Array;
  readonly size: number;
  frame(compress: boolean): Uint8Array;
}

/** What is sent: text, bytes, or a message that was framed before. */
export type SentData = string | Uint8Array | PreparedFrames;

/** Its bytes, text as UTF-8. */
export function sizeOfSent(data: SentData): number {
  return typeof data === "string" || data instanceof Uint8Array ? textSize(data) : data.size;
}

/** A text message as its bytes, for who asked for that. */
export interface TextBytes {
  readonly kind: "text";
  readonly payload: Uint8Array<ArrayBuffer>;
}

/** Which frames carry a message's data; by default one, of text for a string. */
export interface Framing {
  /** Whether the data, UTF-8 if it is bytes, makes a text message. */
  readonly isText?: boolean;
  /** Whether the message ends with it. */
  readonly isLast?: boolean;
}

/** The data makes a whole message. */
const WHOLE: Framing = {};

/** Something that is not a message. */
export type Control =
  | { readonly kind: "ping" | "pong"; readonly payload: Uint8Array }
  | { readonly kind: "close"; readonly status: number; readonly reason: string }
  | { readonly kind: "failed"; readonly error: WebSocketProtocolError }
  | { readonly kind: "full" }
  | { readonly kind: "trapped"; readonly error: EngineTrap };

/** A piece of a message, from one that gives messages out in pieces. Of text it has whole characters, perhaps none. */
export interface Part {
  readonly kind: "part";
  readonly data: string | Uint8Array<ArrayBuffer>;
  readonly isFirst: boolean;
  readonly isLast: boolean;
}

/** What came from the peer: a text message, a binary message, a piece of one, or something that is not a message. */
export type Received = string | Uint8Array<ArrayBuffer> | TextBytes | Part | Control;

/** The engine's numbers for a message's last or only frame, and for frames before it. */
const TEXT = 0;
const TEXT_FRAGMENT = 1;
const BINARY = 2;
const BINARY_FRAGMENT = 3;
const PING = 5;
const PONG = 6;

/** The outcomes of `receive` in the engine. */
const Outcome = { MoreInput: 0, EventsFull: 1, Ping: 2, Pong: 3, Close: 4, Failed: 5 } as const;

/** What the engine reports beside an outcome: address and size of a payload, a close status, an error, … */
type Outcomes = [address: number, size: number, status: number, error: number];
/** … and where in the report it says how many bytes of a chunk it is done with, and what is unfinished. */
const TAKEN = 5;
const UNFINISHED = 6;
/** … and whether decompressed bytes wait for room. */
const HAS_MORE = 7;
/** … and how many frames have come, modulo 2^32. */
const FRAMES = 8;
/** … and how many bytes of a message its last frame still announces; 0 if it has not begun, or is compressed. */
const LEFT = 9;

/** Who takes bytes over that will change: what it gives will not, as long as it needs them. */
export interface Adopter {
  adopt?(bytes: Uint8Array): Uint8Array;
}

/** What has begun and not ended. */
export const Unfinished = { Nothing: 0, Frame: 1, Message: 2 } as const;

/** As much is made of a chunk at once, so that one who pauses holds no more than so many messages, or so many bytes. */
const BATCH = 1024;
const BATCH_BYTES = 256 * 1024;

/** The flags of an event. */
const Flag = { Text: 1, First: 2, Last: 4, Ascii: 8 } as const;

/** Texts of up to so many UTF-16 units are framed together if they are sent in one turn: so many units at once … */
const COLLECTED_TEXT = 512;
const TEXTS = 16 * 1024;
/** … and so many texts. */
const TEXT_COUNT = 1024;

/** Payloads up to here are made behind their header, longer ones go to the network on their own. */
const LARGE_PAYLOAD = 128 * 1024;
/** So much is compressed at once. */
const COMPRESSED_AT_ONCE = 32 * 1024;
const MAX_HEADER_SIZE = 14;
const MAX_CONTROL_PAYLOAD = 125;

const { receive, resume, frame, frames, header, mask, close, compress, compressed_frame, release_compressor } =
  wasm.Session.prototype;

/**
 * Frees the engine's part of sessions that were dropped without `free()`; nothing relies on it. `scripts/glue.mjs` takes
 * out the one that wasm-bindgen would have.
 */
const forgotten = new FinalizationRegistry<wasm.Session>((session) => {
  session.free();
  live -= 1;
});

/** The session whose frames stand in the shared output memory, and where they end. */
let outputOwner: FrameSession | undefined;
let outputEnd = 0;

/** Bytes of the batch that is being made. */
let batchBytes = 0;

/** How many sessions hold memory of the engine. */
export function sessionCount(): number {
  return live;
}
let live = 0;

/**
 * What a trap calls for, whichever call it stopped: frames of another session that stand in the output memory are
 * taken out, since the engine will have new scratch memory.
 */
export function trapped(cause: unknown): EngineTrap {
  outputOwner?.spill();
  renewScratch();
  return new EngineTrap(cause);
}

/** Frees an object of the engine. What a trap lost before must not be touched again, and what traps now is given up. */
export function release(object: { free(): void }, failure?: unknown): void {
  if (failure instanceof EngineTrap) return;
  try {
    object.free();
  } catch (error) {
    trapped(error);
  }
}

/** Runs calls of a handshake; what the engine throws comes typed, a trap too. */
export function guarded<T>(call: () => T): T {
  try {
    return withTypedErrors(call);
  } catch (error) {
    throw error instanceof WebAssembly.RuntimeError ? trapped(error) : error;
  }
}

/** How one connection's messages are compressed. */
interface Compression {
  /** The least bytes of a message that is. */
  readonly threshold: number;
  readonly releaseAfter: number | undefined;
  readonly takesPrepared: boolean;
  /** Whether a compressor may be kept. */
  isUsed: boolean;
}

/** The frames of one connection. */
export class FrameSession {
  #session: wasm.Session | undefined;
  readonly #server: boolean;
  readonly #maxMessageSize: number;
  /** None if compression was not agreed. */
  readonly #compression: Compression | undefined;
  /** The message whose pieces are still coming. */
  #message: Assembly | undefined;
  /** Decodes the text that is given out in pieces; nothing if messages are whole. */
  #decoder: TextDecoder | undefined;
  /** Texts that are framed when the turn ends, as one string, and the UTF-16 units of each. */
  #texts = "";
  #lengths: number[] | undefined;
  /** Bytes for the network that had to leave the shared memory. */
  #pending: Uint8Array[] | undefined;
  #pendingBytes = 0;
  #unfinished: number = Unfinished.Nothing;
  #hasMore = false;
  /** Whether text messages are given out as {@link TextBytes}, in place of strings. */
  textAsBytes = false;
  /** Whether a part of a message was sent that is not its last. */
  #isSendingParts = false;
  #framesReceived = 0;
  #framesSent = 0;
  #messagesReceived = 0;
  #messagesSent = 0;
  #messageBytesReceived = 0;
  #messageBytesSent = 0;

  /**
   * @param session is owned from now on
   * @param maxMessageSize as the session has it: no more is allocated for a message
   * @param deflate how to compress, if that was agreed
   */
  constructor(
    session: wasm.Session,
    server: boolean,
    maxMessageSize = Number.POSITIVE_INFINITY,
    deflate?: Pick<DeflateSettings, "threshold" | "releaseAfter">,
  ) {
    this.#session = session;
    this.#server = server;
    this.#maxMessageSize = maxMessageSize;
    if (hasDeflate && session.is_deflate_enabled()) {
      const { threshold = 0, releaseAfter } = deflate ?? {};
      this.#compression = { threshold, releaseAfter, takesPrepared: session.takes_prepared(), isUsed: false };
    }
    live += 1;
    forgotten.register(this, session, this);
  }

  /** What went through so far. */
  get counters(): Counters {
    return {
      framesReceived: this.#framesReceived,
      framesSent: this.#framesSent,
      messagesReceived: this.#messagesReceived,
      messagesSent: this.#messagesSent,
      messageBytesReceived: this.#messageBytesReceived,
      messageBytesSent: this.#messageBytesSent,
    };
  }

  /** As `counters` has it. */
  get messageBytesSent(): number {
    return this.#messageBytesSent;
  }

  /** Whether a close frame was made. */
  get closeSent(): boolean {
    return this.#session?.close_sent ?? true;
  }

  /** Whether close went both ways: nothing more can be made, not even a pong. */
  get isClosed(): boolean {
    return this.#session === undefined || (this.#session.close_sent && this.#session.close_received);
  }

  /** What has begun and not ended, one of {@link Unfinished}. */
  get unfinished(): number {
    return this.#unfinished;
  }

  /** Whether `receive` has something to give without more bytes: decompressed ones wait. */
  get hasMore(): boolean {
    return this.#hasMore && this.#session !== undefined;
  }

  /** The memory that the pieces of an unfinished message take, in bytes. */
  get heldBytes(): number {
    return this.#message?.capacity ?? 0;
  }

  /** From now on messages come as their pieces, when these do. Not to be called in the middle of a message. */
  splitMessages(): void {
    this.#decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  }

  /**
   * Takes a chunk from the network, or its beginning, and appends all that it completes to `received`, in order: about
   * a thousand things, or 256 KiB and one message, at most. After a close, a violation or a trap nothing more comes.
   *
   * @param room the most bytes that the pieces of an unfinished message may take
   * @param isOwned whether the chunk is nobody else's, so that messages may be parts of it; else it is not kept
   * @returns how many bytes were taken
   */
  receive(chunk: Uint8Array, received: Received[], room = Number.POSITIVE_INFINITY, isOwned = false): number {
    try {
      let taken = 0;
      batchBytes = 0;
      while ((taken < chunk.length || this.hasMore) && !this.#isBatchFull(received) && this.#session !== undefined) {
        const { input } = scratch();
        const isWhole = taken === 0 && chunk.length <= input.length;
        const piece = isWhole ? chunk : chunk.subarray(taken, taken + input.length);
        input.set(piece);
        taken += this.#drain(piece, received, room, isOwned);
      }
      return taken;
    } catch (error) {
      // a trap; or the runtime has no memory for the message, which loses this connection just so
      this.free();
      received.push({ kind: "trapped", error: error instanceof EngineTrap ? error : new EngineTrap(error) });
      return chunk.length;
    }
  }

  /**
   * Sends a message: its frames are part of the output when that is taken. It is compressed if that was agreed: by the
   * caller's word, or if it is not too small. The data is copied. Parts of a message are not compressed.
   */
  send(data: SentData, compress?: boolean, framing: Framing = WHOLE): void {
    if (typeof data !== "string" && !(data instanceof Uint8Array)) {
      this.#sendPrepared(data, compress);
      return;
    }
    const { isText = typeof data === "string", isLast = true } = framing;
    const isPart = this.#isSendingParts || !isLast;
    this.#isSendingParts = !isLast;
    if (isLast) this.#messagesSent += 1;
    if (!isPart && this.#compresses(data, compress)) {
      this.#sendCompressed(isText ? TEXT : BINARY, typeof data === "string" ? textBytes(data) : data);
    } else if (isText) {
      this.sendText(data, isLast);
    } else {
      this.sendBinary(typeof data === "string" ? textBytes(data) : data, isLast);
    }
  }

  #sendPrepared(message: PreparedFrames, compress?: boolean): void {
    const isCompressed = this.#compresses(message.data, compress);
    if (!this.#server || (isCompressed && !this.#compression?.takesPrepared)) {
      this.send(message.data, compress);
      return;
    }
    this.settle();
    if (outputOwner === this) this.spill();
    this.#push(message.frame(isCompressed));
    this.#framesSent += 1;
    this.#messagesSent += 1;
    this.#messageBytesSent += message.size;
  }

  #compresses(data: string | Uint8Array, compress: boolean | undefined): boolean {
    return this.#compression !== undefined && (compress ?? isAtLeast(data, this.#compression.threshold));
  }

  /** Makes a text message that is not compressed, or a part of one. Bytes are UTF-8, and copied. */
  sendText(text: string | Uint8Array, last = true): void {
    const type = last ? TEXT : TEXT_FRAGMENT;
    if (typeof text !== "string") {
      this.#send(type, text, false);
    } else if (last && text.length <= COLLECTED_TEXT) {
      this.#collect(text);
    } else {
      this.settle();
      this.#encode(type, text);
    }
  }

  /** Strings are put together, and become bytes, at once: one by one that takes several times as long. */
  #collect(text: string): void {
    if (this.#session === undefined) throw freed();
    if (this.#texts.length + text.length > TEXTS || this.#lengths?.length === TEXT_COUNT) this.settle();
    this.#texts += text;
    this.#lengths ??= [];
    this.#lengths.push(text.length);
  }

  /** Frames the texts that wait for it. Before this, `counters` do not have their bytes. */
  settle(): void {
    const lengths = this.#lengths;
    if (lengths === undefined) return;
    const texts = this.#texts;
    this.#lengths = undefined;
    this.#texts = "";
    const { input, events } = scratch();
    const { written } = encodeText(texts, input);
    if (lengths.length === 1) lengths[0] = written;
    if (lengths.length === 1 || written === texts.length) {
      // one text, or all of them are ASCII; a loop, as `set` of an array takes longer
      for (let at = 0; at < lengths.length; at++) events[at] = lengths[at] as number;
      this.#frames(lengths.length, written);
      return;
    }
    let start = 0;
    for (const length of lengths) {
      this.#encode(TEXT, texts.slice(start, start + length));
      start += length;
    }
  }

  /** Makes messages of texts in the input memory, which is free while nothing is received. */
  #frames(count: number, size: number): void {
    const start = this.#claim(size + count * MAX_HEADER_SIZE);
    outputEnd = this.#enter(frames, TEXT, start, count);
    this.#framesSent += count;
    this.#messageBytesSent += size;
  }

  /** Makes a frame of text, which becomes bytes where it is to stand, if there is room for it. */
  #encode(type: number, text: string): void {
    if (text.length > LARGE_PAYLOAD) {
      this.#send(type, textBytes(text), true);
      return;
    }
    const start = this.#claim(MAX_HEADER_SIZE + text.length);
    const { output } = scratch();
    const guess = start + this.#headerSize(text.length);
    const { read, written } = encodeText(text, part(output, guess, output.length - MAX_HEADER_SIZE));
    if (read < text.length) {
      this.#send(type, textBytes(text), true);
      return;
    }
    const payload = start + this.#headerSize(written);
    if (payload !== guess) output.copyWithin(payload, guess, guess + written);
    outputEnd = this.#make(frame, type, start, written);
    this.#messageBytesSent += written;
  }

  /** Makes a binary message that is not compressed, or a part of one. The bytes are copied. */
  sendBinary(data: Uint8Array, last = true): void {
    this.#send(last ? BINARY : BINARY_FRAGMENT, data, false);
  }

  /** Makes a ping with at most 125 bytes. */
  ping(payload: Uint8Array): void {
    this.#control(PING, payload);
  }

  /** Makes a pong with at most 125 bytes. */
  pong(payload: Uint8Array): void {
    this.#control(PONG, payload);
  }

  /** Makes a close frame; status 1005 makes one without a status. */
  close(status: number, reason: string): void {
    const bytes = textBytes(reason);
    this.settle();
    const start = this.#claim(MAX_HEADER_SIZE + 2 + bytes.length);
    scratch().output.set(bytes, start + this.#headerSize(2) + 2);
    outputEnd = this.#make(close, start, status, bytes.length);
  }

  /**
   * All bytes that were made and not taken yet, in order. They are the caller's.
   *
   * @param network may have a way to take those over that stand in the shared memory; else they are copied
   */
  takeOutput(network?: Adopter): Uint8Array[] {
    this.settle();
    if (outputOwner === this) this.spill(network);
    const output = this.#pending ?? [];
    this.#pending = undefined;
    this.#pendingBytes = 0;
    return output;
  }

  /** The memory that the output takes, in bytes, until it is taken: roughly. */
  get outputBytes(): number {
    const made = this.#pendingBytes + (outputOwner === this ? outputEnd : 0);
    return made + this.#texts.length + (this.#lengths?.length ?? 0) * MAX_HEADER_SIZE;
  }

  #push(bytes: Uint8Array): void {
    this.#pending ??= [];
    this.#pending.push(bytes);
    this.#pendingBytes += bytes.length;
  }

  /** Frees the engine's memory. Afterwards nothing is received, and sending is an error. */
  free(): void {
    if (this.#session === undefined) return;
    if (outputOwner === this) {
      this.spill();
      outputOwner = undefined;
    }
    release(this.#session);
    this.#forget();
  }

  #forget(): void {
    this.#session = undefined;
    this.#texts = "";
    this.#lengths = undefined;
    this.#message = undefined;
    live -= 1;
    forgotten.unregister(this);
  }

  /**
   * Copies out what the chunk in input memory completes, before anyone else may call the engine. Returns how many of
   * its bytes are done with.
   */
  #drain(chunk: Uint8Array, received: Received[], room: number, isOwned: boolean): number {
    const { length } = chunk;
    let outcome = this.#enter(receive, length);
    for (;;) {
      const { report, bytes } = scratch();
      this.#unfinished = report[UNFINISHED] as number;
      this.#hasMore = report[HAS_MORE] !== 0;
      this.#countFrames(report[FRAMES] as number);
      const count = report[0] as number;
      if (count > 0 && !this.#takeEvents(count, received, room, chunk, isOwned)) {
        this.#hasMore = false;
        received.push({ kind: "full" });
        return length;
      }
      const [address, size, status, error] = [report[1], report[2], report[3], report[4]] as Outcomes;
      switch (outcome) {
        case Outcome.MoreInput:
          return length;
        case Outcome.Ping:
        case Outcome.Pong: {
          const kind = outcome === Outcome.Ping ? "ping" : "pong";
          received.push({ kind, payload: bytes.slice(address, address + size) });
          break;
        }
        case Outcome.Close:
          received.push({ kind: "close", status, reason: decodeText(bytes, address, address + size, false) });
          return length;
        case Outcome.Failed:
          received.push({ kind: "failed", error: new WebSocketProtocolError(error) });
          return length;
      }
      if (this.#isBatchFull(received)) return report[TAKEN] as number;
      outcome = this.#enter(resume);
    }
  }

  /** The engine counts modulo 2^32. */
  #countFrames(count: number): void {
    this.#framesReceived += (count - this.#framesReceived) >>> 0;
  }

  #isBatchFull(received: readonly Received[]): boolean {
    return received.length >= BATCH || batchBytes >= BATCH_BYTES;
  }

  /** Tells whether the pieces had room. */
  #takeEvents(count: number, received: Received[], room: number, chunk: Uint8Array, isOwned: boolean): boolean {
    const views = scratch();
    const { bytes, events, report } = views;
    const all = count * 3;
    const lastEnd = (events[all - 2] as number) + (events[all - 1] as number);
    const batch = new Batch(views, lastEnd, chunk, isOwned, this.#server);
    let messages = 0;
    let size = 0;
    let hasRoom = true;
    for (let at = 0; at < all && hasRoom; at += 3) {
      const flags = events[at] as number;
      const start = events[at + 1] as number;
      const end = start + (events[at + 2] as number);
      const ascii = (flags & Flag.Ascii) !== 0;
      const last = (flags & Flag.Last) !== 0;
      size += end - start;
      if (last) messages += 1;
      if (this.#decoder !== undefined) {
        received.push(partOf(this.#decoder, bytes, start, end, flags));
        continue;
      }
      const isText = (flags & Flag.Text) !== 0;
      const isString = isText && !this.textAsBytes;
      if (last && (flags & Flag.First) !== 0) {
        const data = isString ? batch.text(start, end, ascii) : batch.binary(start, end);
        received.push(asReceived(data, isText));
        continue;
      }
      this.#message ??= new Assembly(this.#maxMessageSize, isString);
      // the report is about what comes behind the last event: of the same message, if that goes on
      const announced = at + 3 === all ? (report[LEFT] as number) : 0;
      const left = last ? 0 : announced || undefined;
      hasRoom = this.#message.push(bytes.subarray(start, end), ascii, room, left);
      if (last && hasRoom) {
        received.push(asReceived(this.#message.finish(), isText));
        this.#message = undefined;
      }
    }
    batchBytes += size;
    this.#messageBytesReceived += size;
    this.#messagesReceived += messages;
    return hasRoom;
  }

  /** Frees what is kept from one sent message to compress the next one by; the next is compressed for itself. */
  releaseCompressor(): void {
    if (this.#compression?.isUsed !== true) return;
    this.#enter(release_compressor);
    this.#compression.isUsed = false;
  }

  /** Milliseconds after which to call `releaseCompressor`, if at all. */
  get releaseAfter(): number | undefined {
    return this.#compression?.releaseAfter;
  }

  /** Whether something may be kept since `releaseCompressor` was called last. */
  get hasCompressed(): boolean {
    return this.#compression?.isUsed === true;
  }

  /** A whole message, which goes through the output memory in pieces and is compressed elsewhere. */
  #sendCompressed(type: number, payload: Uint8Array): void {
    this.settle();
    if (this.#compression !== undefined) this.#compression.isUsed = true;
    this.#messageBytesSent += payload.length;
    const start = this.#claim(MAX_HEADER_SIZE + Math.min(payload.length, COMPRESSED_AT_ONCE));
    let at = 0;
    do {
      const piece = payload.subarray(at, at + COMPRESSED_AT_ONCE);
      scratch().output.set(piece, start);
      const isLast = at + piece.length === payload.length;
      this.#enter(compress, start, piece.length, at === 0, isLast);
      at += piece.length;
    } while (at < payload.length);
    try {
      outputEnd = this.#make(compressed_frame, type, start);
    } catch (error) {
      // the peer will never see what the compressor has taken in
      if (this.#session !== undefined) this.releaseCompressor();
      throw error;
    }
    const { report, bytes } = scratch();
    const [address, rest] = [report[1] as number, report[2] as number];
    if (rest === 0) return;
    this.spill();
    this.#push(allocatedCopy(bytes, address, address + rest));
  }

  #send(type: number, payload: Uint8Array, owned: boolean): void {
    this.settle();
    this.#messageBytesSent += payload.length;
    if (payload.length <= LARGE_PAYLOAD) {
      this.#copy(type, payload);
    } else if (this.#server) {
      this.#makeHeader(type, payload.length);
      this.spill();
      this.#push(owned ? payload : allocatedCopy(payload, 0, payload.length));
    } else {
      this.#maskLarge(type, payload);
    }
  }

  /** The engine refuses what is too long, by a byte or by many: no more than one need fit into the output memory. */
  #control(type: number, payload: Uint8Array): void {
    this.settle();
    this.#copy(type, payload.subarray(0, MAX_CONTROL_PAYLOAD + 1));
  }

  /** A frame whose payload fits into the output memory. */
  #copy(type: number, payload: Uint8Array): void {
    const start = this.#claim(MAX_HEADER_SIZE + payload.length);
    scratch().output.set(payload, start + this.#headerSize(payload.length));
    outputEnd = this.#make(frame, type, start, payload.length);
  }

  /** A client's long payload is masked piece by piece on its way through the output memory. */
  #maskLarge(type: number, payload: Uint8Array): void {
    this.#makeHeader(type, payload.length);
    for (let start = 0; start < payload.length; ) {
      const room = scratch().output.length - outputEnd;
      if (room === 0) {
        this.spill();
        continue;
      }
      const piece = payload.subarray(start, start + room);
      scratch().output.set(piece, outputEnd);
      this.#enter(mask, outputEnd, piece.length);
      outputEnd += piece.length;
      start += piece.length;
    }
  }

  #makeHeader(type: number, length: number): void {
    const start = this.#claim(MAX_HEADER_SIZE);
    outputEnd = this.#make(header, type, start, length);
  }

  /** Makes room for so many bytes in the output memory, and returns where. */
  #claim(size: number): number {
    if (outputOwner !== this) {
      outputOwner?.spill();
      outputOwner = this;
    } else if (outputEnd + size > scratch().output.length) {
      this.spill();
    }
    return outputEnd;
  }

  /** @internal Moves what this session has in the output memory out of it. */
  spill(network?: Adopter): void {
    if (outputEnd > 0) {
      const bytes = part(scratch().output, 0, outputEnd);
      this.#push(network?.adopt?.(bytes) ?? allocatedCopy(bytes, 0, outputEnd));
    }
    outputEnd = 0;
  }

  #headerSize(length: number): number {
    return (length < 126 ? 2 : length < 65536 ? 4 : 10) + (this.#server ? 0 : 4);
  }

  /** Makes one frame, or its header. */
  #make(method: (a: number, b: number, c: number) => number, a: number, b: number, c = 0): number {
    const end = this.#enter(method, a, b, c);
    this.#framesSent += 1;
    return end;
  }

  /** The only way into the engine: a negative answer is an error, and a trap loses this session and no other. */
  #enter<A extends (number | boolean)[]>(method: (...args: A) => number, ...args: A): number;
  #enter<A extends (number | boolean)[]>(method: (...args: A) => void, ...args: A): void;
  #enter(
    method: (...args: (number | boolean)[]) => unknown,
    a: number | boolean = 0,
    b: number | boolean = 0,
    c: number | boolean = 0,
    d: number | boolean = 0,
  ): unknown {
    const session = this.#session;
    if (session === undefined) throw freed();
    let answer: unknown;
    try {
      answer = method.call(session, a, b, c, d);
    } catch (error) {
      this.#forget();
      throw trapped(error);
    }
    if (typeof answer === "number" && answer < 0) throw new WebSocketProtocolError(-answer);
    return answer;
  }
}

function freed(): TypeError {
  return new TypeError("The session is freed");
}

/** A piece by itself. A character that it begins and does not end goes to the next one. */
function partOf(decoder: TextDecoder, bytes: Uint8Array, start: number, end: number, flags: number): Part {
  const isLast = (flags & Flag.Last) !== 0;
  const piece = bytes.slice(start, end);
  const data = (flags & Flag.Text) === 0 ? piece : decoder.decode(piece, { stream: !isLast });
  return { kind: "part", data, isFirst: (flags & Flag.First) !== 0, isLast };
}

function asReceived(data: string | Uint8Array<ArrayBuffer>, isText: boolean): Received {
  return isText && typeof data !== "string" ? { kind: "text", payload: data } : data;
}

/** Texts of up to so many bytes are cut out of one that is made of the engine's memory: of so many bytes, or times theirs; … */
const SHORT_TEXT = 2048;
const SHARED_TEXT = 2048;
const SHARED_TEXTS = 8;
/** … and so many bytes are copied at once, with all short binary messages in them. */
const SHARED_BYTES = 64 * 1024;
const SHORT_BINARY = 32 * 1024;

/**
 * Takes whole messages out of the engine's memory. Those of a chunk share what is copied, since to allocate takes longer
 * than to copy; so one that is kept keeps that too.
 */
class Batch {
  readonly #memory: Uint8Array;
  /** Where the chunk stands in it. */
  readonly #chunkStart: number;
  readonly #chunkEnd: number;
  /** Where the last message ends. */
  readonly #end: number;
  readonly #chunk: Uint8Array;
  readonly #isOwned: boolean;
  readonly #isMasked: boolean;
  #text = "";
  #textStart = 0;
  #bytes: Uint8Array<ArrayBuffer> | undefined;
  #bytesStart = 0;

  /**
   * @param isOwned whether the chunk may be given out in parts, …
   * @param isMasked … for which it has to have its own bytes back, unmasked
   */
  constructor({ bytes, input }: Scratch, end: number, chunk: Uint8Array, isOwned: boolean, isMasked: boolean) {
    this.#memory = bytes;
    this.#chunkStart = input.byteOffset;
    this.#chunkEnd = input.byteOffset + chunk.length;
    this.#end = end;
    this.#chunk = chunk;
    this.#isOwned = isOwned;
    this.#isMasked = isMasked;
  }

  text(start: number, end: number, ascii: boolean): string {
    if (!ascii || end - start > SHORT_TEXT) return decodeText(this.#memory, start, end, ascii);
    if (start < this.#textStart || end > this.#textStart + this.#text.length) {
      const size = Math.max(SHARED_TEXT, (end - start) * SHARED_TEXTS);
      this.#text = decodeText(this.#memory, start, this.#sharedEnd(start, end, size), true);
      this.#textStart = start;
    }
    return this.#text.substring(start - this.#textStart, end - this.#textStart);
  }

  binary(start: number, end: number): Uint8Array<ArrayBuffer> {
    // what was decompressed has other things behind it
    const isInChunk = start >= this.#chunkStart && end <= this.#chunkEnd;
    if (!isInChunk || (!this.#isOwned && end - start > SHORT_BINARY)) return allocatedCopy(this.#memory, start, end);
    if (this.#isOwned && !this.#isMasked) return this.#partOfChunk(start, end);
    if (this.#bytes === undefined || start < this.#bytesStart || end > this.#bytesStart + this.#bytes.length) {
      this.#bytes = this.#copy(start, Math.min(this.#sharedEnd(start, end, SHARED_BYTES), this.#chunkEnd));
      this.#bytesStart = start;
    }
    if (end - start === this.#bytes.length) return this.#bytes; // there is no other in it
    return part(this.#bytes, start - this.#bytesStart, end - this.#bytesStart);
  }

  #copy(start: number, end: number): Uint8Array<ArrayBuffer> {
    if (!this.#isOwned) return allocatedCopy(this.#memory, start, end);
    const place = this.#partOfChunk(start, end);
    place.set(part(this.#memory, start, end));
    return place;
  }

  #partOfChunk(start: number, end: number): Uint8Array<ArrayBuffer> {
    return part(this.#chunk, start - this.#chunkStart, end - this.#chunkStart);
  }

  #sharedEnd(start: number, end: number, size: number): number {
    return Math.max(end, Math.min(start + size, this.#end));
  }
}

/** The most that is allocated, in multiples of what has come. */
const GROWTH = 32;

/** The most that is kept for the next text in pieces: the last one has no more use for it. */
const LARGEST_SPARE = 1024 * 1024;
let spare: ArrayBuffer | undefined;

/** Memory of its own, which is the spare if that is large enough: to have pages made for each text takes longer than to fill them. */
function takeSpare(size: number): Uint8Array<ArrayBuffer> {
  const isLarge = spare !== undefined && spare.byteLength >= size;
  const buffer = isLarge ? (spare as ArrayBuffer) : new ArrayBuffer(size);
  if (isLarge) spare = undefined;
  return new Uint8Array(buffer, 0, size);
}

function keepSpare(buffer: ArrayBuffer): void {
  const size = buffer.byteLength;
  if (size <= LARGEST_SPARE && size > (spare?.byteLength ?? 0)) spare = buffer;
}

/**
 * The pieces of a message, in one buffer that grows with what came. What was announced only keeps it from growing
 * beyond that.
 */
class Assembly {
  #bytes = allocate(0);
  #length = 0;
  #ascii = true;
  readonly #most: number;
  readonly #isString: boolean;

  /**
   * @param most the most bytes that there may be of it
   * @param isString whether it is to be a string; else the buffer is given out
   */
  constructor(most: number, isString: boolean) {
    this.#most = most;
    this.#isString = isString;
  }

  get capacity(): number {
    return this.#bytes.length;
  }

  /**
   * Tells whether there is room.
   *
   * @param left how many bytes of the message will come after the piece, if that is known
   */
  push(piece: Uint8Array, ascii: boolean, room: number, left: number | undefined): boolean {
    const length = this.#length + piece.length;
    if (length > room) return false;
    if (length > this.#bytes.length) {
      const wanted = left === undefined ? Math.max(length * 2, 1024) : Math.min(length * GROWTH, length + left);
      const size = Math.max(length, Math.min(wanted, room, this.#most));
      const grown = this.#isString ? takeSpare(size) : allocate(size);
      grown.set(part(this.#bytes, 0, this.#length));
      this.#bytes = grown;
    }
    this.#bytes.set(piece, this.#length);
    this.#length = length;
    this.#ascii &&= ascii;
    return true;
  }

  /** The whole message. Nothing may be pushed any more. */
  finish(): string | Uint8Array<ArrayBuffer> {
    if (this.#isString) {
      const text = decodeText(this.#bytes, 0, this.#length, this.#ascii);
      keepSpare(this.#bytes.buffer);
      return text;
    }
    return this.#length === this.#bytes.length ? this.#bytes : allocatedCopy(this.#bytes, 0, this.#length);
  }
}
