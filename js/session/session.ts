/**
 * One connection's frames: network chunks in, messages out; messages in, bytes for the network out. No I/O, no timers,
 * no callbacks: the owner of a session runs user code when the engine is done.
 *
 * @module
 */
import { TextDecoder } from "../engine/coders.js";
import { EngineTrap, hasDeflate, type wasm } from "../engine/engine.js";
import { WebSocketProtocolError } from "../engine/errors.js";
import { type OutputTaker, release, trapped } from "../engine/output.js";
import { rememberAscii } from "../engine/text.js";
import type { Received } from "./assembly.js";
import type { EngineCalls, EngineMethod } from "./calls.js";
import type { DeflateSettings } from "./deflate.js";
import { Incoming, type MessageForm, Unfinished } from "./incoming.js";
import {
  type Compression,
  type Compressor,
  type Framing,
  Outgoing,
  type PreparedFrames,
  type SentData,
} from "./outgoing.js";
import { isLong, type Slices, slicesOf } from "./slices.js";

/** Counters of a session. */
export interface Counters {
  /** Frames that came, pings and fragments too. */
  framesReceived: number;
  /** Frames that were sent. */
  framesSent: number;
  /** Whole messages that came. */
  messagesReceived: number;
  /** Messages that were sent. */
  messagesSent: number;
  /** Bytes of messages that came, text as UTF-8, after they were decompressed. */
  messageBytesReceived: number;
  /** Bytes of messages that were sent, text as UTF-8, before they were compressed. */
  messageBytesSent: number;
}

/**
 * Frees the engine's part of sessions that are dropped without `free()`: those of prepared messages, and of streams,
 * that the application drops. Watching one takes 130 bytes, and a fortieth of the time of a connection, so
 * `scripts/glue.mjs` takes out the registry of all sessions that wasm-bindgen would have.
 */
const forgotten = new FinalizationRegistry<wasm.Session>((session) => {
  session.free();
  live -= 1;
});

/** How many sessions hold memory of the engine. */
export function sessionCount(): number {
  return live;
}
let live = 0;

/** The frames of one connection. What its two directions need is made when they are used first. */
export class FrameSession implements EngineCalls, MessageForm, Compressor {
  #session: wasm.Session | undefined;
  readonly isServer: boolean;
  readonly maxMessageSize: number;
  /** Whether text messages are given out as bytes. To be set before anything is received. */
  textAsBytes = false;
  /** Decodes the text of messages that are given out in pieces. */
  decoder: TextDecoder | undefined;
  /** None if compression was not agreed. */
  readonly compression: Compression | undefined;
  #incoming: Incoming | undefined;
  #outgoing: Outgoing | undefined;

  /**
   * @param session is owned from now on
   * @param maxMessageSize as the session has it: no more is allocated for a message
   * @param deflate how to compress, if that was agreed
   */
  constructor(
    session: wasm.Session,
    isServer: boolean,
    maxMessageSize = Number.POSITIVE_INFINITY,
    deflate?: Pick<DeflateSettings, "threshold" | "releaseAfter">,
  ) {
    this.#session = session;
    this.isServer = isServer;
    this.maxMessageSize = maxMessageSize;
    if (hasDeflate && session.is_deflate_enabled()) {
      const { threshold = 0, releaseAfter } = deflate ?? {};
      this.compression = { threshold, releaseAfter, preparedWindow: session.prepared_window(), isUsed: false };
    }
    live += 1;
  }

  /** The application may drop it: it is freed then, too. To be called once. */
  watch(): void {
    if (this.#session !== undefined) forgotten.register(this, this.#session, this);
  }

  /** Gives messages out in pieces. To be called before anything is received. */
  giveParts(): void {
    this.decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  }

  /** The counters so far. */
  get counters(): Counters {
    const incoming = this.#incoming;
    const outgoing = this.#outgoing;
    return {
      framesReceived: incoming?.frames ?? 0,
      framesSent: outgoing?.frames ?? 0,
      messagesReceived: incoming?.messages ?? 0,
      messagesSent: outgoing?.messages ?? 0,
      messageBytesReceived: incoming?.messageBytes ?? 0,
      messageBytesSent: outgoing?.messageBytes ?? 0,
    };
  }

  /** As `counters` has it. */
  get messageBytesSent(): number {
    return this.#outgoing?.messageBytes ?? 0;
  }

  /** The bytes of texts that were sent and are still to be framed: the counters do not have them. */
  countTexts(): number {
    return this.#outgoing?.countTexts() ?? 0;
  }

  /** Whether a close frame was made. */
  get closeSent(): boolean {
    return this.#session?.close_sent ?? true;
  }

  /** Whether close went both ways: nothing more can be made, not even a pong. */
  get isClosed(): boolean {
    return this.#session === undefined || (this.#session.close_sent && this.#session.close_received);
  }

  /** The unfinished part, one of {@link Unfinished}. */
  get unfinished(): number {
    return this.#incoming?.unfinished ?? Unfinished.Nothing;
  }

  /** Whether `receive` has something to give without more bytes: decompressed ones wait. */
  get hasMore(): boolean {
    return this.#incoming?.hasMore ?? false;
  }

  /**
   * The cost of the last `receive`: the bytes that it decompressed, 32 for each compressed byte, and 1,024 for each
   * frame. `receive` stops at about 1 MiB, which takes a few milliseconds at worst: a caller that serves others goes on
   * in a later turn.
   */
  get work(): number {
    return this.#incoming?.work ?? 0;
  }

  /** Remembers the size of what is given out: text is often sent, back or on to others, and its bytes counted. */
  remember(received: Received): void {
    if (typeof received === "string" && this.#incoming?.isAscii) rememberAscii(received);
  }

  /** The memory that the pieces of an unfinished message take, in bytes. */
  get heldBytes(): number {
    return this.#incoming?.heldBytes ?? 0;
  }

  /** The memory that the output takes, in bytes, until it is taken: roughly. */
  get outputBytes(): number {
    return this.#outgoing?.outputBytes ?? 0;
  }

  /** Milliseconds after which to call `releaseCompressor`, if at all. */
  get releaseAfter(): number | undefined {
    return this.compression?.releaseAfter;
  }

  /** Whether something may be kept since `releaseCompressor` was called last. */
  get hasCompressed(): boolean {
    return this.compression?.isUsed === true;
  }

  /**
   * Takes a chunk from the network, or its beginning, and appends all that it completes to `received`, in order: about
   * a thousand things, 256 KiB and one message, or 1 MiB of `work`, at most. After a close, a violation or a trap
   * nothing more comes.
   *
   * @param room the most bytes that the pieces of an unfinished message may take
   * @param isOwned whether the chunk is ours alone: messages may be parts of it, and if none is, it is freed
   * @returns how many bytes were taken
   */
  receive(chunk: Uint8Array, received: Received[], room = Number.POSITIVE_INFINITY, isOwned = false): number {
    if (this.#session === undefined) return 0;
    this.#incoming ??= new Incoming(this);
    try {
      return this.#incoming.receive(chunk, received, room, isOwned);
    } catch (error) {
      // a trap; or the runtime has no memory for the message, which loses this connection just so
      this.free();
      received.push({ kind: "trapped", error: error instanceof EngineTrap ? error : new EngineTrap(error) });
      return chunk.length;
    }
  }

  /**
   * Sends a message: its frames are part of the output when that is taken. It is compressed if that was agreed: by the
   * caller's word, or if it is not too small. The data is copied. Parts of a message are not compressed.
   */
  send(data: SentData, compress?: boolean, framing?: Framing): void {
    this.#sending().send(data, compress, framing);
  }

  /**
   * Sends a prepared message, whose frame the caller gives to the network, or to `push`, before anything else is sent.
   * Without effect if it has to be sent as if it was new: the frame is `undefined`.
   */
  sendFrame(message: PreparedFrames, compress?: boolean): Uint8Array | undefined {
    return this.#sending().sendFrame(message, compress);
  }

  /** Appends such a frame to the output. */
  push(frame: Uint8Array): void {
    this.#sending().push(frame);
  }

  /** Whether a message takes long to compress, so that others should have their turn in between. */
  takesLong(data: SentData, compress?: boolean, framing?: Framing): boolean {
    return isLong(data) && this.compresses(data, compress, framing);
  }

  /** Whether a message is compressed. */
  compresses(data: SentData, compress?: boolean, framing?: Framing): boolean {
    return this.compression !== undefined && this.#sending().compresses(data, compress, framing);
  }

  /** The slices of such a message, as {@link slicesOf} says. */
  slices(data: SentData, framing?: Framing): Slices {
    return slicesOf(this.#sending(), data, framing?.isText);
  }

  /** Makes a text message that is not compressed, or a part of one. Bytes are UTF-8, and copied. */
  sendText(text: string | Uint8Array, isLast?: boolean): void {
    this.#sending().sendText(text, isLast);
  }

  /** Makes a binary message that is not compressed, or a part of one. The bytes are copied. */
  sendBinary(data: Uint8Array, isLast?: boolean): void {
    this.#sending().sendBinary(data, isLast);
  }

  /** Makes a ping with at most 125 bytes. */
  ping(payload: Uint8Array): void {
    this.#sending().ping(payload);
  }

  /** Makes a pong with at most 125 bytes. */
  pong(payload: Uint8Array): void {
    this.#sending().pong(payload);
  }

  /** Makes a close frame; status 1005 makes one without a status. */
  close(status: number, reason: string): void {
    this.#sending().close(status, reason);
  }

  #sending(): Outgoing {
    if (this.#session === undefined) throw freed();
    this.#outgoing ??= new Outgoing(this);
    return this.#outgoing;
  }

  /** Frames the texts that wait for it. Before this, `counters` do not have their bytes. */
  settle(): void {
    this.#outgoing?.settle();
  }

  /**
   * All bytes that were made and not taken yet, in order. They are the caller's.
   *
   * @param network is given them before anything else is made: what it takes at once is not copied
   */
  takeOutput(network?: OutputTaker): Uint8Array[] {
    return this.#outgoing?.takeOutput(network) ?? [];
  }

  /** Frees what is kept from one sent message to compress the next one by; the next is compressed for itself. */
  releaseCompressor(): void {
    if (this.hasCompressed) this.#outgoing?.releaseCompressor();
  }

  /** Drops what is unfinished: nothing will be received any more. */
  dropReceived(): void {
    this.#incoming?.forget();
  }

  /** Frees the engine's memory. Afterwards nothing is received, and sending is an error. */
  free(): void {
    if (this.#session === undefined) return;
    const session = this.#session;
    this.#forget();
    release(session);
  }

  #forget(): void {
    this.#session = undefined;
    this.#incoming?.forget();
    this.#outgoing?.forget();
    live -= 1;
    forgotten.unregister(this);
  }

  /** @internal */
  enter<A extends (number | boolean)[]>(method: EngineMethod<A, number>, ...args: A): number;
  enter<A extends (number | boolean)[]>(method: EngineMethod<A, void>, ...args: A): void;
  enter(
    method: EngineMethod<(number | boolean)[], unknown>,
    a: number | boolean = 0,
    b: number | boolean = 0,
    c: number | boolean = 0,
    d: number | boolean = 0,
  ): unknown {
    const session = this.#session;
    if (session === undefined) throw freed();
    let answer: unknown;
    try {
      answer = method.call(session, a, b, c, d);
    } catch (error) {
      this.#forget();
      throw trapped(error);
    }
    if (typeof answer === "number" && answer < 0) throw new WebSocketProtocolError(-answer);
    return answer;
  }
}

function freed(): TypeError {
  return new TypeError("The session is freed");
}
