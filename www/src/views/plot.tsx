/**
 * Small plots: a dot for each value, round for what the client sent, square for what the server sent.
 *
 * @module
 */
import { reveal } from "../actions.js";
import { count, duration } from "../format.js";
import type { Sample } from "../worker/protocol.js";

const [WIDTH, HEIGHT] = [420, 190];
const [LEFT, RIGHT, TOP, BOTTOM] = [58, 10, 10, 28];
const [RIGHT_EDGE, BOTTOM_EDGE] = [WIDTH - RIGHT, HEIGHT - BOTTOM];

interface Props {
  readonly title: string;
  readonly samples: readonly Sample[];
  /** Whether the values reach over orders of magnitude. */
  readonly isLogarithmic?: boolean;
  readonly hasTimes: boolean;
  /** A value with its unit. */
  unit(value: number): string;
}

/** A figure with its caption; each dot leads to its record. */
export function Plot({ title, samples, isLogarithmic = false, hasTimes, unit }: Props) {
  if (samples.length === 0) {
    return (
      <figure class="plot">
        <figcaption>{title}</figcaption>
        <p class="quiet">There are none here.</p>
      </figure>
    );
  }
  const values = samples.map(({ value }) => value);
  const most = Math.max(...values, 0.001);
  const last = Math.max(...samples.map(({ at }) => at), 1);
  const share = (value: number) => (isLogarithmic ? Math.log1p(value) / Math.log1p(most) : value / most);
  const y = (value: number) => BOTTOM_EDGE - (BOTTOM_EDGE - TOP) * share(value);
  const x = (at: number) => LEFT + ((RIGHT_EDGE - LEFT) * at) / last;
  const along = (at: number) => (hasTimes ? duration(Math.round(at)) : count(Math.round(at)));
  const ticks = isLogarithmic ? [0, Math.expm1(Math.log1p(most) / 2), most] : [0, most / 2, most];
  const label = `${title}: ${count(samples.length)} values from ${unit(Math.min(...values))} to ${unit(most)}`;
  return (
    <figure class="plot">
      <figcaption>{title}</figcaption>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={label}>
        {ticks.map((tick) => (
          <g key={tick}>
            <line class="grid" x1={LEFT} x2={RIGHT_EDGE} y1={y(tick)} y2={y(tick)} />
            <text class="tick" x={LEFT - 6} y={y(tick) + 4} text-anchor="end">
              {unit(tick)}
            </text>
          </g>
        ))}
        <text class="tick" x={LEFT} y={HEIGHT - 8}>
          {along(0)}
        </text>
        <text class="tick" x={RIGHT_EDGE} y={HEIGHT - 8} text-anchor="end">
          {hasTimes ? along(last) : `record ${along(last)}`}
        </text>
        {samples.map((sample) => (
          <Dot key={sample.record} sample={sample} x={x(sample.at)} y={y(sample.value)} title={unit(sample.value)} />
        ))}
      </svg>
    </figure>
  );
}

function Dot({ sample, x, y, title }: { sample: Sample; x: number; y: number; title: string }) {
  const { direction, record } = sample;
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: by keys, the list of frames leads to each
    <g class={`dot ${direction}`} onClick={() => void reveal(record)}>
      <title>
        record {record}: {title}
      </title>
      {direction === "toServer" ? <circle cx={x} cy={y} r={3.5} /> : <rect x={x - 3} y={y - 3} width={6} height={6} />}
    </g>
  );
}
