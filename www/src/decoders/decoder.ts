/**
 * How a payload's own format is shown. A decoder is a plug-in: one object in the list of `decoders.ts`.
 *
 * @module
 */

/** What is known of a payload beside its bytes. */
export interface PayloadContext {
  /** Whether it is a text message's. */
  readonly isText: boolean;
  /** The subprotocol that the server selected; empty if there is none, or no handshake. */
  readonly subprotocol: string;
  /** Path and query of the request; empty without a handshake. */
  readonly target: string;
}

/** A payload, decoded. */
export interface Decoded {
  /** What it is, in a line. */
  readonly summary: string;
  /** Its content: what JSON has, and bytes, which are shown as hex. */
  readonly value: unknown;
}

/** Decodes payloads of one format. */
export interface PayloadDecoder {
  /** The format's name. */
  readonly name: string;
  /** Whether the connection says that it has this format: then it is shown without being asked for. */
  isAgreed(context: PayloadContext): boolean;
  /** Decodes; nothing if the payload is not of this format. It may throw then as well. */
  decode(payload: Uint8Array, context: PayloadContext): Decoded | undefined;
}

/** A text that is UTF-8 as a whole. */
export function textOf(payload: Uint8Array): string {
  return new TextDecoder("utf-8", { fatal: true }).decode(payload);
}

/** The value in a text of JSON; the text itself if it is none. */
export function jsonOr(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
