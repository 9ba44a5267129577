/**
 * What topics need of a socket: that of the main entry has it, and that of `/ws`.
 *
 * @module
 */
import type { PreparedMessage } from "../session/prepared.js";
import { throwLater } from "../transport/tasks.js";

/** A socket that can subscribe. */
export interface Subscriber {
  /** Messages go to it while this is `OPEN`. */
  readonly readyState: number;
  /** 1. */
  readonly OPEN: number;
  /** Bytes of messages that the network has not taken. */
  readonly bufferedAmount: number;
  /** Sends a message that is framed once. */
  send(data: PreparedMessage, options: { compress?: boolean | undefined }): void;
  /** Begins the closing handshake. */
  close(code: number, reason: string): void;
  /** Its `close` event ends its subscriptions. */
  addEventListener(type: "close", listener: () => void, options: { once: boolean }): void;
}

/** Sends to one of many: what a replaced `send` throws keeps nothing from the others. Tells whether it sent. */
export function sendTo(
  socket: Pick<Subscriber, "send">,
  message: PreparedMessage,
  options: { compress?: boolean | undefined },
): boolean {
  try {
    socket.send(message, options);
    return true;
  } catch (error) {
    throwLater(error);
    return false;
  }
}

/** A socket that has subscribed to something. */
export class Member<S extends Subscriber> {
  readonly socket: S;
  readonly topics = new Set<string>();
  /** Messages that it did not get because it was too slow. */
  skipped = 0;
  #turn = -1;
  #backlog = 0;
  /** Reject what waits for something other than the socket. */
  readonly #waiting = new Set<(error: Error) => void>();

  constructor(socket: S) {
    this.socket = socket;
  }

  /** Settles like a task, or rejects when the socket ends before. */
  untilEnd(task: Promise<void>): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.add(reject);
      task.then(resolve, reject).finally(() => this.#waiting.delete(reject));
    });
  }

  /** Rejects what waits. */
  end(error: Error): void {
    for (const reject of this.#waiting) reject(error);
  }

  /**
   * Bytes that the network had not taken when the turn began: what is sent within a turn leaves at its end, and says
   * nothing about the peer.
   */
  backlogIn(turn: number): number {
    if (this.#turn !== turn) {
      this.#turn = turn;
      this.#backlog = this.socket.bufferedAmount;
    }
    return this.#backlog;
  }
}
