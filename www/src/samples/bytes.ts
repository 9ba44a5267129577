/**
 * Bytes for the samples: frames and heads as the RFCs have them in their examples.
 *
 * @module
 */
import type { Direction } from "../../../js/inspect/index.js";

/** The masking key of the examples in RFC 6455 §5.7. */
const KEY = [0x37, 0xfa, 0x21, 0x3d];

/** Bytes, and which way they go. */
export type Sent = readonly [direction: Direction, bytes: Uint8Array];

/** What the client sends: a frame with this first byte, masked. */
export function client(first: number, payload: string | Uint8Array = ""): Sent {
  const bytes = bytesOf(payload);
  const masked = bytes.map((byte, index) => byte ^ (KEY[index % 4] as number));
  return ["toServer", Uint8Array.from([first, ...lengthOf(bytes.length, 0x80), ...KEY, ...masked])];
}

/** What the server sends: a frame with this first byte. */
export function server(first: number, payload: string | Uint8Array = ""): Sent {
  const bytes = bytesOf(payload);
  return ["toClient", Uint8Array.from([first, ...lengthOf(bytes.length, 0), ...bytes])];
}

/** A close's payload. */
export function status(code: number, reason = ""): Uint8Array {
  return Uint8Array.from([code >> 8, code & 0xff, ...bytesOf(reason)]);
}

function bytesOf(payload: string | Uint8Array): Uint8Array {
  return typeof payload === "string" ? new TextEncoder().encode(payload) : payload;
}

function lengthOf(length: number, mask: number): number[] {
  if (length < 126) return [mask | length];
  if (length < 65_536) return [mask | 126, length >> 8, length & 0xff];
  return [mask | 127, 0, 0, 0, 0, length >>> 24, (length >> 16) & 0xff, (length >> 8) & 0xff, length & 0xff];
}

/** The handshake of RFC 6455 §1.3, with what is asked for and agreed on; fields of either side can be replaced. */
export function handshake(
  extensions = "",
  changes: { readonly request?: Record<string, string>; readonly response?: Record<string, string> } = {},
): Sent[] {
  const agreed = extensions === "" ? {} : { "Sec-WebSocket-Extensions": extensions };
  const request = {
    Host: "server.example.com",
    Upgrade: "websocket",
    Connection: "Upgrade",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    Origin: "http://example.com",
    "Sec-WebSocket-Protocol": "chat, superchat",
    "Sec-WebSocket-Version": "13",
    ...agreed,
    ...changes.request,
  };
  const response = {
    Upgrade: "websocket",
    Connection: "Upgrade",
    "Sec-WebSocket-Accept": "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
    "Sec-WebSocket-Protocol": "chat",
    ...agreed,
    ...changes.response,
  };
  return [
    ["toServer", head("GET /chat HTTP/1.1", request)],
    ["toClient", head("HTTP/1.1 101 Switching Protocols", response)],
  ];
}

function head(startLine: string, fields: Record<string, string>): Uint8Array {
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
  return bytesOf(`${startLine}\r\n${lines.join("")}\r\n`);
}
