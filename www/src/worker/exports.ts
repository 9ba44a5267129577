/**
 * What can be taken away: the records as JSON, and the bytes as a capture.
 *
 * @module
 */
import {
  CaptureWriter,
  type Connection,
  type Direction,
  type InspectMessage,
  type Inspector,
} from "../../../js/inspect/index.js";
import { DIRECTIONS } from "./kinds.js";

/** Bytes of a message that the JSON has; its length is told in full. */
const PAYLOAD = 64 * 1024;
/** Items that are made to text at once. */
const BATCH = 1000;

/** Records, messages with their payloads, checks and faults. */
export function jsonOf(inspector: Inspector, connection: Connection): Blob {
  const { client, server, pieces, synthetic } = connection;
  const missing = pieces.reduce((sum, piece) => sum + piece.missing, 0);
  const head = JSON.stringify({
    client,
    server,
    missing,
    synthetic,
    extensions: inspector.extensions,
    ...checksOf(inspector),
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

function checksOf(inspector: Inspector): { checks: Record<Direction, unknown> } {
  return { checks: { toServer: inspector.checks("toServer"), toClient: inspector.checks("toClient") } };
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
 * @throws Error if bytes are missing, of which that format cannot tell
 */
export function captureOf(connection: Connection): Blob {
  if (connection.pieces.some(({ missing }) => missing > 0)) {
    throw new Error("Bytes of this connection are missing: pass the file on that it was read from.");
  }
  const lines: string[] = [];
  const tap = new CaptureWriter("client", (line) => lines.push(line)).tap();
  for (const { direction, bytes, time } of connection.pieces) {
    tap({ direction: direction === DIRECTIONS[0] ? "sent" : "received", bytes, time });
  }
  return new Blob(lines, { type: "application/x-ndjson" });
}
