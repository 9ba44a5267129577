/** A connection whose transport is the test: what it writes, and what the network makes of that. */
import { after } from "node:test";

import { inner } from "./support.js";

/** The package's inner modules, as far as they are used here. */
export interface Connection {
  readonly isPaused: boolean;
  start(): void;
  send(data: string | Uint8Array): void;
  countBuffered(): number;
  whenTaken(waiter: () => void): void;
  flush(): boolean;
  close(status: number, reason: string): void;
  pause(): void;
  resume(): void;
  demand(demand: "wanted" | "held" | "unclaimed"): void;
  take(): unknown;
  onData(chunk: Uint8Array, isOwned?: boolean): void;
  onDrain(): void;
  onClose(error: Error | undefined): void;
}
export interface Frames {
  receive(chunk: Uint8Array, received: unknown[], room?: number, isOwned?: boolean): number;
  send(data: unknown): void;
  free(): void;
}
/** What each connection was given: `written`, by the network that takes it when the test says so. */
export interface Driven {
  readonly connection: Connection;
  readonly written: Uint8Array[];
  /** The same as it was given, in memory that may be used again. */
  readonly parts: Uint8Array[];
  /** The messages that came. */
  readonly received: (string | Uint8Array)[];
  /** Its ends, as its owner is told them. */
  readonly ends: unknown[][];
  /** The network takes the first write that it has not. Only where it `isSlow`. */
  taken(): void;
}

export const { wasm } = await inner<{
  wasm: { Session: new (server: boolean, frame: number, message: number, fragments: number) => object };
}>("engine/engine.js");
export const { FrameSession } = await inner<{ FrameSession: new (session: object, server: boolean) => Frames }>(
  "session/session.js",
);
const { Connection } = await inner<{
  Connection: new (session: Frames, transport: object, owner: object, settings: object) => Connection;
}>("connection/connection.js");

/** A session with these limits. */
export function newSession(isServer: boolean, frame = 300, message = 500, fragments = 10): Frames {
  return new FrameSession(new wasm.Session(isServer, frame, message, fragments), isServer);
}

/** How a connection is run. */
interface Options {
  readonly session?: Frames;
  /** Gets each message. */
  readonly onMessage?: (data: string | Uint8Array, connection: Connection) => void;
  readonly settings?: object;
  /** Whether the network takes nothing until it is told to. */
  readonly isSlow?: boolean;
  /** What it says about memory. */
  readonly network?: { readonly takesAtOnce?: boolean; readonly givesBack?: boolean };
  /** Runs within each write. */
  readonly onWrite?: () => void;
}

const made: Connection[] = [];
// one whose close has no answer would wait for that, and the process for it
after(() => {
  for (const connection of made) connection.onClose(undefined);
});

/** Our connection, with nothing read yet. */
export function driven(isServer: boolean, options: Options = {}): Driven {
  const { session, onMessage, settings, isSlow = false, network, onWrite } = options;
  const written: Uint8Array[] = [];
  const given: Uint8Array[] = [];
  const received: (string | Uint8Array)[] = [];
  const ends: unknown[][] = [];
  const writers: { onTaken(): void }[] = [];
  const transport = {
    ...network,
    isFull: false,
    start: () => {},
    write: (parts: readonly Uint8Array[], writer: { onTaken(): void }) => {
      written.push(...parts.map((part) => Buffer.from(part)));
      given.push(...parts);
      onWrite?.();
      if (isSlow) writers.push(writer);
      return !isSlow;
    },
    pause: () => {},
    resume: () => {},
    end: () => {},
    destroy: () => connection.onClose(undefined),
  };
  const owner = {
    onMessage: (data: string | Uint8Array) => {
      received.push(data);
      onMessage?.(data, connection);
    },
    onPing: () => {},
    onPong: () => {},
    onDrain: () => {},
    onClosing: () => {},
    onLost: () => {},
    onClosed: (...end: unknown[]) => ends.push(end),
  };
  const run = { closeTimeout: 30_000, messageTimeout: 300_000, maxBufferedBytes: 1 << 20, ...settings };
  const connection = new Connection(session ?? newSession(isServer), transport, owner, run);
  made.push(connection);
  connection.start();
  return { connection, written, parts: given, received, ends, taken: () => writers.shift()?.onTaken() };
}
