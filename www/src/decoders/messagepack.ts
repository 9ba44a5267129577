/**
 * MessagePack, by its own library.
 *
 * @module
 */
import { decodeMulti } from "@msgpack/msgpack";

import type { PayloadDecoder } from "./decoder.js";

/** Several values one behind the other are decoded as well, as SignalR's and Phoenix's are. */
export const messagePack: PayloadDecoder = {
  name: "MessagePack",
  isAgreed: ({ subprotocol, isText }) => !isText && /msgpack|messagepack/i.test(subprotocol),
  decode(payload, { isText }) {
    if (isText) return undefined;
    const values = [...decodeMulti(payload, { useBigInt64: true })];
    // a lone small number or nil is what any byte would be
    const isTelling = values.some((value) => typeof value === "object" && value !== null);
    if (!isTelling) return undefined;
    return values.length === 1
      ? { summary: "one value", value: values[0] }
      : { summary: `${values.length} values`, value: values };
  },
};
