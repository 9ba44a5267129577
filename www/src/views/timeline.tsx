/**
 * Both directions over time.
 *
 * @module
 */
import { useEffect, useRef, useState } from "preact/hooks";

import type { Direction } from "../../../js/inspect/index.js";
import { reveal, select } from "../actions.js";
import { ARROWS, bytes, count, counted, DIRECTION_NAMES, duration } from "../format.js";
import { inspection } from "../inspection.js";
import { current, type State } from "../state.js";
import { NO_FILTER } from "../worker/kinds.js";
import type { Bin, Overview } from "../worker/protocol.js";
import { useAnswer } from "./common.js";

/** Pixels: of a slice, with the space behind it, and of a lane. */
const SLICE = 7;
const BAR = 5;
const LANE = 44;

/** A bar for each slice of time: what the client sent above the line, what the server sent below. */
export function TimelineView({ state: { version }, overview }: { state: State; overview: Overview }) {
  const box = useRef<HTMLElement>(null);
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const element = box.current as HTMLElement;
    const observer = new ResizeObserver(() => setWidth(element.clientWidth));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  const bins = Math.max(1, Math.floor(width / SLICE));
  const timeline = useAnswer(async () => (width === 0 ? undefined : inspection.timeline(bins)), [bins, version]);
  const tallest = Math.max(1, ...Object.values(timeline?.bins ?? {}).flatMap((lane) => lane.map((bin) => bin.bytes)));
  const length = timeline === undefined ? 0 : timeline.end - timeline.start;
  return (
    <figure class="timeline" ref={box}>
      {timeline !== undefined && (
        <svg
          width={bins * SLICE}
          height={2 * LANE + 2}
          role="img"
          aria-label={`Timeline: ${count(overview.records)} records, ${overview.hasTimes ? duration(length) : "without times"}, ${counted(overview.faults, "problem")}`}
        >
          <line class="axis" x1={0} x2={bins * SLICE} y1={LANE + 1} y2={LANE + 1} />
          <Lane direction="toServer" bins={timeline.bins.toServer} tallest={tallest} />
          <Lane direction="toClient" bins={timeline.bins.toClient} tallest={tallest} />
        </svg>
      )}
      <figcaption>
        <span>{ARROWS.toServer} to server, above</span>
        <span>{ARROWS.toClient} to client, below</span>
        <span>{overview.hasTimes ? duration(length) : "in order: there are no times"}</span>
        <span>height: bytes, by logarithm</span>
      </figcaption>
    </figure>
  );
}

function Lane({ direction, bins, tallest }: { direction: Direction; bins: readonly Bin[]; tallest: number }) {
  const isAbove = direction === "toServer";
  return bins.map((bin, index) => {
    if (bin.records === 0) return null;
    const height = 4 + ((LANE - 12) * Math.log(1 + bin.bytes)) / Math.log(1 + tallest);
    const title = `${DIRECTION_NAMES[direction]}: ${counted(bin.records, "record")}, ${bytes(bin.bytes)}, ${bin.kind}${bin.faulty ? ", not allowed" : ""}`;
    const x = index * SLICE;
    return (
      // biome-ignore lint/a11y/noStaticElementInteractions: by keys, the list below leads to each record
      <g key={index} class={`bin ${bin.kind}`} onClick={() => choose(bin.first)}>
        <title>{title}</title>
        <rect class="target" x={x} y={isAbove ? 0 : LANE + 2} width={SLICE} height={LANE} />
        <rect class="bar" x={x} y={isAbove ? LANE - height : LANE + 2} width={BAR} height={height} />
        {bin.faulty && (
          <path class="fault" d={`M${x - 1} ${isAbove ? LANE - height - 8 : LANE + 2 + height + 2} l7 6 m0 -6 l-7 6`} />
        )}
      </g>
    );
  });
}

function choose(record: number): void {
  if (current().filter === NO_FILTER) select(record);
  else void reveal(record);
}
