/**
 * Topics over NATS.
 *
 * @module
 */
import { ownOptions } from "../engine/own.js";
import type { Backplane } from "../topics/backplane.js";
import { setImmediate } from "../transport/tasks.js";

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
  /** Of an `error`: a `PermissionViolationError` has an `operation` and a `subject`. */
  readonly error?: unknown;
  /** What `nats` has in its place. */
  readonly permissionContext?: unknown;
}

/** What is called back for each message. */
export interface NatsSubscribing {
  /** Either is `null`, or of no use, if there is the other. */
  callback: (error: Error | null, message: { readonly data: Uint8Array }) => void;
}

/** What the server refused. */
interface Refusal {
  readonly operation?: unknown;
  readonly subject?: unknown;
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
  let onError: (topic: string, error: unknown) => void = () => {};
  const subjectOf = (topic: string): string => prefix + subject(topic);
  const flush = eachTurn(() => connection.flush().catch(() => {})); // the status says that the connection is lost
  const forget = (topic: string): void => {
    subscriptions.get(topic)?.unsubscribe();
    subscriptions.delete(topic);
  };
  return {
    get maxSize() {
      return connection.info?.max_payload;
    },
    async subscribe(topic, deliver) {
      await new Promise<void>((resolve, reject) => {
        let refuse: (error: unknown) => void = reject;
        const callback: NatsSubscribing["callback"] = (error, message) => {
          if (error) refuse(error);
          else deliver(message.data);
        };
        subscriptions.set(topic, connection.subscribe(subjectOf(topic), { callback }));
        const inForce = (): void => {
          refuse = (error) => onError(topic, error);
          resolve();
        };
        connection.flush().then(inForce, reject);
      }).catch((error) => {
        forget(topic);
        throw error;
      });
    },
    unsubscribe: async (topic) => forget(topic),
    async publish(topic, bytes) {
      connection.publish(subjectOf(topic), bytes);
      await flush();
    },
    onState(listener) {
      statuses = connection.status();
      const onRefused = (refused: string, error: unknown): void => {
        const topic = refused.startsWith(prefix) ? topicOf(refused.slice(prefix.length)) : undefined;
        if (topic !== undefined) onError(topic, error);
      };
      void follow(statuses, listener, onRefused);
    },
    onError(listener) {
      onError = listener;
    },
    async close() {
      statuses?.stop?.(); // the connection goes on
      for (const topic of subscriptions.keys()) forget(topic);
    },
  };
}

async function follow(
  statuses: NatsStatuses,
  onState: (state: "up" | "down") => void,
  onRefused: (subject: string, error: unknown) => void,
): Promise<void> {
  for await (const status of statuses) {
    if (status.type === "disconnect" || status.type === "close") onState("down");
    else if (status.type === "reconnect") onState("up");
    else if (status.type === "error") {
      const { operation, subject } = (status.permissionContext ?? status.error ?? {}) as Refusal;
      if (operation === "publish") onRefused(`${subject}`, status.error ?? new Error("Permissions violation"));
    }
  }
}

/** What many calls of one turn do once, after them. */
function eachTurn(call: () => Promise<void>): () => Promise<void> {
  let next: Promise<void> | undefined;
  return () => {
    next ??= new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
      next = undefined;
      return call();
    });
    return next;
  };
}

/** A topic as one token of a subject, in which `.`, `*`, `>` and blanks have a meaning. */
function subject(topic: string): string {
  if (topic === "") return "="; // no token is empty
  if (/^[\w-]+$/.test(topic)) return topic;
  const bytes = Array.from(new TextEncoder().encode(topic));
  return bytes.map((byte) => token(byte)).join("");
}

function token(byte: number): string {
  const character = String.fromCharCode(byte);
  return /[\w-]/.test(character) ? character : `=${byte.toString(16).padStart(2, "0")}`;
}

/** The topic of a subject's token. */
function topicOf(token: string): string | undefined {
  try {
    return token === "=" ? "" : decodeURIComponent(token.replaceAll("=", "%"));
  } catch {
    return undefined; // it is not ours
  }
}
