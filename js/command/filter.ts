/**
 * Which things on the wire to show.
 *
 * @module
 */
import type { Direction, Fault, Inspector, InspectRecord, Note } from "../inspect/index.js";
import { UsageError } from "./arguments.js";

/** The options that choose. */
export interface FilterValues {
  readonly direction: string | undefined;
  readonly kind: readonly string[];
  readonly grep: string | undefined;
  readonly since: string | undefined;
  readonly until: string | undefined;
  readonly faults: boolean;
}

/** What `--kind` takes. */
export const KINDS: readonly string[] = [
  "text",
  "binary",
  "continuation",
  "close",
  "ping",
  "pong",
  "reserved",
  "handshake",
  "bytes",
  "note",
];

/** All that the user asks for must hold. */
export class Filter {
  /** Only this direction. */
  direction: Direction | undefined;
  readonly #kinds: ReadonlySet<string>;
  readonly #text: string | undefined;
  readonly #since: number;
  readonly #until: number;
  readonly #faults: boolean;

  /** @throws UsageError for a kind or a time that is none */
  constructor({ direction, kind, grep, since, until, faults }: FilterValues) {
    const odd = kind.find((one) => !KINDS.includes(one));
    if (odd !== undefined) throw new UsageError(`--kind must be one of ${KINDS.join(", ")}, not ${odd}`);
    this.direction = direction as Direction | undefined;
    this.#kinds = new Set(kind);
    this.#text = grep?.toLowerCase();
    this.#since = since === undefined ? Number.NEGATIVE_INFINITY : timeOf("since", since);
    this.#until = until === undefined ? Number.POSITIVE_INFINITY : timeOf("until", until);
    this.#faults = faults;
  }

  /** Whether to show a record. */
  takes(inspector: Inspector, record: InspectRecord, faults: readonly Fault[]): boolean {
    if (this.direction !== undefined && record.direction !== this.direction) return false;
    if (this.#kinds.size > 0 && !kindsOf(inspector, record).some((kind) => this.#kinds.has(kind))) return false;
    if (record.time < this.#since || record.time > this.#until) return false;
    if (this.#faults && faults.length === 0) return false;
    if (this.#text === undefined) return true;
    const payload = new TextDecoder().decode(inspector.payload(record));
    return payload.toLowerCase().includes(this.#text);
  }

  /** Whether to show a note; it has no direction. */
  takesNote({ text, time }: Note): boolean {
    if (this.#kinds.size > 0 && !this.#kinds.has("note")) return false;
    if (this.#faults || this.direction !== undefined) return false;
    if (time !== 0 && (time < this.#since || time > this.#until)) return false;
    return this.#text === undefined || text.toLowerCase().includes(this.#text);
  }
}

/** A frame of a message is also of its message's kind. */
function kindsOf(inspector: Inspector, record: InspectRecord): string[] {
  if (record.type === "bytes") return ["bytes"];
  if (record.type !== "frame") return ["handshake"];
  const message = record.message === undefined ? undefined : inspector.message(record.message);
  return [record.opcodeName, ...(message === undefined ? [] : [message.text ? "text" : "binary"])];
}

function timeOf(name: string, text: string): number {
  const time = Date.parse(text);
  if (Number.isNaN(time)) throw new UsageError(`--${name} must be a time such as 2026-01-01T12:00:00Z, not ${text}`);
  return time;
}
