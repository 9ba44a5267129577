/**
 * The receiving half of a session: chunks of the network in, messages and control frames out.
 *
 * @module
 */

import type { TextDecoder } from "../engine/coders.js";
import { scratch, wasm } from "../engine/engine.js";
import { WebSocketProtocolError } from "../engine/errors.js";
import { ReportSlot } from "../engine/report.js";
import { decodeText } from "../engine/text.js";
import { Assembly, asReceived, Batch, Flag, partOf, type Received } from "./assembly.js";
import type { EngineCalls } from "./calls.js";

/** The outcomes of `receive` in the engine. */
const Outcome = { MoreInput: 0, EventsFull: 1, Ping: 2, Pong: 3, Close: 4, Failed: 5 } as const;

/** Parts that have begun and not ended. */
export const Unfinished = { Nothing: 0, Frame: 1, Message: 2 } as const;

/** Messages and bytes that are made of a chunk at once: a receiver that pauses holds no more than these. */
const BATCH = 1024;
const BATCH_BYTES = 256 * 1024;
/** Work that is done at once, so that a chunk that takes long to decompress delays no other connection for long. */
const BATCH_WORK = 1024 * 1024;

/** What a frame costs, with a message and a listener that does little, in bytes of decompressed output. */
const WORK_OF_FRAME = 1024;

/** Bytes of the batch that is being made, and the work that it took. */
let batchBytes = 0;
let batchWork = 0;

const { receive, resume } = wasm.Session.prototype;

/** How messages are given out. */
export interface MessageForm {
  /** The most bytes of one: no more is allocated for it. */
  readonly maxMessageSize: number;
  /** Whether text messages are given out as bytes, in place of strings. */
  readonly textAsBytes: boolean;
  /** Decodes the text of messages that are given out in pieces, when these come; none if messages are whole. */
  readonly decoder: TextDecoder | undefined;
}

/** The receiving direction of one session. */
export class Incoming {
  readonly #session: EngineCalls & MessageForm;
  /** The message whose pieces are still coming. */
  #message: Assembly | undefined;
  /** The unfinished part, one of {@link Unfinished}. */
  unfinished: number = Unfinished.Nothing;
  /** Whether decompressed bytes wait. */
  hasMore = false;
  /** The cost of the last `receive`. */
  work = 0;
  /** Whether all text so far is ASCII, but what is given out in pieces. */
  isAscii = true;
  frames = 0;
  messages = 0;
  /** Bytes of messages, text as UTF-8, after they were decompressed. */
  messageBytes = 0;

  constructor(session: EngineCalls & MessageForm) {
    this.#session = session;
  }

  /** The memory that the pieces of an unfinished message take, in bytes. */
  get heldBytes(): number {
    return this.#message?.capacity ?? 0;
  }

  /** Drops the unfinished message: nothing will be received any more. */
  forget(): void {
    this.#message = undefined;
    this.hasMore = false;
  }

  /** Takes a chunk as `FrameSession.receive` says. */
  receive(chunk: Uint8Array, received: Received[], room: number, isOwned: boolean): number {
    let taken = 0;
    const framesBefore = this.frames;
    batchBytes = 0;
    batchWork = 0;
    let batch: Batch | undefined;
    while ((taken < chunk.length || this.hasMore) && !isBatchFull(received)) {
      const { input } = scratch();
      const isWhole = taken === 0 && chunk.length <= input.length;
      const piece = isWhole ? chunk : chunk.subarray(taken, taken + input.length);
      input.set(piece);
      batch = new Batch(scratch(), piece, isOwned, this.#session.isServer);
      taken += this.#drain(piece.length, received, room, batch);
    }
    if (taken === chunk.length) batch?.freeChunk();
    this.work = batchWork + (this.frames - framesBefore) * WORK_OF_FRAME;
    return taken;
  }

  /**
   * Copies out what the chunk in input memory completes, before anyone else may call the engine. Returns how many of
   * its bytes are done with.
   */
  #drain(length: number, received: Received[], room: number, batch: Batch): number {
    let outcome = this.#session.enter(receive, length);
    for (;;) {
      const { report, bytes } = scratch();
      this.unfinished = report[ReportSlot.Unfinished] as number;
      this.hasMore = report[ReportSlot.HasMore] !== 0;
      this.#countFrames(report[ReportSlot.Frames] as number);
      batchWork += report[ReportSlot.Work] as number;
      const count = report[ReportSlot.Events] as number;
      if (count > 0 && !this.#takeEvents(count, received, room, batch)) {
        this.hasMore = false;
        received.push({ kind: "full" });
        return length;
      }
      const address = report[ReportSlot.Address] as number;
      const end = address + (report[ReportSlot.Size] as number);
      switch (outcome) {
        case Outcome.MoreInput:
          return length;
        case Outcome.Ping:
          received.push({ kind: "ping", payload: bytes.slice(address, end) });
          break;
        case Outcome.Pong:
          received.push({ kind: "pong", payload: bytes.slice(address, end) });
          break;
        case Outcome.Close: {
          const status = report[ReportSlot.Status] as number;
          received.push({ kind: "close", status, reason: decodeText(bytes, address, end, false) });
          return length;
        }
        case Outcome.Failed:
          received.push({ kind: "failed", error: new WebSocketProtocolError(report[ReportSlot.Error] as number) });
          return length;
      }
      if (isBatchFull(received)) return report[ReportSlot.Taken] as number;
      outcome = this.#session.enter(resume);
    }
  }

  /** The engine counts modulo 2^32. */
  #countFrames(count: number): void {
    this.frames += (count - this.frames) >>> 0;
  }

  /** Tells whether the pieces had room. */
  #takeEvents(count: number, received: Received[], room: number, batch: Batch): boolean {
    const views = scratch();
    const { bytes, events, report } = views;
    const { textAsBytes, maxMessageSize, decoder } = this.#session;
    const all = count * 3;
    batch.extend((events[all - 2] as number) + (events[all - 1] as number), views);
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
      if (decoder !== undefined) {
        received.push(partOf(decoder, bytes, start, end, flags));
        continue;
      }
      const isText = (flags & Flag.Text) !== 0;
      if (isText && !ascii) this.isAscii = false;
      const isString = isText && !textAsBytes;
      if (last && (flags & Flag.First) !== 0) {
        const data = isString ? batch.text(start, end, ascii) : batch.binary(start, end);
        received.push(asReceived(data, isText));
        continue;
      }
      // the report is about what comes behind the last event: of the same message, if that goes on
      const announced = at + 3 === all ? (report[ReportSlot.Announced] as number) : 0;
      const left = last ? 0 : announced || undefined;
      if (this.#message === undefined) {
        const whole = end - start + (left ?? room);
        const spare = isString || whole >= room ? undefined : batch.spare(end, whole);
        this.#message = new Assembly(maxMessageSize, isString, spare);
      }
      hasRoom = this.#message.push(bytes.subarray(start, end), ascii, room, left);
      if (last && hasRoom) {
        received.push(asReceived(this.#message.finish(), isText));
        this.#message = undefined;
      }
    }
    batchBytes += size;
    this.messageBytes += size;
    this.messages += messages;
    return hasRoom;
  }
}

function isBatchFull(received: readonly Received[]): boolean {
  return received.length >= BATCH || batchBytes >= BATCH_BYTES || batchWork >= BATCH_WORK;
}
