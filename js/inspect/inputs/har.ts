/**
 * HAR files with the messages of WebSocket connections, as Chrome's DevTools export them.
 *
 * @module
 */
import { malformed } from "../errors.js";
import type { Connection, Piece } from "./connection.js";
import { parseBase64 } from "./text.js";

interface HarHeader {
  readonly name: string;
  readonly value: string;
}

interface HarMessage {
  readonly type: "send" | "receive";
  /** Seconds since 1970. */
  readonly time: number;
  readonly opcode: number;
  /** Text, or for all other opcodes Base64. */
  readonly data: string;
}

interface HarEntry {
  readonly startedDateTime?: string;
  readonly request: { readonly method: string; readonly url: string; readonly headers: readonly HarHeader[] };
  readonly response: { readonly status: number; readonly statusText: string; readonly headers: readonly HarHeader[] };
  readonly _webSocketMessages?: readonly HarMessage[];
}

interface Har {
  readonly log: { readonly entries: readonly HarEntry[] };
}

export function isHar(value: unknown): value is Har {
  return Array.isArray((value as Har | undefined)?.log?.entries);
}

/**
 * The connections of a HAR, with bytes made of its messages, and how many entries are none.
 *
 * @throws CaptureError if a message is not as DevTools write it
 */
export function harConnections(har: Har): { connections: Connection[]; skipped: number } {
  const entries = har.log.entries.filter((entry) => Array.isArray(entry._webSocketMessages));
  return { connections: entries.map(connectionOf), skipped: har.log.entries.length - entries.length };
}

function connectionOf({ request, response, startedDateTime, _webSocketMessages = [] }: HarEntry): Connection {
  try {
    const started = Date.parse(startedDateTime ?? "") || 0;
    const { pathname, search } = new URL(request.url);
    return {
      client: "",
      server: request.url,
      pieces: [
        {
          direction: "toServer",
          bytes: head(`GET ${pathname}${search} HTTP/1.1`, request.headers),
          time: started,
          missing: 0,
        },
        {
          direction: "toClient",
          bytes: head(`HTTP/1.1 ${response.status} ${response.statusText}`, response.headers),
          time: started,
          missing: 0,
        },
        ..._webSocketMessages.map(pieceOf),
      ],
      synthetic: true,
    };
  } catch (cause) {
    throw malformed("An entry of the HAR is not as DevTools write it", cause);
  }
}

function head(startLine: string, headers: readonly HarHeader[]): Uint8Array {
  const fields = headers.filter(({ name }) => !name.startsWith(":")).map(({ name, value }) => `${name}: ${value}\r\n`);
  return Uint8Array.from(`${startLine}\r\n${fields.join("")}\r\n`, (character) => character.charCodeAt(0));
}

function pieceOf({ type, time, opcode, data }: HarMessage): Piece {
  const payload = opcode === 1 ? new TextEncoder().encode(data) : parseBase64(data);
  const isSent = type === "send";
  return {
    direction: isSent ? "toServer" : "toClient",
    bytes: frame(opcode, payload, isSent),
    time: time * 1000,
    missing: 0,
  };
}

/** A frame, masked with zeros if a client sends it. */
function frame(opcode: number, payload: Uint8Array, masked: boolean): Uint8Array {
  const { length } = payload;
  const extended = length < 126 ? 0 : length < 65536 ? 2 : 8;
  const size = 2 + extended + (masked ? 4 : 0);
  const bytes = new Uint8Array(size + length);
  const view = new DataView(bytes.buffer);
  bytes[0] = 0x80 | (opcode & 0x0f);
  bytes[1] = (masked ? 0x80 : 0) | (extended === 0 ? length : extended === 2 ? 126 : 127);
  if (extended === 2) view.setUint16(2, length);
  if (extended === 8) view.setBigUint64(2, BigInt(length));
  bytes.set(payload, size);
  return bytes;
}
