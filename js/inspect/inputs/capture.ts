/**
 * Reads a capture, whatever its format is.
 *
 * @module
 */
import { CaptureError } from "../errors.js";
import { Inspector, type InspectorOptions } from "../inspector.js";
import type { Direction } from "../records.js";
import type { Connection, Piece } from "./connection.js";
import { harConnections, isHar } from "./har.js";
import { isPcap, isPcapng, pcapngPackets, pcapPackets } from "./packets.js";
import { isRecorded, recordedConnections } from "./recorded.js";
import { areFrames, connectionsOf } from "./tcp.js";
import { isBase64, isDump, isHex, parseBase64, parseDump, parseHex } from "./text.js";

/** The formats of captures; `"recorded"` is what `--record` writes, `"raw"` the bytes of one direction. */
export type Format = "pcap" | "pcapng" | "har" | "recorded" | "dump" | "hex" | "base64" | "raw";

/** How to read a capture. */
export interface ReadOptions {
  /** By default it is recognised by its content. */
  format?: Format;
  /** Of raw bytes, hex and Base64: which way they went. By default, what their first bytes say. */
  direction?: Direction;
  /** Gives the bytes of another file that a capture names: Playwright's HARs have their messages beside them. */
  beside?: (name: string) => Uint8Array | undefined;
}

/** What is in a capture. */
export interface Capture {
  /** What it was read as. */
  readonly format: Format;
  /** Those of WebSocket. */
  readonly connections: readonly Connection[];
  /** How many connections, or entries of a HAR, are none of WebSocket. */
  readonly skipped: number;
}

/**
 * Reads a capture. Where it has bytes as they were, those of the result are parts of it, not copies.
 *
 * @throws CaptureError if it is empty, or not what its format asks for
 */
export function readCapture(given: Uint8Array, options: ReadOptions = {}): Capture {
  // parts of a Node Buffer would be Buffers, which take longer to make
  const bytes = new Uint8Array(given.buffer, given.byteOffset, given.length);
  if (bytes.length === 0) throw new CaptureError("WS_ERR_CAPTURE_UNKNOWN", "There are no bytes");
  const format = options.format ?? formatOf(bytes);
  const found = read(format, bytes, options);
  return { format, skipped: 0, ...found };
}

function read(
  format: Format,
  bytes: Uint8Array,
  { direction, beside = () => undefined }: ReadOptions,
): { connections: Connection[]; skipped?: number } {
  switch (format) {
    case "pcap":
      if (!isPcap(bytes)) throw notThis(format);
      return connectionsOf(bytes, pcapPackets(bytes));
    case "pcapng":
      if (!isPcapng(bytes)) throw notThis(format);
      return connectionsOf(bytes, pcapngPackets(bytes));
    case "har": {
      const value = jsonOf(textOf(bytes));
      if (!isHar(value)) throw notThis(format);
      return harConnections(value, beside);
    }
    case "recorded":
      return { connections: recordedConnections(textOf(bytes)) };
    case "dump": {
      const parts = parseDump(textOf(bytes));
      const all = parts.flatMap((part) => [...part.bytes]);
      if (parts[0]?.direction === undefined) return oneWay(Uint8Array.from(all), direction);
      return { connections: [connectionOf(parts.map((part) => piece(part.direction as Direction, part.bytes)))] };
    }
    case "hex":
      return oneWay(parseHex(textOf(bytes)), direction);
    case "base64":
      return oneWay(parseBase64(textOf(bytes)), direction);
    case "raw":
      return oneWay(bytes, direction);
  }
}

/** What is looked at to tell text from bytes. */
const LOOK = 64 * 1024;

function formatOf(bytes: Uint8Array): Format {
  if (isPcap(bytes)) return "pcap";
  if (isPcapng(bytes)) return "pcapng";
  const start = bytes.subarray(0, LOOK);
  // bytes above 0x7f are part of a text, in a HAR
  if (start.some((byte) => byte < 0x09 || (byte > 0x0d && byte < 0x20) || byte === 0x7f)) return "raw";
  const text = textOf(bytes);
  if (isRecorded(text)) return "recorded";
  if (/^\s*\{/.test(text) && isHar(jsonOf(text))) return "har";
  if (isDump(text)) return "dump";
  if (isHex(text)) return "hex";
  return isBase64(text) ? "base64" : "raw";
}

/** Without a byte order mark. */
function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function notThis(format: Format): CaptureError {
  return new CaptureError("WS_ERR_CAPTURE_MALFORMED", `This is no ${format} file`);
}

function oneWay(bytes: Uint8Array, direction: Direction = guessedDirection(bytes)): { connections: Connection[] } {
  return { connections: [connectionOf([piece(direction, bytes)])] };
}

/** A response's head and unmasked frames are a server's. */
function guessedDirection(bytes: Uint8Array): Direction {
  const text = new TextDecoder("latin1").decode(bytes.subarray(0, 5));
  if (text === "HTTP/") return "toClient";
  if (/^[C-Z]/.test(text)) return "toServer";
  if (areFrames(bytes.subarray(0, LOOK), false)) return "toClient";
  return ((bytes[1] ?? 0x80) & 0x80) === 0 ? "toClient" : "toServer";
}

function piece(direction: Direction, bytes: Uint8Array): Piece {
  return { direction, bytes, time: 0, missing: 0 };
}

function connectionOf(pieces: Piece[]): Connection {
  return { client: "", server: "", pieces, synthetic: false };
}

/** An inspector that has read the whole connection. */
export function inspectConnection(connection: Connection, options: InspectorOptions = {}): Inspector {
  const inspector = new Inspector(options);
  for (const { direction, bytes, time, missing } of connection.pieces) {
    if (missing > 0) inspector.pushMissing(direction, missing, time);
    inspector.push(direction, bytes, time);
  }
  inspector.finish();
  return inspector;
}
