/**
 * Both directions over time.
 *
 * @module
 */
import type { Direction } from "../../../js/inspect/index.js";
import { reveal, select } from "../actions.js";
import { ARROWS, bytes, count, counted, DIRECTION_NAMES, duration } from "../format.js";
import { inspection } from "../inspection.js";
import { current, type State } from "../state.js";
import { KINDS, NO_FILTER } from "../worker/kinds.js";
import type { Bin, Overview } from "../worker/protocol.js";
import { useAnswer, useWidth } from "./common.js";

/** Pixels: of a slice, with the space behind it, of a lane, and of what marks a fault. */
const SLICE = 7;
const BAR = 5;
const LANE = 20;
const MARK = 5;

/** A bar for each slice of time: what the client sent above the line, what the server sent below. */
export function TimelineView({ state: { version }, overview }: { state: State; overview: Overview }) {
  const [box, width] = useWidth<HTMLElement>();
  const bins = Math.max(1, Math.floor((width - 110) / SLICE));
  const timeline = useAnswer(async () => (width === 0 ? undefined : inspection.timeline(bins)), [bins, version]);
  const tallest = Math.max(1, ...Object.values(timeline?.bins ?? {}).flatMap((lane) => lane.map((bin) => bin.bytes)));
  const length = timeline?.isTimed ? duration(timeline.end - timeline.start) : undefined;
  return (
    <figure class="timeline" ref={box}>
      {timeline !== undefined && (
        <svg
          width={bins * SLICE}
          height={2 * LANE + 2}
          role="img"
          aria-label={`Timeline: ${count(overview.records)} records, ${length ?? "without times"}, ${counted(overview.faults, "problem")}`}
        >
          <line class="axis" x1={0} x2={bins * SLICE} y1={LANE + 1} y2={LANE + 1} />
          <Lane direction="toServer" bins={timeline.bins.toServer} tallest={tallest} />
          <Lane direction="toClient" bins={timeline.bins.toClient} tallest={tallest} />
        </svg>
      )}
      <figcaption title="The height shows bytes, by logarithm">
        <span>{ARROWS.toServer} to server</span>
        <span>{length ?? "in order"}</span>
        <span>{ARROWS.toClient} to client</span>
      </figcaption>
    </figure>
  );
}

function Lane({ direction, bins, tallest }: { direction: Direction; bins: readonly Bin[]; tallest: number }) {
  return bins.map((bin, index) => bin.records > 0 && <Slice key={index} {...{ direction, bin, index, tallest }} />);
}

interface SliceProps {
  readonly direction: Direction;
  readonly bin: Bin;
  readonly index: number;
  readonly tallest: number;
}

/** A bar, in which each kind has its share. */
function Slice({ direction, bin, index, tallest }: SliceProps) {
  const isAbove = direction === "toServer";
  const x = index * SLICE;
  const height = 3 + ((LANE - MARK - 4) * Math.log(1 + bin.bytes)) / Math.log(1 + tallest);
  const kinds = KINDS.flatMap((kind) => bin.parts.filter((part) => part.kind === kind));
  const names = kinds.map(({ kind, records }) => `${count(records)} ${kind}`).join(", ");
  const title = `${DIRECTION_NAMES[direction]}: ${names}, ${bytes(bin.bytes)}${bin.faulty ? ", not allowed" : ""}`;
  const share = height / kinds.length;
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: by keys, the list below leads to each record
    <g class="bin" onClick={() => choose(bin.first)}>
      <title>{title}</title>
      <rect class="target" x={x} y={isAbove ? 0 : LANE + 2} width={SLICE} height={LANE} />
      {kinds.map(({ kind }, at) => (
        <rect
          key={kind}
          class={`bar ${kind}`}
          x={x}
          y={isAbove ? LANE - (at + 1) * share : LANE + 2 + at * share}
          width={BAR}
          height={share}
        />
      ))}
      {bin.faulty && (
        <path class="fault" d={`M${x} ${isAbove ? LANE - height - MARK : LANE + 3 + height} l5 4 m0 -4 l-5 4`} />
      )}
    </g>
  );
}

function choose(record: number): void {
  if (current().filter === NO_FILTER) select(record);
  else void reveal(record);
}
