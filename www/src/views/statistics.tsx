/**
 * Figures of the whole connection.
 *
 * @module
 */
import { bytes, count, duration } from "../format.js";
import { inspection } from "../inspection.js";
import type { State } from "../state.js";
import type { Statistics } from "../worker/protocol.js";
import { Arrow, useAnswer } from "./common.js";
import { Plot } from "./plot.js";

/** Up to three plots, and a table of what was sent. */
export function StatisticsView({ state: { version, overview } }: { state: State }) {
  const statistics = useAnswer(() => inspection.statistics(), [version]);
  if (statistics === undefined || overview === undefined) return null;
  const { hasTimes } = overview;
  return (
    <>
      <p class="legend quiet">
        <span aria-hidden="true">●</span> client to server, <span aria-hidden="true">□</span> server to client
      </p>
      <div class="plots">
        <Plot
          title="Payload sizes"
          axis="bytes of a frame’s payload"
          series={statistics.sizes}
          canBeLogarithmic
          hasTimes={hasTimes}
          unit={(size) => bytes(Math.round(size))}
        />
        <Plot
          title="Compression"
          axis="compressed size, in percent of the message’s"
          series={statistics.ratios}
          hasTimes={hasTimes}
          unit={(ratio) => `${Math.round(100 * ratio)} %`}
        />
        <Plot
          title="From ping to pong"
          axis="time from a ping to its pong"
          series={statistics.roundTrips}
          hasTimes={hasTimes}
          unit={(time) => duration(Number(time.toPrecision(3)))}
        />
      </div>
      <Tallies statistics={statistics} />
    </>
  );
}

function Tallies({ statistics: { tallies, messages } }: { statistics: Statistics }) {
  const saved = messages.bytes > 0 ? Math.round((100 * messages.wireBytes) / messages.bytes) : 100;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keys
    <section class="panel wide" aria-labelledby="tallies-title" tabIndex={0}>
      <h2 id="tallies-title">What was sent</h2>
      <table class="numbers">
        <caption>
          {count(messages.count)} messages of {bytes(messages.bytes)}, {bytes(messages.wireBytes)} of payload on the
          wire ({saved} %)
        </caption>
        <thead>
          <tr>
            <th scope="col">Kind</th>
            <th scope="col">Direction</th>
            <th scope="col">Count</th>
            <th scope="col">Payload</th>
            <th scope="col">Headers</th>
          </tr>
        </thead>
        <tbody>
          {tallies.map((tally) => (
            <tr key={`${tally.kind} ${tally.direction}`}>
              <th scope="row">
                <span class={`kind-name ${tally.kind}`}>{tally.kind}</span>
              </th>
              <td>
                <Arrow direction={tally.direction} />
              </td>
              <td>{count(tally.count)}</td>
              <td>{bytes(tally.payloadBytes)}</td>
              <td>{bytes(tally.headerBytes)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
