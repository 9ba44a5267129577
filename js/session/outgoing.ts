/**
 * The sending half of a session: messages and control frames in, bytes for the network out.
 *
 * @module
 */
import { allocatedCopy, part } from "../engine/bytes.js";
import { EngineTrap, scratch, wasm } from "../engine/engine.js";
import { Output, type OutputTaker, ownMemory } from "../engine/output.js";
import { ReportSlot } from "../engine/report.js";
import { encodeText, forgetText, isAtLeast, shortTextSize, textBytes, textSize, writeText } from "../engine/text.js";
import type { EngineCalls, EngineMethod } from "./calls.js";
import { headerSize, LONGEST_HEADER, WHOLE_BINARY, WHOLE_TEXT, writeHeader } from "./frames.js";

/** A message whose frames are made once, as a server sends them. */
export interface PreparedFrames {
  readonly data: string | Uint8Array;
  readonly size: number;
  /** @param window the bits of the window to compress by; 0 not to compress */
  frame(window: number): Uint8Array;
  /** Does a slice of the work that makes that frame. Tells whether it is made. */
  prepare(window: number): boolean;
}

/** Data to send: text, bytes, or a message that was framed before. */
export type SentData = string | Uint8Array | PreparedFrames;

/** Whether it was framed before. */
export function isPrepared(data: SentData): data is PreparedFrames {
  return typeof data !== "string" && !ArrayBuffer.isView(data);
}

/** Its bytes, text as UTF-8. */
export function sizeOfSent(data: SentData): number {
  return isPrepared(data) ? data.size : textSize(data);
}

/** Which frames carry a message's data; by default one, of text for a string. */
export interface Framing {
  /** Whether the data, UTF-8 if it is bytes, makes a text message. */
  readonly isText?: boolean | undefined;
  /** Whether the message ends with it. */
  readonly isLast?: boolean | undefined;
}

/** The data makes a whole message. */
const WHOLE: Framing = { isText: undefined, isLast: undefined };

/** How one connection's messages are compressed. */
export interface Compression {
  /** The least bytes of a message that is. */
  readonly threshold: number;
  readonly releaseAfter: number | undefined;
  /**
   * The bits of the window for which a message has to be compressed that is prepared for many connections; 0 if none
   * may be.
   */
  readonly preparedWindow: number;
  /** Whether a compressor may be kept. */
  isUsed: boolean;
}

/** Whose messages may be compressed. */
export interface Compressor {
  /** None if compression was not agreed. */
  readonly compression: Compression | undefined;
}

/** The engine's numbers for frames: a message's last or only one, those before it, and control frames. */
const Frame = { Text: 0, TextFragment: 1, Binary: 2, BinaryFragment: 3, Ping: 5, Pong: 6 } as const;

/** Texts of at most this many UTF-16 units are framed together if they are sent in one turn, … */
const LONGEST_COLLECTED = 512;
/** … this many units and … */
const COLLECTED_UNITS = 16 * 1024;
/** … this many texts at once. */
const COLLECTED_COUNT = 1024;

/** Payloads up to here are made behind their header, longer ones go to the network on their own. */
const LARGE_PAYLOAD = 128 * 1024;
/** The most UTF-16 units of a text that is made there whatever it consists of. */
const LARGE_TEXT = Math.floor(LARGE_PAYLOAD / 3);
/** Bytes that are given to the compressor in one call. */
const COMPRESSED_AT_ONCE = 32 * 1024;
/** Bytes, or UTF-16 units, of the longest message that is compressed at once: four milliseconds' work. */
export const LONGEST_AT_ONCE = 128 * 1024;
const MAX_HEADER_SIZE = 14;
export const MAX_CONTROL_PAYLOAD = 125;

const { frame, frames, header, mask, close, compress, compressed_frame, release_compressor } = wasm.Session.prototype;

/** The sending direction of one session. */
export class Outgoing {
  readonly #engine: EngineCalls & Compressor;
  /** Bytes that were made since the output was last taken. */
  readonly #output = new Output();
  /** Texts that are framed when the turn ends, as one string, and the UTF-16 units of each. */
  #texts = "";
  #lengths: number[] | undefined;
  /** Their bytes as UTF-8, counted as they come from the first request on. */
  #textBytes: number | undefined;
  /** `within`: a part of a message was sent that is not its last. `closed`: a close frame was made. */
  #place: "between" | "within" | "closed" = "between";
  frames = 0;
  messages = 0;
  /** Bytes of messages, text as UTF-8, before they were compressed. */
  messageBytes = 0;

  constructor(engine: EngineCalls & Compressor) {
    this.#engine = engine;
  }

  /**
   * Sends a message: its frames are part of the output when that is taken. It is compressed if that was agreed: by the
   * caller's word, or if it is not too small. The data is copied. Parts of a message are not compressed.
   */
  send(data: SentData, compress?: boolean, framing: Framing = WHOLE): void {
    if (isPrepared(data)) {
      const frame = this.sendFrame(data, compress);
      if (frame === undefined) this.send(data.data, compress, framing);
      else this.push(frame);
      return;
    }
    const { isText = typeof data === "string", isLast = true } = framing;
    const isCompressed = this.compresses(data, compress, framing);
    if (isLast) this.messages += 1;
    const type = isText ? Frame.Text : Frame.Binary;
    if (isCompressed && this.#sendCompressed(type, typeof data === "string" ? textBytes(data) : data, true)) return;
    if (isText) {
      this.sendText(data, isLast);
    } else {
      this.sendBinary(typeof data === "string" ? textBytes(data) : data, isLast);
    }
  }

  /** As `FrameSession.sendFrame` says; a part of a message is not what was prepared. */
  sendFrame(message: PreparedFrames, compress?: boolean): Uint8Array | undefined {
    const isCompressed = this.compresses(message, compress);
    const window = isCompressed ? this.preparedWindow : 0;
    if (!this.#engine.isServer || this.#place === "within" || (isCompressed && window === 0)) return undefined;
    const frame = message.frame(window);
    this.frames += 1;
    this.messages += 1;
    this.messageBytes += message.size;
    return frame;
  }

  /** Appends a frame to the output. */
  push(frame: Uint8Array): void {
    this.settle();
    this.#output.push(frame);
  }

  /** As {@link Compression} has it. */
  get preparedWindow(): number {
    return this.#engine.compression?.preparedWindow ?? 0;
  }

  /** Whether a message is compressed, by the caller's word or its size; a part of one is not. */
  compresses(data: SentData, compress: boolean | undefined, { isLast = true }: Framing = WHOLE): boolean {
    const { compression } = this.#engine;
    if (compression === undefined || !isLast || this.#place === "within") return false;
    return compress ?? isAtLeast(isPrepared(data) ? data.data : data, compression.threshold);
  }

  /** Makes a text message that is not compressed, or a part of one. Bytes are UTF-8, and copied. */
  sendText(text: string | Uint8Array, last = true): void {
    const isWhole = this.#isWhole(last);
    const type = last ? Frame.Text : Frame.TextFragment;
    if (typeof text !== "string") {
      this.#send(type, text, isWhole);
    } else if (isWhole && text.length <= LONGEST_COLLECTED) {
      this.#collect(text);
    } else {
      this.settle();
      if (isWhole && this.#framesItself && text.length <= LARGE_TEXT) this.#frameText(text);
      else this.#encode(type, text);
    }
  }

  /** Whether a part is all of its message. */
  #isWhole(isLast: boolean): boolean {
    const isWhole = isLast && this.#place !== "within";
    if (this.#place !== "closed") this.#place = isLast ? "between" : "within";
    return isWhole;
  }

  /** Whether whole messages need no engine: it would not mask them, nor refuse them for what came before. */
  get #framesItself(): boolean {
    return this.#engine.isServer && this.#place === "between";
  }

  /** A text of a server, whose bytes are written where they are to stand. */
  #frameText(text: string): void {
    const start = this.#output.reserve(LONGEST_HEADER + text.length * 3);
    const memory = ownMemory();
    const guess = start + headerSize(text.length);
    const written = writeText(text, memory, guess);
    const payload = start + headerSize(written);
    if (payload !== guess) memory.copyWithin(payload, guess, guess + written);
    writeHeader(memory, start, WHOLE_TEXT, written);
    this.#framed(payload + written, written);
  }

  /** A message of a server whose bytes are copied once. */
  #frameBytes(first: number, bytes: Uint8Array): void {
    const start = this.#output.reserve(LONGEST_HEADER + bytes.length);
    const memory = ownMemory();
    const payload = writeHeader(memory, start, first, bytes.length);
    memory.set(bytes, payload);
    this.#framed(payload + bytes.length, bytes.length);
  }

  #framed(end: number, size: number): void {
    this.#output.fill(end);
    this.frames += 1;
    this.messageBytes += size;
  }

  #dropTexts(): void {
    this.#lengths = undefined;
    this.#texts = "";
    if (this.#textBytes === undefined) return;
    this.#textBytes = 0;
    forgetText();
  }

  /** The bytes of the texts that wait to be framed, which `messageBytes` has not. */
  countTexts(): number {
    if (this.#textBytes !== undefined) return this.#textBytes;
    let start = 0;
    this.#textBytes = 0;
    for (const length of this.#lengths ?? []) {
      this.#textBytes += textSize(this.#texts.slice(start, start + length));
      start += length;
    }
    return this.#textBytes;
  }

  /** Strings are put together, and become bytes, at once: one by one that takes several times as long. */
  #collect(text: string): void {
    if (this.#texts.length + text.length > COLLECTED_UNITS || this.#lengths?.length === COLLECTED_COUNT) this.settle();
    this.#texts += text;
    if (this.#textBytes !== undefined) this.#textBytes += shortTextSize(text);
    if (this.#lengths === undefined) this.#lengths = [text.length];
    else this.#lengths.push(text.length);
  }

  /** Frames the texts that wait for it. Before this, `counters` do not have their bytes. */
  settle(): void {
    const lengths = this.#lengths;
    if (lengths === undefined) return;
    const texts = this.#texts;
    this.#dropTexts();
    if (lengths.length === 1 && this.#framesItself) {
      this.#frameText(texts);
      return;
    }
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
      this.#encode(Frame.Text, texts.slice(start, start + length));
      start += length;
    }
  }

  /** Makes messages of texts in the input memory, which is free while nothing is received. */
  #frames(count: number, size: number): void {
    const start = this.#output.claim(size + count * MAX_HEADER_SIZE);
    this.#output.extend(this.#engine.enter(frames, Frame.Text, start, count));
    this.frames += count;
    this.messageBytes += size;
  }

  /** Makes a frame of text, which becomes bytes where it is to stand, if there is room for it. */
  #encode(type: number, text: string): void {
    if (text.length > LARGE_PAYLOAD) {
      this.#sendOwned(type, textBytes(text));
      return;
    }
    const start = this.#output.claim(MAX_HEADER_SIZE + text.length);
    const { output } = scratch();
    const guess = start + this.#headerSize(text.length);
    const { read, written } = encodeText(text, part(output, guess, output.length - MAX_HEADER_SIZE));
    if (read < text.length) {
      this.#sendOwned(type, textBytes(text));
      return;
    }
    const payload = start + this.#headerSize(written);
    if (payload !== guess) output.copyWithin(payload, guess, guess + written);
    this.#output.extend(this.#make(frame, type, start, written));
    this.messageBytes += written;
  }

  /** Makes a binary message that is not compressed, or a part of one. The bytes are copied. */
  sendBinary(data: Uint8Array, last = true): void {
    this.#send(last ? Frame.Binary : Frame.BinaryFragment, data, this.#isWhole(last));
  }

  /** Makes a ping with at most 125 bytes. */
  ping(payload: Uint8Array): void {
    this.#control(Frame.Ping, payload);
  }

  /** Makes a pong with at most 125 bytes. */
  pong(payload: Uint8Array): void {
    this.#control(Frame.Pong, payload);
  }

  /** Makes a close frame; status 1005 makes one without a status. */
  close(status: number, reason: string): void {
    const bytes = textBytes(reason);
    this.settle();
    const start = this.#output.claim(MAX_HEADER_SIZE + 2 + bytes.length);
    scratch().output.set(bytes, start + this.#headerSize(2) + 2);
    this.#output.extend(this.#make(close, start, status, bytes.length));
    this.#place = "closed";
  }

  /** The memory that the output takes, in bytes, until it is taken: roughly. */
  get outputBytes(): number {
    return this.#output.size + this.#texts.length + (this.#lengths?.length ?? 0) * MAX_HEADER_SIZE;
  }

  /** As `FrameSession.takeOutput` says. */
  takeOutput(network?: OutputTaker): Uint8Array[] {
    this.settle();
    return this.#output.take(network);
  }

  /** Drops texts that were not framed: nothing can be sent any more. What was framed can still be taken. */
  forget(): void {
    this.#dropTexts();
    this.#output.leave();
  }

  /** Frees what is kept from one sent message to compress the next one by; the next is compressed for itself. */
  releaseCompressor(): void {
    if (this.#engine.compression?.isUsed !== true || this.#place === "within") return;
    this.#engine.enter(release_compressor);
    this.#engine.compression.isUsed = false;
  }

  /**
   * Compresses the next slice of a message, of which nothing has been sent in another way. Tells whether the engine has
   * the memory for that; without effect if not.
   */
  sendSlice(payload: Uint8Array, isText: boolean, isLast: boolean): boolean {
    const isSent = this.#sendCompressed(isText ? Frame.Text : Frame.Binary, payload, isLast);
    if (isSent) this.#isWhole(isLast);
    if (isSent && isLast) this.messages += 1;
    return isSent;
  }

  /**
   * A whole message, or the next slice of one, which goes through the output memory in pieces and is compressed
   * elsewhere. Tells whether the engine has the memory for that; without effect if not.
   */
  #sendCompressed(type: number, payload: Uint8Array, isLast: boolean): boolean {
    this.settle();
    const start = this.#output.claim(MAX_HEADER_SIZE + Math.min(payload.length, COMPRESSED_AT_ONCE));
    let at = 0;
    do {
      const piece = part(payload, at, Math.min(at + COMPRESSED_AT_ONCE, payload.length));
      scratch().output.set(piece, start);
      const isFirst = at === 0;
      at += piece.length;
      const ends = isLast && at === payload.length;
      if (this.#engine.enter(compress, start, piece.length, isFirst, ends) === 0) return false;
    } while (at < payload.length);
    if (this.#engine.compression !== undefined) this.#engine.compression.isUsed = true;
    this.messageBytes += payload.length;
    try {
      const end = this.#engine.enter(compressed_frame, isLast ? type : type + 1, start);
      if (end > start) this.frames += 1; // else the compressor has kept all of it
      this.#output.extend(end);
    } catch (error) {
      // the peer will never see what the compressor has taken in
      if (!(error instanceof EngineTrap)) this.releaseCompressor();
      throw error;
    }
    const { report, bytes } = scratch();
    const [address, rest] = [report[ReportSlot.Address] as number, report[ReportSlot.Size] as number];
    if (rest > 0) this.#output.push(allocatedCopy(bytes, address, address + rest));
    return true;
  }

  #send(type: number, payload: Uint8Array, isWhole: boolean): void {
    this.settle();
    if (isWhole && this.#framesItself && payload.length <= LARGE_PAYLOAD) {
      this.#frameBytes(type === Frame.Text ? WHOLE_TEXT : WHOLE_BINARY, payload);
    } else if (this.#engine.isServer && payload.length > LARGE_PAYLOAD) {
      this.#sendOwned(type, allocatedCopy(payload, 0, payload.length));
    } else {
      this.#sendOwned(type, payload);
    }
  }

  /** Bytes that no one else will change, if they are so many that they go to the network on their own. */
  #sendOwned(type: number, payload: Uint8Array): void {
    this.messageBytes += payload.length;
    if (payload.length <= LARGE_PAYLOAD) {
      this.#copy(type, payload);
    } else if (this.#engine.isServer) {
      this.#makeHeader(type, payload.length);
      this.#output.push(payload);
    } else {
      this.#maskLarge(type, payload);
    }
  }

  /** The engine refuses what is too long, by a byte or by many: no more than one need fit into the output memory. */
  #control(type: number, payload: Uint8Array): void {
    this.settle();
    this.#copy(type, part(payload, 0, Math.min(payload.length, MAX_CONTROL_PAYLOAD + 1)));
  }

  /** A frame whose payload fits into the output memory. */
  #copy(type: number, payload: Uint8Array): void {
    const start = this.#output.claim(MAX_HEADER_SIZE + payload.length);
    scratch().output.set(payload, start + this.#headerSize(payload.length));
    this.#output.extend(this.#make(frame, type, start, payload.length));
  }

  /** A client's long payload is masked piece by piece on its way through the output memory. */
  #maskLarge(type: number, payload: Uint8Array): void {
    this.#makeHeader(type, payload.length);
    for (let at = 0; at < payload.length; ) {
      const start = this.#output.claim(1);
      const { output } = scratch();
      const piece = part(payload, at, Math.min(at + output.length - start, payload.length));
      output.set(piece, start);
      this.#engine.enter(mask, start, piece.length);
      this.#output.extend(start + piece.length);
      at += piece.length;
    }
  }

  #makeHeader(type: number, length: number): void {
    const start = this.#output.claim(MAX_HEADER_SIZE);
    this.#output.extend(this.#make(header, type, start, length));
  }

  #headerSize(length: number): number {
    return headerSize(length) + (this.#engine.isServer ? 0 : 4);
  }

  /** Makes one frame, or its header. */
  #make(method: EngineMethod<[number, number, number], number>, a: number, b: number, c = 0): number {
    const end = this.#engine.enter(method, a, b, c);
    this.frames += 1;
    return end;
  }
}
