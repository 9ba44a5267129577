/**
 * Socket.IO over Engine.IO, by their own parsers.
 *
 * @module
 */
import { decodePacket } from "engine.io-parser";
import { Decoder, type Packet, PacketType } from "socket.io-parser";

import { jsonOr, type PayloadDecoder, textOf } from "./decoder.js";

/** A packet of Engine.IO, and the one of Socket.IO in it. */
export const socketIo: PayloadDecoder = {
  name: "Socket.IO",
  isAgreed: ({ target }) => /[?&]EIO=\d/.test(target) || target.startsWith("/socket.io/"),
  decode(payload, { isText, target }) {
    // binary frames are attachments, whose packet came before them
    if (!isText)
      return /[?&]EIO=4/.test(target) ? { summary: "an attachment of the packet before", value: payload } : undefined;
    const { type, data } = decodePacket(textOf(payload));
    if (type === "error") return undefined;
    if (type !== "message") return { summary: `Engine.IO ${type}`, value: jsonOr(data ?? "") };
    const packet = packetOf(String(data));
    if (packet === undefined) return { summary: "Engine.IO message", value: jsonOr(String(data)) };
    const { nsp, id, data: content } = packet;
    const name = PacketType[packet.type]?.toLowerCase().replace("_", " ") ?? "packet";
    const event = Array.isArray(content) && packet.type !== PacketType.ACK ? ` “${content[0]}”` : "";
    return { summary: `${name}${event}`, value: { namespace: nsp, ...(id !== undefined && { id }), data: content } };
  },
};

function packetOf(text: string): Packet | undefined {
  let packet: Packet | undefined;
  const decoder = new Decoder();
  decoder.on("decoded", (decoded: Packet) => {
    packet = decoded;
  });
  decoder.add(text);
  decoder.destroy();
  return packet ?? withAttachments(text);
}

/** A packet whose attachments follow in frames of their own is not given out before they have come. */
function withAttachments(text: string): Packet | undefined {
  const [, type, nsp, id, data] = /^([56])\d+-(?:(\/[^,]*),)?(\d+)?(.*)$/s.exec(text) ?? [];
  if (type === undefined) return undefined;
  return { type: Number(type), nsp: nsp ?? "/", ...(id && { id: Number(id) }), data: jsonOr(data ?? "") };
}
