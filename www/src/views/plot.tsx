/**
 * Values over time, as dots: round ones from the client, square ones from the server.
 *
 * @module
 */
import { useState } from "preact/hooks";

import { reveal } from "../actions.js";
import { count, DIRECTION_NAMES, duration } from "../format.js";
import type { Sample, Series } from "../worker/protocol.js";
import { useWidth } from "./common.js";

/** Pixels. */
const HEIGHT = 240;
const [LEFT, RIGHT, TOP, BOTTOM] = [74, 10, 12, 40];
const BOTTOM_EDGE = HEIGHT - BOTTOM;
const MIDDLE = (TOP + BOTTOM_EDGE) / 2;

interface Props {
  readonly title: string;
  /** What the values are. */
  readonly axis: string;
  readonly series: Series;
  /** Whether the values reach over orders of magnitude. */
  readonly canBeLogarithmic?: boolean;
  readonly hasTimes: boolean;
  /** A value with its unit. */
  unit(value: number): string;
}

/** A figure with its caption; each dot leads to its record. Nothing if there are no values. */
export function Plot(props: Props) {
  return props.series.samples.length > 0 && <Figure {...props} />;
}

function Figure({ title, axis, series, canBeLogarithmic = false, hasTimes, unit }: Props) {
  const { samples, percentiles } = series;
  const [isLogarithmic, setIsLogarithmic] = useState(canBeLogarithmic);
  const [hovered, setHovered] = useState<Sample>();
  const [box, width] = useWidth<HTMLElement>();
  const values = samples.map(({ value }) => value);
  const most = Math.max(...values, 0.001);
  const last = Math.max(...samples.map(({ at }) => at), 1);
  const share = (value: number) => (isLogarithmic ? Math.log1p(value) / Math.log1p(most) : value / most);
  const y = (value: number) => BOTTOM_EDGE - (BOTTOM_EDGE - TOP) * share(value);
  const right = width - RIGHT;
  const x = (at: number) => LEFT + ((right - LEFT) * at) / last;
  const along = (at: number) => (hasTimes ? duration(Math.round(at)) : `record ${count(Math.round(at))}`);
  const ticks = isLogarithmic ? orders(most) : [0, most / 2, most];
  const label = `${title}: ${count(samples.length)} values from ${unit(Math.min(...values))} to ${unit(most)}`;
  return (
    <figure class="plot" ref={box}>
      <figcaption>
        <strong>{title}</strong>
        <output class="hovered">
          {hovered && `record ${hovered.record}, ${DIRECTION_NAMES[hovered.direction]}: ${unit(hovered.value)}`}
        </output>
        {canBeLogarithmic && (
          <label class="tick">
            <input
              type="checkbox"
              checked={isLogarithmic}
              onChange={(event) => setIsLogarithmic(event.currentTarget.checked)}
            />{" "}
            log scale
          </label>
        )}
      </figcaption>
      <svg
        height={HEIGHT}
        role="img"
        aria-label={label}
        onMouseMove={(event) => setHovered(nearest(event, samples, x, y))}
        onMouseLeave={() => setHovered(undefined)}
      >
        {ticks.map((tick) => (
          <g key={tick}>
            <line class="grid" x1={LEFT} x2={right} y1={y(tick)} y2={y(tick)} />
            <text class="ticks" x={LEFT - 6} y={y(tick) + 4} text-anchor="end">
              {unit(tick)}
            </text>
          </g>
        ))}
        <text class="ticks" x={14} y={MIDDLE} text-anchor="middle" transform={`rotate(-90 14 ${MIDDLE})`}>
          {axis}
        </text>
        <text class="ticks" x={LEFT} y={HEIGHT - 24}>
          {along(0)}
        </text>
        <text class="ticks" x={right} y={HEIGHT - 24} text-anchor="end">
          {along(last)}
        </text>
        <text class="ticks" x={(LEFT + right) / 2} y={HEIGHT - 8} text-anchor="middle">
          {hasTimes ? "time from the first record" : "place among the records"}
        </text>
        {samples.map((sample) => (
          <Dot
            key={sample.record}
            sample={sample}
            x={x(sample.at)}
            y={y(sample.value)}
            isHovered={sample === hovered}
          />
        ))}
      </svg>
      <dl class="percentiles">
        {percentiles.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{unit(value)}</dd>
          </div>
        ))}
      </dl>
    </figure>
  );
}

/** Where lines of a logarithmic scale are: at each power of ten that is well below the greatest value, and there. */
function orders(most: number): number[] {
  const ticks = [0];
  for (let power = 10; power < most / 3; power *= 10) ticks.push(power);
  return [...ticks, most];
}

/** The sample that is nearest to the pointer. */
function nearest(
  event: MouseEvent,
  samples: readonly Sample[],
  x: (at: number) => number,
  y: (value: number) => number,
): Sample | undefined {
  const { left, top } = (event.currentTarget as Element).getBoundingClientRect();
  const [atX, atY] = [event.clientX - left, event.clientY - top];
  const distance = (sample: Sample) => (x(sample.at) - atX) ** 2 + (y(sample.value) - atY) ** 2;
  return samples.reduce((best, one) => (distance(one) < distance(best) ? one : best));
}

function Dot({ sample, x, y, isHovered }: { sample: Sample; x: number; y: number; isHovered: boolean }) {
  const { direction, record } = sample;
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: by keys, the list of frames leads to each
    <g class={`dot ${direction} ${isHovered ? "hovered" : ""}`} onClick={() => void reveal(record)}>
      {direction === "toServer" ? <circle cx={x} cy={y} r={3} /> : <rect x={x - 3} y={y - 3} width={6} height={6} />}
    </g>
  );
}
