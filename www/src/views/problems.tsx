/**
 * Everything that the RFCs do not allow.
 *
 * @module
 */
import { inspection } from "../inspection.js";
import type { State } from "../state.js";
import { Section, useAnswer, Verdict } from "./common.js";
import { RecordLink } from "./detail.js";

/** Rows of the table; a broken stream can have very many. */
const MOST = 500;

/** A table of faults. */
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
    <section class="panel wide">
      <table>
        <caption>
          What RFC 6455 and RFC 7692 do not allow. The engine would end the connection at the first one; what follows it
          is marked “unreliable”.
        </caption>
        <thead>
          <tr>
            <th scope="col">Where</th>
            <th scope="col">What</th>
            <th scope="col">Section</th>
            <th scope="col">Close with</th>
          </tr>
        </thead>
        <tbody>
          {faults.map((fault) => (
            <tr key={fault.index}>
              <td>
                <RecordLink record={fault.record} />, byte {fault.offset}
              </td>
              <td>
                <Verdict good={false}>
                  <strong>{fault.name}</strong>
                </Verdict>
                : {fault.message}
              </td>
              <td>
                <Section name={fault.section} />
              </td>
              <td>{fault.closeStatus ?? "no connection"}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {more > 0 && <p class="quiet">and {more} more; the filter “problems only” lists their records</p>}
    </section>
  );
}
