/**
 * Topics: who subscribes to what, and messages to all subscribers of one.
 *
 * @module
 */

import { WebSocketError } from "../engine/errors.js";
import { ownOption } from "../engine/own.js";
import { TRY_AGAIN_LATER } from "../engine/status.js";
import { PreparedMessage } from "../session/prepared.js";
import { attempt, setImmediate } from "../transport/tasks.js";
import { markAsEnd } from "../websocket/ends.js";
import { handled } from "../websocket/messages.js";
import type { BackplaneListener } from "./backplane.js";
import type { Travelling } from "./envelope.js";
import { checkTopic, type TopicOptions, type TopicSettings, topicOptions } from "./options.js";
import { closedError, Relay } from "./relay.js";
import { Member, type Subscriber, sendTo } from "./subscriber.js";

/** What can be published. */
export type TopicData = string | ArrayBufferLike | ArrayBufferView | PreparedMessage;

/** How a message is published. */
export interface PublishOptions<S> {
  /** A socket that shall not get it, such as the one that it came from. */
  except?: S | undefined;
  /** Whether to compress it where that was agreed; by default, if it has `threshold` bytes. */
  compress?: boolean | undefined;
}

/** What topics count. */
export interface TopicStatistics {
  /** Topics that have a subscriber. */
  readonly topics: number;
  /** Subscriptions of all sockets. */
  readonly subscriptions: number;
  /** Messages that were left out for a subscriber that was too slow. */
  readonly skipped: number;
  /** Subscribers that were closed with 1013 because they were too slow. */
  readonly closed: number;
  /** Messages of other processes that did not arrive, as far as is known. */
  readonly missed: number;
}

/**
 * The topics of one process. A server has its own, behind `socket.subscribe` and `server.publish`; make one for the
 * sockets of `websocket-component/ws`.
 *
 * A topic is a name without patterns. A message goes to each subscriber at most once, in the order of the calls.
 */
export class Topics<S extends Subscriber = Subscriber> {
  readonly #settings: TopicSettings;
  readonly #members = new Map<S, Member<S>>();
  /** Sockets whose `close` is listened to, also after they were forgotten. */
  readonly #heard = new WeakSet<S>();
  readonly #topics = new Map<string, Set<Member<S>>>();
  #subscriptions = 0;
  #skipped = 0;
  #closed = 0;
  #missed = 0;
  readonly #relay: Relay | undefined;
  /** Counts turns of the event loop in which something was published. */
  #turn = 0;
  #isTurnCounted = false;

  /**
   * @param onBackplane is told what the option `backplane` goes through
   * @throws WebSocketError `WS_ERR_INVALID_OPTION`
   */
  constructor(options: TopicOptions = {}, onBackplane?: BackplaneListener) {
    this.#settings = topicOptions(options);
    const { backplane } = this.#settings;
    if (backplane === undefined) return;
    this.#relay = new Relay(backplane, {
      onRelayed: (topic, message) => this.#relayed(topic, message),
      onBackplane: (event) => {
        if (event.state === "gap") this.#missed += event.missed;
        attempt(() => onBackplane?.(event)); // what the relay was at goes on
      },
    });
  }

  /**
   * Lets a socket get what is published to a topic, from now on until it closes. It resolves when messages of other
   * processes come too. Twice is as good as once. A rejection needs no handling, but for a topic that cannot be one:
   * the socket's end is an event of the socket, and what the backplane refuses is one of the backplane.
   *
   * @throws (as a rejection) WebSocketError `WS_ERR_INVALID_OPTION` for what cannot be a topic, `WS_ERR_INVALID_STATE`
   *   if the socket is not open, or ends first, `WS_ERR_BACKPLANE` if the backplane refuses; then it is not subscribed
   */
  subscribe(socket: S, topic: string): Promise<void> {
    try {
      checkTopic(topic);
    } catch (error) {
      return Promise.reject(error);
    }
    return handled(this.#subscribe(socket, topic));
  }

  async #subscribe(socket: S, topic: string): Promise<void> {
    if (socket.readyState !== socket.OPEN) {
      throw notOpen(socket);
    }
    const member = this.#memberOf(socket);
    if (!member.topics.has(topic)) this.#enter(member, topic);
    if (this.#relay === undefined) return;
    await member.untilEnd(this.#relay.join(topic)).catch((error) => {
      // one that was forgotten meanwhile may have subscribed anew
      if (this.#members.get(socket) === member) this.unsubscribe(socket, topic);
      throw error;
    });
  }

  /** Ends one subscription of a socket, if there is one. */
  unsubscribe(socket: S, topic: string): void {
    const member = this.#members.get(socket);
    if (member?.topics.delete(topic)) this.#leave(member, topic);
  }

  /**
   * Ends all subscriptions of a socket. Its `close` event does so too; call it where a listener keeps that event from
   * others, as `stopImmediatePropagation` and `removeAllListeners` do.
   */
  forget(socket: S): void {
    const member = this.#members.get(socket);
    if (member === undefined) return;
    this.#members.delete(socket);
    for (const topic of member.topics) this.#leave(member, topic);
    member.topics.clear();
    member.end(notOpen(socket));
  }

  /** The topics of a socket. */
  topicsOf(socket: S): ReadonlySet<string> {
    return this.#members.get(socket)?.topics ?? new Set();
  }

  /** How many sockets of this process subscribe to a topic. */
  subscribers(topic: string): number {
    return this.#topics.get(topic)?.size ?? 0;
  }

  /** How many messages a socket did not get because it was too slow, with `slowSubscriber: "skip"`. */
  skippedFor(socket: S): number {
    return this.#members.get(socket)?.skipped ?? 0;
  }

  /**
   * Sends a message to all subscribers of a topic, those of other processes too if there is a backplane. It is framed,
   * and compressed, once.
   *
   * @returns how many sockets of this process it was sent to
   * @throws WebSocketError `WS_ERR_INVALID_OPTION` for what cannot be a topic
   */
  publish(topic: string, data: TopicData, options: PublishOptions<S> = {}): number {
    checkTopic(topic);
    const compress = ownOption(options, "compress");
    if (this.#relay === undefined && !this.#topics.has(topic)) return 0;
    const message = data instanceof PreparedMessage ? data : new PreparedMessage(data);
    this.#relay?.publish(topic, { data: message.data, compress });
    return this.#deliver(topic, message, compress, ownOption(options, "except"));
  }

  /**
   * Gives the backplane what waits, and frees it: each has 2 seconds.
   *
   * @throws (as a rejection) WebSocketError `WS_ERR_BACKPLANE` if the backplane's `close` fails, or takes longer
   */
  async close(): Promise<void> {
    try {
      await this.#relay?.close();
    } finally {
      for (const member of this.#members.values()) member.end(closedError());
    }
  }

  #relayed(topic: string, { data, compress }: Travelling): void {
    if (this.#topics.has(topic)) this.#deliver(topic, new PreparedMessage(data), compress);
  }

  #deliver(topic: string, message: PreparedMessage, compress: boolean | undefined, except?: S): number {
    this.#countTurn();
    const options = compress === undefined ? {} : { compress };
    let count = 0;
    // those of now: one whose `send` was replaced may subscribe again, and would be met for ever
    for (const member of [...(this.#topics.get(topic) ?? [])]) {
      if (member.socket === except || !this.#mayGet(member)) continue;
      if (sendTo(member.socket, message, options)) count += 1;
    }
    return count;
  }

  /** What was counted so far. */
  get statistics(): TopicStatistics {
    return {
      topics: this.#topics.size,
      subscriptions: this.#subscriptions,
      skipped: this.#skipped,
      closed: this.#closed,
      missed: this.#missed,
    };
  }

  /** Whether a message goes to it; the slow ones are dealt with. */
  #mayGet(member: Member<S>): boolean {
    const { socket } = member;
    if (socket.readyState !== socket.OPEN) return false;
    const { maxTopicBacklog, slowSubscriber } = this.#settings;
    if (member.backlogIn(this.#turn) <= maxTopicBacklog) return true;
    if (slowSubscriber === "skip") {
      member.skipped += 1;
      this.#skipped += 1;
    } else {
      this.#closed += 1;
      attempt(() => socket.close(TRY_AGAIN_LATER, "Too slow for its topics"));
    }
    return false;
  }

  #countTurn(): void {
    if (this.#isTurnCounted) return;
    this.#isTurnCounted = true;
    this.#turn += 1;
    setImmediate(() => {
      this.#isTurnCounted = false;
    });
  }

  #memberOf(socket: S): Member<S> {
    const known = this.#members.get(socket);
    if (known !== undefined) return known;
    const member = new Member(socket);
    this.#members.set(socket, member);
    if (this.#heard.has(socket)) return member;
    this.#heard.add(socket);
    socket.addEventListener("close", () => this.forget(socket), { once: true });
    return member;
  }

  #enter(member: Member<S>, topic: string): void {
    member.topics.add(topic);
    this.#subscriptions += 1;
    const members = this.#topics.get(topic);
    if (members === undefined) this.#topics.set(topic, new Set([member]));
    else members.add(member);
  }

  #leave(member: Member<S>, topic: string): void {
    this.#subscriptions -= 1;
    const members = this.#topics.get(topic);
    members?.delete(member);
    if (members?.size !== 0) return;
    this.#topics.delete(topic);
    this.#relay?.leave(topic);
  }
}

function notOpen(socket: Subscriber): WebSocketError {
  return markAsEnd(socket, new WebSocketError("WS_ERR_INVALID_STATE", "Only a socket that is open can subscribe"));
}
