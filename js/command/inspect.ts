/**
 * The command `inspect`: what is in a capture.
 *
 * @module
 */
import { readFileSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";

import "../load/inspect-node.js";
import {
  type Capture,
  type Connection,
  type Fault,
  type Inspector,
  type InspectRecord,
  inspectConnection,
  type Note,
  type ReadOptions,
  readCapture,
} from "../inspect/index.js";
import { type Paint, painter, portOf, UsageError, write } from "./arguments.js";
import { connectionJson, jsonOf, noteText, textOf } from "./describe.js";
import { Filter, type FilterValues } from "./filter.js";
import { readLive } from "./live.js";
import { printable, printableJson } from "./printable.js";

/** The options of the command. */
export interface InspectValues extends FilterValues {
  readonly json: boolean;
  readonly payload: boolean;
  readonly connection: string | undefined;
  readonly format: string | undefined;
  readonly extensions: string | undefined;
  readonly keys: string | undefined;
  readonly port: string | undefined;
}

const FORMATS: readonly string[] = ["pcap", "pcapng", "snoop", "har", "recorded", "dump", "hex", "base64", "raw"];
/** Formats of one direction, which they do not tell. */
const ONE_WAY: readonly string[] = ["hex", "base64", "raw"];

/** Writes what is in the file, `-` for standard input. Its status is 3 if something there breaks the protocol. */
export async function inspect(file: string, values: InspectValues): Promise<void> {
  const options = readOptions(file, values);
  const filter = new Filter(values);
  const printer = new Printer(values, filter, painter());
  if (file === "-") {
    const rest = await readLive(process.stdin, options, (...what) => printer.live(...what));
    if (rest === undefined) return;
    return printAll(readCapture(rest, options), printer, filter, values);
  }
  return printAll(readCapture(readFileSync(file), options), printer, filter, values);
}

async function printAll(capture: Capture, printer: Printer, filter: Filter, values: InspectValues): Promise<void> {
  // of raw bytes, the direction is what they are, and not a choice among them
  if (ONE_WAY.includes(capture.format)) filter.direction = undefined;
  await printer.summary(capture);
  for (const [index, connection] of chosen(capture, values.connection)) {
    const inspector = inspectConnection(
      connection,
      values.extensions === undefined ? {} : { extensions: values.extensions },
    );
    await printer.connection(index + 1, connection, inspector, capture.connections.length > 1);
    inspector.free();
  }
}

function readOptions(file: string, values: InspectValues): ReadOptions {
  const { extensions, keys, port } = values;
  return {
    ...oneOf("format", values.format, FORMATS),
    ...oneOf("direction", values.direction, ["toServer", "toClient"]),
    ...(extensions === undefined ? {} : { extensions }),
    ...(keys === undefined ? {} : { keys: readFileSync(keys, "latin1") }),
    ...(port === undefined ? {} : { port: portOf(port) }),
    beside: fileBeside(file),
  };
}

/** Files of the same folder, and of no other one, whatever a capture names. */
function fileBeside(file: string): (name: string) => Uint8Array | undefined {
  return (name) => {
    const path = join(dirname(file), basename(name));
    try {
      return file !== "-" && statSync(path).isFile() ? readFileSync(path) : undefined;
    } catch {
      return undefined;
    }
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

/** Writes connections, each thing once. */
class Printer {
  readonly #values: InspectValues;
  readonly #filter: Filter;
  readonly #paint: Paint;
  /** How many connections of a capture that goes on were begun. */
  #live = 0;

  constructor(values: InspectValues, filter: Filter, paint: Paint) {
    this.#values = values;
    this.#filter = filter;
    this.#paint = paint;
  }

  async summary({ format, connections, skipped, notes = [] }: Capture): Promise<void> {
    if (this.#values.json) {
      await this.#line({ type: "capture", format, connections: connections.length, skipped, notes });
      return;
    }
    const count = connections.length === 1 ? "one connection" : `${connections.length} connections`;
    const others = skipped === 0 ? "" : `, ${skipped} of something else`;
    const made = connections.some(({ synthetic }) => synthetic)
      ? "The file has messages and no frames: each is shown as one frame with a key of zeros.\n"
      : "";
    const told = notes.map((note) => this.#paint("yellow", `! ${printable(note)}\n`)).join("");
    await write(`${format}: ${count}${others}\n${made}${told}`);
  }

  async connection(number: number, connection: Connection, inspector: Inspector, isTitled: boolean): Promise<void> {
    if (this.#values.json) await this.#line(connectionJson(number, connection, inspector));
    else if (isTitled) await write(`\n${title(number, connection)}\n`);
    const faults = faultsOf(inspector);
    // those without a time belong behind everything
    const notes = [...(connection.notes ?? [])].sort((one, other) => Number(one.time === 0) - Number(other.time === 0));
    const place = ({ time }: Note) => time || Number.POSITIVE_INFINITY;
    for (const record of inspector.records()) {
      for (let note = notes[0]; note !== undefined && place(note) < record.time; note = notes[0]) {
        await this.#note(number, notes.shift() as Note);
      }
      await this.#record(number, inspector, record, faults.get(record.index) ?? []);
    }
    for (const note of notes) await this.#note(number, note);
    if (inspector.faultCount > 0) process.exitCode = 3;
  }

  /** Of a connection that goes on: the records from one to another. */
  async live(
    number: number,
    connection: Connection,
    inspector: Inspector,
    records: readonly InspectRecord[],
  ): Promise<void> {
    const { connection: wanted } = this.#values;
    if (wanted !== undefined && Number(wanted) !== number) return;
    if (number > this.#live) {
      this.#live = number;
      if (this.#values.json) await this.#line(connectionJson(number, connection, inspector));
      else await write(`${title(number, connection)}\n`);
      for (const note of connection.notes ?? []) await this.#note(number, note);
    }
    const faults = faultsOf(inspector);
    for (const record of records) await this.#record(number, inspector, record, faults.get(record.index) ?? [], true);
    if (inspector.faultCount > 0) process.exitCode = 3;
  }

  async #record(
    number: number,
    inspector: Inspector,
    record: InspectRecord,
    faults: readonly Fault[],
    isLabelled = false,
  ): Promise<void> {
    if (!this.#filter.takes(inspector, record, faults)) return;
    const { json, payload } = this.#values;
    if (json) return this.#line(jsonOf(inspector, number, record, faults, payload));
    const label = isLabelled ? this.#paint("dim", `[${number}] `) : "";
    await write(label + textOf(inspector, record, faults, { paint: this.#paint, payload }));
  }

  async #note(connection: number, note: Note): Promise<void> {
    if (!this.#filter.takesNote(note)) return;
    if (this.#values.json) return this.#line({ type: "note", connection, ...note });
    await write(noteText(note, { paint: this.#paint, payload: false }));
  }

  async #line(value: object): Promise<void> {
    await write(`${printableJson(value)}\n`);
  }
}

function faultsOf(inspector: Inspector): Map<number, Fault[]> {
  const faults = new Map<number, Fault[]>();
  for (const fault of inspector.faults()) faults.set(fault.record, [...(faults.get(fault.record) ?? []), fault]);
  return faults;
}

function title(number: number, { client, server, pieces }: Connection): string {
  const names = printable([client, server].filter((name) => name !== "").join(" → "));
  const missing = pieces.reduce((sum, piece) => sum + piece.missing, 0);
  const time = pieces[0]?.time ?? 0;
  const began = time === 0 || Number.isNaN(new Date(time).getTime()) ? "" : `, ${new Date(time).toISOString()}`;
  return `${number}. ${names}${began}${missing > 0 ? `, ${missing} bytes are missing` : ""}`;
}
