/**
 * HTTP/1.1 heads as bytes, for whoever has a byte stream and no HTTP stack. Header values are strings whose characters
 * stand for bytes (Latin-1), as in Node.
 *
 * @module
 */
import { wasm } from "./engine.js";
import { withTypedErrors } from "./errors.js";
/**
 * Reads a request's head and checks what the component does not see: GET, HTTP/1.1, one Host, no body
 * (RFC 6455 §4.2.1). `undefined` if it needs more bytes.
 *
 * @throws WebSocketProtocolError if it is malformed, over 16 KiB or 256 fields, or cannot be a handshake
 */
export function parseRequest(bytes) {
  return readRequest(bytes, (head) => {
    head.check();
    return { method: head.method, target: head.target, length: head.length, headers: pairs(head.headers()) };
  });
}
/**
 * @internal Reads the head of any request.
 *
 * @throws WebSocketProtocolError if it is malformed, over 16 KiB or 256 fields
 */
export function readRequest(bytes, read) {
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
 * @throws WebSocketProtocolError if it is malformed, over 16 KiB or 256 fields, or switches protocols in HTTP/1.0
 */
export function parseResponse(bytes) {
  return withTypedErrors(() => {
    const head = wasm.parse_response(bytes);
    try {
      if (head?.status === 101) head.check();
      return head && { status: head.status, reason: head.reason, length: head.length, headers: pairs(head.headers()) };
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
export function writeRequest(target, headers) {
  return withTypedErrors(() => wasm.write_request(target, flatten(headers)));
}
/**
 * Makes the head of a response without a body.
 *
 * @throws WebSocketProtocolError if the reason or a field has a character that does not belong there
 */
export function writeResponse(status, reason, headers) {
  return withTypedErrors(() => wasm.write_response(status, reason, flatten(headers)));
}
/**
 * The subprotocols that a request offers, in its order.
 *
 * @throws WebSocketProtocolError if the list is malformed
 */
export function offeredSubprotocols(headers) {
  return withTypedErrors(() => wasm.offered_subprotocols(flatten(headers)));
}
/** @internal Names and values in turn, as the engine takes them. */
export function flatten(headers) {
  const flat = [];
  const all = Symbol.iterator in headers ? headers : Object.entries(headers).flatMap(fieldsOf);
  for (const field of all) {
    if (typeof field === "string") flat.push(field);
    else if (isPair(field)) flat.push(`${field[0]}`, `${field[1]}`);
    else flat.push(`${field.name}`, `${field.value}`);
  }
  return flat;
}
function fieldsOf([name, value]) {
  return (Array.isArray(value) ? value : [value]).map((one) => [name, `${one}`]);
}
function isPair(field) {
  return Array.isArray(field);
}
/** @internal */
export function pairs(flat) {
  const fields = [];
  for (let at = 0; at + 1 < flat.length; at += 2) fields.push([flat[at], flat[at + 1]]);
  return fields;
}
/** Whether two names are the same. */
export function isName(one, other) {
  return one.length === other.length && one.toLowerCase() === other.toLowerCase();
}
/** Whether a field has this name. */
export function hasName(field, name) {
  return isName(field[0], name);
}
/** The values of the fields with this name, joined as RFC 9110 §5.3 allows; `""` if there are none. */
export function joined(headers, name) {
  return headers
    .filter((field) => hasName(field, name))
    .map((field) => field[1].trim())
    .join(", ");
}
//# sourceMappingURL=http.js.map
