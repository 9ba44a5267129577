/**
 * Names for what records are.
 *
 * @module
 */
import type { Direction, InspectRecord } from "../../../js/inspect/index.js";
import type { Filter, Kind } from "./protocol.js";

/** All kinds, in the order in which filters and tables have them. */
export const KINDS: readonly Kind[] = [
  "handshake",
  "text",
  "binary",
  "continuation",
  "close",
  "ping",
  "pong",
  "reserved",
  "bytes",
];

/** Both directions, the client's first. */
export const DIRECTIONS: readonly Direction[] = ["toServer", "toClient"];

/** Lists everything. */
export const NO_FILTER: Filter = {
  kinds: [],
  direction: undefined,
  smallest: 0,
  largest: Number.POSITIVE_INFINITY,
  text: "",
  faultsOnly: false,
};

/** What a record is. */
export function kindOf(record: InspectRecord): Kind {
  if (record.type === "frame") return record.opcodeName;
  return record.type === "bytes" ? "bytes" : "handshake";
}

/** Bytes of a frame's payload, or of all of another record. */
export function sizeOf(record: InspectRecord): number {
  return record.type === "frame" ? record.length : record.end - record.start;
}
