/**
 * Topics over `BroadcastChannel`: between the threads of one process.
 *
 * @module
 */
import type { Backplane } from "../topics/backplane.js";

/** What Node and Bun have on it beside the standard. */
interface Channel extends BroadcastChannel {
  unref?(): void;
}

/**
 * A backplane between the worker threads of a process; it does not reach the workers of `node:cluster`, which are
 * processes. Each topic is a `BroadcastChannel`. It keeps no process alive.
 *
 * @param name of all that shall hear each other; `ws` by default
 */
export function broadcastChannel(name = "ws"): Backplane {
  const prefix = name.replaceAll(/[%:]/g, (character) => (character === "%" ? "%25" : "%3A")); // it ends at the colon
  const channels = new Map<string, Channel>();
  const open = (topic: string): Channel => {
    const channel: Channel = new BroadcastChannel(`${prefix}:${topic}`);
    channel.unref?.();
    return channel;
  };
  return {
    async subscribe(topic, deliver) {
      const channel = open(topic);
      channel.onmessage = ({ data }) => deliver(data);
      channels.set(topic, channel);
    },
    async unsubscribe(topic) {
      channels.get(topic)?.close();
      channels.delete(topic);
    },
    async publish(topic, bytes) {
      const subscribed = channels.get(topic);
      const channel = subscribed ?? open(topic);
      channel.postMessage(bytes);
      if (subscribed === undefined) channel.close();
    },
    async close() {
      for (const channel of channels.values()) channel.close();
      channels.clear();
    },
  };
}
