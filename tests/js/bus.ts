/** An engine in memory that loses what the test wants lost, and processes on it. */
import type { TestContext } from "node:test";
import { setImmediate as turn } from "node:timers/promises";

import {
  type Backplane,
  type BackplaneEvent,
  type BackplaneState,
  type PreparedMessage,
  type Subscriber,
  Topics,
} from "websocket-component";

/** An engine that all processes share. */
export class Bus {
  readonly calls: string[] = [];
  /** Whether a message, counted from 1, is lost; positions are counted too. What is for all processes never is. */
  loses: (count: number) => boolean = () => false;
  /** How often each message arrives. */
  copies = 1;
  #count = 0;
  readonly #channels = new Map<string, Set<(bytes: Uint8Array) => void>>();
  readonly #watchers: ((state: BackplaneState) => void)[] = [];

  /** One process's side. */
  backplane(over: Partial<Backplane> = {}): Backplane {
    const mine = new Map<string, (bytes: Uint8Array) => void>();
    return {
      subscribe: async (topic, deliver) => {
        if (topic !== "") this.calls.push(`subscribe ${topic}`);
        await turn();
        mine.set(topic, deliver);
        this.#channels.set(topic, (this.#channels.get(topic) ?? new Set()).add(deliver));
      },
      unsubscribe: async (topic) => {
        if (topic !== "") this.calls.push(`unsubscribe ${topic}`);
        await turn();
        this.#channels.get(topic)?.delete(mine.get(topic) as (bytes: Uint8Array) => void);
      },
      publish: async (topic, bytes) => this.send(topic, bytes),
      onState: (listener) => {
        this.#watchers.push(listener);
      },
      close: async () => {
        this.calls.push("close");
      },
      ...over,
    };
  }

  send(topic: string, bytes: Uint8Array): void {
    if (topic !== "" && this.loses(++this.#count)) return;
    for (let copy = 0; copy < this.copies; copy++) {
      for (const deliver of this.#channels.get(topic) ?? []) deliver(bytes);
    }
  }

  become(state: BackplaneState): void {
    for (const watcher of this.#watchers) watcher(state);
  }
}

/** A process: its topics, a socket's messages, and what its backplane went through. */
export function processOn(bus: Bus, over: Partial<Backplane> = {}) {
  const events: BackplaneEvent[] = [];
  const topics = new Topics({ backplane: bus.backplane(over) }, (event) => events.push(event));
  const received: unknown[] = [];
  const missed = () => topics.statistics.missed;
  return { topics, received, events, missed, socket: socketWith(received) };
}

export function socketWith(received: unknown[]): Subscriber & { end(): void } {
  let onClose = (): void => {};
  return {
    readyState: 1,
    OPEN: 1,
    bufferedAmount: 0,
    send: ({ data }: PreparedMessage) => {
      received.push(data);
    },
    close: () => {},
    addEventListener: (_type, listener) => {
      onClose = listener;
    },
    end: () => onClose(),
  };
}

/** Publishes one message a turn, so that each travels alone. */
export async function publishEach(topics: Topics, topic: string, ...all: (string | Uint8Array)[]): Promise<void> {
  for (const data of all) {
    topics.publish(topic, data);
    await turn();
    await turn();
  }
}

/** A clock that goes on only as the returned function says, in milliseconds. */
export function stopClock(t: TestContext): (time: number) => void {
  let now = Math.ceil(performance.now()); // sums of integers are exact
  performance.now = () => now; // a mock would keep every call
  t.after(() => Reflect.deleteProperty(performance, "now"));
  return (time) => {
    now += time;
  };
}

/** Waits for what a timer brings about. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await turn();
}
