/**
 * Everything that the RFCs do not allow.
 *
 * @module
 */
import { inspection } from "../inspection.js";
import type { State } from "../state.js";
import { Section, sentence, useAnswer, Verdict } from "./common.js";
import { RecordLink } from "./detail.js";

/** Entries of the list; a broken stream can have very many. */
const MOST = 500;

/** A list of faults, in words first. */
export function Problems({ state: { version, overview } }: { state: State }) {
  const faults = useAnswer(() => inspection.faults(0, MOST), [version]);
  if (faults === undefined) return null;
  if (faults.length === 0) {
    return (
      <p class="panel">
        <Verdict good>All that was sent is allowed.</Verdict>
      </p>
    );
  }
  const more = (overview?.faults ?? 0) - faults.length;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keys
    <section class="panel wide" aria-labelledby="problems-title" tabIndex={0}>
      <h2 id="problems-title">What RFC 6455 and RFC 7692 do not allow</h2>
      <p class="quiet">
        An endpoint would end the connection at the first one. What follows it in its direction is marked “unreliable”.
      </p>
      <ol class="problems">
        {faults.map((fault) => (
          <li key={fault.index}>
            <p>
              <Verdict good={false}>
                <strong>{sentence(fault.message)}</strong>
              </Verdict>{" "}
              {fault.closeStatus === undefined
                ? "The handshake fails."
                : `An endpoint closes the connection with ${fault.closeStatus}.`}
            </p>
            <p class="quiet">
              In <RecordLink record={fault.record} />, at byte {fault.offset}. {fault.name},{" "}
              <Section name={fault.section} />
            </p>
          </li>
        ))}
      </ol>
      {more > 0 && <p class="quiet">and {more} more; the filter “problems” lists their records</p>}
    </section>
  );
}
