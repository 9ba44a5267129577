/**
 * How a connection ends.
 *
 * @module
 */
import { CloseStatus } from "../engine/status.js";
import { clearTimeout, holdBy, queueMicrotask, setTimeout } from "../transport/tasks.js";
import { type ConnectionFailure, lost } from "./failures.js";

/** How a connection has ended, as its owner is told. */
export interface Outcome {
  /** What the peer's close frame said: 1005 if nothing, 1006 if there was none. */
  readonly status: number;
  readonly reason: string;
  readonly wasClean: boolean;
  readonly failure: ConnectionFailure | undefined;
}

/** The owner of a connection that has lost its peer. */
interface LossListener {
  onLost(failure: ConnectionFailure): void;
}

/** What is known of a connection's end; made with the first of it, so that a connection that goes on has none. */
export class Ending {
  /** The peer's close frame. */
  peerClose: { readonly status: number; readonly reason: string } | undefined;
  failure: ConnectionFailure | undefined;
  /** The peer has closed its side of the transport, and that is still to be handled. */
  hasTransportEnded = false;
  /** The transport is closed. */
  transportClosed: { readonly error: Error | undefined } | undefined;
  #isLost = false;
  /** Whether that is being told: the end comes behind it. */
  isTelling = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Gives the connection `timeout` milliseconds from the first call. */
  wait(timeout: number, isHeld: boolean, onTimeout: () => void): void {
    if (this.transportClosed !== undefined || this.#timer !== undefined) return;
    this.#timer = setTimeout(onTimeout, timeout);
    holdBy(this.#timer, isHeld);
  }

  /** Whether that time keeps the process alive. */
  holdProcess(isHeld: boolean): void {
    holdBy(this.#timer, isHeld);
  }

  /** The end of the peer's side is handled: it is a failure where no close frame came before it. */
  handleTransportEnd(): void {
    this.hasTransportEnded = false;
    if (this.peerClose === undefined) this.failure ??= lost(undefined);
  }

  /** The transport is closed. The reader may take its time with what came before. */
  closeTransport(error: Error | undefined): void {
    this.transportClosed = { error };
    clearTimeout(this.#timer);
  }

  /**
   * Tells, once, that nothing leaves any more. The reader takes its time with what came, perhaps until what it has sent
   * is with the network: that never comes.
   *
   * @param goOn is called when all are told: those who are may have asked for the rest, and so for the end
   */
  lose(owner: LossListener, outbox: { close(failure: ConnectionFailure): void }, goOn: () => void): void {
    if (this.#isLost) return;
    this.#isLost = true;
    this.isTelling = true;
    const failure = this.failure ?? lost(this.transportClosed?.error);
    owner.onLost(failure);
    outbox.close(failure);
    queueMicrotask(() => {
      this.isTelling = false;
      goOn();
    });
  }

  /** Whether nothing more comes from the transport. */
  get isTransportOver(): boolean {
    return this.transportClosed !== undefined || this.hasTransportEnded;
  }

  /** @param closeSent whether a close frame was sent */
  conclude(closeSent: boolean): Outcome {
    clearTimeout(this.#timer);
    const wasClean = this.peerClose !== undefined && closeSent;
    const failure = wasClean ? undefined : (this.failure ?? lost(this.transportClosed?.error));
    const { status, reason } = this.peerClose ?? { status: CloseStatus.Aborted, reason: "" };
    return { status, reason, wasClean, failure };
  }
}
