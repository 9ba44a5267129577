/**
 * Topics between processes: what is published here goes to the backplane, and what comes from it is checked for gaps.
 *
 * @module
 */
import { randomBytes } from "node:crypto";

import { WebSocketError } from "../engine/errors.js";
import { clearTimeout, setImmediate, setTimeout } from "../transport/tasks.js";
import type { Backplane, BackplaneEvent, BackplaneListener } from "./backplane.js";
import { Channel } from "./channel.js";
import {
  bytesOfMessage,
  HEADER_SIZE,
  packMessages,
  packQuestion,
  RECORD_SIZE,
  type Travelling,
  unpack,
} from "./envelope.js";
import { Numberings } from "./numbering.js";

/** Whose relay it is. */
export interface RelayOwner {
  /** A message of another process came. */
  onRelayed(topic: string, message: Travelling): void;
  onBackplane: BackplaneListener;
}

/** Messages of one turn travel together up to this many bytes, because an engine's work is by the message. */
const TOGETHER = 64 * 1024;

/** Milliseconds that the engine has to take what is sent last, and the backplane to free what it has. */
const CLOSING_TIME = 2000;

/**
 * Bytes that may wait, since an earlier turn, for an engine that stalls or is away, and what each call counts beside
 * its own. What one turn publishes is the application's, and the engine has had no time to take it.
 */
const MOST_WAITING = 64 * 1024 * 1024;
const CALL_SIZE = 1024;

/** No topic of a user has this name: all processes that publish subscribe to it, and are asked on it. */
const ALL = "";
/**
 * Milliseconds after the engine's return before a process asks. By then the subscriptions are renewed; up to as many
 * more at random, so that not all ask at once.
 */
const ASKING_TIME = 1000;

/** What waits for the end of the turn. */
interface Batch {
  readonly messages: Travelling[];
  readonly payloads: Uint8Array[];
  size: number;
}

/** Backplanes that have a relay. */
const used = new WeakSet<Backplane>();

/** One process's side of a backplane. */
export class Relay {
  readonly #backplane: Backplane;
  readonly #owner: RelayOwner;
  readonly #process = new Uint8Array(randomBytes(8));
  readonly #key: bigint;
  readonly #numberings: Numberings;
  readonly #channels = new Map<string, Channel>();
  #batches = new Map<string, Batch>();
  /** Calls that have not returned. */
  readonly #calls = new Set<Promise<void>>();
  /** Bytes of those. */
  #waiting = 0;
  /** As many as waited before this turn; `undefined` if nothing was sent in it. */
  #waitingBefore: number | undefined;
  #isFull = false;
  #isDown = false;
  #isClosed = false;
  /** Whether `close` is done, so that nothing is told any more. */
  #isOver = false;
  #isAsked = false;
  #asking: ReturnType<typeof setTimeout> | undefined;

  /** @throws WebSocketError `WS_ERR_INVALID_OPTION` if the backplane has another owner */
  constructor(backplane: Backplane, owner: RelayOwner) {
    if (used.has(backplane)) {
      throw new WebSocketError("WS_ERR_INVALID_OPTION", "A backplane belongs to one server; make another one");
    }
    used.add(backplane);
    this.#backplane = backplane;
    this.#owner = owner;
    this.#key = new DataView(this.#process.buffer).getBigUint64(0);
    this.#numberings = new Numberings(this.#process, (topic, bytes) => this.#send(topic, bytes));
    backplane.onState?.((state) => this.#onState(state === "down"));
    backplane.onError?.((topic, cause) => this.#fail(topic, "was refused by the engine", cause));
  }

  /**
   * Resolves when messages of other processes come.
   *
   * @throws (as a rejection) WebSocketError `WS_ERR_BACKPLANE`, or `WS_ERR_INVALID_STATE` once it is closed
   */
  async join(topic: string): Promise<void> {
    if (this.#isClosed) throw closedError();
    let channel = this.#channels.get(topic);
    if (channel === undefined) {
      channel = new Channel(topic, this.#backplane, (bytes) => this.#take(topic, bytes));
      this.#channels.set(topic, channel);
    }
    try {
      await channel.want(true);
    } catch (cause) {
      this.#drop(topic);
      throw this.#fail(topic, "could not be subscribed to", cause);
    }
  }

  /** Messages of other processes need not come any more. */
  leave(topic: string): void {
    const left = this.#channels.get(topic)?.want(false) ?? Promise.resolve();
    left.catch((cause) => this.#fail(topic, "could not be left", cause)).finally(() => this.#drop(topic));
  }

  /** Sends a message to other processes, with those of the same turn. */
  publish(topic: string, message: Travelling): void {
    if (this.#isClosed) return;
    if (!this.#isAsked) this.#listen();
    const { maxSize = Number.POSITIVE_INFINITY } = this.#backplane;
    const payload = bytesOfMessage(message);
    const size = RECORD_SIZE + payload.length;
    const most = Math.min(TOGETHER, maxSize);
    const waiting = this.#batches.get(topic);
    if (waiting !== undefined && waiting.size + size > most) this.#flush(topic, waiting);
    if (HEADER_SIZE + size > maxSize) {
      this.#numberings.of(topic).next(1); // the others miss it
      const cause = new RangeError(`The backplane takes ${maxSize} bytes, and the message needs ${HEADER_SIZE + size}`);
      this.#fail(topic, "did not get a message", cause);
      return;
    }
    if (this.#batches.size === 0) setImmediate(() => this.flush());
    let batch = this.#batches.get(topic);
    if (batch === undefined) {
      batch = { messages: [], payloads: [], size: HEADER_SIZE };
      this.#batches.set(topic, batch);
    }
    batch.messages.push(message);
    batch.payloads.push(payload);
    batch.size += size;
  }

  /** Sends what waits. */
  flush(): void {
    const batches = this.#batches;
    this.#batches = new Map();
    for (const [topic, batch] of batches) this.#flush(topic, batch);
  }

  /**
   * Sends what waits and leaves all topics, unless the engine is away; then frees the backplane.
   *
   * @throws (as a rejection) WebSocketError `WS_ERR_BACKPLANE` if that fails, or takes too long
   */
  async close(): Promise<void> {
    this.flush();
    this.#isClosed = true;
    clearTimeout(this.#asking);
    this.#numberings.close();
    await inTime(this.#leaveAll());
    const isFree = await inTime(this.#free()).finally(() => {
      this.#isOver = true;
    });
    if (!isFree) throw new WebSocketError("WS_ERR_BACKPLANE", `The backplane did not close within ${CLOSING_TIME} ms`);
  }

  /** Lets others ask. */
  #listen(): void {
    this.#isAsked = true;
    this.join(ALL).catch(() => {}); // it was told, and is tried again when the engine is back
  }

  async #free(): Promise<void> {
    try {
      await this.#backplane.close?.();
    } catch (cause) {
      throw new WebSocketError("WS_ERR_BACKPLANE", "The backplane could not be closed", { cause });
    }
  }

  async #leaveAll(): Promise<void> {
    await Promise.all(this.#calls);
    const channels = [...this.#channels.values()];
    this.#channels.clear();
    await Promise.allSettled(channels.map((channel) => channel.want(false)));
  }

  #flush(topic: string, { messages, payloads }: Batch): void {
    this.#batches.delete(topic);
    const numbering = this.#numberings.of(topic);
    const first = numbering.next(messages.length);
    this.#send(topic, packMessages(numbering, first, messages, payloads));
  }

  #send(topic: string, bytes: Uint8Array): void {
    if (this.#hasStalled()) {
      this.#overflow(topic); // the others miss it
      return;
    }
    const size = CALL_SIZE + bytes.length;
    this.#waiting += size;
    const failed = (cause: unknown) => void this.#fail(topic, "did not get a message", cause);
    const call = this.#publish(topic, bytes).catch(failed);
    this.#calls.add(call);
    call.finally(() => {
      this.#calls.delete(call);
      this.#waiting -= size;
      if (this.#waiting < MOST_WAITING / 2) this.#isFull = false;
    });
  }

  /** Whether the engine has left too much of what it was given before this turn. */
  #hasStalled(): boolean {
    if (this.#waitingBefore === undefined) {
      this.#waitingBefore = this.#waiting;
      const forget = (): void => {
        this.#waitingBefore = undefined;
      };
      setImmediate(() => setImmediate(forget)); // timers come before the network has had its turn
    }
    return this.#waitingBefore >= MOST_WAITING;
  }

  /** Tells it once for all messages of one stall. */
  #overflow(topic: string): void {
    if (this.#isFull) return;
    this.#isFull = true;
    this.#fail(topic, "did not get a message", new RangeError(`${MOST_WAITING} bytes wait for the engine`));
  }

  /** What is thrown is rejected. */
  async #publish(topic: string, bytes: Uint8Array): Promise<void> {
    await this.#backplane.publish(topic, bytes);
  }

  #take(topic: string, bytes: unknown): void {
    const channel = this.#channels.get(topic);
    if (channel === undefined) return;
    const envelope = unpack(bytes);
    if (envelope === undefined) {
      this.#fail(topic, "has a channel to which another program writes", undefined);
      return;
    }
    if (envelope.process === this.#key) return;
    if (envelope.isQuestion) {
      this.#numberings.answer();
      return;
    }
    const { messages, missed } = channel.take(envelope);
    if (missed > 0) this.#tell({ state: "gap", topic, missed });
    for (const message of messages) this.#owner.onRelayed(topic, message);
  }

  #onState(isDown: boolean): void {
    if (isDown === this.#isDown || this.#isClosed) return;
    this.#isDown = isDown;
    this.#numberings.isDown = isDown;
    this.#tell({ state: isDown ? "down" : "up" });
    clearTimeout(this.#asking);
    if (!isDown) this.#catchUp();
  }

  /** The engine is back: says what the others may have missed, and asks them. */
  #catchUp(): void {
    this.#numberings.announce();
    if (this.#isAsked) this.#listen();
    for (const channel of this.#channels.values()) channel.resume();
    this.#asking = setTimeout(() => this.#ask(), ASKING_TIME * (1 + Math.random())).unref();
  }

  #ask(): void {
    const isSubscribed = this.#channels.size > Number(this.#channels.has(ALL));
    if (isSubscribed) this.#send(ALL, packQuestion(this.#process));
  }

  #fail(topic: string, what: string, cause: unknown): WebSocketError {
    const name = topic === ALL ? "The topic of all processes" : `The topic ${topic}`;
    const error = new WebSocketError("WS_ERR_BACKPLANE", `${name} ${what}`, { cause });
    this.#tell({ state: "error", topic, error });
    return error;
  }

  #tell(event: BackplaneEvent): void {
    if (!this.#isOver) this.#owner.onBackplane(event);
  }

  #drop(topic: string): void {
    if (this.#channels.get(topic)?.isOver) this.#channels.delete(topic);
  }
}

/** What a subscription that is not in force yet rejects with when its topics are closed. */
export function closedError(): WebSocketError {
  return new WebSocketError("WS_ERR_INVALID_STATE", "The topics are closed");
}

/** Whether something is done within the time that closing has. */
async function inTime(task: Promise<void>): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), CLOSING_TIME);
  });
  try {
    return await Promise.race([task.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}
