/**
 * Reads a capture, whatever its format is.
 *
 * @module
 */
import { CaptureError } from "../errors.js";
import { Inspector, type InspectorOptions } from "../inspector.js";
import type { Direction } from "../records.js";
import { filesOf, isGzip, isZip, type Packed, unzipped } from "./archive.js";
import type { Connection, Piece } from "./connection.js";
import { joined } from "./flow.js";
import { areFrames, isWholeFrames } from "./guess.js";
import { harConnections, isHar } from "./har.js";
import { isRequest, isResponse } from "./http.js";
import { SegmentReader } from "./packets.js";
import { isPcap, isPcapng, isSnoop, type Packet, pcapngPackets, pcapPackets, snoopPackets } from "./pcap.js";
import { isRecorded, recordedConnections } from "./recorded.js";
import { connectionsOf } from "./streams.js";
import { TcpStreams } from "./tcp.js";
import { isBase64, isDump, isHex, parseBase64, parseDump, parseHex } from "./text.js";
import { KeyLog } from "./tls.js";

/** The formats of captures; `"recorded"` is what `--record` writes, `"raw"` the bytes of one direction. */
export type Format = "pcap" | "pcapng" | "snoop" | "har" | "recorded" | "dump" | "hex" | "base64" | "raw";

/** How to read a capture. */
export interface ReadOptions {
  /** By default it is recognised by its content. */
  format?: Format | undefined;
  /** Of raw bytes, hex and Base64: which way they went. By default, what their first bytes say. */
  direction?: Direction | undefined;
  /** The response's `Sec-WebSocket-Extensions`, where the capture does not have it. */
  extensions?: string | undefined;
  /** A key log (`SSLKEYLOGFILE`), which decrypts TLS 1.2 and 1.3; beside those that a pcapng file has itself. */
  keys?: string | undefined;
  /** Of packets: what goes to and from this port is WebSocket, whatever it looks like. */
  port?: number | undefined;
  /** Gives the bytes of another file that a capture names: Playwright's HARs have their messages beside them. */
  beside?: ((name: string) => Uint8Array | undefined) | undefined;
}

/** The content of a capture. */
export interface Capture {
  /** The format that it was read as. */
  readonly format: Format;
  /** Those of WebSocket. */
  readonly connections: readonly Connection[];
  /** How many connections, or entries of a HAR, are none of WebSocket. */
  readonly skipped: number;
  /** What else there is to say of it, such as what it has that cannot be read; nothing by default. */
  readonly notes?: readonly string[];
}

type Found = Omit<Capture, "format" | "skipped"> & { readonly skipped?: number };

/**
 * Reads a capture. Where it has bytes as they were, those of the result are parts of it, not copies.
 *
 * @throws CaptureError if it is empty, or not what its format asks for
 */
export function readCapture(given: Uint8Array, options: ReadOptions = {}): Capture {
  // parts of a Node Buffer would be Buffers, which take longer to make
  const bytes = new Uint8Array(given.buffer, given.byteOffset, given.length);
  if (bytes.length === 0) throw new CaptureError(UNKNOWN, "The input is empty");
  if (options.format === undefined && isGzip(bytes)) return readCapture(unzipped(bytes), options);
  if (options.format === undefined && isZip(bytes)) return readArchive(filesOf(bytes), options);
  const format = options.format ?? formatOf(bytes) ?? (options.direction === undefined ? undefined : "raw");
  if (format === undefined) throw new CaptureError(UNKNOWN, unknownFormat(bytes));
  return { format, skipped: 0, ...read(format, bytes, options) };
}

/** What to do with a file of no known format. */
function unknownFormat(bytes: Uint8Array): string {
  const start = String.fromCharCode(...bytes.subarray(0, 6));
  const packer = PACKERS.find(([magic]) => start.startsWith(magic))?.[1];
  if (packer !== undefined) return `The file is packed by ${packer}: unpack it first`;
  if (/^\s*\{\s*"log"/.test(textOf(bytes.subarray(0, 100)))) return "The file begins as a HAR, and is not a whole one";
  return "The format is not known; the format raw reads the input as the bytes of one direction";
}

/** Those that are not unpacked here, by their first bytes. */
const PACKERS = [
  ["\xfd7zXZ", "xz"],
  ["\x28\xb5\x2f\xfd", "zstd"],
  ["BZh", "bzip2"],
  ["7z\xbc\xaf", "7-Zip"],
] as const;

/** The first file of an archive that is a capture; others may be what it has beside it. */
function readArchive(files: readonly Packed[], options: ReadOptions): Capture {
  const problems: string[] = [];
  for (const file of files.toSorted((one, other) => Number(isNamedHar(other)) - Number(isNamedHar(one)))) {
    const folder = file.name.slice(0, file.name.lastIndexOf("/") + 1);
    const beside = (name: string) => files.find((other) => other.name === folder + name)?.unpack();
    try {
      return readCapture(file.unpack(), { ...options, beside });
    } catch (error) {
      if (!(error instanceof CaptureError)) throw error;
      problems.push(`${file.name}: ${error.message}`);
    }
  }
  throw new CaptureError(UNKNOWN, `No file in the zip archive can be read: ${problems.slice(0, 9).join("; ")}`);
}

function isNamedHar({ name }: Packed): boolean {
  return /\.har$/i.test(name);
}

function read(format: Format, bytes: Uint8Array, options: ReadOptions): Found {
  const { direction, beside = () => undefined } = options;
  switch (format) {
    case "pcap":
      if (!isPcap(bytes)) throw notThis(format);
      return inPackets(bytes, (_, tell) => pcapPackets(bytes, tell), options);
    case "pcapng":
      if (!isPcapng(bytes)) throw notThis(format);
      return inPackets(bytes, (keys, tell) => pcapngPackets(bytes, tell, (text) => keys.add(text)), options);
    case "snoop":
      if (!isSnoop(bytes)) throw notThis(format);
      return inPackets(bytes, (_, tell) => snoopPackets(bytes, tell), options);
    case "har": {
      const value = jsonOf(textOf(bytes));
      if (!isHar(value)) throw notThis(format);
      return harConnections(value, beside);
    }
    case "recorded":
      return { connections: recordedConnections(textOf(bytes)) };
    case "dump": {
      const parts = parseDump(textOf(bytes));
      if (parts[0]?.direction === undefined) return oneWay(joined(parts.map(({ bytes }) => bytes)), direction);
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

type ReadPackets = (keys: KeyLog, tell: (place: number) => void) => Iterable<Packet>;

function inPackets(file: Uint8Array, packets: ReadPackets, options: ReadOptions): Found {
  const notes: string[] = [];
  const keys = new KeyLog();
  keys.add(options.keys ?? "");
  const reader = new SegmentReader(file);
  const streams = new TcpStreams();
  let count = 0;
  const tell = (place: number) => notes.push(`The file is cut or corrupt at byte ${place}, and is read up to there`);
  for (const packet of packets(keys, tell)) {
    count += 1;
    const segment = reader.read(packet);
    if (segment !== undefined) streams.take(segment);
  }
  const found = streams.finish().map((stream) => connectionsOf(stream, { ...options, keys }));
  if (count === 0) notes.push("There are no packets in it");
  else if (found.length === 0) notes.push("No packet has TCP in it that can be read");
  for (const [kind, number] of reader.unread) notes.push(`${counted(number, "packet")} not read: ${kind}`);
  if (reader.unassembled > 0)
    notes.push(`${counted(reader.unassembled, "fragmented packet")} not read: a part is missing`);
  if (reader.cut > 0) notes.push(`${counted(reader.cut, "packet")} cut: tcpdump -s 0 captures them whole`);
  notes.push(...encryptedNotes(found.flatMap(({ encrypted }) => encrypted ?? [])));
  const unknown = found.filter(({ needsExtensions }) => needsExtensions).length;
  if (unknown > 0) {
    const what = `${counted(unknown, "connection")} with compressed messages and without a handshake`;
    notes.push(`${what}: the extensions permessage-deflate, if they are given, have them decompressed`);
  }
  return {
    connections: found.flatMap(({ connections }) => connections),
    skipped: found.filter(({ connections }) => connections.length === 0).length,
    notes,
  };
}

/** One for each reason. */
function encryptedNotes(reasons: readonly string[]): string[] {
  return [...new Set(reasons)].map((reason) => {
    const count = reasons.filter((other) => other === reason).length;
    const hint = "; a key log, as browsers and Node write it (SSLKEYLOGFILE, --tls-keylog), decrypts TLS 1.2 and 1.3";
    return `${counted(count, "connection")} encrypted by TLS: ${reason}${/key/.test(reason) ? hint : ""}`;
  });
}

function counted(count: number, what: string): string {
  return count === 1 ? `One ${what}` : `${count} ${what}s`;
}

/** The bytes that decide whether a file is text. */
const LOOK = 64 * 1024;

/** Nothing if it is none that is known. */
function formatOf(bytes: Uint8Array): Format | undefined {
  if (isPcap(bytes)) return "pcap";
  if (isPcapng(bytes)) return "pcapng";
  if (isSnoop(bytes)) return "snoop";
  if (isConversation(bytes)) return "raw";
  const start = bytes.subarray(0, LOOK);
  // those from 0x7f on are part of a text, in a HAR
  if (start.some((byte) => byte < 0x09 || (byte > 0x0d && byte < 0x20))) return undefined;
  const text = textOf(bytes);
  if (isRecorded(text)) return "recorded";
  if (/^\s*\{/.test(text) && isHar(jsonOf(text))) return "har";
  if (isDump(text)) return "dump";
  if (isHex(text)) return "hex";
  // many a word could be Base64
  const isOne = isBase64(text) && !/[^\s] +[^\s]/.test(text) && isConversation(parseBase64(text));
  return isOne ? "base64" : undefined;
}

const UNKNOWN = "WS_ERR_CAPTURE_UNKNOWN";

/** Whether bytes are frames to the last one, or begin with a head. */
function isConversation(bytes: Uint8Array): boolean {
  return isRequest(bytes) || isResponse(bytes) || isWholeFrames(bytes);
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
  return new CaptureError("WS_ERR_CAPTURE_MALFORMED", `This is not a ${format} file`);
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
  const { midStream = false, http2 = false } = connection;
  const inspector = new Inspector({ midStream, http2, ...options });
  for (const { direction, bytes, time, missing } of connection.pieces) {
    if (missing > 0) inspector.pushMissing(direction, missing, time);
    inspector.push(direction, bytes, time);
  }
  inspector.finish();
  return inspector;
}
