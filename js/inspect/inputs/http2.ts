/**
 * WebSocket over HTTP/2 (RFC 8441): each stream that a CONNECT with the protocol `websocket` opens is a connection.
 *
 * @module
 */
import { FieldDecoder } from "../inspector.js";
import type { Direction } from "../records.js";
import type { Connection, Note } from "./connection.js";
import { Flow, joined, type Moment, type Part, piecesIn } from "./flow.js";

const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const Frame = { Data: 0, Headers: 1, Reset: 3, PushPromise: 5, Continuation: 9 } as const;
const Flag = { Padded: 0x08, EndHeaders: 0x04, Priority: 0x20 } as const;

type Fields = readonly (readonly [name: string, value: string])[];

/** The fields of a head. */
interface Head extends Moment {
  readonly fields: Fields;
}

/** A stream, as far as it concerns WebSocket. */
interface Stream {
  request?: Head;
  response?: Head;
  readonly data: Readonly<Record<Direction, Part[]>>;
  readonly notes: Note[];
}

export function isHttp2(bytes: Uint8Array): boolean {
  return new TextDecoder("latin1").decode(bytes.subarray(0, PREFACE.length)) === PREFACE;
}

/** The connections of WebSocket in the streams of a connection of HTTP/2. */
export function http2Connections(
  { client, server }: Pick<Connection, "client" | "server">,
  toServer: Flow,
  toClient: Flow,
  notes: readonly Note[],
): Connection[] {
  const streams = new Map<number, Stream>();
  const problems = [
    ...new Reader(toServer, "toServer", streams).read(PREFACE.length),
    ...new Reader(toClient, "toClient", streams).read(0),
  ];
  return [...streams].flatMap(([number, { request, response, data, notes: own }]) => {
    if (request === undefined || !isWebSocket(request.fields)) return [];
    const line = `CONNECT ${fieldOf(request.fields, ":path")} HTTP/2`;
    const heads = response === undefined ? [] : [headOf(`HTTP/2 ${fieldOf(response.fields, ":status")}`, response)];
    const pieces = piecesIn(
      new Flow([headOf(line, request), ...data.toServer], true),
      new Flow([...heads, ...data.toClient], true),
    );
    const stream = { text: `Stream ${number} of HTTP/2; the heads are shown as text`, time: request.time };
    const all = [...notes, stream, ...own, ...problems];
    return [{ client, server, pieces, synthetic: false, http2: true, notes: all }];
  });
}

function isWebSocket(fields: Fields): boolean {
  return fieldOf(fields, ":method") === "CONNECT" && fieldOf(fields, ":protocol").toLowerCase() === "websocket";
}

function fieldOf(fields: Fields, name: string): string {
  return fields.find(([found]) => found === name)?.[1] ?? "";
}

/** As the inspector takes it; what would break a line cannot be in a field. */
function headOf(line: string, { fields, time, order }: Head): Part {
  const lines = [line, ...fields.map(([name, value]) => `${name}: ${value}`)];
  const text = lines.map((one) => one.replace(/[\r\n]/g, " ")).join("\r\n");
  return { bytes: new TextEncoder().encode(`${text}\r\n\r\n`), time, order, missing: 0 };
}

/** Reads one direction's frames (RFC 9113 §4.1). */
class Reader {
  readonly #flow: Flow;
  readonly #direction: Direction;
  readonly #streams: Map<number, Stream>;
  readonly #decoder = new FieldDecoder();
  /** A block of fields that goes on in the next frame. */
  #block: { stream: number; parts: Uint8Array[]; isPromise: boolean } | undefined;
  /** Whether the fields can be read: each block of them may refer to all before it. */
  #isReadable = true;
  readonly #problems: Note[] = [];

  constructor(flow: Flow, direction: Direction, streams: Map<number, Stream>) {
    this.#flow = flow;
    this.#direction = direction;
    this.#streams = streams;
  }

  /** Returns what could not be read. */
  read(start: number): Note[] {
    for (let at = start; at < this.#flow.length; ) {
      const header = this.#flow.read(at, 9);
      if (header.length < 9) {
        if (this.#flow.missing(at + header.length) > 0) this.#miss("what follows cannot be read", at);
        break;
      }
      const view = new DataView(header.buffer, header.byteOffset, 9);
      const [length, stream] = [view.getUint32(0) >>> 8, view.getUint32(5) & 0x7fffffff];
      this.#frame(view.getUint8(3), view.getUint8(4), stream, at + 9, length);
      at += 9 + length;
    }
    this.#decoder.free();
    return this.#problems;
  }

  #miss(what: string, place: number): void {
    const text = `${this.#side}'s bytes have a gap in the frames of HTTP/2: ${what}`;
    this.#problems.push({ text, time: this.#flow.time(place) });
  }

  #frame(type: number, flags: number, stream: number, start: number, length: number): void {
    if (type === Frame.Data) {
      this.#data(stream, flags, start, length);
      return;
    }
    const payload = this.#flow.read(start, length);
    const moment = this.#flow.moment(start);
    const isWhole = payload.length === length;
    switch (type) {
      case Frame.Headers: {
        const bytes = unpadded(payload, flags);
        this.#block = { stream, parts: [flags & Flag.Priority ? bytes.subarray(5) : bytes], isPromise: false };
        break;
      }
      case Frame.PushPromise:
        this.#block = { stream, parts: [unpadded(payload, flags).subarray(4)], isPromise: true };
        break;
      case Frame.Continuation:
        if (this.#block === undefined) return;
        this.#block.parts.push(payload);
        break;
      case Frame.Reset: {
        const text = `${this.#side} has reset the stream`;
        this.#streams.get(stream)?.notes.push({ text, time: moment.time });
        return;
      }
      default:
        return;
    }
    if (!isWhole && this.#isReadable) {
      this.#isReadable = false;
      this.#miss("streams that begin there or later cannot be read", start);
    }
    if (flags & Flag.EndHeaders) this.#fields(moment);
  }

  get #side(): string {
    return this.#direction === "toServer" ? "The client" : "The server";
  }

  /** What is there of the data, and what is missing of it. */
  #data(number: number, flags: number, start: number, length: number): void {
    const parts = this.#streams.get(number)?.data[this.#direction];
    const [padding = 0] = flags & Flag.Padded ? this.#flow.read(start, 1) : [];
    const end = Math.min(start + length - padding, this.#flow.length);
    for (let at = flags & Flag.Padded ? start + 1 : start; at < end; ) {
      const missing = Math.min(this.#flow.missing(at), end - at);
      const bytes = this.#flow.read(at + missing, end - at - missing);
      parts?.push({ bytes, ...this.#flow.moment(at + missing), missing });
      at += missing + bytes.length;
    }
  }

  #fields(moment: Moment): void {
    const block = this.#block;
    this.#block = undefined;
    const fields = block && this.#isReadable ? this.#decoder.decode(joined(block.parts)) : undefined;
    if (fields === undefined) this.#isReadable = false;
    if (fields === undefined || block === undefined || block.isPromise) return;
    const stream: Stream = this.#streams.get(block.stream) ?? { data: { toServer: [], toClient: [] }, notes: [] };
    this.#streams.set(block.stream, stream);
    if (this.#direction === "toServer") stream.request ??= { fields, ...moment };
    // an interim response comes before the one that counts
    else if (!/^1/.test(fieldOf(fields, ":status"))) stream.response ??= { fields, ...moment };
  }
}

function unpadded(payload: Uint8Array, flags: number): Uint8Array {
  if ((flags & Flag.Padded) === 0) return payload;
  return payload.subarray(1, Math.max(1, payload.length - (payload[0] ?? 0)));
}
