/**
 * HTTP/1.1 before an upgrade: requests and answers on the same connection, as far as to where the next ones begin.
 *
 * @module
 */
import type { Flow } from "./flow.js";

/** A request's or a response's head. */
export interface Head {
  readonly line: string;
  readonly fields: readonly (readonly [name: string, value: string])[];
  /** Bytes of the head, the blank line included. */
  readonly length: number;
}

const latin1 = new TextDecoder("latin1");

/** Whether bytes begin as a request does, as far as they go; an empty line may stand before it. */
export function isRequest(bytes: Uint8Array): boolean {
  return /^(\r\n)?[A-Z]{3,20} [!-~]+ HTTP\/1\.[01](\r|$)/.test(latin1.decode(bytes.subarray(0, 64 * 1024)));
}

/** Whether bytes begin as a response does. */
export function isResponse(bytes: Uint8Array): boolean {
  return /^HTTP\/1\.[01] \d{3}/.test(latin1.decode(bytes.subarray(0, 12)));
}

/** The head at a place; nothing if it does not end before something is missing. */
export function headAt(flow: Flow, place: number): Head | undefined {
  // most are short, and bytes of many parts have to be put together
  return headIn(flow.read(place, 4096)) ?? headIn(flow.read(place));
}

function headIn(bytes: Uint8Array): Head | undefined {
  const text = latin1.decode(bytes);
  const end = text.indexOf("\r\n\r\n");
  if (end < 0) return undefined;
  const [line = "", ...lines] = text.slice(0, end).split("\r\n");
  const fields = lines.map((field): [string, string] => {
    const colon = field.indexOf(":");
    return [field.slice(0, Math.max(0, colon)).toLowerCase(), field.slice(colon + 1).trim()];
  });
  return { line, fields, length: end + 4 };
}

/** The values of a field, joined. */
export function fieldOf({ fields }: Head, name: string): string {
  return fields
    .filter(([found]) => found === name)
    .map(([, value]) => value)
    .join(", ");
}

/** Whether a head asks for a WebSocket, or grants one. */
export function isUpgrade(head: Head): boolean {
  return /(^|,)\s*websocket\s*(,|$)/i.test(fieldOf(head, "upgrade"));
}

export function statusOf({ line }: Head): number {
  return Number(/^HTTP\/1\.[01] (\d{3})/.exec(line)?.[1] ?? 0);
}

/** Where what belongs to a head ends; `undefined` if that is the connection's end, or is not known. */
export function endOfBody(flow: Flow, place: number, head: Head, request?: Head): number | undefined {
  const start = place + head.length;
  const status = statusOf(head);
  const isBare =
    request !== undefined && (/^HEAD /.test(request.line) || status < 200 || status === 204 || status === 304);
  if (isBare) return start;
  if (/chunked/i.test(fieldOf(head, "transfer-encoding"))) return endOfChunks(flow, start);
  const length = fieldOf(head, "content-length");
  if (/^\d+$/.test(length)) return start + Number(length);
  return request === undefined ? start : undefined;
}

function endOfChunks(flow: Flow, start: number): number | undefined {
  for (let at = start; ; ) {
    const line = latin1.decode(flow.read(at, 1024));
    const size = /^([0-9a-f]{1,12})[^\r]*\r\n/i.exec(line);
    if (size === null) return undefined;
    const length = Number.parseInt(size[1] as string, 16);
    at += size[0].length;
    if (length > 0) {
      at += length + 2;
      continue;
    }
    // trailers, up to a blank line
    const rest = `\r\n${latin1.decode(flow.read(at))}`;
    const end = rest.indexOf("\r\n\r\n");
    return end < 0 ? undefined : at + end + 2;
  }
}
