/**
 * The methods by which a server's socket subscribes to topics of its server.
 *
 * @module
 */
import { WebSocketError } from "../engine/errors.js";
import { defineAdditions, orRejected } from "./webidl.js";

/** A socket's side of its server's topics. */
export interface Subscribing {
  /**
   * Lets the socket get what its server publishes to a topic, from now on until it closes (an addition to the
   * standard). It resolves when messages of other processes come too, if there is a `backplane`.
   *
   * @throws (as a rejection) WebSocketError `WS_ERR_INVALID_STATE` if the socket is not open, or is a client's;
   *   `WS_ERR_INVALID_OPTION` for a topic that is not a well-formed string of 1 to 256 bytes of UTF-8
   */
  subscribe(topic: string): Promise<void>;
  /** Ends a subscription, if there is one (an addition to the standard). */
  unsubscribe(topic: string): void;
  /** The topics that the socket subscribes to (an addition to the standard). */
  readonly topics: ReadonlySet<string>;
}

/** The topics of a server, as its sockets see them. */
export interface SocketTopics<S> {
  subscribe(socket: S, topic: string): Promise<void>;
  unsubscribe(socket: S, topic: string): void;
  topicsOf(socket: S): ReadonlySet<string>;
}

/** What one socket without a server subscribes to. */
const NOTHING: ReadonlySet<string> = new Set();

/** Gives a class the methods; `topicsOf` says whose topics a socket's are, if it is a server's. */
export function defineSubscribing<S>(
  { prototype }: { prototype: S & object },
  topicsOf: (socket: S) => SocketTopics<S> | undefined,
): void {
  const methods: Subscribing & ThisType<S> = {
    subscribe(topic) {
      return orRejected(() => {
        const topics = topicsOf(this);
        if (topics !== undefined) return topics.subscribe(this, topic);
        throw new WebSocketError("WS_ERR_INVALID_STATE", "Only sockets of a server subscribe");
      });
    },
    unsubscribe(topic) {
      topicsOf(this)?.unsubscribe(this, topic);
    },
    get topics() {
      return topicsOf(this)?.topicsOf(this) ?? NOTHING;
    },
  };
  defineAdditions(prototype, methods);
}
