/**
 * Shows what goes over live connections, and records it.
 *
 * @module
 */
import { closeSync, openSync, writeSync } from "node:fs";

import "../load/inspect-node.js";
import {
  type AgreedExtensions,
  CaptureWriter,
  type Direction,
  directionOf,
  type Fault,
  Inspector,
  type Side,
} from "../inspect/index.js";
import { onEndOf, type Tap, type Traffic } from "../transport/tap.js";
import { painter } from "./arguments.js";
import { textOf } from "./describe.js";
import { printable } from "./printable.js";

/** How to treat the bytes of connections. */
export interface Watching {
  readonly frames: boolean;
  readonly record: string | undefined;
}

/** Gives a tap for each connection of this side; none if there is nothing to do. */
export function watcher(
  side: Side,
  { frames, record }: Watching,
  print: (text: string) => void,
): () => Tap | undefined {
  const writer = record === undefined ? undefined : new CaptureWriter(side, lineWriter(record));
  if (writer === undefined && !frames) return () => undefined;
  let connections = 0;
  return () => {
    connections += 1;
    // a server's connections are told apart
    const label = side === "server" ? painter()("dim", `[${connections}] `) : "";
    const recording = writer?.tap();
    const printing = frames ? new Printing(side, (text) => print(label + text)) : undefined;
    const tap: Tap = (traffic) => {
      recording?.(traffic);
      printing?.take(traffic);
    };
    onEndOf(tap, () => printing?.end());
    return tap;
  };
}

/**
 * Lines are with the system when the call returns, so that a process that is killed leaves a whole capture. If the file
 * takes no more, such as on a full disk, that is said once, and the process goes on.
 */
export function lineWriter(path: string): (line: string) => void {
  let file: number | undefined = openSync(path, "w", 0o600);
  const close = () => {
    if (file !== undefined) closeSync(file);
    file = undefined;
  };
  process.once("exit", close);
  return (line) => {
    if (file === undefined) return;
    try {
      let rest: Uint8Array = Buffer.from(line);
      while (rest.length > 0) rest = rest.subarray(writeSync(file, rest));
    } catch (error) {
      close();
      warn(`nothing more is recorded: ${(error as Error).message}`);
    }
  };
}

function warn(text: string): void {
  process.stderr.write(`websocket-component: ${printable(text)}\n`);
}

/** Prints each record once it is whole. What cannot be shown does not end the process. */
class Printing {
  readonly #side: Side;
  #printer: FramePrinter | undefined;

  constructor(side: Side, print: (text: string) => void) {
    this.#side = side;
    this.#printer = new FramePrinter(print);
  }

  take({ direction, bytes, time }: Traffic): void {
    try {
      this.#printer?.push(directionOf(this.#side, direction), bytes, time);
    } catch (error) {
      this.#printer = undefined;
      warn(`frames are no longer shown: ${(error as Error).message}`);
    }
  }

  end(): void {
    this.#printer?.free();
    this.#printer = undefined;
  }
}

/** Bytes after which an inspector is replaced between two messages, and the most that one takes. */
const LIMIT = 64 << 20;
const MAX_HELD = 512 << 20;

/** Prints the frames of a connection. */
class FramePrinter {
  readonly #print: (text: string) => void;
  readonly #style = { paint: painter(), payload: false };
  #inspector = new Inspector();
  /** Bytes that the inspector holds. */
  #size = 0;
  /** Records and messages that are not whole. */
  readonly #records = new Set<number>();
  readonly #messages = new Set<number>();
  readonly #faults = new Map<number, Fault[]>();
  /** How many records, messages and faults were seen. */
  #seen = { records: 0, messages: 0, faults: 0 };

  constructor(print: (text: string) => void) {
    this.#print = print;
  }

  /** @throws Error if it holds too much */
  push(direction: Direction, bytes: Uint8Array, time: number): void {
    this.#inspector.push(direction, bytes, time);
    this.#size += bytes.length;
    this.#look();
    for (const index of this.#records) {
      const record = this.#inspector.record(index);
      if (record?.whole !== true) continue;
      this.#records.delete(index);
      this.#print(textOf(this.#inspector, record, this.#faults.get(index) ?? [], this.#style));
      this.#faults.delete(index);
    }
    for (const index of this.#messages) {
      if (this.#inspector.message(index)?.state !== "unfinished") this.#messages.delete(index);
    }
    if (this.#size > LIMIT && this.#records.size + this.#messages.size === 0) this.#forget();
    if (this.#size <= MAX_HELD) return;
    this.free();
    throw new Error(`a message of more than ${MAX_HELD >> 20} MiB`);
  }

  free(): void {
    this.#inspector.free();
  }

  #look(): void {
    const { recordCount, messageCount, faultCount } = this.#inspector;
    for (const fault of this.#inspector.faults(this.#seen.faults)) {
      this.#faults.set(fault.record, [...(this.#faults.get(fault.record) ?? []), fault]);
    }
    for (let index = this.#seen.records; index < recordCount; index++) this.#records.add(index);
    for (let index = this.#seen.messages; index < messageCount; index++) this.#messages.add(index);
    this.#seen = { records: recordCount, messages: messageCount, faults: faultCount };
  }

  /** Goes on between two messages with another inspector, which holds nothing yet. */
  #forget(): void {
    const { deflate } = this.#inspector.extensions;
    this.#inspector.free();
    // what a message refers to is gone where compression goes on from message to message
    const midStream = deflate !== undefined && !(deflate.clientNoContextTakeover && deflate.serverNoContextTakeover);
    this.#inspector = new Inspector({ extensions: extensionsOf(deflate), midStream });
    if (midStream) this.#print("  … a long connection: compressed payloads are not shown from here on\n");
    this.#size = 0;
    this.#faults.clear();
    this.#seen = { records: 0, messages: 0, faults: 0 };
  }
}

/** As a response has it. */
function extensionsOf(deflate: AgreedExtensions["deflate"]): string {
  if (deflate === undefined) return "";
  const { serverMaxWindowBits, clientMaxWindowBits, serverNoContextTakeover, clientNoContextTakeover } = deflate;
  return [
    "permessage-deflate",
    `server_max_window_bits=${serverMaxWindowBits}`,
    `client_max_window_bits=${clientMaxWindowBits}`,
    ...(serverNoContextTakeover ? ["server_no_context_takeover"] : []),
    ...(clientNoContextTakeover ? ["client_no_context_takeover"] : []),
  ].join("; ");
}
