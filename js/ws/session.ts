/**
 * Opens a client's connection on a session of HTTP/2 (RFC 8441), with the events of `ws`.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import http, { type ClientRequest, type IncomingMessage } from "node:http";
import type { ClientHttp2Session, ClientHttp2Stream, IncomingHttpHeaders } from "node:http2";
import { isSession, sessionExchange } from "../client/http2.js";
import { WebSocketError } from "../engine/errors.js";
import { flatten, type HeaderField, hasName, pairs } from "../engine/http.js";
import type { ClientHandshake } from "../session/handshake.js";
import { invalidOption } from "../session/kinds.js";
import { milliseconds } from "../session/options.js";
import { rawFields } from "../transport/http2.js";
import { onAbort } from "../transport/signals.js";
import { clearTimeout, nextTick, setTimeout } from "../transport/tasks.js";
import type { Transport } from "../transport/transport.js";
import { agreedBy, beginHandshake } from "./agreement.js";
import type { Opening, OpeningRequest } from "./opening.js";
import { type OpeningOptions, SHARED_OPTIONS } from "./options.js";
import { authOf, type Target, targetOf } from "./target.js";

/** The options that have a meaning for a stream. The others are those of a connection, which the session has been. */
const OPTIONS = new Set<string>([
  ...SHARED_OPTIONS,
  ...["auth", "generateMask", "handshakeTimeout", "headers", "origin", "protocolVersion", "protocols", "session"],
  ...["maxRedirects", "signal"],
]);

/**
 * The session that a client's stream is opened on, if there is one. For `tls.connect`, the option is bytes.
 *
 * @throws WebSocketError `WS_ERR_INVALID_OPTION` for another value, and for options that do not go with a session
 */
export function sessionOf(options: OpeningOptions): ClientHttp2Session | undefined {
  const { session } = options;
  if ((options as { http2?: unknown }).http2) {
    throw new WebSocketError("WS_ERR_INVALID_OPTION", "There is no option http2 here: open a session, and pass that");
  }
  if (session === undefined || session === null || session instanceof Uint8Array) return undefined;
  if (!isSession(session)) {
    throw invalidOption("session", "a client's session of node:http2, or a Buffer of one of TLS", session);
  }
  const isGiven = ([name, value]: [string, unknown]) =>
    value !== undefined && !OPTIONS.has(name) && !(name === "followRedirects" && value === false);
  const [other] = Object.entries(options).find(isGiven) ?? [];
  if (other === undefined) return session;
  throw new WebSocketError("WS_ERR_INVALID_OPTION", `The option session does not go with ${other}`);
}

/** An opening handshake on a session. It follows no redirects. */
export class StreamOpening implements Opening {
  readonly #on: ClientHttp2Session;
  readonly #request: OpeningRequest;
  readonly #target: Target;
  #handshake: ClientHandshake | undefined;
  #stream: ClientHttp2Stream | undefined;
  /** The head of the answer. */
  #received: IncomingHttpHeaders = {};
  #timer: ReturnType<typeof setTimeout> | undefined;
  #abandon: () => void = ignore;
  #ignoreSignal: () => void = ignore;
  #isOver = false;

  /** @throws SyntaxError for a URL that is not valid; WebSocketError `WS_ERR_INVALID_OPTION` for a unix socket */
  constructor(on: ClientHttp2Session, request: OpeningRequest) {
    this.#on = on;
    this.#request = request;
    this.#target = targetOf(request.address);
    if (this.#target.socketPath !== undefined) {
      throw new WebSocketError("WS_ERR_INVALID_OPTION", "The option session does not go with a URL of ws+unix:");
    }
  }

  get url(): string {
    return this.#target.url.href;
  }

  begin(): void {
    const { protocols, options, session } = this.#request;
    const { handshakeTimeout, signal } = options;
    const { url } = this.#target;
    const time = handshakeTimeout ? milliseconds("handshakeTimeout", handshakeTimeout) : undefined;
    const handshake = beginHandshake(protocols, session, fieldsOf(options, url), "connect");
    this.#handshake = handshake;
    try {
      this.#ask(handshake);
    } catch (error) {
      this.#end(); // of an option that is not valid
      handshake.abandon();
      throw error;
    }
    if (time !== undefined) this.#timer = setTimeout(() => this.abort("Opening handshake has timed out"), time);
    if (signal?.aborted) nextTick(() => this.#give(abortError(signal)));
  }

  #ask(handshake: ClientHandshake): void {
    const { signal } = this.#request.options;
    const { url } = this.#target;
    this.#ignoreSignal = onAbort(signal, () => this.#give(abortError(signal)));
    const exchange = sessionExchange(this.#on, (stream) => {
      this.#stream = stream.once("response", (received) => {
        this.#received = received;
      });
      return undefined;
    });
    this.#abandon = exchange({ url, fields: () => handshake.fields }, NO_OPTIONS, {
      onSwitched: (_, transport) => this.#switched(transport),
      onRefused: () => this.#refused(),
      onFailed: (error) => this.#give(error),
    });
  }

  abort(message: string): void {
    this.#give(new Error(message));
  }

  #give(error: Error): void {
    if (this.#isOver) return;
    this.#end();
    this.#abandon();
    this.#handshake?.abandon();
    this.#request.listener.onFailed(error);
  }

  #end(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#ignoreSignal();
  }

  #switched(transport: Transport): void {
    const { emitter, protocols, session, listener } = this.#request;
    const stream = this.#stream as ClientHttp2Stream;
    const answer = answerOf(stream, this.#received);
    emitter.emit("upgrade", answer);
    if (this.#isOver) return void transport.destroy();
    try {
      const agreed = agreedBy(this.#handshake as ClientHandshake, answer, protocols, session);
      this.#end();
      listener.onOpened(stream, NO_BYTES, agreed, transport);
    } catch (error) {
      this.#give(error as Error);
    }
  }

  /** A listener may read the answer for as long as it likes. */
  #refused(): void {
    clearTimeout(this.#timer);
    const stream = this.#stream as ClientHttp2Stream;
    const answer = Object.assign(stream, answerOf(stream, this.#received)) as unknown as ClientRequest &
      IncomingMessage;
    const isSeen = this.#request.emitter.emit("unexpected-response", answer, answer);
    if (!isSeen) this.abort(`Unexpected server response: ${answer.statusCode}`);
  }
}

/**
 * The caller's fields.
 *
 * @throws TypeError as `http.request` has it, for a name or a value that is not valid
 */
function fieldsOf({ headers = {}, origin, auth }: OpeningOptions, url: URL): HeaderField[] {
  const own = pairs(flatten(headers)).filter((field) => !hasName(field, "Sec-WebSocket-Extensions"));
  for (const [name, value] of own) {
    http.validateHeaderName(name);
    http.validateHeaderValue(name, value);
  }
  const credentials = own.some((field) => hasName(field, "Authorization")) ? undefined : (authOf(url) ?? auth);
  return [
    ...(own.some((field) => hasName(field, "Host")) ? [] : [["Host", url.host] as const]),
    ...(credentials ? [["Authorization", `Basic ${Buffer.from(credentials).toString("base64")}`] as const] : []),
    ...own.filter((field) => !origin || !hasName(field, "Origin")),
    ...(origin ? [["Origin", origin] as const] : []),
  ];
}

/** What programs that are made for `ws` read of an answer. */
function answerOf(stream: ClientHttp2Stream, received: IncomingHttpHeaders): IncomingMessage {
  const fields = Object.entries(received).filter(([name]) => !name.startsWith(":"));
  const headers = Object.fromEntries(fields);
  const answer = {
    statusCode: Number(received[":status"]),
    statusMessage: "",
    httpVersion: "2.0",
    headers,
    rawHeaders: rawFields(headers),
    socket: stream.session?.socket,
  };
  return answer as unknown as IncomingMessage;
}

/** As `http.request` has it. */
function abortError(signal: AbortSignal | undefined): Error {
  const error = new Error("The operation was aborted", { cause: signal?.reason });
  return Object.assign(error, { name: "AbortError", code: "ABORT_ERR" });
}

const NO_BYTES = new Uint8Array(0);
/** The session has been made. */
const NO_OPTIONS = { tls: {}, socketPath: undefined, createConnection: undefined, tap: undefined };

function ignore(): void {}
