/**
 * Shows what goes over live connections, and records it.
 *
 * @module
 */
import { closeSync, openSync, writeSync } from "node:fs";

import "../load/inspect-node.js";
import { CaptureWriter, directionOf, type Fault, Inspector, type Side } from "../inspect/index.js";
import type { Tap } from "../transport/tap.js";
import { painter } from "./arguments.js";
import { textOf } from "./describe.js";

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
    const taps = [writer?.tap(), frames ? printingTap(side, (text) => print(label + text)) : undefined].filter(
      (tap) => tap !== undefined,
    );
    return (traffic) => {
      for (const tap of taps) tap(traffic);
    };
  };
}

/** Lines are with the system when the call returns, so that a process that is killed leaves a whole capture. */
export function lineWriter(path: string): (line: string) => void {
  const file = openSync(path, "w", 0o600);
  process.once("exit", () => closeSync(file));
  return (line) => void writeSync(file, line);
}

/** Prints each record once it is whole. */
function printingTap(side: Side, print: (text: string) => void): Tap {
  const inspector = new Inspector();
  const style = { paint: painter(), payload: false };
  const unfinished = new Set<number>();
  const faults = new Map<number, Fault[]>();
  let [records, found] = [0, 0];
  return ({ direction, bytes, time }) => {
    inspector.push(directionOf(side, direction), bytes, time);
    for (const fault of inspector.faults(found)) {
      faults.set(fault.record, [...(faults.get(fault.record) ?? []), fault]);
      found += 1;
    }
    for (; records < inspector.recordCount; records++) unfinished.add(records);
    for (const index of unfinished) {
      const record = inspector.record(index);
      if (record?.whole !== true) continue;
      unfinished.delete(index);
      print(textOf(inspector, record, faults.get(index) ?? [], style));
      faults.delete(index);
    }
  };
}
