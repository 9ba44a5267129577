/**
 * MQTT 3.1.1 and 5.0 over WebSocket, whose frames may have several packets, or a part of one.
 *
 * @module
 */
import { jsonOr, type PayloadDecoder, textOf } from "./decoder.js";

/** The names of packets by type (MQTT 5.0 §2.1.2). */
const TYPES = [
  "reserved",
  "CONNECT",
  "CONNACK",
  "PUBLISH",
  "PUBACK",
  "PUBREC",
  "PUBREL",
  "PUBCOMP",
  "SUBSCRIBE",
  "SUBACK",
  "UNSUBSCRIBE",
  "UNSUBACK",
  "PINGREQ",
  "PINGRESP",
  "DISCONNECT",
  "AUTH",
] as const;

/** The packets of a frame. */
export const mqtt: PayloadDecoder = {
  name: "MQTT",
  isAgreed: ({ subprotocol, isText }) => !isText && /^mqtt/i.test(subprotocol),
  decode(payload, context) {
    if (context.isText) return undefined;
    const packets: { name: string; summary: string; value: object }[] = [];
    for (let at = 0; at < payload.length; ) {
      const { size, start } = lengthAt(payload, at + 1);
      const end = start + size;
      if (end > payload.length) {
        if (!this.isAgreed(context)) return undefined;
        packets.push({ name: "part", summary: `a part of a packet: ${end - payload.length} bytes follow`, value: {} });
        break;
      }
      packets.push(packetOf(payload[at] as number, new Fields(payload.subarray(start, end))));
      at = end;
    }
    if (packets.length === 0 || (!this.isAgreed(context) && !packets.every(({ name }) => name === "CONNECT"))) {
      return undefined;
    }
    const summary = packets.map((packet) => packet.summary).join("; ");
    return { summary, value: packets.length === 1 ? packets[0]?.value : packets.map(({ value }) => value) };
  },
};

/** A variable byte integer (MQTT 5.0 §1.5.5). */
function lengthAt(bytes: Uint8Array, from: number): { size: number; start: number } {
  let size = 0;
  for (let index = 0; index < 4; index++) {
    const byte = bytes[from + index];
    if (byte === undefined) throw new RangeError("The packet's length is cut");
    size += (byte & 0x7f) * 128 ** index;
    if ((byte & 0x80) === 0) return { size, start: from + index + 1 };
  }
  throw new RangeError("The packet's length takes more than four bytes");
}

/** Reads what packets are made of (MQTT 5.0 §1.5). */
class Fields {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  byte(): number {
    const byte = this.#bytes[this.#at];
    if (byte === undefined) throw new RangeError("The packet is shorter than its fields");
    this.#at += 1;
    return byte;
  }

  number(): number {
    return this.byte() * 256 + this.byte();
  }

  data(): Uint8Array {
    const length = this.number();
    if (this.#at + length > this.#bytes.length) throw new RangeError("The packet is shorter than its fields");
    this.#at += length;
    return this.#bytes.slice(this.#at - length, this.#at);
  }

  text(): string {
    return textOf(this.data());
  }

  rest(): Uint8Array {
    return this.#bytes.slice(this.#at);
  }
}

function packetOf(first: number, fields: Fields): { name: string; summary: string; value: object } {
  const name = TYPES[first >> 4] ?? "reserved";
  if (name === "CONNECT") {
    const [protocol, level, flags, keepAlive] = [fields.text(), fields.byte(), fields.byte(), fields.number()];
    if (!/^MQ/.test(protocol)) throw new RangeError("This is not a CONNECT of MQTT");
    const value = { protocol, level, cleanStart: (flags & 2) !== 0, keepAlive, rest: fields.rest() };
    return { name, summary: `CONNECT, level ${level}`, value };
  }
  if (name === "PUBLISH") {
    const qos = (first >> 1) & 3;
    const topic = fields.text();
    const id = qos > 0 ? { packet: fields.number() } : {};
    const value = {
      topic,
      qos,
      retain: (first & 1) !== 0,
      duplicate: (first & 8) !== 0,
      ...id,
      payload: readable(fields.rest()),
    };
    return { name, summary: `PUBLISH ${topic}`, value };
  }
  if (name === "PINGREQ" || name === "PINGRESP") return { name, summary: name, value: {} };
  if (name === "CONNACK") {
    const [flags, code] = [fields.byte(), fields.byte()];
    return {
      name,
      summary: `CONNACK ${code}`,
      value: { sessionPresent: (flags & 1) !== 0, code, rest: fields.rest() },
    };
  }
  const hasPacket = first >> 4 >= 4 && first >> 4 <= 11;
  const packet = hasPacket ? { packet: fields.number() } : {};
  const rest = fields.rest();
  return { name, summary: name, value: { ...packet, ...(rest.length > 0 && { rest }) } };
}

/** Text or JSON where it is; of version 5, properties come before it and stay bytes. */
function readable(bytes: Uint8Array): unknown {
  try {
    return jsonOr(textOf(bytes));
  } catch {
    return bytes;
  }
}
