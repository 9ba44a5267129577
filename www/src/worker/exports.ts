/**
 * What can be taken away: the records as JSON, and the bytes as a capture.
 *
 * @module
 */
import {
  CaptureWriter,
  type Connection,
  type Direction,
  type HandshakeCheck,
  type InspectMessage,
  type Inspector,
  type Piece,
} from "../../../js/inspect/index.js";
import { maskedHead, maskedLine, maskedQuery } from "../secrets.js";
import { DIRECTIONS } from "./kinds.js";

/** Bytes of a message that the JSON has; its length is told in full. */
const PAYLOAD = 64 * 1024;
/** Items that are made to text at once. */
const BATCH = 1000;

/** Records, messages with their payloads, checks and faults. */
export function jsonOf(inspector: Inspector, connection: Connection, masksSecrets: boolean): Blob {
  const { client, server, pieces, synthetic } = connection;
  const missing = pieces.reduce((sum, piece) => sum + piece.missing, 0);
  const head = JSON.stringify({
    client,
    server: masksSecrets ? maskedQuery(server) : server,
    missing,
    synthetic,
    extensions: inspector.extensions,
    checks: {
      toServer: checksOf(inspector, "toServer", masksSecrets),
      toClient: checksOf(inspector, "toClient", masksSecrets),
    },
  });
  const parts = [
    head.slice(0, -1),
    ...list("records", inspector.records()),
    ...list("messages", withPayloads(inspector)),
    ...list("faults", inspector.faults()),
    "\n}\n",
  ];
  return new Blob(parts, { type: "application/json" });
}

function checksOf(inspector: Inspector, direction: Direction, masksSecrets: boolean): HandshakeCheck[] {
  const checks = inspector.checks(direction);
  if (!masksSecrets) return checks;
  return checks.map((check) => ({ ...check, found: check.found.map((value) => maskedFound(check.subject, value)) }));
}

function maskedFound(subject: string, value: string): string {
  const start = `${subject}: `;
  return subject === "target" ? maskedQuery(value) : maskedLine(start + value).slice(start.length);
}

function* list(name: string, items: Iterable<unknown>): Generator<string> {
  yield `,\n${JSON.stringify(name)}:[`;
  let batch: string[] = [];
  let separator = "\n";
  for (const item of items) {
    batch.push(JSON.stringify(item));
    if (batch.length < BATCH) continue;
    yield separator + batch.join(",\n");
    separator = ",\n";
    batch = [];
  }
  yield `${batch.length > 0 ? separator + batch.join(",\n") : ""}\n]`;
}

function* withPayloads(inspector: Inspector): Generator<InspectMessage & { payload: string; encoding: string }> {
  for (const message of inspector.messages()) {
    const bytes = inspector.payload(message, { limit: PAYLOAD });
    const encoding = message.text ? "utf8" : "base64";
    yield { ...message, encoding, payload: message.text ? new TextDecoder().decode(bytes) : base64Of(bytes) };
  }
}

function base64Of(bytes: Uint8Array): string {
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}

/**
 * A capture as `--record` writes it, which the page and the command `inspect` open.
 *
 * @throws Error if bytes are missing, which that format cannot say
 */
export function captureOf(inspector: Inspector, connection: Connection, masksSecrets: boolean): Blob {
  if (connection.pieces.some(({ missing }) => missing > 0)) {
    throw new Error("Bytes of this connection are missing: pass the file on that it was read from.");
  }
  const lines: string[] = [];
  const tap = new CaptureWriter("client", (line) => lines.push(line)).tap();
  const pieces = masksSecrets ? withMaskedHeads(inspector, connection.pieces) : connection.pieces;
  for (const { direction, bytes, time } of pieces) {
    tap({ direction: direction === DIRECTIONS[0] ? "sent" : "received", bytes, time });
  }
  return new Blob(lines, { type: "application/x-ndjson" });
}

/** The pieces with other bytes where heads have secrets: as many, so that all else stays where it is. */
function* withMaskedHeads(inspector: Inspector, pieces: readonly Piece[]): Generator<Piece> {
  const heads = { toServer: maskedBytes(inspector, "toServer"), toClient: maskedBytes(inspector, "toClient") };
  const offsets = { toServer: 0, toClient: 0 };
  for (const piece of pieces) {
    const offset = offsets[piece.direction];
    offsets[piece.direction] += piece.bytes.length;
    const masked = heads[piece.direction].subarray(offset, offset + piece.bytes.length);
    if (masked.length === 0) yield piece;
    else {
      const bytes = new Uint8Array(piece.bytes);
      bytes.set(masked);
      yield { ...piece, bytes };
    }
  }
}

/** The beginning of a direction up to the end of its head, masked. */
function maskedBytes(inspector: Inspector, direction: Direction): Uint8Array {
  let end = 0;
  for (const record of inspector.records()) {
    if (record.type === "frame") break;
    if (record.direction === direction && record.type !== "bytes") end = record.end;
  }
  const head = Array.from(inspector.bytes(direction, 0, end), (byte) => String.fromCharCode(byte)).join("");
  return Uint8Array.from(maskedHead(head), (character) => character.charCodeAt(0));
}
