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

/** The subscriptions of either kind of client. */
interface Subscriptions {
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
  const duplicate = client.duplicate() as NodeRedis | IoRedis;
  duplicate.on("error", ignore); // `onState` reports what comes of it
  const subscriptions = "isOpen" in duplicate ? ofNodeRedis(duplicate) : ofIoRedis(duplicate);
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

function ofNodeRedis(client: NodeRedis): Subscriptions {
  const connected = client.connect();
  connected.catch(ignore); // the first call reports it
  return {
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

function ofIoRedis(client: IoRedis): Subscriptions {
  const channels = new Map<string, (bytes: Uint8Array) => void>();
  client.on("messageBuffer", (...[channel, message]) => {
    channels.get(`${channel}`)?.(message as Uint8Array);
  });
  return {
    async subscribe(channel, deliver) {
      channels.set(channel, deliver);
      await client.subscribe(channel);
    },
    async unsubscribe(channel) {
      channels.delete(channel);
      await client.unsubscribe(channel);
    },
    async close() {
      client.disconnect();
    },
  };
}

/** The same bytes as a `Buffer`, which is what the clients take. */
function bufferOf({ buffer, byteOffset, byteLength }: Uint8Array): Uint8Array {
  return Buffer.from(buffer, byteOffset, byteLength);
}

function ignore(): void {}
