/**
 * Pings and pongs of one connection: which pings are answered, and when a peer sends too many.
 *
 * @module
 */
import { copyOf } from "../engine/bytes.js";
import type { Control, Received } from "../session/assembly.js";
import { MAX_CONTROL_PAYLOAD } from "../session/outgoing.js";
import type { FrameSession } from "../session/session.js";
import { Pings } from "./keepalive.js";
import type { Outbox } from "./outbox.js";
import { isOfMessage } from "./received.js";

/** The number of pings delivered together that are answered, besides the last one (RFC 6455 §5.5.3). */
const ANSWERED = 16;
/** The most pings and pongs beyond those that may come without a message. */
const MOST_BEYOND = 4096;

/** A ping or a pong that came. */
type PingOrPong = Control & { readonly kind: "ping" | "pong" };

/** Gets them, once they are handled. */
interface Listener {
  /** Whether it answers pings itself. */
  readonly answersPings?: boolean;
  onPing(payload: Uint8Array): void;
  onPong(payload: Uint8Array, roundTripTime: number | undefined): void;
}

/** Pings and pongs of one connection. */
export class Controls {
  /** Our own pings. */
  readonly pings = new Pings();
  readonly #session: FrameSession;
  readonly #outbox: Outbox;
  /** The latest ping that waits for its pong, which answers those before it too (§5.5.3). */
  #owed: Uint8Array | undefined;
  /** How many were delivered together, without a message between. */
  #together = 0;
  /** How many beyond those that are answered, since the last message. */
  #beyond = 0;

  constructor(session: FrameSession, outbox: Outbox) {
    this.#session = session;
    this.#outbox = outbox;
  }

  /** A ping or pong came: it is answered, and the listener told. Tells whether it is not one too many. */
  handle({ kind, payload }: PingOrPong, listener: Listener): boolean {
    this.#together += 1;
    if (this.#together > ANSWERED) this.#beyond += 1;
    if (this.#beyond > MOST_BEYOND) return false;
    if (kind === "pong") {
      listener.onPong(payload, this.pings.answered(payload));
    } else {
      if (!listener.answersPings) this.answer(payload);
      listener.onPing(payload);
    }
    return true;
  }

  /** Sends a ping. */
  ping(payload: Uint8Array): void {
    this.#outbox.sendBy(() => {
      this.#session.ping(payload);
      this.pings.made(copyOf(payload));
    });
  }

  /** The same behind what was sent, with the bytes as they are now. One that is too long is refused at once. */
  pingInOrder(payload: Uint8Array, mayLeave: () => boolean): void {
    const isLater = this.#outbox.isBusy && payload.length <= MAX_CONTROL_PAYLOAD;
    const kept = isLater ? copyOf(payload) : payload;
    const act = () => mayLeave() && this.ping(kept);
    if (isLater) this.#outbox.inOrder(act);
    else act();
  }

  /** If a message came, then pings count anew: those between messages are worth an answer each. */
  saw(received: Received): void {
    if (!isOfMessage(received)) return;
    this.#together = 0;
    this.#beyond = 0;
  }

  /**
   * Answers a ping at once; or, if there are many of them or the transport is full, the latest one later. §5.5.2: it
   * MUST be answered "unless it already received a Close frame": after our own close too.
   */
  answer(payload: Uint8Array): void {
    // a copy, because the owner may write to what it gets
    if (this.#outbox.isNetworkFull || this.#together > ANSWERED) this.#owed = copyOf(payload);
    else this.#pong(payload);
  }

  /** A delivery has ended, or the transport has room: what is owed is sent. */
  settle(): void {
    this.#together = 0;
    const payload = this.#owed;
    if (payload === undefined || this.#outbox.isNetworkFull) return;
    this.#owed = undefined;
    this.answer(payload);
  }

  /** A later pong answers the pings before it too, so those are owed none. */
  #pong(payload: Uint8Array): void {
    this.#owed = undefined;
    if (!this.#session.isClosed) this.#outbox.sendBy(() => this.#session.pong(payload));
  }

  /** Nothing is answered any more. */
  forget(): void {
    this.#owed = undefined;
  }
}
