/**
 * A request for a WebSocket over a session of HTTP/2 that is there already (RFC 8441).
 *
 * @module
 */
import type { ClientHttp2Session, ClientHttp2Stream, IncomingHttpHeaders, OutgoingHttpHeaders } from "node:http2";

import { WebSocketError } from "../engine/errors.js";
import { type HeaderField, hasName, pairs } from "../engine/http.js";
import {
  cancel,
  fieldsError,
  outgoing,
  PROTOCOL,
  REFUSED_STREAM,
  rawFields,
  StreamTransport,
} from "../transport/http2.js";
import { type Tap, tapHead, tapped } from "../transport/tap.js";
import { queueMicrotask } from "../transport/tasks.js";
import { StreamBody } from "./body.js";
import type { Exchange, ExchangeListener, UpgradeRequest } from "./exchange.js";
import { connectionError } from "./failure.js";
import { InterimResponses } from "./interim.js";
import { Readiness } from "./readiness.js";

/** How to open a stream. */
interface StreamOptions {
  /** Receives a copy of the connection's bytes. */
  readonly tap: Tap | undefined;
  /** Gets the stream; returns what is told whether the connection keeps the process alive. */
  readonly onStream?: ((stream: ClientHttp2Stream) => ((isHeld: boolean) => void) | undefined) | undefined;
  /** The stream was given up before the server said anything of it. */
  readonly onUnanswered?: () => void;
}

/** Whether a value is a session on which streams can be opened. */
export function isSession(value: unknown): value is ClientHttp2Session {
  const { request, ping } = (value ?? {}) as Partial<ClientHttp2Session>;
  return typeof request === "function" && typeof ping === "function";
}

/**
 * Opens streams of this session. The session stays its owner's: it is neither closed nor listened to for errors.
 *
 * @param onStream gets the stream before its events
 */
export function sessionExchange(
  session: ClientHttp2Session,
  onStream?: (stream: ClientHttp2Stream) => undefined,
): Exchange {
  return (request, options, listener) => {
    let abandon = (): void => stopAsking();
    const stopAsking = Readiness.of(session).ask((error) => {
      if (error === undefined) abandon = openStream(session, request, { tap: options.tap, onStream }, listener);
      else listener.onFailed(error);
    });
    return () => abandon();
  };
}

/** Opens a stream of a session whose server allows it. Returns a function that gives it up. */
export function openStream(
  session: ClientHttp2Session,
  request: UpgradeRequest,
  options: StreamOptions,
  listener: ExchangeListener,
): () => void {
  const exchange = new StreamExchange(session, request, options, listener);
  return () => exchange.abandon();
}

class StreamExchange {
  readonly #session: ClientHttp2Session;
  readonly #options: StreamOptions;
  readonly #listener: ExchangeListener;
  readonly #interim = new InterimResponses();
  #sent: OutgoingHttpHeaders = {};
  #stream: ClientHttp2Stream | undefined;
  #onHold: ((isHeld: boolean) => void) | undefined;
  #isOver = false;

  constructor(
    session: ClientHttp2Session,
    request: UpgradeRequest,
    options: StreamOptions,
    listener: ExchangeListener,
  ) {
    this.#session = session;
    this.#options = options;
    this.#listener = listener;
    try {
      this.#begin(request);
    } catch (error) {
      queueMicrotask(() => this.#fail(error as Error));
    }
  }

  abandon(): void {
    if (!this.#isOver) this.#options.onUnanswered?.();
    this.#leave();
  }

  #leave(): void {
    this.#isOver = true;
    if (this.#stream !== undefined) cancel(this.#stream);
  }

  #begin(request: UpgradeRequest): void {
    const session = this.#session;
    const isSecure = request.url.protocol === "wss:";
    if (isSecure && session.encrypted !== true) {
      throw new WebSocketError("WS_ERR_INVALID_OPTION", "The session is not encrypted, so it cannot serve a wss: URL");
    }
    const fields = request.fields("connect");
    const stream = withTypedErrors(() => {
      this.#sent = headOf(request, fields);
      return session.request(this.#sent, { endStream: false });
    });
    this.#stream = stream;
    this.#onHold = this.#options.onStream?.(stream);
    // it stays when the exchange is over, because an error without a listener ends the process
    stream.on("error", ignore);
    stream.on("response", this.#onResponse).on("headers", this.#onInterim).on("close", this.#onClose);
  }

  readonly #onResponse = (received: IncomingHttpHeaders): void => {
    if (this.#isOver) return;
    this.#isOver = true;
    const stream = this.#stream as ClientHttp2Stream;
    stream.off("response", this.#onResponse).off("headers", this.#onInterim).off("close", this.#onClose);
    const status = Number(received[":status"]);
    const fields = pairs(rawFields(received)).filter(([name]) => !name.startsWith(":"));
    const { tap } = this.#options;
    if (tap !== undefined) {
      tapHead(tap, "sent", `CONNECT ${this.#sent[":path"]} HTTP/2`, rawFields(this.#sent));
      tapHead(tap, "received", `HTTP/2 ${status}`, rawFields(received));
    }
    if (status >= 200 && status <= 299) {
      const transport = new StreamTransport(stream, this.#onHold);
      this.#listener.onSwitched(fields, tap === undefined ? transport : tapped(transport, tap));
    } else {
      this.#listener.onRefused(status, fields, new StreamBody(stream));
    }
  };

  readonly #onInterim = (received: IncomingHttpHeaders): void => {
    try {
      this.#interim.add(Number(received[":status"]));
    } catch (error) {
      this.#fail(error as Error);
    }
  };

  readonly #onClose = (): void => {
    const { errored, id = 0, rstCode = 0 } = this.#stream as ClientHttp2Stream;
    if (rstCode === REFUSED_STREAM || Readiness.of(this.#session).isLeftOut(id)) {
      const message = "The server refused the stream before it processed the request, so it may be sent again";
      this.#fail(new WebSocketError("WS_ERR_REFUSED_STREAM", message, { cause: errored }));
      return;
    }
    const why = errored?.message ?? `the server closed the stream with code ${rstCode} before an answer`;
    this.#fail(new WebSocketError("WS_ERR_CONNECTION", `The connection failed: ${why}`, { cause: errored }));
  };

  #fail(error: Error): void {
    if (this.#isOver) return;
    this.#leave();
    this.#listener.onFailed(error);
  }
}

/**
 * @throws WebSocketError `WS_ERR_CONNECTION` if the session has ended, `WS_ERR_INVALID_OPTION` if HTTP/2 cannot have a
 *   field
 */
function withTypedErrors<T>(request: () => T): T {
  try {
    return request();
  } catch (cause) {
    throw cause instanceof TypeError ? fieldsError(cause) : connectionError(cause as Error);
  }
}

/** The head of a request (RFC 8441 §4 and §5). */
function headOf({ url }: UpgradeRequest, fields: readonly HeaderField[]): OutgoingHttpHeaders {
  const host = fields.find((field) => hasName(field, "Host"));
  const pseudo = {
    ":method": "CONNECT",
    ":protocol": PROTOCOL,
    ":scheme": url.protocol === "wss:" ? "https" : "http",
    ":path": url.pathname + url.search,
    ":authority": host?.[1] ?? url.host,
  };
  return outgoing(
    pseudo,
    fields.filter((field) => field !== host),
  );
}

function ignore(): void {}
