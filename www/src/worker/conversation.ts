/**
 * One connection, inspected, and what is asked of it.
 *
 * @module
 */
import {
  type Connection,
  type Direction,
  explain,
  type Fault,
  type FrameRecord,
  type InspectMessage,
  Inspector,
  type InspectRecord,
} from "../../../js/inspect/index.js";
import { kindOf, NO_FILTER, sizeOf } from "./kinds.js";
import type {
  Detail,
  Filter,
  HandshakeHalf,
  Kind,
  LiveBytes,
  MessageRow,
  Overview,
  PayloadQuestion,
  Row,
} from "./protocol.js";

/** Bytes of a payload that a row shows. */
const PREVIEW = 120;
/** Bytes of a record that its detail shows as they are on the wire. */
const WIRE = 4096;
/** Frames of a message that its detail names. */
const FRAMES = 100;
/** Bytes of a payload that a text is looked for in. */
const SEARCHED = 1024 * 1024;
/** How long a filter works before it lets other questions in, in milliseconds. */
const SLICE = 50;

const EMPTY = new Uint8Array(0);

/** A connection's records, those that pass the filter, and their bytes. */
export class Conversation {
  readonly inspector: Inspector;
  /** The records that pass the filter; all if there is no filter. */
  #listed: Uint32Array | undefined;
  #filters = 0;
  readonly #faults = new Map<number, Fault[]>();
  #faultsRead = 0;
  #hasTimes = false;
  readonly #kinds: Partial<Record<Kind, number>> = {};
  #kindsRead = 0;

  constructor(extensions: string | undefined, { midStream = false, http2 = false }: Partial<Connection> = {}) {
    this.inspector = new Inspector({ extensions: extensions ?? "", midStream, http2 });
  }

  push({ direction, bytes, time, missing = 0 }: LiveBytes): void {
    this.#hasTimes ||= time !== 0;
    if (missing > 0) this.inspector.pushMissing(direction, missing, time);
    this.inspector.push(direction, bytes, time);
  }

  /** Gives the memory back; a filter that is at work ends. */
  free(): void {
    this.#filters += 1;
    this.inspector.free();
  }

  overview(): Overview {
    const { inspector } = this;
    return {
      records: inspector.recordCount,
      messages: inspector.messageCount,
      faults: inspector.faultCount,
      lengths: { toServer: inspector.length("toServer"), toClient: inspector.length("toClient") },
      extensions: inspector.extensions,
      hasTimes: this.#hasTimes,
      start: inspector.record(0)?.time ?? 0,
      kinds: this.#countKinds(),
    };
  }

  /** Records keep their kinds, so that only new ones are counted. */
  #countKinds(): Readonly<Partial<Record<Kind, number>>> {
    for (const record of this.inspector.records(this.#kindsRead)) {
      const kind = kindOf(record);
      this.#kinds[kind] = (this.#kinds[kind] ?? 0) + 1;
      this.#kindsRead += 1;
    }
    return { ...this.#kinds };
  }

  /** Resolves with how many records pass, or with nothing if the next filter came before it was done. */
  async filter(filter: Filter): Promise<number | undefined> {
    const number = ++this.#filters;
    if (JSON.stringify(filter) === JSON.stringify(NO_FILTER)) {
      this.#listed = undefined;
      return this.inspector.recordCount;
    }
    const passing: number[] = [];
    const passes = this.#test(filter);
    let pause = performance.now() + SLICE;
    for (const record of this.inspector.records()) {
      if (passes(record)) passing.push(record.index);
      if (record.index % 64 !== 0 || performance.now() < pause) continue;
      await new Promise((resolve) => setTimeout(resolve));
      if (number !== this.#filters) return undefined;
      pause = performance.now() + SLICE;
    }
    this.#listed = Uint32Array.from(passing);
    return passing.length;
  }

  #test({ kinds, direction, smallest, largest, text, faultsOnly }: Filter): (record: InspectRecord) => boolean {
    const wanted = text.toLowerCase();
    return (record) => {
      const size = sizeOf(record);
      return (
        (kinds.length === 0 || kinds.includes(kindOf(record))) &&
        (direction === undefined || record.direction === direction) &&
        size >= smallest &&
        size <= largest &&
        (!faultsOnly || this.#faultsOf(record.index).length > 0) &&
        (wanted === "" || this.#text(record, SEARCHED).toLowerCase().includes(wanted))
      );
    };
  }

  #text(record: InspectRecord, limit: number): string {
    return new TextDecoder().decode(this.inspector.payload(record, { limit }));
  }

  /** The listed records from one place to another. */
  rows(from: number, to: number): Row[] {
    const indices = this.#listed?.subarray(from, to) ?? range(from, Math.min(to, this.inspector.recordCount));
    return Array.from(indices, (index) => this.#row(this.inspector.record(index) as InspectRecord));
  }

  placeOf(record: number): number {
    if (this.#listed === undefined) return record;
    const place = this.#listed.findIndex((index) => index >= record);
    return place < 0 ? this.#listed.length : place;
  }

  nearest(record: number): number | undefined {
    if (this.#listed === undefined) return record < this.inspector.recordCount ? record : undefined;
    return this.#listed[Math.min(this.placeOf(record), this.#listed.length - 1)];
  }

  #row(record: InspectRecord): Row {
    const kind = kindOf(record);
    const message = this.#messageOf(record);
    return {
      record,
      kind,
      preview:
        preview(this.inspector.payload(record, { limit: PREVIEW }), message?.text ?? kind === "handshake", kind) +
        (record.missing > 0 ? ` [${record.missing} bytes missing]` : ""),
      compressed: message?.compressed ?? false,
      faulty: this.#faultsOf(record.index).length > 0,
    };
  }

  #messageOf(record: InspectRecord): InspectMessage | undefined {
    const index = record.type === "frame" ? record.message : undefined;
    return index === undefined ? undefined : this.inspector.message(index);
  }

  #faultsOf(record: number): readonly Fault[] {
    const { faultCount } = this.inspector;
    for (const fault of this.inspector.faults(this.#faultsRead, faultCount)) {
      const faults = this.#faults.get(fault.record);
      if (faults === undefined) this.#faults.set(fault.record, [fault]);
      else faults.push(fault);
    }
    this.#faultsRead = faultCount;
    return this.#faults.get(record) ?? [];
  }

  /** Nothing if there is no such record. */
  detail(index: number): Detail | undefined {
    const record = this.inspector.record(index);
    if (record === undefined) return undefined;
    const { direction, start, end } = record;
    const wire = this.inspector.bytes(direction, start, Math.min(end, start + WIRE));
    const message = this.#messageOf(record);
    return {
      row: this.#row(record),
      fields: record.type === "frame" && wire.length >= record.headerSize ? explain(record, wire) : [],
      wire,
      available: Math.max(0, Math.min(end, this.inspector.length(direction)) - start),
      message,
      frames: message === undefined ? [] : this.#framesOf(message),
      faults: this.#faultsOf(index),
    };
  }

  #framesOf(message: InspectMessage): number[] {
    const frames: number[] = [];
    for (const record of this.inspector.records(message.first, message.last + 1)) {
      if (record.type === "frame" && record.message === message.index) frames.push(record.index);
      if (frames.length === FRAMES) break;
    }
    return frames;
  }

  payload({ of, index, stage, limit }: PayloadQuestion): Uint8Array {
    const what = of === "record" ? this.inspector.record(index) : this.inspector.message(index);
    return what === undefined ? EMPTY : this.inspector.payload(what, { stage, limit });
  }

  handshake(): Record<Direction, HandshakeHalf> {
    const heads = { toServer: "", toClient: "" };
    const firsts = new Set<Direction>();
    for (const record of this.inspector.records()) {
      if (!firsts.has(record.direction) && (record.type === "request" || record.type === "response")) {
        heads[record.direction] = latin1(this.inspector.bytes(record.direction, record.start, record.end));
      }
      if (firsts.add(record.direction).size === 2) break;
    }
    const half = (direction: Direction) => ({ head: heads[direction], checks: this.inspector.checks(direction) });
    return { toServer: half("toServer"), toClient: half("toClient") };
  }

  messages(from: number, to: number): MessageRow[] {
    return Array.from(this.inspector.messages(from, Math.min(to, this.inspector.messageCount)), (message) => {
      const first = this.inspector.record(message.first) as FrameRecord;
      const payload = this.inspector.payload(message, { limit: PREVIEW });
      return { message, time: first.time, preview: preview(payload, message.text, "binary") };
    });
  }
}

function* range(from: number, to: number): Generator<number> {
  for (let index = from; index < to; index++) yield index;
}

/** As text where it is one; a close without its status. */
function preview(payload: Uint8Array, isText: boolean, kind: string): string {
  const text = kind === "close" ? payload.subarray(2) : payload;
  const isReadable = isText || kind === "close" || text.every((byte) => byte >= 0x20 && byte < 0x7f);
  if (isReadable) return new TextDecoder().decode(text).replaceAll(/\s+/g, " ");
  return Array.from(payload.subarray(0, 40), (byte) => byte.toString(16).padStart(2, "0")).join(" ");
}

/** Bytes as characters of their numbers. */
function latin1(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
}
