/**
 * The command `inspect`: what is in a capture.
 *
 * @module
 */
import { existsSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";

import "../load/inspect-node.js";
import {
  type Capture,
  type Connection,
  type Direction,
  type Fault,
  type Format,
  type Inspector,
  inspectConnection,
  type Note,
  readCapture,
} from "../inspect/index.js";
import { painter, UsageError, write } from "./arguments.js";
import { jsonOf, noteText, textOf } from "./describe.js";
import { printable, printableJson } from "./printable.js";

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
    beside: fileBeside(file),
  } as { format?: Format; direction?: Direction };
  const capture = readCapture(readFileSync(file === "-" ? 0 : file), options);
  if (!values.json) await write(summary(capture));
  for (const [index, connection] of chosen(capture, values.connection)) {
    const inspector = inspectConnection(connection, { extensions: values.extensions ?? "" });
    if (!values.json && capture.connections.length > 1) await write(`\n${title(index, connection)}\n`);
    await writeRecords(inspector, index + 1, connection.notes ?? [], values);
    if (inspector.faultCount > 0) process.exitCode = 3;
    inspector.free();
  }
}

/** Files of the same folder, and of no other one, whatever a capture names. */
function fileBeside(file: string): (name: string) => Uint8Array | undefined {
  return (name) => {
    const path = join(dirname(file), basename(name));
    return file !== "-" && existsSync(path) ? readFileSync(path) : undefined;
  };
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

function summary({ format, connections, skipped, notes = [] }: Capture): string {
  const count = connections.length === 1 ? "one connection" : `${connections.length} connections`;
  const others = skipped === 0 ? "" : `, ${skipped} of something else`;
  const made = connections.some(({ synthetic }) => synthetic)
    ? "The file has messages and no frames: each is shown as one frame with a key of zeros.\n"
    : "";
  return `${format}: ${count}${others}\n${made}${notes.map((note) => `! ${printable(note)}\n`).join("")}`;
}

function title(index: number, { client, server, pieces }: Connection): string {
  const names = printable([client, server].filter((name) => name !== "").join(" → "));
  const missing = pieces.reduce((sum, piece) => sum + piece.missing, 0);
  return `${index + 1}. ${names}${missing > 0 ? `, ${missing} bytes are missing` : ""}`;
}

async function writeRecords(
  inspector: Inspector,
  connection: number,
  notes: readonly Note[],
  values: InspectValues,
): Promise<void> {
  const faults = new Map<number, Fault[]>();
  for (const fault of inspector.faults()) faults.set(fault.record, [...(faults.get(fault.record) ?? []), fault]);
  const style = { paint: painter(), payload: values.payload };
  const isBehind = (one: Note, time: number) =>
    (one.time || Number.POSITIVE_INFINITY) >= time && time < Number.POSITIVE_INFINITY;
  const waiting = [...notes].sort((one, other) => Number(one.time === 0) - Number(other.time === 0));
  const tell = async (time: number) => {
    for (let note = waiting[0]; note !== undefined && !isBehind(note, time); note = waiting[0]) {
      waiting.shift();
      await write(values.json ? `${printableJson({ connection, type: "note", ...note })}\n` : noteText(note, style));
    }
  };
  for (const record of inspector.records()) {
    await tell(record.time);
    const about = faults.get(record.index) ?? [];
    const line = values.json
      ? `${printableJson(jsonOf(inspector, connection, record, about, values.payload))}\n`
      : textOf(inspector, record, about, style);
    await write(line);
  }
  await tell(Number.POSITIVE_INFINITY);
}
