/**
 * Records as lines of text and as JSON.
 *
 * @module
 */
import type {
  Connection,
  Direction,
  Fault,
  FrameRecord,
  HandshakeCheck,
  InspectMessage,
  Inspector,
  InspectRecord,
  Note,
} from "../inspect/index.js";
import { base64Of } from "../inspect/inputs/text.js";
import type { Paint } from "./arguments.js";
import { printable } from "./printable.js";

/** How to write records. */
export interface Style {
  readonly paint: Paint;
  /** Whole payloads, not their beginnings. */
  readonly payload: boolean;
}

const ARROWS: Readonly<Record<Direction, string>> = { toServer: "→", toClient: "←" };
/** Bytes of what comes behind a head that opens no WebSocket connection. */
const BODY = 1000;
/** Characters of a payload's beginning. */
const PREVIEW = 60;
/** Bytes of a payload that is shown whole, at most: as text that is escaped, it still fits in a string. */
const MOST = 64 << 20;
/** One more byte shows that a payload is cut. */
const WHOLE = { limit: MOST + 1 } as const;
/** Bytes whose digits are made at once. */
const DIGITS = 4096;

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** A record in one line, more for a handshake and for what is wrong. */
export function textOf(inspector: Inspector, record: InspectRecord, faults: readonly Fault[], style: Style): string {
  const { paint } = style;
  const arrow = paint(record.direction === "toServer" ? "cyan" : "green", ARROWS[record.direction]);
  const place = paint("dim", `${timeOf(record.time)} ${String(record.start).padStart(8)}`);
  const line = `${place} ${arrow} ${bodyOf(inspector, record, style)}`;
  const doubts = [
    record.unreliable ? " (after a violation)" : "",
    record.found ? " (found again behind what is missing)" : "",
  ];
  const lines = [line + paint("yellow", doubts.join(""))];
  if (record.type === "request" || record.type === "response") lines.push(...headLines(inspector, record, paint));
  // what is wrong with a head stands with its checks
  for (const { message, section, closeStatus } of isOfHead(record) ? [] : faults) {
    lines.push(
      paint("red", `    ✗ ${message} (${section})${closeStatus === undefined ? "" : `, close ${closeStatus}`}`),
    );
  }
  return `${lines.join("\n")}\n`;
}

function isOfHead({ type }: InspectRecord): boolean {
  return type === "request" || type === "response";
}

/** A note of the input, in a line of its own. */
export function noteText({ text, time }: Note, { paint }: Style): string {
  return `${paint("dim", `${timeOf(time)} ${" ".repeat(8)}`)} ${paint("yellow", `! ${printable(text)}`)}\n`;
}

/** The time of day, in UTC. */
function timeOf(time: number): string {
  const date = new Date(time);
  return time === 0 || Number.isNaN(date.getTime()) ? "" : date.toISOString().slice(11, 23);
}

function bodyOf(inspector: Inspector, record: InspectRecord, style: Style): string {
  const length = record.end - record.start;
  switch (record.type) {
    case "request":
    case "response": {
      const [line = ""] = new TextDecoder("latin1").decode(inspector.payload(record)).split("\r\n");
      const gone = record.missing > 0 ? style.paint("yellow", ` (${record.missing} bytes of it are missing)`) : "";
      return style.paint("blue", printable(line)) + gone;
    }
    case "bytes": {
      const gone = record.missing > 0 ? `, ${record.missing} of them missing` : "";
      const text = record.reason === "notWebSocket" ? ` ${bodyText(inspector, record, style.payload)}` : "";
      return style.paint("yellow", `${length} bytes${gone}: ${BYTES[record.reason]}${text}`);
    }
    case "frame":
      return frameText(inspector, record, style);
  }
}

/** Of a refusal, for example. */
function bodyText(inspector: Inspector, record: InspectRecord, whole: boolean): string {
  const bytes = inspector.payload(record, whole ? WHOLE : { limit: BODY });
  return bytesText(bytes, true, true) + (bytes.length < record.end - record.start - record.missing ? " …" : "");
}

const BYTES = {
  cut: "the stream ends in the midst of a header",
  afterClose: "after the close, without meaning",
  notWebSocket: "no WebSocket",
  noBoundary: "where the next frame begins is not known",
  missing: "where frames begin here is not known",
} as const;

function frameText(inspector: Inspector, frame: FrameRecord, { paint, payload }: Style): string {
  const { opcode, opcodeName, length, whole, mask, closeStatus, partner } = frame;
  const name = opcodeName === "reserved" ? `opcode 0x${opcode.toString(16)}` : opcodeName;
  const message = frame.message === undefined ? undefined : inspector.message(frame.message);
  const flags = [
    frame.fin ? "FIN" : "",
    frame.rsv1 ? "RSV1" : "",
    frame.rsv2 ? "RSV2" : "",
    frame.rsv3 ? "RSV3" : "",
    mask === undefined ? "" : `mask ${mask.toString(16).padStart(8, "0")}`,
    whole && frame.missing === 0 ? "" : "cut",
  ];
  const status = closeStatus === undefined || closeStatus === 1005 ? "" : ` ${closeStatus}`;
  const size = `${length} bytes${frame.missing > 0 ? `, ${frame.missing} missing` : ""}`;
  const answer =
    opcodeName === "pong" && partner !== undefined ? ` answers${timeBetween(inspector, partner, frame)}` : "";
  const total = frame.fin && message !== undefined ? totalOf(message) : "";
  const shown = length === 0 ? "" : ` ${preview(inspector, frame, message, payload)}`;
  const title = paint(frame.violation ? "red" : "blue", `${name}${status}`);
  return `${title} ${paint("dim", flags.filter((flag) => flag !== "").join(" "))} ${size}${total}${answer}${shown}`;
}

function timeBetween(inspector: Inspector, ping: number, pong: FrameRecord): string {
  const time = pong.time - (inspector.record(ping)?.time ?? pong.time);
  return time > 0 ? ` after ${Math.round(time * 1000) / 1000} ms` : "";
}

/** Of a message's last frame: what there is to say of the whole. */
function totalOf({ compressed, frames, wireLength, length }: InspectMessage): string {
  const parts = frames > 1 ? `${frames} frames, ${wireLength} bytes` : "";
  const inflated = compressed ? `${length} decompressed` : "";
  const total = [parts, inflated].filter((part) => part !== "").join(", ");
  return total === "" ? "" : ` (${total})`;
}

/** The beginning of a payload, or all of it, and where something is missing in it. */
function preview(
  inspector: Inspector,
  frame: FrameRecord,
  message: InspectMessage | undefined,
  whole: boolean,
): string {
  const isText = message?.text ?? frame.opcodeName !== "binary";
  const skipped = frame.opcodeName === "close" ? 2 : 0;
  const parts = inspector.parts(frame, whole ? WHOLE : { limit: PREVIEW * 4 });
  return parts
    .map((part, index) => {
      if ("missing" in part) return `[${part.missing} bytes missing]`;
      // behind a gap, a character may be cut at its beginning
      const bytes =
        index === 0 ? part.bytes.subarray(skipped) : isText ? part.bytes.subarray(cutOff(part.bytes)) : part.bytes;
      return bytesText(bytes, isText, whole);
    })
    .filter((text) => text !== "")
    .join(" ");
}

/** Continuation bytes of UTF-8 without a beginning. */
function cutOff(bytes: Uint8Array): number {
  const start = bytes.subarray(0, 3).findIndex((byte) => (byte & 0xc0) !== 0x80);
  return Math.max(0, start);
}

/** As text where it is, else as hexadecimal digits. */
function bytesText(bytes: Uint8Array, isText: boolean, whole: boolean): string {
  if (bytes.length > MOST) return `${bytesText(bytes.subarray(0, MOST), isText, whole)} … cut after ${MOST >> 20} MiB`;
  if (bytes.length === 0) return "";
  const text = isText ? decoded(bytes) : undefined;
  if (text === undefined) {
    const shown = whole ? bytes : bytes.subarray(0, PREVIEW / 3);
    return hexOf(shown) + (shown.length < bytes.length ? " …" : "");
  }
  if (whole) return printable(JSON.stringify(text));
  const characters = [...text];
  const cut = characters.length <= PREVIEW ? text : `${characters.slice(0, PREVIEW).join("")}…`;
  return printable(JSON.stringify(cut));
}

function hexOf(bytes: Uint8Array): string {
  const parts: string[] = [];
  for (let at = 0; at < bytes.length; at += DIGITS) {
    const digits = Buffer.from(bytes.subarray(at, at + DIGITS)).toString("hex");
    parts.push(digits.replace(/..(?=.)/g, "$& "));
  }
  return parts.join(" ");
}

/** Decodes UTF-8 whose last character may be cut. */
function decoded(bytes: Uint8Array): string | undefined {
  for (const cut of [0, 1, 2, 3]) {
    try {
      return utf8.decode(bytes.subarray(0, bytes.length - cut));
    } catch {
      // perhaps with a byte less
    }
  }
  return undefined;
}

/** Each field of a head, with what its check says, and what is wrong elsewhere in it. */
function headLines(inspector: Inspector, record: InspectRecord, paint: Paint): string[] {
  const checks = inspector.checks(record.direction);
  const [, ...fields] = new TextDecoder("latin1").decode(inspector.payload(record)).split("\r\n");
  const shown = fields
    .filter((field) => field !== "")
    .map((field) => {
      const name = field.split(":")[0]?.toLowerCase();
      const check = checks.find(({ subject }) => subject.toLowerCase() === name);
      if (check === undefined) return `      ${printable(field)}`;
      if (check.error !== undefined) return paint("red", `    ✗ ${printable(field)}: ${errorOf(check)}`);
      return `    ${paint("green", "✓")} ${printable(field)} ${paint("dim", check.section)}`;
    });
  const names = new Set(fields.map((field) => field.split(":")[0]?.toLowerCase()));
  const others = checks.filter(({ subject, error }) => error !== undefined && !names.has(subject.toLowerCase()));
  return [...shown, ...others.map((check) => checkLine(check, paint))];
}

function checkLine(check: HandshakeCheck, paint: Paint): string {
  const value = check.found.length === 0 ? "–" : printable(check.found.join(", "));
  return paint("red", `    ✗ ${check.subject}: ${value}: ${errorOf(check)}`);
}

function errorOf({ error, section }: HandshakeCheck): string {
  return `${error?.message} (${section})`;
}

/** A record as an object for JSON. */
export function jsonOf(
  inspector: Inspector,
  connection: number,
  record: InspectRecord,
  faults: readonly Fault[],
  payload: boolean,
): object {
  const checks =
    record.type === "request" || record.type === "response" ? { checks: inspector.checks(record.direction) } : {};
  const message =
    record.type === "frame" && record.message !== undefined && record.fin
      ? { wholeMessage: inspector.message(record.message) }
      : {};
  const content = payload ? contentOf(inspector, record) : {};
  return { connection, ...record, ...checks, ...message, faults, ...content };
}

/** A payload in JSON. */
interface Content {
  readonly text?: string;
  readonly base64?: string;
  /** How many bytes of it are given, if it has more. */
  readonly cut?: number;
}

/** Text as text, everything else as Base64. */
function contentOf(inspector: Inspector, record: InspectRecord): Content {
  const all = inspector.payload(record, WHOLE);
  const bytes = all.subarray(0, MOST);
  const cut = all.length > MOST ? { cut: MOST } : {};
  const message =
    record.type === "frame" && record.message !== undefined ? inspector.message(record.message) : undefined;
  const isText = record.type === "request" || record.type === "response" || message?.text === true;
  try {
    if (isText) return { text: utf8.decode(bytes), ...cut };
  } catch {
    // a character is cut, or these bytes are not text
  }
  return { base64: base64Of(bytes), ...cut };
}

/** A connection as an object for JSON. */
export function connectionJson(number: number, connection: Connection, inspector: Inspector): object {
  const { client, server, pieces, synthetic } = connection;
  const missing = pieces.reduce((sum, piece) => sum + piece.missing, 0);
  const request = inspector.record(0);
  const url = request?.type === "request" ? urlOf(inspector, request, server) : undefined;
  const time = pieces[0]?.time ?? 0;
  const extensions = inspector.extensions;
  return { type: "connection", connection: number, client, server, url, time, synthetic, missing, extensions };
}

/** The URL of the request, by its Host; without one, as the capture has it. */
function urlOf(inspector: Inspector, request: InspectRecord, server: string): string {
  if (/^wss?:/.test(server)) return server;
  const head = new TextDecoder("latin1").decode(inspector.payload(request));
  const target = /^[A-Z]+ (\S+)/.exec(head)?.[1] ?? "/";
  const host = /\r\n(?:host|:authority): *([^\r]*)/i.exec(head)?.[1] ?? server;
  return `ws://${host}${target}`;
}
