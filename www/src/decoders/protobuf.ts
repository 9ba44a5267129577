/**
 * Protocol Buffers without a schema: by field number and wire type.
 *
 * @module
 */
import { PbfReader } from "pbf";

import type { PayloadDecoder } from "./decoder.js";

const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;
/** Messages within messages that are tried. */
const DEEPEST = 8;
/** Field numbers that a schema would have. */
const HIGHEST = 100_000;

/** A message's fields, each with all that its bytes could mean. */
export const protobuf: PayloadDecoder = {
  name: "Protobuf",
  isAgreed: ({ subprotocol, isText }) => !isText && /proto/i.test(subprotocol),
  decode(payload, { isText }) {
    const fields = isText || payload.length === 0 ? undefined : fieldsOf(payload, 0);
    return fields && { summary: "by field number: the schema is not known", value: fields };
  },
};

/** Nothing if the bytes are not a message. */
function fieldsOf(bytes: Uint8Array, depth: number): Record<string, unknown> | undefined {
  const reader = new PbfReader(bytes);
  const fields: Record<string, unknown> = {};
  while (reader.pos < bytes.length) {
    const tag = reader.readVarint();
    const number = tag >> 3;
    if (number < 1 || number > HIGHEST) return undefined;
    const value = fieldValue(reader, tag & 7, bytes.length, depth);
    if (value === undefined) return undefined;
    const name = String(number);
    const before = fields[name];
    // a repeated field
    if (before === undefined) fields[name] = value;
    else if (Array.isArray(before)) before.push(value);
    else fields[name] = [before, value];
  }
  return fields;
}

function fieldValue(reader: PbfReader, type: number, end: number, depth: number): unknown {
  if (type === VARINT) {
    const value = reader.readVarint();
    return reader.pos > end ? undefined : value;
  }
  if (type === FIXED64 && reader.pos + 8 <= end)
    return { fixed64: reader.readFixed64(), double: again(reader, 8).readDouble() };
  if (type === FIXED32 && reader.pos + 4 <= end)
    return { fixed32: reader.readFixed32(), float: again(reader, 4).readFloat() };
  if (type !== BYTES) return undefined;
  const length = reader.readVarint();
  if (reader.pos + length > end) return undefined;
  const bytes = (reader.buf as Uint8Array).slice(reader.pos, reader.pos + length);
  reader.pos += length;
  return textIn(bytes) ?? (depth < DEEPEST ? attempt(() => fieldsOf(bytes, depth + 1)) : undefined) ?? bytes;
}

/** The same bytes once more. */
function again(reader: PbfReader, size: number): PbfReader {
  const copy = new PbfReader(reader.buf as Uint8Array);
  copy.pos = reader.pos - size;
  return copy;
}

/** A text has no control characters; a message within the message mostly has. */
function textIn(bytes: Uint8Array): string | undefined {
  return attempt(() => {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return /[\p{Cc}]/u.test(text.replaceAll(/[\n\r\t]/g, "")) ? undefined : text;
  });
}

function attempt<T>(make: () => T): T | undefined {
  try {
    return make();
  } catch {
    return undefined;
  }
}
