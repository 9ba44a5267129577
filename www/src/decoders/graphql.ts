/**
 * GraphQL over WebSocket: `graphql-transport-ws`, and `graphql-ws` before it.
 *
 * @module
 */
import { type PayloadDecoder, textOf } from "./decoder.js";

const SUBPROTOCOLS = ["graphql-transport-ws", "graphql-ws"];
const TYPES: Readonly<Record<string, string>> = {
  connection_init: "opens the session",
  connection_ack: "accepts the session",
  connection_error: "refuses the session",
  connection_terminate: "ends the session",
  ka: "keeps the connection alive",
  ping: "asks for a pong",
  pong: "answers a ping",
  subscribe: "begins an operation",
  start: "begins an operation",
  next: "a result",
  data: "a result",
  error: "an operation failed",
  complete: "an operation is done",
  stop: "ends an operation",
};

/** A message with its type in words. */
export const graphQl: PayloadDecoder = {
  name: "GraphQL-WS",
  isAgreed: ({ subprotocol, isText }) => isText && SUBPROTOCOLS.includes(subprotocol),
  decode(payload, context) {
    if (!context.isText) return undefined;
    const message = JSON.parse(textOf(payload)) as { type?: unknown; id?: unknown; payload?: unknown } | null;
    const type = String(message?.type);
    const words = Object.hasOwn(TYPES, type) ? TYPES[type] : undefined;
    if (words === undefined || (!this.isAgreed(context) && message?.payload === undefined)) return undefined;
    const about = message?.id === undefined ? "" : ` (${message.id})`;
    return { summary: `${type}${about}: ${words}`, value: message?.payload ?? message };
  },
};
