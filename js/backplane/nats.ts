/**
 * Topics over NATS.
 *
 * @module
 */
import { ownOptions } from "../engine/own.js";
import type { Backplane } from "../topics/backplane.js";

/** What is used of a connection: those of `nats` and of `@nats-io/transport-node` have it. */
export interface NatsConnection {
  /** What the server has said of itself. */
  readonly info?: NatsServerInfo | undefined;
  /** Publishes. */
  publish(subject: string, payload: Uint8Array): void;
  /** Subscribes. */
  subscribe(subject: string, options: NatsSubscribing): NatsSubscription;
  /** Resolves when the server has taken what was sent before. */
  flush(): Promise<void>;
  /** What happens to the connection, until it is stopped. */
  status(): NatsStatuses;
}

/** What a server says of itself. */
export interface NatsServerInfo {
  /** The most bytes of a message. */
  readonly max_payload?: number;
}

/** What is used of a subscription. */
export interface NatsSubscription {
  /** Ends it. */
  unsubscribe(): void;
}

/** What happens to a connection. */
export interface NatsStatuses extends AsyncIterable<NatsStatus> {
  /** Ends it, once the backplane is closed. The packages have it, and their types do not. */
  stop?(): void;
}

/** What happened to a connection. */
export interface NatsStatus {
  /** `disconnect`, `reconnect`, `close`, or another. */
  readonly type: string;
}

/** What is called back for each message. */
export interface NatsSubscribing {
  /** Either is `null`, or of no use, if there is the other. */
  callback: (error: Error | null, message: { readonly data: Uint8Array }) => void;
}

/** How topics become subjects. */
export interface NatsOptions {
  /** What a subject begins with, before the topic; `ws.` by default. */
  prefix?: string | undefined;
}

/**
 * A backplane over a connection of `nats` or `@nats-io/transport-node`, which stays the caller's. Each topic is a
 * subject; letters, digits, `-` and `_` of its name stay, and every other byte becomes `=` and two hexadecimal digits.
 *
 * Connect with `maxReconnectAttempts: -1`: by default the client gives up after ten.
 */
export function nats(connection: NatsConnection, options: NatsOptions = {}): Backplane {
  const { prefix = "ws." } = ownOptions(options);
  const subscriptions = new Map<string, NatsSubscription>();
  let statuses: NatsStatuses | undefined;
  const subjectOf = (topic: string): string => prefix + subject(topic);
  return {
    get maxSize() {
      return connection.info?.max_payload;
    },
    async subscribe(topic, deliver) {
      const callback: NatsSubscribing["callback"] = (error, message) => {
        if (!error) deliver(message.data);
      };
      subscriptions.set(topic, connection.subscribe(subjectOf(topic), { callback }));
      await connection.flush();
    },
    async unsubscribe(topic) {
      subscriptions.get(topic)?.unsubscribe();
      subscriptions.delete(topic);
    },
    publish: async (topic, bytes) => connection.publish(subjectOf(topic), bytes),
    onState(listener) {
      statuses = connection.status();
      void follow(statuses, listener);
    },
    async close() {
      statuses?.stop?.(); // the connection goes on
      for (const subscription of subscriptions.values()) subscription.unsubscribe();
      subscriptions.clear();
    },
  };
}

async function follow(statuses: NatsStatuses, listener: (state: "up" | "down") => void): Promise<void> {
  for await (const { type } of statuses) {
    if (type === "disconnect" || type === "close") listener("down");
    else if (type === "reconnect") listener("up");
  }
}

/** A topic as one token of a subject, in which `.`, `*`, `>` and blanks have a meaning. */
function subject(topic: string): string {
  if (/^[\w-]+$/.test(topic)) return topic;
  const bytes = Array.from(new TextEncoder().encode(topic));
  return bytes.map((byte) => token(byte)).join("");
}

function token(byte: number): string {
  const character = String.fromCharCode(byte);
  return /[\w-]/.test(character) ? character : `=${byte.toString(16).padStart(2, "0")}`;
}
