/**
 * The command `inspect`: what is in a capture.
 *
 * @module
 */
import { readFileSync } from "node:fs";

import "../load/inspect-node.js";
import {
  type Capture,
  type Connection,
  type Direction,
  type Fault,
  type Format,
  type Inspector,
  inspectConnection,
  readCapture,
} from "../inspect/index.js";
import { painter, UsageError, write } from "./arguments.js";
import { jsonOf, textOf } from "./describe.js";

/** The options of the command. */
export interface InspectValues {
  readonly json: boolean;
  readonly payload: boolean;
  readonly connection: string | undefined;
  readonly format: string | undefined;
  readonly direction: string | undefined;
  readonly extensions: string | undefined;
}

const FORMATS: readonly string[] = ["pcap", "pcapng", "har", "recorded", "dump", "hex", "base64", "raw"];
const DIRECTIONS: readonly string[] = ["toServer", "toClient"];

/** Writes what is in the file, `-` for standard input. Its status is 3 if something there breaks the protocol. */
export async function inspect(file: string, values: InspectValues): Promise<void> {
  const options = {
    ...oneOf("format", values.format, FORMATS),
    ...oneOf("direction", values.direction, DIRECTIONS),
  } as { format?: Format; direction?: Direction };
  const capture = readCapture(readFileSync(file === "-" ? 0 : file), options);
  if (!values.json) await write(summary(capture));
  for (const [index, connection] of chosen(capture, values.connection)) {
    const inspector = inspectConnection(connection, { extensions: values.extensions ?? "" });
    if (!values.json && capture.connections.length > 1) await write(`\n${title(index, connection)}\n`);
    await writeRecords(inspector, index + 1, values);
    if (inspector.faultCount > 0) process.exitCode = 3;
    inspector.free();
  }
}

function oneOf(name: string, value: string | undefined, allowed: readonly string[]): object {
  if (value === undefined) return {};
  if (!allowed.includes(value)) throw new UsageError(`--${name} must be one of ${allowed.join(", ")}`);
  return { [name]: value };
}

function chosen(capture: Capture, number: string | undefined): [number, Connection][] {
  const all = [...capture.connections.entries()];
  if (number === undefined) return all;
  const one = all[Number(number) - 1];
  if (one === undefined) throw new UsageError(`--connection must be from 1 to ${all.length}, not ${number}`);
  return [one];
}

function summary({ format, connections, skipped }: Capture): string {
  const count = connections.length === 1 ? "one connection" : `${connections.length} connections`;
  const others = skipped === 0 ? "" : `, ${skipped} of something else`;
  const made = connections.some(({ synthetic }) => synthetic)
    ? "The file has messages and no frames: each is shown as one frame with a key of zeros.\n"
    : "";
  return `${format}: ${count}${others}\n${made}`;
}

function title(index: number, { client, server, pieces }: Connection): string {
  const names = [client, server].filter((name) => name !== "").join(" → ");
  const missing = pieces.reduce((sum, piece) => sum + piece.missing, 0);
  return `${index + 1}. ${names}${missing > 0 ? `, ${missing} bytes are missing` : ""}`;
}

async function writeRecords(inspector: Inspector, connection: number, values: InspectValues): Promise<void> {
  const faults = new Map<number, Fault[]>();
  for (const fault of inspector.faults()) faults.set(fault.record, [...(faults.get(fault.record) ?? []), fault]);
  const style = { paint: painter(), payload: values.payload };
  for (const record of inspector.records()) {
    const about = faults.get(record.index) ?? [];
    const line = values.json
      ? `${JSON.stringify(jsonOf(inspector, connection, record, about, values.payload))}\n`
      : textOf(inspector, record, about, style);
    await write(line);
  }
}
