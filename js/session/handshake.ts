/**
 * Both sides' opening handshake (RFC 6455 §4, RFC 8441 §5) over header fields; other modules send and read them.
 *
 * @module
 */

import { wasm } from "../engine/engine.js";
import { WebSocketError } from "../engine/errors.js";
import {
  apart,
  fieldsIn,
  flatten,
  type HeaderField,
  type HeaderFields,
  hasName,
  isName,
  joined,
  packed,
  pairs,
  writeResponse,
} from "../engine/http.js";
import { failureOf, guarded, release } from "../engine/output.js";
import { textBytes } from "../engine/text.js";
import { type DeflateSettings, enableDeflate } from "./deflate.js";
import { invalidOption } from "./kinds.js";
import type { Limits } from "./options.js";
import { FrameSession } from "./session.js";

/** The agreements of a handshake that a session needs. */
export interface SessionOptions {
  readonly limits: Limits;
  /** Whether and how to compress. */
  readonly deflate: DeflateSettings | undefined;
  /** Whether text messages and close reasons are taken as they are, UTF-8 or not. */
  readonly skipUtf8Verification?: boolean;
}

/** What turns a connection into a WebSocket: an upgrade of HTTP/1.1, or an extended CONNECT of HTTP/2. */
export type Bootstrap = "upgrade" | "connect";

/** A handshake's outcome. */
export interface Agreed {
  /** To be given to a connection, or freed. */
  readonly session: FrameSession;
  /** The subprotocol that the server selected, or `""`. */
  readonly protocol: string;
  /** The extensions that the server selected, or `""`. */
  readonly extensions: string;
}

/** One request of a client's, and what its answer must be. */
export class ClientHandshake {
  /** The fields of the request except `Host`: the caller's, and those of the handshake. */
  readonly fields: readonly HeaderField[];
  readonly #protocols: readonly string[];
  readonly #options: SessionOptions;
  #handle: wasm.Handle | undefined;

  /**
   * @param headers to add; those of the handshake take the place of theirs
   * @throws WebSocketError `WS_ERR_INVALID_OPTION` for a field that a handshake cannot have
   * @throws WebSocketProtocolError for a field with a character that does not belong there
   */
  constructor(
    protocols: readonly string[],
    headers: HeaderFields,
    options: SessionOptions,
    bootstrap: Bootstrap = "upgrade",
  ) {
    const own = pairs(flatten(headers));
    refuseFields(own);
    this.#protocols = protocols;
    this.#options = options;
    this.fields = this.#begin((handle) => {
      enableDeflate(handle, options.deflate);
      const isConnect = bootstrap === "connect";
      const made = handle.begin_client_handshake(...packed(protocols), "", 0, ...packed(flatten(own)), isConnect);
      const added = pairs(apart(made));
      return [...own.filter((field) => !added.some(([name]) => hasName(field, name))), ...added];
    });
  }

  #begin<T>(use: (handle: wasm.Handle) => T): T {
    const { skipUtf8Verification = false } = this.#options;
    const handle = guarded(() => wasm.Handle.create_client(undefined, undefined, false, skipUtf8Verification));
    this.#handle = handle;
    return this.#guarded(() => use(handle));
  }

  /**
   * Checks the fields of the answer that accepts: 101, or 2xx over HTTP/2. The handshake is over then.
   *
   * @throws WebSocketProtocolError if the answer breaks a rule of RFC 6455 §4.1
   */
  finish(headers: readonly HeaderField[]): Agreed {
    const handle = this.#handle as wasm.Handle;
    return this.#guarded(() => {
      const [subprotocol = -1] = handle.end_client_handshake(...packed(flatten(headers)), false);
      const session = sessionOf(handle, false, this.#options);
      this.#handle = undefined;
      const extensions = joined(headers, "Sec-WebSocket-Extensions");
      return { session, protocol: this.#protocols[subprotocol] ?? "", extensions };
    });
  }

  /** Gives it up. */
  abandon(): void {
    this.#release();
  }

  #guarded<T>(call: () => T): T {
    try {
      return guarded(call);
    } catch (error) {
      this.#release(error);
      throw error;
    }
  }

  #release(error?: unknown): void {
    if (this.#handle !== undefined) release(this.#handle, error);
    this.#handle = undefined;
  }
}

const REASON = "Switching Protocols";
const START = `HTTP/1.1 101 ${REASON}\r\n`;

/** A server's answer, and the session that begins with it. */
export class Answer implements Agreed {
  readonly session: FrameSession;
  readonly protocol: string;
  readonly extensions: string;
  /** Its head, as bytes of HTTP/1.1. */
  readonly head: Uint8Array;
  readonly #lines: string;
  readonly #own: readonly HeaderField[];

  /**
   * @param lines the engine's fields
   * @param own the caller's, which do not take the place of those
   */
  constructor(
    handle: wasm.Handle,
    lines: string,
    own: readonly HeaderField[],
    protocol: string,
    options: SessionOptions,
  ) {
    this.#lines = lines;
    this.#own = own;
    this.protocol = protocol;
    // the engine checks what is not its own
    this.head = own.length === 0 ? textBytes(`${START}${lines}\r\n`) : writeResponse(101, REASON, this.fields);
    this.session = sessionOf(handle, true, options);
    const hasExtension = this.session.compression !== undefined;
    this.extensions = hasExtension ? joined(fieldsIn(lines), "Sec-WebSocket-Extensions") : "";
  }

  /** The fields of the answer that accepts; most are wanted as bytes alone. */
  get fields(): HeaderField[] {
    const made = fieldsIn(this.#lines);
    return [...made, ...this.#own.filter((field) => !made.some(([name]) => hasName(field, name)))];
  }
}

/**
 * Answers a client's request.
 *
 * @param headers of the request
 * @param protocol the subprotocol to select, or `""`
 * @param add gives the caller's own fields for the answer, which has those that are given to it as lines
 * @throws WebSocketProtocolError if the request breaks a rule of RFC 6455 §4.2.1, or a field has a character that does
 *   not belong there
 * @throws WebSocketError `WS_ERR_INVALID_OPTION` for a field that an answer cannot have
 */
export function answerHandshake(
  headers: HeaderFields,
  protocol: string,
  add: (made: string) => HeaderFields,
  options: SessionOptions,
  bootstrap: Bootstrap = "upgrade",
): Answer {
  const { skipUtf8Verification = false, deflate } = options;
  // it is the application's choice; in the engine, something else would be a trap
  if (typeof protocol !== "string") throw invalidOption("protocol", "a string", protocol);
  let handle: wasm.Handle | undefined;
  try {
    handle = wasm.Handle.create_server(undefined, undefined, false, skipUtf8Verification);
    const fields = flatten(headers);
    if (fields.some(offersExtensions)) enableDeflate(handle, deflate); // it makes sure of memory, which takes some
    const isConnect = bootstrap === "connect";
    const lines = handle.begin_server_handshake(protocol, "", 0, ...packed(fields), isConnect);
    const own = pairs(flatten(add(lines)));
    refuseFields(own);
    return new Answer(handle, lines, own, protocol, options);
  } catch (thrown) {
    const error = failureOf(thrown);
    if (handle !== undefined) release(handle, error);
    throw error;
  }
}

function offersExtensions(name: string): boolean {
  return isName(name, "Sec-WebSocket-Extensions");
}

function sessionOf(handle: wasm.Handle, isServer: boolean, { limits, deflate }: SessionOptions): FrameSession {
  const { maxFrameSize, maxMessageSize, maxFragments } = limits;
  const inner = handle.into_session(maxFrameSize, maxMessageSize, maxFragments);
  return new FrameSession(inner, isServer, maxMessageSize, deflate);
}

/** Fields that the caller must not set. */
function refuseFields(own: readonly HeaderField[]): void {
  if (own.length === 0) return;
  const body = own.find((field) => hasName(field, "Content-Length") || hasName(field, "Transfer-Encoding"));
  if (body !== undefined) {
    // what comes behind the head would be frames to the peer, and a body to a proxy before it
    throw new WebSocketError("WS_ERR_INVALID_OPTION", `A handshake has no body, and no field ${body[0]}`);
  }
  if (own.some((field) => hasName(field, "Sec-WebSocket-Extensions"))) {
    throw new WebSocketError("WS_ERR_INVALID_OPTION", "Extensions are offered by the option perMessageDeflate");
  }
}
