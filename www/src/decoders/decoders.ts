/**
 * All decoders. To add one, put it into the list.
 *
 * @module
 */
import type { Decoded, PayloadContext, PayloadDecoder } from "./decoder.js";
import { graphQl } from "./graphql.js";
import { messagePack } from "./messagepack.js";
import { mqtt } from "./mqtt.js";
import { protobuf } from "./protobuf.js";
import { socketIo } from "./socketio.js";
import { stomp } from "./stomp.js";

/** The more particular ones first. */
const DECODERS: readonly PayloadDecoder[] = [socketIo, graphQl, stomp, mqtt, messagePack, protobuf];

/** Bytes of a payload that is decoded: more would hold the page up. */
export const MOST_DECODED = 256 * 1024;

/** What a payload may be. */
export interface Reading extends Decoded {
  readonly name: string;
  /** Whether the connection says so, and the bytes do not only allow it. */
  readonly isAgreed: boolean;
}

/** All readings of a payload: those that the connection agreed on first. None of one that is too large. */
export function readingsOf(payload: Uint8Array, context: PayloadContext): Reading[] {
  if (payload.length > MOST_DECODED) return [];
  return DECODERS.flatMap((decoder) => {
    try {
      const decoded = decoder.decode(payload, context);
      return decoded === undefined ? [] : [{ ...decoded, name: decoder.name, isAgreed: decoder.isAgreed(context) }];
    } catch {
      // it is of another format
      return [];
    }
  }).sort((one, other) => Number(other.isAgreed) - Number(one.isAgreed));
}
