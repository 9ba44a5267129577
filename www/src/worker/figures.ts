/**
 * What is counted over all records: the timeline and the statistics.
 *
 * @module
 */
import type { Direction, Inspector, InspectRecord } from "../../../js/inspect/index.js";
import { DIRECTIONS, KINDS, kindOf, sizeOf } from "./kinds.js";
import type { Kind, Sample, Series, Statistics, Tally, Timeline } from "./protocol.js";

/** Samples of a series, at most. */
const SAMPLES = 600;

interface MutableBin {
  first: number;
  records: number;
  bytes: number;
  readonly parts: { kind: Kind; first: number; records: number }[];
  faulty: boolean;
}

/** Both directions in slices. */
export function timelineOf(inspector: Inspector, count: number, hasTimes: boolean): Timeline {
  const total = inspector.recordCount;
  const time = (record: InspectRecord) => record.time;
  const [first, last] = hasTimes ? extent(inspector, time) : [0, 0];
  // at one instant, all would be in one slice
  const isTimed = last > first;
  const at = isTimed ? time : (record: InspectRecord) => record.index;
  const [start, end] = isTimed ? [first, last] : extent(inspector, at);
  const width = (end - start) / count || 1;
  const bins = { toServer: emptyBins(count), toClient: emptyBins(count) };
  const faulty = new Set(Array.from(inspector.faults(), ({ record }) => record));
  for (const record of inspector.records(0, total)) {
    const slice = Math.min(count - 1, Math.floor((at(record) - start) / width));
    addTo(bins[record.direction][slice] as MutableBin, record, faulty.has(record.index));
  }
  return { bins, start, end, isTimed };
}

function emptyBins(count: number): MutableBin[] {
  return Array.from({ length: count }, () => ({
    first: -1,
    records: 0,
    bytes: 0,
    parts: [],
    faulty: false,
  }));
}

function addTo(bin: MutableBin, record: InspectRecord, isFaulty: boolean): void {
  const kind = kindOf(record);
  // a click leads to the fault, if there is one
  if (bin.first < 0 || (isFaulty && !bin.faulty)) bin.first = record.index;
  const part = bin.parts.find((one) => one.kind === kind);
  if (part === undefined) bin.parts.push({ kind, first: record.index, records: 1 });
  else part.records += 1;
  bin.records += 1;
  bin.bytes += record.end - record.start;
  bin.faulty ||= isFaulty;
}

/** Records are in order, but the two directions need not be. */
function extent(inspector: Inspector, at: (record: InspectRecord) => number): [number, number] {
  let [start, end] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const record of inspector.records()) {
    start = Math.min(start, at(record));
    end = Math.max(end, at(record));
  }
  return start <= end ? [start, end] : [0, 0];
}

/** All figures of a connection. */
export function statisticsOf(inspector: Inspector, hasTimes: boolean): Statistics {
  const start = inspector.record(0)?.time ?? 0;
  const at = (record: InspectRecord) => (hasTimes ? record.time - start : record.index);
  const tallies = new Map<string, { -readonly [Key in keyof Tally]: Tally[Key] }>();
  const pings = new Map<number, number>();
  const sizes: Sample[] = [];
  const roundTrips: Sample[] = [];
  for (const record of inspector.records()) {
    const { direction } = record;
    const tally = tallyOf(tallies, kindOf(record), direction);
    tally.count += 1;
    tally.payloadBytes += sizeOf(record);
    tally.headerBytes += record.type === "frame" ? record.headerSize : 0;
    if (record.type !== "frame") continue;
    if (record.opcode < 8) sizes.push({ record: record.index, at: at(record), value: record.length, direction });
    if (record.opcodeName === "ping") pings.set(record.index, record.time);
    const asked = record.opcodeName === "pong" && record.partner !== undefined ? pings.get(record.partner) : undefined;
    if (asked !== undefined && hasTimes) {
      roundTrips.push({ record: record.index, at: at(record), value: record.time - asked, direction });
    }
  }
  return {
    tallies: [...tallies.values()].sort((one, other) => KINDS.indexOf(one.kind) - KINDS.indexOf(other.kind)),
    sizes: seriesOf(sizes),
    roundTrips: seriesOf(roundTrips),
    ...messageFigures(inspector, at),
  };
}

/** With the nearest-rank percentiles. */
function seriesOf(samples: readonly Sample[]): Series {
  return { samples: thinned(samples), percentiles: percentilesOf(samples) };
}

function percentilesOf(samples: readonly Sample[]): Series["percentiles"] {
  if (samples.length === 0) return [];
  const sorted = samples.map(({ value }) => value).sort((one, other) => one - other);
  const at = (share: number) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] as number;
  return [
    ["median", at(0.5)],
    ["95 %", at(0.95)],
    ["99 %", at(0.99)],
    ["most", at(1)],
  ];
}

function tallyOf(
  tallies: Map<string, { -readonly [Key in keyof Tally]: Tally[Key] }>,
  kind: Kind,
  direction: Direction,
): { -readonly [Key in keyof Tally]: Tally[Key] } {
  const key = `${kind} ${direction}`;
  const tally = tallies.get(key) ?? { kind, direction, count: 0, headerBytes: 0, payloadBytes: 0 };
  tallies.set(key, tally);
  return tally;
}

function messageFigures(
  inspector: Inspector,
  at: (record: InspectRecord) => number,
): Pick<Statistics, "messages" | "ratios"> {
  const messages = { count: inspector.messageCount, wireBytes: 0, bytes: 0 };
  const ratios: Sample[] = [];
  for (const { compressed, direction, first, length, wireLength } of inspector.messages()) {
    messages.wireBytes += wireLength;
    messages.bytes += length;
    if (!compressed || length === 0) continue;
    const record = inspector.record(first) as InspectRecord;
    ratios.push({ record: first, at: at(record), value: wireLength / length, direction });
  }
  return { messages, ratios: seriesOf(ratios) };
}

/** Of each direction in each part of a long series, the sample with the greatest value. */
function thinned(samples: readonly Sample[]): readonly Sample[] {
  if (samples.length <= SAMPLES) return samples;
  const part = Math.ceil(samples.length / (SAMPLES / DIRECTIONS.length));
  const kept: Sample[] = [];
  for (let from = 0; from < samples.length; from += part) {
    for (const direction of DIRECTIONS) {
      const ones = samples.slice(from, from + part).filter((sample) => sample.direction === direction);
      const [first, ...others] = ones;
      if (first !== undefined) kept.push(others.reduce((most, one) => (one.value > most.value ? one : most), first));
    }
  }
  return kept;
}
