/**
 * All that `websocket-component/backplane` exports.
 *
 * @module
 */
export type { Backplane, BackplaneEvent, BackplaneListener, BackplaneState } from "../topics/backplane.js";
export { broadcastChannel } from "./broadcast-channel.js";
export {
  type NatsConnection,
  type NatsOptions,
  type NatsServerInfo,
  type NatsStatus,
  type NatsStatuses,
  type NatsSubscribing,
  type NatsSubscription,
  nats,
} from "./nats.js";
export { type RedisClient, type RedisOptions, redis } from "./redis.js";
