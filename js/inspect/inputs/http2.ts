/**
 * WebSocket over HTTP/2 (RFC 8441): each stream that a CONNECT with the protocol `websocket` opens is a connection.
 *
 * @module
 */
import { concat } from "../../engine/bytes.js";
import { FieldDecoder } from "../inspector.js";
import type { Direction } from "../records.js";
import type { Connection, Note, Piece } from "./connection.js";
import type { Flow } from "./flow.js";

const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const Frame = { Data: 0, Headers: 1, Reset: 3, PushPromise: 5, Continuation: 9 } as const;
const Flag = { Padded: 0x08, EndHeaders: 0x04, Priority: 0x20 } as const;

type Fields = readonly (readonly [name: string, value: string])[];

/** A stream, as far as it concerns WebSocket. */
interface Stream {
  request?: { readonly fields: Fields; readonly time: number };
  response?: { readonly fields: Fields; readonly time: number };
  readonly pieces: Piece[];
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
  new Reader(toServer, "toServer", streams).read(PREFACE.length);
  new Reader(toClient, "toClient", streams).read(0);
  return [...streams].flatMap(([number, { request, response, pieces, notes: own }]) => {
    if (request === undefined || !isWebSocket(request.fields)) return [];
    const heads: Piece[] = [headOf("toServer", requestLine(request.fields), request)];
    if (response !== undefined)
      heads.push(headOf("toClient", `HTTP/2 ${fieldOf(response.fields, ":status")}`, response));
    const all = [...heads, ...pieces].toSorted((one, other) => one.time - other.time);
    const stream = { text: `Stream ${number} of HTTP/2; the heads are shown as text`, time: request.time };
    return [{ client, server, pieces: all, synthetic: false, http2: true, notes: [...notes, stream, ...own] }];
  });
}

function isWebSocket(fields: Fields): boolean {
  return fieldOf(fields, ":method") === "CONNECT" && fieldOf(fields, ":protocol").toLowerCase() === "websocket";
}

function fieldOf(fields: Fields, name: string): string {
  return fields.find(([found]) => found === name)?.[1] ?? "";
}

function requestLine(fields: Fields): string {
  return `CONNECT ${fieldOf(fields, ":path")} HTTP/2`;
}

/** As the inspector takes it; what would break a line cannot be in a field. */
function headOf(direction: Direction, line: string, { fields, time }: { fields: Fields; time: number }): Piece {
  const lines = [line, ...fields.map(([name, value]) => `${name}: ${value}`)];
  const text = lines.map((one) => one.replace(/[\r\n]/g, " ")).join("\r\n");
  return { direction, bytes: new TextEncoder().encode(`${text}\r\n\r\n`), time, missing: 0 };
}

/** Reads one direction's frames (RFC 9113 §4.1). */
class Reader {
  readonly #flow: Flow;
  readonly #direction: Direction;
  readonly #streams: Map<number, Stream>;
  readonly #decoder = new FieldDecoder();
  /** A block of fields that goes on in the next frame. */
  #block: { stream: number; bytes: Uint8Array; isPromise: boolean } | undefined;
  #isReadable = true;

  constructor(flow: Flow, direction: Direction, streams: Map<number, Stream>) {
    this.#flow = flow;
    this.#direction = direction;
    this.#streams = streams;
  }

  read(start: number): void {
    for (let at = start; this.#isReadable; ) {
      const header = this.#flow.read(at, 9);
      if (header.length < 9) break;
      const view = new DataView(header.buffer, header.byteOffset, 9);
      const length = view.getUint32(0) >>> 8;
      const payload = this.#flow.read(at + 9, length);
      if (payload.length < length) break;
      const stream = view.getUint32(5) & 0x7fffffff;
      this.#frame(view.getUint8(3), view.getUint8(4), stream, payload, this.#flow.time(at));
      at += 9 + length;
    }
    this.#decoder.free();
  }

  #frame(type: number, flags: number, stream: number, payload: Uint8Array, time: number): void {
    switch (type) {
      case Frame.Data:
        this.#data(stream, unpadded(payload, flags), time);
        return;
      case Frame.Headers: {
        const bytes = unpadded(payload, flags);
        this.#block = { stream, bytes: flags & Flag.Priority ? bytes.subarray(5) : bytes, isPromise: false };
        break;
      }
      case Frame.PushPromise:
        this.#block = { stream, bytes: unpadded(payload, flags).subarray(4), isPromise: true };
        break;
      case Frame.Continuation:
        if (this.#block === undefined) return;
        this.#block = { ...this.#block, bytes: concat(this.#block.bytes, payload) };
        break;
      case Frame.Reset:
        this.#streams.get(stream)?.notes.push({ text: `${this.#side} has reset the stream`, time });
        return;
      default:
        return;
    }
    if (flags & Flag.EndHeaders) this.#fields(time);
  }

  get #side(): string {
    return this.#direction === "toServer" ? "The client" : "The server";
  }

  #data(stream: number, bytes: Uint8Array, time: number): void {
    const found = this.#streams.get(stream);
    if (found === undefined || bytes.length === 0) return;
    found.pieces.push({ direction: this.#direction, bytes, time, missing: 0 });
  }

  #fields(time: number): void {
    const block = this.#block;
    if (block === undefined) return;
    this.#block = undefined;
    const fields = this.#decoder.decode(block.bytes);
    // later blocks refer to fields of this one
    if (fields === undefined) this.#isReadable = false;
    if (fields === undefined || block.isPromise) return;
    const stream: Stream = this.#streams.get(block.stream) ?? { pieces: [], notes: [] };
    this.#streams.set(block.stream, stream);
    if (this.#direction === "toServer") stream.request ??= { fields, time };
    // an interim response comes before the one that counts
    else if (!/^1/.test(fieldOf(fields, ":status"))) stream.response ??= { fields, time };
  }
}

function unpadded(payload: Uint8Array, flags: number): Uint8Array {
  if ((flags & Flag.Padded) === 0) return payload;
  return payload.subarray(1, Math.max(1, payload.length - (payload[0] ?? 0)));
}
