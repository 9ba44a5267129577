/**
 * Our own captures: a line of JSON for what they are, then one for each time that bytes went over a connection.
 *
 * ```text
 * {"format":"websocket-component","version":1,"side":"client"}
 * {"connection":1,"direction":"sent","time":1700000000000,"base64":"R0VU…"}
 * ```
 *
 * @module
 */
import { malformed } from "../errors.js";
import type { Direction } from "../records.js";
import type { Connection, Piece } from "./connection.js";
import { base64Of, parseBase64 } from "./text.js";

/** Bytes that an endpoint has sent or received, as a tap gets them. */
export interface RecordedTraffic {
  /** Whether the endpoint has received or sent them. */
  readonly direction: "received" | "sent";
  /** As they were on the wire, cut anywhere. */
  readonly bytes: Uint8Array;
  /** Milliseconds since 1970. */
  readonly time: number;
}

/** Which side of its connections has made a capture. */
export type Side = "client" | "server";

const FORMAT = "websocket-component";

interface Line extends Omit<RecordedTraffic, "bytes"> {
  readonly connection: number;
  readonly base64: string;
}

/** Which way bytes went that one side has sent or received. */
export function directionOf(side: Side, direction: RecordedTraffic["direction"]): Direction {
  return (side === "client") === (direction === "sent") ? "toServer" : "toClient";
}

/** Writes a capture, line by line. */
export class CaptureWriter {
  readonly #write: (line: string) => void;
  #connections = 0;

  /** @param write takes a line, its end included */
  constructor(side: Side, write: (line: string) => void) {
    this.#write = write;
    write(`${JSON.stringify({ format: FORMAT, version: 1, side })}\n`);
  }

  /** A tap for the next connection, as the option `tap` takes it. */
  tap(): (traffic: RecordedTraffic) => void {
    this.#connections += 1;
    const connection = this.#connections;
    return ({ direction, time, bytes }) => {
      const line: Line = { connection, direction, time, base64: base64Of(bytes) };
      this.#write(`${JSON.stringify(line)}\n`);
    };
  }
}

/** Whether a text is such a capture, by its first line. */
export function isRecorded(text: string): boolean {
  return /^\s*\{[^\n]*"format"\s*:\s*"websocket-component"/.test(text);
}

/**
 * The connections of a capture. A last line that is cut, as a process that was ended leaves it, is left out.
 *
 * @throws CaptureError for any other line that is not as above
 */
export function recordedConnections(text: string): Connection[] {
  const [header = "", ...lines] = text.split("\n").filter((line) => line.trim() !== "");
  const { side, version } = parse<{ side: Side; version: number }>(header, 1);
  if (version !== 1 || (side !== "client" && side !== "server")) {
    throw malformed(`The capture is of version ${version} and side ${side}, not of 1 and client or server`);
  }
  const isCut = !text.endsWith("\n");
  const all = new Map<number, Piece[]>();
  for (const [index, line] of lines.entries()) {
    if (isCut && index === lines.length - 1 && !line.trimEnd().endsWith("}")) break;
    const { connection, direction, time, base64 } = parse<Line>(line, index + 2);
    if ((direction !== "sent" && direction !== "received") || typeof base64 !== "string") {
      throw malformed(`Line ${index + 2} of the capture has no bytes that were sent or received`);
    }
    const pieces = all.get(connection) ?? [];
    const bytes = parseBase64(base64);
    pieces.push({ direction: directionOf(side, direction), bytes, time: isTime(time) ? time : 0, missing: 0 });
    all.set(connection, pieces);
  }
  return [...all].map(([number, pieces]) => ({
    client: side === "client" ? "" : `connection ${number}`,
    server: side === "client" ? `connection ${number}` : "",
    pieces,
    synthetic: false,
  }));
}

/** The largest time of a `Date`. */
function isTime(time: unknown): boolean {
  return typeof time === "number" && Math.abs(time) <= 8.64e15;
}

function parse<T>(line: string, number: number): T {
  try {
    return JSON.parse(line);
  } catch (cause) {
    throw malformed(`Line ${number} of the capture is not JSON`, cause);
  }
}
