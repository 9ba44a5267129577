/**
 * What the page and its worker say to each other. The worker has the capture and the inspector; the page asks for the
 * few rows that it shows.
 *
 * @module
 */
import type {
  AgreedExtensions,
  Direction,
  Fault,
  Format,
  HandshakeCheck,
  HeaderFieldBits,
  InspectMessage,
  InspectRecord,
  PayloadStage,
} from "../../../js/inspect/index.js";

/** Something to read: files, or bytes that were pasted or shared. */
export interface Source {
  readonly name: string;
  /** Several that have the bytes of one direction each make one connection. */
  readonly contents: readonly Blob[];
  /** By default they are recognised by the content. */
  readonly format?: Format | undefined;
  readonly direction?: Direction | undefined;
  /** The response's `Sec-WebSocket-Extensions`, where there is no handshake. */
  readonly extensions?: string | undefined;
}

/** What was read. */
export interface CaptureSummary {
  readonly name: string;
  readonly format: Format | "live";
  readonly connections: readonly ConnectionSummary[];
  /** Connections that are none of WebSocket. */
  readonly skipped: number;
}

/** A connection, as a list of them shows it. */
export interface ConnectionSummary {
  readonly client: string;
  readonly server: string;
  /** Bytes both ways. */
  readonly size: number;
  /** Places where bytes are missing. */
  readonly gaps: number;
  /** The bytes were made of messages. */
  readonly synthetic: boolean;
  /** What the capture tells beside its bytes, such as a browser's error. */
  readonly notes: readonly string[];
}

/** What is known of the chosen connection. */
export interface Overview {
  readonly records: number;
  readonly messages: number;
  readonly faults: number;
  /** Bytes by direction. */
  readonly lengths: Readonly<Record<Direction, number>>;
  readonly extensions: AgreedExtensions;
  /** Whether its bytes have times. */
  readonly hasTimes: boolean;
  /** The time of the first record. */
  readonly start: number;
  /** How many records there are of each kind that occurs. */
  readonly kinds: Readonly<Partial<Record<Kind, number>>>;
}

/** The kinds of records that a filter knows: opcodes by their names, and what is not a frame. */
export type Kind = "handshake" | "text" | "binary" | "continuation" | "close" | "ping" | "pong" | "reserved" | "bytes";

/** Which records to list. */
export interface Filter {
  /** None stands for all. */
  readonly kinds: readonly Kind[];
  readonly direction: Direction | undefined;
  /** Bytes of the payload, both included. */
  readonly smallest: number;
  readonly largest: number;
  /** What the payload, as text, must contain, in any case of letters. */
  readonly text: string;
  readonly faultsOnly: boolean;
}

/** A row of the list. */
export interface Row {
  readonly record: InspectRecord;
  readonly kind: Kind;
  /** The beginning of the payload, as text or as hex. */
  readonly preview: string;
  /** The message that it belongs to is compressed. */
  readonly compressed: boolean;
  readonly faulty: boolean;
}

/** All that is shown of one record. */
export interface Detail {
  readonly row: Row;
  /** The header of a frame. */
  readonly fields: readonly HeaderFieldBits[];
  /** Its bytes as they are on the wire: the beginning, if there are many. */
  readonly wire: Uint8Array;
  /** How many of its bytes have come: fewer than it announces, if it is cut. */
  readonly available: number;
  readonly message: InspectMessage | undefined;
  /** The indices of the message's frames; of very many, the first ones. */
  readonly frames: readonly number[];
  readonly faults: readonly Fault[];
}

/** Whose payload to give out. */
export interface PayloadQuestion {
  readonly of: "record" | "message";
  readonly index: number;
  readonly stage: PayloadStage;
  readonly limit: number;
}

/** One half of the handshake. */
export interface HandshakeHalf {
  /** Bytes as Latin-1; empty if there is none. */
  readonly head: string;
  readonly checks: readonly HandshakeCheck[];
}

/** A message, as the list of messages shows it. */
export interface MessageRow {
  readonly message: InspectMessage;
  readonly time: number;
  readonly preview: string;
}

/** A slice of the timeline, of one direction. */
export interface Bin {
  /** The first record in it; -1 if there is none. */
  readonly first: number;
  readonly records: number;
  readonly bytes: number;
  /** What it is made of: several kinds share its height. */
  readonly parts: readonly BinPart[];
  readonly faulty: boolean;
}

/** The records of one kind in a slice of the timeline. */
export interface BinPart {
  readonly kind: Kind;
  readonly first: number;
  readonly records: number;
}

/** Both directions, in slices of the same time, or of the same number of records where there are no times. */
export interface Timeline {
  readonly bins: Readonly<Record<Direction, readonly Bin[]>>;
  readonly start: number;
  readonly end: number;
  /** Whether the slices are of time: without times, or at one instant, they are of records. */
  readonly isTimed: boolean;
}

/** A value over time, of a record. */
export interface Sample {
  readonly record: number;
  /** Milliseconds from the first record, or its number. */
  readonly at: number;
  readonly value: number;
  readonly direction: Direction;
}

/** Frames of a kind. */
export interface Tally {
  readonly kind: Kind;
  readonly direction: Direction;
  readonly count: number;
  readonly headerBytes: number;
  readonly payloadBytes: number;
}

/** Values over the connection. */
export interface Series {
  /** Thinned out, if there are many; empty without values. */
  readonly samples: readonly Sample[];
  /** The median, the 95th and 99th percentile and the greatest of all values, by their names. */
  readonly percentiles: readonly (readonly [name: string, value: number])[];
}

/** Figures of a connection. */
export interface Statistics {
  readonly tallies: readonly Tally[];
  readonly messages: { readonly count: number; readonly wireBytes: number; readonly bytes: number };
  /** Payload bytes of data frames. */
  readonly sizes: Series;
  /** Of compressed messages: bytes on the wire for a byte of the message. */
  readonly ratios: Series;
  /** Milliseconds from a ping to its pong. */
  readonly roundTrips: Series;
}

/** Bytes that came on a live connection. */
export interface LiveBytes {
  readonly direction: Direction;
  readonly bytes: Uint8Array;
  readonly time: number;
  /** How many bytes of the direction before these were dropped; 0 by default. */
  readonly missing?: number;
}

/** What a live connection is before anything has come. */
export interface LiveConnection {
  readonly client: string;
  readonly server: string;
  /** The frames are made from messages, because the source does not show frames. */
  readonly synthetic: boolean;
  /** It is a stream of HTTP/2. */
  readonly http2?: boolean;
}

/** What the worker can be asked. All answer by a promise, one after the other. */
export interface Requests {
  open(source: Source): Promise<CaptureSummary>;
  /** Begins a live connection. */
  openLive(connection: LiveConnection): CaptureSummary;
  push(bytes: readonly LiveBytes[]): Overview;
  select(connection: number): Overview;
  /** How many records pass; `undefined` if another filter came meanwhile. */
  filter(filter: Filter): Promise<number | undefined>;
  rows(from: number, to: number): Row[];
  /** The place of a record among the listed ones; of one that is not listed, that of the next one. */
  placeOf(record: number): number;
  /** The record that is listed, or the nearest listed one; nothing if none is. */
  nearest(record: number): number | undefined;
  /** Nothing if there is no such record, as of a capture that was replaced meanwhile. */
  detail(record: number): Detail | undefined;
  payload(question: PayloadQuestion): Uint8Array;
  handshake(): Record<Direction, HandshakeHalf>;
  faults(from: number, to: number): Fault[];
  messages(from: number, to: number): MessageRow[];
  timeline(bins: number): Timeline;
  statistics(): Statistics;
  /** All records, messages and faults, as JSON; with the handshake's secrets masked, if that is asked for. */
  exportJson(masksSecrets: boolean): Blob;
  /** The bytes, in the format that `--record` writes. */
  exportCapture(masksSecrets: boolean): Blob;
}

/** A question. */
export interface Call {
  readonly id: number;
  readonly name: keyof Requests;
  readonly given: readonly unknown[];
}

/** Its answer. */
export interface Answer {
  readonly id: number;
  readonly value?: unknown;
  /** Why there is none. */
  readonly error?: string;
}
