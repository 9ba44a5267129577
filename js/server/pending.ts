/**
 * A request for an upgrade until it is decided.
 *
 * @module
 */
import { concat } from "../engine/bytes.js";
import { WebSocketError } from "../engine/errors.js";
import { clearTimeout, setTimeout } from "../transport/tasks.js";
import type { Transport, TransportListener } from "../transport/transport.js";
import { type Rejection, reject } from "../transport/upgrade.js";
import type { VerifyContext } from "./options.js";

/** A client that sends more before the answer has to wait. */
const MAX_EARLY = 16 * 1024;

/** Receives the outcome of a pending request. */
export interface PendingOwner {
  /** It was accepted or refused, or the client left before. */
  onDecided(pending: Pending): void;
  /** The client left, or did not take its refusal in time, or took it: the socket is closed. */
  onGone(pending: Pending): void;
}

/** Listens to a transport from its request to the verdict, and while a refusal is on its way. */
export class Pending implements TransportListener, VerifyContext {
  #transport: Transport;
  readonly #owner: PendingOwner;
  #state: "undecided" | "refused" | "over" = "undecided";
  #timer: ReturnType<typeof setTimeout> | undefined;
  #controller: AbortController | undefined;
  #early: Uint8Array | undefined;
  #address: (() => string | undefined) | undefined;
  #knownAddress: string | undefined;
  /** Whether the server's quota counts it, until it is gone. */
  isCounted = false;
  /** Whether a refusal is to have no body. */
  isHead = false;

  /** @param address of the client; is called at most once */
  constructor(transport: Transport, address: () => string | undefined, owner: PendingOwner) {
    this.#address = address;
    this.#transport = transport;
    this.#owner = owner;
    transport.start(this);
  }

  /** Goes on by this: the same transport, perhaps with a tap on it. */
  goBy(transport: Transport): void {
    if (transport === this.#transport) return;
    this.#transport = transport;
    transport.start(this);
  }

  /** Whether the request still awaits a decision, and its client is still there. */
  get isUndecided(): boolean {
    return this.#state === "undecided";
  }

  /** The client's. */
  get address(): string | undefined {
    if (this.#address !== undefined) this.#knownAddress = this.#address();
    this.#address = undefined;
    return this.#knownAddress;
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    return this.#controller.signal;
  }

  /** Waits for a verdict. It reads meanwhile, because only a reader sees that the client leaves. */
  wait(timeout: number, onTimeout: () => void): void {
    void this.address; // it is unknown once the client has left
    this.#timer = setTimeout(onTimeout, timeout);
    this.#transport.resume();
  }

  /** It is accepted: someone else listens from now on, and gets what came early. */
  release(): void {
    this.#end("over");
    this.#transport.pause(); // what is put back into a stream that flows comes at once
    if (this.#early !== undefined) this.#transport.unread(this.#early);
  }

  /**
   * Answers with a refusal. The socket closes when the client has taken it, and after `timeout` at the latest.
   *
   * @param why aborts the signal
   * @throws WebSocketProtocolError for a field that cannot be sent; then nothing was
   */
  refuse(rejection: Rejection, timeout: number, why?: WebSocketError): void {
    if (this.#state !== "undecided") return;
    if (this.#transport.isAnswered) {
      this.#gone(); // the stream is another listener's
      return;
    }
    reject(this.#transport, rejection, timeout, () => this.#gone(), this.isHead);
    this.#end("refused");
    if (why !== undefined) this.#controller?.abort(why);
  }

  /** Ends it at once. */
  drop(): void {
    this.#transport.destroy();
    this.#gone();
  }

  onData(chunk: Uint8Array): void {
    this.#early = concat(this.#early ?? new Uint8Array(0), chunk.slice());
    if (this.#early.length > MAX_EARLY) this.#transport.pause();
  }

  onDrain(): void {}

  onEnd(): void {
    if (this.#state !== "over") this.drop();
  }

  onClose(): void {
    this.#gone();
  }

  #gone(): void {
    if (this.#state === "over") return;
    this.#end("over");
    this.#controller?.abort(new WebSocketError("WS_ERR_CONNECTION_LOST", "The client left before it was answered"));
    this.#owner.onGone(this);
  }

  #end(state: "refused" | "over"): void {
    const wasUndecided = this.isUndecided;
    this.#state = state;
    clearTimeout(this.#timer);
    if (wasUndecided) this.#owner.onDecided(this);
  }
}
