/**
 * A frame's header, field by field.
 *
 * @module
 */
import type { FrameRecord } from "./records.js";

/** A field of a frame's header, by its bits. */
export interface HeaderFieldBits {
  /** As in RFC 6455 §5.2: `"FIN"`, `"RSV1"`, `"opcode"`, `"MASK"`, `"Payload len"`, `"Masking-key"` … */
  readonly name: string;
  /** The first bit, from 0 on, counted from the highest bit of the header's first byte. */
  readonly start: number;
  /** Behind its last bit. */
  readonly end: number;
  /** The bits as a number; of an extended length, exactly. */
  readonly value: number | bigint;
  /** Its meaning, in a few words. */
  readonly meaning: string;
  /** The section that defines it. */
  readonly section: string;
}

const SECTION = "RFC 6455 §5.2";

/**
 * The fields of a frame's header, which cover its bits without a gap.
 *
 * @param header the header's bytes; more may follow
 */
export function explain(frame: FrameRecord, header: Uint8Array): HeaderFieldBits[] {
  const { fin, rsv1, rsv2, rsv3, opcode, opcodeName, mask, lengthBits } = frame;
  const code = (header[1] ?? 0) & 0x7f;
  const fields: HeaderFieldBits[] = [
    bit("FIN", 0, fin, fin ? "the last frame of its message" : "more frames follow"),
    bit("RSV1", 1, rsv1, rsv1 ? "compressed, if permessage-deflate was agreed on" : "not compressed", "RFC 7692 §6"),
    bit("RSV2", 2, rsv2, rsv2 ? "reserved for extensions, and set" : "reserved for extensions"),
    bit("RSV3", 3, rsv3, rsv3 ? "reserved for extensions, and set" : "reserved for extensions"),
    field("opcode", 4, 8, opcode, opcodeName, SECTION),
    bit("MASK", 8, mask !== undefined, mask === undefined ? "not masked" : "masked", "RFC 6455 §5.1"),
    field("Payload len", 9, 16, code, lengthMeaning(code), SECTION),
  ];
  let end = 16;
  if (lengthBits !== 7) {
    const value = unsigned(header.subarray(2, 2 + lengthBits / 8));
    fields.push(field("Extended payload length", end, end + lengthBits, value, `${value} bytes`, SECTION));
    end += lengthBits;
  }
  if (mask !== undefined) {
    const key = mask.toString(16).padStart(8, "0");
    fields.push(field("Masking-key", end, end + 32, mask, key, "RFC 6455 §5.3"));
  }
  return fields;
}

function lengthMeaning(code: number): string {
  if (code < 126) return `${code} bytes`;
  return code === 126 ? "the length is in the next 16 bits" : "the length is in the next 64 bits";
}

function unsigned(bytes: Uint8Array): number | bigint {
  const value = bytes.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  return value <= Number.MAX_SAFE_INTEGER ? Number(value) : value;
}

function bit(name: string, at: number, value: boolean, meaning: string, section = SECTION): HeaderFieldBits {
  return field(name, at, at + 1, value ? 1 : 0, meaning, section);
}

function field(
  name: string,
  start: number,
  end: number,
  value: number | bigint,
  meaning: string,
  section: string,
): HeaderFieldBits {
  return { name, start, end, value, meaning, section };
}
