/**
 * Takes a conversation apart.
 *
 * @module
 */

import {
  decrypt_cbc as decryptCbc,
  describe,
  Inspector as Engine,
  type EngineModule,
  Hpack,
  hmac,
  inflate,
  initSync,
  open as openSealed,
} from "../../pkg/websocket_component_inspect.js";
import { honest } from "../engine/bytes.js";
import { ownOptions } from "../engine/own.js";
import type {
  AgreedExtensions,
  BytesReason,
  Direction,
  Fault,
  FrameRecord,
  HandshakeCheck,
  InspectMessage,
  InspectRecord,
  MessageState,
  OpcodeName,
  PayloadStage,
} from "./records.js";

/** How to read a conversation. */
export interface InspectorOptions {
  /** The response's `Sec-WebSocket-Extensions`, where the handshake is not part of what is inspected. */
  extensions?: string | undefined;
  /**
   * The capture began after the handshake, perhaps in the midst of a frame: where a direction's first header is has to
   * be found, and what was agreed on is not known, unless `extensions` has it.
   */
  midStream?: boolean | undefined;
  /**
   * It is a stream of HTTP/2 (RFC 8441). Its heads stand before its frames as text: a first line, `CONNECT /chat
   * HTTP/2` or `HTTP/2 200`, then a line for each field, pseudo-header fields first, then a blank line.
   */
  http2?: boolean | undefined;
}

/** A part of a payload: bytes, or how many are missing. */
export type PayloadPart =
  | {
      /** The bytes. */
      readonly bytes: Uint8Array;
    }
  | {
      /** How many bytes are missing. */
      readonly missing: number;
    };

/** Bytes that a capture does not have. */
export interface Gap {
  /** The place of the first one in its direction, in bytes. */
  readonly start: number;
  /** The place behind the last one. */
  readonly end: number;
}

/** How much of a payload to give out. */
export interface PayloadOptions {
  /** `"inflated"` by default. */
  stage?: PayloadStage | undefined;
  /** The most bytes; 16 MiB by default, as a few bytes can decompress to very many. */
  limit?: number | undefined;
}

/** Makes the one instance of the inspector's engine from its compiled module. Later calls do nothing. */
export function initialise(module: EngineModule): void {
  initSync({ module });
}

const DIRECTIONS: readonly Direction[] = ["toServer", "toClient"];
const REASONS: readonly BytesReason[] = ["cut", "afterClose", "notWebSocket", "noBoundary", "missing"];
const STATES: readonly MessageState[] = ["unfinished", "whole", "failed", "unreadable"];
const STAGES: readonly PayloadStage[] = ["wire", "unmasked", "inflated"];
const OPCODES: Readonly<Record<number, OpcodeName>> = {
  0: "continuation",
  1: "text",
  2: "binary",
  8: "close",
  9: "ping",
  10: "pong",
};

/** Rows of the engine's tables that cross the boundary at once. */
const BATCH = 1024;
const RECORD_WIDTH = 16;
const MESSAGE_WIDTH = 9;
const FAULT_WIDTH = 3;
const DEFAULT_LIMIT = 16 * 1024 * 1024;

const forgotten = new FinalizationRegistry<Engine>((engine) => engine.free());

/**
 * Takes one connection's conversation apart as its bytes come.
 *
 * A direction whose first byte is a capital letter from C on begins with a handshake, any other with frames. What
 * depends on bytes of the other direction waits for them, or for `finish`. It holds all bytes, in the engine's memory,
 * and at most 96 bytes for each record; `free` gives that back.
 */
export class Inspector {
  readonly #engine: Engine;

  constructor(options: InspectorOptions = {}) {
    const { extensions = "", midStream = false, http2 = false } = ownOptions(options);
    this.#engine = new Engine(extensions, midStream, http2);
    forgotten.register(this, this.#engine, this);
  }

  /**
   * Takes the next bytes of a direction, cut anywhere; they are copied.
   *
   * @param time in any unit; milliseconds since 1970 where it is known
   */
  push(direction: Direction, bytes: Uint8Array, time = 0): void {
    this.#engine.push(DIRECTIONS.indexOf(direction), honest(bytes), time);
  }

  /**
   * Says that the next bytes of a direction are missing. Frames whose headers are there are reported all the same.
   * Where a header is missing, the next one is looked for at the start of each later `push`.
   */
  pushMissing(direction: Direction, length: number, time = 0): void {
    this.#engine.push_missing(DIRECTIONS.indexOf(direction), length, time);
  }

  /** Says that no more bytes come: what is cut gets its record. Later bytes are ignored. */
  finish(): void {
    this.#engine.finish();
  }

  /** How many records there are. They stay, and their fields change only where more bytes tell more. */
  get recordCount(): number {
    return this.#engine.counts()[0] as number;
  }

  /** How many messages have begun. */
  get messageCount(): number {
    return this.#engine.counts()[1] as number;
  }

  /** How many faults were found. */
  get faultCount(): number {
    return this.#engine.counts()[2] as number;
  }

  /** The record at this place, as far as it is known now. */
  record(index: number): InspectRecord | undefined {
    const row = this.#engine.records(index, 1);
    return row.length > 0 ? recordOf(index, row) : undefined;
  }

  /** The records from `start` to `end`, which is behind the last one; all by default. */
  records(start = 0, end: number = this.recordCount): Generator<InspectRecord> {
    return batches(start, end, RECORD_WIDTH, (from, count) => this.#engine.records(from, count), recordOf);
  }

  /** The message at this place. */
  message(index: number): InspectMessage | undefined {
    const row = this.#engine.messages(index, 1);
    return row.length > 0 ? messageOf(index, row) : undefined;
  }

  /** The messages from `start` to `end`, in the order in which they began. */
  messages(start = 0, end: number = this.messageCount): Generator<InspectMessage> {
    return batches(start, end, MESSAGE_WIDTH, (from, count) => this.#engine.messages(from, count), messageOf);
  }

  /** The faults from `start` to `end`, in the order in which they showed. */
  faults(start = 0, end: number = this.faultCount): Generator<Fault> {
    return batches(start, end, FAULT_WIDTH, (from, count) => this.#engine.faults(from, count), faultOf);
  }

  /** The checks of a head: of the request by `"toServer"`, of the response by `"toClient"`; none before it is read. */
  checks(direction: Direction): HandshakeCheck[] {
    const flat = this.#engine.checks(DIRECTIONS.indexOf(direction));
    const checks: HandshakeCheck[] = [];
    for (let at = 0; at < flat.length; at += 4) {
      const [subject, section, found, error] = flat.slice(at, at + 4) as [string, string, string[], number];
      checks.push({ subject, section, found, error: error < 0 ? undefined : errorOf(error) });
    }
    return checks;
  }

  /** The agreements of the handshake, as far as it was read. */
  get extensions(): AgreedExtensions {
    const [known, others, serverMaxWindowBits, clientMaxWindowBits = 0, serverAlone, clientAlone] =
      this.#engine.extensions();
    const deflate =
      serverMaxWindowBits === undefined
        ? undefined
        : {
            serverMaxWindowBits,
            clientMaxWindowBits,
            serverNoContextTakeover: serverAlone === 1,
            clientNoContextTakeover: clientAlone === 1,
          };
    return { deflate, others: others === 1, known: known === 1 };
  }

  /**
   * The payload of a frame or of a message, or all bytes of another record; as much as there is of one that is cut or
   * corrupt, and of one with bytes that are missing what is before them. Of a compressed message's frame, `"inflated"`
   * is what its bytes add to the message.
   */
  payload(of: InspectRecord | InspectMessage, options: PayloadOptions = {}): Uint8Array {
    const { stage = "inflated", limit = DEFAULT_LIMIT } = ownOptions(options);
    const stageNumber = STAGES.indexOf(stage);
    const most = Math.min(limit, 2 ** 32 - 1);
    return "type" in of
      ? this.#engine.payload(of.index, stageNumber, most)
      : this.#engine.message_payload(of.index, stageNumber, most);
  }

  /**
   * The payload of a frame, or all bytes of another record, with what is missing in its place; the limit is that of
   * each part. Of a frame of a compressed message, `"inflated"` ends at the first place where something is missing.
   */
  parts(of: InspectRecord, options: PayloadOptions = {}): PayloadPart[] {
    const { stage = "inflated", limit = DEFAULT_LIMIT } = ownOptions(options);
    const start = of.start + (of.type === "frame" ? of.headerSize : 0);
    const gaps = this.gaps(of.direction, start, of.end);
    const message = of.type === "frame" && of.message !== undefined ? this.message(of.message) : undefined;
    if (gaps.length === 0 || (stage === "inflated" && message?.compressed === true)) {
      const missing = gaps.reduce((sum, gap) => sum + gap.end - gap.start, 0);
      return [{ bytes: this.payload(of, options) }, ...(missing > 0 ? [{ missing }] : [])];
    }
    const parts: PayloadPart[] = [];
    let at = 0;
    const take = () => {
      const bytes = this.#engine.payload_from(of.index, STAGES.indexOf(stage), at, Math.min(limit, 2 ** 32 - 1));
      if (bytes.length > 0) parts.push({ bytes });
    };
    for (const gap of gaps) {
      take();
      parts.push({ missing: gap.end - gap.start });
      at = gap.end - start;
    }
    take();
    return parts;
  }

  /** The gaps between two places of a direction. */
  gaps(direction: Direction, start: number, end: number): Gap[] {
    const flat = this.#engine.gaps(DIRECTIONS.indexOf(direction), start, end);
    return Array.from({ length: flat.length / 2 }, (_, index) => ({
      start: flat[2 * index] as number,
      end: flat[2 * index + 1] as number,
    }));
  }

  /** How many bytes have come in a direction, and are missing in it. */
  length(direction: Direction): number {
    return this.#engine.length(DIRECTIONS.indexOf(direction));
  }

  /** Bytes of a direction as they came, such as those of a record: no more than there are, and none behind a gap. */
  bytes(direction: Direction, start: number, end: number): Uint8Array {
    return this.#engine.bytes(DIRECTIONS.indexOf(direction), start, end);
  }

  /** Gives the engine's memory back. The inspector must not be used any more. */
  free(): void {
    forgotten.unregister(this);
    this.#engine.free();
  }

  /** Does what `free` does, at the end of a block with `using`. */
  [Symbol.dispose](): void {
    this.free();
  }
}

/**
 * Decompresses a DEFLATE stream (RFC 1951) up to its end, to `limit` bytes, or to the first corrupt block.
 */
export function inflated(bytes: Uint8Array, limit: number): { output: Uint8Array; consumed: number; isWhole: boolean } {
  const told = new Float64Array(2);
  const output = inflate(bytes, limit, told);
  const [consumed = 0, end] = told;
  return { output, consumed, isWhole: end === 1 };
}

export { decryptCbc, hmac, openSealed };

/** Reads the fields of one direction of a connection of HTTP/2 (RFC 7541). */
export class FieldDecoder {
  readonly #hpack = new Hpack();

  /** The fields of a block; nothing if it is none, and then those after it cannot be read. */
  decode(block: Uint8Array): [name: string, value: string][] | undefined {
    const flat = this.#hpack.decode(block);
    if (flat === undefined) return undefined;
    return Array.from({ length: flat.length / 2 }, (_, index) => [
      flat[2 * index] as string,
      flat[2 * index + 1] as string,
    ]);
  }

  /** Gives the engine's memory back. */
  free(): void {
    this.#hpack.free();
  }
}

function* batches<T>(
  start: number,
  end: number,
  width: number,
  read: (from: number, count: number) => Float64Array,
  make: (index: number, row: Float64Array) => T,
): Generator<T> {
  for (let from = start; from < end; from += BATCH) {
    const rows = read(from, Math.min(BATCH, end - from));
    for (let at = 0; at < rows.length; at += width) yield make(from + at / width, rows.subarray(at, at + width));
  }
}

function recordOf(index: number, row: Float64Array): InspectRecord {
  const [kind, direction, unreliable, whole, time, start, end, detail] = row as unknown as Row<8>;
  const base = {
    index,
    direction: DIRECTIONS[direction] as Direction,
    time,
    start,
    end,
    whole: whole === 1,
    unreliable: unreliable === 1,
    found: row[14] === 1,
    missing: row[15] as number,
  };
  if (kind === 0) return { type: "request", ...base };
  if (kind === 1) return { type: "response", ...base };
  if (kind === 3) return { type: "bytes", ...base, reason: REASONS[detail] as BytesReason };
  return frameOf(base, row);
}

type Row<N extends number, T extends number[] = []> = T["length"] extends N ? T : Row<N, [...T, number]>;

function frameOf(base: Omit<InspectRecord, "type" | "reason">, row: Float64Array): FrameRecord {
  const [first, headerSize, mask, status, message, partner, violation] = row.subarray(7) as unknown as Row<7>;
  const extended = headerSize - (mask < 0 ? 2 : 6);
  const opcode = first & 0x0f;
  return {
    type: "frame",
    ...base,
    fin: (first & 0x80) !== 0,
    rsv1: (first & 0x40) !== 0,
    rsv2: (first & 0x20) !== 0,
    rsv3: (first & 0x10) !== 0,
    opcode,
    opcodeName: OPCODES[opcode] ?? "reserved",
    mask: given(mask),
    lengthBits: extended === 0 ? 7 : extended === 2 ? 16 : 64,
    headerSize,
    length: base.end - base.start - headerSize,
    message: given(message),
    partner: given(partner),
    closeStatus: status || undefined,
    violation: violation === 1,
  };
}

function given(value: number): number | undefined {
  return value < 0 ? undefined : value;
}

function messageOf(index: number, row: Float64Array): InspectMessage {
  const [direction, text, compressed, state, first, last, frames, wireLength, length] = row as unknown as Row<9>;
  return {
    index,
    direction: DIRECTIONS[direction] as Direction,
    text: text === 1,
    compressed: compressed === 1,
    state: STATES[state] as MessageState,
    first,
    last,
    frames,
    wireLength,
    length,
  };
}

function faultOf(index: number, row: Float64Array): Fault {
  const [record, offset, error] = row as unknown as Row<3>;
  return { index, record, offset, ...errorOf(error) };
}

type ErrorText = Pick<Fault, "name" | "message" | "section" | "closeStatus">;

/** The engine's errors by their numbers. */
const errors = new Map<number, ErrorText>();

function errorOf(number: number): ErrorText {
  let error = errors.get(number);
  if (error === undefined) {
    const [name, message, section, status] = describe(number) as [string, string, string, number];
    error = { name, message, section, closeStatus: status || undefined };
    errors.set(number, error);
  }
  return error;
}
