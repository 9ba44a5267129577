/**
 * HTTP/1.1 heads as bytes, for callers that have a byte stream and no HTTP stack. Each character of a header value is
 * one byte (Latin-1), as in Node.
 *
 * @module
 */
import { wasm } from "./engine.js";
import { withTypedErrors } from "./errors.js";

/** One header field: name and value. */
export type HeaderField = readonly [name: string, value: string];

/** Header fields, in any of the shapes in which runtimes give them. */
export type HeaderFields =
  /** Pairs. */
  | readonly HeaderField[]
  /** Objects. */
  | readonly {
      /** The field's. */
      readonly name: string;
      /** The field's. */
      readonly value: string;
    }[]
  /** Names and values in turn, as Node's `rawHeaders`. */
  | readonly string[]
  /** A `Headers` object, or a map. */
  | Iterable<HeaderField>
  /** A plain object; a list of values makes a field of each, and `undefined` makes none. */
  | { readonly [name: string]: string | number | readonly string[] | undefined };

/** The head of a request. */
export interface RequestHead {
  /** `GET`. */
  readonly method: string;
  /** A path with its query, or a whole URI. */
  readonly target: string;
  /** As they came. */
  readonly headers: HeaderField[];
  /** Bytes of the head; what follows belongs to the WebSocket stream. */
  readonly length: number;
}

/** The head of a response. */
export interface ResponseHead {
  /** 101, if the server agrees. */
  readonly status: number;
  /** The words behind it. */
  readonly reason: string;
  /** As they came. */
  readonly headers: HeaderField[];
  /** Bytes of the head; what follows belongs to the WebSocket stream. */
  readonly length: number;
}

/**
 * Reads a request's head and checks what the component does not see: GET, HTTP/1.1, one Host, no body
 * (RFC 6455 §4.2.1). `undefined` if it needs more bytes.
 *
 * @throws WebSocketProtocolError if it is malformed, over 16 KiB, or cannot be a handshake
 */
export function parseRequest(bytes: Uint8Array): RequestHead | undefined {
  return readRequest(bytes, (head) => {
    head.check();
    return { method: head.method, target: head.target, length: head.length, headers: pairs(apart(head.headers())) };
  });
}

/**
 * @internal Reads the head of any request.
 *
 * @throws WebSocketProtocolError if it is malformed, or over 16 KiB
 */
export function readRequest<T>(bytes: Uint8Array, read: (head: wasm.RequestHead) => T): T | undefined {
  return withTypedErrors(() => {
    const head = wasm.parse_request(bytes);
    try {
      return head && read(head);
    } finally {
      head?.free();
    }
  });
}

/**
 * Reads a response's head. `undefined` if it needs more bytes.
 *
 * @throws WebSocketProtocolError if it is malformed, over 16 KiB, or switches protocols in HTTP/1.0
 */
export function parseResponse(bytes: Uint8Array): ResponseHead | undefined {
  return withTypedErrors(() => {
    const head = wasm.parse_response(bytes);
    try {
      if (head?.status === 101) head.check();
      return (
        head && { status: head.status, reason: head.reason, length: head.length, headers: pairs(apart(head.headers())) }
      );
    } finally {
      head?.free();
    }
  });
}

/**
 * Makes the head of a GET request.
 *
 * @throws WebSocketProtocolError if the target or a field has a character that does not belong there
 */
export function writeRequest(target: string, headers: HeaderFields): Uint8Array {
  // a string whatever a caller in JavaScript gives, which the engine would trap on
  return withTypedErrors(() => wasm.write_request(`${target}`, ...packed(flatten(headers))));
}

/**
 * Makes the head of a response without a body.
 *
 * @throws WebSocketProtocolError if the status does not have three digits, or the reason or a field has a character
 *   that does not belong there
 */
export function writeResponse(status: number, reason: string, headers: HeaderFields): Uint8Array {
  // the engine takes 16 bits, and refuses 0
  const possible = status === (status & 0xffff) ? status : 0;
  return withTypedErrors(() => wasm.write_response(possible, `${reason}`, ...packed(flatten(headers))));
}

/**
 * The subprotocols that a request offers, in its order.
 *
 * @throws WebSocketProtocolError if the list is malformed
 */
export function offeredSubprotocols(headers: HeaderFields): string[] {
  return withTypedErrors(() => apart(wasm.offered_subprotocols(...packed(flatten(headers)))));
}

/** @internal Fields of a request that another host must not get. */
export const SECRET_FIELDS: readonly string[] = ["Authorization", "Cookie", "Proxy-Authorization"];

/** Between strings that the engine takes and gives as one: a crossing costs more than all their characters. */
const SEPARATOR = "\0";

/** @internal Strings as the engine takes them: as one, and their number, by which it notices one with a separator. */
export function packed(strings: readonly string[]): [joined: string, count: number] {
  return [strings.join(SEPARATOR), strings.length];
}

/** @internal Strings that the engine gave, of which none is empty if there is only one. */
export function apart(joined: string): string[] {
  return joined === "" ? [] : joined.split(SEPARATOR);
}

/** @internal The fields of lines that the engine gave, each with its CR LF. */
export function fieldsIn(lines: string): HeaderField[] {
  return lines
    .split("\r\n")
    .slice(0, -1)
    .map((line) => {
      const at = line.indexOf(": ");
      return [line.slice(0, at), line.slice(at + 2)];
    });
}

/** @internal Names and values in turn. */
export function flatten(headers: HeaderFields): readonly string[] {
  if (isFlat(headers)) return headers;
  const flat: string[] = [];
  const all: Iterable<string | HeaderField | { name: string; value: string }> =
    Symbol.iterator in headers ? headers : Object.entries(headers).flatMap(fieldsOf);
  for (const field of all) {
    if (typeof field === "string") flat.push(field);
    else if (isPair(field)) flat.push(`${field[0]}`, `${field[1]}`);
    else flat.push(`${field.name}`, `${field.value}`);
  }
  return flat;
}

function fieldsOf([name, value]: [string, string | number | readonly string[] | undefined]): HeaderField[] {
  if (value === undefined) return [];
  return (Array.isArray(value) ? value : [value]).map((one) => [name, `${one}`]);
}

function isFlat(headers: HeaderFields): headers is readonly string[] {
  return Array.isArray(headers) && headers.every((field) => typeof field === "string");
}

function isPair(field: HeaderField | { name: string; value: string }): field is HeaderField {
  return Array.isArray(field);
}

/** @internal */
export function pairs(flat: readonly string[]): HeaderField[] {
  const fields: HeaderField[] = [];
  for (let at = 0; at + 1 < flat.length; at += 2) fields.push([flat[at] as string, flat[at + 1] as string]);
  return fields;
}

/** Whether two names are the same. */
export function isName(one: string, other: string): boolean {
  return one.length === other.length && one.toLowerCase() === other.toLowerCase();
}

/** Whether a field has this name. */
export function hasName(field: HeaderField, name: string): boolean {
  return isName(field[0], name);
}

/** The values of the fields with this name, joined as RFC 9110 §5.3 allows; `""` if there are none. */
export function joined(headers: readonly HeaderField[], name: string): string {
  return headers
    .filter((field) => hasName(field, name))
    .map((field) => field[1].trim())
    .join(", ");
}

/** Values by lower-case names, joined where a name comes more than once. */
export function recordOf(fields: readonly HeaderField[]): Record<string, string> {
  const headers: Record<string, string> = Object.create(null);
  for (const [name, value] of fields) {
    const key = name.toLowerCase();
    const before = headers[key];
    headers[key] = before === undefined ? value : `${before}${key === "cookie" ? "; " : ", "}${value}`;
  }
  return headers;
}
