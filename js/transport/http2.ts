/**
 * A stream of HTTP/2 that an extended CONNECT turns into a WebSocket (RFC 8441), in place of a socket.
 *
 * @module
 */
import type {
  Http2Session,
  Http2Stream,
  IncomingHttpHeaders,
  OutgoingHttpHeaders,
  ServerHttp2Stream,
} from "node:http2";
import process from "node:process";
import type { TLSSocket } from "node:tls";

import { WebSocketError } from "../engine/errors.js";
import type { HeaderField } from "../engine/http.js";
import { NodeTransport } from "./node.js";
import { watchSession } from "./session-watch.js";
import { setImmediate } from "./tasks.js";
import type { TransportListener } from "./transport.js";
import { type HandshakeRequest, isHost, resource } from "./upgrade.js";

/** The value of `:protocol`. */
export const PROTOCOL = "websocket";

/** Error codes of RFC 9113 §7. */
const NO_ERROR = 0;
const CANCEL = 8;
/** Nothing was processed: the request may be sent again. Node has it too for streams that a GOAWAY leaves out. */
export const REFUSED_STREAM = 7;

/** A transport over a stream. */
export class StreamTransport extends NodeTransport {
  readonly #stream: Http2Stream;
  readonly #onHold: ((isHeld: boolean) => void) | undefined;

  /** @param onHold is told whether the connection keeps the process alive; without it, the session's owner decides */
  constructor(stream: Http2Stream, onHold?: (isHeld: boolean) => void) {
    super(stream);
    this.#stream = stream;
    this.#onHold = onHold;
  }

  override start(listener: TransportListener): void {
    super.start(listener);
    watchSession(this.#stream.session);
    this.#stream.off("aborted", readOut).on("aborted", readOut);
  }

  /** A stream that the peer has reset with NO_ERROR writes nothing more, and Node would wait for that without end. */
  override onEnd(): void {
    super.onEnd();
    if (this.#stream.closed) this.#stream.destroy();
  }

  override hold(isHeld: boolean): void {
    this.#onHold?.(isHeld);
  }

  get isAnswered(): boolean {
    return (this.#stream as ServerHttp2Stream).headersSent;
  }

  override get isTaken(): boolean {
    return this.isAnswered || super.isTaken;
  }

  /** @throws WebSocketError `WS_ERR_INVALID_OPTION` if HTTP/2 cannot have a field twice; then nothing was sent */
  respond(status: number, fields: readonly HeaderField[], body?: Uint8Array): void {
    const stream = this.#stream as ServerHttp2Stream;
    if (stream.destroyed || stream.closed) return;
    if (this.isAnswered) throw new WebSocketError("WS_ERR_INVALID_OPTION", "Another listener answered the stream");
    try {
      stream.respond(outgoing({ ":status": status }, fields));
    } catch (cause) {
      throw fieldsError(cause as Error);
    }
    if (body === undefined) return;
    // the client may still be sending; what it sends is not wanted (RFC 9113 §8.1)
    stream.once("finish", () => end(stream, NO_ERROR));
    stream.end(body);
  }

  /**
   * What TCP's reset is, is RST_STREAM with CANCEL here (RFC 8441 §5). Within an event of the session, it would
   * overtake what was sent before, even the answer: frames are written when the event is over.
   */
  override destroy(): void {
    if (this.#hasUnwritten) setImmediate(() => cancel(this.#stream));
    else cancel(this.#stream);
  }

  get #hasUnwritten(): boolean {
    const { writableLength, session } = this.#stream;
    return writableLength > 0 || (session?.state?.outboundQueueSize ?? 0) > 0;
  }
}

/**
 * A stream is about to be destroyed, by a reset or with its session, and all bytes with it that a slow reader has left
 * in it. Over TCP they would stay in the system. No more can be there than the window allows.
 */
function readOut(this: Http2Stream): void {
  while (this.read() !== null); // which emits `data`, too
}

/** The error for fields that `node:http2` does not take, such as a second `Authorization`. */
export function fieldsError(cause: Error): WebSocketError {
  const message = `HTTP/2 cannot have these fields: ${cause.message}`;
  return new WebSocketError("WS_ERR_INVALID_OPTION", message, { cause });
}

/** Gives a stream up at once. */
export function cancel(stream: Http2Stream): void {
  end(stream, CANCEL);
}

function end(stream: Http2Stream, code: number): void {
  if (stream.destroyed) return;
  if (!stream.closed) stream.close(code);
  stream.destroy(); // else it would wait for a reader of what has come
}

/** Whether a request is an extended CONNECT, of any protocol. */
export function isExtendedConnect(headers: IncomingHttpHeaders): boolean {
  return headers[":method"] === "CONNECT" && headers[":protocol"] !== undefined;
}

/** Whether a request is one for a WebSocket. A proxy may pass on `WebSocket`, as a client wrote it (RFC 9110 §7.8). */
export function isForWebSocket(headers: IncomingHttpHeaders): boolean {
  return isExtendedConnect(headers) && `${headers[":protocol"]}`.toLowerCase() === PROTOCOL;
}

/** A request over HTTP/2, as a request for an upgrade. */
export class StreamRequest implements HandshakeRequest {
  /** `CONNECT`, if it is a handshake. */
  readonly method: string;
  /** The value of `:path`: a path with its query. */
  readonly url: string;
  /** `2.0`. */
  readonly httpVersion = "2.0";
  /** Without pseudo-fields; `host` is the value of `:authority`. */
  readonly headers: { readonly [name: string]: string | readonly string[] | undefined };
  /** Names and values of {@link headers} in turn. */
  readonly rawHeaders: string[];
  /** The stream that it came over. */
  readonly stream: ServerHttp2Stream;
  /** Whether it can be a handshake, by what the engine does not see. */
  readonly isPossible: boolean;
  readonly #peer: Peer;

  constructor(stream: ServerHttp2Stream, received: IncomingHttpHeaders) {
    const { ":method": method = "", ":path": path = "", ":authority": authority } = received;
    const { host = authority } = received;
    this.stream = stream;
    this.method = method;
    this.url = path;
    this.headers = { host, ...fieldsOf(received) };
    this.rawHeaders = Object.entries(this.headers).flatMap(([name, value]) => rawOf(name, value));
    this.isPossible =
      isForWebSocket(received) &&
      host !== undefined &&
      isHost(host) &&
      (authority === undefined || host.toLowerCase() === authority.toLowerCase()) && // RFC 9113 §8.3.1
      resource(path) !== undefined &&
      received["content-length"] === undefined; // nghttp2 would take the first message for a body that is too long
    this.#peer = peerOf(stream.session);
  }

  /** The session's, as `node:http2` gives it out; once that has ended, only the address. */
  get socket(): HandshakeRequest["socket"] {
    const { session } = this.stream;
    return session === undefined || session.destroyed ? this.#peer : (session.socket as TLSSocket);
  }
}

const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/**
 * The field that Node's own WebSocket, in 26.10, wants over HTTP/2 too: it sends a key, which RFC 8441 §5 does not ask
 * for. Clients without a key get none.
 */
export function acceptFor({ headers }: StreamRequest): HeaderField[] {
  const key = headers["sec-websocket-key"];
  // no import, because Deno takes long to load it, and older versions of Node are not the servers of new clients
  const crypto = key === undefined ? undefined : process.getBuiltinModule?.("node:crypto");
  if (crypto === undefined) return [];
  return [["sec-websocket-accept", crypto.createHash("sha1").update(`${key}${GUID}`).digest("base64")]];
}

/** The other side of a session. */
interface Peer {
  readonly remoteAddress: string | undefined;
  readonly remotePort: number | undefined;
  readonly encrypted: boolean;
}

/** A session's socket throws once it is gone, and to ask the system costs. */
const peers = new WeakMap<Http2Session, Peer>();

function peerOf(session: Http2Session | undefined): Peer {
  if (session === undefined || session.destroyed) {
    return { remoteAddress: undefined, remotePort: undefined, encrypted: false };
  }
  let peer = peers.get(session);
  if (peer === undefined) {
    const { remoteAddress, remotePort } = session.socket;
    peer = { remoteAddress, remotePort, encrypted: session.encrypted === true };
    peers.set(session, peer);
  }
  return peer;
}

function fieldsOf(received: IncomingHttpHeaders): IncomingHttpHeaders {
  return Object.fromEntries(Object.entries(received).filter(([name]) => !name.startsWith(":")));
}

function rawOf(name: string, value: string | readonly string[] | undefined): string[] {
  return [value ?? []].flat().flatMap((one) => [name, one]);
}

/** Fields of one connection of HTTP/1.1, which HTTP/2 must not have (RFC 9113 §8.2.2). */
const HOP_BY_HOP = [
  "connection",
  "keep-alive",
  "proxy-connection",
  "te",
  "transfer-encoding",
  "upgrade",
  "http2-settings",
];

/** Bytes of a head that nghttp2 sends at most, with what it adds to a field; beyond it, Node closes the session. */
const MAX_HEAD_SIZE = 64 * 1024;
const FIELD_OVERHEAD = 16;

/**
 * A head as `node:http2` takes it, without the fields of a connection of HTTP/1.1.
 *
 * @throws TypeError if it is too large
 */
export function outgoing(pseudo: OutgoingHttpHeaders, fields: readonly HeaderField[]): OutgoingHttpHeaders {
  const lower = fields.map(([name, value]) => [name.toLowerCase(), value] as const);
  const named = lower.filter(([name]) => name === "connection").flatMap(([, value]) => value.toLowerCase().split(","));
  const dropped = new Set([...HOP_BY_HOP, ...named.map((name) => name.trim())]);
  const headers: OutgoingHttpHeaders = Object.assign(Object.create(null), pseudo);
  for (const [name, value] of lower) {
    if (dropped.has(name)) continue;
    const before = headers[name];
    headers[name] = before === undefined ? value : [before, value].flat().map(String);
  }
  const size = rawFields(headers).reduce((sum, text) => sum + text.length + FIELD_OVERHEAD / 2, 0);
  if (size > MAX_HEAD_SIZE) throw new TypeError("with them, the head is larger than 64 KiB");
  return headers;
}

/** Names and values of a head in turn, pseudo-fields first, for a tap. */
export function rawFields(headers: OutgoingHttpHeaders | IncomingHttpHeaders): string[] {
  return Object.entries(headers).flatMap(([name, value]) => rawOf(name, [value ?? []].flat().map(String)));
}
