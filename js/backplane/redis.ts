/**
 * Topics over Redis, and over engines that speak its protocol.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { ownOptions } from "../engine/own.js";

import type { Backplane } from "../topics/backplane.js";

/** What is used of a client: those of `redis` (node-redis), `ioredis` and `iovalkey` have it. */
export interface RedisClient {
  /** Publishes. */
  publish(channel: string, message: never): Promise<unknown>;
  /** Another client of the same settings: one that subscribes can do nothing else. */
  duplicate(): unknown;
  /** Tells what happens to its connection. */
  on(event: string, listener: (...args: unknown[]) => void): unknown;
  /** Ends that, once the backplane is closed. */
  off?(event: string, listener: (...args: unknown[]) => void): unknown;
}

/** How topics become channels. */
export interface RedisOptions {
  /** What a channel's name begins with, before the topic; `ws:` by default. */
  prefix?: string | undefined;
}

/** Called back with what could not be subscribed to again. */
type OnRefused = (channel: string, error: unknown) => void;

/** The subscriptions of either kind of client. */
interface Subscriptions {
  readonly duplicate: RedisClient;
  onRefused: OnRefused;
  subscribe(channel: string, deliver: (bytes: Uint8Array) => void): Promise<unknown>;
  unsubscribe(channel: string): Promise<unknown>;
  close(): Promise<void>;
}

/** What is used of node-redis beside that. */
interface NodeRedis extends RedisClient {
  readonly isOpen: boolean;
  connect(): Promise<unknown>;
  subscribe(channel: string, listener: (message: Uint8Array) => void, isBuffer: true): Promise<unknown>;
  unsubscribe(channel: string): Promise<unknown>;
  /** From version 5 on; before, `disconnect`. */
  destroy?(): void;
  disconnect?(): Promise<unknown>;
}

/** What is used of ioredis and iovalkey beside that. */
interface IoRedis extends RedisClient {
  duplicate(override?: { autoResubscribe: false }): unknown;
  subscribe(channel: string): Promise<unknown>;
  unsubscribe(channel: string): Promise<unknown>;
  disconnect(): void;
}

/**
 * A backplane over a client of `redis`, `ioredis` or `iovalkey`. The client publishes, and a duplicate of it
 * subscribes; `close` ends the duplicate alone. Each topic is a channel.
 *
 * Use a client that reconnects for ever, which is their default.
 */
export function redis(client: RedisClient, options: RedisOptions = {}): Backplane {
  const { prefix = "ws:" } = ownOptions(options);
  const subscriptions = "isOpen" in client ? ofNodeRedis(client as NodeRedis) : ofIoRedis(client as IoRedis);
  const { duplicate } = subscriptions;
  duplicate.on("error", ignore); // `onState` reports what comes of it
  let unwatch = ignore;
  return {
    subscribe: async (topic, deliver) => void (await subscriptions.subscribe(prefix + topic, deliver)),
    unsubscribe: async (topic) => void (await subscriptions.unsubscribe(prefix + topic)),
    publish: async (topic, bytes) => void (await client.publish(prefix + topic, bufferOf(bytes) as never)),
    onState(listener) {
      const lost = new Set<RedisClient>();
      const report = (one: RedisClient, isLost: boolean): void => {
        if (isLost) lost.add(one);
        else lost.delete(one);
        listener(lost.size > 0 ? "down" : "up");
      };
      watch(duplicate, (isLost) => report(duplicate, isLost));
      unwatch = watch(client, (isLost) => report(client, isLost));
    },
    onError(listener) {
      subscriptions.onRefused = (channel, error) => listener(channel.slice(prefix.length), error);
    },
    close() {
      unwatch(); // the client goes on
      return subscriptions.close();
    },
  };
}

/** Returns a function that takes the listeners off again. */
function watch(client: RedisClient, onChange: (isLost: boolean) => void): () => void {
  const events = ["close", "reconnecting", "end", "ready"].map(
    (event) => [event, () => onChange(event !== "ready")] as const,
  );
  for (const [event, listener] of events) client.on(event, listener);
  return () => {
    for (const [event, listener] of events) client.off?.(event, listener);
  };
}

function ofNodeRedis(original: NodeRedis): Subscriptions {
  const client = original.duplicate() as NodeRedis;
  const connected = client.connect();
  connected.catch(ignore); // the first call reports it
  return {
    duplicate: client,
    onRefused: ignore,
    async subscribe(channel, deliver) {
      await connected;
      await client.subscribe(channel, deliver, true);
    },
    async unsubscribe(channel) {
      await client.unsubscribe(channel);
    },
    async close() {
      if (!client.isOpen) return;
      if (client.destroy === undefined) await client.disconnect?.();
      else client.destroy();
    },
  };
}

function ofIoRedis(original: IoRedis): Subscriptions {
  const client = original.duplicate({ autoResubscribe: false }) as IoRedis; // what it refused would be unhandled
  const channels = new Map<string, (bytes: Uint8Array) => void>();
  client.on("messageBuffer", (...[channel, message]) => {
    channels.get(`${channel}`)?.(message as Uint8Array);
  });
  const inForce = new Set<string>();
  client.on("ready", () => {
    for (const channel of inForce) {
      client.subscribe(channel).catch((error) => subscriptions.onRefused(channel, error));
    }
  });
  const subscriptions: Subscriptions = {
    duplicate: client,
    onRefused: ignore,
    async subscribe(channel, deliver) {
      channels.set(channel, deliver);
      try {
        await client.subscribe(channel);
        inForce.add(channel);
      } catch (error) {
        channels.delete(channel);
        throw error;
      }
    },
    async unsubscribe(channel) {
      channels.delete(channel);
      inForce.delete(channel);
      await client.unsubscribe(channel);
    },
    async close() {
      client.disconnect();
    },
  };
  return subscriptions;
}

/** The same bytes as a `Buffer`, which is what the clients take. */
function bufferOf({ buffer, byteOffset, byteLength }: Uint8Array): Uint8Array {
  return Buffer.from(buffer, byteOffset, byteLength);
}

function ignore(): void {}
