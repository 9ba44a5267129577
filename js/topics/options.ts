/**
 * Options of topics, and the rule for their names.
 *
 * @module
 */

import { WebSocketError } from "../engine/errors.js";
import { ownOptions } from "../engine/own.js";
import { textSize } from "../engine/text.js";
import { checkOptions, type Kind, type Kinds, kind } from "../session/kinds.js";
import { size } from "../session/options.js";
import type { Backplane } from "./backplane.js";

/** What happens to a subscriber that is too slow: it is closed with 1013, or the message is left out for it. */
export type SlowSubscriber = "close" | "skip";

/** How messages of topics are delivered. */
export interface TopicOptions {
  /**
   * What happens to a subscriber for which more than `maxTopicBacklog` bytes wait: `"close"` closes it with 1013, and
   * its client can come back and ask for what it has missed; `"skip"` leaves the message out. Both are counted.
   * `"close"` by default.
   */
  slowSubscriber?: SlowSubscriber | undefined;
  /**
   * Bytes of messages that may wait for a subscriber's network when a turn of the event loop begins; over it the
   * subscriber is too slow. 1 MiB by default.
   */
  maxTopicBacklog?: number | undefined;
  /**
   * Carries messages of topics between processes, and belongs to this server from then on; by default, topics are of
   * one process. `websocket-component/backplane` has some for Redis, NATS and worker threads.
   */
  backplane?: Backplane | undefined;
}

const SLOW: Kind = {
  wanted: '"close" or "skip"',
  is: (value) => value === "close" || value === "skip",
};

/** All of them, checked. */
export interface TopicSettings {
  readonly slowSubscriber: SlowSubscriber;
  readonly maxTopicBacklog: number;
  readonly backplane: Backplane | undefined;
}

const BACKPLANE: Kind = {
  wanted: "a Backplane, such as those of websocket-component/backplane",
  is: (value) => METHODS.every((name) => typeof (value as Partial<Backplane> | null)?.[name] === "function"),
};
const METHODS = ["subscribe", "unsubscribe", "publish"] as const;

/** Their kinds. */
export const topicKinds: Kinds<TopicOptions> = {
  slowSubscriber: SLOW,
  maxTopicBacklog: kind.any,
  backplane: BACKPLANE,
};

/**
 * The settings for what a caller gave.
 *
 * @throws WebSocketError `WS_ERR_INVALID_OPTION`
 */
export function topicOptions(given: TopicOptions): TopicSettings {
  const options = ownOptions(given);
  checkOptions(options, topicKinds);
  return {
    slowSubscriber: options.slowSubscriber ?? "close",
    maxTopicBacklog: size("maxTopicBacklog", options.maxTopicBacklog),
    backplane: options.backplane,
  };
}

/** The longest name of a topic, in bytes of UTF-8: each engine between processes takes it. */
const MAX_TOPIC_LENGTH = 256;

/**
 * Names that are not well-formed would become one in UTF-8.
 *
 * @throws WebSocketError `WS_ERR_INVALID_OPTION`
 */
export function checkTopic(topic: unknown): asserts topic is string {
  const isTopic = typeof topic === "string" && topic !== "" && topic.isWellFormed();
  if (isTopic && textSize(topic) <= MAX_TOPIC_LENGTH) return;
  const message = `A topic is a well-formed string of 1 to ${MAX_TOPIC_LENGTH} bytes of UTF-8`;
  throw new WebSocketError("WS_ERR_INVALID_OPTION", message);
}
